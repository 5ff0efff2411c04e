//! `history`: what was heard, decided and done.

use jiff::Timestamp;
use pointsman_core::{
    field::{self, Field},
    ledger,
    names::BackendId,
    notice::Notices,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    ids::Ids,
    notice::Notice,
    value::{Change, VERSION, Why},
};

/// What `history` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct History {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Whether it is the shadow's: nothing of it was written to Azure.
    pub shadow: bool,
    /// The newest lines, oldest first.
    pub lines: Vec<Line>,
    /// What was noticed since the first of these lines and has changed nothing, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub noticed: Vec<Notice>,
}

impl History {
    /// These lines; of a shadow's ledger, where it is one.
    #[must_use]
    pub fn of(lines: &[ledger::Line], shadow: bool) -> Self {
        let lines = lines.iter().map(|line| Line::of(line, shadow)).collect();
        Self { version: VERSION, shadow, lines, noticed: Vec::new() }
    }

    /// The same with what was noticed since `from`; all of it, where there are no older lines.
    #[must_use]
    pub fn with(self, notices: &Notices, from: Option<Timestamp>) -> Self {
        let mut noticed = Notice::all(notices);
        // The ledger tells some of it itself, the first time.
        let told = |notice: &Notice| {
            notice.count == 1 && self.lines.iter().any(|line| line.what.says == notice.says)
        };
        noticed.retain(|notice| from.is_none_or(|from| notice.latest >= from) && !told(notice));
        noticed.sort_by_key(|notice| notice.latest);
        Self { noticed, ..self }
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Line {
    /// Its own id.
    pub line: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The path of the backend that it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The short name of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it tells.
    #[serde(flatten)]
    pub what: What,
}

impl Line {
    fn of(line: &ledger::Line, shadow: bool) -> Self {
        let mut what = What::from(&line.what);
        if shadow {
            what.says = ledger::InShadow(&line.what).to_string();
        }
        Self {
            line: line.id.to_string(),
            at: line.at,
            backend: line.backend.as_ref().map(ToString::to_string),
            name: line.backend.as_ref().map(BackendId::short),
            what,
        }
    }
}

/// What a line tells: its kind, the facts that programs look for, and the whole in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct What {
    /// Its kind, for programs. More kinds may come.
    ///
    /// Of alerts: `fired`, `late`, `resolved`, `unresolvable`, `truncated`, `keepsBack`, `claimed`. Of overrides:
    /// `began`, `held`, `displaced`, `outranked`, `admitted`, `warned`, `ranOut`, `wentSilent`, `ended`, `neverBegan`, `stepped`,
    /// `finished`. Of writes: `intended`, `intendedWhole`, `wrote`, `outrun`, `refused`, `notSent`, `throttled`,
    /// `unanswered`, `landed`, `notLanded`, `answered`. Of what Azure shows: `foreign`, `removed`,
    /// `unreachable`. Of reconnects: `reconnectWaits`, `reconnectPlanned`, `reconnectCancelled`,
    /// `reconnectUndone`, `reconnectAsked`, `reconnectAccepted`, `reconnectRefused`,
    /// `reconnectNotSent`, `reconnectUnanswered`, `reconnectUnknown`. Of operators: `paused`, `resumed`, `published`, `rejected`,
    /// `retried`, `byHand`. Of services of Azure: `wentBlind`, `seesAgain`.
    pub what: String,
    /// The id of the override or of the reconnect that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The id of the write that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// The alert that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// What that alert is in its own words, on one line: `BackendErrors: eu answers 503`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The play that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub play: Option<String>,
    /// Of `fired` and `resolved`, the plays that answer the alert; of `keepsBack`, those of which nothing
    /// begins while it is on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plays: Vec<String>,
    /// The service of Azure that it is about, as the playbook calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The path of the backend that is reconnected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The field that it is about: `members/eu/weight`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Why an override is held or has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// The operator who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What that operator gave as the reason; or the error that it tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a write changes; of `foreign`, our value and the one that someone else wrote; of `answered`,
    /// what was asked and what Azure shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Of `displaced` and `outranked`, the overrides that took its place; of `foreign`, those that gave way; of
    /// `intended` and `intendedWhole`, those that the write is for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    /// The time that it names: when a reconnect is due, when an override will be ended, until when
    /// nothing is asked of Azure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The generation of the playbook that was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// The same in words, on one line, with all that belongs to it.
    pub says: String,
}

impl What {
    /// The ids that it names.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.id.iter().chain(&self.intent).chain(&self.overrides)
    }

    /// What it says, with each id that it names cut where it differs from all of these.
    #[must_use]
    pub fn cut(&self, ids: &Ids) -> String {
        self.ids().fold(self.says.clone(), |says, id| says.replace(id, ids.short(id)))
    }
}

impl From<&ledger::What> for What {
    fn from(what: &ledger::What) -> Self {
        use ledger::What as Told;
        // The names under which it is stored never change, because what is stored is read for ever.
        let stored = serde_json::to_value(what).unwrap_or_default();
        let text = |path: &str| stored.pointer(path).and_then(Json::as_str).map(str::to_owned);
        let why = if let Told::Held { why, .. } | Told::Displaced { why, .. } = what {
            Some(Why::of(why))
        } else if let Told::Ended { why, .. } | Told::NeverBegan { why, .. } = what {
            Some(Why::of(why))
        } else {
            None
        };
        let time = |path: &str| text(path).and_then(|at| at.parse().ok());
        Self {
            what: text("/what").unwrap_or_default(),
            id: text("/id"),
            intent: text("/intent"),
            series: text("/series"),
            alert: alert(what),
            play: text("/play"),
            plays: plays(what),
            service: text("/service"),
            target: text("/target"),
            field: text("/field"),
            by: text("/by").or_else(|| text("/why/undone/by")),
            reason: text("/reason")
                .or_else(|| text("/why/undone/reason"))
                .or_else(|| text("/why").filter(|_| why.is_none())),
            why,
            changes: changes(what),
            overrides: if let Told::Displaced { by: ids, .. }
            | Told::Outranked { by: ids, .. }
            | Told::Foreign { yielded: ids, .. }
            | Told::Intended { overrides: ids, .. }
            | Told::IntendedWhole { overrides: ids, .. } = what
            {
                ids.iter().map(ToString::to_string).collect()
            } else {
                Vec::new()
            },
            time: time("/due").or_else(|| time("/until")).or_else(|| time("/ends")),
            generation: stored.pointer("/generation").and_then(Json::as_u64),
            says: what.to_string(),
        }
    }
}

fn alert(what: &ledger::What) -> Option<String> {
    use ledger::What as Told;
    if let Told::Fired { alert, .. }
    | Told::Resolved { alert, .. }
    | Told::KeepsBack { alert, .. }
    | Told::Late { alert, .. }
    | Told::Unresolvable { alert, .. }
    | Told::Claimed { alert, .. } = what
    {
        (!alert.is_empty()).then(|| alert.to_string())
    } else {
        None
    }
}

fn plays(what: &ledger::What) -> Vec<String> {
    use ledger::What as Told;
    if let Told::Fired { plays, .. }
    | Told::Resolved { plays, .. }
    | Told::KeepsBack { plays, .. } = what
    {
        plays.iter().map(ToString::to_string).collect()
    } else {
        Vec::new()
    }
}

fn changes(what: &ledger::What) -> Vec<Change> {
    use ledger::What as Told;
    let one = |field: &Field, before: &field::Value, after: &field::Value| {
        vec![Change::from(&field::Change {
            field: field.clone(),
            before: before.clone(),
            after: after.clone(),
        })]
    };
    if let Told::Intended { changes, .. } | Told::IntendedWhole { changes, .. } = what {
        changes.iter().map(Change::from).collect()
    } else if let Told::Foreign { field, ours, theirs, .. } = what {
        one(field, ours, theirs)
    } else if let Told::Answered { field, asked, shown } = what {
        one(field, asked, shown)
    } else {
        Vec::new()
    }
}
