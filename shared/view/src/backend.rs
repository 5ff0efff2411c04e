//! What is going on at one backend.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pointsman_core::{
    claim::Occurrences,
    document::{self, Document},
    group::RunOf,
    id::OverrideId,
    limits::Terms,
    overrides,
    playbook::Playbook,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    over::{Override, StandingKind},
    pool::Pool,
    value::{Change, Value},
    words::Reader,
};

/// What is going on at one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// Its path in Azure.
    pub backend: String,
    /// Its short name: `service/name`.
    pub name: String,
    /// How urgent it is. Backends are listed by it, the most urgent first.
    pub urgency: Urgency,
    /// Whether no override is on, every field is as its owner left it, and nothing is to come.
    pub at_rest: bool,
    /// That Azure does not answer for it, or refuses, or asks to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// What keeps back all writes for it, and by that all ends, steps of ramps and reconnects: the times of
    /// those are the earliest ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// That Azure shows no such backend, although something is going on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// That more of its members would be out by what alerts ask for than its `panic` says: nothing is drained for
    /// alerts meanwhile, and what was is given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panic: Option<Panic>,
    /// The pool as it was seen last, also its members that nobody changed, and also where nothing is going
    /// on; left out where it was not seen yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// Its overrides: held, in force, or on their way out, in this order.
    pub overrides: Vec<Override>,
    /// The fields that are changed, or may come to be.
    pub fields: Vec<Field>,
    /// The fields that were given up to someone else's write.
    pub given_up: Vec<GivenUp>,
    /// The writes without an answer. One without changes was sent so that no write before it can still
    /// land.
    pub writes: Vec<Write>,
    /// The reconnects that are due, and those that were answered lately.
    pub reconnects: Vec<Reconnect>,
}

impl Backend {
    /// What a document says of its backend. `playbook` is the one in force, which knows the pool's limits;
    /// `counted` are the alerts behind those overrides of which the document does not know all.
    #[must_use]
    pub fn of(
        document: &Document,
        playbook: Option<&Playbook>,
        counted: &BTreeMap<OverrideId, Occurrences>,
        reader: &Reader,
    ) -> Self {
        let given_up = document.yielded.iter().map(|(field, ids)| GivenUp {
            field: field.to_string(),
            by: ids.iter().map(ToString::to_string).collect(),
        });
        let terms = terms(document, playbook);
        let laid = document.laid(&terms).unwrap_or_default();
        let over = |over: &overrides::Override| {
            Override::of(document, &laid, over, counted.get(&over.id).copied(), reader)
        };
        let mut overrides: Vec<Override> = document.overrides.values().map(over).collect();
        overrides.sort_by_key(|over| over.standing.kind.urgency());
        let mut backend = Self {
            backend: document.backend.to_string(),
            name: document.backend.short(),
            urgency: Urgency::AtRest,
            at_rest: document.is_at_rest(),
            trouble: document.trouble.as_ref().map(Trouble::of),
            waits: None,
            missing: Missing::of(document, reader.now()),
            panic: document.panic.as_ref().map(Panic::of),
            pool: Pool::of(document, &laid, terms.null_weight, reader),
            overrides,
            fields: document.owned.iter().map(Field::of).collect(),
            given_up: given_up.collect(),
            writes: document.intents.iter().map(Write::of).collect(),
            reconnects: document.reconnects.values().map(Reconnect::of).collect(),
        };
        backend.urgency = backend.is_urgent();
        backend
    }

    /// Takes in that nothing is written: the ends that are to come wait for that, too.
    #[must_use]
    pub fn waiting(mut self, waits: Option<Waits>, now: Timestamp) -> Self {
        self.waits = waits.filter(|_| !self.at_rest);
        let Some(waits) = self.waits else { return self };
        for standing in self.overrides.iter_mut().map(|over| &mut over.standing) {
            if standing.is_to_end(now) {
                standing.says.push_str(&format!("; it waits: {}", waits.says()));
            }
        }
        self
    }

    fn is_urgent(&self) -> Urgency {
        let unmet = self.fields.iter().any(|field| field.unmet.is_some());
        let is_seen = self.trouble.is_none() && self.missing.is_none();
        if !is_seen || unmet || self.panic.is_some() || !self.writes.is_empty() {
            return Urgency::Trouble;
        }
        let overrides = self.overrides.iter().map(|over| over.standing.kind.urgency());
        let rest = if self.at_rest { Urgency::AtRest } else { Urgency::InForce };
        let reconnects = if self.reconnects.is_empty() { rest } else { Urgency::Reconnects };
        overrides.min().unwrap_or(if self.fields.is_empty() { reconnects } else { rest })
    }

    /// Whether there is nothing to say of it.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.at_rest && self.trouble.is_none() && self.reconnects.is_empty()
    }
}

/// The limits of a document's pool, and what goes with them; the defaults where the playbook does not know
/// it.
pub(crate) fn terms(document: &Document, playbook: Option<&Playbook>) -> Terms {
    let pool = playbook.and_then(|playbook| playbook.pool_of(&document.backend));
    pool.map(|(_, pool)| pool.terms.clone()).unwrap_or_default()
}

/// How urgent a backend is, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Urgency {
    /// Azure does not answer for it, does not show it, keeps another value than was written, or has not
    /// answered a write; or it is in panic.
    Trouble,
    /// Something is held, or was not looked at yet.
    Held,
    /// Someone else wrote over an override, which gave way.
    Yielded,
    /// Everything that is asked for is in force, but for what is in shadow.
    InForce,
    /// All that is asked for is in shadow.
    Shadow,
    /// All that was asked for has ended, and is given back.
    RampingOut,
    /// There are only reconnects to come, or that were answered lately.
    Reconnects,
    /// There is nothing to say of it.
    AtRest,
}

/// What keeps back all writes for a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Waits {
    /// Pointsman is paused.
    Paused,
    /// Azure does not answer for it, refuses, or asks to wait; or it cannot be read for its service.
    Azure,
}

impl Waits {
    /// What it waits for, in words.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Paused => "Pointsman is paused",
            Self::Azure => "Azure cannot be used",
        }
    }

    /// What ends it, in words.
    #[must_use]
    pub const fn until(self) -> &'static str {
        match self {
            Self::Paused => "`pointsman resume`",
            Self::Azure => "it can be",
        }
    }
}

impl StandingKind {
    pub(crate) const fn urgency(self) -> Urgency {
        match self {
            Self::Unread | Self::Claimed | Self::Held | Self::Displaced => Urgency::Held,
            Self::Yielded => Urgency::Yielded,
            Self::Decided | Self::InForce => Urgency::InForce,
            Self::Shadow => Urgency::Shadow,
            Self::Ending => Urgency::RampingOut,
        }
    }
}

/// That Azure does not answer, or refuses, or asks to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// When Azure is asked again.
    pub until: Timestamp,
    /// What it said.
    pub why: String,
}

impl Trouble {
    fn of(trouble: &document::Trouble) -> Self {
        Self { since: trouble.since, until: trouble.until, why: trouble.why.clone() }
    }
}

/// That Azure shows no such backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Missing {
    /// Since when.
    pub since: Timestamp,
    /// From when on it counts as deleted.
    pub believed: Timestamp,
    /// Whether it counts as deleted now.
    pub gone: bool,
}

impl Missing {
    /// None where it was seen at the last look, and where nothing is going on: then nobody looks.
    #[must_use]
    pub fn of(document: &Document, now: Timestamp) -> Option<Self> {
        let (since, believed) = document.missing().filter(|_| !document.is_at_rest())?;
        Some(Self { since, believed, gone: now >= believed })
    }
}

impl Missing {
    /// The same in words, after the word MISSING.
    #[must_use]
    pub fn says(&self, reader: &Reader) -> String {
        let (since, believed) = (reader.time(self.since), reader.time(self.believed));
        let until = if self.gone {
            "and it counts as deleted".to_owned()
        } else {
            format!("and it counts as deleted from {believed} on")
        };
        format!("Azure has shown no such backend since {since}, {until}")
    }
}

/// That a pool is in panic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Panic {
    /// Since when.
    pub since: Timestamp,
    /// How many members would be out.
    pub out: usize,
    /// How many serve in the baseline.
    pub of: usize,
    /// The share of them that is too much, as in `50%`.
    pub most: String,
}

impl Panic {
    fn of(panic: &document::Panic) -> Self {
        let document::Panic { since, out, of, most } = *panic;
        Self { since, out, of, most: most.to_string() }
    }

    /// What alerts ask for.
    pub(crate) fn asks(&self) -> String {
        let Self { since: _, out, of, most } = self;
        format!("alerts ask for {out} of {of} members to be out, more than {most}")
    }

    /// The same in words, after the word PANIC.
    #[must_use]
    pub fn says(&self, reader: &Reader) -> String {
        let is = reader.tells("is", "would be");
        let since = reader.time(self.since);
        format!("since {since}: {}; nothing {is} drained for them", self.asks())
    }
}

/// A field that overrides change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Field {
    /// Which: `members/eu/weight`.
    pub field: String,
    /// What its owner last left there.
    pub baseline: Value,
    /// What Pointsman last wrote there.
    pub written: Value,
    /// That Azure keeps something else than what was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmet: Option<Unmet>,
}

/// What a field should be, while Azure keeps something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unmet {
    /// What it should be.
    pub wanted: Value,
    /// Since when.
    pub since: Timestamp,
    /// When it is written again.
    pub until: Timestamp,
    /// Whether that is what its owner left there.
    pub restores: bool,
}

impl Field {
    fn of((field, owned): (&pointsman_core::field::Field, &document::Owned)) -> Self {
        let unmet = owned.unmet().map(|unmet| Unmet {
            wanted: (&unmet.wanted).into(),
            since: unmet.since,
            until: unmet.until,
            restores: unmet.wanted.means(&owned.baseline),
        });
        let (baseline, written) = ((&owned.baseline).into(), (&owned.written).into());
        Self { field: field.to_string(), baseline, written, unmet }
    }

    /// What Azure keeps instead of what was asked, in words.
    #[must_use]
    pub fn kept(&self) -> Option<String> {
        let Self { field, written, .. } = self;
        let Unmet { wanted, .. } = self.unmet.as_ref()?;
        Some(format!("{field} should be {wanted}, and Azure keeps {written}"))
    }

    /// What Azure keeps instead of what its owner left, in words.
    #[must_use]
    pub fn unrestored(&self) -> Option<String> {
        self.unmet.as_ref().filter(|unmet| unmet.restores)?;
        let Self { field, baseline, written, .. } = self;
        Some(format!("{field} should be {baseline} again, and Azure keeps {written}"))
    }
}

/// A field that was given up to someone else's write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GivenUp {
    /// Which: `members/eu/weight`.
    pub field: String,
    /// By which overrides.
    pub by: Vec<String>,
}

/// A write that has had no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Write {
    /// Its id.
    pub id: String,
    /// When it was recorded, just before it was sent.
    pub at: Timestamp,
    /// Until when it may still land.
    pub until: Timestamp,
    /// What it changes.
    pub changes: Vec<Change>,
}

impl Write {
    fn of(intent: &document::Intent) -> Self {
        Self {
            id: intent.id.to_string(),
            at: intent.at,
            until: intent.fence(),
            changes: intent.changes.iter().map(Change::from).collect(),
        }
    }
}

/// That a write of this document has had no answer and may still land, in words.
#[must_use]
pub fn may_land(document: &Document, reader: &Reader) -> Option<String> {
    // A shadow sends none.
    if reader.is_of_shadow() {
        return None;
    }
    let until = reader.time(document.may_land_until()?);
    Some(format!(
        "a write that had no answer may still land until {until}; it is taken back if it does"
    ))
}

/// A reconnect: a backend gets new connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reconnect {
    /// Of which backend: its path in Azure.
    pub target: String,
    /// Its short name.
    pub name: String,
    /// The play that it follows; none where that is a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub play: Option<String>,
    /// The window that it follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// When it is to be; none while its play still acts on some pool, for it follows the end of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// When Azure was asked for it: twice at most.
    pub asked: Vec<Timestamp>,
    /// Its outcome, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// The outcome of a reconnect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// Azure took it.
    Accepted {
        /// When.
        at: Timestamp,
        /// When the backend gets new connections.
        due: Timestamp,
    },
    /// Azure did not take it.
    Refused {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// It was asked for as often as it may be, and no answer is known.
    Unknown {
        /// When it was given up.
        at: Timestamp,
    },
}

impl Reconnect {
    /// What is stored of a reconnect.
    #[must_use]
    pub fn of(reconnect: &document::Reconnect) -> Self {
        let outcome = reconnect.outcome.as_ref().map(|outcome| match outcome {
            document::Outcome::Accepted { at, due } => Outcome::Accepted { at: *at, due: *due },
            document::Outcome::Refused { at, why } => {
                Outcome::Refused { at: *at, why: why.clone() }
            }
            document::Outcome::Unknown { at } => Outcome::Unknown { at: *at },
        });
        let (play, window) = match &reconnect.of {
            RunOf::Play(play) => (Some(play.to_string()), None),
            RunOf::Window(window) => (None, Some(window.to_string())),
        };
        Self {
            target: reconnect.target.to_string(),
            name: reconnect.target.short(),
            play,
            window,
            due: reconnect.after.is_none().then_some(reconnect.due),
            asked: reconnect.asked.clone(),
            outcome,
        }
    }
}

impl Reconnect {
    /// What it follows: `play drain` or `window patching`.
    #[must_use]
    pub fn follows(&self) -> String {
        match (&self.play, &self.window) {
            (Some(play), _) => format!("play {play}"),
            (None, Some(window)) => format!("window {window}"),
            (None, None) => String::new(),
        }
    }

    /// The same in words.
    #[must_use]
    pub fn says(&self, reader: &Reader) -> String {
        let Self { name, .. } = self;
        let be = reader.tells("", " would be");
        match &self.outcome {
            None => match self.due {
                Some(due) => format!("reconnect of {name}{be} at {}", reader.time(due)),
                None => {
                    let follows = self.follows();
                    format!("reconnect of {name}{be} once {follows} acts on no pool any more")
                }
            },
            Some(Outcome::Accepted { due, .. }) => {
                let due = reader.time(*due);
                let accepted = reader.tells("accepted, due", "would have been due");
                format!("reconnect of {name} {accepted} at {due}")
            }
            Some(Outcome::Refused { why, .. }) => format!("reconnect of {name} refused: {why}"),
            Some(Outcome::Unknown { .. }) => {
                format!("reconnect of {name}: asked for twice without an answer, not asked again")
            }
        }
    }
}
