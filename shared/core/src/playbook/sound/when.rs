//! What a play says of when it begins, and of what ends it besides its alert.

use std::ops::Range;

use jiff::SignedDuration;

use super::{
    super::{
        bounds::WITHIN_MAX,
        play::{Begins, Count, Damping, Stale},
        value, wire,
    },
    Reading,
};
use crate::{form::At, lease::Until};

/// The longest that what a play does lasts.
const fn longest(until: Until) -> Option<SignedDuration> {
    match until {
        Until::For(longest) | Until::Resolved { at_most: longest } => Some(longest),
        Until::At(_) => None,
    }
}

impl Reading<'_> {
    /// What must be so for a play to begin.
    pub(super) fn begins(
        &mut self,
        until: Option<Until>,
        lasting: Option<At<value::Duration>>,
        count: Option<At<value::Count>>,
        within: Option<At<value::Duration>>,
    ) -> Begins {
        let lasting = lasting.and_then(|At { at, value }| {
            let value::Duration(lasting) = value?;
            if until.and_then(longest).is_some_and(|longest| lasting >= longest) {
                let message =
                    "`lasting` is no shorter than the play may last, so that it would never begin";
                self.wrong(&at, message, "shorten it, or let the play last for longer");
            }
            Some(lasting)
        });
        match (&count, &within) {
            (Some(count), None) => {
                let help = "say within what of each other they must have started: `within: 5m`";
                self.wrong(&count.at, "`within` is missing beside `count`", help);
            }
            (None, Some(within)) => {
                let help = "say how many there must be: `count: 3`";
                self.wrong(&within.at, "`count` is missing beside `within`", help);
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        let within = within.and_then(|within| self.within(within));
        let count = count.and_then(At::given).zip(within);
        let count = count.map(|(count, within)| Count { count, within });
        Begins { unless: None, lasting, count }
    }

    /// How far back a play looks.
    fn within(&mut self, At { at, value }: At<value::Duration>) -> Option<SignedDuration> {
        let value::Duration(within) = value?;
        if within > WITHIN_MAX {
            let help = format!("at most {WITHIN_MAX:#}: earlier alerts are not kept for longer");
            self.wrong(&at, "`within` is too long", help);
        }
        Some(within)
    }

    /// How a play's hold grows. `hold` is the one it has, if it has one that could be read.
    pub(super) fn damping(
        &mut self,
        At { at, value }: At<wire::Damping>,
        until: Option<Until>,
        hold: Option<Option<SignedDuration>>,
        lasts: Option<&Range<usize>>,
    ) -> Option<Damping> {
        let wire::Damping { within, most } = value?;
        if lasts.is_some() {
            let help = "`for` alone says how long the play lasts: keep one of them";
            self.excluded([(Some(at), "damping"), (None, "")], "for", help);
        } else if hold.is_none() {
            let help = "say what is doubled: `hold: 2m`";
            self.wrong(&at, "`hold` is missing beside `damping`", help);
        }
        let within = self.within(within);
        let at = most.at.clone();
        let most: Option<SignedDuration> = most.given();
        if most.zip(hold.flatten()).is_some_and(|(most, hold)| most <= hold) {
            self.wrong(&at, "`most` is no longer than `hold`", "lengthen it, or remove `damping`");
        }
        if most.zip(until.and_then(longest)).is_some_and(|(most, longest)| most > longest) {
            self.wrong(&at, "`most` is longer than the play may last", "shorten it");
        }
        Some(Damping { within: within?, most: most? })
    }

    /// When a play's alerts count as silent.
    pub(super) fn stale(
        &mut self,
        At { at, value }: At<wire::Stale>,
        until: Option<Until>,
        lasts: Option<&Range<usize>>,
    ) -> Option<Stale> {
        let wire::Stale { repeats, after } = value?;
        let is_for_a_time = lasts.is_some();
        if is_for_a_time {
            let help = "`for` alone says how long the play lasts: keep one of them";
            self.excluded([(Some(at), "stale"), (None, "")], "for", help);
        }
        let at = after.at.clone();
        let repeats: Option<SignedDuration> = repeats.given();
        let after: Option<SignedDuration> = after.given();
        let least = repeats.map(|repeats| repeats.saturating_mul(2));
        if let Some(least) = least.filter(|least| after.is_some_and(|after| after < *least)) {
            let help = format!("one repeat may come late, or get lost: write {least:#} or more");
            self.wrong(&at, "`after` is less than twice `repeats`", help);
        }
        let longest = until.and_then(longest).filter(|_| !is_for_a_time);
        if after.zip(longest).is_some_and(|(after, longest)| after >= longest) {
            let help = "shorten it, or remove `stale`";
            self.wrong(&at, "`after` is no shorter than the play may last", help);
        }
        Some(Stale { after: after? })
    }
}
