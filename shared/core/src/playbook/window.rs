//! A maintenance window: at these times, for so long, do that.
//!
//! When a window is open follows from the playbook and the time alone: nothing is recorded for it to open,
//! and an instance that began while nobody looked is open all the same. Time zones come from the database
//! that is built in, so that every machine opens the same windows at the same moments.
//!
//! What a daylight-saving change does to a time of day: one that does not come that day is taken for the
//! first that does, and one that comes twice counts the first time only. A step such as `*/20` goes on
//! through both.

use std::fmt;

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{SignedDuration, Timestamp, Zoned, civil::DateTime, tz::TimeZone};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    effect::Effect,
    fraction::Fraction,
    id::OverrideId,
    lease::later,
    mode::Mode,
    names::{BackendId, WindowName},
    origin::Authority,
    reconnect::After,
};

/// A maintenance window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its name, unlike that of any other window.
    pub name: WindowName,
    /// Whether it acts, or only shows what it would do.
    pub mode: Mode,
    /// When it opens.
    pub opens: Schedule,
    /// How long it is open.
    pub lasts: SignedDuration,
    /// How long before it opens that is told; none where it is not.
    pub announce: Option<SignedDuration>,
    /// What it does, each with its place in the file; at least one.
    pub effects: Vec<(usize, BackendId, Effect)>,
    /// The reconnects that follow when it closes.
    pub after: Vec<After>,
    /// How much is given back at each step when it closes; the whole comes last by itself.
    pub ramp: Vec<Fraction>,
    /// How long a step of the ramp lasts.
    pub every: SignedDuration,
}

/// One time that a window is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// When it opens.
    pub start: Timestamp,
    /// When it closes.
    pub end: Timestamp,
}

impl Window {
    /// The instance that opened last; it may be over by now.
    #[must_use]
    pub fn last(&self, now: Timestamp) -> Option<Instance> {
        self.opens.last(now).map(|start| self.of(start))
    }

    /// The first instance that opens after this.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Instance> {
        self.opens.next(now).map(|start| self.of(start))
    }

    /// When it is told that an instance will open; none where that is not told.
    #[must_use]
    pub fn announces(&self, instance: Instance) -> Option<Timestamp> {
        self.announce.map(|before| later(instance.start, -before))
    }

    fn of(&self, start: Timestamp) -> Instance {
        Instance { start, end: later(start, self.lasts) }
    }

    /// What it does to one backend: the effects, with the ids of the overrides that they make.
    pub fn on<'a>(
        &'a self,
        backend: &'a BackendId,
    ) -> impl Iterator<Item = (OverrideId, &'a Effect)> {
        let of = self.effects.iter().filter(move |(_, of, _)| of == backend);
        of.map(move |(place, _, effect)| {
            let id = OverrideId::derive(&[
                Authority::Window.word(),
                self.name.as_str(),
                &place.to_string(),
                &backend.to_string(),
                &effect.target(),
            ]);
            (id, effect)
        })
    }
}

/// When a window opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Again and again.
    Cron {
        /// The expression.
        cron: Box<Cron>,
        /// In which language.
        dialect: Dialect,
        /// Where its times of day are meant.
        zone: TimeZone,
    },
    /// Once.
    Once(Zoned),
}

/// The languages that cron expressions are written in. Six fields mean different things in two of them, so
/// that nobody guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Dialect {
    /// Minute, hour, day of the month, month, day of the week (0 and 7 are Sunday).
    Unix,
    /// Azure Functions: the same behind a field of seconds, which may be left out; a day must fit both of
    /// its fields.
    Ncrontab,
    /// AWS: minute, hour, day of the month, month, day of the week (1 is Sunday), year; one of the two days
    /// is `?`.
    Eventbridge,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unix => "unix",
            Self::Ncrontab => "ncrontab",
            Self::Eventbridge => "eventbridge",
        })
    }
}

/// Before this, no window has been: a schedule that has no time after it never comes.
const FIRST: Timestamp = Timestamp::constant(1_767_225_600, 0);

impl Dialect {
    /// Reads an expression.
    ///
    /// # Errors
    /// In words, with what would be right behind the last colon.
    fn read(self, text: &str) -> Result<Cron, String> {
        let text = text.trim();
        let inner =
            text.strip_prefix("cron(").and_then(|text| text.strip_suffix(')')).unwrap_or(text);
        let fields: Vec<&str> = inner.split_whitespace().collect();
        let (counts, form) = match self {
            Self::Unix => ([5, 5], "minute hour day month weekday, such as 0 2 * * 0"),
            Self::Ncrontab => ([5, 6], "second minute hour day month weekday, such as 0 0 2 * * 0"),
            Self::Eventbridge => {
                ([6, 6], "minute hour day month weekday year, such as 0 2 ? * SUN *")
            }
        };
        // `@daily` and the like are of unix alone.
        let is_nickname = self == Self::Unix && inner.starts_with('@');
        if !is_nickname && !counts.contains(&fields.len()) {
            let count = match fields.len() {
                1 => "1 field".to_owned(),
                count => format!("{count} fields"),
            };
            return Err(format!("`{text}` has {count}, which is not {self}: write {form}"));
        }
        let parser = CronParser::builder();
        let read = match self {
            Self::Unix => {
                parser.seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(inner)
            }
            Self::Ncrontab => {
                let parser = parser.seconds(Seconds::Optional).year(Year::Disallowed);
                parser.dom_and_dow(true).build().parse(inner)
            }
            Self::Eventbridge => {
                if fields.get(2) != Some(&"?") && fields.get(4) != Some(&"?") {
                    return Err(format!(
                        "`{text}` names two days: write `?` for the one that is not meant"
                    ));
                }
                let parser = parser.seconds(Seconds::Required).year(Year::Required);
                let parser =
                    parser.alternative_weekdays(true).dom_and_dow(true).sloppy_ranges(true);
                parser.build().parse(&format!("0 {inner}"))
            }
        };
        read.map_err(|error| {
            let error = error.to_string();
            format!(
                "`{text}` is not a time in {self} ({}): write {form}",
                error.trim_end_matches('.')
            )
        })
    }
}

impl Schedule {
    /// Again and again, by a cron expression.
    ///
    /// # Errors
    /// In words, where it is none of its dialect, or never comes.
    pub(super) fn cron(dialect: Dialect, text: &str, zone: TimeZone) -> Result<Self, String> {
        let cron = Box::new(dialect.read(text)?);
        let schedule = Self::Cron { cron, dialect, zone };
        match schedule.next(FIRST) {
            Some(_) => Ok(schedule),
            None => Err(format!("`{}` never comes: no day fits all of its fields", text.trim())),
        }
    }

    /// Once, at a time of day somewhere.
    ///
    /// # Errors
    /// In words, where it does not come there, or comes twice.
    pub(super) fn once(at: DateTime, zone: &TimeZone) -> Result<Self, String> {
        let ambiguous = zone.to_ambiguous_zoned(at);
        if ambiguous.is_ambiguous() {
            return Err(format!(
                "the clocks change at {at} there, so that it does not come or comes twice: name another time"
            ));
        }
        ambiguous.compatible().map(Self::Once).map_err(|error| format!("{error}"))
    }

    pub(crate) fn last(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron { cron, zone, .. } => {
                let found =
                    cron.find_previous_occurrence(&now.to_zoned(zone.clone()), true).ok()?;
                Some(found.timestamp())
            }
            Self::Once(at) => Some(at.timestamp()).filter(|at| *at <= now),
        }
    }

    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron { cron, zone, .. } => {
                let found = cron.find_next_occurrence(&now.to_zoned(zone.clone()), false).ok()?;
                Some(found.timestamp())
            }
            Self::Once(at) => Some(at.timestamp()).filter(|at| *at > now),
        }
    }

    /// Where its times of day are meant.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        match self {
            Self::Cron { zone, .. } => zone,
            Self::Once(at) => at.time_zone(),
        }
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
