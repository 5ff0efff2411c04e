//! What an alert is, in its own words: the labels and annotations that people know it by.
//!
//! A series has the name that its source gives it, which is often a fingerprint. Who is called at night
//! wants the alert's name and its summary beside it. A play says which labels or annotations those are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    names::WindowName,
    signal::{SeriesId, Signal},
    text::clipped,
};

/// What is shown of an alert where no play says otherwise.
pub const SHOW_DEFAULT: [&str; 2] = ["alertname", "summary"];

/// How many labels and annotations of an alert are shown.
pub const SHOW_MAX: usize = 8;

/// How much of each is shown, in characters.
pub const SHOWN_CHARS_MAX: usize = 200;

/// Labels and annotations of an alert, with their names, in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shown(Vec<(String, String)>);

impl Shown {
    /// Those of these names that a signal has: labels, then annotations.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>, signal: &Signal) -> Self {
        let one = |name: &'a str| {
            let value = signal.labels.get(name).or_else(|| signal.annotations.get(name))?;
            let value = value.trim();
            (!value.is_empty()).then(|| (name.to_owned(), clipped(value, SHOWN_CHARS_MAX)))
        };
        Self(names.into_iter().take(SHOW_MAX).filter_map(one).collect())
    }

    /// Which window it is.
    #[must_use]
    pub fn window(name: &WindowName) -> Self {
        Self(vec![("window".to_owned(), name.to_string())])
    }

    /// What an operator says of a command: who, and why.
    #[must_use]
    pub fn by(by: &str, reason: &str) -> Self {
        let one = |name: &str, value: &str| (name.to_owned(), clipped(value, SHOWN_CHARS_MAX));
        Self(vec![one("by", by), one("reason", reason)])
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The values, such as `BackendErrors: eu answers 503`.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (_, value)) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ": " })?;
            f.write_str(value)?;
        }
        Ok(())
    }
}

/// A series with what it is in its own words, where that is known: `prometheus/f00d (BackendErrors)`.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a>(pub &'a SeriesId, pub &'a Shown);

impl Named<'_> {
    /// What is put before the reason why nothing comes of it, and what behind: first the name that people know,
    /// and last, where a narrow terminal cuts it, the series, which is often a fingerprint, and the rest.
    #[must_use]
    pub fn around(self) -> (String, String) {
        let Self(series, Shown(values)) = self;
        let Some(((_, name), rest)) = values.split_first() else {
            return (series.to_string(), String::new());
        };
        let rest: String = rest.iter().map(|(_, value)| format!(": {value}")).collect();
        (name.clone(), format!(" ({series}{rest})"))
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(series, alert) = self;
        if alert.is_empty() { write!(f, "{series}") } else { write!(f, "{series} ({alert})") }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::signal::{Heard, Severity};

    fn signal(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Signal {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        Signal {
            series: "am/f00d".parse().unwrap(),
            started: Timestamp::UNIX_EPOCH,
            heard: Heard::Fired,
            severity: Severity::Error,
            labels: map(labels),
            annotations: map(annotations),
            received: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn labels_come_before_annotations_and_what_is_not_there_is_left_out() {
        let labels = [("alertname", "BackendErrors"), ("team", " ")];
        let annotations = [("summary", "eu answers 503\n"), ("alertname", "another")];
        let signal = signal(&labels, &annotations);
        let shown = |names: &[&str]| Shown::of(names.iter().copied(), &signal).to_string();
        assert_eq!(shown(&SHOW_DEFAULT), "BackendErrors: eu answers 503");
        assert_eq!(shown(&["summary", "team", "no", "alertname"]), "eu answers 503: BackendErrors");
        assert!(Shown::of(["team"], &signal).is_empty());
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let long = "é".repeat(SHOWN_CHARS_MAX + 1);
        let signal = signal(&[("a", &long)], &[]);
        let shown = Shown::of(["a"; SHOW_MAX + 1], &signal);
        assert_eq!(shown.iter().count(), SHOW_MAX);
        assert!(shown.iter().all(|(_, value)| value.chars().count() == SHOWN_CHARS_MAX + 1));
    }
}
