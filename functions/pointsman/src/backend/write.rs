//! `set`, `put`, `delete`, `reconnect`: what changes something.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use pointsman_apim::{
    After, Backend, BackendId, Document, Draft, ETag, Error, Patch,
    diff::{self, Line},
    duration, error, newer, patch,
    pool::{Edit, Edited},
    put::{Created, Overwrite},
};
use pointsman_view as view;
use serde_json::{Value, json};

use super::{
    consent,
    desk::{Desk, call},
    field::{self, Field, Which},
    file::{self, File},
    ledger,
    print::{self, Done},
    read::seen,
};
use crate::{failed::Failed, operate::By, page::Page, show};

/// What `set` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct SetOptions {
    /// Which backend.
    backend: String,
    /// Fields under `properties` with their values: `title=Europe`, `pool.services[eu].weight=0`. A
    /// value is read as JSON if possible, otherwise as text; null removes a field.
    #[arg(value_name = "FIELD=VALUE", required_unless_present = "file")]
    fields: Vec<Field>,
    /// A merge patch as JSON or YAML, for secrets and long values; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Only if the backend still has this ETag.
    #[arg(long, value_name = "ETAG")]
    if_match: Option<ETag>,
    /// Only show what would change.
    #[arg(long)]
    dry_run: bool,
    /// Do it even if an override holds what it changes.
    #[arg(long)]
    yes: bool,
    /// Set a field even if Azure's pages do not name it.
    #[arg(long)]
    unknown: bool,
    #[command(flatten)]
    by: By,
}

/// What `put` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct PutOptions {
    /// Which backend.
    backend: String,
    /// The whole backend, as JSON or YAML; fields that are not in it are removed. `-` is standard
    /// input.
    pub(super) file: PathBuf,
    /// Only if there is no such backend yet.
    #[arg(long, group = "under")]
    create: bool,
    /// Only if the backend still has this ETag; by default the one that `get` has put into the
    /// file.
    #[arg(long, value_name = "ETAG", group = "under")]
    if_match: Option<ETag>,
    /// Replace whatever is there, even if you have never read it.
    #[arg(long, group = "under")]
    overwrite: bool,
    /// Only show what would change.
    #[arg(long)]
    dry_run: bool,
    /// Do it even if an override holds what it changes.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    by: By,
}

/// What `delete` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct DeleteOptions {
    /// Which backend.
    backend: String,
    /// Only if the backend still has this ETag.
    #[arg(long, value_name = "ETAG")]
    if_match: Option<ETag>,
    /// Only show what would be deleted.
    #[arg(long)]
    dry_run: bool,
    /// Do it even if a pool lists the backend as a member.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    by: By,
}

/// What `reconnect` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct ReconnectOptions {
    /// Which backend; one in a workspace has no reconnect.
    backend: String,
    /// After how long, as an ISO 8601 duration of at least PT2M.
    #[arg(
        long,
        default_value = "PT2M",
        value_name = "DURATION",
        value_parser = duration::parse
    )]
    after: Duration,
    /// Allow less than PT2M; Azure does not document what happens then.
    #[arg(long)]
    below_minimum: bool,
    #[command(flatten)]
    by: By,
}

/// The file, which must not have been taken from another backend.
fn file_of(id: &BackendId, path: &Path) -> Result<File, Failed> {
    let file = file::read(path)?;
    match file.of_another(id) {
        Some(told) => Err(Failed::usage(format_args!("{}: {told}", path.display()))),
        None => Ok(file),
    }
}

/// Refuses where someone wrote since that ETag was read.
fn unchanged(seen: &Backend, wanted: Option<&ETag>) -> Result<(), Failed> {
    match wanted {
        Some(wanted) if wanted != seen.etag() => Err(Failed::changed(format_args!(
            "someone wrote first: the ETag is {} and not {wanted} any more; nothing was written",
            seen.etag()
        ))),
        _ => Ok(()),
    }
}

/// What Azure would refuse.
fn refused(why: impl Display) -> Failed {
    Failed::new(format_args!("Azure would refuse this, and nothing was sent: {why}"))
}

/// Why a write failed, or why it is not known whether it was done.
fn unwritten(error: Error) -> Failed {
    let open = error.done() == error::Done::Unknown;
    let failed = Failed::from(error);
    if open {
        failed.and("it may have been done or not: `pointsman backend get` shows which")
    } else {
        failed
    }
}

pub(super) async fn set(desk: &Desk, options: &SetOptions) -> Result<ExitCode, Failed> {
    let id = desk.names.backend(&options.backend)?;
    let file = options.file.as_deref().map(|path| file_of(&id, path)).transpose()?;
    let seen = desk.client.get(&id, call()).await?;
    let in_file = file.as_ref().and_then(|file| file.etag.as_ref());
    unchanged(&seen, options.if_match.as_ref().or(in_file))?;
    if !options.unknown {
        known(&options.fields, &seen)?;
    }
    let patch = patch_of(&seen, &options.fields, file.as_ref())?;
    patch.check_on(seen.document()).map_err(refused)?;
    let wanted = patch.applied_to(seen.document());
    let lines = diff::between(seen.raw(), &wanted);
    let print = |done| print::change(desk.output, &id, "updated", &lines, done);
    if !lines.is_empty() && patch.replaces_arrays() {
        warn_of_what_is_lost(desk, &id, &seen, |newest| patch.applied_to(newest)).await;
    }
    let overridden = consent::overridden(desk, &id, Some(&lines)).await?;
    let only_shown = options.dry_run || lines.is_empty();
    if !consent::given(desk, &overridden, only_shown, options.yes)? {
        return print(Done::Nothing);
    }
    let now = desk.client.update(&id, seen.etag(), &patch, call()).await.map_err(unwritten)?;
    ledger::tell(desk, &id, "set", &options.by, &lines).await;
    let code = print(Done::Written(now.etag()))?;
    // How Azure merges is not fully published: the result is compared with what was meant.
    let otherwise = diff::between(&wanted, now.raw());
    if !otherwise.is_empty() {
        let mut text = Page::of("Azure stored something else than was asked for:");
        otherwise.iter().for_each(|line| text.line(format_args!("  {line}")));
        show::notes(&text);
    }
    Ok(code)
}

/// Refuses a field that nobody knows: mistyped, most likely, and Azure may take it without a word.
fn known(fields: &[Field], seen: &Backend) -> Result<(), Failed> {
    let unknown = fields.iter().find_map(|field| match field {
        Field::Property(keys, _) => field::unknown(keys, &seen.raw()["properties"]),
        Field::Member(..) => None,
    });
    let told = |told| Err(Failed::usage(format_args!("{told}; --unknown sets it nevertheless")));
    unknown.map_or(Ok(()), told)
}

/// The merge patch that the fields and the file come to.
fn patch_of(seen: &Backend, fields: &[Field], file: Option<&File>) -> Result<Patch, Failed> {
    if let (Some(file), []) = (file, fields) {
        return Patch::parse(file.document.body().clone()).map_err(refused);
    }
    let mut tree = file.map_or_else(|| json!({}), |file| file.document.raw().clone());
    let mut members = Vec::new();
    for one in fields {
        match one {
            Field::Property(keys, value) => field::put(&mut tree["properties"], keys, value),
            Field::Member(name, which, to) => members.push((name, *which, *to)),
        }
    }
    if !members.is_empty() {
        let mut edit = Edit::of(seen)
            .map_err(|error| Failed::new(format_args!("the members cannot be set: {error}")))?;
        for (name, which, to) in members {
            match which {
                Which::Weight => edit.weight(name, to),
                Which::Priority => edit.priority(name, to),
            }
            .map_err(refused)?;
        }
        if let Edited::Changed(edited) = edit.finish() {
            let edited: Value = serde_json::from_slice(edited.bytes())?;
            patch::merge(&mut tree, &edited);
        }
    }
    Patch::parse(tree.to_string()).map_err(refused)
}

/// Under which condition a `put` writes.
enum Under<'a> {
    /// There must be nothing.
    Nothing,
    /// There must be this.
    State(&'a ETag),
    /// Whatever there is.
    Anything,
}

pub(super) async fn put(desk: &Desk, options: &PutOptions) -> Result<ExitCode, Failed> {
    let id = desk.names.backend(&options.backend)?;
    let file = file_of(&id, &options.file)?;
    let under = match (&options.if_match, &file.etag) {
        _ if options.create => Under::Nothing,
        _ if options.overwrite => Under::Anything,
        (Some(etag), _) | (None, Some(etag)) => Under::State(etag),
        (None, None) => {
            return Err(Failed::usage(
                "say what may be replaced: --create if there must be nothing, --if-match ETAG for the state \
                 that you have seen (`pointsman backend get` shows it), --overwrite for whatever is there",
            ));
        }
    };
    let draft = Draft::of(file.document).map_err(refused)?;
    let seen = seen(desk, &id).await?;
    let lines = match &seen {
        Some(seen) => replaced(seen.raw(), draft.document().raw()),
        None => diff::added(draft.document().raw()),
    };
    match (&under, &seen) {
        (Under::Nothing, Some(seen)) => {
            return Err(Failed::changed(format_args!(
                "{} exists already, with the ETag {}; nothing was written",
                print::short(&id),
                seen.etag()
            )));
        }
        (Under::State(_), None) => {
            return Err(Failed::not_found(format_args!(
                "there is no backend {}: --create creates it",
                print::short(&id)
            )));
        }
        (Under::State(etag), Some(seen)) => unchanged(seen, Some(*etag))?,
        (Under::Nothing, None) | (Under::Anything, _) => {}
    }
    if let Some(seen) = &seen {
        let written = |_: &Document| draft.document().raw().clone();
        warn_of_what_is_lost(desk, &id, seen, written).await;
    }
    let what = if seen.is_some() { "replaced" } else { "created" };
    let overridden = consent::overridden(desk, &id, Some(&lines)).await?;
    if !consent::given(desk, &overridden, options.dry_run, options.yes)? {
        return print::change(desk.output, &id, what, &lines, Done::Nothing);
    }
    let (now, what) = written(desk, &id, &under, &draft).await?;
    ledger::tell(desk, &id, "put", &options.by, &lines).await;
    print::change(desk.output, &id, what, &lines, Done::Written(now.etag()))
}

/// Warns of fields that only the newest api-version shows, and that this write would remove: a put
/// replaces everything, and even an Update replaces whole arrays. `written` gives what a backend becomes.
/// If it cannot be read by that version, nothing is known to be lost.
async fn warn_of_what_is_lost(
    desk: &Desk,
    id: &BackendId,
    seen: &Backend,
    written: impl FnOnce(&Document) -> Value,
) {
    let newest = match desk.client.get_newest(id, call()).await {
        Ok(newest) => newest,
        Err(error) => return tracing::debug!("not read by the newest version: {}", error.full()),
    };
    let Ok(written) = Document::parse(written(newest.document()).to_string()) else { return };
    let lost = newer::lost(seen.document(), newest.document(), &written);
    if !lost.is_empty() {
        let mut text =
            Page::of("a later api-version shows more fields, which this write would remove:");
        lost.iter().for_each(|path| text.line(format_args!("  {path}")));
        show::notes(&text);
    }
}

async fn written(
    desk: &Desk,
    id: &BackendId,
    under: &Under<'_>,
    draft: &Draft,
) -> Result<(Backend, &'static str), Failed> {
    let client = &desk.client;
    let made = match under {
        Under::State(etag) => client.replace(id, etag, draft, call()).await.map(Created::Replaced),
        Under::Nothing => client.create(id, draft, call()).await,
        Under::Anything => {
            client.overwrite(id, Overwrite::whatever_is_there(), draft, call()).await
        }
    };
    match (made.map_err(unwritten)?, under) {
        (Created::New(backend), _) => Ok((backend, "created")),
        // Azure has no "only if there is none": only its answer tells.
        (Created::Replaced(backend), Under::Nothing) => Err(Failed::changed(format_args!(
            "someone else created {} at the same moment, and this command REPLACED it; its ETag is {} now",
            print::short(id),
            backend.etag()
        ))),
        (Created::Replaced(backend), Under::State(_) | Under::Anything) => {
            Ok((backend, "replaced"))
        }
    }
}

/// What differs once everything was replaced. The keys that only Azure sets are left out, as they are
/// of a file.
fn replaced(before: &Value, after: &Value) -> Vec<Line> {
    let mut before = before.clone();
    if let Value::Object(fields) = &mut before {
        for key in file::AZURES {
            fields.shift_remove(key);
        }
    }
    diff::between(&before, after)
}

pub(super) async fn delete(desk: &Desk, options: &DeleteOptions) -> Result<ExitCode, Failed> {
    let id = desk.names.backend(&options.backend)?;
    let seen = desk.client.get(&id, call()).await?;
    unchanged(&seen, options.if_match.as_ref())?;
    let lines = diff::between(seen.raw(), &json!({}));
    let mut done = Done::Nothing;
    let mut warning = consent::overridden(desk, &id, None).await?;
    warning.text(consent::listed(desk, &id).await?.as_str());
    if consent::given(desk, &warning, options.dry_run, options.yes)? {
        let deleted = desk.client.delete(&id, seen.etag(), call()).await.map_err(unwritten)?;
        if !deleted.was_there {
            let short = print::short(&id);
            return Err(Failed::not_found(format_args!(
                "{short} was already gone when it was deleted"
            )));
        }
        ledger::tell(desk, &id, "delete", &options.by, &lines).await;
        done = Done::Deleted;
    }
    print::change(desk.output, &id, "deleted", &lines, done)
}

pub(super) async fn reconnect(desk: &Desk, options: &ReconnectOptions) -> Result<ExitCode, Failed> {
    let backend = desk.names.backend(&options.backend)?;
    let short = print::short(&backend);
    let id = backend.at_service().ok_or_else(|| {
        Failed::usage(format_args!(
            "{short} is in a workspace, and a workspace's backend has no reconnect"
        ))
    })?;
    let accepted = !desk.shadow;
    let after = if options.below_minimum {
        After::even_below_minimum(options.after)
    } else {
        After::new(options.after).map_err(|error| Failed::usage(format_args!("--after {error}")))?
    };
    if accepted {
        desk.client.reconnect(&id, after, call()).await.map_err(unwritten)?;
        ledger::tell(desk, &backend, "reconnect", &options.by, &[]).await;
    }
    let value = view::BackendReconnect {
        version: view::VERSION,
        backend: id.to_string(),
        after: after.to_string(),
        accepted,
    };
    let text = if accepted {
        format!("{short} is reconnected after {after}: accepted, and Azure cannot recall it")
    } else {
        format!("{short} would be reconnected after {after}; nothing was asked for")
    };
    print::either(desk.output, &value, &Page::of(text))
}
