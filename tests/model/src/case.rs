//! Generated cases: pools and Singles ([`crate::single`]), playbooks, the history of some alerts, and
//! what happens meanwhile.

use std::{collections::BTreeMap, sync::Arc};

use jiff::SignedDuration;
use pointsman_core::{
    body::Body,
    breaker::Tighten,
    effect::Effect as Does,
    field::{Field, Property, Value},
    fraction::Fraction,
    group::Paused,
    json::Json,
    lease::later,
    names::BackendName,
    pool::{Member, Pool},
    signal::{Heard, Severity, Signal},
};
use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::Config};

use crate::{
    azure::{Foreign, ReadFault, ReconnectFault, WriteFault},
    single,
    store::{Pair, QueueFault},
    world::{Book, World, at, book},
};

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

/// How many reads in a row go wrong.
const READ_FAULTS_MAX: usize = 8;

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
    /// Minutes of `atMost`, or of `for`.
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

    pub(crate) fn playbook(&self) -> Arc<Book> {
        let Terms { least_members, least_share, hold, null_weight, capacity, most_out, panic } =
            &self.terms;
        let names: Vec<String> = self
            .body
            .pool()
            .map_or(&[][..], Pool::members)
            .iter()
            .map(|one| one.name.to_string())
            .collect();
        let can_carry = |units: &[u32]| -> Vec<u32> {
            units.iter().copied().cycle().take(names.len()).collect()
        };
        let least_capacity = capacity.as_ref().map(|(units, percent)| {
            let whole: u32 = can_carry(units).iter().sum();
            format!("leastCapacity: {}", (whole * percent / 100).max(1))
        });
        let mut settings = String::new();
        let limits: Vec<String> = least_members
            .map(|count| format!("leastMembers: {count}"))
            .into_iter()
            .chain(least_share.map(|share| format!("leastShare: {share}%")))
            .chain(most_out.map(|most| format!("mostOut: {most}")))
            .chain(panic.map(|share| format!("panic: {share}%")))
            .chain(least_capacity)
            .collect();
        let is_pool = self.body.pool().is_some();
        if is_pool && !limits.is_empty() {
            settings += &format!(", limits: {{{}}}", limits.join(", "));
        }
        if is_pool && *hold {
            settings += ", failover: hold";
        }
        if let Some(weight) = null_weight.filter(|_| is_pool) {
            settings += &format!(", nullWeight: {weight}");
        }
        if let Some(most) = self.gates().writes {
            settings += &format!(", writesPerHour: {most}");
        }
        let plays: String =
            self.plays.iter().enumerate().map(|(place, play)| self.play(place, play)).collect();
        let windows = self.windows.iter().enumerate();
        let windows: String = windows.map(|(place, window)| self.window(place, window)).collect();
        let windows = if windows.is_empty() { windows } else { format!("windows:\n{windows}") };
        let freeze = |(place, (from, to)): (usize, &(i64, i64))| {
            let [from, to] = [from, to].map(|second| at(*second).strftime("%FT%T").to_string());
            format!("    - {{name: f{place}, from: {from}, to: {to}, zone: UTC}}\n")
        };
        let freezes: String = self.gates.freezes.iter().enumerate().map(freeze).collect();
        let freezes =
            if freezes.is_empty() { freezes } else { format!("gates:\n  freeze:\n{freezes}") };
        if self.in_workspace {
            settings += ", workspace: team";
        }
        if is_pool {
            let mut backends = String::new();
            if let Some((capacity, _)) = capacity {
                settings += &format!(", members: [{}]", names.join(", "));
                backends += "backends:\n";
                let place = if self.in_workspace { ", workspace: team" } else { "" };
                for (name, units) in names.iter().zip(can_carry(capacity)) {
                    backends += &format!("  {name}: {{service: main{place}, capacity: {units}}}\n");
                }
            }
            let pool = format!("  pool: {{service: main, backend: pool{settings}}}");
            return book(&format!("pools:\n{pool}\n{backends}plays:\n{plays}{windows}{freezes}"));
        }
        let single = format!("{}{settings}}}", single::ENTRY);
        book(&format!("pools: {{}}\nbackends:\n{single}\nplays:\n{plays}{windows}{freezes}"))
    }

    fn window(&self, place: usize, window: &Window) -> String {
        let opens = match window.opens {
            Opens::Once(seconds) => {
                let opens = at(seconds).strftime("%FT%T").to_string();
                format!("once: {{at: {opens}, zone: UTC}}")
            }
            Opens::Every(minutes) => {
                format!("cron: {{dialect: unix, at: \"*/{minutes} 3-4 1 3 *\", zone: UTC}}")
            }
        };
        let member = format!("member: {}", self.name(window.member));
        let mut text =
            format!("  - name: w{place}\n    {opens}\n    lasts: {}s\n    do:\n", window.lasts);
        text += &self.effect(&window.effect, &member, Some(window.lasts));
        if let Some((step, every)) = window.ramp {
            text += &format!("    ramp: {{steps: [{step}%], every: {every}s}}\n");
        }
        text
    }

    fn play(&self, place: usize, play: &Play) -> String {
        let mut text =
            format!("  - name: p{place}\n    when: signal.labels.play == \"{place}\"\n    do:\n");
        for effect in &play.effects {
            text += &self.effect(effect, "member: \"${signal.labels.backend}\"", None);
        }
        text += &if play.resolves {
            format!("    atMost: {}m\n", play.lasts)
        } else {
            format!("    for: {}m\n", play.lasts)
        };
        if let Some(drift) = play.drift {
            text += &format!("    drift: {drift}\n");
        }
        if let Some(hold) = play.hold {
            text += &format!("    hold: {hold}s\n");
        }
        text += &when(play);
        if !play.ramp.is_empty() {
            let steps: Vec<String> = play.ramp.iter().map(|step| format!("{step}%")).collect();
            text +=
                &format!("    ramp: {{steps: [{}], every: {}s}}\n", steps.join(", "), play.every);
        }
        if let Some((from, to)) = self.gates.hours.get(place).copied().flatten() {
            let [from, to] = [from, to].map(|second| at(second).strftime("%T").to_string());
            text += &format!("    hours: {{from: \"{from}\", to: \"{to}\", zone: UTC}}\n");
        }
        if let Some((most, per)) = self.gates.budgets.get(place).copied().flatten() {
            text += &format!("    budget: {{most: {most}, per: {per}s}}\n");
        }
        // A workspace has no reconnect.
        if let Some(after) = play.reconnect.filter(|_| !self.in_workspace) {
            text += &format!(
                "    after:\n      - reconnect: {{backend: \"${{signal.labels.backend}}\", after: {after}s}}\n"
            );
        }
        text
    }

    /// An effect of a play, or of a window that is open for so long.
    fn effect(&self, effect: &Effect, member: &str, window: Option<i64>) -> String {
        match effect {
            Effect::Drain => format!("      - drain: {{pool: pool, {member}}}\n"),
            Effect::Shift(to) => {
                format!("      - shift: {{pool: pool, {member}, to: {to}%}}\n")
            }
            Effect::Promote(None) => format!("      - promote: {{pool: pool, {member}}}\n"),
            Effect::Promote(Some(weight)) => {
                format!("      - promote: {{pool: pool, {member}, weight: {weight}}}\n")
            }
            Effect::Breaker(tighten) => single::line(&Does::Breaker(tighten.clone())),
            Effect::Set(properties) => single::line(&Does::Set(properties.clone())),
            // A workspace has none, and a window may be too short for one.
            Effect::Reconnect(_)
                if self.in_workspace || window.is_some_and(|lasts| lasts <= 120) =>
            {
                "      - breaker: {backend: one, count: 5}\n".to_owned()
            }
            Effect::Reconnect(after) => {
                let when = match window {
                    None => format!("after: {after}s"),
                    Some(lasts) if lasts > *after => format!("after: {after}s, every: 130s"),
                    Some(_) => "every: 120s".to_owned(),
                };
                format!("      - reconnect: {{backend: one, {when}}}\n")
            }
            Effect::Split(weights) => {
                let mut split: BTreeMap<String, u8> = weights
                    .iter()
                    .enumerate()
                    .map(|(member, weight)| (self.name(member).to_string(), *weight))
                    .collect();
                if split.values().all(|weight| *weight == 0) {
                    split.values_mut().for_each(|weight| *weight = 10);
                }
                let split: Vec<String> =
                    split.iter().map(|(name, weight)| format!("{name}: {weight}")).collect();
                format!("      - shift: {{pool: pool, split: {{{}}}}}\n", split.join(", "))
            }
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

/// A weight as owners write it: mostly a number, sometimes 0, null or none.
fn weight() -> impl Strategy<Value = Value> {
    prop_oneof![
        10 => select(vec![1_u8, 2, 3, 5, 10, 20, 25, 30, 50, 70, 100]).prop_map(Value::Number),
        1 => Just(Value::Number(0)),
        1 => Just(Value::Null),
        1 => Just(Value::Absent),
    ]
}

fn priority() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(Value::Absent),
        1 => Just(Value::Null),
        1 => Just(Value::Number(0)),
        3 => Just(Value::Number(1)),
        1 => Just(Value::Number(2)),
    ]
}

pub(crate) fn pool() -> impl Strategy<Value = Pool> {
    let numbered = vec((weight(), priority()), 1..=8);
    let nulls = vec((select(vec![Value::Null, Value::Absent]), priority()), 1..=6);
    let alike = |(weight, all): (u8, Vec<Value>)| {
        all.into_iter().map(|priority| (Value::Number(weight), priority)).collect()
    };
    let equal = (select(vec![1_u8, 10, 50]), vec(priority(), 2..=6)).prop_map(alike);
    // As many as Azure takes, in one group: there rounding adds up.
    let many = (1_u8..=100, vec(Just(Value::Absent), 2..=30)).prop_map(alike);
    prop_oneof![4 => numbered, 1 => nulls, 2 => equal, 1 => many].prop_map(|members| {
        let member = |(place, (weight, priority)): (usize, (Value, Value))| Member {
            name: format!("m{place}").parse().unwrap(),
            weight,
            priority,
        };
        Pool::new(members.into_iter().enumerate().map(member).collect()).unwrap()
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    (
        option::weighted(0.4, 1_u8..=3),
        option::weighted(0.3, 1_u8..=100),
        any::<bool>(),
        option::weighted(0.4, select(vec![1_u8, 20, 50])),
        option::weighted(0.2, (vec(select(vec![30_u32, 100]), 2..=4), 1_u32..=100)),
        option::weighted(0.2, 1_u8..=2),
        option::weighted(0.15, select(vec![30_u8, 50, 80])),
    )
        .prop_map(
            |(least_members, least_share, hold, null_weight, capacity, most_out, panic)| Terms {
                capacity,
                most_out,
                panic,
                least_members,
                least_share,
                hold,
                null_weight,
            },
        )
}

fn effect() -> impl Strategy<Value = Effect> + Clone {
    prop_oneof![
        6 => Just(Effect::Drain),
        3 => prop_oneof![0_u8..=100, select(vec![0_u8, 100])].prop_map(Effect::Shift),
        1 => vec(select(vec![0_u8, 10, 20, 60, 100]), 1..=3).prop_map(Effect::Split),
        2 => option::of(select(vec![5_u8, 50, 100])).prop_map(Effect::Promote),
    ]
}

/// What a play says of when it begins, in the words of the playbook.
fn when(play: &Play) -> String {
    let When { lasting, count, damping, unless, stale } = &play.when;
    let mut text = String::new();
    if let Some(lasting) = lasting {
        text += &format!("    lasting: {lasting}s\n");
    }
    if let Some((count, within)) = count {
        text += &format!("    count: {count}\n    within: {within}s\n");
    }
    if let Some(other) = unless {
        text += &format!("    unless: signal.labels.play == \"{other}\"\n");
    }
    if let (Some(within), Some(hold), true) = (damping, play.hold, play.resolves)
        && hold * 2 <= play.lasts * 60
    {
        let most = play.lasts * 60;
        text += &format!("    damping: {{within: {within}s, most: {most}s}}\n");
    }
    if let (Some(after), true) = (stale, play.resolves)
        && *after < play.lasts * 60
    {
        text += &format!("    stale: {{repeats: {}s, after: {after}s}}\n", after / 2);
    }
    text
}

fn when_it_begins() -> impl Strategy<Value = When> {
    (
        option::weighted(0.15, select(vec![5_i64, 30, 100])),
        option::weighted(0.15, (2_usize..=3, select(vec![20_i64, 120, 600]))),
        option::weighted(0.2, select(vec![60_i64, 600])),
        option::weighted(0.15, 0_usize..3),
        option::weighted(0.1, select(vec![60_i64, 120, 170])),
    )
        .prop_map(|(lasting, count, damping, unless, stale)| When {
            lasting,
            count,
            damping,
            unless,
            stale,
        })
}

/// Plays whose `for` and `atMost` are of `lasts` minutes.
pub(crate) fn plays(
    effect: impl Strategy<Value = Effect>,
    lasts: std::ops::Range<i64>,
) -> impl Strategy<Value = Vec<Play>> {
    let play = (
        vec(effect, 1..=2),
        lasts,
        prop::bool::weighted(0.8),
        option::weighted(0.5, select(vec![1_i64, 30, 120])),
        prop_oneof![Just(vec![]), Just(vec![50]), Just(vec![10, 50, 100]), Just(vec![25, 50, 75])],
        select(vec![10_i64, 60, 120]),
        option::weighted(0.4, select(vec![120_i64, 150, 300])),
        (option::of(select(vec!["yield", "assert", "auto"])), when_it_begins()),
    );
    vec(play, 1..=3).prop_map(|plays| {
        plays
            .into_iter()
            .map(|(mut effects, lasts, resolves, hold, ramp, every, reconnect, (drift, when))| {
                // One target is named once by a play.
                let mut seen = Vec::new();
                effects.retain(|effect| {
                    let kind = std::mem::discriminant(effect);
                    let fresh = !seen.contains(&kind);
                    seen.push(kind);
                    fresh
                });
                Play { effects, lasts, resolves, hold, ramp, every, reconnect, drift, when }
            })
            .collect()
    })
}

fn run() -> impl Strategy<Value = Run> {
    (
        1_i64..200,
        option::weighted(0.3, 1_i64..20),
        2_i64..300,
        0_i64..15,
        option::weighted(0.2, 1_i64..250),
        prop_oneof![
            6 => Just(Ending::Stated),
            1 => (1_i64..80_000).prop_map(Ending::Ahead),
            1 => Just(Ending::None),
            1 => Just(Ending::BeforeStart),
        ],
        prop_oneof![2 => Just(0), 1 => 1_usize..4],
        prop_oneof![2 => Just(0), 1 => 1_usize..4],
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.15),
    )
        .prop_map(
            |(pause, skew, length, way, repeat, ending, escalated, moved, unfired, unresolved)| {
                Run {
                    pause,
                    skew,
                    length,
                    way,
                    repeat,
                    ending,
                    escalated,
                    moved,
                    unfired,
                    unresolved,
                }
            },
        )
}

pub(crate) fn alerts() -> impl Strategy<Value = Vec<Alert>> {
    let alert = (0_usize..3, 0_usize..8, 0_usize..4, vec(run(), 1..=3));
    let some = vec(alert, 1..=6).prop_map(|alerts| {
        alerts
            .into_iter()
            .map(|(play, member, severity, runs)| Alert { play, member, severity, runs })
            .collect()
    });
    // One cause for many members.
    let storm = (0_usize..3, vec(run(), 2..=12)).prop_map(|(play, runs)| {
        runs.into_iter()
            .enumerate()
            .map(|(member, run)| Alert { play, member, severity: 0, runs: vec![run] })
            .collect()
    });
    // More alerts that say the same than a document knows of.
    let crowd = (0_usize..3, 0_usize..8, vec((run(), 0_usize..4), 9..=16)).prop_map(
        |(play, member, runs)| {
            let alert = |(run, severity)| Alert { play, member, severity, runs: vec![run] };
            runs.into_iter().map(alert).collect()
        },
    );
    // The same, all of which begin and end in the same moments, as those of one cause do.
    let chorus = (0_usize..3, 0_usize..8, run(), vec(0_usize..4, 9..=16)).prop_map(
        |(play, member, run, severities)| {
            let alert = |severity| Alert { play, member, severity, runs: vec![run.clone()] };
            severities.into_iter().map(alert).collect()
        },
    );
    prop_oneof![6 => some, 1 => storm, 1 => crowd, 1 => chorus]
}

/// Cases of a kind of backend, with at most so many maintenance windows.
fn cases_of(
    body: impl Strategy<Value = Body>,
    effect: impl Strategy<Value = Effect> + Clone,
    lasts: std::ops::Range<i64>,
    windows_max: usize,
) -> impl Strategy<Value = Case> {
    let windows = vec(window(effect.clone()), 0..=windows_max);
    let of = (body, prop::bool::weighted(0.2));
    let parts = (of, terms(), plays(effect, lasts), alerts(), ways(), windows);
    parts.prop_map(|((body, in_workspace), terms, plays, alerts, ways, windows)| Case {
        body,
        in_workspace,
        terms,
        plays,
        alerts,
        ways,
        windows,
        gates: Gates::default(),
    })
}

fn cases(lasts: std::ops::Range<i64>, windows_max: usize) -> impl Strategy<Value = Case> {
    let of_single = single::effect().prop_map(|effect| match effect {
        Does::Breaker(tighten) => Effect::Breaker(tighten),
        Does::Set(properties) => Effect::Set(properties),
        Does::Reconnect(_) => panic!("it is made below"),
        Does::Drain { .. }
        | Does::Shift { .. }
        | Does::Split { .. }
        | Does::Promote { .. }
        | Does::Ensure(_)
        | Does::Join { .. } => panic!("it is a breaker, or it sets something"),
    });
    let reconnect = select(vec![120_i64, 150]).prop_map(Effect::Reconnect);
    let of_single = prop_oneof![3 => of_single, 1 => reconnect].boxed();
    prop_oneof![
        3 => cases_of(pool().prop_map(Body::from), effect(), lasts.clone(), windows_max),
        2 => cases_of(single::single(), of_single, lasts, windows_max),
    ]
}

pub(crate) fn case_lasting(lasts: std::ops::Range<i64>) -> impl Strategy<Value = Case> {
    cases(lasts, 0)
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    case_lasting(3..30)
}

/// The same, with maintenance windows.
pub(crate) fn windowed() -> impl Strategy<Value = Case> {
    cases(3..30, 2)
}

fn window(effect: impl Strategy<Value = Effect>) -> impl Strategy<Value = Window> {
    let opens = prop_oneof![
        (-300_i64..3_600).prop_map(Opens::Once),
        select(vec![2_u8, 5, 10, 20]).prop_map(Opens::Every),
    ];
    let ramp = option::of((1_u8..99, 1_i64..90));
    (opens, 20_i64..1_500, effect, 0_usize..8, ramp).prop_map(
        |(opens, lasts, effect, member, ramp)| Window { opens, lasts, effect, member, ramp },
    )
}

/// The same, with gates.
pub(crate) fn gated() -> impl Strategy<Value = Case> {
    let freeze = (-600_i64..2_400, 1_i64..1_200).prop_map(|(from, lasts)| (from, from + lasts));
    let hours = (0_i64..1_800, 1_i64..2_400).prop_map(|(from, lasts)| (from, from + lasts));
    let budget = (1_usize..4, 30_i64..900);
    let gates = (
        vec(freeze, 0..3),
        vec(option::weighted(0.15, hours), 3),
        vec(option::weighted(0.3, budget), 3),
        option::weighted(0.15, 2_usize..8),
    );
    // Half of the cases have none, so that gates hide nothing else.
    (windowed(), option::weighted(0.5, gates)).prop_map(|(case, gates)| {
        let (freezes, hours, budgets, writes) = gates.unwrap_or_default();
        Case { gates: Gates { freezes, hours, budgets, writes }, ..case }
    })
}

/// Which of the deliveries come directly, over and over.
pub(crate) fn ways() -> impl Strategy<Value = Vec<bool>> {
    vec(prop::bool::weighted(0.7), 0..4)
}

/// Both kinds of store and queue; those that are apart at times with a queue that fails.
pub(crate) fn pair() -> impl Strategy<Value = Pair> {
    let fault = prop_oneof![
        6 => Just(QueueFault::None),
        1 => Just(QueueFault::LostAfter),
        1 => Just(QueueFault::LostBefore),
        1 => Just(QueueFault::TooLate),
    ];
    prop_oneof![1 => Just(Pair::One), 1 => vec(fault, 0..12).prop_map(Pair::Apart)]
}

/// What happens meanwhile.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Some of the case's signals are delivered together: the first, and how many.
    Deliver(usize, usize),
    /// A process does so many stages, and no more.
    Stages(usize, usize),
    /// Seconds pass, with their wakes.
    Pass(i64),
    /// Seconds pass in which nobody gets to do anything.
    Stall(i64),
    /// Someone else writes: the first to a pool, the second to a Single.
    Foreign(Change, single::Change),
    Read(ReadFault),
    Write(WriteFault),
    Reconnect(ReconnectFault),
    Crash(usize),
    /// Something is paused, perhaps for so many seconds.
    Pause(usize, Option<i64>),
    Resume(usize),
    Undo,
    Release,
    /// An operator has the first override that has begun stay for so many seconds.
    Extend(i64),
    /// An operator skips the instance of a window that is open, or the next.
    Skip(usize),
    /// An operator changes the backend by hand; a Single by the effect that is given.
    Change {
        of_single: Does,
        kind: usize,
        member: usize,
        part: u8,
        lasts: i64,
        force: bool,
    },
}

/// A foreign write to a pool, before the pool says to whom; from `Other` on, to any backend.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Weight(usize, Value),
    Priority(usize, Value),
    Remove(usize),
    Add(usize, Value, Value),
    /// A pipeline puts back what its owner had left.
    PutBack,
    Other,
    /// A pool becomes a Single, or the reverse, and back.
    Turn,
    Delete,
    Create,
}

fn foreign() -> impl Strategy<Value = Change> {
    let value = || {
        prop_oneof![
            5 => select(vec![7_u8, 13, 37, 41, 53, 77]).prop_map(Value::Number),
            1 => Just(Value::Number(0)),
            1 => Just(Value::Null),
            1 => Just(Value::Absent),
        ]
    };
    prop_oneof![
        6 => (0_usize..8, value()).prop_map(|(member, value)| Change::Weight(member, value)),
        2 => (0_usize..8, priority()).prop_map(|(member, value)| Change::Priority(member, value)),
        2 => Just(Change::Other),
        4 => Just(Change::PutBack),
        1 => (0_usize..8).prop_map(Change::Remove),
        1 => (0_usize..8, value(), priority())
            .prop_map(|(member, weight, priority)| Change::Add(member, weight, priority)),
        1 => Just(Change::Turn),
        1 => Just(Change::Delete),
        1 => Just(Change::Create),
    ]
}

/// How long Azure asks to wait, where it says so.
pub(crate) fn wait() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![Just(None), (0_i64..200).prop_map(Some)]
}

fn fault() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (1_usize..3).prop_map(|back| Event::Read(ReadFault::Stale(back))),
        1 => Just(Event::Read(ReadFault::Lost)),
        1 => Just(Event::Read(ReadFault::Missing)),
        1 => Just(Event::Read(ReadFault::Unreadable)),
        1 => (1_i64..100).prop_map(|wait| Event::Read(ReadFault::Throttled(wait))),
        3 => Just(Event::Write(WriteFault::LostAfter)),
        1 => Just(Event::Write(WriteFault::Resent)),
        2 => Just(Event::Write(WriteFault::LostBefore)),
        3 => (1_i64..240).prop_map(|wait| Event::Write(WriteFault::Late(wait))),
        1 => wait().prop_map(|wait| Event::Write(WriteFault::Throttled(wait))),
        1 => Just(Event::Write(WriteFault::Refused)),
        1 => Just(Event::Write(WriteFault::Outrun)),
        1 => Just(Event::Write(WriteFault::NotSent)),
        1 => Just(Event::Reconnect(ReconnectFault::LostAfter)),
        1 => Just(Event::Reconnect(ReconnectFault::LostBefore)),
        1 => Just(Event::Reconnect(ReconnectFault::Refused)),
        1 => Just(Event::Reconnect(ReconnectFault::NotSent)),
        1 => wait().prop_map(|wait| Event::Reconnect(ReconnectFault::Throttled(wait))),
    ]
}

/// Everything, in any order.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        8 => (0_usize..20, 1_usize..4).prop_map(|(first, count)| Event::Deliver(first, count)),
        5 => (0_usize..2, 1_usize..6).prop_map(|(place, count)| Event::Stages(place, count)),
        5 => (1_i64..150).prop_map(Event::Pass),
        1 => (1_i64..5).prop_map(Event::Stall),
        4 => (foreign(), single::foreign()).prop_map(|(of_pool, of_single)| Event::Foreign(of_pool, of_single)),
        6 => fault(),
        1 => (0_usize..2).prop_map(Event::Crash),
        1 => (0_usize..5, option::of(1_i64..600)).prop_map(|(of, lasts)| Event::Pause(of, lasts)),
        1 => (0_usize..5).prop_map(Event::Resume),
        1 => Just(Event::Undo),
        1 => Just(Event::Release),
        1 => (1_i64..1_000).prop_map(Event::Extend),
        1 => (0_usize..3).prop_map(Event::Skip),
        2 => (0_usize..4, 0_usize..8, 0_u8..=100, 1_i64..3_600, single::effect(), prop::bool::weighted(0.3)).prop_map(
            |(kind, member, part, lasts, of_single, force)| {
                Event::Change { of_single, kind, member, part, lasts, force }
            },
        ),
    ];
    vec(event, 1..40)
}

impl World {
    /// Lets an event happen. Signals come no sooner than they are sent.
    pub(crate) fn happen(&mut self, case: &Case, signals: &[(i64, Signal)], event: &Event) {
        let of = |place: usize| place % self.processes.len();
        match event {
            Event::Deliver(first, count) => {
                let process = of(*first);
                if signals.is_empty() {
                    return;
                }
                let some: Vec<Signal> = (0..*count)
                    .map(|more| &signals[(first + more) % signals.len()])
                    .filter(|(sent, _)| at(*sent) <= self.now)
                    .map(|(_, signal)| signal.clone())
                    .collect();
                self.deliver(process, &some);
            }
            Event::Stages(place, count) => {
                let process = of(*place);
                self.stages(process, *count);
            }
            Event::Pass(seconds) => self.pass(*seconds),
            Event::Stall(seconds) => self.stall(*seconds),
            Event::Foreign(of_pool, of_single) => {
                let foreign = self.foreign_of(case, of_pool, of_single);
                foreign.iter().for_each(|foreign| self.foreign(foreign));
            }
            // Caches lag for seconds, not for as long as it takes to be believed.
            Event::Read(_) if self.azure.reads.len() >= READ_FAULTS_MAX => {}
            Event::Read(fault) => self.azure.reads.push_back(*fault),
            Event::Write(fault) => self.azure.writes.push_back(*fault),
            Event::Reconnect(fault) => self.azure.reconnecting.push_back(*fault),
            Event::Crash(place) => {
                let process = of(*place);
                self.crash(process);
            }
            Event::Pause(of, lasts) => {
                self.handle(0, &crate::world::Message::Pause(case.paused(*of), *lasts));
            }
            Event::Resume(of) => self.handle(0, &crate::world::Message::Resume(case.paused(*of))),
            Event::Undo => self.handle(0, &crate::world::undo(self.backend.clone())),
            Event::Release => self.handle(0, &crate::world::release()),
            Event::Skip(place) => {
                let book = Arc::clone(self.generations.last().unwrap());
                let Some(window) = book.windows.get(*place) else { return };
                let open = window.last(self.now).filter(|last| self.now < last.end);
                if let Some(instance) = open.or_else(|| window.next(self.now)) {
                    self.handle(0, &crate::world::skip(&window.name, instance.start));
                }
            }
            Event::Extend(seconds) => {
                let begun = self.document().into_iter().flat_map(|one| one.overrides.values());
                let first = begun.filter(|over| over.begun().is_some()).map(|over| &over.id).next();
                if let Some(id) = first.cloned() {
                    let until = later(self.now, SignedDuration::from_secs(*seconds));
                    self.handle(0, &crate::world::extend(self.backend.clone(), id, until));
                }
            }
            Event::Change { of_single, kind, member, part, lasts, force } => {
                let (one, other) = (case.name(*member), case.name(member + 1));
                let weight = part % 101;
                let effect = match kind {
                    _ if case.body.pool().is_none() => of_single.clone(),
                    0 => Does::Drain { member: one },
                    1 => Does::Shift { member: one, to: Fraction::percent(*part) },
                    2 => Does::Promote { member: one, weight: (weight > 0).then_some(weight) },
                    _ => Does::Split { weights: [(other, 100 - weight), (one, weight)].into() },
                };
                // What tells it from every other.
                let reason = format!("no. {}", self.commanded.len());
                self.handle(
                    0,
                    &crate::world::change(self.backend.clone(), effect, *lasts, *force, &reason),
                );
            }
        }
    }

    /// What someone else does to the backend as it is.
    fn foreign_of(
        &self,
        case: &Case,
        of_pool: &Change,
        of_single: &single::Change,
    ) -> Option<Foreign> {
        let name = |member: &usize| case.name(*member);
        let is_first_kind = |body: &Body| body.pool().is_some() == case.body.pool().is_some();
        match of_pool {
            Change::Other => return Some(Foreign::Other),
            Change::PutBack => {
                let document = self.document()?;
                let mut owned = document.owned.iter();
                let (field, owned) = owned.find(|(_, one)| !one.written.means(&one.baseline))?;
                return Some(Foreign::Set(field.clone(), owned.baseline.clone()));
            }
            Change::Delete => return Some(Foreign::Delete),
            Change::Create => return Some(Foreign::Create(case.body.clone())),
            Change::Turn if !self.azure.body().is_some_and(is_first_kind) => {
                return Some(Foreign::Turn(case.body.clone()));
            }
            Change::Turn if case.body.pool().is_some() => {
                return Some(Foreign::Turn(single::plain()));
            }
            Change::Turn => {
                return Some(Foreign::Turn(crate::azure::pool("m0 50, m1 50, m2 -").into()));
            }
            Change::Weight(..) | Change::Priority(..) | Change::Remove(_) | Change::Add(..) => {}
        }
        let shown = self.azure.body()?;
        if shown.pool().is_none() {
            return of_single.of(shown);
        }
        match of_pool {
            Change::Weight(member, value) => {
                Some(Foreign::Set(Field::weight(&name(member)), value.clone()))
            }
            Change::Priority(member, value) => {
                Some(Foreign::Set(Field::priority(&name(member)), value.clone()))
            }
            Change::Remove(member) => Some(Foreign::Remove(name(member))),
            Change::Add(member, weight, priority) => Some(Foreign::Add(Member {
                name: name(member),
                weight: weight.clone(),
                priority: priority.clone(),
            })),
            Change::Turn | Change::Other | Change::PutBack | Change::Delete | Change::Create => {
                None
            }
        }
    }
}
