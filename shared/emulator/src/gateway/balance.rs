//! Which member of a pool gets the next request.
//!
//! The group of the lowest-numbered priority that has an untripped member serves, by the weights
//! of its untripped members. A lower group gets traffic only when every member of the groups
//! above is tripped by its circuit breaker (documented): weights of 0 let nobody else in. What
//! weight 0, and null as a weight or a priority mean, is chosen by [`crate::Unpublished`].
//!
//! The choice is smooth weighted round robin: a cycle as long as the sum of the weights has every
//! member exactly as often as its weight, spread out as evenly as can be. So a short window shows
//! the weights too, which random choice, seeded or not, does only on average; tests can count to
//! the last request, and two pools with equal weights differ by what happens to them and
//! not by luck. The seed decides where in the cycle a group begins.

use crate::{
    address::last_segment,
    backend::{POOL_MEMBERS_MAX, Properties, members},
    unpublished::{NullPriority, NullWeight, Unpublished, ZeroWeight},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A member as its pool lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The last segment of its id.
    pub member: String,
    /// The weight; none where it is null.
    pub weight: Option<u32>,
    /// The priority; none where it is null.
    pub priority: Option<u32>,
}

/// The members that a pool lists.
pub(crate) fn seats(properties: &Properties) -> Vec<Seat> {
    let number = |service: &Value, key| {
        let number = service.get(key).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok())
    };
    members(properties)
        .iter()
        .filter_map(|service| {
            Some(Seat {
                member: last_segment(service.get("id")?.as_str()?).to_owned(),
                weight: number(service, "weight"),
                priority: number(service, "priority"),
            })
        })
        .take(POOL_MEMBERS_MAX)
        .collect()
}

/// The state of a member at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is no such Single.
    Absent,
    /// Its circuit breaker is open.
    Tripped,
    /// It can serve.
    Ready,
}

/// The rotations over the groups of a pool, the first to serve first.
#[derive(Debug)]
pub(crate) struct Balancer {
    groups: Vec<Group>,
    zero_weight: ZeroWeight,
}

#[derive(Debug)]
struct Group {
    members: Vec<(String, u32)>,
    current: Vec<i64>,
}

impl Balancer {
    /// Rotations over the groups, begun at `seed`; a group that `before` has too continues where it
    /// is.
    pub(crate) fn new(
        seats: &[Seat],
        seed: u64,
        unpublished: &Unpublished,
        before: Option<Self>,
    ) -> Self {
        let mut before = before.map_or(Vec::new(), |before| before.groups);
        let mut groups: BTreeMap<u32, Vec<(String, u32)>> = BTreeMap::new();
        for seat in seats {
            let weight = seat.weight.unwrap_or(match unpublished.null_weight {
                NullWeight::One | NullWeight::Refused => 1,
                NullWeight::Hundred => 100,
            });
            let priority = seat.priority.unwrap_or(match unpublished.null_priority {
                NullPriority::First | NullPriority::Refused => 0,
                NullPriority::Last => u32::MAX,
            });
            groups.entry(priority).or_default().push((seat.member.clone(), weight));
        }
        let groups = groups.into_values().map(|members| {
            match before.iter().position(|group| group.members == members) {
                Some(same) => before.swap_remove(same),
                None => Group::new(members, seed),
            }
        });
        Self { groups: groups.collect(), zero_weight: unpublished.zero_weight }
    }

    /// The next member, by the state of each.
    pub(crate) fn next(&mut self, standing: impl Fn(&str) -> Standing) -> Option<&str> {
        let down = |group: &Group| {
            let mut there = group.members.iter().map(|(member, _)| standing(member));
            let mut there = there.by_ref().filter(|s| *s != Standing::Absent).peekable();
            there.peek().is_some() && there.all(|standing| standing == Standing::Tripped)
        };
        let serving = self.groups.iter().position(|group| !down(group))?;
        let group = &mut self.groups[serving];
        let ready = |member: &str| standing(member) == Standing::Ready;
        match group.next(|member, weight| if ready(member) { weight } else { 0 }) {
            Some(index) => Some(&self.groups[serving].members[index].0),
            None if self.zero_weight == ZeroWeight::LastResort => {
                let index = group.next(|member, _| u32::from(ready(member)))?;
                Some(&self.groups[serving].members[index].0)
            }
            None => None,
        }
    }
}

impl Group {
    fn new(members: Vec<(String, u32)>, seed: u64) -> Self {
        let mut group = Self { current: vec![0; members.len()], members };
        // The rotation is the same for weights with their common factor taken out.
        let weights = group.members.iter().map(|(_, weight)| u64::from(*weight));
        let (sum, factor) = weights.fold((0, 0), |(sum, factor), w| (sum + w, gcd(factor, w)));
        if let Some(cycle) = sum.checked_div(factor) {
            for _ in 0..seed % cycle {
                group.next(|_, weight| weight);
            }
        }
        group
    }

    /// The index of the next member, by what `weight` makes of each one's own.
    fn next(&mut self, weight: impl Fn(&str, u32) -> u32) -> Option<usize> {
        let mut total = 0;
        let mut best: Option<usize> = None;
        for (index, (member, own)) in self.members.iter().enumerate() {
            let weight = weight(member, *own);
            if weight == 0 {
                continue;
            }
            self.current[index] += i64::from(weight);
            total += i64::from(weight);
            if best.is_none_or(|best| self.current[best] < self.current[index]) {
                best = Some(index);
            }
        }
        self.current[best?] -= total;
        best
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn seats_of(list: &[(&str, Option<u32>, Option<u32>)]) -> Vec<Seat> {
        let seat = |(member, weight, priority): &(&str, Option<u32>, Option<u32>)| Seat {
            member: (*member).to_owned(),
            weight: *weight,
            priority: *priority,
        };
        list.iter().map(seat).collect()
    }

    fn balancer(list: &[(&str, Option<u32>, Option<u32>)], seed: u64) -> Balancer {
        Balancer::new(&seats_of(list), seed, &Unpublished::default(), None)
    }

    fn run(list: &[(&str, Option<u32>, Option<u32>)], seed: u64, requests: usize) -> String {
        let mut balancer = balancer(list, seed);
        let mut next = |_| balancer.next(|_| Standing::Ready).unwrap_or("-").to_owned();
        (0..requests).map(&mut next).collect()
    }

    #[test]
    fn rotations() {
        let check = |list: &[_], seed, want: expect_test::Expect| {
            want.assert_eq(&run(list, seed, 12));
        };
        let w = |n| Some(n);
        check(&[("a", w(5), None), ("b", w(1), None)], 0, expect!["aaabaaaaabaa"]);
        check(&[("a", w(5), None), ("b", w(1), None)], 2, expect!["abaaaaabaaaa"]);
        check(&[("a", w(50), None), ("b", w(10), None)], 0, expect!["aaabaaaaabaa"]);
        check(&[("a", None, None), ("b", None, None)], 0, expect!["abababababab"]);
        check(&[("a", None, None), ("b", None, None)], 1, expect!["babababababa"]);
        check(&[("a", w(0), None), ("b", w(3), None)], 0, expect!["bbbbbbbbbbbb"]);
        check(&[("a", w(0), None), ("b", w(0), w(0))], 0, expect!["------------"]);
        check(&[("a", w(1), w(1)), ("b", w(100), w(2))], 0, expect!["aaaaaaaaaaaa"]);
        check(&[("a", w(0), w(1)), ("b", w(100), w(2))], 0, expect!["------------"]);
        check(&[("a", w(1), w(1)), ("b", w(1), None)], 0, expect!["bbbbbbbbbbbb"]);
        check(&[("a", None, None), ("b", w(2), None)], 0, expect!["babbabbabbab"]);
        check(&[], 7, expect!["------------"]);
    }

    #[test]
    fn every_cycle_has_every_member_as_often_as_its_weight() {
        let list = [("a", Some(7), None), ("b", Some(2), None), ("c", Some(1), None)];
        for seed in 0..20 {
            let picks = run(&list, seed, 10);
            for (member, weight, _) in list {
                let times = picks.matches(member).count();
                assert_eq!(Some(times), weight.map(|w: u32| w as usize), "{seed}: {picks}");
            }
        }
    }

    #[test]
    fn who_serves_by_how_each_stands() {
        let list = [
            ("a", Some(1), Some(1)),
            ("b", Some(1), Some(1)),
            ("c", Some(3), Some(2)),
            ("d", Some(1), Some(2)),
            ("e", Some(1), None),
        ];
        let check = |from: usize, tripped: &str, absent: &str, want: &str| {
            let mut balancer = balancer(&list[from..], 0);
            let standing = |member: &str| match member {
                member if tripped.contains(member) => Standing::Tripped,
                member if absent.contains(member) => Standing::Absent,
                _ => Standing::Ready,
            };
            let mut next = |_| balancer.next(standing).unwrap_or("-").to_owned();
            let picks: String = (0..4).map(&mut next).collect();
            assert_eq!(picks, want, "tripped {tripped}, absent {absent}");
        };
        check(0, "", "", "eeee");
        check(0, "e", "", "abab");
        check(0, "ea", "", "bbbb");
        check(0, "eab", "", "ccdc");
        check(0, "eabc", "", "dddd");
        check(0, "eabcd", "", "----");
        // Who is not there leaves its share to the rest and does not hold its group up.
        check(0, "eb", "a", "ccdc");
        check(0, "e", "ab", "----");
        check(2, "", "c", "eeee");
    }

    #[test]
    fn what_nobody_has_published_about_weights() {
        let check = |list: &[_], unpublished: Unpublished, want: &str| {
            let mut balancer = Balancer::new(&seats_of(list), 0, &unpublished, None);
            let mut next = |_| balancer.next(|_| Standing::Ready).unwrap_or("-").to_owned();
            let picks: String = (0..4).map(&mut next).collect();
            assert_eq!(picks, want, "{unpublished:?}");
        };
        let default = Unpublished::default;
        let list = [("a", Some(0), Some(1)), ("b", Some(0), Some(1)), ("c", Some(1), Some(2))];
        check(&list, default(), "----");
        let last_resort = || Unpublished { zero_weight: ZeroWeight::LastResort, ..default() };
        check(&list, last_resort(), "abab");
        check(&[("a", Some(0), None), ("b", Some(1), None)], last_resort(), "bbbb");
        let hundred = Unpublished { null_weight: NullWeight::Hundred, ..default() };
        check(&[("a", None, None), ("b", Some(33), None)], hundred, "aaba");
        let last = Unpublished { null_priority: NullPriority::Last, ..default() };
        check(&[("a", None, None), ("b", None, Some(100))], last, "bbbb");
    }

    #[test]
    fn a_group_that_stays_as_it_is_goes_on() {
        let mut before = balancer(&[("a", Some(1), Some(1)), ("b", Some(1), Some(1))], 0);
        assert_eq!(before.next(|_| Standing::Ready), Some("a"));
        let seats =
            seats_of(&[("a", Some(1), Some(1)), ("b", Some(1), Some(1)), ("c", Some(1), Some(2))]);
        let mut after = Balancer::new(&seats, 0, &Unpublished::default(), Some(before));
        assert_eq!(after.next(|_| Standing::Ready), Some("b"));
    }
}
