//! One override: what it does, for which alerts, and how it stands.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    claim::Occurrences,
    document::Document,
    lay::Laid,
    overrides::{self, Held, Life, Standing as Stored},
    shown::Shown,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    pool::EFFECTS_MAX,
    value::{Effect, Why},
    words::{Reader, count, length},
};

/// An override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Override {
    /// Its id.
    pub id: String,
    /// What it comes from.
    #[schemars(extend("enum" = ["alert", "window", "operator"]))]
    pub origin: String,
    /// The play that made it; left out where a window or an operator did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub play: Option<String>,
    /// The generation of the playbook that it was claimed under.
    pub generation: u64,
    /// What it does.
    pub effect: Effect,
    /// The strongest of the alerts behind it; the last that was, where none is on any more. An operator's
    /// command and an instance of a window have a series of their own.
    pub series: String,
    /// What that one is, in its own words: the labels and annotations that its play shows. Of an operator's
    /// command, who gave it (`by`) and the `reason`; of a window, its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
    /// How bad the worst of them is.
    #[schemars(extend("enum" = ["info", "warning", "error", "critical"]))]
    pub severity: String,
    /// When the first of those as bad started, by the source's clock.
    pub started: Timestamp,
    /// All the alerts behind it.
    pub alerts: Alerts,
    /// How it stands.
    pub standing: Standing,
}

/// What an alert is, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Alert {
    /// Labels and annotations, by name.
    pub values: BTreeMap<String, String>,
    /// The same on one line, in the order in which the play names them: `BackendErrors: eu answers 503`.
    pub says: String,
}

impl Alert {
    /// What there is to show of the alert that an override is for.
    #[must_use]
    pub fn of(over: &overrides::Override) -> Option<Self> {
        Self::shown(&over.alert)
    }

    /// What there is to show of it.
    pub(crate) fn shown(shown: &Shown) -> Option<Self> {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let values: BTreeMap<_, _> = shown.iter().map(pair).collect();
        (!values.is_empty()).then(|| Self { values, says: shown.to_string() })
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
        if over.origin.play().is_none() {
            return Self { count: 0, first: None, latest: None };
        }
        if let Some(Occurrences { count, first, latest }) = counted {
            return Self { count, first, latest };
        }
        let starts = || over.behind.known().values().map(|asked| asked.started);
        Self { count: starts().count() as u64, first: starts().min(), latest: starts().max() }
    }

    /// `2,000 alerts, first 07:31Z, latest 07:39Z`; none unless there are several.
    #[must_use]
    pub fn several(&self, reader: &Reader) -> Option<String> {
        let (first, latest) = (self.first?, self.latest?);
        (self.count > 1).then(|| {
            let (first, latest) = (reader.clock(first), reader.clock(latest));
            format!("{}, first {first}, latest {latest}", count(self.count, "alert"))
        })
    }
}

/// How an override stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Its kind, for programs.
    pub kind: StandingKind,
    /// Since when: when it was claimed, has begun, or has ended.
    pub since: Timestamp,
    /// Since when it is kept out, where it is held, displaced or yielded; left out where that was not
    /// noted, by a version before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_out_since: Option<Timestamp>,
    /// When it ends, where it is in force and nothing more is heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
    /// What keeps it back, or why it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// How much it has given back, in percent: `"50%"`; left out before the first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_back: Option<String>,
    /// The overrides that displaced it, or that decide instead, so that it has no effect now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub displaced_by: Vec<String>,
    /// Whether an alert asks again for one that has ended.
    pub asked_again: bool,
    /// The same in words.
    pub says: String,
}

/// The ways in which an override can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StandingKind {
    /// It waits until the backend can be read.
    Unread,
    /// It was claimed, and not looked at yet.
    Claimed,
    /// A limit or a gate keeps it back.
    Held,
    /// Its play or its window is in shadow: it never begins, and only shows what it would do.
    Shadow,
    /// It was decided on, and not seen to be written yet.
    Decided,
    /// It is in force.
    InForce,
    /// It was in force, and others keep it back now.
    Displaced,
    /// Someone else wrote every field of it, and it gave way.
    Yielded,
    /// It has ended, and gives back what it took.
    Ending,
}

impl StandingKind {
    /// Whether a limit, a gate or someone else's write keeps it out.
    #[must_use]
    pub const fn is_kept_out(self) -> bool {
        match self {
            Self::Held | Self::Shadow | Self::Displaced | Self::Yielded => true,
            Self::Unread | Self::Claimed | Self::Decided | Self::InForce | Self::Ending => false,
        }
    }
}

impl Standing {
    /// Whether it is to end now, and not in some seconds.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|ends| is_due(ends, now))
    }

    /// Whether it is in force, and its end is to come by more than the longest time that it may last.
    pub(crate) fn is_to_end(&self, now: Timestamp) -> bool {
        let kind = self.why.as_ref().map(|why| why.kind.as_str());
        let by_itself = matches!(kind, Some("expired" | "stale"));
        self.kind == StandingKind::InForce && (!by_itself || self.is_due(now))
    }

    /// How an override of this document stands now; `laid` is what was decided for it.
    #[must_use]
    pub fn of(
        document: &Document,
        laid: &Laid,
        over: &overrides::Override,
        reader: &Reader,
    ) -> Self {
        let standing = Self::bare(document, over, reader);
        let (by, because) = match standing.kind {
            StandingKind::Displaced => (displacing(document, over), "it gave way to"),
            StandingKind::InForce | StandingKind::Decided => {
                let by = laid.beaten_by(&over.id).into_iter();
                let by = by.filter_map(|id| document.overrides.get(id)).collect();
                (by, "another decides instead:")
            }
            StandingKind::Unread
            | StandingKind::Claimed
            | StandingKind::Held
            | StandingKind::Shadow
            | StandingKind::Yielded
            | StandingKind::Ending => (Vec::new(), ""),
        };
        let damped = over.damped.as_ref().filter(|_| over.begun().is_some());
        let damped = damped.map_or_else(String::new, |damped| format!("; {damped}"));
        let passes = document.passes(over);
        let passes =
            passes.map_or_else(String::new, |why| format!("; it passes a limit by force: {why}"));
        let drifted = drifted(document, over, reader);
        let mut says = standing.says + &damped + &passes + &drifted + &in_vain(document, over);
        if !by.is_empty() {
            let named = by.iter().take(EFFECTS_MAX);
            let named: Vec<_> = named.map(|one| format!("{} ({})", one.named(), one.id)).collect();
            let more = by.len().saturating_sub(EFFECTS_MAX);
            let more = if more == 0 { String::new() } else { format!(", and {more} more") };
            says = format!("{says}; {because} {}{more}", named.join(", "));
        }
        Self { says, displaced_by: by.iter().map(|one| one.id.to_string()).collect(), ..standing }
    }

    fn bare(document: &Document, over: &overrides::Override, reader: &Reader) -> Self {
        let (now, be) = (reader.now(), reader.tells("", "would be "));
        let stood = |field| document.owned.get(&field).is_some_and(|owned| owned.stood);
        let ago = |at: &Timestamp| length(now.duration_since(*at));
        let new = |kind: StandingKind, since: &Timestamp, why, says| Self {
            kind,
            since: *since,
            kept_out_since: over.kept_out.filter(|_| kind.is_kept_out()),
            ends: None,
            why,
            given_back: None,
            displaced_by: Vec::new(),
            asked_again: over.is_asked_again(),
            says,
        };
        match (&over.life, &over.standing) {
            (Life::Claimed { at }, Stored::Unseen) if document.trouble.is_some() => {
                let says = "waits until the backend can be read".to_owned();
                new(StandingKind::Unread, at, None, says)
            }
            (Life::Claimed { at }, Stored::Held(why)) => {
                let kind = if why.is_shadow() { StandingKind::Shadow } else { StandingKind::Held };
                new(kind, at, Some(Why::of(why)), why.says(be))
            }
            (Life::Claimed { at } | Life::Begun { at, .. }, Stored::Yielded) => {
                let says = reader.tells(
                    "yielded to someone else's write",
                    "would have yielded to someone else's write",
                );
                new(StandingKind::Yielded, at, None, says.to_owned())
            }
            (Life::Claimed { at }, Stored::Unseen | Stored::Admitted) => {
                let says = format!("claimed {} ago, not looked at yet", ago(at));
                new(StandingKind::Claimed, at, None, says)
            }
            (Life::Begun { at, .. }, Stored::Held(why)) => {
                let says = format!("{be}displaced, held: {why}");
                new(StandingKind::Displaced, at, Some(Why::of(why)), says)
            }
            // Where no write is on its way, none was needed.
            (Life::Begun { at, .. }, Stored::Admitted)
                if (!document.intents.is_empty() || document.trouble.is_some())
                    && !over.effect.fields().into_iter().any(stood) =>
            {
                let seen = reader.tells("not seen to be written yet", "about to be in force");
                let says = format!("decided {} ago, {seen}", ago(at));
                new(StandingKind::Decided, at, None, says)
            }
            (Life::Begun { at, .. }, Stored::Admitted | Stored::Unseen) => {
                let (ends, why) = over.ends().unwrap_or((*at, overrides::End::Expired));
                let (is_due, left) = (is_due(ends, now), length(ends.duration_since(now)));
                let rest = match why {
                    overrides::End::Resolved if is_due => format!("to be given back now: {why}"),
                    overrides::End::Resolved => format!("given back in {left}: {why}"),
                    overrides::End::Stale if is_due => format!("to be given back now: {why}"),
                    overrides::End::Stale => {
                        format!("given back in {left} unless its alert is heard again")
                    }
                    overrides::End::Closed if is_due => "its window closes now".to_owned(),
                    overrides::End::Closed => format!("its window closes in {left}"),
                    overrides::End::Expired
                    | overrides::End::Undone { .. }
                    | overrides::End::Dropped
                    | overrides::End::Panic => match is_due {
                        true => "its end is due".to_owned(),
                        false => format!("at most {left} more"),
                    },
                };
                let says = format!("{be}in force for {}, {rest}", ago(at));
                let standing = new(StandingKind::InForce, at, Some(Why::of(&why)), says);
                Self { ends: Some(ends), ..standing }
            }
            (Life::Ended { at, why, steps }, stored) => {
                let step = steps.len().checked_sub(1);
                let given_back = step.map(|step| over.lease.given_back(step).to_string());
                let back = match &given_back {
                    None => reader.tells("not given back yet", "not given back").to_owned(),
                    Some(part) => format!("{part} given back"),
                };
                let again = match (over.is_asked_again(), stored) {
                    (false, _) => String::new(),
                    (true, Stored::Held(why)) => {
                        format!("; asked for again, and {}", why.says(be))
                    }
                    (true, Stored::Unseen | Stored::Admitted | Stored::Yielded) => {
                        "; asked for again".to_owned()
                    }
                };
                let says = format!("{be}ending ({why}), {back}{again}");
                Self { given_back, ..new(StandingKind::Ending, at, Some(Why::of(why)), says) }
            }
        }
    }
}

/// How often what an override changes was written again over others, and until when that is left to them.
fn drifted(document: &Document, over: &overrides::Override, reader: &Reader) -> String {
    let fields = over.effect.fields();
    let known = fields.iter().filter_map(|field| Some((field, document.drifted.get(field)?)));
    let told = known.filter_map(|(field, drifted)| {
        let times = drifted.times(reader.now());
        match drifted.left_until.filter(|until| reader.now() < *until) {
            Some(until) => {
                let until = reader.time(until);
                Some(format!("; {field} is left as others write it until {until}"))
            }
            None if times == 0 => None,
            None => Some(format!(
                "; {field} was written again over others {} within 24h",
                count(times as u64, "time")
            )),
        }
    });
    told.collect()
}

/// What keeps out an override that had begun: the stronger ones that began when it gave way; all that are
/// stronger, where that is not known.
fn displacing<'a>(
    document: &'a Document,
    over: &overrides::Override,
) -> Vec<&'a overrides::Override> {
    let is_by_a_limit = match &over.standing {
        Stored::Held(why) => match why {
            Held::Members { .. }
            | Held::Share { .. }
            | Held::Capacity { .. }
            | Held::Uncertain { .. }
            | Held::MostOut { .. }
            | Held::Emptied
            | Held::SwitchedOff => true,
            Held::NoMember(_)
            | Held::MixedWeights
            | Held::NothingServes
            | Held::NoBackend
            | Held::NotAPool
            | Held::NotASingle
            | Held::Unmade(_)
            | Held::Full
            | Held::Ahead
            | Held::NoProperty(_)
            | Held::Unreadable(_)
            | Held::Paused
            | Held::PausedUntil(_)
            | Held::PoolPaused { .. }
            | Held::PlayPaused { .. }
            | Held::Frozen { .. }
            | Held::OutOfHours { .. }
            | Held::OverBudget { .. }
            | Held::ManyWrites { .. }
            | Held::MostOutOfTag { .. }
            | Held::Together { .. }
            | Held::Panic { .. }
            | Held::Lasting { .. }
            | Held::Count { .. }
            | Held::Shadow { .. }
            | Held::Unless { .. } => false,
        },
        Stored::Unseen | Stored::Admitted | Stored::Yielded => false,
    };
    let is_stronger = |one: &&overrides::Override| {
        let stands = one.standing == Stored::Admitted && one.begun().is_some();
        is_by_a_limit && stands && one.rank() < over.rank()
    };
    let stronger: Vec<_> = document.overrides.values().filter(is_stronger).collect();
    let then = |one: &&overrides::Override| over.kept_out.is_some() && one.begun() == over.kept_out;
    let began_then: Vec<_> = stronger.iter().copied().filter(then).collect();
    if began_then.is_empty() { stronger } else { began_then }
}

/// Whether a time has come: a length of less than a second is none to people.
fn is_due(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now) < SignedDuration::from_secs(1)
}

/// What is said behind the rest of a promotion of what serves already, and of one whose weight has no
/// effect; otherwise nothing.
pub(crate) fn in_vain(document: &Document, over: &overrides::Override) -> String {
    let mut says = String::new();
    if let Some(member) = document.serves_already(over) {
        says.push_str(&format!("; as its owner left it, {member} serves already: nothing changes"));
    }
    if let Some((member, weight)) = document.unused_weight(over) {
        let own =
            format!("; `weight: {weight}` has no effect, as {member} has a weight of its own");
        says.push_str(&own);
    }
    says
}

impl Override {
    /// Which alert it is for: what that is, its series and how bad it is. Or which operator asked for it,
    /// and why.
    #[must_use]
    pub fn who(&self) -> String {
        let Self { series, severity, .. } = self;
        match &self.alert {
            Some(Alert { says, .. }) if self.play.is_none() => {
                if self.origin == "window" {
                    format!("window {says}")
                } else {
                    says.clone()
                }
            }
            Some(Alert { says, .. }) => format!("{says} ({series}, {severity})"),
            None => format!("{series} ({severity})"),
        }
    }

    pub(crate) fn of(
        document: &Document,
        laid: &Laid,
        over: &overrides::Override,
        counted: Option<Occurrences>,
        reader: &Reader,
    ) -> Self {
        Self {
            id: over.id.to_string(),
            origin: over.origin.authority().word().to_owned(),
            play: over.origin.play().map(ToString::to_string),
            generation: over.generation,
            effect: Effect::from(&over.effect),
            series: over.series.to_string(),
            alert: Alert::of(over),
            severity: over.severity.to_string(),
            started: over.started,
            alerts: Alerts::of(over, counted),
            standing: Standing::of(document, laid, over, reader),
        }
    }
}
