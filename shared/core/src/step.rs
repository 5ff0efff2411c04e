//! What to do next about one backend: the one place that decides it.
//!
//! [`step`] is a pure function of what is remembered ([`Document`]), what Azure shows
//! ([`Observed`]), what the user wants ([`Playbook`]), the gates, and the time. It gives back the
//! document with what it has learnt, the ledger lines that tell of it, and at most one thing to
//! do. The shell saves the first two in one transaction, then does the third, takes in its answer
//! ([`Document::answer`]) and asks again, until there is nothing to do: then the backend is what
//! it should be, or the document says when to look again.
//!
//! One thing at a time, and always saved before it is done, is what makes a crash between any two
//! steps harmless (I3): after it, the document says what was begun, and Azure says whether it was
//! done.

mod align;
mod ensured;
mod settle;
mod verdict;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use self::{
    ensured::Ensured,
    verdict::{Verdict, verdicts},
};
use crate::{
    body::Body,
    document::{Document, FENCE, Intent, Panic, RETRY},
    etag::{Etag, Guard},
    fraction::Fraction,
    gate::{Asking, Closed, Gates, Idle, drains, note_begun, note_write, panic, stopped},
    group::{Consulted, Groups, Scope},
    id::{OverrideId, ReconnectId},
    lay::{Contribution, Laid, lay},
    lease::later,
    ledger::{Line, What},
    limits::Terms,
    names::{BackendId, BackendName},
    overrides::{End, Held, Life, Override},
    playbook::Playbook,
    wake::warning,
};

/// What Azure shows of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// A backend.
    Shown {
        /// Which state of it.
        etag: Etag,
        /// What of it can be owned.
        body: Body,
    },
    /// Something that cannot be understood. What was a pool may be one still.
    Unreadable {
        /// Which state of it.
        etag: Etag,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing: it does not exist.
    Missing,
}

impl Observed {
    const fn etag(&self) -> Option<&Etag> {
        match self {
            Self::Shown { etag, .. } | Self::Unreadable { etag, .. } => Some(etag),
            Self::Missing => None,
        }
    }
}

/// The playbook, and which generation it is.
#[derive(Clone, Copy, Debug)]
pub struct Generation<'a> {
    /// Counted from 1.
    pub number: u64,
    /// What it says.
    pub playbook: &'a Playbook,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The document, with what was learnt.
    pub document: Document,
    /// The scopes whose group documents this depended on: it holds only while they are as they were.
    pub depends: BTreeSet<Scope>,
    /// The group documents that it changes.
    pub groups: Groups,
    /// Other backends that are to be looked at, because of what has changed in these.
    pub wakes: BTreeSet<BackendId>,
    /// What is to be told of it.
    pub lines: Vec<Line>,
    /// What to do once both are saved.
    pub next: Next,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing until [`Document::wake`], or until more is heard.
    Rest,
    /// What was read is older than what was seen before: read again.
    ReadAgain,
    /// Send this write. It is in the document already.
    Write(Intent),
    /// Ask for this reconnect. That it was asked for is in the document already.
    Reconnect {
        /// Which.
        id: ReconnectId,
        /// Whose connections.
        target: BackendId,
        /// After how long; never less than Azure accepts.
        after: SignedDuration,
    },
}

/// Decides what to do next about one backend. A group document that is not among `groups` is taken for an
/// empty one: where the step depends on it, it has to be asked for, and the step taken again.
#[must_use]
pub fn step(
    document: &Document,
    observed: &Observed,
    generation: Generation<'_>,
    groups: &Groups,
    now: Timestamp,
) -> Step {
    let mut look = Look::new(document.clone(), generation, groups, now);
    if observed.etag().is_some_and(|etag| look.is_stale(etag)) {
        return look.end(Next::ReadAgain);
    }
    if observed.etag().is_some_and(|etag| look.document.etags.is_denied(etag)) {
        return look.wait(DENIED);
    }
    look.settle(observed);
    look.open_windows();
    look.end_what_is_over();
    look.terms = look.document.terms(generation.playbook, &mut look.groups);
    look.ask_gates(observed);
    let next = match look.workable(observed) {
        Ok((guard, body)) => look.align(&guard, body),
        Err(why) if look.is_unseen(observed) => look.hold_all_unseen(&why),
        Err(why) => look.hold_all_of_another(&why),
    };
    match observed {
        Observed::Shown { body, .. } if look.suits(body).is_ok() => look.document.saw(body),
        Observed::Shown { .. } => look.document.sight = None,
        Observed::Unreadable { .. } | Observed::Missing => {}
    }
    look.document.follow_starts(&mut look.said);
    look.wakes = look.document.follow_runs(&mut look.groups, &mut look.said);
    look.follow_ensured(observed);
    look.follow_out(observed);
    let next = match next {
        Next::Rest => look.reconnect(),
        Next::ReadAgain | Next::Write(_) | Next::Reconnect { .. } => next,
    };
    look.end(next)
}

/// What is said where a write is refused with 412, and no other state is shown afterwards. Either a
/// cache hides what someone wrote, or nobody wrote. After a pause the write is sent again if the same is
/// read again; where somebody did write, it is refused again.
const DENIED: &str =
    "Azure refuses writes as if someone else had written, and shows no other state";

/// Which overrides take part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Those that have begun.
    Begun,
    /// Those that would begin, too.
    All,
    /// And those that only their shadow keeps back.
    WithShadows,
}

/// One look at one backend, under way.
struct Look<'a> {
    document: Document,
    generation: Generation<'a>,
    /// Whether the document was decided by an older one so far.
    is_new_playbook: bool,
    groups: Consulted<'a>,
    /// What must hold of a pool.
    terms: Terms,
    gates: Gates,
    /// The members that are to be out; none known where nothing was laid.
    out: Option<BTreeSet<BackendName>>,
    /// That nothing may be written at all: a change, what is given back, a reconnect.
    stopped: Option<Closed>,
    ensured: Ensured,
    wakes: BTreeSet<BackendId>,
    now: Timestamp,
    said: Vec<What>,
}

impl<'a> Look<'a> {
    fn new(
        mut document: Document,
        generation: Generation<'a>,
        groups: &'a Groups,
        now: Timestamp,
    ) -> Self {
        let now = document.advance(now);
        let is_new_playbook = document.generation < generation.number;
        document.generation = document.generation.max(generation.number);
        let mut groups = Consulted::new(groups);
        let stopped = stopped(&document.backend, &mut groups, now);
        let ensured = Ensured::of(&document, &mut groups);
        let terms = document.terms(generation.playbook, &mut groups);
        let (gates, wakes, said) = (Gates::default(), BTreeSet::new(), Vec::new());
        Self {
            document,
            generation,
            is_new_playbook,
            groups,
            terms,
            gates,
            out: None,
            stopped,
            ensured,
            wakes,
            now,
            said,
        }
    }

    /// Puts off what is to be done, for about as long as it has been put off already.
    fn wait(mut self, why: &str) -> Step {
        self.document.unreachable(why, None, self.now, &mut self.said);
        self.finish(Next::Rest)
    }

    fn end(mut self, next: Next) -> Step {
        if let Next::Write(intent) = &next {
            note_write(intent, &mut self.document, self.generation.playbook);
        }
        // Azure has answered, and nothing is to be written: whatever was wrong is over.
        if next == Next::Rest {
            self.document.trouble = None;
        }
        self.document.forget_undone();
        self.document.forget_occurred();
        self.document.forget_reconnects();
        self.finish(next)
    }

    fn finish(mut self, next: Next) -> Step {
        match &next {
            Next::Rest | Next::ReadAgain | Next::Write(_) => self.document.plan_wake(),
            // There may be others to ask for, and the answer to this one is waited for for long.
            Next::Reconnect { .. } => self.document.look_on(),
        }
        self.document.wake_by(self.gates.open());
        if !self.document.is_at_rest() {
            self.document.wake_by(self.stopped.as_ref().and_then(|closed| closed.until));
        }
        self.document.wake_by(self.next_opening());
        let backend = &self.document.backend;
        let lines =
            self.said.into_iter().map(|what| Line::new(self.now, Some(backend), what)).collect();
        let (depends, groups) = self.groups.into_parts();
        Step { document: self.document, depends, groups, wakes: self.wakes, lines, next }
    }

    /// Ends the overrides whose time has come, by the clock, by their alert, or by the playbook.
    fn end_what_is_over(&mut self) {
        let now = self.now;
        self.damp();
        let runs_out = |over: &Override| over.behind.runs_out(over.begun(), now);
        for over in self.document.overrides.changing(runs_out) {
            let ran_out = over.behind.expire(over.begun(), now);
            if let Some(occurred) = self.document.occurred.get_mut(&over.id) {
                ran_out.iter().for_each(|(series, _)| occurred.rests(series));
            }
            let id = over.id.clone();
            let is_silent = ran_out.iter().all(|(_, why)| *why == End::Stale);
            let series = ran_out.into_iter().map(|(series, _)| series).collect();
            if !over.behind.is_empty() {
                over.become_strongest();
                self.said.push(if is_silent {
                    What::WentSilent { id, series }
                } else {
                    What::RanOut { id, series }
                });
            } else if over.has_ended() {
                // What asked for it again was kept back for as long as it would have lasted.
                let why = if is_silent { End::Stale } else { End::Expired };
                self.said.push(What::NeverBegan { id, why });
            } else if is_silent {
                (over.resolved, over.silent) = (None, Some(now));
            }
        }
        let known = self.generation.playbook.manages(&self.document.backend);
        let due: Vec<(OverrideId, End)> = self
            .document
            .overrides
            .values()
            .filter_map(|over| {
                let (at, why) = over.ends()?;
                let dropped = !known || !self.generation.playbook.has(&over.origin);
                let why = if dropped { End::Dropped } else { why };
                (dropped || now >= at).then(|| (over.id.clone(), why))
            })
            .collect();
        for (id, why) in due {
            self.document.end(&id, why, &mut self.said);
        }
        let is_due = |over: &Override| warning(over).is_some_and(|warning| now >= warning);
        for over in self.document.overrides.changing(is_due) {
            if let Some((ends, _)) = over.ends()
                && let Life::Begun { warned, .. } = &mut over.life
            {
                *warned = Some(now);
                self.said.push(What::Warned { id: over.id.clone(), ends });
            }
        }
    }

    /// Asks once for each override that wants to begin whether it may. At a backend that cannot be changed
    /// none may. A place of a budget that one could not take, because a limit keeps it back, goes to the next.
    fn ask_gates(&mut self, observed: &Observed) {
        let may_panic = self.terms.limits.panic.is_some() || self.document.panic.is_some();
        if !may_panic && !self.document.overrides.values().any(Override::wants_to_begin) {
            return;
        }
        let body = match self.workable(observed) {
            Ok((_, body)) => body,
            Err(why) => {
                let playbook = self.generation.playbook;
                return self.gates = Gates::shut(&self.document, playbook, &why);
            }
        };
        let baseline = self.baseline(body);
        self.ask_open_gates(&baseline);
        self.look_into_shadow(&baseline);
    }

    fn ask_open_gates(&mut self, baseline: &Body) {
        let mut idle = Idle::new();
        loop {
            let Self { document, generation, groups, stopped, .. } = self;
            let (playbook, stopped) = (generation.playbook, stopped.as_ref());
            let mut asking = Asking::new(document, playbook, groups, stopped, &idle);
            self.gates = Gates::asked(&mut asking);
            let panicked = self.panic(baseline);
            if !self.gates.are_short() {
                return;
            }
            let laid = self.lay(baseline, &self.contributions(Whose::All));
            let known = idle.len();
            idle.extend(self.gates.idle(&self.document, &laid));
            idle.extend(panicked);
            if idle.len() == known {
                return;
            }
        }
    }

    /// Finds out what would keep back those in shadow, were they laid beside all that is in force and begins.
    fn look_into_shadow(&mut self, baseline: &Body) {
        if !self.gates.any_would_open() {
            return;
        }
        let laid = self.lay(baseline, &self.contributions(Whose::WithShadows));
        for (id, why) in laid.held {
            if self.gates.would_open(&id) {
                self.gates.close(id, why);
            }
        }
    }

    /// Holds back what would take members out, and has given back what did, while so many would be out that the
    /// cause is common. Gives those that take no place of a budget therefore. While nothing may be written, all
    /// stays as it is.
    fn panic(&mut self, baseline: &Body) -> Idle {
        let Some(pool) = baseline.pool().filter(|_| self.stopped.is_none()) else {
            return Idle::new();
        };
        let panic = panic(&self.document, &self.gates, pool, &self.terms);
        self.document.note_panic(panic, &mut self.said);
        let Some(held) = self.document.panic.as_ref().map(Panic::held) else { return Idle::new() };
        let draining: Vec<(OverrideId, bool)> = self
            .document
            .overrides
            .values()
            .filter(|over| drains(over))
            .map(|over| (over.id.clone(), over.begun().is_some()))
            .collect();
        for (id, _) in draining.iter().filter(|(_, has_begun)| *has_begun) {
            self.document.give_back(id, &mut self.said);
        }
        for (id, _) in &draining {
            if self.document.overrides.get(id).is_some_and(Override::wants_to_begin) {
                self.gates.close(id.clone(), held.clone());
            }
        }
        draining.into_iter().map(|(id, _)| (id, Some(held.clone()))).collect()
    }

    /// Has other pools know what is out here.
    fn follow_out(&mut self, observed: &Observed) {
        let listed = || self.document.listed.out.values().flatten().cloned().collect();
        // Of a pool that cannot be seen, all stays as it was.
        let out = self.out.take().unwrap_or_else(|| match self.is_unseen(observed) {
            true => listed(),
            false => BTreeSet::new(),
        });
        let body = match observed {
            Observed::Shown { body, .. } => Some(body),
            Observed::Unreadable { .. } | Observed::Missing => None,
        };
        let Self { document, terms, groups, wakes, .. } = self;
        wakes.extend(document.follow_out(&out, body, terms, groups));
    }

    /// Works out for how long each override is held that comes and goes.
    fn damp(&mut self) {
        let playbook = self.generation.playbook;
        let damped = |over: &Override| {
            let play = over.origin.play().and_then(|play| playbook.play(play));
            let damping = play.and_then(|play| play.damping.as_ref())?;
            damping.of(over, self.document.occurred.get(&over.id))
        };
        for over in self.document.overrides.changing(|over| over.damped != damped(over)) {
            over.damped = damped(over);
        }
    }

    /// Whether a backend is of the kind that the fields which are owned are of. An override of another kind
    /// is held by itself.
    fn suits(&self, body: &Body) -> Result<(), Held> {
        self.document.owned.keys().try_for_each(|field| body.may_have(field))
    }

    /// What is shown of a backend that can be changed, or why it cannot be.
    fn workable<'o>(&self, observed: &'o Observed) -> Result<(Guard, &'o Body), Held> {
        match observed {
            Observed::Shown { etag, body } => {
                self.suits(body).map(|()| (Guard::Etag(etag.clone()), body))
            }
            Observed::Unreadable { why, .. } => Err(Held::Unreadable(why.clone())),
            Observed::Missing if self.may_make() => Ok((Guard::Absent, &Body::Missing)),
            Observed::Missing => Err(Held::NoBackend),
        }
    }

    /// The backend as its owner last left it.
    fn baseline(&self, body: &Body) -> Body {
        let owned = self.document.owned.iter();
        body.with(owned.map(|(field, owned)| (field, owned.baseline.clone())))
    }

    fn lay(&self, baseline: &Body, contributions: &[Contribution<'_>]) -> Laid {
        let unmade = |one: &Contribution<'_>| self.ensured.unmade(&one.over.effect);
        let there: Vec<_> =
            contributions.iter().copied().filter(|one| unmade(one).is_none()).collect();
        let mut laid = lay(baseline, &self.terms, &there, &self.document.yielded);
        let held = contributions.iter().filter_map(|one| Some((one.over.id.clone(), unmade(one)?)));
        laid.held.extend(held);
        laid
    }

    /// What is in force, and what is on its way out. A gate that is closed keeps out what has not
    /// begun, and nothing else.
    fn contributions(&self, whose: Whose) -> Vec<Contribution<'_>> {
        let overrides = self.document.overrides.values();
        let kept_out = |over: &Override| match whose {
            Whose::Begun => true,
            Whose::All => self.gates.closed(&over.id).is_some(),
            Whose::WithShadows => {
                self.gates.closed(&over.id).is_some() && !self.gates.would_open(&over.id)
            }
        };
        overrides
            .filter_map(|over| match &over.life {
                Life::Claimed { .. } if kept_out(over) => None,
                Life::Claimed { .. } | Life::Begun { .. } => {
                    Some(Contribution::of(over, Fraction::NONE))
                }
                Life::Ended { .. } if over.is_asked_again() && !kept_out(over) => {
                    Some(Contribution::of(over, Fraction::NONE))
                }
                Life::Ended { .. } if self.ensured.keeps(over) => {
                    Some(Contribution::of(over, Fraction::NONE))
                }
                Life::Ended { steps, .. } => {
                    let applied =
                        self.step_due(over.lease.every, steps).or(steps.len().checked_sub(1));
                    let back = applied.map_or(Fraction::NONE, |step| over.lease.given_back(step));
                    (back != Fraction::WHOLE).then(|| Contribution::of(over, back))
                }
            })
            .map(|one| one.forced(self.document.is_forced(one.over)))
            .collect()
    }

    /// Which step of a ramp may be applied now: the first at once, each after it no sooner than
    /// `every` after the one before was applied.
    fn step_due(&self, every: SignedDuration, steps: &[Timestamp]) -> Option<usize> {
        let due = steps.last().is_none_or(|last| self.now >= later(*last, every));
        (due && self.stopped.is_none()).then_some(steps.len())
    }

    fn steps_due(&self) -> BTreeMap<OverrideId, usize> {
        let overrides = self.document.overrides.values();
        overrides
            .filter_map(|over| match &over.life {
                Life::Claimed { .. } | Life::Begun { .. } => None,
                Life::Ended { .. } if self.ensured.keeps(over) => None,
                Life::Ended { steps, .. } => {
                    Some((over.id.clone(), self.step_due(over.lease.every, steps)?))
                }
            })
            .collect()
    }

    /// Takes in what is laid: what begins, what is held, what gives way to whom.
    fn pass_verdicts(&mut self, laid: &Laid) {
        let verdicts: Vec<(OverrideId, Verdict)> =
            verdicts(&self.document.overrides, laid, &self.gates)
                .filter(|(over, verdict)| !verdict.is_so(over))
                .map(|(over, verdict)| (over.id.clone(), verdict))
                .collect();
        let begin = verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Begins);
        for over in begin.filter_map(|(id, _)| self.document.overrides.get(id)) {
            note_begun(over, self.generation.playbook, &mut self.groups, self.now);
        }
        self.document.take_verdicts(verdicts, &mut self.said);
    }

    /// Whether nothing can be seen of the backend at present. One that has been missing for a short time may
    /// be there all the same.
    fn is_unseen(&self, observed: &Observed) -> bool {
        match observed {
            Observed::Shown { .. } => false,
            Observed::Unreadable { .. } => true,
            Observed::Missing => {
                self.document.missing().is_some_and(|(_, believed)| self.now < believed)
            }
        }
    }

    /// Holds everything at a backend of which nothing can be seen at present. What has ended gives
    /// back what it took once it can be.
    fn hold_all_unseen(&mut self, why: &Held) -> Next {
        let going_on = self.document.overrides.values().filter(|over| !over.has_ended());
        let held = going_on.map(|over| (over.id.clone(), why.clone())).collect();
        self.pass_verdicts(&Laid { held, ..Laid::default() });
        Next::Rest
    }

    /// Holds everything at a backend that is of another kind, or is not there. It may come back, with our
    /// values in it; once nothing is wanted of it any more, that is not waited for.
    fn hold_all_of_another(&mut self, why: &Held) -> Next {
        let held = self.document.overrides.keys().map(|id| (id.clone(), why.clone())).collect();
        self.pass_verdicts(&Laid { held, ..Laid::default() });
        for (id, step) in self.steps_due() {
            self.document.stepped(&id, step, &mut self.said);
        }
        let missing = self.document.etags.missing().is_some();
        let may_land = self.document.intents.iter().any(|intent| self.now < intent.fence());
        if self.document.overrides.is_empty() && !(missing && may_land) {
            self.lose(|_| true);
            for intent in std::mem::take(&mut self.document.intents) {
                self.said.extend(intent.not_landed());
            }
        }
        Next::Rest
    }

    /// Asks for the first reconnect that is due.
    fn reconnect(&mut self) -> Next {
        if self.stopped.is_some() {
            return Next::Rest;
        }
        match self.document.ask_reconnect(&mut self.said) {
            Some((id, target, after)) => Next::Reconnect { id, target, after },
            None => Next::Rest,
        }
    }
}

const _: () = assert!(FENCE.as_secs() > RETRY.1.as_secs());
