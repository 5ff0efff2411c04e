//! A pool as a whole: each member with its weight, its share of the traffic, and what is to come.

use jiff::Timestamp;
use pointsman_core::{
    document::{Document, SightBy},
    field::{Field, Value as Number},
    fraction::{Fraction, WHOLE_BASIS_POINTS},
    id::OverrideId,
    lay::{Also, Laid},
    lease::later,
    overrides::{Life, Standing},
    pool,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    backend::Waits,
    value::{Effect, Value},
    words::Reader,
};

/// A pool, as it was seen last; in a shadow's view, as it would have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pool {
    /// When it was seen so.
    pub seen: Timestamp,
    /// From what that is known.
    pub by: SeenBy,
    /// Its members, in Azure's order.
    pub members: Vec<Member>,
}

/// From what it is known how a pool looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SeenBy {
    /// It was read.
    Read,
    /// Azure answered our own write so.
    Answer,
}

/// A member of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its name.
    pub member: String,
    /// The group that it is in now: the number of its priority, 0 where it has none.
    pub group: u8,
    /// The group that its owner put it into.
    pub owner_group: u8,
    /// The weight that its owner left it.
    pub owner_weight: Value,
    /// Its weight now.
    pub weight: Value,
    /// Its share of the pool's traffic now, in percent: `"37.5%"`, and `"0%"` where its group does not
    /// serve. Left out where nulls stand beside numbers, and nobody has said what null counts as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// Why it is made to serve, where no alert asked for that: without it, a limit would not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted: Option<Promoted>,
    /// The next step by which it gets its weight back, where one is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<NextStep>,
    /// The ids of the overrides that are about it.
    pub overrides: Vec<String>,
    /// The ids of those of them that are held.
    pub held: Vec<String>,
}

/// Why a standby is made to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Promoted {
    /// The ids of the overrides that it makes up for.
    pub by: Vec<String>,
    /// The same in words.
    pub says: String,
}

/// The next step of a ramp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextStep {
    /// The id of the override that gives back; left out where none has anything to give any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How much it will have given back then, in percent.
    pub gives_back: String,
    /// When, at the earliest; left out where that is as soon as it can be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl NextStep {
    /// All that is left of a field that nothing is asked of any more, and that is not written yet.
    fn rest(document: &Document, laid: &Laid, field: &Field) -> Option<Self> {
        let owned = document.owned.get(field)?;
        let wanted = laid.values.get(field).unwrap_or(&owned.baseline);
        let is_left = !owned.written.means(&owned.baseline) && wanted.means(&owned.baseline);
        is_left.then(|| Self {
            id: None,
            gives_back: Fraction::WHOLE.to_string(),
            at: owned.unmet().map(|unmet| unmet.until),
        })
    }

    /// `50% at 07:45`; `50% waits, from 07:45` where something keeps it back.
    #[must_use]
    pub fn says(&self, reader: &Reader, waits: Option<Waits>) -> String {
        let (back, at) = (&self.gives_back, self.at.filter(|at| *at > reader.now()));
        match (at.map(|at| reader.clock(at)), waits) {
            (Some(at), None) => format!("{back} at {at}"),
            (None, None) => format!("{back} now"),
            (Some(at), Some(_)) => format!("{back} waits, from {at}"),
            (None, Some(_)) => format!("{back} waits"),
        }
    }
}

/// The group of a member: none counts as 0.
fn group(priority: &Number) -> u8 {
    priority.number().unwrap_or(0)
}

impl Pool {
    /// The pool of a document, as it was seen last. `laid` is what was decided for it; `null_weight` what
    /// null counts as beside numbers, where the playbook says that.
    #[must_use]
    pub fn of(
        document: &Document,
        laid: &Laid,
        null_weight: Option<u8>,
        reader: &Reader,
    ) -> Option<Self> {
        let sight = document.sight.as_ref()?;
        let pool = sight.pool()?;
        let shares = shares(pool, null_weight);
        let members = pool.members().iter().zip(shares);
        let member = |(one, share)| Member::of((document, laid), one, share, reader);
        Some(Self {
            seen: sight.at,
            by: match sight.by {
                SightBy::Read => SeenBy::Read,
                SightBy::Answer => SeenBy::Answer,
            },
            members: members.map(member).collect(),
        })
    }
}

impl Member {
    fn of(
        (document, laid): (&Document, &Laid),
        now: &pool::Member,
        share: Option<Fraction>,
        reader: &Reader,
    ) -> Self {
        let (weight, priority) = (Field::weight(&now.name), Field::priority(&now.name));
        fn left<'a>(document: &'a Document, field: &Field, shown: &'a Number) -> &'a Number {
            document.owned.get(field).map_or(shown, |one| &one.baseline)
        }
        let about = || {
            let overrides = document.overrides.values();
            overrides.filter(|over| {
                over.effect.fields().iter().any(|field| *field == weight || *field == priority)
            })
        };
        let held = about()
            .filter(|over| matches!(&over.standing, Standing::Held(why) if !why.is_shadow()));
        Self {
            member: now.name.to_string(),
            group: group(&now.priority),
            owner_group: group(left(document, &priority, &now.priority)),
            owner_weight: left(document, &weight, &now.weight).into(),
            weight: (&now.weight).into(),
            share: share.map(|share| share.to_string()),
            promoted: Promoted::of((document, laid), &priority, reader),
            next: (about().filter_map(next_step).min_by_key(|next| next.at))
                .or_else(|| NextStep::rest(document, laid, &weight)),
            overrides: about().map(|over| over.id.to_string()).collect(),
            held: held.map(|over| over.id.to_string()).collect(),
        }
    }

    /// `2 -> 1`; the number alone where its owner put it there.
    #[must_use]
    pub fn groups(&self) -> String {
        match self.group == self.owner_group {
            true => self.group.to_string(),
            false => format!("{} -> {}", self.owner_group, self.group),
        }
    }
}

impl Promoted {
    fn of((document, laid): (&Document, &Laid), priority: &Field, reader: &Reader) -> Option<Self> {
        laid.why.get(priority).filter(|why| why.also == Some(Also::Promoted))?;
        let by = laid.owners.get(priority)?;
        Some(Self {
            by: by.iter().map(ToString::to_string).collect(),
            says: format!(
                "{}promoted because of {}",
                reader.tells("", "would be "),
                effects(document, by)
            ),
        })
    }
}

/// How many effects a reason names.
pub(crate) const EFFECTS_MAX: usize = 3;

/// What these overrides do, each once: `drain eu, drain us`.
pub(crate) fn effects<'a>(
    document: &Document,
    ids: impl IntoIterator<Item = &'a OverrideId>,
) -> String {
    let overrides = ids.into_iter().filter_map(|id| document.overrides.get(id));
    let mut says: Vec<String> = overrides.map(|over| Effect::from(&over.effect).says).collect();
    says.sort_unstable();
    says.dedup();
    let more = says.len().saturating_sub(EFFECTS_MAX);
    says.truncate(EFFECTS_MAX);
    match more {
        0 => says.join(", "),
        more => format!("{} and {more} more", says.join(", ")),
    }
}

fn next_step(over: &pointsman_core::overrides::Override) -> Option<NextStep> {
    let Life::Ended { steps, .. } = &over.life else { return None };
    Some(NextStep {
        id: Some(over.id.to_string()),
        gives_back: over.lease.given_back(steps.len()).to_string(),
        at: steps.last().map(|last| later(*last, over.lease.every)),
    })
}

/// Each member's share of the pool's traffic. The first group with a weight serves; where all of a
/// group's weights are null, its members share equally.
fn shares(pool: &pool::Pool, null_weight: Option<u8>) -> Vec<Option<Fraction>> {
    let members = pool.members();
    let numbers = |of: u8| {
        let within = members.iter().filter(|one| group(&one.priority) == of);
        within.map(|one| one.weight.number()).collect::<Vec<_>>()
    };
    let mut groups: Vec<u8> = members.iter().map(|one| group(&one.priority)).collect();
    groups.sort_unstable();
    let serving = groups.into_iter().find(|of| numbers(*of).iter().any(|one| *one != Some(0)));
    let Some(serving) = serving else { return vec![Some(Fraction::NONE); members.len()] };
    let within = numbers(serving);
    let null = match within.iter().all(Option::is_none) {
        true => Some(1),
        false => null_weight,
    };
    let weight = |number: Option<u8>| number.or(null).map(u64::from);
    let total: Option<u64> = within.iter().map(|number| weight(*number)).sum();
    let share = |one: &pool::Member| {
        if group(&one.priority) != serving {
            return Some(Fraction::NONE);
        }
        let (weight, total) = (weight(one.weight.number())?, total.filter(|total| *total > 0)?);
        let basis_points = (weight * u64::from(WHOLE_BASIS_POINTS) + total / 2) / total;
        Fraction::try_from(u16::try_from(basis_points).ok()?).ok()
    };
    members.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    fn value(number: Option<u8>) -> Number {
        number.map_or(Number::Null, Number::Number)
    }

    fn pool(members: &[(Option<u8>, Option<u8>)]) -> pool::Pool {
        let member = |(at, (weight, priority)): (usize, &(Option<u8>, Option<u8>))| pool::Member {
            name: format!("m{at}").parse().unwrap(),
            weight: value(*weight),
            priority: value(*priority),
        };
        pool::Pool::new(members.iter().enumerate().map(member).collect()).unwrap()
    }

    fn says(members: &[(Option<u8>, Option<u8>)], null_weight: Option<u8>) -> Vec<String> {
        let share =
            |share: Option<Fraction>| share.map_or("?".to_owned(), |share| share.to_string());
        shares(&pool(members), null_weight).into_iter().map(share).collect()
    }

    #[test]
    fn the_first_group_with_a_weight_shares_the_traffic() {
        let one = |weight, group| (Some(weight), Some(group));
        assert_eq!(says(&[one(50, 1), one(30, 1), one(20, 2)], None), ["62.5%", "37.5%", "0%"]);
        assert_eq!(says(&[one(0, 1), one(1, 2), one(2, 2)], None), ["0%", "33.33%", "66.67%"]);
        assert_eq!(says(&[one(0, 1)], None), ["0%"]);
        let null = (None, None);
        assert_eq!(says(&[null, null, null], None), ["33.33%", "33.33%", "33.33%"]);
        let mixed = [null, (Some(3), None), (Some(1), Some(4))];
        assert_eq!(says(&mixed, None), ["?", "?", "0%"]);
        assert_eq!(says(&mixed, Some(1)), ["25%", "75%", "0%"]);
    }

    proptest! {
        #[test]
        fn shares_are_all_of_the_traffic_within_rounding(
            members in vec((option::of(0..=100_u8), option::of(0..3_u8)), 1..=30),
            null in 0..=100_u8,
        ) {
            let pool = pool(&members);
            let shares = shares(&pool, Some(null));
            let all: u32 = shares.iter().flatten().map(|one| u32::from(one.basis_points())).sum();
            let whole = u32::from(WHOLE_BASIS_POINTS);
            let known = shares.iter().all(Option::is_some);
            prop_assert!(all == 0 || !known || all.abs_diff(whole) <= 30, "{shares:?}");
            for (member, share) in pool.members().iter().zip(&shares) {
                if member.weight.number() == Some(0) {
                    prop_assert_eq!(*share, Some(Fraction::NONE));
                }
            }
        }
    }
}
