//! Generated cases: pools and Singles ([`crate::single`]), playbooks, the history of some alerts, and
//! what happens meanwhile.

mod events;
mod generated;
mod playbook;

use std::collections::BTreeMap;

use pointsman_core::{
    body::Body,
    breaker::Tighten,
    field::Property,
    group::Paused,
    json::Json,
    names::BackendName,
    pool::Pool,
    signal::{Heard, Severity, Signal},
};
use proptest::test_runner::Config;

pub(crate) use self::{
    events::{Event, events, wait},
    generated::*,
};
use crate::world::{World, at};

/// So many cases; `PROPTEST_CASES`, where it is set, says otherwise.
///
/// How many a run of `cargo test -p pointsman-model` tries in all is said in `tests/README.md`: who
/// changes a number here changes it there. In half of them, but for those of `time`, the store and the
/// queue are apart. Every night, `all_hold_for_two_instances_whose_clocks_differ` tries 100,000
/// histories.
pub(crate) fn config(cases: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    Config { cases: asked.unwrap_or(cases), ..Config::default() }
}

/// A backend, a playbook, and the alerts that come, by which way.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) body: Body,
    /// Whether the backend is of a workspace.
    pub(crate) in_workspace: bool,
    pub(crate) terms: Terms,
    pub(crate) plays: Vec<Play>,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) ways: Vec<bool>,
    pub(crate) windows: Vec<Window>,
    pub(crate) gates: Gates,
}

/// Gates, with times in seconds since the beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates {
    /// When each freeze begins and ends.
    pub(crate) freezes: Vec<(i64, i64)>,
    /// The hours of each play, where it has some; within the first day.
    pub(crate) hours: Vec<Option<(i64, i64)>>,
    /// The budget of each play, where it has one: how many, and in how many seconds.
    pub(crate) budgets: Vec<Option<(usize, i64)>>,
    /// After how many writes in an hour nothing begins.
    pub(crate) writes: Option<usize>,
}

/// A maintenance window: when it opens, for how many seconds, and what it does, to which member of a pool.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) opens: Opens,
    pub(crate) lasts: i64,
    pub(crate) effect: Effect,
    pub(crate) member: usize,
    pub(crate) ramp: Option<(u8, i64)>,
}

/// When a window opens.
#[derive(Clone, Debug)]
pub(crate) enum Opens {
    /// So many seconds after the beginning, or before it.
    Once(i64),
    /// In the first two hours, every so many minutes.
    Every(u8),
}

/// The pool's entry in the playbook.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) least_members: Option<u8>,
    pub(crate) least_share: Option<u8>,
    pub(crate) hold: bool,
    pub(crate) null_weight: Option<u8>,
    /// What each member can carry, and how much must remain of all that, in percent.
    pub(crate) capacity: Option<(Vec<u32>, u32)>,
    pub(crate) most_out: Option<u8>,
    pub(crate) panic: Option<u8>,
}

/// One play, for alerts whose label `play` is its place.
#[derive(Clone, Debug)]
pub(crate) struct Play {
    pub(crate) effects: Vec<Effect>,
    /// Seconds of `atMost`, or of `for`.
    pub(crate) lasts: i64,
    pub(crate) resolves: bool,
    pub(crate) hold: Option<i64>,
    pub(crate) ramp: Vec<u8>,
    pub(crate) every: i64,
    pub(crate) reconnect: Option<i64>,
    pub(crate) drift: Option<&'static str>,
    pub(crate) when: When,
}

/// What a play says of when it begins, and of what ends it besides its alert: in seconds, but for how many
/// occurrences there must be, and for the play whose alerts keep it back.
#[derive(Clone, Debug, Default)]
pub(crate) struct When {
    pub(crate) lasting: Option<i64>,
    pub(crate) count: Option<(usize, i64)>,
    /// Beside a `hold` only.
    pub(crate) damping: Option<i64>,
    pub(crate) unless: Option<usize>,
    pub(crate) stale: Option<i64>,
}

impl Play {
    /// Within what its `hold` doubles, where that leads to anything: up to what it lasts.
    pub(crate) fn damping(&self) -> Option<i64> {
        let may_double = self.resolves && self.hold.is_some_and(|hold| hold * 2 <= self.lasts);
        self.when.damping.filter(|_| may_double)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Drain,
    Shift(u8),
    Split(Vec<u8>),
    Promote(Option<u8>),
    Breaker(Tighten),
    Set(BTreeMap<Property, Json>),
    /// So many seconds after the beginning; in a window, again and again.
    Reconnect(i64),
}

/// One series: which play it is for, unless it is for none, which member it is about, and its runs.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    pub(crate) play: usize,
    pub(crate) member: usize,
    pub(crate) severity: usize,
    pub(crate) runs: Vec<Run>,
}

/// One run: how long after the one before it starts, how far apart the senders of a pair are, how
/// long it lasts, how long its signals are on their way, when its firing is repeated, what its
/// resolve says, and which of its signals get lost. The later of a pair's signals may have another
/// severity and name another member, and a repeat may have another severity.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) pause: i64,
    pub(crate) skew: Option<i64>,
    pub(crate) length: i64,
    pub(crate) way: i64,
    pub(crate) repeat: Option<i64>,
    pub(crate) ending: Ending,
    pub(crate) escalated: usize,
    pub(crate) moved: usize,
    pub(crate) unfired: bool,
    pub(crate) unresolved: bool,
}

/// What a resolve states as its end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// When it ended.
    Stated,
    /// A time this many seconds ahead.
    Ahead(i64),
    /// None.
    None,
    /// A time before its start.
    BeforeStart,
}

impl Case {
    pub(crate) fn name(&self, member: usize) -> BackendName {
        let members = self.body.pool().map_or(&[][..], Pool::members);
        match members.get(member % members.len().max(1)) {
            Some(member) => member.name.clone(),
            // An alert about a Single names what it likes.
            None => format!("m{}", member % 4).parse().unwrap(),
        }
    }

    /// What can be paused: everything, the pool, and each play.
    fn paused(&self, which: usize) -> Paused {
        let all = Paused::all(Some(&self.playbook()));
        let which = which % all.len();
        all.into_iter().nth(which).unwrap()
    }

    /// Those that its playbook has: only a pool has `writesPerHour`.
    fn gates(&self) -> Gates {
        let writes = self.gates.writes.filter(|_| self.body.pool().is_some());
        Gates { writes, ..self.gates.clone() }
    }

    pub(crate) fn world(&self) -> World {
        World::new(self.body.clone(), self.playbook())
            .with_ways(&self.ways)
            .with_gates(self.gates())
    }

    /// A signal of an alert, as received at the door.
    fn signal(
        &self,
        alert: usize,
        started: i64,
        heard: Heard,
        received: i64,
        (escalated, moved): (usize, usize),
    ) -> Signal {
        let of = &self.alerts[alert];
        let play = match (of.severity, of.member % 4) {
            (0, 3) => "none".to_owned(),
            _ => (of.play % self.plays.len()).to_string(),
        };
        Signal {
            series: format!("am/{alert}").parse().unwrap(),
            started: at(started),
            heard,
            severity: Severity::ALL[(of.severity + escalated) % 4].1,
            labels: BTreeMap::from([
                ("play".to_owned(), play),
                ("backend".to_owned(), self.name(of.member + moved).to_string()),
            ]),
            annotations: BTreeMap::new(),
            received: at(received),
        }
    }

    /// Every signal that its sources send, in the order of their times, with the second at which
    /// each is sent. With `ended`, the last run of each ends; else it goes on.
    pub(crate) fn signals(&self, ended: bool) -> Vec<(i64, Signal)> {
        let mut signals = Vec::new();
        for (place, alert) in self.alerts.iter().enumerate() {
            let mut clock = 0;
            for (number, run) in alert.runs.iter().enumerate() {
                let last = number + 1 == alert.runs.len();
                let start = clock + run.pause;
                let end = start + run.length;
                let mut firings = vec![(start, start, (0, 0))];
                firings.extend(run.skew.map(|skew| {
                    let start = start + skew.min(run.length - 1);
                    (start, start, (run.escalated, run.moved))
                }));
                firings.extend(
                    run.repeat.map(|after| {
                        (start, start + after.min(run.length - 1), (run.escalated, 0))
                    }),
                );
                for (start, sent, changed) in firings.into_iter().filter(|_| !run.unfired) {
                    let received = sent + run.way;
                    let signal = self.signal(place, start, Heard::Fired, received, changed);
                    signals.push((received, signal));
                }
                let received = end + run.way;
                if !(run.unresolved || last && !ended) {
                    let stated = match run.ending {
                        Ending::Stated => Some(at(end)),
                        Ending::Ahead(ahead) => Some(at(received + ahead)),
                        Ending::None => None,
                        Ending::BeforeStart => Some(at(start - 60)),
                    };
                    let heard = Heard::Resolved { stated };
                    let signal = self.signal(place, start, heard, received, (0, 0));
                    signals.push((received, signal));
                }
                // What ends by its receipt ends all that started before that.
                clock = received;
            }
        }
        signals.sort_by_key(|(sent, _)| *sent);
        signals
    }
}
