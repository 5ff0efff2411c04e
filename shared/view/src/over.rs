//! One override: what it does, for which alerts, and how it stands.

use std::fmt;

use jiff::Timestamp;
use pointsman_core::{
    claim::Occurrences,
    document::Document,
    origin, overrides,
    overrides::{Life, Standing as Stored},
    signal,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    value::{Effect, End, Held, Said},
    words::{clock, count, length},
};

/// An override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Override {
    /// Its id.
    pub id: String,
    /// What it comes from.
    pub origin: Origin,
    /// The play that made it.
    pub play: String,
    /// The generation of the playbook that it was claimed under.
    pub generation: u64,
    /// What it does.
    pub effect: Said<Effect>,
    /// The strongest of the alerts behind it; the last that was, where none is on any more.
    pub series: String,
    /// How bad the worst of them is.
    pub severity: Severity,
    /// When the first of those as bad started, by the source's clock.
    pub started: Timestamp,
    /// All the alerts behind it.
    pub alerts: Alerts,
    /// How it stands.
    pub standing: Standing,
}

/// What an override comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// Alerts.
    Alert,
    /// A maintenance window.
    Window,
    /// An operator's command.
    Operator,
}

impl From<origin::Origin> for Origin {
    fn from(origin: origin::Origin) -> Self {
        match origin {
            origin::Origin::Alert => Self::Alert,
            origin::Origin::Window => Self::Window,
            origin::Origin::Operator => Self::Operator,
        }
    }
}

/// How bad an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "they are the source's words")]
pub enum Severity {
    Info,
    Warning,
    Error,
    Critical,
}

impl From<signal::Severity> for Severity {
    fn from(severity: signal::Severity) -> Self {
        match severity {
            signal::Severity::Info => Self::Info,
            signal::Severity::Warning => Self::Warning,
            signal::Severity::Error => Self::Error,
            signal::Severity::Critical => Self::Critical,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        })
    }
}

/// The alerts behind an override that are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Alerts {
    /// How many.
    pub count: u64,
    /// When the first of them started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// When the latest of them started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<Timestamp>,
}

impl Alerts {
    /// Those that the document knows, or those that were counted in the store where it does not know
    /// all.
    #[must_use]
    pub fn of(over: &overrides::Override, counted: Option<Occurrences>) -> Self {
        if let Some(Occurrences { count, first, latest }) = counted {
            return Self { count, first, latest };
        }
        let starts = || over.behind.known().values().map(|asked| asked.started);
        Self { count: starts().count() as u64, first: starts().min(), latest: starts().max() }
    }

    /// `2,000 alerts, first 07:31Z, latest 07:39Z`; none where there are not several.
    #[must_use]
    pub fn several(&self, now: Timestamp) -> Option<String> {
        let (first, latest) = (self.first?, self.latest?);
        (self.count > 1).then(|| {
            let (first, latest) = (clock(first, now), clock(latest, now));
            format!("{}, first {first}, latest {latest}", count(self.count, "alert"))
        })
    }
}

/// How an override stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Standing {
    /// It waits until the backend can be read.
    Unread {
        /// When it was claimed.
        since: Timestamp,
    },
    /// It was claimed, and not looked at yet.
    Claimed {
        /// When.
        since: Timestamp,
    },
    /// A limit or a gate keeps it back.
    Held {
        /// When it was claimed.
        since: Timestamp,
        /// What keeps it back.
        why: Said<Held>,
    },
    /// It was decided on, and not seen to be written yet.
    Decided {
        /// When.
        since: Timestamp,
    },
    /// It is in force.
    InForce {
        /// Since when.
        since: Timestamp,
        /// When it ends, should nothing more be heard.
        ends: Timestamp,
        /// Why it ends then.
        why: Said<End>,
    },
    /// It was in force, and others keep it back now.
    Displaced {
        /// When it began.
        since: Timestamp,
        /// What keeps it back.
        why: Said<Held>,
    },
    /// Someone else wrote every field of it, and it gave way.
    Yielded {
        /// When it began, or was claimed.
        since: Timestamp,
    },
    /// It has ended, and gives back what it took.
    Ending {
        /// When it ended.
        since: Timestamp,
        /// Why.
        why: Said<End>,
        /// How much it has given back, in percent: `"50%"`; left out before the first step.
        #[serde(skip_serializing_if = "Option::is_none")]
        given_back: Option<String>,
        /// Whether an alert asks for it again.
        asked_again: bool,
        /// What keeps it from beginning again.
        #[serde(skip_serializing_if = "Option::is_none")]
        held: Option<Said<Held>>,
    },
}

impl Standing {
    /// How an override of this document stands.
    #[must_use]
    pub fn of(document: &Document, over: &overrides::Override) -> Self {
        let stood = |field| document.owned.get(field).is_some_and(|owned| owned.stood);
        match (&over.life, &over.standing) {
            (Life::Claimed { at }, Stored::Unseen) if document.trouble.is_some() => {
                Self::Unread { since: *at }
            }
            (Life::Claimed { at }, Stored::Held(why)) => {
                Self::Held { since: *at, why: Said::of(why) }
            }
            (Life::Claimed { at } | Life::Begun { at, .. }, Stored::Yielded) => {
                Self::Yielded { since: *at }
            }
            (Life::Claimed { at }, Stored::Unseen | Stored::Admitted) => {
                Self::Claimed { since: *at }
            }
            (Life::Begun { at, .. }, Stored::Held(why)) => {
                Self::Displaced { since: *at, why: Said::of(why) }
            }
            (Life::Begun { at, .. }, Stored::Admitted)
                if !over.effect.fields().iter().any(stood) =>
            {
                Self::Decided { since: *at }
            }
            (Life::Begun { at, .. }, Stored::Admitted | Stored::Unseen) => {
                let (ends, why) = over.ends().unwrap_or((*at, overrides::End::Expired));
                Self::InForce { since: *at, ends, why: Said::of(&why) }
            }
            (Life::Ended { at, why, steps }, stored) => {
                let step = steps.len().checked_sub(1);
                let asked_again = over.is_asked_again();
                let held = match stored {
                    Stored::Held(why) if asked_again => Some(Said::of(why)),
                    Stored::Held(_) | Stored::Unseen | Stored::Admitted | Stored::Yielded => None,
                };
                Self::Ending {
                    since: *at,
                    why: Said::of(why),
                    given_back: step.map(|step| over.lease.given_back(step).to_string()),
                    asked_again,
                    held,
                }
            }
        }
    }

    /// The same in words.
    #[must_use]
    pub fn says(&self, now: Timestamp) -> String {
        let ago = |at: &Timestamp| length(now.duration_since(*at));
        match self {
            Self::Unread { .. } => "waits until the backend can be read".to_owned(),
            Self::Claimed { since } => format!("claimed {} ago, not looked at yet", ago(since)),
            Self::Held { why, .. } => format!("held: {why}"),
            Self::Decided { since } => {
                format!("decided {} ago, not seen to be written yet", ago(since))
            }
            Self::InForce { since, ends, why } => {
                let left = length(ends.max(&now).duration_since(now));
                match why.kind {
                    End::Resolved => {
                        format!("in force for {}, given back in {left}: {why}", ago(since))
                    }
                    End::Expired | End::Undone { .. } | End::Dropped => {
                        format!("in force for {}, at most {left} more", ago(since))
                    }
                }
            }
            Self::Displaced { why, .. } => format!("displaced, held: {why}"),
            Self::Yielded { .. } => "yielded to someone else's write".to_owned(),
            Self::Ending { why, given_back, asked_again, held, .. } => {
                let back = given_back.as_deref();
                let back =
                    back.map_or("not given back yet".to_owned(), |it| format!("{it} given back"));
                let again = match (asked_again, held) {
                    (false, _) => String::new(),
                    (true, None) => "; asked for again".to_owned(),
                    (true, Some(why)) => format!("; asked for again, and held: {why}"),
                };
                format!("ending ({why}), {back}{again}")
            }
        }
    }
}

impl Override {
    pub(crate) fn of(
        document: &Document,
        over: &overrides::Override,
        counted: Option<Occurrences>,
    ) -> Self {
        Self {
            id: over.id.to_string(),
            origin: over.origin.into(),
            play: over.play.to_string(),
            generation: over.generation,
            effect: Said::of(&over.effect),
            series: over.series.to_string(),
            severity: over.severity.into(),
            started: over.started,
            alerts: Alerts::of(over, counted),
            standing: Standing::of(document, over),
        }
    }
}
