//! `list`, `get`, `watch`: what is there, and how it changes.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use pointsman_apim::{
    Backend, BackendId, Error, diff,
    list::{Filter, Query, Skip, Top},
};
use pointsman_host::server::Stop;
use pointsman_view as view;
use serde_json::json;

use super::{
    desk::{Desk, call},
    print::{self, Output},
    wrong::Wrong,
};
use crate::{failed::Failed, page::Page, show};

/// What `list` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct ListOptions {
    /// A service: its name in the playbook or in Azure, or its Azure path; the playbook's only one
    /// by default.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// A workspace of it.
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,
    /// Only those that match an OData filter on name, title and url: "startswith(name,'eu-')"
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<Filter>,
    /// At most this many.
    #[arg(long, value_name = "NUMBER")]
    top: Option<u64>,
    /// Skip this many at the beginning.
    #[arg(long, value_name = "NUMBER")]
    skip: Option<u64>,
}

/// What `get` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct GetOptions {
    /// Which backend.
    backend: String,
}

/// What `watch` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct WatchOptions {
    /// Which backend.
    backend: String,
    /// How often it is read, in seconds.
    #[arg(
        long,
        default_value_t = 5,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..=3600)
    )]
    every: u32,
}

pub(super) async fn list(desk: &Desk, options: &ListOptions) -> Result<ExitCode, Wrong> {
    let scope = desk.names.scope(options.service.as_deref(), options.workspace.as_deref())?;
    let query = Query {
        filter: options.filter.clone(),
        top: options.top.map(Top::new).transpose().map_err(Wrong::usage)?,
        skip: options.skip.map(Skip::new).transpose().map_err(Wrong::usage)?,
    };
    // To Azure it is how many a page has; to a person, how many there are.
    let most = options.top.map_or(usize::MAX, |top| usize::try_from(top).unwrap_or(usize::MAX));
    let mut pages = desk.client.pages(scope, query, call());
    let mut all = Vec::new();
    while all.len() < most
        && let Some(page) = pages.next().await?
    {
        all.extend(page.backends);
    }
    all.truncate(most);
    Ok(print::list(desk.output, &all)?)
}

pub(super) async fn get(desk: &Desk, options: &GetOptions) -> Result<ExitCode, Wrong> {
    let id = desk.names.backend(&options.backend)?;
    let backend = desk.client.get(&id, call()).await?;
    Ok(print::backend(desk.output, &backend)?)
}

/// What a read found, if it found anything.
fn there<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is there, if anything is.
pub(super) async fn seen(desk: &Desk, id: &BackendId) -> Result<Option<Backend>, Error> {
    there(desk.client.get(id, call()).await)
}

/// Reads again and again; whether there is anything new, by the ETag alone. A backend that is gone may
/// come back. That it cannot be read for a while is told once, and it is read again.
pub(super) async fn watch(desk: &Desk, options: &WatchOptions) -> Result<ExitCode, Wrong> {
    let id = desk.names.backend(&options.backend)?;
    let mut stopped = std::pin::pin!(Stop::signals().map_err(Failed::from)?);
    // The first look must succeed: a name that is mistyped is told at once.
    let mut last = Some(desk.client.get(&id, call()).await?);
    if let Some(backend) = &last {
        tell(desk, &id, "seen", &[], Some(backend))?;
    }
    let mut troubled = false;
    let every = Duration::from_secs(options.every.into());
    loop {
        let look = async {
            tokio::time::sleep(every).await;
            newer(desk, &id, last.as_ref()).await
        };
        let now = tokio::select! {
            () = &mut stopped => return Ok(ExitCode::SUCCESS),
            now = look => now,
        };
        let now = match now {
            Ok(now) => now,
            Err(error) => {
                if !troubled {
                    let why = error.full();
                    show::note(format_args!("it cannot be read now: {why}"));
                }
                troubled = true;
                continue;
            }
        };
        troubled = false;
        let Some(now) = now else { continue };
        match (&last, &now) {
            (None, None) => {}
            (Some(_), None) => tell(desk, &id, "deleted", &[], None)?,
            (None, Some(after)) => {
                tell(desk, &id, "created", &diff::added(after.raw()), Some(after))?;
            }
            (Some(before), Some(after)) => {
                let lines = diff::between(before.raw(), after.raw());
                tell(desk, &id, "changed", &lines, Some(after))?;
            }
        }
        last = now;
    }
}

/// What is there now, if that is not what was seen last.
async fn newer(
    desk: &Desk,
    id: &BackendId,
    last: Option<&Backend>,
) -> Result<Option<Option<Backend>>, Error> {
    let Some(tagged) = there(desk.client.entity_tag(id, call()).await)? else {
        return Ok(Some(None));
    };
    if last.is_some_and(|last| *last.etag() == tagged.etag) {
        return Ok(None);
    }
    seen(desk, id).await.map(Some)
}

/// One thing that was seen: some lines for people, one of JSON for programs.
fn tell(
    desk: &Desk,
    id: &BackendId,
    what: &str,
    lines: &[diff::Line],
    now: Option<&Backend>,
) -> Result<(), Failed> {
    let at = jiff::Timestamp::now();
    let etag = now.map(|backend| backend.etag().as_str());
    let diff: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let value = json!({
        "at": at.to_string(), "backend": id.to_string(), "what": what, "etag": etag, "diff": diff,
    });
    let text = match desk.output {
        Output::Table => {
            let etag = etag.map_or_else(String::new, |etag| format!(" {etag}"));
            let at = view::Reader::new(at, desk.zone.clone()).entry(at);
            let short = print::short(id);
            let mut text = Page::of(format_args!("{at} {short} {what}{etag}"));
            for line in &diff {
                text.line(format_args!("  {line}"));
            }
            text
        }
        Output::Json => return show::json_line(&value).map(drop),
        Output::Yaml => print::yaml(&value)?.after("---"),
    };
    show::page(&text).map(drop)
}
