//! `list`, `get`, `watch`: what is there, and how it changes.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use pointsman_apim::{
    Backend, BackendId, Error, diff,
    list::{Filter, Query, Skip, Top},
};
use pointsman_host::server::Stop;
use pointsman_view as view;

use super::{
    desk::{Desk, call},
    print::{self, Output},
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

pub(super) async fn list(desk: &Desk, options: &ListOptions) -> Result<ExitCode, Failed> {
    let scope = desk.names.scope(options.service.as_deref(), options.workspace.as_deref())?;
    let query = Query {
        filter: options.filter.clone(),
        top: options.top.map(Top::new).transpose().map_err(Failed::usage)?,
        skip: options.skip.map(Skip::new).transpose().map_err(Failed::usage)?,
    };
    // To Azure it is how many a page has; to a person, how many there are.
    let most = options.top.map_or(usize::MAX, |top| usize::try_from(top).unwrap_or(usize::MAX));
    let mut pages = desk.client.pages(&scope, &query, call());
    let mut all = Vec::new();
    while all.len() < most
        && let Some(page) = pages.next().await?
    {
        all.extend(page.backends);
    }
    all.truncate(most);
    print::list(desk.output, &all)
}

pub(super) async fn get(desk: &Desk, options: &GetOptions) -> Result<ExitCode, Failed> {
    let id = desk.names.backend(&options.backend)?;
    let backend = desk.client.get(&id, call()).await?;
    print::backend(desk.output, &backend)
}

/// What is there, if anything is.
pub(super) async fn seen(desk: &Desk, id: &BackendId) -> Result<Option<Backend>, Error> {
    match desk.client.get(id, call()).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads again and again; by the ETag alone it is known whether there is anything new. A backend that is gone may
/// come back. That it cannot be read for a while is told once, and it is read again.
pub(super) async fn watch(desk: &Desk, options: &WatchOptions) -> Result<ExitCode, Failed> {
    let id = desk.names.backend(&options.backend)?;
    let mut stopped = std::pin::pin!(Stop::signals()?);
    // The first look must succeed: a name that is mistyped is told at once.
    let first = desk.client.get(&id, call()).await?;
    tell(desk, &id, "seen", &[], Some(&first))?;
    let mut last = Some(first);
    let mut troubled = false;
    loop {
        let look = async {
            tokio::time::sleep(Duration::from_secs(options.every.into())).await;
            seen(desk, &id).await
        };
        let looked = tokio::select! {
            () = &mut stopped => return Ok(ExitCode::SUCCESS),
            looked = look => looked,
        };
        let now = match looked {
            Ok(now) => now,
            Err(error) => {
                if !troubled {
                    show::note(format_args!("it cannot be read now: {}", error.full()));
                }
                troubled = true;
                continue;
            }
        };
        troubled = false;
        match (&last, &now) {
            (None, None) => {}
            (Some(before), Some(after)) if before.etag() == after.etag() => {}
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

/// One thing that was seen: some lines for people, one of JSON for programs.
fn tell(
    desk: &Desk,
    id: &BackendId,
    what: &str,
    lines: &[diff::Line],
    now: Option<&Backend>,
) -> Result<(), Failed> {
    let at = jiff::Timestamp::now();
    let value = view::BackendSeen {
        version: view::VERSION,
        at,
        backend: id.to_string(),
        what: what.to_owned(),
        etag: now.map(|backend| backend.etag().as_str().to_owned()),
        diff: lines.iter().map(ToString::to_string).collect(),
    };
    let text = match desk.output {
        Output::Table => {
            let etag = value.etag.as_ref().map_or_else(String::new, |etag| format!(" {etag}"));
            let at = view::Reader::new(at, desk.zone.clone()).entry(at);
            let short = print::short(id);
            let mut text = Page::of(format_args!("{at} {short} {what}{etag}"));
            for line in &value.diff {
                text.line(format_args!("  {line}"));
            }
            text
        }
        Output::Json => return show::json_line(&value).map(drop),
        Output::Yaml => print::yaml(&value)?.after("---"),
    };
    show::page(&text).map(drop)
}
