//! What a document knows of the occurrences behind an override, against a set that knows all.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{fraction::Fraction, lease::Until};

const LENGTH: i64 = 100;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn asked(generation: u64, severity: usize, started: i64, since: i64) -> Asked {
    Asked {
        generation,
        effect: Effect::Shift {
            member: "eu".parse().unwrap(),
            to: Fraction::percent(u8::try_from(10 * generation).unwrap()),
        },
        lease: Lease {
            until: Until::Resolved { at_most: SignedDuration::from_secs(LENGTH) },
            hold: SignedDuration::ZERO,
            ramp: Vec::new(),
            every: SignedDuration::ZERO,
        },
        after: Vec::new(),
        alert: Shown::default(),
        severity: Severity::ALL[severity].1,
        started: at(started),
        since: at(since),
        silent: None,
    }
}

fn series(number: usize) -> SeriesId {
    format!("prometheus/{number:03}").parse().unwrap()
}

#[derive(Clone, Debug)]
enum Event {
    Asks(usize, u64, usize, i64),
    Ends(usize),
    Passes(i64),
}

fn event() -> impl Strategy<Value = Event> {
    let asks = (0..30_usize, 1..4_u64, 0..4_usize, 0..50_i64).prop_map(
        |(number, generation, severity, started)| {
            Event::Asks(number, generation, severity, started)
        },
    );
    prop_oneof![
        6 => asks,
        3 => (0..30_usize).prop_map(Event::Ends),
        1 => (1..40_i64).prop_map(Event::Passes),
    ]
}

proptest! {
    #[test]
    fn the_known_ones_are_the_strongest_that_are_on(
        events in prop::collection::vec(event(), 1..120), begun in prop::option::of(0..30_i64),
    ) {
        let begun = begun.map(at);
        let (mut behind, mut all, mut now) = (Behind::default(), BTreeMap::new(), 50);
        for event in &events {
            match event {
                Event::Asks(number, generation, severity, started) => {
                    let asked = asked(*generation, *severity, *started, now);
                    behind.take_in(&series(*number), &asked);
                    all.insert(series(*number), asked);
                }
                Event::Ends(number) => {
                    behind.remove(&series(*number));
                    all.remove(&series(*number));
                }
                Event::Passes(seconds) => now += seconds,
            }
            // What the store would give.
            let on = |asked: &Asked| asked.expires(begun) > at(now);
            let mut found: Vec<(SeriesId, Asked)> =
                all.iter().filter(|(_, asked)| on(asked)).map(|(id, asked)| (id.clone(), asked.clone())).collect();
            found.sort_by(|(one, asked), (other, more)| Recall::order((one, asked), (other, more)));
            behind.expire(begun, at(now));
            if behind.is_wanting(begun, at(now)) {
                behind.recall(found.iter().take(RECALLED_MAX).cloned().collect());
            }
            let strongest = found.first().map(|(id, asked)| (id, asked));
            prop_assert_eq!(behind.strongest(), strongest, "{:?}", behind);
            let known: BTreeMap<_, _> = found.iter().take(behind.known().len()).cloned().collect();
            prop_assert_eq!(behind.known(), &known);
            prop_assert_eq!(behind.is_empty(), found.is_empty());
            prop_assert!(known.len() <= KNOWN_MAX);
            prop_assert!(behind.has_more() || known.len() == found.len());
        }
    }
}
