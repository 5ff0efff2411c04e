//! Tells, as it happens, what Azure does and what is out of the ordinary in the ledger.
//!
//! What is told of Azure is taken from its own record, not from what the functions say of
//! themselves.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use anstyle::Style;
use jiff::Timestamp;
use pointsman_core::{
    id::LineId,
    ledger::{Line, What},
    overrides::End,
};
use pointsman_emulator::Reconnect;
use pointsman_engine::ports::Store;
use pointsman_view as view;
use tokio::sync::watch;

use super::{
    ear::Told,
    screen::{GOOD, PLAIN, Screen},
    summary::{due, shown},
    world::{self, Side, Weights, World, Write},
};

/// How often Azure's record is looked at.
const AZURE_EVERY: Duration = Duration::from_millis(40);

/// How soon after news a write still counts as its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How often the ledger is looked at.
const LEDGER_EVERY: Duration = Duration::from_millis(400);

/// How many lines of the ledger are looked at.
const LEDGER_LINES: usize = 100;

/// How many writes and reconnects are kept, the first ones: the story is long over by then.
const DONE_MAX: usize = 1_000;

/// What Azure has done, as far as it was told of. The story goes by this, so that its own lines
/// come after those of what they speak of.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    pub(super) writes: Vec<Write>,
    pub(super) reconnects: Vec<Reconnect>,
    /// The members that were left out by their circuit breakers, and when.
    pub(super) trips: Vec<(String, Instant)>,
}

/// Tells of every write and reconnect that Azure has done, and of every circuit breaker that has
/// tripped at the gateway, until it is dropped.
pub(super) async fn azure(
    world: Arc<World>,
    told: watch::Receiver<Told>,
    done: watch::Sender<Done>,
    screen: Screen,
) {
    let mut number = world.latest();
    let mut weights = Side::ALL.map(|side| world.weights(side));
    let mut reconnects = world.azure.reconnects().len();
    let mut counts = vec![world::OWNERS_COUNT; world.sites.len()];
    let mut open = vec![None; world.sites.len()];
    let mut answered: Option<Instant> = None;
    let mut ticks = tokio::time::interval(AZURE_EVERY);
    loop {
        ticks.tick().await;
        for write in world.writes_after(number) {
            number = write.number;
            // Only the first write after news is its answer; the steps of a ramp come by the clock.
            let news = told.borrow().latest.filter(|news| {
                !write.foreign && *news <= write.at && answered.is_none_or(|last| last < *news)
            });
            answered = news.or(answered);
            let since = news.map(|news| write.at.duration_since(news));
            let since = since.filter(|since| *since <= ANSWER_WITHIN);
            let pools = Side::ALL.into_iter().zip(&mut weights);
            let singles = world.sites.iter().zip(&mut counts);
            let changes = if let Some((_, before)) =
                pools.into_iter().find(|(side, _)| side.name() == write.backend)
            {
                let said = of_weights(&write, before);
                if !write.weights.is_empty() {
                    before.clone_from(&write.weights);
                }
                said
            } else if let (Some(after), Some((_, before))) = (
                write.trips_at,
                singles.into_iter().find(|(site, _)| site.backend == write.backend),
            ) {
                format!("breaker count {} → {after}", std::mem::replace(before, after))
            } else {
                continue;
            };
            let (style, text) = of_write(&write, &changes, since);
            screen.say(style, text);
            done.send_modify(|done| keep(&mut done.writes, write));
        }
        let until = world.open_until();
        for ((site, until), known) in world.sites.iter().zip(until).zip(&mut open) {
            if let Some(end) = until
                && *known != until
            {
                let left = view::length(end.duration_since(Timestamp::now()));
                let backend = &site.backend;
                screen.say(
                    PLAIN,
                    format!("gateway   {backend}: breaker open, no request for {left}"),
                );
                done.send_modify(|done| keep(&mut done.trips, (backend.clone(), Instant::now())));
            }
            *known = until;
        }
        for reconnect in world.azure.reconnects().iter().skip(reconnects) {
            reconnects += 1;
            let (backend, due) = (&reconnect.backend, due(reconnect));
            screen.say(GOOD, format!("azure     reconnect of {backend} accepted, {due}"));
            done.send_modify(|done| keep(&mut done.reconnects, reconnect.clone()));
        }
    }
}

fn keep<T>(all: &mut Vec<T>, one: T) {
    if all.len() < DONE_MAX {
        all.push(one);
    }
}

/// What a write to a pool changes, in words.
fn of_weights(write: &Write, before: &Weights) -> String {
    let change = |(member, after): &(String, Option<u32>)| {
        let was = before.iter().find(|(name, _)| name == member).and_then(|(_, weight)| *weight);
        if was == *after {
            return None;
        }
        let part = match (after, world::owners_weight(member)) {
            (Some(after), Some(owners)) if *after > 0 && *after < owners && !write.foreign => {
                format!(" ({}%)", after * 100 / owners)
            }
            (_, _) => String::new(),
        };
        Some(format!("{member} {} → {}{part}", shown(was), shown(*after)))
    };
    let changes: Vec<String> = write.weights.iter().filter_map(change).collect();
    if changes.is_empty() { "no weight".to_owned() } else { changes.join(", ") }
}

/// A write in words: who wrote what, and how long after the news that it answers.
fn of_write(write: &Write, changes: &str, since: Option<Duration>) -> (Style, String) {
    let backend = &write.backend;
    if write.foreign {
        return (PLAIN, format!("azure     someone else writes {backend}: {changes}"));
    }
    let since = since.map_or_else(String::new, |since| {
        format!(", {:.0} ms after the alert", since.as_secs_f64() * 1_000.0)
    });
    (GOOD, format!("azure     PATCH {backend}: {changes}{since}"))
}

/// Tells of the ledger's lines that are out of the ordinary, until it is dropped.
pub(super) async fn ledger(store: Arc<dyn Store>, screen: Screen) {
    let started = Timestamp::now();
    let mut known: BTreeSet<LineId> = BTreeSet::new();
    let mut ticks = tokio::time::interval(LEDGER_EVERY);
    loop {
        ticks.tick().await;
        let Ok(lines) = store.history(None, LEDGER_LINES).await else { continue };
        for line in &lines {
            if line.at >= started && is_unusual(&line.what) && !known.contains(&line.id) {
                screen.say(PLAIN, of_line(line));
            }
        }
        known = lines.into_iter().map(|line| line.id).collect();
    }
}

/// A line of the ledger in words.
fn of_line(line: &Line) -> String {
    let What::Announced { window, start, end, .. } = &line.what else {
        return format!("ledger    {}", line.what);
    };
    let [ahead, lasts] =
        [(line.at, *start), (*start, *end)].map(|(from, to)| view::length(to.duration_since(from)));
    format!("announce  window {window} opens in {ahead}, for {lasts}")
}

/// Whether a line tells of something that a story without surprises does not have.
fn is_unusual(what: &What) -> bool {
    !matches!(
        what,
        What::Fired { .. }
            | What::Resolved { .. }
            | What::Claimed { .. }
            | What::Opened { .. }
            | What::Began { .. }
            | What::Ended { why: End::Resolved | End::Closed, .. }
            | What::Stepped { .. }
            | What::Finished { .. }
            | What::Intended { .. }
            | What::Wrote { .. }
            | What::ReconnectPlanned { .. }
            | What::ReconnectAsked { .. }
            | What::ReconnectAccepted { .. }
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{super::world::MEMBERS, *};

    fn check(foreign: bool, after: [u32; 3], since_ms: Option<u64>, wanted: &Expect) {
        let named = |weights: [u32; 3]| -> Weights {
            let members = MEMBERS.iter().zip(weights);
            members.map(|((name, _), weight)| ((*name).to_owned(), Some(weight))).collect()
        };
        let (at, backend) = (Instant::now(), "helped".to_owned());
        let weights = named(after);
        let write = Write { number: 1, at, foreign, backend, weights, trips_at: None };
        let since = since_ms.map(Duration::from_millis);
        let changes = of_weights(&write, &named([50, 30, 20]));
        let (_, text) = of_write(&write, &changes, since);
        wanted.assert_eq(&text);
    }

    #[test]
    fn writes_in_words() {
        check(
            false,
            [0, 30, 20],
            Some(14),
            &expect!["azure     PATCH helped: eu 50 → 0, 14 ms after the alert"],
        );
        check(false, [5, 30, 20], None, &expect!["azure     PATCH helped: eu 50 → 5 (10%)"]);
        check(
            true,
            [50, 20, 30],
            None,
            &expect!["azure     someone else writes helped: us 30 → 20, ap 20 → 30"],
        );
        check(
            true,
            [50, 30, 20],
            None,
            &expect!["azure     someone else writes helped: no weight"],
        );
    }
}
