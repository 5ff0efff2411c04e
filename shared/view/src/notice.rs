//! Alerts that led to nothing, and why.

use jiff::Timestamp;
use pointsman_core::notice::{self, About, Kind, Notices};
use schemars::JsonSchema;
use serde::Serialize;

use crate::words::{Reader, number};

/// All that was noticed of one kind and source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Notice {
    /// Its kind, for programs. More kinds may come.
    ///
    /// Of an alert: `unmatched` (no play is for it), `unresolvable` (a play could not be carried out). Of
    /// an alert that was heard again: `repeated` (its effect is there), `held`, `undone`, `ranOut` (its
    /// effect has ended by itself), `late` (it came after the end). Of a resolve: `over` (the alert was
    /// not on).
    pub kind: String,
    /// The source that they came from.
    pub source: String,
    /// How many there were, as far as they came within a day of one another.
    pub count: u64,
    /// When the first of those came.
    pub first: Timestamp,
    /// When the latest came.
    pub latest: Timestamp,
    /// What is said of the latest.
    pub says: String,
}

impl Notice {
    /// The notices of alerts, those first that a person may have to do something about.
    #[must_use]
    pub fn all(notices: &Notices) -> Vec<Self> {
        let ranked =
            notices.iter().filter_map(|(about, notice)| Some((rank(about.kind)?, about, notice)));
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort_by_key(|(rank, ..)| *rank);
        ranked.into_iter().map(|(_, about, notice)| Self::of(about, notice)).collect()
    }

    fn of(about: &About, notice: &notice::Notice) -> Self {
        Self {
            kind: about.kind.to_string(),
            source: about.subject.clone(),
            count: notice.count,
            first: notice.first,
            latest: notice.latest,
            says: notice.says.clone(),
        }
    }

    /// The same in words, on one line: how often and when, and what is said of the latest.
    #[must_use]
    pub fn line(&self, reader: &Reader) -> String {
        let (first, ago) = (reader.clock(self.first), reader.away(self.latest));
        let Self { source, count, says, .. } = self;
        match count {
            1 => format!("{source}, {ago}: {says}"),
            _ => format!("{source}, {} times since {first}, last {ago}: {says}", number(*count)),
        }
    }
}

/// How soon a person wants to know of it; none of what is not about an alert.
const fn rank(kind: Kind) -> Option<u8> {
    match kind {
        Kind::Unresolvable => Some(0),
        Kind::Unmatched => Some(1),
        Kind::Held => Some(2),
        Kind::RanOut => Some(3),
        Kind::Undone => Some(4),
        Kind::Late => Some(5),
        Kind::Over => Some(6),
        Kind::Repeated => Some(7),
        // What of these is not well is told by itself.
        Kind::Denied
        | Kind::TooLarge
        | Kind::Refused
        | Kind::Unresolved
        | Kind::Watchdog
        | Kind::Blind
        | Kind::Started
        | Kind::Heartbeat => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn notices_are_shown_by_urgency_with_how_often_and_when() {
        let mut notices = Notices::default();
        for minute in 0..1_200 {
            notices.note(Kind::Repeated, "am", at(minute), "am/f00d is known already: ...");
        }
        notices.note(Kind::Unmatched, "am", at(1_190), "am/beef: no play is for it: ...");
        notices.note(Kind::Denied, "am", at(1_195), "the password is wrong");
        notices.note(Kind::Blind, "main", at(1_195), "Azure cannot be reached");
        let all = Notice::all(&notices);
        let lines: Vec<String> =
            all.iter().map(|notice| notice.line(&Reader::utc(at(1_200)))).collect();
        expect![[r#"
            am, 10 min ago: am/beef: no play is for it: ...
            am, 1,200 times since 00:00Z, last 1 min ago: am/f00d is known already: ..."#]]
        .assert_eq(&lines.join("\n"));
        assert_eq!(
            json!(all[0]),
            json!({
                "kind": "unmatched", "source": "am", "count": 1, "first": at(1_190),
                "latest": at(1_190), "says": "am/beef: no play is for it: ...",
            })
        );
    }
}
