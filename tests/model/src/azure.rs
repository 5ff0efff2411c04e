//! Azure as far as the model needs it: one backend with `ETag`s, conditional writes, making and deleting,
//! reconnects, and every way in which its answers are late, lost or wrong.
//!
//! Beside what the pool is, it keeps what its owner last left in each field. That is the oracle:
//! nothing of it comes from the code under test.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    answer::{Answer, ReconnectAnswer},
    body::{Body, Single},
    declared::Declared,
    document::Intent,
    etag::Etag,
    field::{Field, Property, Value},
    id::IntentId,
    lease::later,
    names::{BackendId, BackendName},
    pool::{Member, Pool},
    step::Observed,
};

/// How a read goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadFault {
    /// A cache answers with a state this many writes old, of those that were read before.
    Stale(usize),
    /// A cache answers with a state this many writes old, whether it was ever read or not.
    Unseen(usize),
    /// No answer.
    Lost,
    /// 404, though it is there.
    Missing,
    /// Its state, in a body that cannot be understood.
    Unreadable,
    /// 429, with this many seconds to wait.
    Throttled(i64),
}

/// How a write goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteFault {
    /// Done, and the answer lost.
    LostAfter,
    /// Done, and sent once more by something in between, whose answer is 412.
    Resent,
    /// Not done, and the answer lost.
    LostBefore,
    /// The answer lost, and tried this many seconds later.
    Late(i64),
    /// 429, with this many seconds to wait; none where it does not say.
    Throttled(Option<i64>),
    /// 400.
    Refused,
    /// 412, though no one wrote.
    Outrun,
    /// Where it makes the backend: done, and someone else has made it a moment before.
    Beaten,
    /// Never sent.
    NotSent,
}

/// How asking for a reconnect goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReconnectFault {
    /// Taken, and the answer lost.
    LostAfter,
    /// Not taken, and the answer lost.
    LostBefore,
    /// 4xx.
    Refused,
    /// 429, with this many seconds to wait; none where it does not say.
    Throttled(Option<i64>),
    /// Never sent.
    NotSent,
}

/// What someone else does to the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// A field gets a value.
    Set(Field, Value),
    /// Something is changed that is no field of ours.
    Other,
    /// A member is taken out.
    Remove(BackendName),
    /// A member is put in, at the end.
    Add(Member),
    /// A property may hold a secret from now on, or what it belongs to is gone.
    Withhold(Property),
    /// It may not, or is there again, with this value.
    Show(Property, Value),
    /// The backend becomes another: a pool a Single, or the reverse.
    Turn(Body),
    /// The backend is deleted.
    Delete,
    /// The backend is made anew.
    Create(Body),
}

/// One state of the backend.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) etag: Etag,
    pub(crate) body: Body,
}

/// One write that reached Azure.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) at: Timestamp,
    pub(crate) intent: Intent,
    /// The backend after it, and what its owner had last left there by then; none where it was
    /// answered with 412 or 404.
    pub(crate) done: Option<Done>,
}

/// Whose a backend is that may be ensured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// We made it, and nobody else has written to it since.
    Ours,
    /// Someone else made it, or has written to it, or took it away.
    Theirs,
    /// We made it in the place of someone else's, and the answer that said so was lost: nobody can tell.
    Unclear,
}

/// A write that was done.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) before: Body,
    pub(crate) after: Body,
    pub(crate) owner: Body,
}

/// The emulated service: one backend.
#[derive(Clone, Debug)]
pub(crate) struct Azure {
    /// What the backend is; none where it was deleted.
    pub(crate) now: Option<State>,
    /// What its owner last left there; missing where its owner has made none.
    pub(crate) owner: Body,
    /// Every state it ever had, newest last.
    pub(crate) history: Vec<State>,
    /// Every write that reached it.
    pub(crate) received: Vec<Received>,
    /// The reconnects it took.
    pub(crate) reconnects: Vec<(Timestamp, BackendId)>,
    /// Whose the backend is, where it may be ensured; whose doing it is that there is none.
    pub(crate) whose: Whose,
    /// What of someone else's was deleted.
    pub(crate) wrongly_deleted: Option<IntentId>,
    /// How often it was read.
    pub(crate) gets: usize,
    /// How often each reconnect was asked for, taken or not.
    pub(crate) asked: usize,
    /// How often Azure asked to wait, or could not be reached, when a reconnect was asked for.
    pub(crate) not_taken: usize,
    pub(crate) reads: VecDeque<ReadFault>,
    pub(crate) writes: VecDeque<WriteFault>,
    pub(crate) reconnecting: VecDeque<ReconnectFault>,
    in_flight: Vec<(Timestamp, Intent)>,
    etags: u64,
    /// What others wrote, each with how many states there had been before.
    others: Vec<(usize, Field, Value)>,
}

/// Why a read showed nothing, and when Azure would be asked again.
pub(crate) type Unseen = (String, Option<Timestamp>);

impl Azure {
    pub(crate) fn new(body: Body) -> Self {
        let mut azure = Self {
            now: None,
            owner: body.clone(),
            history: Vec::new(),
            received: Vec::new(),
            reconnects: Vec::new(),
            whose: Whose::Theirs,
            wrongly_deleted: None,
            gets: 0,
            asked: 0,
            not_taken: 0,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            reconnecting: VecDeque::new(),
            in_flight: Vec::new(),
            etags: 0,
            others: Vec::new(),
        };
        if body != Body::Missing {
            azure.become_state(body);
        }
        azure
    }

    fn become_state(&mut self, body: Body) {
        self.etags += 1;
        let state = State { etag: Etag(format!("\"e{}\"", self.etags)), body };
        self.history.push(state.clone());
        self.now = Some(state);
    }

    pub(crate) fn body(&self) -> Option<&Body> {
        self.now.as_ref().map(|state| &state.body)
    }

    /// The pool, where it is one.
    pub(crate) fn pool(&self) -> Option<&Pool> {
        self.body().and_then(Body::pool)
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&mut self) {
        self.reads.clear();
        self.writes.clear();
        self.reconnecting.clear();
    }

    /// When the next late write is tried.
    pub(crate) fn lands(&self) -> Option<Timestamp> {
        self.in_flight.iter().map(|(due, _)| *due).min()
    }

    /// Tries the writes whose time has come.
    pub(crate) fn land(&mut self, now: Timestamp) {
        while let Some(at) = self.in_flight.iter().position(|(due, _)| *due <= now) {
            let (due, intent) = self.in_flight.remove(at);
            self.receive_unheard(&intent, due);
        }
    }

    /// Reads the backend; `known` says which states were read before.
    pub(crate) fn get(
        &mut self,
        now: Timestamp,
        known: impl Fn(&Etag) -> bool,
    ) -> Result<Observed, Unseen> {
        self.gets += 1;
        let show =
            |state: &State| Observed::Shown { etag: state.etag.clone(), body: state.body.clone() };
        match self.reads.pop_front() {
            Some(ReadFault::Lost) => Err(("connection reset".to_owned(), None)),
            Some(ReadFault::Missing) => Ok(Observed::Missing),
            Some(ReadFault::Unreadable) => Ok(self.now.as_ref().map_or(Observed::Missing, |now| {
                Observed::Unreadable { etag: now.etag.clone(), why: "a member twice".to_owned() }
            })),
            Some(ReadFault::Throttled(wait)) => {
                Err(("429".to_owned(), Some(later(now, SignedDuration::from_secs(wait)))))
            }
            Some(ReadFault::Unseen(back)) => {
                Ok(show(&self.history[self.history.len().saturating_sub(1 + back)]))
            }
            Some(ReadFault::Stale(back)) => {
                let read = self.history.iter().rev().filter(|state| known(&state.etag));
                let old = read.take(1 + back).last();
                Ok(old.or(self.now.as_ref()).map_or(Observed::Missing, show))
            }
            None => Ok(self.now.as_ref().map_or(Observed::Missing, show)),
        }
    }

    /// Does a write if its `ETag` is the backend's; what makes a backend has none, and is done in any case.
    fn receive(&mut self, intent: &Intent, at: Timestamp) -> bool {
        if let Some(declared) = &intent.make {
            let (before, owner) =
                (self.body().cloned().unwrap_or(Body::Missing), self.owner.clone());
            if self.now.is_none() {
                (self.whose, self.owner) = (Whose::Ours, Body::Missing);
            } else if self.whose != Whose::Ours {
                self.whose = Whose::Theirs;
                // Of what is replaced nothing is left to be given back.
                self.owner = made(declared);
            }
            self.become_state(made(declared));
            let after = self.body().cloned().unwrap_or(Body::Missing);
            let done = Some(Done { before, after, owner });
            self.received.push(Received { at, intent: intent.clone(), done });
            return true;
        }
        let current = self.now.as_ref().filter(|state| intent.guard.is(&state.etag)).cloned();
        let done = current.map(|state| {
            let changes = intent.changes.iter();
            let changes = changes.map(|change| (&change.field, change.after.clone()));
            Done { after: state.body.with(changes), before: state.body, owner: self.owner.clone() }
        });
        if let Some(done) = &done {
            if intent.deletes() {
                if self.whose == Whose::Theirs {
                    self.wrongly_deleted = Some(intent.id.clone());
                }
                (self.now, self.whose) = (None, Whose::Ours);
            } else {
                self.become_state(done.after.clone());
            }
        }
        let accepted = done.is_some();
        self.received.push(Received { at, intent: intent.clone(), done });
        accepted
    }

    /// The same, where the answer is lost.
    fn receive_unheard(&mut self, intent: &Intent, at: Timestamp) {
        let was_theirs = self.now.is_some() && self.whose != Whose::Ours;
        self.receive(intent, at);
        if intent.make.is_some() && was_theirs {
            self.whose = Whose::Unclear;
        }
    }

    pub(crate) fn write(&mut self, intent: &Intent, now: Timestamp) -> (Answer, Option<Observed>) {
        let unknown =
            || (Answer::Unknown { why: "connection reset".to_owned(), until: None }, None);
        match self.writes.pop_front() {
            Some(WriteFault::LostAfter) => {
                self.receive_unheard(intent, now);
                return unknown();
            }
            // What makes a backend has no `ETag` that would refuse it the second time.
            Some(WriteFault::Resent) if intent.make.is_some() => drop(self.receive(intent, now)),
            Some(WriteFault::Resent) => {
                self.receive(intent, now);
                return (Answer::Outrun, None);
            }
            Some(WriteFault::LostBefore) => return unknown(),
            Some(WriteFault::Late(wait)) => {
                self.in_flight.push((later(now, SignedDuration::from_secs(wait)), intent.clone()));
                return unknown();
            }
            Some(WriteFault::Throttled(wait)) => {
                let until = wait.map(|wait| later(now, SignedDuration::from_secs(wait)));
                return (Answer::Throttled { until }, None);
            }
            Some(WriteFault::Refused) => {
                return (Answer::Refused { why: "400".to_owned() }, None);
            }
            Some(WriteFault::Outrun) => return (Answer::Outrun, None),
            Some(WriteFault::Beaten) if intent.make.is_some() && self.now.is_none() => {
                self.foreign(&Foreign::Create(theirs()), Vec::new());
            }
            Some(WriteFault::Beaten) => {}
            Some(WriteFault::NotSent) => {
                return (Answer::NotSent { why: "no route".to_owned() }, None);
            }
            None => {}
        }
        let was_there = self.now.is_some();
        if self.receive(intent, now) {
            let Some(State { etag, body }) = self.now.clone() else {
                return (Answer::Deleted, None);
            };
            let shown = Some(Observed::Shown { etag: etag.clone(), body: body.clone() });
            let body = Some(body);
            let answer = if intent.make.is_some() && was_there {
                // Whoever it was; what was made so is never deleted, though it may be our own from before.
                (self.whose, self.owner) =
                    (Whose::Theirs, self.body().cloned().unwrap_or(Body::Missing));
                Answer::CameFirst { etag, body }
            } else {
                Answer::Written { etag, body }
            };
            return (answer, shown);
        }
        match self.now {
            Some(_) => (Answer::Outrun, None),
            None => (Answer::Refused { why: "404".to_owned() }, None),
        }
    }

    pub(crate) fn reconnect(
        &mut self,
        target: &BackendId,
        now: Timestamp,
        after: SignedDuration,
    ) -> ReconnectAnswer {
        let unknown = || ReconnectAnswer::Unknown { why: "502".to_owned() };
        let fault = self.reconnecting.pop_front();
        if fault != Some(ReconnectFault::NotSent) {
            self.asked += 1;
        }
        match fault {
            Some(ReconnectFault::LostBefore) => unknown(),
            Some(ReconnectFault::LostAfter) => {
                self.reconnects.push((later(now, after), target.clone()));
                unknown()
            }
            Some(ReconnectFault::Refused) => ReconnectAnswer::Refused { why: "404".to_owned() },
            Some(ReconnectFault::Throttled(wait)) => {
                self.not_taken += 1;
                let until = wait.map(|wait| later(now, SignedDuration::from_secs(wait)));
                ReconnectAnswer::Throttled { until }
            }
            Some(ReconnectFault::NotSent) => {
                self.not_taken += 1;
                ReconnectAnswer::NotSent { why: "no route".to_owned() }
            }
            None => {
                self.reconnects.push((later(now, after), target.clone()));
                ReconnectAnswer::Accepted { after }
            }
        }
    }

    /// What others wrote since the backend had this `ETag`.
    pub(crate) fn foreign_since(&self, etag: &Etag) -> Vec<(Field, Value)> {
        let Some(place) = self.history.iter().position(|state| state.etag == *etag) else {
            return Vec::new();
        };
        let since = self.others.iter().filter(|(before, ..)| *before > place);
        since.map(|(_, field, value)| (field.clone(), value.clone())).collect()
    }

    /// Someone else writes these values, among others. Nothing happens where it makes no sense.
    pub(crate) fn foreign(&mut self, foreign: &Foreign, touched: Vec<(Field, Value)>) {
        let before = self.history.len();
        let was_there = self.now.is_some();
        self.become_foreign(foreign);
        if (self.history.len(), self.now.is_some()) != (before, was_there) {
            self.whose = Whose::Theirs;
        }
        let touched = touched.into_iter().map(|(field, value)| (before, field, value));
        self.others.extend(touched);
    }

    fn become_foreign(&mut self, foreign: &Foreign) {
        let Some(state) = self.now.clone() else {
            if let Foreign::Create(body) = foreign {
                self.owner = body.clone();
                self.become_state(body.clone());
            }
            return;
        };
        let body = state.body;
        // Who changes a part of it leaves the rest as it is, and means the rest as its owner does.
        let change = |azure: &mut Self, change: &dyn Fn(&Body) -> Body| {
            azure.owner = change(&azure.owner);
            azure.become_state(change(&body));
        };
        match foreign {
            Foreign::Set(field, setting) => {
                if body.get(field).is_some_and(|shown| shown != *setting) {
                    change(self, &|body| body.with([(field, setting.clone())]));
                }
            }
            Foreign::Other => self.become_state(body),
            Foreign::Remove(name) => {
                let members = body.pool().map_or(&[][..], Pool::members);
                if members.len() > 1 && members.iter().any(|member| member.name == *name) {
                    change(self, &|body| {
                        of_members(body, |members| {
                            members.retain(|member| member.name != *name);
                        })
                    });
                }
            }
            Foreign::Add(member) => {
                if body.pool().is_some() && body.get(&Field::weight(&member.name)).is_none() {
                    change(self, &|body| of_members(body, |members| members.push(member.clone())));
                }
            }
            Foreign::Withhold(property) => {
                if body.get(&Field::Property(*property)).is_some() {
                    change(self, &|body| of_properties(body, *property, None));
                }
            }
            Foreign::Show(property, value) => {
                if body.pool().is_none() && body.get(&Field::Property(*property)).is_none() {
                    change(self, &|body| of_properties(body, *property, Some(value.clone())));
                }
            }
            Foreign::Turn(other) => {
                self.owner = other.clone();
                self.become_state(other.clone());
            }
            Foreign::Delete => self.now = None,
            Foreign::Create(_) => {}
        }
    }
}

/// The backend that a declaration makes.
fn made(declared: &Declared) -> Body {
    let asked = declared.properties();
    let value = |one| asked.get(&one).cloned().map_or(Value::Absent, Value::Json);
    Single::new(Property::ALL.map(|one| (one, value(one)))).into()
}

/// What someone else makes.
pub(crate) fn theirs() -> Body {
    single("url \"https://theirs.example.com\", title \"theirs\"")
}

/// A pool with other members.
fn of_members(body: &Body, change: impl FnOnce(&mut Vec<Member>)) -> Body {
    let mut members = body.pool().map(|pool| pool.members().to_vec()).unwrap_or_default();
    change(&mut members);
    Pool::new(members).unwrap().into()
}

/// A Single with another value of a property, or none.
fn of_properties(body: &Body, property: Property, value: Option<Value>) -> Body {
    let others = Property::ALL.into_iter().filter(|one| *one != property);
    let kept = others.filter_map(|one| Some((one, body.get(&Field::Property(one))?)));
    Single::new(kept.chain(value.map(|value| (property, value)))).into()
}

/// Every field of a backend, with its value.
pub(crate) fn fields(body: &Body) -> Vec<(Field, Value)> {
    let members = body.pool().map_or(&[][..], Pool::members).iter();
    let of_members = members.flat_map(|one| [Field::weight(&one.name), Field::priority(&one.name)]);
    let all = of_members.chain(Property::ALL.map(Field::Property));
    all.filter_map(|field| Some((field.clone(), body.get(&field)?))).collect()
}

/// How backends are written in these tests: `m0 50, m1 null@2`, or `url "https://eu", title null`.
pub(crate) fn written(body: &Body) -> String {
    let Some(pool) = body.pool() else {
        let properties = fields(body).into_iter().filter(|(_, value)| *value != Value::Absent);
        let shown = properties.map(|(property, value)| format!("{property} {value}"));
        return shown.collect::<Vec<_>>().join(", ");
    };
    let one = |member: &Member| match member.priority {
        Value::Absent => format!("{} {}", member.name, member.weight),
        Value::Null | Value::Number(_) | Value::Json(_) => {
            format!("{} {}@{}", member.name, member.weight, member.priority)
        }
    };
    pool.members().iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Reads what [`written`] writes of a pool.
pub(crate) fn pool(text: &str) -> Pool {
    let setting = |text: &str| match text {
        "-" => Value::Absent,
        "null" => Value::Null,
        number => Value::Number(number.parse().unwrap()),
    };
    let member = |text: &str| {
        let (name, rest) = text.trim().split_once(' ').unwrap();
        let (weight, priority) = rest.split_once('@').unwrap_or((rest, "-"));
        Member { name: name.parse().unwrap(), weight: setting(weight), priority: setting(priority) }
    };
    Pool::new(text.split(',').map(member).collect()).unwrap()
}

/// Reads what [`written`] writes of a Single; one that is not said to have a proxy has none.
pub(crate) fn single(text: &str) -> Body {
    let said = |text: &str| {
        let (property, value) = text.trim().split_once(' ').unwrap();
        (property.parse().unwrap(), value_of(value))
    };
    let said: BTreeMap<Property, Value> = text.split(", ").map(said).collect();
    let is_there = |one: &Property| *one != Property::ProxyUrl || said.contains_key(one);
    let value = |one| (one, said.get(&one).cloned().unwrap_or(Value::Absent));
    Single::new(Property::ALL.into_iter().filter(is_there).map(value)).into()
}

/// The value of a property: `-` for none, or JSON.
pub(crate) fn value_of(text: &str) -> Value {
    match text {
        "-" => Value::Absent,
        "null" => Value::Null,
        json => Value::Json(json.parse().unwrap()),
    }
}
