//! What spans pools: backends of two zones are never out together, nor more of one than may be; and what waits for
//! another pool begins once that serves again. Worked out from what each pool is and what its owner left.

use std::collections::{BTreeMap, BTreeSet};

use pointsman_core::{
    limits::TagLimit,
    names::{BackendId, BackendName, TagName},
    overrides::{Held, Override, Standing},
    pool::Pool,
    signal::Heard,
};
use proptest::prelude::*;

use crate::{
    azure::{ReadFault, WriteFault, pool},
    case::{config, pair, ways},
    outside::Outside,
    runs::{Of, of, place, signal},
    world::{World, backend, book, second_backend, undo},
};

/// The members that serve as their owner left them, and of those the ones that do not now.
fn out(owner: &Pool, now: &Pool) -> (usize, BTreeSet<BackendName>) {
    let serving: Vec<_> = owner.members().iter().filter(|one| owner.serves(&one.name)).collect();
    let is_out = |name: &BackendName| {
        now.members().iter().any(|one| one.name == *name && one.weight.number() == Some(0))
    };
    let out = serving.iter().map(|one| one.name.clone()).filter(is_out).collect();
    (serving.len(), out)
}

/// What is wrong where these backends are out, each with its value of a tag.
fn wrong(limit: TagLimit, out: &BTreeMap<BackendId, String>) -> Option<String> {
    let mut values: BTreeMap<&String, usize> = BTreeMap::new();
    out.values().for_each(|value| *values.entry(value).or_default() += 1);
    let is_mixed = limit.never_together && values.len() > 1;
    let is_many = limit.most_out.is_some_and(|most| values.values().any(|out| *out > most));
    (is_mixed || is_many).then(|| format!("these are out at once: {out:?}"))
}

impl Outside {
    /// The backends with a tag that are out of any pool.
    fn out_with(&self, tag: &TagName) -> BTreeMap<BackendId, String> {
        let book = self.generations.last().unwrap();
        let pools = [(backend(), Some(&self.azure)), (second_backend(), self.second.as_ref())];
        let out = pools.into_iter().filter_map(|(id, azure)| {
            let (owner, now) = (azure?.owner.pool()?, azure?.pool()?);
            Some(out(owner, now).1.into_iter().map(move |name| id.sibling(name)))
        });
        let tagged = |id: BackendId| Some((id.clone(), book.tag_of(tag, &id)?.to_owned()));
        out.flatten().filter_map(tagged).collect()
    }

    /// Holds what is out now against what the playbook says of tags, which it has said all along.
    pub(crate) fn audit_tags(&mut self) {
        let [book] = self.generations.as_slice() else { return };
        let broken = book.limits.iter().find_map(|(tag, limit)| wrong(*limit, &self.out_with(tag)));
        if let Some(text) = broken {
            self.violation("I5", &text);
        }
    }

    /// Whether one would break what the playbook says of a tag, were it to begin now.
    pub(crate) fn is_kept_back_by_tag(
        &self,
        pool: &BackendId,
        over: &Override,
        tag: &TagName,
    ) -> bool {
        let book = self.generations.last().unwrap();
        let mut out = self.out_with(tag);
        for name in over.effect.members() {
            let id = pool.sibling(name);
            out.extend(book.tag_of(tag, &id).map(|value| (id.clone(), value.to_owned())));
        }
        book.limits.get(tag).is_some_and(|limit| wrong(*limit, &out).is_some())
    }

    /// Whether alerts ask for more than a share of a pool's members to be out.
    pub(crate) fn is_in_panic(&self, pool: &BackendId, most: u16) -> bool {
        let azure = match &self.second {
            Some(second) if *pool == second_backend() => second,
            Some(_) | None => &self.azure,
        };
        let (Some(owner), Some(document)) = (azure.owner.pool(), self.document_of(pool)) else {
            return true;
        };
        let is_wanted = |over: &&Override| {
            let is_kept = match &over.standing {
                Standing::Held(why) => {
                    why.is_by_gate()
                        && !matches!(
                            why,
                            Held::Panic { .. } | Held::OverBudget { .. } | Held::ManyWrites { .. }
                        )
                }
                Standing::Unseen | Standing::Admitted | Standing::Yielded => false,
            };
            over.origin.play().is_some() && over.effect.drains() && !is_kept
        };
        let wanted = document.overrides.values().filter(is_wanted);
        let asked: BTreeSet<BackendName> =
            wanted.flat_map(|over| over.effect.members()).filter(|one| owner.serves(one)).collect();
        let serving = owner.members().iter().filter(|one| owner.serves(&one.name)).count();
        asked.len() * 10_000 > serving * usize::from(most)
    }
}

/// What happens at a time.
#[derive(Clone, Debug)]
enum Event {
    Fires { series: u8, of: Of },
    Resolves { series: u8 },
    Fault { second: bool, fault: WriteFault },
    Blind { second: bool, wait: i64 },
    Together { one: Of, other: Of },
    Undo { second: bool },
    Crash { place: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let fault = prop_oneof![
        Just(WriteFault::LostAfter),
        Just(WriteFault::LostBefore),
        (1_i64..400).prop_map(WriteFault::Late),
        (10_i64..400).prop_map(|wait| WriteFault::Throttled(Some(wait))),
        Just(WriteFault::Outrun),
    ];
    prop_oneof![
        6 => (0_u8..5, of()).prop_map(|(series, of)| Event::Fires { series, of }),
        5 => (0_u8..5).prop_map(|series| Event::Resolves { series }),
        2 => (any::<bool>(), fault).prop_map(|(second, fault)| Event::Fault { second, fault }),
        1 => (any::<bool>(), 10_i64..600).prop_map(|(second, wait)| Event::Blind { second, wait }),
        3 => (of(), of()).prop_map(|(one, other)| Event::Together { one, other }),
        1 => any::<bool>().prop_map(|second| Event::Undo { second }),
        1 => (0_usize..2).prop_map(|place| Event::Crash { place }),
    ]
}

proptest! {
    #![proptest_config(config(256))]

    /// Whatever comes between: alerts that begin together at both pools, throttled, lost and late writes, crashes,
    /// and two processes that look at once.
    #[test]
    fn b7_what_spans_pools_holds_at_all_times(
        limit in prop::sample::select(vec!["neverTogether: true", "mostOut: 1", "neverTogether: true, mostOut: 1"]),
        rest in prop::sample::select(vec!["", "    hold: 3m\n", "    ramp: {steps: [50%], every: 2m}\n"]),
        of_pool in prop::sample::select(vec!["", ", mostOut: 1", ", panic: 50%"]),
        events in prop::collection::vec((0_i64..400, event()), 1..14), seed in any::<u64>(),
        pair in pair(), ways in ways(),
    ) {
        let playbook = book(&format!(
            "pools:\n  pool: {{service: main, backend: pool, limits: {{leastMembers: 1{of_pool}}}}}\n  \
             second: {{service: main, backend: pool2, limits: {{leastMembers: 1}}}}\nbackends:\n  \
             m0: {{service: main, tags: {{zone: one}}}}\n  m1: {{service: main, tags: {{zone: two}}}}\n  \
             m2: {{service: main, tags: {{zone: one}}}}\nlimits: {{zone: {{{limit}}}}}\nplays:\n  - name: drain\n    \
             when: signal.labels.alertname == \"BackendErrors\"\n    \
             do: [{{drain: {{pool: \"${{signal.labels.pool}}\", member: \"${{signal.labels.backend}}\"}}}}]\n{rest}"
        ));
        let mut world = World::new(pool("m0 50, m1 50, m2 50, m3 50"), playbook)
            .with_second(pool("m0 10, m1 10, m2 10, m3 10"))
            .with_pair(&pair)
            .with_ways(&ways)
            .with_clocks(&[0, 0])
            .with_seed(seed);
        let mut fired = BTreeMap::new();
        for (wait, event) in events {
            world.pass(wait);
            let now = world.now;
            let mut fire = |world: &mut World, series: u8, of: Of| {
                fired.insert(series, (of, now));
                world.deliver(usize::from(series % 2), &[signal(series, of, now, Heard::Fired)]);
            };
            match event {
                Event::Fires { series, of } => fire(&mut world, series, of),
                Event::Together { one, other } => {
                    fire(&mut world, 6, (one.0, false));
                    fire(&mut world, 7, (other.0, true));
                    world.run();
                }
                Event::Resolves { series } => {
                    let Some((of, started)) = fired.remove(&series) else { continue };
                    let mut resolve = signal(series, of, started, Heard::Resolved { stated: Some(now) });
                    resolve.received = now;
                    world.deliver(usize::from(series % 2), &[resolve]);
                }
                Event::Fault { second, fault } => {
                    world.azure_of(&place(second)).writes.push_back(fault);
                }
                Event::Blind { second, wait } => {
                    world.azure_of(&place(second)).reads.push_back(ReadFault::Throttled(wait));
                }
                Event::Undo { second } => world.handle(0, &undo(place(second))),
                Event::Crash { place } => {
                    world.stages(place, 7);
                    world.crash(place);
                }
            }
        }
        world.calm_down();
        // One after the other ends, and what waited for it begins.
        for (series, (of, started)) in fired {
            let now = world.now;
            let mut resolve = signal(series, of, started, Heard::Resolved { stated: Some(now) });
            resolve.received = now;
            world.hear(&[resolve]);
            world.pass(600);
            world.calm_down();
        }
        world.settle();
        world.check(&["I3", "I4", "I4-again", "I5", "I6"]).map_err(TestCaseError::fail)?;
        world.restored().map_err(TestCaseError::fail)?;
    }
}
