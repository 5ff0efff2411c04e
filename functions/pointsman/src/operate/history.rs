//! `history`: what was heard, decided and done.

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use clap::Args;
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use pointsman_core::{
    group::RunOf,
    id::LineId,
    ledger,
    names::{BackendId, PlayName},
    notice::{About, Notice},
    overrides::Override,
};
use pointsman_host::Records;
use pointsman_view::{self as view, History, Ids, Line, Reader};

use super::{ask, dead_letters, find};
use crate::{
    common::Common,
    failed::Failed,
    page::Page,
    show,
    terminal::{self, Terminal},
};

/// How many lines are shown where nobody says otherwise; and with `--since`, all up to this many.
const LINES: usize = 50;
const LINES_SINCE_MAX: usize = 10_000;

/// How many new lines `--follow` takes in at a time, and how often it looks.
const FOLLOW_LINES_MAX: usize = 1_000;
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// What `history` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Only what is about this backend.
    backend: Option<String>,
    /// How many lines of the ledger to show, the newest ones, beside the alerts that led to nothing: 50, or with `--since` all up to 10,000.
    #[arg(
        short = 'n',
        long,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    lines: Option<u32>,
    /// Only what came since then: an age as `2h` or `7d`, or a time as `07:30`, `2026-03-01 07:30` or
    /// `2026-03-01T07:30:00Z`.
    #[arg(long, value_name = "AGE|TIME", value_parser = since)]
    since: Option<Since>,
    /// Only what is about this play and its overrides.
    #[arg(long, value_name = "NAME")]
    play: Option<PlayName>,
    /// Go on with what comes, until ctrl-c; with `--json`, one line of the ledger is one line, and so is
    /// what was noticed.
    #[arg(short, long)]
    follow: bool,
}

/// Since when.
#[derive(Clone, Copy, Debug)]
pub(super) enum Since {
    Ago(SignedDuration),
    At(Timestamp),
    Civil(civil::DateTime),
    Today(civil::Time),
}

pub(super) fn since(text: &str) -> Result<Since, String> {
    let age = || dead_letters::age(text).ok().map(Since::Ago);
    let at = || text.parse().ok().map(Since::At);
    // Of a day with a time, jiff would read the time alone.
    let today = || text.parse().ok().filter(|_| !text.contains('-')).map(Since::Today);
    let civil = || text.parse().ok().map(Since::Civil);
    let read = at().or_else(age).or_else(today).or_else(civil);
    read.ok_or_else(|| "write an age as `2h` or `7d`, or a time as `07:30`, `2026-03-01 07:30` or `2026-03-01T07:30:00Z`".to_owned())
}

impl Since {
    pub(super) fn time(self, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, Failed> {
        let civil = |civil: civil::DateTime| Ok(civil.to_zoned(zone.clone())?.timestamp());
        match self {
            Self::Ago(age) => Ok(now.checked_sub(age)?),
            Self::At(at) => Ok(at),
            Self::Civil(at) => civil(at),
            Self::Today(at) => civil(now.to_zoned(zone.clone()).date().to_datetime(at)),
        }
    }
}

/// Which lines are asked for.
struct Wanted {
    backend: Option<BackendId>,
    since: Option<Timestamp>,
    play: Option<PlayName>,
    /// The overrides, reconnects and writes of that play that are known.
    ids: BTreeSet<String>,
    /// Whether it is the shadow's ledger.
    shadow: bool,
    /// All ids that can be typed: each is cut where it differs from the others.
    known: Vec<String>,
}

impl Wanted {
    async fn new(
        records: &Records,
        (options, common): (&Options, &Common),
        now: Timestamp,
    ) -> Result<Self, Failed> {
        let backend = match &options.backend {
            Some(text) => Some(find::backend(records, text).await?),
            None => None,
        };
        let since = options.since.map(|since| since.time(now, &common.zone()));
        let (mut ids, mut known) = (BTreeSet::new(), Vec::new());
        for document in ask::documents(records).await? {
            let typed = document.overrides.keys().chain(document.undone.keys());
            known.extend(typed.map(ToString::to_string));
            if let Some(play) = &options.play {
                let of = |over: &&Override| over.origin.play() == Some(play);
                ids.extend(document.overrides.values().filter(of).map(|over| over.id.to_string()));
                let reconnects =
                    document.reconnects.iter().filter(|(_, it)| it.of == RunOf::Play(play.clone()));
                ids.extend(reconnects.map(|(id, _)| id.to_string()));
            }
        }
        Ok(Self {
            backend,
            since: since.transpose()?,
            play: options.play.clone(),
            ids,
            shadow: common.shadow,
            known,
        })
    }

    /// Those of these lines, which come in their order.
    fn of(&mut self, lines: &[ledger::Line]) -> Vec<Line> {
        let mut wanted = History::of(lines, self.shadow).lines;
        wanted.retain(|line| {
            self.is_of_play(line) && self.since.is_none_or(|since| line.at >= since)
        });
        wanted
    }

    fn is_of_play(&mut self, line: &Line) -> bool {
        let Some(play) = &self.play else { return true };
        let what = &line.what;
        // From here on the id of an override or of a write is enough.
        if what.play.iter().chain(&what.plays).any(|of| of == play.as_str()) {
            self.ids.extend(what.id.clone());
            return true;
        }
        let mut ids = what.id.iter().chain(&what.intent).chain(&what.overrides);
        let is_of_play = ids.any(|id| self.ids.contains(id));
        if is_of_play {
            self.ids.extend(what.intent.clone());
        }
        is_of_play
    }

    /// The ids among which those of these lines are meant.
    fn ids_of(&self, history: &History) -> Ids {
        let told = history.lines.iter().flat_map(|line| line.what.ids());
        told.chain(&self.known).cloned().collect()
    }

    /// Whether what was noticed is asked for: it is about no backend, and about no play alone.
    const fn is_of_all(&self) -> bool {
        self.backend.is_none() && self.play.is_none()
    }
}

pub(crate) async fn command(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let reader = common.reader(records.clock.now());
    let mut wanted = Wanted::new(&records, (options, common), reader.now()).await?;
    let named = options.lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX));
    let most = named.unwrap_or(if wanted.since.is_some() { LINES_SINCE_MAX } else { LINES });
    let looked_through = match (&wanted.since, &wanted.play) {
        (None, None) => most,
        (Some(_), _) | (None, Some(_)) => most.max(find::LINES_LOOKED_THROUGH_MAX),
    };
    let lines = records.store.history(wanted.backend.as_ref(), looked_through).await?;
    let mut history = History::of(&[], common.shadow);
    history.lines = wanted.of(&lines);
    let older = history.lines.len().checked_sub(most + 1).and_then(|at| history.lines.get(at + 1));
    let older = older.map(|line| line.at);
    history.lines.drain(..history.lines.len().saturating_sub(most));
    let mut noticed = records.store.notices().await?;
    if wanted.is_of_all() {
        history = history.with(&noticed, older.max(wanted.since));
    }
    if options.follow {
        let mut last = lines.last().map(|line| line.id.clone());
        let mut ended = std::pin::pin!(terminal::ended()?);
        loop {
            let reader = common.reader(records.clock.now());
            if !show::put(&text(common, &reader, &history, &wanted.ids_of(&history))?)? {
                return Ok(ExitCode::SUCCESS);
            }
            tokio::select! {
                () = &mut ended => return Ok(ExitCode::SUCCESS),
                () = tokio::time::sleep(FOLLOW_EVERY) => {}
            }
            history = History::of(&[], common.shadow);
            history.lines = wanted.of(&newer(&records, wanted.backend.as_ref(), &mut last).await?);
            if wanted.is_of_all() {
                let now = records.store.notices().await?;
                let is_new =
                    |(about, notice): &(&About, &Notice)| noticed.find(about) != Some(notice);
                let new = now.iter().filter(is_new).map(|(about, it)| (about.clone(), it.clone()));
                history = history.with(&new.collect(), None);
                noticed = now;
            }
        }
    }
    if common.json {
        return show::json(&history);
    }
    if history.lines.is_empty() && history.noticed.is_empty() {
        show::note(none(&wanted));
    }
    show::page(&ledger(&reader, &history, &wanted.ids_of(&history)))
}

/// What is said where there is no such line.
fn none(wanted: &Wanted) -> String {
    let about = match (&wanted.backend, &wanted.play) {
        (None, None) if wanted.since.is_none() => return "the ledger is empty".to_owned(),
        (None, None) => String::new(),
        (Some(backend), None) => format!(" about {}", backend.short()),
        (None, Some(play)) => format!(" about play {play}"),
        (Some(backend), Some(play)) => format!(" about play {play} and {}", backend.short()),
    };
    let since = if wanted.since.is_some() { " since then" } else { "" };
    format!("the ledger has no line{about}{since}")
}

/// The lines that came since the last one.
async fn newer(
    records: &Records,
    backend: Option<&BackendId>,
    last: &mut Option<LineId>,
) -> Result<Vec<ledger::Line>, Failed> {
    let mut lines = records.store.history(backend, FOLLOW_LINES_MAX).await?;
    let known = lines.iter().rposition(|line| Some(&line.id) == last.as_ref());
    if known.is_none() && lines.len() >= FOLLOW_LINES_MAX {
        show::note(format_args!(
            "more than {FOLLOW_LINES_MAX} lines came at once; the oldest of them are left out"
        ));
    }
    lines.drain(..known.map_or(0, |known| known + 1));
    if let Some(line) = lines.last() {
        *last = Some(line.id.clone());
    }
    Ok(lines)
}

/// These lines, for people or for programs.
fn text(common: &Common, reader: &Reader, history: &History, ids: &Ids) -> Result<String, Failed> {
    if common.json {
        let lines = history.lines.iter().map(show::text_of_line);
        return lines.chain(history.noticed.iter().map(show::text_of_line)).collect();
    }
    Ok(ledger(reader, history, ids).as_str().to_owned())
}

/// Lines of the ledger, one a line, to the millisecond, and between them what was noticed, which is long,
/// and goes on in the next line of a terminal.
fn ledger(reader: &Reader, history: &History, ids: &Ids) -> Page {
    let (mut out, terminal) = (Page::default(), Terminal::of_output());
    let mut noticed = history.noticed.iter().peekable();
    let mut notice = |out: &mut Page, before: Option<Timestamp>| {
        let is_due = |notice: &&view::Notice| before.is_none_or(|before| notice.latest < before);
        while let Some(notice) = noticed.next_if(is_due) {
            let at = reader.entry(notice.latest);
            out.wrapped(terminal, format_args!("{at}  {}", notice.line(reader)));
        }
    };
    for Line { at, name, what, .. } in &history.lines {
        notice(&mut out, Some(*at));
        let (at, says) = (reader.entry(*at), reader.retold(&what.cut(ids), Reader::second));
        match name {
            Some(name) => out.line(format_args!("{at}  {name}: {says}")),
            None => out.line(format_args!("{at}  {says}")),
        }
    }
    notice(&mut out, None);
    out
}
