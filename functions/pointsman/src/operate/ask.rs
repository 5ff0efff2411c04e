//! What `status` and `explain` share: how wide a table is wanted, what is read of the store, and how a
//! backend is described.

use std::{collections::BTreeMap, sync::Arc};

use clap::Args;
use jiff::Timestamp;
use pointsman_core::{
    claim::Occurrences,
    document::Document,
    id::OverrideId,
    notice::{Kind, Notices},
    playbook::Playbook,
};
use pointsman_engine::engine::load;
use pointsman_host::Records;
use pointsman_view::{self as view, Ids, Reader, StandingKind, Waits};

use crate::{
    common::Common,
    failed::Failed,
    page::{Mark, Page, Table},
    terminal::Terminal,
};

/// How something is shown.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Showing {
    /// Cut no name and no text, however wide or long that comes to be.
    #[arg(long)]
    wide: bool,
}

/// To whom something is shown, and where.
pub(super) struct Shown {
    pub(super) reader: Reader,
    pub(super) terminal: Terminal,
    pub(super) wide: bool,
    /// What was said already of why Azure cannot be used: it is said once.
    pub(super) said: Vec<String>,
    /// All ids of overrides: each is cut where it differs from the others.
    ids: Ids,
}

impl Shown {
    pub(super) fn new<'a>(
        showing: Showing,
        common: &Common,
        now: Timestamp,
        ids: impl IntoIterator<Item = &'a OverrideId>,
    ) -> Self {
        Self {
            reader: common.reader(now),
            terminal: Terminal::of_output(),
            wide: showing.wide,
            said: Vec::new(),
            ids: ids.into_iter().map(ToString::to_string).collect(),
        }
    }

    /// An override's id, cut where it differs from the others.
    pub(super) fn short<'a>(&self, id: &'a str) -> &'a str {
        self.ids.short(id)
    }

    /// A text with each of these ids cut so.
    pub(super) fn shortened<'a>(
        &self,
        says: &str,
        ids: impl IntoIterator<Item = &'a String>,
    ) -> String {
        ids.into_iter().fold(says.to_owned(), |says, id| says.replace(id, self.short(id)))
    }

    /// All ids of overrides.
    pub(super) const fn ids(&self) -> &Ids {
        &self.ids
    }

    /// An empty page for it.
    pub(super) fn page(&self) -> Page {
        Page::of_terminal(self.terminal)
    }
}

/// All documents of the store.
pub(crate) async fn documents(records: &Records) -> Result<Vec<Document>, Failed> {
    Ok(records.store.documents().await?.into_iter().map(|document| document.body).collect())
}

/// The pauses that are on.
pub(crate) fn pauses(out: &mut Page, pauses: &view::Pauses, reader: &Reader) {
    for pause in pauses.all() {
        out.mark("", Mark::Trouble, "PAUSED", pause.says(reader));
        out.line(format_args!("  {}", pause.means(reader)));
    }
}

/// The playbook in force, for the limits of its pools; none where it cannot be read any more.
pub(super) async fn playbook(records: &Records) -> Result<Option<Arc<Playbook>>, Failed> {
    let published = records.store.published().await?;
    let loaded = published.and_then(|published| load(&published).ok());
    Ok(loaded.map(|loaded| Arc::new(loaded.playbook)))
}

/// The playbook in force, without which nothing can be done.
pub(crate) async fn playbook_in_force(records: &Records) -> Result<Playbook, Failed> {
    let Some(published) = records.store.published().await? else {
        return Err(Failed::new(
            "no playbook is published, and so no pool is known: `pointsman playbook apply FILE`",
        ));
    };
    let loaded = load(&published).map_err(|error| {
        Failed::new(format_args!(
            "generation {} of the playbook, which is in force, cannot be read by this version: {error}",
            published.number
        ))
    });
    Ok(loaded?.playbook)
}

/// How many alerts are behind those overrides of which the documents do not know all.
pub(super) async fn counted(
    records: &Records,
    documents: impl IntoIterator<Item = &Document>,
) -> Result<BTreeMap<OverrideId, Occurrences>, Failed> {
    let mut counted = BTreeMap::new();
    for document in documents {
        for over in document.overrides.values().filter(|over| over.behind.has_more()) {
            let found = records.store.occurrences(&document.recalling(over)).await?;
            counted.insert(over.id.clone(), found);
        }
    }
    Ok(counted)
}

/// What keeps back all writes for a backend, if anything does.
pub(super) fn waits(
    document: &Document,
    is_paused: bool,
    playbook: Option<&Playbook>,
    notices: &Notices,
) -> Option<Waits> {
    let mut services = playbook.iter().flat_map(|playbook| &playbook.services);
    let is_blind = services.any(|(alias, service)| {
        document.backend.service == *service && notices.get(Kind::Blind, alias.as_str()).is_some()
    });
    match (is_paused, is_blind || document.trouble.is_some()) {
        (true, _) => Some(Waits::Paused),
        (false, true) => Some(Waits::Azure),
        (false, false) => None,
    }
}

/// Which part of a backend is described.
pub(super) type Part<'a> = Option<&'a view::About>;

/// Whether an override belongs to it.
pub(super) fn is_about(part: Part<'_>, over: &view::Override) -> bool {
    match part {
        None => true,
        Some(view::About::Override { id }) => over.id == *id,
        Some(view::About::Member { member }) => over.effect.members.contains(member),
    }
}

/// What is going on at a backend: its pool as a table, and then a few lines an override, so that none is
/// wider than a terminal.
pub(super) fn describe(out: &mut Page, shown: &Shown, backend: &view::Backend, part: Part<'_>) {
    let reader = &shown.reader;
    let unmet = backend.fields.iter().filter_map(|field| {
        let unmet = field.unmet.as_ref()?;
        Some((unmet.since, unmet.until.max(reader.now()), field.kept()?))
    });
    let trouble = backend.trouble.iter().map(|it| (it.since, it.until, it.why.clone()));
    for (since, until, why) in trouble.chain(unmet) {
        let is_said = shown.said.iter().any(|said| said.ends_with(&why));
        let why = if is_said { "it cannot be reached, as is said above".to_owned() } else { why };
        let since = format!(" since {}: {why}", reader.time(since));
        out.mark("  ", Mark::Trouble, "TROUBLE", since);
        out.line(format_args!("    tried again at {}", reader.time(until)));
    }
    if let Some(missing) = &backend.missing {
        out.mark("  ", Mark::Trouble, "MISSING", format_args!(": {}", missing.says(reader)));
    }
    if let Some(panic) = &backend.panic {
        out.mark("  ", Mark::Trouble, "PANIC", format_args!(" {}", panic.says(reader)));
    }
    if let Some(pool) = &backend.pool {
        members(out, shown, (pool, backend.waits), part);
    }
    // A pool's are in the table of its members.
    for field in backend.fields.iter().filter(|_| backend.pool.is_none() && part.is_none()) {
        let view::Field { field, baseline, written, .. } = field;
        out.line(format_args!("  {field}: {baseline} -> {written}"));
    }
    for over in backend.overrides.iter().filter(|over| is_about(part, over)) {
        describe_override(out, shown, over, backend.waits);
    }
    for write in backend.writes.iter().filter(|write| !write.changes.is_empty()) {
        let (at, until) = (reader.time(write.at), reader.time(write.until));
        out.line(match reader.is_of_shadow() {
            true => format!("  write {} would have been sent at {at}", write.id),
            false => format!(
                "  write {} of {at} has had no answer, and may still land until {until}",
                write.id
            ),
        });
        for change in &write.changes {
            out.line(format_args!("    {change}"));
        }
    }
    for reconnect in &backend.reconnects {
        let is_due = reconnect.outcome.is_none() && reconnect.due.is_some();
        let earliest = if is_due && backend.waits.is_some() { " at the earliest" } else { "" };
        out.line(format_args!("  {}{earliest}", reconnect.says(reader)));
    }
}

fn describe_override(out: &mut Page, shown: &Shown, over: &view::Override, waits: Option<Waits>) {
    let view::Override { id, effect, play, standing, .. } = over;
    let (id, reader) = (shown.short(id), &shown.reader);
    let (before, alert) = match over.alerts.several(reader) {
        None => (format!("  {id}  {effect}: "), "for"),
        Some(alerts) => {
            out.line(format_args!("  {id}  {effect}: {alerts}"));
            ("    ".to_owned(), "such as")
        }
    };
    let word = match standing.kind {
        StandingKind::Yielded => "yielded",
        StandingKind::Shadow => "in shadow",
        StandingKind::Unread
        | StandingKind::Claimed
        | StandingKind::Held
        | StandingKind::Decided
        | StandingKind::InForce
        | StandingKind::Displaced
        | StandingKind::Ending => "held",
    };
    let says = shown.shortened(&standing.says, &standing.displaced_by);
    let says = reader.retold(&says, Reader::time);
    match says.split_once(word) {
        Some((displaced, why)) if standing.kind.is_kept_out() => {
            out.mark(format_args!("{before}{displaced}"), Mark::Held, word, why);
        }
        Some(_) | None => out.line(format_args!("{before}{says}")),
    }
    out.line(match play {
        Some(play) => format!("    {alert} {}, by play {play}", over.who()),
        None => format!("    by {}", over.who()),
    });
    let since = reader.time(standing.since);
    let since = match standing.kind {
        StandingKind::InForce => match standing.ends.map(|ends| reader.clock(ends)) {
            Some(at) if standing.is_due(reader.now()) => {
                format!("since {since}, due to end at {at}")
            }
            Some(at) if waits.is_some() => {
                format!("since {since}, until {at} at the latest, unless it still waits then")
            }
            Some(at) => format!("since {since}, until {at} at the latest"),
            None => format!("since {since}"),
        },
        StandingKind::Unread
        | StandingKind::Claimed
        | StandingKind::Held
        | StandingKind::Shadow => {
            format!("asked for since {since}")
        }
        StandingKind::Ending => format!("ended {since}"),
        StandingKind::Decided | StandingKind::Displaced | StandingKind::Yielded => {
            format!("begun {since}")
        }
    };
    let kept_out = match standing.kept_out_since {
        Some(at) => {
            let is_shadow = standing.kind == StandingKind::Shadow;
            let be = if is_shadow { "" } else { reader.tells("", "would be ") };
            format!("{be}{word} since {}, ", reader.time(at))
        }
        None => String::new(),
    };
    out.line(format_args!("    {kept_out}{since}"));
}

/// The members of a pool as a table that fits the terminal.
fn members(
    out: &mut Page,
    shown: &Shown,
    (pool, waits): (&view::Pool, Option<Waits>),
    part: Part<'_>,
) {
    let seen = shown.reader.time(pool.seen);
    let is_about = |member: &&view::Member| match part {
        None => true,
        Some(view::About::Member { member: asked }) => member.member == *asked,
        Some(view::About::Override { id }) => {
            let by = member.promoted.as_ref().is_some_and(|promoted| promoted.by.contains(id));
            by || member.overrides.contains(id)
        }
    };
    let now = shown.reader.tells("now", "would be");
    let rows: Vec<&view::Member> = pool.members.iter().filter(is_about).collect();
    if rows.is_empty() {
        return;
    }
    out.line(match pool.by {
        _ if shown.reader.is_of_shadow() => format!("  as the shadow would have left it at {seen}"),
        view::SeenBy::Read => format!("  as it was read at {seen}"),
        view::SeenBy::Answer => format!("  as our own write left it at {seen}"),
    });
    let columns = if shown.wide { usize::MAX } else { shown.terminal.columns };
    let names = rows.iter().map(|member| member.member.as_str());
    out.indented(&Table::fitting(columns, names, |cut| {
        let mut table =
            Table::new(&["member", "group", "owner's", now, "share", "gives back next"]);
        for member in &rows {
            let next = member.next.as_ref();
            table.row([
                cut(&member.member),
                member.groups(),
                member.owner_weight.to_string(),
                member.weight.to_string(),
                member.share.clone().unwrap_or_else(|| "?".to_owned()),
                next.map_or_else(String::new, |next| next.says(&shown.reader, waits)),
            ]);
        }
        table
    }));
    if let Some(waits) = waits.filter(|_| rows.iter().any(|member| member.next.is_some())) {
        let (because, until) = (waits.says(), waits.until());
        let is = shown.reader.tells("is", "would be");
        out.line(format_args!("  {because}: nothing {is} given back until {until}"));
    }
    for member in &rows {
        if let Some(promoted) = &member.promoted {
            let is = shown.reader.tells("is ", "");
            out.line(format_args!("  {} {is}{}", member.member, promoted.says));
        }
    }
    if rows.iter().any(|member| member.share.is_none()) {
        out.line(
            "  what null counts as beside numbers is not known, and so no share: see `nullWeight`",
        );
    }
}
