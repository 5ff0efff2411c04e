//! Those that are admitted all at once are those that are admitted one by one.

use proptest::{collection::vec, option, prelude::*};

use super::{
    super::{
        given::Yielded,
        tests::{over, pool},
    },
    *,
};
use crate::limits::{LeastMembers, Limits, Terms};

/// A member, with its weight, and whether Azure itself may leave it out.
fn members() -> impl Strategy<Value = String> {
    vec((0..=12_u8, 0..3_u8, any::<bool>()), 2..7).prop_map(|members| {
        let member = |(at, (weight, group, doubt)): (usize, (u8, u8, bool))| {
            let doubt = if doubt && at % 3 == 0 { "?" } else { "" };
            format!("{doubt}m{at} {weight}@{}", group / 2 + 1)
        };
        members.into_iter().enumerate().map(member).collect::<Vec<_>>().join(", ")
    })
}

fn asked() -> impl Strategy<Value = String> {
    let who = prop_oneof![Just(""), Just("!"), Just("*")];
    let what = prop_oneof![
        3 => (0..7_u8).prop_map(|at| format!("drain m{at}")),
        4 => (0..7_u8, 0..=100_u8).prop_map(|(at, to)| format!("shift m{at} {to}%")),
        1 => (0..7_u8, 0..=100_u8).prop_map(|(at, to)| format!("split m{at} {to}")),
        1 => (0..7_u8).prop_map(|at| format!("promote m{at}")),
        1 => (0..7_u8, 0..=100_u8).prop_map(|(at, back)| format!("drain m{at} ~{back}%")),
    ];
    (who, what).prop_map(|(who, what)| format!("{who}{what}"))
}

fn terms() -> impl Strategy<Value = Terms> {
    let percent = || (0..=100_u8).prop_map(Fraction::percent);
    let members = prop_oneof![Just(LeastMembers::Half), (1..4_u8).prop_map(LeastMembers::Count)];
    let capacity = (option::of(0..40_u32), vec(0..20_u32, 7));
    (members, option::of(percent()), option::of(0..4_usize), capacity).prop_map(
        |(least_members, least_share, most_out, (least_capacity, of))| Terms {
            limits: Limits {
                least_members,
                least_share,
                least_capacity,
                most_out,
                ..Limits::default()
            },
            capacity: (0..).zip(of).map(|(at, of)| (name(at), of)).collect(),
            ..Terms::default()
        },
    )
}

fn name(at: u8) -> crate::names::BackendName {
    format!("m{at}").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn all_at_once_is_as_one_by_one(
        members in members(),
        asked in vec(asked(), 0..9),
        terms in terms(),
    ) {
        let (pool, yielded) = (pool(&members), Yielded::new());
        let listed = pool.members().len();
        let Ok(ground) = Ground::of(&pool, listed, &terms, &yielded) else { return Ok(()) };
        let overs: Vec<_> = asked.iter().enumerate().map(|(at, text)| over(at, text)).collect();
        let all: Vec<_> = overs.iter().map(|(over, back)| Contribution::of(over, *back)).collect();
        let mut waiting: Vec<Waiting<'_, '_>> = Vec::new();
        for one in &all {
            let targets = ground.targets(one).unwrap_or_default();
            waiting.extend((!targets.is_empty()).then_some((one, targets)));
        }
        waiting.sort_unstable_by_key(|(one, _)| one.over.rank());
        let Some(at_once) = all_at_once(&ground, &waiting) else { return Ok(()) };
        let count = waiting.len();
        let mut laid = Laid::default();
        let (one_by_one, kept) = one_by_one(&ground, waiting, &mut laid);
        prop_assert_eq!(laid, Laid::default());
        prop_assert_eq!(kept.iter().map(Vec::len).sum::<usize>(), count);
        prop_assert!(at_once == one_by_one);
    }
}
