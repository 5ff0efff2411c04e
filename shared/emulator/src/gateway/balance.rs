//! Which member of a pool gets the next request.
//!
//! The members of the lowest-numbered priority serve, by their weights; a lower group gets
//! nothing, since only breakers could let it in and breakers are not emulated. Weight 0 gets
//! nothing (assumed); weights that are all null are equal; a null beside numbers counts as 1, and
//! a null priority as 0 (both assumed).
//!
//! The choice is smooth weighted round robin: a cycle as long as the sum of the weights has every
//! member exactly as often as its weight, spread out as evenly as can be. So a short window shows
//! the weights too, which random choice, seeded or not, does only on average; tests can count to
//! the last request, and two pools with equal weights are told apart by what happens to them and
//! not by luck. The seed decides where in the cycle a pool begins.

use crate::{
    address::last_segment,
    backend::{POOL_MEMBERS_MAX, Properties},
};
use serde_json::Value;

/// A member as its pool lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) member: String,
    pub(crate) weight: Option<u32>,
    pub(crate) priority: Option<u32>,
}

/// The members that a pool lists.
pub(crate) fn seats(properties: &Properties) -> Vec<Seat> {
    let services = properties
        .get("pool")
        .and_then(|pool| pool.get("services"))
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let number = |service: &Value, key| {
        let number = service.get(key).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok())
    };
    services
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

/// The rotation over the serving group of a pool.
#[derive(Debug)]
pub(crate) struct Balancer {
    group: Vec<(String, u32)>,
    current: Vec<i64>,
}

impl Balancer {
    /// A rotation over the members of the first priority, begun at `seed`.
    pub(crate) fn new(seats: &[Seat], seed: u64) -> Self {
        let group = serving(seats);
        let mut balancer = Self { current: vec![0; group.len()], group };
        // The rotation is the same for weights with their common factor taken out.
        let weights = balancer.group.iter().map(|(_, weight)| u64::from(*weight));
        let (sum, factor) = weights.fold((0, 0), |(sum, factor), w| (sum + w, gcd(factor, w)));
        if let Some(cycle) = sum.checked_div(factor) {
            for _ in 0..seed % cycle {
                balancer.next(|_| true);
            }
        }
        balancer
    }

    /// Whether this rotation is over the group that `seats` gives: then it can go on.
    pub(crate) fn serves(&self, seats: &[Seat]) -> bool {
        self.group == serving(seats)
    }

    /// The next member among those that are `usable`.
    pub(crate) fn next(&mut self, usable: impl Fn(&str) -> bool) -> Option<&str> {
        let mut total = 0;
        let mut best: Option<usize> = None;
        for (index, (member, weight)) in self.group.iter().enumerate() {
            if *weight == 0 || !usable(member) {
                continue;
            }
            self.current[index] += i64::from(*weight);
            total += i64::from(*weight);
            if best.is_none_or(|best| self.current[best] < self.current[index]) {
                best = Some(index);
            }
        }
        let best = best?;
        self.current[best] -= total;
        Some(&self.group[best].0)
    }
}

fn serving(seats: &[Seat]) -> Vec<(String, u32)> {
    let priority = |seat: &Seat| seat.priority.unwrap_or(0);
    let Some(first) = seats.iter().map(priority).min() else {
        return Vec::new();
    };
    seats
        .iter()
        .filter(|seat| priority(seat) == first)
        .map(|seat| (seat.member.clone(), seat.weight.unwrap_or(1)))
        .collect()
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

    fn run(list: &[(&str, Option<u32>, Option<u32>)], seed: u64, requests: usize) -> String {
        let mut balancer = Balancer::new(&seats_of(list), seed);
        (0..requests).map(|_| balancer.next(|_| true).unwrap_or("-").to_owned()).collect()
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
    fn a_member_that_is_missing_leaves_its_share_to_the_rest() {
        let list = [("a", Some(1), None), ("b", Some(1), None), ("c", Some(2), None)];
        let mut balancer = Balancer::new(&seats_of(&list), 0);
        let picks: String =
            (0..6).map(|_| balancer.next(|member| member != "c").unwrap().to_owned()).collect();
        assert_eq!(picks, "ababab");
    }
}
