//! `drain`, `shift`, `promote` and `breaker`: an operator's change of a backend, for a time.
//!
//! It is an override like any other, within the limits of its pool, and goes before those of alerts. The
//! command waits until it is seen what became of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use pointsman_core::{
    breaker::Tighten,
    document::{Document, Sight, hand},
    effect::{Effect, WEIGHT_MAX},
    field::Field,
    fraction::Fraction,
    group::{Paused, Scope},
    id::{MessageId, OverrideId},
    limits::Terms,
    names::{BackendId, BackendName},
    overrides::Standing,
    playbook::{DURATION_MAX, Playbook},
};
use pointsman_engine::{message::Command as Message, pause::paused};
use pointsman_host::Records;
use pointsman_view as view;

use super::{
    ask::{self, Showing, Shown},
    by::Reason,
    dispatch::{Dispatch, TAKEN_WITHIN, goes_on},
};
use crate::{common::Common, failed::Failed, show};

/// How long a command waits to see what it asked for written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);

/// What the exit status means, for the help.
pub(crate) const EXIT: &str = "\
It lasts as long as --for says, and ends sooner by `pointsman undo`. The limits of the pool hold for it as \
for an alert's, unless --force passes them, and it goes before those. The same command again, or another about the same member, takes \
the place of what was asked before: so it is prolonged.

Exit code 0: it is in force. 1: it failed. 3: it was taken and is not in force: it is held, or not written yet.";

/// What is said where nobody will end what was asked for.
pub(super) const UNSERVED: &str = "no `serve` is running on this store: nothing ends by itself until one is started; `pointsman undo` ends \
     it without one";

/// What is asked for and is not in force.
const NOT_IN_FORCE: u8 = 3;

/// A change of a backend by hand.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send no new traffic to a member of a pool, for a time.
    #[command(after_help = EXIT)]
    Drain(Drain),
    /// Send a member less traffic, for a time.
    #[command(after_help = EXIT)]
    Shift(Shift),
    /// Make a standby serve, for a time.
    #[command(after_help = EXIT)]
    Promote(Promote),
    /// Have the circuit breaker of a backend trip sooner, or for longer, for a time.
    #[command(after_help = EXIT)]
    Breaker(Breaker),
}

/// What `drain` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Drain {
    #[command(flatten)]
    what: What,
}

/// What `shift` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Shift {
    /// How much of its weight each member keeps, such as 30%.
    #[arg(long, value_name = "PERCENT")]
    to: Fraction,
    #[command(flatten)]
    what: What,
}

/// What `promote` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Promote {
    /// Its weight, where it has none or 0; without this, the median of the group that serves.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=i64::from(WEIGHT_MAX)))]
    weight: Option<u8>,
    #[command(flatten)]
    what: What,
}

/// What `breaker` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Breaker {
    /// The backends, as the playbook calls them.
    #[arg(required = true, value_name = "BACKEND")]
    backend: Vec<String>,
    /// It trips after at most so many failures, where it counts them.
    #[arg(long, required_unless_present = "percentage", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    count: Option<u16>,
    /// It trips at a percentage of failures of at most this, where it takes that.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=100))]
    percentage: Option<u8>,
    /// The time in which failures are counted: at least this.
    #[arg(long, value_name = "DURATION", value_parser = lasts)]
    interval: Option<SignedDuration>,
    /// How long the backend is out then: at least this.
    #[arg(long, value_name = "DURATION", value_parser = lasts)]
    trip: Option<SignedDuration>,
    /// The backend's own Retry-After says for how long instead.
    #[arg(long)]
    accept_retry_after: bool,
    #[command(flatten)]
    how: How,
}

/// Which members, for how long and why.
#[derive(Clone, Debug, Args)]
pub(crate) struct What {
    /// The members.
    #[arg(required = true, value_name = "MEMBER")]
    member: Vec<BackendName>,
    /// The pool, as the playbook calls it; where it has one pool, that one.
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    #[command(flatten)]
    how: How,
}

/// For how long, and why.
#[derive(Clone, Debug, Args)]
pub(crate) struct How {
    /// For how long, such as 30m or 2h: 30 days at most.
    #[arg(long = "for", value_name = "DURATION", value_parser = lasts)]
    lasts: SignedDuration,
    /// Pass the limits of the pool, but leave no group without weight.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    showing: Showing,
}

/// A length of time that something is to last.
pub(super) fn lasts(text: &str) -> Result<SignedDuration, String> {
    match text.parse::<SignedDuration>() {
        Ok(lasts) if lasts > SignedDuration::ZERO && lasts <= DURATION_MAX => Ok(lasts),
        Ok(_) => Err(format!(
            "it must be more than nothing, and at most {} days",
            DURATION_MAX.as_hours() / 24
        )),
        Err(_) => Err("write a duration, such as 90s, 30m or 2h".to_owned()),
    }
}

/// What is asked of which backends.
type Orders = Vec<(BackendId, Vec<Effect>)>;

impl Command {
    /// What is asked for, and how.
    fn orders(self, playbook: &Playbook) -> Result<(How, Orders), Failed> {
        let of_pool = |what: What, effect: &dyn Fn(BackendName) -> Effect| {
            let backend = pool(playbook, what.pool.as_deref())?;
            let mut named = BTreeSet::new();
            let members = what.member.into_iter().filter(|member| named.insert(member.clone()));
            Ok((what.how, vec![(backend, members.map(effect).collect())]))
        };
        match self {
            Self::Drain(Drain { what }) => of_pool(what, &|member| Effect::Drain { member }),
            Self::Shift(Shift { to, what }) => {
                of_pool(what, &|member| Effect::Shift { member, to })
            }
            Self::Promote(Promote { weight, what }) => {
                of_pool(what, &|member| Effect::Promote { member, weight })
            }
            Self::Breaker(breaker) => breaker.orders(playbook),
        }
    }
}

impl Breaker {
    fn orders(self, playbook: &Playbook) -> Result<(How, Orders), Failed> {
        let Self { backend, count, percentage, interval, trip, accept_retry_after, how } = self;
        let effect =
            Effect::Breaker(Tighten { count, percentage, interval, trip, accept_retry_after });
        let mut named = BTreeSet::new();
        let backends = backend.iter().filter(|name| named.insert(*name));
        let order = |name: &String| Ok((single(playbook, name)?, vec![effect.clone()]));
        Ok((how, backends.map(order).collect::<Result<_, Failed>>()?))
    }
}

/// The Single that is meant.
fn single(playbook: &Playbook, named: &str) -> Result<BackendId, Failed> {
    let is_meant = |id: &BackendId| id.name.as_str() == named || id.short() == named;
    let mut singles = playbook.backends.iter();
    if let Some((_, found)) =
        singles.find(|(alias, one)| alias.as_str() == named || is_meant(&one.backend))
    {
        return Ok(found.backend.clone());
    }
    let mut pools = playbook.pools.iter();
    if pools.any(|(alias, pool)| alias.as_str() == named || is_meant(&pool.backend)) {
        return Err(Failed::new(format_args!(
            "{named} is a pool, and has no breaker of its own: name the backends of its members"
        )));
    }
    let names = playbook.backends.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let has = if names.is_empty() {
        "it has none: put it under `backends`".to_owned()
    } else {
        format!("it has: {names}")
    };
    Err(Failed::new(format_args!("the playbook has no backend `{named}`; {has}")))
}

/// The pool that is meant.
fn pool(playbook: &Playbook, named: Option<&str>) -> Result<BackendId, Failed> {
    let names = || playbook.pools.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let Some(named) = named else {
        let mut pools = playbook.pools.values();
        return match (pools.next(), pools.next()) {
            (Some(only), None) => Ok(only.backend.clone()),
            _ => Err(Failed::new(format_args!(
                "the playbook has several pools: name one with --pool: {}",
                names()
            ))),
        };
    };
    let found = playbook.pools.iter().find(|(alias, pool)| {
        alias.as_str() == named
            || pool.backend.name.as_str() == named
            || pool.backend.short() == named
    });
    found.map(|(_, pool)| pool.backend.clone()).ok_or_else(|| {
        Failed::new(format_args!("the playbook has no pool `{named}`; it has: {}", names()))
    })
}

/// One of the overrides that were asked for.
struct Asked {
    id: OverrideId,
    effect: Effect,
    command: MessageId,
}

/// Whether a look has come to a backend since something of it was changed, and nothing is on its way.
fn is_settled(document: &Document) -> bool {
    let looked_at = document.wake.is_none_or(|wake| wake > document.now);
    looked_at && document.intents.is_empty()
}

/// Whether an override is in force as it was asked for: what is wanted of its fields is what was written.
fn is_in_force(document: &Document, terms: &Terms, asked: &Asked) -> bool {
    let Some(over) = document.overrides.get(&asked.id) else { return false };
    let Some(laid) = document.laid(terms) else { return false };
    let stands = |field: &Field| {
        let written = document.owned.get(field).map(|owned| owned.written.clone());
        written.or_else(|| document.sight.as_ref()?.body.get(field))
    };
    let is_written = |field: &Field| {
        laid.values.get(field).is_none_or(|wanted| stands(field).is_some_and(|it| it.means(wanted)))
    };
    over.effect == asked.effect
        && over.begun().is_some()
        && over.standing == Standing::Admitted
        && document.trouble.is_none()
        && over.effect.fields().iter().all(is_written)
}

/// Whether all of these commands were taken in.
async fn are_taken(records: &Records, asked: &[Asked]) -> Result<bool, Failed> {
    let groups = records.store.groups(&[Scope::Commands].into()).await?;
    let taken = groups.get(&Scope::Commands).map(|group| &group.body.commands);
    Ok(taken.is_some_and(|taken| asked.iter().all(|one| taken.contains_key(&one.command))))
}

async fn document(records: &Records, backend: &BackendId) -> Result<Document, Failed> {
    let stored = records.store.document(backend).await?;
    Ok(stored.map_or_else(|| Document::new(backend.clone(), records.clock.now()), |one| one.body))
}

pub(crate) async fn command(common: &Common, command: Command) -> Result<ExitCode, Failed> {
    let reading = common.records().await?;
    let playbook = ask::playbook_in_force(&reading).await?;
    let (how, orders) = command.orders(&playbook)?;
    for (backend, effects) in &orders {
        let document = document(&reading, backend).await?;
        all_are_members(&document, effects)?;
    }
    reading.close().await;
    let mut exit = ExitCode::SUCCESS;
    for (backend, effects) in orders {
        let printed = carry_out(common, &playbook, &how, (&backend, effects)).await?;
        if printed != ExitCode::SUCCESS {
            exit = printed;
        }
    }
    Ok(exit)
}

/// A name that is not in the pool is a slip; what is at rest may have been seen long ago.
fn all_are_members(document: &Document, effects: &[Effect]) -> Result<(), Failed> {
    let pool = document.sight.as_ref().filter(|_| !document.is_at_rest()).and_then(Sight::pool);
    let seen: Vec<&BackendName> =
        pool.iter().flat_map(|pool| pool.members()).map(|member| &member.name).collect();
    let mut named = effects.iter().flat_map(Effect::members);
    let Some(unknown) = named.find(|member| !seen.is_empty() && !seen.contains(&member)) else {
        return Ok(());
    };
    let seen = seen.into_iter().map(BackendName::as_str).collect::<Vec<_>>().join(", ");
    let pool = &document.backend.name;
    Err(Failed::new(format_args!("the pool {pool} has no member {unknown}; it has: {seen}")))
}

/// Has one backend changed, and waits until it is seen what became of it.
async fn carry_out(
    common: &Common,
    playbook: &Playbook,
    how: &How,
    (backend, effects): (&BackendId, Vec<Effect>),
) -> Result<ExitCode, Failed> {
    let mut dispatch = Dispatch::open(common).await?;
    let (store, now) = (&*dispatch.records.store, dispatch.records.clock.now());
    let paused = paused(store, Paused::of(backend), now).await?.into_iter().next();
    let mut asked = Vec::new();
    for effect in effects {
        let message = Message::Change {
            backend: backend.clone(),
            effect: effect.clone(),
            lasts: how.lasts,
            force: how.force,
            reason: how.reason.reason.clone(),
        };
        let command = dispatch.send(&how.reason.by, message).await?;
        asked.push(Asked { id: hand::id(backend, &effect), effect, command });
    }
    let taken = async |records: &Records| are_taken(records, &asked).await;
    let taken = dispatch.until(TAKEN_WITHIN, taken).await?;
    let settled = async |records: &Records| Ok(is_settled(&document(records, backend).await?));
    let within = if taken { WRITTEN_WITHIN } else { Duration::ZERO };
    let settled = dispatch.until(within, settled).await?;
    let document = document(&dispatch.records, backend).await?;
    let (served, now) = (dispatch.is_served()?, dispatch.records.clock.now());
    let notices = dispatch.records.store.notices().await?;
    dispatch.close().await?;
    if !taken {
        return Err(Failed::new(format_args!(
            "the command was not taken in within {} s; it waits in the queue: look again with `pointsman status`",
            TAKEN_WITHIN.as_secs()
        )));
    }
    let shown = Shown::new(how.showing, common, now, document.overrides.keys());
    let reader = common.reader(now);
    let waits = ask::waits(&document, paused.is_some(), Some(playbook), &notices);
    let mut view =
        view::Backend::of(&document, Some(playbook), &BTreeMap::new(), &reader).waiting(waits, now);
    let is_asked = |over: &view::Override| asked.iter().any(|one| one.id.as_str() == over.id);
    view.overrides.retain(is_asked);
    let terms = playbook.pool_of(backend).map(|(_, pool)| pool.terms.clone()).unwrap_or_default();
    let in_force = settled && asked.iter().all(|one| is_in_force(&document, &terms, one));
    let mut text = shown.page();
    text.line(backend.short());
    ask::describe(&mut text, &shown, &view, None);
    for one in asked.iter().filter(|one| !document.overrides.contains_key(&one.id)) {
        text.line(format_args!("  {} ({}) is over already", one.effect, one.id));
    }
    match (in_force, paused.map(view::Pause::from)) {
        (true, _) => {
            let one = view.overrides.first().map_or("ID", |over| shown.short(&over.id));
            text.line(format_args!("to end it sooner: `pointsman undo {one} --reason TEXT`"));
        }
        (false, Some(pause)) => text.line(pause.means(&shown.reader)),
        (false, None) if settled && document.trouble.is_none() => {}
        (false, None) => text.line(goes_on(served, &[backend])),
    }
    let told = view::ByHand {
        version: view::VERSION,
        shadow: common.shadow,
        backend: backend.to_string(),
        name: backend.short(),
        asked: asked.iter().map(|one| (&one.effect).into()).collect(),
        overrides: view.overrides,
        in_force,
        served,
    };
    if !served && !told.overrides.is_empty() {
        show::note(UNSERVED);
    }
    let printed = common.print(&told, &text)?;
    Ok(if in_force { printed } else { ExitCode::from(NOT_IN_FORCE) })
}
