//! An override that is over, as the ledger tells of it.

use jiff::Timestamp;
use pointsman_core::{
    id::OverrideId,
    ledger::{self, Line},
    names::BackendId,
    origin::Authority,
    shown::Named,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    value::{Effect, Why},
    words::{Reader, length},
};

/// An override that is over. What the newest lines of the ledger do not tell any more is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Over {
    /// Its id.
    pub id: String,
    /// What it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// What it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["alert", "window", "operator"]))]
    pub origin: Option<String>,
    /// What it was for, in words: the alert and its play, the window, or who asked for it and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// When it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Timestamp>,
    /// When it began; left out where it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// When it had given back everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<Timestamp>,
}

/// The override that a line begins or ends, and how.
fn told(what: &ledger::What) -> Option<&OverrideId> {
    use ledger::What as Told;
    if let Told::Claimed { id, .. }
    | Told::Commanded { id, .. }
    | Told::Opened { id, .. }
    | Told::Began { id }
    | Told::Ended { id, .. }
    | Told::NeverBegan { id, .. }
    | Told::Finished { id } = what
    {
        Some(id)
    } else {
        None
    }
}

impl Over {
    /// The overrides of which these lines tell and whose id begins so, each with its backend.
    #[must_use]
    pub fn begun_so<'a>(lines: &'a [Line], text: &str) -> Vec<(&'a OverrideId, &'a BackendId)> {
        let begins = |line: &'a Line| {
            let id = told(&line.what).filter(|id| id.as_str().starts_with(text))?;
            Some((id, line.backend.as_ref()?))
        };
        let mut found: Vec<_> = lines.iter().filter_map(begins).collect();
        found.sort_unstable_by_key(|(id, _)| *id);
        found.dedup_by_key(|(id, _)| *id);
        found
    }

    /// What these lines of its backend's ledger, oldest first, tell of its last run. `undone` is when it was
    /// undone last, where that is known.
    #[must_use]
    pub fn of(id: &str, lines: &[Line], undone: Option<Timestamp>) -> Self {
        let new = || Self { id: id.to_owned(), ..Self::default() };
        let mut run = new();
        for Line { at, what, .. } in lines {
            if told(what).is_none_or(|told| told.as_str() != id) {
                continue;
            }
            run.take_in(*at, what, new);
        }
        run.ended = run.ended.or(undone);
        run
    }

    fn take_in(&mut self, at: Timestamp, what: &ledger::What, new: impl Fn() -> Self) {
        use ledger::What as Told;
        let asked = if let Told::Claimed { play, effect, series, alert, .. } = what {
            let who = format!("for {}, by play {play}", Named(series, alert));
            Some((effect, Authority::Alert, who))
        } else if let Told::Commanded { effect, by, reason, .. } = what {
            Some((effect, Authority::Operator, format!("by {by}: {reason}")))
        } else if let Told::Opened { effect, window, .. } = what {
            Some((effect, Authority::Window, format!("by window {window}")))
        } else {
            None
        };
        if let Some((effect, authority, who)) = asked {
            if self.over.is_some() {
                *self = new();
            }
            self.asked = self.asked.or(Some(at));
            self.effect = Some(Effect::from(effect));
            (self.origin, self.who) = (Some(authority.word().to_owned()), Some(who));
        } else if let Told::Began { .. } = what {
            if self.over.is_some() {
                *self = Self { over: None, ended: None, why: None, began: None, ..self.clone() };
            }
            self.began = self.began.or(Some(at));
        } else if let Told::Ended { why, .. } = what {
            (self.ended, self.why) = (Some(at), Some(Why::of(why)));
        } else if let Told::NeverBegan { why, .. } = what {
            (self.ended, self.why, self.over) = (Some(at), Some(Why::of(why)), Some(at));
        } else if let Told::Finished { .. } = what {
            self.over = Some(at);
        }
    }

    /// The same in words, a line each.
    #[must_use]
    pub fn says(&self, reader: &Reader) -> Vec<String> {
        let when = |at: Option<Timestamp>| at.map(|at| reader.time(at));
        let what = self.effect.as_ref().map_or("what it did is not told any more", |it| &it.says);
        let mut lines = vec![
            format!("{what}: {}over", reader.tells("", "would be ")),
            format!("  {}", self.who.as_deref().unwrap_or("for whom is not told any more")),
        ];
        let began = match (self.began, self.ended) {
            (Some(began), Some(ended)) => {
                let lasted = length(ended.duration_since(began));
                let begun = reader.tells("begun", "would have begun");
                Some(format!("{begun} {}, in force for {lasted}", reader.time(began)))
            }
            (Some(began), None) => {
                let begun = reader.tells("begun", "would have begun");
                Some(format!("{begun} {}", reader.time(began)))
            }
            (None, _) => {
                self.asked.map(|at| format!("asked for {}, and never begun", reader.time(at)))
            }
        };
        lines.extend(began.map(|began| format!("  {began}")));
        if let Some(ended) = when(self.ended) {
            let why = self.why.as_ref().map_or("undone", |why| &why.says);
            let has = reader.tells("ended", "would have ended");
            lines.push(format!("  {has} {ended}: {why}"));
        }
        if let Some(over) = when(self.over.filter(|_| self.began.is_some())) {
            // Whether the backend is as its owner left it again is another matter.
            let asks = reader.tells("asks", "would ask");
            lines.push(format!("  {asks} for nothing any more since {over}"));
        }
        lines
    }
}
