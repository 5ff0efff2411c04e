//! The list of steps, as `steps.yaml` has it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    client::Name,
    report::{Mark, Outcome, Report},
};

/// All of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Exceptions of every step.
    pub otherwise: Vec<Otherwise>,
    /// The chapters. Each begins with a service without backends.
    pub chapters: Vec<Chapter>,
}

/// Steps that belong together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// What it is about.
    pub chapter: String,
    /// Where it is run.
    pub levels: Vec<Level>,
    /// In their order.
    pub steps: Vec<Step>,
}

/// Where a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// In the service itself.
    Service,
    /// In a workspace of it.
    Workspace,
}

/// One thing to do, and what has to come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// In words.
    pub step: String,
    /// What happens to the emulator before.
    #[serde(default)]
    pub given: Option<Given>,
    /// What the client is asked to do.
    pub call: Call,
    /// What has to come of it.
    pub answer: Wanted,
    /// For whom it is otherwise, and why.
    #[serde(default)]
    pub otherwise: Vec<Otherwise>,
}

/// What happens to the emulator, by its admin endpoints.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// A fault, as the emulator takes it.
    #[serde(default)]
    pub fault: Option<Value>,
    /// Backends that someone else writes, by their names.
    #[serde(default)]
    pub foreign: Map<String, Value>,
}

impl Given {
    /// How long the window of 429 is, where the fault is one.
    ///
    /// # Panics
    /// When it is not of whole seconds.
    #[must_use]
    pub fn window(&self) -> Option<Duration> {
        let lasts = self.fault.as_ref()?.pointer("/kind/throttle/lasts")?;
        let seconds = lasts.as_str().and_then(|it| it.strip_prefix("PT")?.strip_suffix('S'));
        let seconds = seconds.and_then(|it| it.parse().ok());
        let seconds = seconds.unwrap_or_else(|| panic!("a window lasts for PTnS, not {lasts}"));
        Some(Duration::from_secs(seconds))
    }
}

/// A call, as a client's driver is told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Call {
    /// Which operation.
    pub r#do: Operation,
    /// The resource group, where it is not the emulator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// The service, where it is not the emulator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The workspace; it follows from the level.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<&'static str>,
    /// The backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Which state it has to be in. A driver is told the ETag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
    /// The body of a write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The new title, of a [`Operation::Retitle`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The delay of a reconnect, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// `$filter`, of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// `$top`, of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<i64>,
    /// `$skip`, of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<i64>,
}

/// An operation of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// List, all pages.
    List,
    /// GetEntityTag.
    Etag,
    /// Get.
    Get,
    /// Create Or Update.
    Put,
    /// Get, a new title in the client's own model, and Create Or Update with the ETag.
    Retitle,
    /// Update.
    Patch,
    /// Delete.
    Delete,
    /// Reconnect.
    Reconnect,
    /// A look by no client at all, at what the service now has, to the letter.
    Look,
}

/// What has to come of a step.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    /// The client has no such thing.
    Lacks(Lacks),
    /// The client refuses it, and sends nothing.
    Refused(Refused),
    /// The client is not answered.
    Broken(Broken),
    /// An answer.
    Answered(Answered),
}

/// See [`Wanted::Lacks`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lacks {
    /// What it lacks.
    pub lacks: String,
}

/// See [`Wanted::Refused`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// What its words have in them.
    pub refused: String,
}

/// See [`Wanted::Broken`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broken {
    /// How many requests it took.
    pub broken: usize,
}

/// See [`Wanted::Answered`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The code of an error.
    #[serde(default)]
    pub code: Option<String>,
    /// What its details are about.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The ETag, where it is not the one that follows from the operation: a write gives a new one,
    /// a read the one that was seen last.
    #[serde(default)]
    pub etag: Option<Mark>,
    /// What the backend has among others, under `properties`; null is for what it does not have.
    #[serde(default)]
    pub shows: Map<String, Value>,
    /// The names on each page.
    #[serde(default)]
    pub pages: Option<Vec<Vec<String>>>,
    /// How many requests it took, where it was not one for each page, or two to change a title.
    #[serde(default)]
    pub tries: Option<usize>,
}

/// An exception.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Otherwise {
    /// For those.
    pub clients: Vec<Name>,
    /// At those levels; everywhere where it does not say.
    #[serde(default = "everywhere")]
    pub levels: Vec<Level>,
    /// What comes of it instead.
    #[serde(default)]
    pub answer: Option<Wanted>,
    /// Where the client shows a backend other than ours does: pointers under `properties`.
    #[serde(default)]
    pub apart: Vec<String>,
    /// Why that is so.
    pub because: String,
}

fn everywhere() -> Vec<Level> {
    vec![Level::Service, Level::Workspace]
}

impl Otherwise {
    /// Whether it is about this client at this level.
    #[must_use]
    pub fn concerns(&self, client: Name, level: Level) -> bool {
        self.clients.contains(&client) && self.levels.contains(&level)
    }
}

impl List {
    /// The list.
    #[must_use]
    pub fn read() -> Self {
        let list: Self =
            serde_saphyr::from_str(include_str!("../steps.yaml")).expect("the list can be read");
        let of_steps = list.chapters.iter().flat_map(|chapter| &chapter.steps);
        let all = of_steps.flat_map(|step| &step.otherwise).chain(&list.otherwise);
        for Otherwise { because, answer, apart, .. } in all {
            assert!(!because.trim().is_empty(), "an exception has a reason");
            assert!(answer.is_some() || !apart.is_empty(), "it excepts something: {because}");
        }
        list
    }

    /// Each chapter at each of its levels, and each step of it.
    pub fn steps(&self) -> impl Iterator<Item = (&Chapter, Level, &Step)> {
        self.chapters.iter().flat_map(|chapter| {
            chapter.levels.iter().flat_map(move |level| {
                chapter.steps.iter().map(move |step| (chapter, *level, step))
            })
        })
    }
}

impl Call {
    /// The call as it is made at that level, with that condition, and its texts written out.
    #[must_use]
    pub fn at(&self, level: Level, if_match: Option<String>) -> Self {
        let mut call = Self { if_match, ..self.clone() };
        call.workspace = match level {
            Level::Service => None,
            Level::Workspace => Some(WORKSPACE),
        };
        call.backend = call.backend.map(|name| written_out(&name));
        if let Some(body) = &mut call.body {
            write_out(body);
        }
        call
    }
}

/// The workspace of the steps at that level.
pub const WORKSPACE: &str = "team";

/// A text that stands for a long one is written out: `x*301`.
fn written_out(text: &str) -> String {
    let long = text.split_once('*').and_then(|(text, times)| Some((text, times.parse().ok()?)));
    long.map_or_else(|| text.to_owned(), |(text, times): (&str, usize)| text.repeat(times))
}

fn write_out(value: &mut Value) {
    match value {
        Value::String(text) => *text = written_out(text),
        Value::Array(items) => items.iter_mut().for_each(write_out),
        Value::Object(fields) => fields.values_mut().for_each(write_out),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Wanted {
    /// What of a report is not so.
    #[must_use]
    pub fn missed_by(&self, report: &Report, call: &Call) -> Vec<String> {
        let mut missed = Vec::new();
        let mut check = |what: &str, wanted: &str, is: &str| {
            if wanted != is {
                missed.push(format!("{what}: {wanted} is wanted, and it is {is}"));
            }
        };
        match (self, &report.outcome) {
            (Self::Lacks(Lacks { lacks }), Outcome::Lacks(is)) => check("it lacks", lacks, is),
            (Self::Refused(Refused { refused }), Outcome::Refused(words)) => {
                if !words.contains(refused) {
                    check("its words", refused, words);
                }
            }
            (Self::Broken(Broken { broken }), Outcome::Broken(_)) => {
                check("requests", &broken.to_string(), &report.tries.to_string());
            }
            (Self::Answered(wanted), Outcome::Answered(is)) => {
                check("status", &wanted.status.to_string(), &is.status.to_string());
                check("code", &format!("{:?}", wanted.code), &format!("{:?}", is.code));
                check("targets", &format!("{:?}", wanted.targets), &format!("{:?}", is.targets));
                let etag = wanted.etag.or_else(|| call.r#do.mark(wanted.status));
                check("etag", &format!("{etag:?}"), &format!("{:?}", is.etag));
                let pages = is.pages.as_ref().map(|pages| names(pages));
                check("pages", &format!("{:?}", wanted.pages), &format!("{pages:?}"));
                for (key, wanted) in &wanted.shows {
                    let shown = is.backend.as_ref().map_or(&Value::Null, |b| &b["properties"][key]);
                    // The order of keys is nobody's promise.
                    if shown != wanted {
                        check(key, &wanted.to_string(), &shown.to_string());
                    }
                }
                let pages = wanted.pages.as_ref().map_or(1, Vec::len);
                let usual = if call.r#do == Operation::Retitle { 2 } else { pages };
                let tries = wanted.tries.unwrap_or(usual);
                check("requests", &tries.to_string(), &report.tries.to_string());
            }
            (
                Self::Lacks(_) | Self::Refused(_) | Self::Broken(_) | Self::Answered(_),
                Outcome::Lacks(_) | Outcome::Refused(_) | Outcome::Broken(_) | Outcome::Answered(_),
            ) => check("it", &format!("{self:?}"), &report.to_string()),
        }
        // What is refused is not sent; what was to be put back has been read.
        let unsent = matches!(self, Self::Lacks(_) | Self::Refused(_));
        if unsent && report.tries > usize::from(call.r#do == Operation::Retitle) {
            missed.push(format!("{} requests were sent", report.tries));
        }
        missed
    }
}

impl Operation {
    /// The ETag that is usual with that status.
    fn mark(self, status: u16) -> Option<Mark> {
        match self {
            Self::Put | Self::Retitle | Self::Patch if status < 300 => Some(Mark::New),
            Self::Etag | Self::Get | Self::Look if status < 300 => Some(Mark::Same),
            Self::Put
            | Self::Retitle
            | Self::Patch
            | Self::Etag
            | Self::Get
            | Self::Look
            | Self::List
            | Self::Delete
            | Self::Reconnect => None,
        }
    }
}

fn names(pages: &[Vec<Value>]) -> Vec<Vec<String>> {
    let name = |backend: &Value| backend["name"].as_str().unwrap_or_default().to_owned();
    pages.iter().map(|page| page.iter().map(name).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_asked_for_at_every_level_that_has_it() {
        let list = List::read();
        let asked: Vec<(Operation, Level)> =
            list.steps().map(|(_, level, step)| (step.call.r#do, level)).collect();
        for operation in [
            Operation::List,
            Operation::Etag,
            Operation::Get,
            Operation::Put,
            Operation::Retitle,
            Operation::Patch,
            Operation::Delete,
            Operation::Reconnect,
        ] {
            for level in everywhere() {
                assert!(asked.contains(&(operation, level)), "{operation:?} {level:?}");
            }
        }
    }

    #[test]
    fn long_texts_are_written_out() {
        let mut value = serde_json::json!({"a": ["x*3", "x*y", "*"], "b": {"c": "ab*2"}, "d": 1});
        write_out(&mut value);
        assert_eq!(
            value,
            serde_json::json!({"a": ["xxx", "x*y", "*"], "b": {"c": "abab"}, "d": 1})
        );
    }

    #[test]
    fn what_is_not_as_wanted_is_missed() {
        let list = List::read();
        let mut steps = list.steps().map(|(_, _, step)| step);
        let step = steps.find(|step| step.call.r#do == Operation::Put).expect("there is one");
        let report = |status: u16, code: &str, tries| Report {
            outcome: Outcome::Answered(crate::report::Answer {
                status,
                code: Some(code.to_owned()),
                targets: Vec::new(),
                etag: None,
                backend: None,
                pages: None,
            }),
            tries,
        };
        let missed = |report: &Report| step.answer.missed_by(report, &step.call).join("; ");
        assert_eq!(missed(&report(412, "PreconditionFailed", 1)), "");
        assert_eq!(
            missed(&report(404, "PreconditionFailed", 2)),
            "status: 412 is wanted, and it is 404; requests: 1 is wanted, and it is 2"
        );
        let lacks = Report { outcome: Outcome::Lacks("it".to_owned()), tries: 0 };
        assert!(missed(&lacks).contains("it lacks it"));
    }
}
