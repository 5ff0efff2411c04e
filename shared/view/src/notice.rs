//! Alerts that led to nothing, and why.

use std::cmp::Reverse;

use jiff::Timestamp;
use pointsman_core::{
    document::Document,
    notice::{self, About, Kind, Notices, Sort},
    overrides::Standing,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::words::{Reader, number};

/// All that was noticed of one kind, source and severity.
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
    /// How bad the alerts are; left out where that was not noted, by a version before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["info", "warning", "error", "critical"]))]
    pub severity: Option<String>,
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
    /// The notices of alerts, those first that a person may have to do something about, and of those the
    /// worst.
    #[must_use]
    pub fn all(notices: &Notices) -> Vec<Self> {
        let ranked = notices.iter().filter_map(|(about, notice)| match about.kind.sort() {
            Sort::Alert { rank } => Some((rank, Reverse(about.severity), about, notice)),
            // What of these is not well is told by itself.
            Sort::Refusal
            | Sort::Unresolved
            | Sort::Blindness
            | Sort::Wait
            | Sort::Silence
            | Sort::Life => None,
        });
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort_by_key(|(rank, severity, ..)| (*rank, *severity));
        ranked.into_iter().map(|(.., about, notice)| Self::of(about, notice)).collect()
    }

    /// Those of which what is said may still be so. Where nothing is held any more, what was held when it
    /// was heard again is not: what has become of it is told with its backend, and in the ledger.
    #[must_use]
    pub fn standing(notices: &Notices, documents: &[Document]) -> Vec<Self> {
        let mut overrides = documents.iter().flat_map(|document| document.overrides.values());
        let holds = overrides.any(|over| matches!(over.standing, Standing::Held(_)));
        let mut all = Self::all(notices);
        all.retain(|notice| holds || notice.kind != Kind::Held.to_string());
        all
    }

    fn of(about: &About, notice: &notice::Notice) -> Self {
        Self {
            kind: about.kind.to_string(),
            source: about.subject.clone(),
            severity: about.severity.map(|severity| severity.to_string()),
            count: notice.count,
            first: notice.first,
            latest: notice.latest,
            says: notice.says.clone(),
        }
    }

    /// Whether these are repeats of alerts that have their effect: nothing is to be done about them.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        self.kind == Kind::Repeated.to_string()
    }

    /// The same in words, on one line: how often and when, and what is said of the latest.
    #[must_use]
    pub fn line(&self, reader: &Reader) -> String {
        let (first, ago) = (reader.clock(self.first), reader.away(self.latest));
        let Self { source, count, .. } = self;
        let says = reader.retold(&self.says, Reader::second);
        let severity = self.severity.iter().map(|it| format!(", {it}")).collect::<String>();
        let times = match count {
            1 => ago,
            _ => format!("{} times since {first}, last {ago}", number(*count)),
        };
        format!("{source}{severity}, {times}: {says}")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use jiff::SignedDuration;
    use pointsman_core::signal::Severity;
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
        for (severity, minute) in [(Severity::Info, 1_199), (Severity::Critical, 1_190)] {
            let severity = Some(severity);
            let about = About { severity, ..About::new(Kind::Unmatched, "am") };
            let says = format!("am/beef{minute}: no play is for it: ...");
            notices.add(about, notice::Notice::new(at(minute), &says));
        }
        notices.note(Kind::Denied, "am", at(1_195), "the password is wrong");
        notices.note(Kind::Blind, "main", at(1_195), "Azure cannot be reached");
        let all = Notice::all(&notices);
        let lines: Vec<String> =
            all.iter().map(|notice| notice.line(&Reader::utc(at(1_200)))).collect();
        expect![[r#"
            am, critical, 10 min ago: am/beef1190: no play is for it: ...
            am, info, 1 min ago: am/beef1199: no play is for it: ...
            am, 1,200 times since 00:00Z, last 1 min ago: am/f00d is known already: ..."#]]
        .assert_eq(&lines.join("\n"));
        assert_eq!(
            json!(all[0]),
            json!({
                "kind": "unmatched", "source": "am", "severity": "critical", "count": 1,
                "first": at(1_190), "latest": at(1_190),
                "says": "am/beef1190: no play is for it: ...",
            })
        );
    }
}
