//! Azure as far as the model needs it: one pool with `ETag`s, conditional writes, reconnects, and
//! every way in which its answers are late, lost or wrong.
//!
//! Beside what the pool is, it keeps what its owner last left in each field. That is the oracle:
//! nothing of it comes from the code under test.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    answer::{Answer, ReconnectAnswer},
    document::Intent,
    etag::Etag,
    field::{Field, Value},
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

/// What someone else does to the pool.
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
    /// The pool is deleted.
    Delete,
    /// The pool is made anew.
    Create(Pool),
}

/// One state of the pool.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) etag: Etag,
    pub(crate) pool: Pool,
}

/// One write that reached Azure.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) at: Timestamp,
    pub(crate) intent: Intent,
    /// The pool after it, and what its owner had last left there by then; none where it was
    /// answered with 412 or 404.
    pub(crate) done: Option<Done>,
}

/// A write that was done.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) before: Pool,
    pub(crate) after: Pool,
    pub(crate) owner: Pool,
}

/// The emulated service: one pool.
#[derive(Clone, Debug)]
pub(crate) struct Azure {
    /// What the pool is; none where it was deleted.
    pub(crate) now: Option<State>,
    /// What its owner last left there.
    pub(crate) owner: Pool,
    /// Every state it ever had, newest last.
    pub(crate) history: Vec<State>,
    /// Every write that reached it.
    pub(crate) received: Vec<Received>,
    /// The reconnects it took.
    pub(crate) reconnects: Vec<(Timestamp, BackendId)>,
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
    pub(crate) fn new(pool: Pool) -> Self {
        let mut azure = Self {
            now: None,
            owner: pool.clone(),
            history: Vec::new(),
            received: Vec::new(),
            reconnects: Vec::new(),
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
        azure.become_state(pool);
        azure
    }

    fn become_state(&mut self, pool: Pool) {
        self.etags += 1;
        let state = State { etag: Etag(format!("\"e{}\"", self.etags)), pool };
        self.history.push(state.clone());
        self.now = Some(state);
    }

    pub(crate) fn pool(&self) -> Option<&Pool> {
        self.now.as_ref().map(|state| &state.pool)
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
            self.receive(&intent, due);
        }
    }

    /// Reads the pool; `known` says which states were read before.
    pub(crate) fn get(
        &mut self,
        now: Timestamp,
        known: impl Fn(&Etag) -> bool,
    ) -> Result<Observed, Unseen> {
        self.gets += 1;
        let show =
            |state: &State| Observed::Pool { etag: state.etag.clone(), pool: state.pool.clone() };
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

    /// Does a write if its `ETag` is the pool's.
    fn receive(&mut self, intent: &Intent, at: Timestamp) -> bool {
        let current = self.now.as_ref().filter(|state| state.etag == intent.etag).cloned();
        let done = current.map(|state| {
            let changes = intent.changes.iter().map(|change| (&change.field, change.after));
            Done { after: state.pool.with(changes), before: state.pool, owner: self.owner.clone() }
        });
        if let Some(done) = &done {
            self.become_state(done.after.clone());
        }
        let accepted = done.is_some();
        self.received.push(Received { at, intent: intent.clone(), done });
        accepted
    }

    pub(crate) fn write(&mut self, intent: &Intent, now: Timestamp) -> (Answer, Option<Observed>) {
        let unknown =
            || (Answer::Unknown { why: "connection reset".to_owned(), until: None }, None);
        match self.writes.pop_front() {
            Some(WriteFault::LostAfter) => {
                self.receive(intent, now);
                return unknown();
            }
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
            Some(WriteFault::NotSent) => {
                return (Answer::NotSent { why: "no route".to_owned() }, None);
            }
            None => {}
        }
        if self.receive(intent, now)
            && let Some(state) = self.now.clone()
        {
            let State { etag, pool } = state;
            let answer = Answer::Written { etag: etag.clone(), pool: Some(pool.clone()) };
            return (answer, Some(Observed::Pool { etag, pool }));
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

    /// What others wrote since the pool had this `ETag`.
    pub(crate) fn foreign_since(&self, etag: &Etag) -> Vec<(Field, Value)> {
        let Some(place) = self.history.iter().position(|state| state.etag == *etag) else {
            return Vec::new();
        };
        let since = self.others.iter().filter(|(before, ..)| *before > place);
        since.map(|(_, field, value)| (field.clone(), *value)).collect()
    }

    /// Someone else writes these values, among others. Nothing happens where it makes no sense.
    pub(crate) fn foreign(&mut self, foreign: &Foreign, touched: Vec<(Field, Value)>) {
        let before = self.history.len();
        let touched = touched.into_iter().map(|(field, value)| (before, field, value));
        self.others.extend(touched);
        let members = |pool: &Pool| pool.members().to_vec();
        let has = |pool: &Pool, name: &BackendName| {
            pool.members().iter().any(|member| member.name == *name)
        };
        let Some(state) = self.now.clone() else {
            if let Foreign::Create(pool) = foreign {
                self.owner = pool.clone();
                self.become_state(pool.clone());
            }
            return;
        };
        let pool = state.pool;
        match foreign {
            Foreign::Set(field, setting) => {
                if pool.get(field).is_some_and(|shown| shown != *setting) {
                    self.owner.set(field, *setting);
                    self.become_state(pool.with([(field, *setting)]));
                }
            }
            Foreign::Other => self.become_state(pool),
            Foreign::Remove(name) => {
                if has(&pool, name) && pool.members().len() > 1 {
                    let without = |pool: &Pool| {
                        let mut kept = members(pool);
                        kept.retain(|member| member.name != *name);
                        Pool::new(kept).unwrap()
                    };
                    self.owner = without(&self.owner);
                    self.become_state(without(&pool));
                }
            }
            Foreign::Add(member) => {
                if !has(&pool, &member.name) {
                    let with = |pool: &Pool| {
                        let mut more = members(pool);
                        more.push(member.clone());
                        Pool::new(more).unwrap()
                    };
                    self.owner = with(&self.owner);
                    self.become_state(with(&pool));
                }
            }
            Foreign::Delete => self.now = None,
            Foreign::Create(_) => {}
        }
    }
}

/// Every field of a pool, with its value.
pub(crate) fn fields(pool: &Pool) -> Vec<(Field, Value)> {
    pool.members()
        .iter()
        .flat_map(|member| {
            [
                (Field::weight(&member.name), member.weight),
                (Field::priority(&member.name), member.priority),
            ]
        })
        .collect()
}

/// `m0 50, m1 null@2`: how pools are written in these tests.
pub(crate) fn written(pool: &Pool) -> String {
    let one = |member: &Member| match member.priority {
        Value::Absent => format!("{} {}", member.name, member.weight),
        Value::Null | Value::Number(_) => {
            format!("{} {}@{}", member.name, member.weight, member.priority)
        }
    };
    pool.members().iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Reads what [`written`] writes.
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
