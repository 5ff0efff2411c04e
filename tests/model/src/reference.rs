//! What `step` is to come to, written for clarity: a slow reference that has nothing of its code.
//!
//! It is given the same history as the engine (alerts, commands, pauses, foreign writes, and the case's plays,
//! windows and gates) and says, second by second, what every weight and priority may be, and which overrides are
//! in force, held and by what, or have given way. [`history`] makes histories, lets the engine live through them,
//! and compares.
//!
//! Of core it uses plain types, and the ids of overrides, which are names.
//!
//! What it leaves out, because other oracles look at it or it is not for a reference: Singles
//! ([`crate::properties`]), reconnects, plays in shadow and members that Azure may leave out (core proves those),
//! faults, late and lost signals and how their order counts (`order`, `chaos`), what spans pools (`zones`),
//! `writesPerHour` (`begins`), `stale`, extensions, skipped windows, edited playbooks, members that come and go,
//! priorities by someone else's hand, nulls beside numbers of which nobody says what they count as, and what comes
//! of two changes within ten seconds, where writes wait for each other: such a history is followed up to there.

mod ends;
mod found;
mod gates;
mod history;
mod pool;
mod whole;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use pointsman_core::{
    id::OverrideId,
    names::BackendName,
    pool::{Member, Pool},
    signal::Severity,
};

use self::{
    pool::{Ask, Does, Ground, Kind, Laid, Who},
    whole::UNIT,
};
use crate::{
    case::{Case, Effect},
    world::Book,
};

/// What happens.
#[derive(Clone, Debug)]
pub(super) enum Word {
    /// An alert begins to fire, or resolves: the place of it.
    Fires(usize),
    Resolves(usize),
    /// Someone else gives a member this weight, or puts back what its owner had left.
    Weighs(usize, u8),
    PutsBack(usize),
    Undo,
    /// Everything is paused, or the pool, or a play, until it is resumed.
    Pause(usize),
    Resume(usize),
    ByHand {
        effect: Effect,
        member: usize,
        lasts: i64,
        force: bool,
    },
}

/// One occurrence that asks for an override.
#[derive(Clone, Debug, PartialEq)]
struct Asking {
    severity: Severity,
    started: i64,
    since: i64,
}

#[derive(Clone, Debug, PartialEq)]
enum Life {
    Waits,
    InForce {
        begun: i64,
    },
    /// It gives back: when each step was done.
    Leaves {
        steps: Vec<i64>,
        at_once: bool,
    },
}

/// In the place of an alert, where a window or a command asks.
const NO_ALERT: usize = usize::MAX;

/// Where an override comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    Play(usize),
    Window(usize),
    Hand { lasts: i64, force: bool },
}

#[derive(Clone, Debug, PartialEq)]
struct Over {
    from: From,
    does: Vec<(usize, Does)>,
    /// Whether it takes a member out.
    drains: bool,
    severity: Severity,
    started: i64,
    /// By alert; [`NO_ALERT`] for a window or a command.
    behind: BTreeMap<usize, Asking>,
    /// When the last that asked for it did.
    joined: i64,
    is_resolved: bool,
    life: Life,
    /// Whether it is part of what the pool is to be.
    counts: bool,
}

impl Over {
    /// Whether anything that it is about is not as its owner left it; else it has nothing to give back.
    fn has_part(&self, laid: &Laid) -> bool {
        self.does.iter().any(|(member, does)| {
            let is_moved = matches!(does, Does::Serve(_)) && laid.moved.contains(member);
            self.life != Life::Waits && (is_moved || laid.owners.contains_key(member))
        })
    }

    fn wants_to_begin(&self) -> bool {
        match self.life {
            Life::Waits => true,
            Life::InForce { .. } => false,
            Life::Leaves { .. } => !self.behind.is_empty(),
        }
    }
}

/// The reference.
pub(super) struct Reference<'a> {
    case: &'a Case,
    book: Arc<Book>,
    pool: Vec<Member>,
    now: i64,
    overs: BTreeMap<OverrideId, Over>,
    /// The alerts that are on, with their starts.
    on: BTreeMap<usize, i64>,
    /// The starts of all that asked for an override.
    starts: BTreeMap<OverrideId, Vec<(i64, usize)>>,
    undone: BTreeMap<OverrideId, i64>,
    paused: BTreeSet<usize>,
    /// What began of each play.
    begun: BTreeMap<usize, Vec<i64>>,
    /// Who gave up a member's weight.
    yielded: BTreeMap<usize, BTreeSet<OverrideId>>,
    /// When each weight was written over others.
    asserted: BTreeMap<usize, Vec<i64>>,
    closed: BTreeMap<OverrideId, Kind>,
    /// What is right by all that is so now, and what was when it could be written last.
    judged: Laid,
    laid: Laid,
}

impl<'a> Reference<'a> {
    pub(super) fn new(case: &'a Case) -> Self {
        let pool = case.body.pool().map(|pool| pool.members().to_vec()).expect("it is of a pool");
        let mut reference = Self {
            case,
            book: case.playbook(),
            pool,
            now: 0,
            overs: BTreeMap::new(),
            on: BTreeMap::new(),
            starts: BTreeMap::new(),
            undone: BTreeMap::new(),
            paused: BTreeSet::new(),
            begun: BTreeMap::new(),
            yielded: BTreeMap::new(),
            asserted: BTreeMap::new(),
            closed: BTreeMap::new(),
            judged: Laid::default(),
            laid: Laid::default(),
        };
        reference.look();
        reference
    }

    /// What is so at a moment; it changes only by what happens.
    fn so(&self) -> (BTreeMap<OverrideId, Over>, Laid, BTreeMap<OverrideId, Kind>) {
        (self.overs.clone(), self.laid.clone(), self.closed.clone())
    }

    /// Whether nothing at all is written: everything is paused, or the pool.
    fn is_stopped(&self) -> bool {
        self.paused.contains(&0) || self.paused.contains(&1)
    }

    fn name(&self, member: usize) -> BackendName {
        self.pool[member % self.pool.len()].name.clone()
    }

    fn ground(&self) -> Ground<'_> {
        let given_up = self.yielded.iter().filter(|(_, ids)| !ids.is_empty()).map(|(at, _)| *at);
        Ground { members: &self.pool, terms: &self.case.terms, given_up: given_up.collect() }
    }

    fn asks(&self) -> Vec<Ask> {
        let asks = self.overs.iter().filter_map(|(id, over)| {
            let begins = over.wants_to_begin() && !self.closed.contains_key(id);
            let given_back = match &over.life {
                Life::Waits if !begins => return None,
                Life::Waits | Life::InForce { .. } => None,
                Life::Leaves { .. } if begins => None,
                Life::Leaves { steps, .. } => {
                    let (ramp, _) = self.ramp(over);
                    steps.len().checked_sub(1).map(|last| ramp.get(last).copied().unwrap_or(UNIT))
                }
            };
            Some(self.as_ask(id, over, given_back))
        });
        asks.collect()
    }

    fn as_ask(&self, id: &OverrideId, over: &Over, given_back: Option<u64>) -> Ask {
        let kept = |(member, does): &(usize, Does)| {
            matches!(does, Does::Serve(_))
                || self.yielded.get(member).is_none_or(|ids| !ids.contains(id))
        };
        let (who, forced) = match over.from {
            From::Play(_) => (Who::Alert, false),
            From::Window(_) => (Who::Window, false),
            From::Hand { force, .. } => (Who::Operator, force),
        };
        Ask {
            id: id.clone(),
            who,
            severity: over.severity,
            started: over.started,
            does: over.does.iter().filter(|does| kept(does)).copied().collect(),
            given_back: given_back.filter(|back| *back > 0),
            forced,
        }
    }

    /// Lets all begin that may, and keeps back the rest.
    fn begin(&mut self) {
        self.ask_gates();
        let laid = self.ground().lay(&self.asks());
        for (id, over) in &mut self.overs {
            let fits = !laid.held.contains_key(id) && !laid.yielded.contains(id);
            let may = over.wants_to_begin() && !self.closed.contains_key(id);
            let leaves = matches!(over.life, Life::Leaves { .. });
            if leaves && !fits {
                over.life = Life::Leaves { steps: Vec::new(), at_once: true };
            } else if may && fits {
                over.life = Life::InForce { begun: self.now };
                if let From::Play(place) = over.from {
                    self.begun.entry(place).or_default().push(self.now);
                }
            }
            over.counts = fits && !matches!(over.life, Life::Waits);
        }
        self.judged = laid;
        if !self.is_stopped() {
            self.laid = self.judged.clone();
        }
    }

    /// Looks at it all until nothing changes any more.
    pub(super) fn look(&mut self) {
        loop {
            let before = self.overs.clone();
            self.open_windows();
            self.end();
            self.step();
            self.begin();
            if self.overs == before {
                return;
            }
        }
    }

    /// Whether a pool is what it is to be.
    fn is_right(&self, shown: &Pool) -> bool {
        let members = shown.members();
        let priorities = members.iter().zip(&self.laid.priorities);
        priorities.into_iter().all(|(one, right)| one.priority.means(right))
            && self.laid.groups.iter().all(|(within, choices)| {
                choices.iter().any(|weights| {
                    within.iter().zip(weights).all(|(at, right)| members[*at].weight.means(right))
                })
            })
    }
}

impl Over {
    /// The worst severity of those that ask for it, and the oldest of these.
    fn follow_worst(&mut self) {
        let worst = self.behind.values().map(|one| (std::cmp::Reverse(one.severity), one.started));
        if let Some((severity, started)) = worst.min() {
            (self.severity, self.started) = (severity.0, started);
        }
    }
}
