//! Hours: the times of day and the days on which a play begins anything.
//!
//! What a daylight-saving change does to them is what it does to windows: a time of day that does not come that
//! day is taken for the first one after it, and one that comes twice counts the first time.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};

use super::{Asking, Closed};
use crate::{overrides::Held, playbook::Play};

/// When a play begins anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// On these days; at least one.
    pub days: Vec<Weekday>,
    /// From this time of day on.
    pub from: Time,
    /// Until this one; of the next day, where it is not later than `from`.
    pub to: Time,
    /// Where that is meant.
    pub zone: TimeZone,
}

impl Hours {
    /// When they begin next; none where it is within them.
    fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned(self.zone.clone()).date();
        // Those of yesterday may go on, and in a week each day has come.
        let days = (-1..=8).filter_map(|days| today.checked_add(days.days()).ok());
        let spans: Vec<_> = days.filter_map(|day| self.on(day)).collect();
        if spans.iter().any(|(from, to)| *from <= now && now < *to) {
            return None;
        }
        let next = spans.into_iter().map(|(from, _)| from).filter(|from| now < *from).min();
        Some(next.unwrap_or(Timestamp::MAX))
    }

    /// When those of a day begin and end, if there are any.
    fn on(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        if !self.days.contains(&day.weekday()) {
            return None;
        }
        let last = if self.to > self.from { day } else { day.tomorrow().ok()? };
        Some((self.moment(day.to_datetime(self.from))?, self.moment(last.to_datetime(self.to))?))
    }

    fn moment(&self, at: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(at);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                ambiguous.earlier().ok()
            }
            AmbiguousOffset::Gap { .. } => {
                let before = ambiguous.earlier().ok()?;
                Some(self.zone.following(before).next()?.timestamp())
            }
        }
    }
}

pub(super) fn closed(play: &Play, asking: &Asking<'_, '_>) -> Option<Closed> {
    let until = play.hours.as_ref()?.opens(asking.document.now)?;
    let why = Held::OutOfHours { play: play.name.clone(), until };
    Some(Closed { why, until: Some(until) })
}

#[cfg(test)]
#[path = "hours_tests.rs"]
mod tests;
