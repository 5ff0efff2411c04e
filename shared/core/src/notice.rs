//! Notices: what was noticed and has changed no backend, such as an alert that no play matches.
//!
//! The ledger has a line for each thing that was decided. A storm of what leads to nothing would fill
//! it, and would hide the rest. So a notice stands for all of its kind and subject, and where it is of
//! alerts, of one severity: it says how many there were, since when, and what the latest was. Many that
//! do not matter hide none that does. Their number is bounded by the kinds, the severities, and the
//! sources and services that the configuration and the playbook name.
//!
//! Notices are for people. Nothing is decided by them, so that they are the one thing that is counted:
//! a message that is taken in twice may count twice.

use std::{
    collections::{BTreeMap, btree_map},
    fmt,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    signal::Severity,
    text::{clipped, one_line},
};

/// How long a notice is kept after its latest.
pub const NOTICE_AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// After how long without another a notice counts anew.
pub const NOTICE_QUIET: SignedDuration = SignedDuration::from_hours(24);

/// How long what is said of the latest may be, in characters.
pub const SAYS_CHARS_MAX: usize = 1_000;

/// The subject of what was sent to a path that no source has. No source has a name with a space.
pub const NO_SOURCE: &str = "no source";

/// The subject of what is about the process that takes alerts in.
pub const SERVE: &str = "serve";

/// For how long a refused delivery is trouble.
pub const REFUSED_FOR: SignedDuration = SignedDuration::from_mins(15);

/// What is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// An alert fired, and no play is for it.
    Unmatched,
    /// A play is for an alert, and could not be carried out.
    Unresolvable,
    /// An alert was heard again that has its effect already.
    Repeated,
    /// An alert was heard again whose effect is held.
    Held,
    /// An alert was heard again whose effect was undone.
    Undone,
    /// An alert was heard again whose effect has ended by itself.
    RanOut,
    /// No resolve came of an alert, so that its override will be ended by `atMost`, or was ended because the
    /// alert was not heard again.
    Unresolved,
    /// A firing came after the end of its alert.
    Late,
    /// A resolve came for an alert that was not on, or that no play was for.
    Over,
    /// A sender did not prove itself.
    Denied,
    /// A body was larger than it may be.
    TooLarge,
    /// A request was turned away for another reason.
    Refused,
    /// The alert that always fires was heard: the way from its source is open.
    Watchdog,
    /// A service of Azure cannot be reached.
    Blind,
    /// A service of Azure is not read before a time that it named, or that our own pace sets.
    Waits,
    /// A `serve` has started; its subject is [`SERVE`].
    Started,
    /// The address that is called while all is well could not be called; its subject is [`SERVE`].
    Heartbeat,
}

/// What a kind of notice is to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// What an alert came to that led to nothing.
    Alert {
        /// How soon a person wants to know of it: 0 first.
        rank: u8,
    },
    /// A delivery was refused.
    Refusal,
    /// Azure cannot be read.
    Blindness,
    /// Azure is to be read later.
    Wait,
    /// No resolve has come of an alert.
    Unresolved,
    /// The heartbeat's address could not be called.
    Silence,
    /// A sign of life, of which the age counts.
    Life,
}

impl Kind {
    /// What it is to people. What is counted, shown and trouble goes by this, wherever it is.
    #[must_use]
    pub const fn sort(self) -> Sort {
        match self {
            Self::Unresolvable => Sort::Alert { rank: 0 },
            Self::Unmatched => Sort::Alert { rank: 1 },
            Self::Held => Sort::Alert { rank: 2 },
            Self::RanOut => Sort::Alert { rank: 3 },
            Self::Undone => Sort::Alert { rank: 4 },
            Self::Late => Sort::Alert { rank: 5 },
            Self::Over => Sort::Alert { rank: 6 },
            Self::Repeated => Sort::Alert { rank: 7 },
            Self::Denied | Self::TooLarge | Self::Refused => Sort::Refusal,
            Self::Unresolved => Sort::Unresolved,
            Self::Blind => Sort::Blindness,
            Self::Waits => Sort::Wait,
            Self::Heartbeat => Sort::Silence,
            Self::Watchdog | Self::Started => Sort::Life,
        }
    }
}

impl Sort {
    /// Whether a notice of it is trouble by itself, so long after its latest.
    #[must_use]
    pub fn is_trouble(self, age: SignedDuration) -> bool {
        match self {
            Self::Blindness | Self::Silence => true,
            Self::Refusal => age <= REFUSED_FOR,
            Self::Alert { .. } | Self::Unresolved | Self::Wait | Self::Life => false,
        }
    }
}

/// Which notice: one of a kind for each source or service, and for each severity of alerts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct About {
    /// What is noticed.
    pub kind: Kind,
    /// The source's name, or the service's.
    pub subject: String,
    /// How bad the alerts are; none where it is of no alert, or of a version that did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

impl About {
    /// Of a kind and a subject, and of no alert.
    #[must_use]
    pub fn new(kind: Kind, subject: &str) -> Self {
        Self { kind, subject: subject.to_owned(), severity: None }
    }
}

/// What a notice stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When the first was.
    pub first: Timestamp,
    /// When the latest was.
    pub latest: Timestamp,
    /// How many there were.
    pub count: u64,
    /// What is said of the latest, on one line of at most [`SAYS_CHARS_MAX`] characters.
    pub says: String,
}

impl Notice {
    /// One, at a time.
    #[must_use]
    pub fn new(at: Timestamp, says: &str) -> Self {
        let says = clipped(&one_line(says), SAYS_CHARS_MAX);
        Self { first: at, latest: at, count: 1, says }
    }

    /// Stands for those of `later`, too.
    pub fn add(&mut self, later: Self) {
        if later.first.duration_since(self.latest) > NOTICE_QUIET {
            *self = later;
            return;
        }
        self.first = self.first.min(later.first);
        self.count = self.count.saturating_add(later.count);
        // What was taken in last counts: a clock that ran ahead may have noted what was before.
        (self.latest, self.says) = (later.latest, later.says);
    }
}

/// Notices, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices(BTreeMap<About, Notice>);

impl Notices {
    /// Takes in that something was noticed.
    pub fn note(&mut self, kind: Kind, subject: &str, at: Timestamp, says: &str) {
        self.add(About::new(kind, subject), Notice::new(at, says));
    }

    /// Takes in a notice.
    pub fn add(&mut self, about: About, notice: Notice) {
        match self.0.get_mut(&about) {
            Some(known) => known.add(notice),
            None => {
                self.0.insert(about, notice);
            }
        }
    }

    /// Takes out a notice.
    pub fn remove(&mut self, about: &About) -> Option<Notice> {
        self.0.remove(about)
    }

    /// Forgets those whose latest was before `before`.
    pub fn forget(&mut self, before: Timestamp) {
        self.0.retain(|_, notice| notice.latest >= before);
    }

    /// The notice of this kind and subject that is of no alert, where there is one.
    #[must_use]
    pub fn get(&self, kind: Kind, subject: &str) -> Option<&Notice> {
        self.find(&About::new(kind, subject))
    }

    /// The notice of this kind, subject and severity, where there is one.
    #[must_use]
    pub fn find(&self, about: &About) -> Option<&Notice> {
        self.0.get(about)
    }

    /// All of them, by kind and subject.
    pub fn iter(&self) -> impl Iterator<Item = (&About, &Notice)> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Notices {
    type Item = (About, Notice);
    type IntoIter = btree_map::IntoIter<About, Notice>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(About, Notice)> for Notices {
    fn from_iter<T: IntoIterator<Item = (About, Notice)>>(notices: T) -> Self {
        let mut all = Self::default();
        notices.into_iter().for_each(|(about, notice)| all.add(about, notice));
        all
    }
}

impl fmt::Display for Kind {
    /// The same word as where it is stored.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn a_notice_stands_for_all_of_its_kind_and_subject() {
        let mut notices = Notices::default();
        notices.note(Kind::Unmatched, "prometheus", at(1), "one");
        notices.note(Kind::Unmatched, "other", at(1), "other");
        notices.note(Kind::Unmatched, "prometheus", at(3), "three");
        notices.note(Kind::Unmatched, "prometheus", at(2), "two");
        let notice = notices.get(Kind::Unmatched, "prometheus").unwrap();
        assert_eq!(
            (notice.first, notice.latest, notice.count, &*notice.says),
            (at(1), at(2), 3, "two")
        );
        assert_eq!(notices.iter().count(), 2);
        notices.note(Kind::Unmatched, "prometheus", at(28), "next day");
        assert_eq!(
            notices.get(Kind::Unmatched, "prometheus").unwrap(),
            &Notice::new(at(28), "next day"),
            "after a day without one it counts anew"
        );
        let about = |severity| About { severity, ..About::new(Kind::Unmatched, "prometheus") };
        notices.add(about(Some(Severity::Critical)), Notice::new(at(28), "a critical one"));
        notices.note(Kind::Unmatched, "prometheus", at(29), "one more");
        let critical = notices.find(&about(Some(Severity::Critical))).unwrap();
        assert_eq!((critical.count, &*critical.says), (1, "a critical one"), "it is not hidden");
        assert!(notices.find(&about(Some(Severity::Info))).is_none());
        notices.forget(at(2));
        assert_eq!(notices.get(Kind::Unmatched, "other"), None);
    }

    /// The one table of what each kind is to people.
    #[test]
    fn a_refusal_is_trouble_for_a_while_and_blindness_for_as_long_as_it_is_there() {
        use Kind::{
            Blind, Denied, Heartbeat, Held, Late, Over, RanOut, Refused, Repeated, Started,
            TooLarge, Undone, Unmatched, Unresolvable, Waits, Watchdog,
        };
        let trouble =
            |kind: Kind, minutes| kind.sort().is_trouble(SignedDuration::from_mins(minutes));
        for kind in [Blind, Heartbeat] {
            assert!(trouble(kind, 0) && trouble(kind, 10_000), "{kind}");
        }
        for kind in [Denied, TooLarge, Refused] {
            assert!(trouble(kind, 15) && !trouble(kind, 16), "{kind}");
        }
        for kind in [Waits, Watchdog, Started] {
            assert!(!trouble(kind, 0), "{kind}");
        }
        let alerts = [Unresolvable, Unmatched, Held, RanOut, Undone, Late, Over, Repeated];
        for (place, kind) in (0..).zip(alerts) {
            assert_eq!(kind.sort(), Sort::Alert { rank: place }, "{kind}");
            assert!(!trouble(kind, 0), "{kind}");
        }
    }

    #[test]
    fn what_is_said_stays_on_its_line_and_within_its_bound() {
        let long = "é\n".repeat(SAYS_CHARS_MAX);
        let says = Notice::new(at(0), &long).says;
        assert!(!says.contains('\n'));
        assert_eq!(says.chars().count(), SAYS_CHARS_MAX + 1);
        assert!(says.ends_with('…'));
    }
}
