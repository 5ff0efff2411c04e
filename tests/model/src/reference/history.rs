//! Histories in which the real engine is held against the reference.
//!
//! All that happens and all lengths of time are multiples of [`TICK`], and different things fall on different ones,
//! so that few changes come close after each other.

use std::collections::BTreeMap;

use pointsman_core::{
    body::Body,
    field::{Field, Value},
    group::Paused,
    id::OverrideId,
    overrides::{Life as RealLife, Standing},
    signal::{Heard, Severity, Signal},
};
use proptest::{
    collection::vec, option, prelude::*, sample::select, strategy::ValueTree,
    test_runner::TestRunner,
};

use super::{Kind, Life, Reference, Word};
use crate::{
    azure::{Foreign, written},
    case::{Alert, Case, Gates, Opens, Play, When, Window, config, effect, pool, terms},
    world::{Message, World, at, backend, change, undo},
};

/// The reference looks so often.
const TICK: i64 = 5;

/// What happens comes at this many seconds past a multiple of [`APART`].
const HAPPENS: i64 = 50;
const APART: i64 = 120;

/// Writes wait for each other where they come closer than this.
const CLOSE: i64 = 11;

/// How an override stands that does not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    InForce,
    Held(Kind),
    Yielded,
    Unjudged,
}

impl Reference<'_> {
    fn standings(&self) -> BTreeMap<OverrideId, Stands> {
        let stands = self.overs.iter().filter_map(|(id, over)| {
            let closed = self.closed.get(id).filter(|_| over.wants_to_begin());
            let kept = closed.or_else(|| self.judged.held.get(id)).map(|kind| Stands::Held(*kind));
            let kept = kept.or_else(|| self.judged.yielded.contains(id).then_some(Stands::Yielded));
            match over.life {
                Life::Leaves { .. } => None,
                Life::InForce { .. } => Some((id.clone(), kept.unwrap_or(Stands::InForce))),
                Life::Waits => Some((id.clone(), kept.unwrap_or(Stands::Unjudged))),
            }
        });
        stands.collect()
    }
}

fn standings(world: &World) -> BTreeMap<OverrideId, Stands> {
    let overs = world.document().into_iter().flat_map(|document| document.overrides.values());
    let stands = overs.filter_map(|over| {
        let stands = match (&over.life, &over.standing) {
            (RealLife::Ended { .. }, _) => return None,
            (_, Standing::Held(why)) => Stands::Held(Kind::of(why)),
            (_, Standing::Yielded) => Stands::Yielded,
            (RealLife::Begun { .. }, Standing::Admitted) => Stands::InForce,
            (RealLife::Claimed { .. }, Standing::Admitted | Standing::Unseen)
            | (RealLife::Begun { .. }, Standing::Unseen) => Stands::Unjudged,
        };
        Some((over.id.clone(), stands))
    });
    stands.collect()
}

/// A gate that closes wakes nobody, for nothing begins by it: why something is held is told at the next look, and
/// those come every minute.
const TOLD_WITHIN: usize = 60 / TICK as usize + 1;

/// One history, under way.
struct Lived<'a> {
    case: &'a Case,
    world: World,
    reference: Reference<'a>,
    /// When something changed last.
    changed: i64,
    compared: usize,
    fired: BTreeMap<usize, i64>,
    /// How all stood of late by the reference, the latest last.
    stood: Vec<BTreeMap<OverrideId, Stands>>,
}

impl Lived<'_> {
    /// Lets time pass, and compares after each tick but the first after a change; false where two changes come too
    /// close after each other.
    fn until(&mut self, end: i64) -> Result<bool, String> {
        while self.reference.now < end {
            let now = self.reference.now + TICK;
            self.reference.now = now;
            if !self.looks_clear() {
                return Ok(false);
            }
            self.world.pass((at(now) - self.world.now).get_seconds().max(0));
            // What is due now may be written in a moment.
            if now > self.changed {
                self.compare()?;
            }
        }
        Ok(true)
    }

    /// Has the reference look; false where what that changes comes too close after another change.
    fn looks_clear(&mut self) -> bool {
        let before = self.reference.so();
        self.reference.look();
        self.stood.push(self.reference.standings());
        if self.reference.so() == before {
            return true;
        }
        let was = std::mem::replace(&mut self.changed, self.reference.now);
        self.changed - was >= CLOSE
    }

    /// Fails where the engine and the reference differ.
    fn compare(&mut self) -> Result<(), String> {
        let Self { world, reference, stood, .. } = self;
        self.compared += 1;
        let (real, right) = (standings(world), stood.last().expect("it has looked"));
        let recent = &stood[stood.len().saturating_sub(TOLD_WITHIN)..];
        // What is held by a limit leaves its place of the budget to another in the same look: that the budget is
        // used up then is told at the next one, too.
        let by_budget = Some(&Stands::Held(Kind::Budget));
        let is_new = |id: &OverrideId| {
            recent.len() < TOLD_WITHIN || recent.iter().any(|stood| stood.get(id) != right.get(id))
        };
        let was_told = |id: &OverrideId, stands: &Stands| {
            let is_held = matches!(right.get(id), Some(Stands::Held(_)));
            is_held
                && matches!(stands, Stands::Held(_))
                && (recent.iter().any(|stood| stood.get(id) == Some(stands))
                    || right.get(id) == by_budget && is_new(id))
        };
        let is_so = |(id, stands)| right.get(id) == Some(stands) || was_told(id, stands);
        let shown = world.azure.pool().expect("it is a pool");
        if reference.is_right(shown) && real.keys().eq(right.keys()) && real.iter().all(is_so) {
            return world.check(&["I4", "I5", "I6", "I9"]);
        }
        Err(format!(
            "at {}: {} with\n{real:?}\nis to be {:?}\n{:?} with\n{right:?}\n{:?}\n{}\n{}",
            reference.now,
            written(&shown.clone().into()),
            reference.laid.groups,
            reference.laid.priorities,
            reference.overs,
            world.generations[0].text,
            world.story()
        ))
    }

    /// Lets the same happen to both; false where it comes too close after another change.
    fn happen(&mut self, word: &Word) -> Result<bool, String> {
        if !self.happens(word) {
            return Ok(true);
        }
        self.reference.hear(word);
        if !self.looks_clear() {
            return Ok(false);
        }
        // What it is woken for comes by the queue.
        self.world.pass(1);
        self.compare()?;
        Ok(true)
    }

    /// Lets it happen to the engine; false where it makes no sense.
    fn happens(&mut self, word: &Word) -> bool {
        let Self { case, world, reference, fired, .. } = self;
        let paused = |of: usize| Paused::all(Some(&case.playbook())).into_iter().nth(of);
        match word {
            Word::Fires(alert) | Word::Resolves(alert) if *alert >= case.alerts.len() => {
                return false;
            }
            Word::Fires(alert) => {
                if fired.contains_key(alert) {
                    return false;
                }
                fired.insert(*alert, reference.now);
                world.hear(&[signal(case, *alert, reference.now, Heard::Fired, reference.now)]);
            }
            Word::Resolves(alert) => {
                let Some(started) = fired.remove(alert) else { return false };
                let heard = Heard::Resolved { stated: Some(at(reference.now)) };
                world.hear(&[signal(case, *alert, started, heard, reference.now)]);
            }
            Word::Weighs(member, _) | Word::PutsBack(member) => {
                let Some(owner) = reference.pool.get(*member) else { return false };
                let value = if let Word::Weighs(_, weight) = word {
                    Value::Number(*weight)
                } else {
                    owner.weight.clone()
                };
                let is_clear = owner.weight.number().is_some() || case.terms.null_weight.is_some();
                let states = world.azure.history.len();
                if is_clear && !reference.is_stopped() {
                    world.foreign(&Foreign::Set(Field::weight(&owner.name), value));
                }
                if world.azure.history.len() == states {
                    return false;
                }
                world.look(0, &backend());
            }
            Word::Undo => world.handle(0, &undo(backend())),
            Word::Pause(of) | Word::Resume(of) => {
                let Some(paused) = paused(*of) else { return false };
                let is_resume = matches!(word, Word::Resume(_));
                world.handle(
                    0,
                    &if is_resume { Message::Resume(paused) } else { Message::Pause(paused, None) },
                );
            }
            Word::ByHand { effect, member, lasts, force } => {
                let (_, named) = reference.effect(effect, *member);
                world.handle(
                    0,
                    &change(
                        backend(),
                        named,
                        *lasts,
                        *force,
                        &format!("no. {}", world.commanded.len()),
                    ),
                );
            }
        }
        true
    }
}

fn signal(case: &Case, alert: usize, started: i64, heard: Heard, received: i64) -> Signal {
    let Alert { play, member, severity, .. } = &case.alerts[alert];
    let labels = [
        ("play", (play % case.plays.len()).to_string()),
        ("backend", case.name(*member).to_string()),
    ];
    Signal {
        series: format!("am/{alert}").parse().unwrap(),
        started: at(started),
        heard,
        severity: Severity::ALL[severity % 4].1,
        labels: labels.map(|(name, value)| (name.to_owned(), value)).into(),
        annotations: BTreeMap::new(),
        received: at(received),
    }
}

/// Lets the engine live through a history, and says how often it was compared.
fn live_through(case: &Case, words: &[(i64, Word)]) -> Result<usize, String> {
    let mut world = case.world();
    world.begin();
    let mut lived = Lived {
        case,
        world,
        reference: Reference::new(case),
        changed: -CLOSE,
        compared: 0,
        fired: BTreeMap::new(),
        stood: Vec::new(),
    };
    let mut next = HAPPENS;
    for (wait, word) in words {
        next += wait * APART;
        if !lived.until(next)? || !lived.happen(word)? {
            return Ok(lived.compared);
        }
    }
    lived.until(next + 20 * APART)?;
    Ok(lived.compared)
}

fn play() -> impl Strategy<Value = Play> {
    let when = (
        option::weighted(0.15, select(vec![35_i64, 155])),
        option::weighted(0.15, (2_usize..=3, select(vec![120_i64, 600]))),
        option::weighted(0.25, select(vec![240_i64, 1_200])),
        option::weighted(0.15, 0_usize..3),
    );
    (
        vec(effect(), 1..=2),
        select(vec![285_i64, 645, 2_445]),
        prop::bool::weighted(0.8),
        option::weighted(0.5, select(vec![20_i64, 140, 260])),
        select(vec![vec![], vec![50_u8], vec![10, 50], vec![25, 50, 75]]),
        select(vec![60_i64, 120]),
        option::of(select(vec!["yield", "assert", "auto"])),
        when,
    )
        .prop_map(|(mut effects, lasts, resolves, hold, ramp, every, drift, when)| {
            // One target is named once by a play.
            let mut seen = Vec::new();
            effects.retain(|effect| {
                let kind = std::mem::discriminant(effect);
                let is_fresh = !seen.contains(&kind);
                seen.push(kind);
                is_fresh
            });
            let (lasting, count, damping, unless) = when;
            let when = When { lasting, count, damping, unless, stale: None };
            let reconnect = None;
            Play { effects, lasts, resolves, hold, ramp, every, reconnect, drift, when }
        })
}

fn window() -> impl Strategy<Value = Window> {
    let opens = prop_oneof![
        (-3_i64..40).prop_map(|time| Opens::Once(time * APART)),
        select(vec![10_u8, 20]).prop_map(Opens::Every),
    ];
    let lasts = select(vec![255_i64, 495, 735, 1_455]);
    let ramp = option::of((select(vec![20_u8, 50, 80]), select(vec![60_i64, 120])));
    (opens, lasts, effect(), 0_usize..5, ramp).prop_map(|(opens, lasts, effect, member, ramp)| {
        Window { opens, lasts, effect, member, ramp }
    })
}

fn gates() -> impl Strategy<Value = Gates> {
    let span = |length: std::ops::Range<i64>| {
        (0_i64..20, length)
            .prop_map(|(from, length)| (from * APART + 30, (from + length) * APART + 30))
    };
    let budget = (1_usize..4, select(vec![360_i64, 960]));
    (
        vec(span(1..8), 0..=1),
        vec(option::weighted(0.15, span(2..16)), 3),
        vec(option::weighted(0.3, budget), 3),
    )
        .prop_map(|(freezes, hours, budgets)| Gates { freezes, hours, budgets, writes: None })
}

fn case() -> impl Strategy<Value = Case> {
    // Where many are as bad as each other, their age decides.
    let severity = prop_oneof![2 => Just(2_usize), 1 => 0_usize..4];
    let alerts = vec((0_usize..3, 0_usize..5, severity), 1..=6);
    let windows = prop_oneof![2 => vec(window(), 0..=0), 1 => vec(window(), 1..=2)];
    let gates = prop_oneof![2 => Just(Gates::default()), 1 => gates()];
    let small = pool().prop_filter("all choices are tried", |pool| pool.members().len() <= 6);
    (small, terms(), vec(play(), 1..=3), alerts, windows, gates).prop_map(
        |(pool, mut terms, plays, alerts, windows, gates)| {
            if pool.members().iter().any(|one| one.weight.number().is_none()) {
                terms.null_weight.get_or_insert(20);
            }
            let alert =
                |(play, member, severity)| Alert { play, member, severity, runs: Vec::new() };
            Case {
                body: Body::from(pool),
                in_workspace: false,
                terms,
                plays,
                alerts: alerts.into_iter().map(alert).collect(),
                ways: Vec::new(),
                windows,
                gates,
            }
        },
    )
}

fn words() -> impl Strategy<Value = Vec<(i64, Word)>> {
    let lasts = select(vec![190_i64, 430, 1_390]);
    let by_hand = (effect(), 0_usize..5, lasts, prop::bool::weighted(0.3))
        .prop_map(|(effect, member, lasts, force)| Word::ByHand { effect, member, lasts, force });
    let word = prop_oneof![
        10 => (0_usize..6).prop_map(Word::Fires),
        6 => (0_usize..6).prop_map(Word::Resolves),
        2 => (0_usize..5, select(vec![7_u8, 13, 37, 41, 53, 77])).prop_map(|(member, weight)| Word::Weighs(member, weight)),
        1 => (0_usize..5).prop_map(Word::PutsBack),
        1 => Just(Word::Undo),
        1 => (0_usize..5).prop_map(Word::Pause),
        2 => (0_usize..5).prop_map(Word::Resume),
        2 => by_hand,
    ];
    // One that is over soon after it began is on within its hold, and after that.
    let soon = (0_usize..6, 1_i64..=4, 1_i64..=2).prop_map(|(alert, wait, then)| {
        vec![(wait, Word::Fires(alert)), (then, Word::Resolves(alert))]
    });
    let one = (1_i64..=4, word).prop_map(|one| vec![one]);
    let words = prop_oneof![3 => one, 1 => soon];
    vec(words, 1..=16).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(config(96))]

    /// Whatever is heard, every weight and every override is what the reference says.
    #[test]
    fn the_engine_comes_to_what_the_reference_says(case in case(), words in words()) {
        live_through(&case, &words).map_err(TestCaseError::fail)?;
    }
}

/// What is followed up to two changes that are too close only, shows little: most are followed for long.
#[test]
fn histories_are_followed_for_long() {
    const HISTORIES: usize = 20;
    let mut runner = TestRunner::deterministic();
    let mut followed = || {
        let (case, words) = (case(), words()).new_tree(&mut runner).unwrap().current();
        live_through(&case, &words).unwrap()
    };
    let compared: Vec<usize> = (0..HISTORIES).map(|_| followed()).collect();
    assert!(compared.iter().sum::<usize>() > 300 * HISTORIES, "{compared:?}");
}
