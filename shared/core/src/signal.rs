//! One normalised thing heard of an alert: that it fires, or that it has ended.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::MessageId,
    names::{SourceName, WindowName},
    text::stored_as_text,
};

/// How bad a source says it is. Ordered: `Info < Warning < Error < Critical`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For information.
    Info,
    /// Something will need attention; also what an alert that names no severity counts as.
    Warning,
    /// Something is broken.
    Error,
    /// Users are affected now.
    Critical,
}

impl Severity {
    /// All severities with the name that playbooks and signals use, from least to worst.
    pub const ALL: [(&'static str, Self); 4] = [
        ("info", Self::Info),
        ("warning", Self::Warning),
        ("error", Self::Error),
        ("critical", Self::Critical),
    ];

    /// 0 for `Info` to 3 for `Critical`: what a condition compares.
    #[must_use]
    pub const fn rank(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::ALL[usize::from(self.rank())].0)
    }
}

/// Names a series: the source, and what it calls the same alert.
///
/// Written `source/fingerprint`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId {
    source: SourceName,
    fingerprint: String,
}

stored_as_text!(SeriesId);

/// How long a source's own name for an alert may be, in bytes.
pub const FINGERPRINT_BYTES_MAX: usize = 200;

/// Why a text does not name a series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesIdError {
    /// The source's name is not valid, or there is no `/` after it.
    #[error("`{0}` is not a series: write source/fingerprint")]
    Form(String),
    /// The fingerprint is empty, too long or holds control characters.
    #[error("a fingerprint has 1 to {FINGERPRINT_BYTES_MAX} bytes and no control characters")]
    Fingerprint,
}

impl SeriesId {
    /// Names the series that `source` calls `fingerprint`.
    ///
    /// # Errors
    /// When the fingerprint is empty, longer than [`FINGERPRINT_BYTES_MAX`] or unprintable.
    pub fn new(source: SourceName, fingerprint: &str) -> Result<Self, SeriesIdError> {
        let sound = (1..=FINGERPRINT_BYTES_MAX).contains(&fingerprint.len())
            && !fingerprint.contains(|char: char| char.is_control());
        if !sound {
            return Err(SeriesIdError::Fingerprint);
        }
        Ok(Self { source, fingerprint: fingerprint.to_owned() })
    }

    /// Names the series of an instance of a maintenance window, which has one occurrence.
    #[must_use]
    pub fn of_window(window: &WindowName, start: Timestamp) -> Self {
        Self { source: SourceName::windows(), fingerprint: format!("{window} {start}") }
    }

    /// Names the series of an operator's command, which has one occurrence.
    #[must_use]
    pub fn of_command(id: &MessageId) -> Self {
        Self { source: SourceName::operators(), fingerprint: id.to_string() }
    }

    /// Who says it.
    #[must_use]
    pub fn source(&self) -> &SourceName {
        &self.source
    }

    /// What the source calls the alert.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl FromStr for SeriesId {
    type Err = SeriesIdError;

    fn from_str(text: &str) -> Result<Self, SeriesIdError> {
        let form = || SeriesIdError::Form(text.to_owned());
        let (source, fingerprint) = text.split_once('/').ok_or_else(form)?;
        Self::new(source.parse().map_err(|_| form())?, fingerprint)
    }
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.source, self.fingerprint)
    }
}

/// What a source says of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Heard {
    /// It fires.
    Fired,
    /// It has ended.
    Resolved {
        /// When it ended, as the source states it; none where it states nothing. See
        /// [`Signal::end`] for the end that counts.
        #[serde(default, rename = "at", skip_serializing_if = "Option::is_none")]
        stated: Option<Timestamp>,
    },
}

/// When an alert ended, and why that time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// Why the receipt counts and not the stated end; none where the stated end counts.
    pub by_receipt: Option<ByReceipt>,
}

/// Why an end counts from its receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ByReceipt {
    /// The source stated no end.
    NotStated,
    /// The stated end lies before the start.
    BeforeStart,
    /// The stated end lies in the future: the source guesses.
    Ahead,
}

impl fmt::Display for ByReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStated => "the source stated no end",
            Self::BeforeStart => "the stated end lies before the start",
            Self::Ahead => "the stated end lay in the future",
        })
    }
}

/// One alert, as one delivery tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Which series it belongs to.
    pub series: SeriesId,
    /// When this run of it started.
    pub started: Timestamp,
    /// Firing or ended.
    pub heard: Heard,
    /// How bad it is.
    pub severity: Severity,
    /// What identifies it.
    pub labels: BTreeMap<String, String>,
    /// What describes it; may differ from one delivery to the next.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// When it was received at the door, by our clock: a fact like the others. What was stored by a
    /// version that did not note it has [`RECEIVED_UNKNOWN`].
    #[serde(default = "received_unknown", skip_serializing_if = "is_unknown")]
    pub received: Timestamp,
}

/// The receipt of a signal whose receipt was not noted.
pub const RECEIVED_UNKNOWN: Timestamp = Timestamp::MIN;

const fn received_unknown() -> Timestamp {
    RECEIVED_UNKNOWN
}

fn is_unknown(received: &Timestamp) -> bool {
    *received == RECEIVED_UNKNOWN
}

impl Signal {
    /// When the alert ended; none where it fires. That is the stated end or the receipt, whichever
    /// is earlier; the receipt where the stated end is none or lies before the start.
    #[must_use]
    pub fn end(&self) -> Option<Ending> {
        let Heard::Resolved { stated } = self.heard else { return None };
        let received = self.received;
        Some(match stated {
            // Nothing is known that could count instead.
            Some(stated) if received == RECEIVED_UNKNOWN => Ending { at: stated, by_receipt: None },
            None => Ending { at: received, by_receipt: Some(ByReceipt::NotStated) },
            Some(stated) if stated < self.started => {
                Ending { at: received, by_receipt: Some(ByReceipt::BeforeStart) }
            }
            Some(stated) if stated > received => {
                Ending { at: received, by_receipt: Some(ByReceipt::Ahead) }
            }
            Some(stated) => Ending { at: stated, by_receipt: None },
        })
    }
}
