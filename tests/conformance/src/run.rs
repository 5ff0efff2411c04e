//! One client through the whole list.

use std::{collections::HashMap, time::Instant};

use crate::{
    azure::Azure,
    client::{Client, Name},
    list::{Call, Level, List, Operation},
    report::Report,
};

/// The ETags of a backend that were seen: the last one, and the one before it.
#[derive(Debug, Default)]
struct Seen {
    last: Option<String>,
    before: Option<String>,
}

/// Runs the client, and gives a report for each step, in the order of [`List::steps`].
///
/// # Panics
/// When emulator or driver do not do their part.
pub async fn run(name: Name, list: &List) -> Vec<Report> {
    let mut azure = Azure::start().await;
    let mut client = Client::start(name, &azure);
    let mut reports = Vec::new();
    let mut seen: HashMap<String, Seen> = HashMap::new();
    let mut current = None;
    for (chapter, level, step) in list.steps() {
        let here = (&chapter.chapter, level);
        if let Some((before, _)) = current.replace(here).filter(|before| *before != here) {
            azure.clear(before).await;
            seen.clear();
        }
        let began = Instant::now();
        if let Some(given) = &step.given {
            azure.give(given, level).await;
        }
        let marks = seen.entry(step.call.backend.clone().unwrap_or_default()).or_default();
        let call = prepared(&step.call, level, marks, &azure);
        let said = match call.r#do {
            Operation::Look => azure.look(&call).await,
            Operation::List
            | Operation::Etag
            | Operation::Get
            | Operation::Put
            | Operation::Retitle
            | Operation::Patch
            | Operation::Delete
            | Operation::Reconnect => client.make(&call).await,
        };
        let mut tries = azure.requests().await;
        if tries == 0 {
            azure.forgive().await;
        } else if let Some(given) = &step.given
            && azure.missed(given, began.elapsed()).await
        {
            // A busy machine had the client come after the window. There was nothing to be refused
            // by, which says nothing of the client: it is counted as the try that it would be.
            tries += 1;
        }
        let etag = said.etag.clone();
        let outcome = said.outcome(marks.last.as_deref());
        if etag.is_some() && etag != marks.last {
            marks.before = std::mem::replace(&mut marks.last, etag);
        }
        reports.push(Report { outcome, tries });
    }
    client.end().await;
    if let Some((chapter, _)) = current {
        azure.clear(chapter).await;
    }
    azure.stop().await;
    reports
}

/// The call with everything that a driver has to know.
fn prepared(call: &Call, level: Level, marks: &Seen, azure: &Azure) -> Call {
    // Where the client did not see one, it sends one that never was: it must not pass by chance.
    let mark = |mark: &Option<String>| mark.clone().unwrap_or_else(|| "\"none\"".to_owned());
    let if_match = call.if_match.as_deref().map(|which| match which {
        "any" => "*".to_owned(),
        "seen" => mark(&marks.last),
        "before" => mark(&marks.before),
        other => panic!("ifMatch is any, seen or before, not {other}"),
    });
    let mut call = call.at(level, if_match);
    let [_, group, service] = azure.service_parts();
    call.resource_group.get_or_insert_with(|| group.to_owned());
    call.service.get_or_insert_with(|| service.to_owned());
    call
}
