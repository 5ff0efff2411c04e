use proptest::{collection::vec, prelude::*, sample::select};

use super::super::{
    Contribution, Laid, Terms, Yielded, lay_pool,
    tests::{over, pool},
    whole::SCALE,
};
use crate::{
    field::Field,
    fraction::Fraction,
    limits::{LeastMembers, Limits},
};

/// Members with their weights, and to what part some of them are to be shifted, in order.
#[derive(Clone, Debug)]
struct Case {
    weights: Vec<u8>,
    shifts: Vec<(usize, Fraction)>,
    least_share: Fraction,
    least_members: u8,
}

impl Case {
    /// Which of the shifts are held, and the numbers that are written.
    fn lay(&self) -> (Vec<bool>, Vec<u8>) {
        let name = |at: usize| format!("m{at}");
        let members: Vec<String> = self
            .weights
            .iter()
            .enumerate()
            .map(|(at, weight)| format!("{} {weight}", name(at)))
            .collect();
        let baseline = pool(&members.join(", "));
        let limits = Limits {
            least_members: LeastMembers::Count(self.least_members),
            least_share: Some(self.least_share),
            ..Limits::default()
        };
        let terms = Terms { limits, ..Terms::default() };
        let overrides: Vec<_> = self
            .shifts
            .iter()
            .enumerate()
            .map(|(place, (at, to))| over(place, &format!("shift {} {to}", name(*at))).0)
            .collect();
        let contributions: Vec<_> =
            overrides.iter().map(|over| Contribution::of(over, Fraction::NONE)).collect();
        let laid = lay_pool(&baseline, &terms, &contributions, &Yielded::new());
        let reversed: Vec<_> = contributions.iter().rev().copied().collect();
        assert_eq!(
            lay_pool(&baseline, &terms, &reversed, &Yielded::new()),
            laid,
            "the order left a trace"
        );
        let Laid { values, held, .. } = laid;
        let written = baseline.with(values.iter().map(|(field, value)| (field, value.clone())));
        let number = |at: usize| {
            let weight = written.get(&Field::weight(&name(at).parse().unwrap()));
            weight.unwrap().number().unwrap()
        };
        let held = overrides.iter().map(|over| held.contains_key(&over.id)).collect();
        (held, (0..self.weights.len()).map(number).collect())
    }

    /// Whether enough of the baseline remains, told from nothing but the two: the factor is the
    /// largest ratio of a number to its own weight in the baseline, and at least 1.
    fn keeps_share(&self, written: &[u8]) -> bool {
        let of = |(written, own): (&u8, &u8)| (u64::from(*written), u64::from(*own));
        let members: Vec<(u64, u64)> = written.iter().zip(&self.weights).map(of).collect();
        let factor = members.iter().copied().fold((1, 1), |(most, of), (written, own)| {
            if written * of > most * own { (written, own) } else { (most, of) }
        });
        let kept: u64 = members.iter().map(|(written, _)| written * factor.1).sum();
        let whole: u64 = members.iter().map(|(_, own)| own * factor.0).sum();
        kept * 10_000 >= whole * u64::from(self.least_share.basis_points())
    }

    /// What each member's weight is, in parts, by these of the shifts.
    fn exact(&self, shifts: impl Iterator<Item = usize>) -> Vec<u64> {
        let whole = |weight: &u8| u64::from(*weight) * u64::from(SCALE);
        let mut exact: Vec<u64> = self.weights.iter().map(whole).collect();
        for (at, to) in shifts.map(|shift| self.shifts[shift]) {
            let part = u64::from(self.weights[at]) * u64::from(to.basis_points());
            exact[at] = exact[at].min(part);
        }
        exact
    }
}

fn case() -> impl Strategy<Value = Case> {
    let weight = || prop_oneof![select(vec![1_u8, 2, 5, 10, 50, 100]), 1..=100_u8];
    let weights = prop_oneof![
        vec(weight(), 2..=30),
        (weight(), 2..=30_usize).prop_map(|(one, of)| vec![one; of])
    ];
    let part = || {
        let percent = (0..=10_000_u16, prop::bool::weighted(0.7));
        percent.prop_map(|(part, whole)| if whole { part / 100 * 100 } else { part })
    };
    let fraction = |part| Fraction::try_from(part).unwrap();
    // Often all to one part, as one play has it.
    let shifts = prop_oneof![
        vec((any::<usize>(), part()), 1..=12),
        (vec(any::<usize>(), 1..=30), part())
            .prop_map(|(members, part)| members.into_iter().map(|at| (at, part)).collect()),
    ];
    (weights, shifts, part(), 1..=30_u8).prop_map(move |(weights, shifts, least, least_members)| {
        let shifts = shifts.iter().map(|(at, part)| (at % weights.len(), fraction(*part)));
        Case {
            shifts: shifts.collect(),
            least_share: fraction(least.max(1)),
            least_members,
            weights,
        }
    })
}

#[test]
fn rounding_passes_no_limit() {
    // Rounded to the nearest, nine of 4 and one of 5 would be written: 82%.
    let case = Case {
        weights: vec![5; 10],
        shifts: (0..9).map(|at| (at, Fraction::percent(88))).collect(),
        least_share: Fraction::percent(85),
        least_members: 1,
    };
    assert_eq!(case.lay(), (vec![false; 9], vec![9, 9, 9, 9, 9, 9, 9, 9, 9, 10]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_keeps_the_limits_and_what_keeps_them_is_not_held(case in case()) {
        let (held, written) = case.lay();
        prop_assert!(case.keeps_share(&written), "{written:?}");
        let least = usize::from(case.least_members).min(case.weights.len());
        prop_assert!(written.iter().filter(|number| **number > 0).count() >= least, "{written:?}");
        let admitted = |shift: &usize| !held[*shift];
        let exact = case.exact((0..held.len()).filter(admitted));
        for (exact, written) in exact.iter().zip(&written) {
            prop_assert_eq!(*exact == 0, *written == 0, "{:?}", written);
        }
        for shift in (0..held.len()).filter(|shift| held[*shift]) {
            let exact = case.exact((0..shift).filter(admitted).chain([shift]));
            let serve = exact.iter().filter(|weight| **weight > 0).count();
            let kept = exact.iter().sum::<u64>();
            let whole: u64 = case.weights.iter().map(|weight| u64::from(*weight)).sum();
            let keeps = kept >= whole * u64::from(case.least_share.basis_points());
            prop_assert!(serve < least || !keeps, "{shift} is held");
        }
    }
}
