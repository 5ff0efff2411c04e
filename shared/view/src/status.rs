//! `status`: what is in force, what is held, and whether anything is written at all.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pointsman_core::{document::Document, group, ledger, series::Series, signal::SeriesId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    backend::Backend, health::Health, notice::Notice, over::Alert, value::VERSION, words::Reader,
};

/// What `status` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Status {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// When it was asked.
    pub at: Timestamp,
    /// Whether it is the shadow's: nothing of it is written to Azure.
    pub shadow: bool,
    /// Whether there is a store. Without one nothing is known, and all that follows is left out.
    pub store: bool,
    /// What is known.
    #[serde(flatten)]
    pub known: Option<Known>,
}

impl Status {
    /// What is known; none where there is no store.
    #[must_use]
    pub const fn of(at: Timestamp, shadow: bool, known: Option<Known>) -> Self {
        Self { version: VERSION, at, shadow, store: known.is_some(), known }
    }
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// Whether all is well, and what is not.
    pub health: Health,
    /// The pauses that are on.
    #[serde(flatten)]
    pub pauses: Pauses,
    /// The generation of the playbook in force, if one was ever published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// The playbook's file, where it differs from the generation in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpublished: Option<String>,
    /// Whether a `serve` runs on this store.
    pub served: bool,
    /// How many messages were stored and not taken in yet.
    pub queued: u64,
    /// How many dead letters there are.
    pub dead_letters: u64,
    /// The alerts that were heard again right after their end, and do not count as firing again yet.
    pub late: Vec<Late>,
    /// The alerts of the last days that led to nothing, and why.
    pub noticed: Vec<Notice>,
    /// All backends that an alert has ever concerned, those at rest included: the most urgent first, then
    /// by name.
    pub backends: Vec<Backend>,
}

impl Known {
    /// Puts the most urgent backends first.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.backends
            .sort_by(|one, other| (one.urgency, &one.name).cmp(&(other.urgency, &other.name)));
        self
    }

    /// The backends of which there is something to say.
    pub fn busy(&self) -> impl Iterator<Item = &Backend> {
        self.backends.iter().filter(|backend| !backend.is_quiet())
    }
}

/// The pauses that are on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pauses {
    /// That of everything: nothing is written to Azure under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// Those of single pools, to which nothing is written, and of single plays, which begin nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
}

impl Pauses {
    /// Whether one of them stops every write to a backend.
    #[must_use]
    pub fn stop(&self, document: &Document) -> bool {
        let pool = document.backend.short();
        self.paused.is_some() || self.pauses.iter().any(|pause| pause.pool.as_ref() == Some(&pool))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Pause> {
        self.paused.iter().chain(&self.pauses)
    }
}

impl From<Vec<(group::Paused, group::Pause)>> for Pauses {
    fn from(on: Vec<(group::Paused, group::Pause)>) -> Self {
        let mut of_parts: Vec<_> = on.into_iter().map(Pause::from).collect();
        let everything = of_parts.extract_if(.., |one| one.pool.is_none() && one.play.is_none());
        Self { paused: everything.last(), pauses: of_parts }
    }
}

/// Who paused what, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pause {
    /// The short name of the pool, where it is a pool's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// The play, where it is a play's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub play: Option<String>,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// Until when, where the clock ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl From<(group::Paused, group::Pause)> for Pause {
    fn from((of, pause): (group::Paused, group::Pause)) -> Self {
        let group::Pause { by, reason, at, until } = pause;
        let (pool, play) = match of {
            group::Paused::Everything => (None, None),
            group::Paused::Pool(pool) => (Some(pool.short()), None),
            group::Paused::Play(play) => (None, Some(play.to_string())),
        };
        Self { pool, play, by, reason, at, until }
    }
}

impl Pause {
    /// The same in words, to go behind `PAUSED` or `paused`.
    #[must_use]
    pub fn says(&self, reader: &Reader) -> String {
        let Self { pool, play, by, reason, at, until } = self;
        let of = match (pool, play) {
            (Some(pool), _) => format!(" pool {pool}"),
            (None, Some(play)) => format!(" play {play}"),
            (None, None) => String::new(),
        };
        let until = until.map(|until| format!(", until {}", reader.time(until)));
        let until = until.unwrap_or_default();
        format!("{of} since {} by {by}{until}: {reason}", reader.time(*at))
    }

    /// What it means, and how to end it.
    #[must_use]
    pub fn means(&self, reader: &Reader) -> String {
        let (is, begins) = (reader.tells("is", "would be"), reader.tells("begins", "would begin"));
        let (what, resume) = match (&self.pool, &self.play) {
            (Some(pool), _) => {
                (format!("nothing {is} written to {pool}"), format!(" --pool {pool}"))
            }
            (None, Some(play)) => {
                (format!("play {play} {begins} nothing"), format!(" --play {play}"))
            }
            (None, None) => (format!("nothing {is} written to Azure"), String::new()),
        };
        let until = if self.until.is_some() { "until then, or until" } else { "until" };
        format!("{what} {until} `pointsman resume{resume}`")
    }
}

/// An alert that was heard again right after its end.
///
/// A delivery that is late looks the same as an alert that still fires. So it counts as firing only if
/// it is heard after the grace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Late {
    /// Which.
    pub series: String,
    /// What it is, in its own words; left out where that was not told, by a version before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
    /// When it was heard.
    pub heard: Timestamp,
    /// The start that it stated.
    pub started: Timestamp,
    /// When it had ended.
    pub ended: Timestamp,
    /// From when on it counts as on again, if it is heard.
    pub counts_from: Timestamp,
}

impl Late {
    /// Those of which these lines tell, the newest of each series, and whose grace is not over at `now`.
    #[must_use]
    pub fn told(lines: &[ledger::Line], now: Timestamp) -> BTreeMap<SeriesId, Self> {
        let late = |line: &ledger::Line| {
            let ledger::What::Late { series, started, ended, again: Some(from), alert } =
                &line.what
            else {
                return None;
            };
            let counts_from = *from;
            let late = Self {
                series: series.to_string(),
                alert: Alert::shown(alert),
                heard: line.at,
                started: *started,
                ended: *ended,
                counts_from,
            };
            (now < counts_from).then(|| (series.clone(), late))
        };
        lines.iter().filter_map(late).collect()
    }

    /// Those whose series is still over since then.
    #[must_use]
    pub fn still(mut told: BTreeMap<SeriesId, Self>, stored: &[Series]) -> Vec<Self> {
        let over = |series: &&Series| series.running.is_none();
        let still = stored.iter().filter(over).filter_map(|series| {
            told.remove(&series.id).filter(|late| series.ended == Some(late.ended))
        });
        still.collect()
    }

    /// The same in words.
    #[must_use]
    pub fn says(&self, reader: &Reader) -> String {
        let (heard, ended) = (reader.second(self.heard), reader.second(self.ended));
        let named = self.alert.as_ref().map(|alert| format!("{} ({})", alert.says, self.series));
        let who = named.unwrap_or_else(|| self.series.clone());
        format!("{who} was heard firing at {heard}, right after its end at {ended}")
    }
}
