//! What a playbook says of its gates: freezes, and a play's hours and budget.
//!
//! When a freeze is on, and when hours begin, follows from the playbook and the time, like when a window is
//! open. What a daylight-saving change does to hours is what it does to windows: a time of day that does not
//! come that day is taken for the first one after it, and one that comes twice counts the first time.

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use super::window::Schedule;
use crate::{lease::later, names::FreezeName};

/// How many overrides of a play may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many; at least one.
    pub most: usize,
    /// In any span of this length.
    pub per: SignedDuration,
}

/// A span in which nothing begins, once or again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Its name, unlike that of any other freeze.
    pub name: FreezeName,
    /// When it begins.
    pub begins: Schedule,
    /// How long it lasts.
    pub lasts: SignedDuration,
}

impl Freeze {
    /// Until when it is on, if it is.
    pub(crate) fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = later(self.begins.last(now)?, self.lasts);
        (now < until).then_some(until)
    }
}

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
    pub(crate) fn opens(&self, now: Timestamp) -> Option<Timestamp> {
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
        let at = |day: Date, time| crate::zone::moment(day.to_datetime(time), &self.zone);
        Some((at(day, self.from)?, at(last, self.to)?))
    }
}

#[cfg(test)]
#[path = "gates_tests.rs"]
mod tests;
