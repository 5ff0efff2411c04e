//! How long deciding takes: the core alone, without IO.
//!
//! The shortest of many rounds counts: whatever else the machine does only makes a round longer. Beside
//! each goal stands a ratio in the same run, which says whether the time grows with what it should not.

use std::{fmt::Write as _, hint::black_box, time::Instant};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    body::Body,
    claim::Asked,
    document::Document,
    effect::Effect,
    etag::Etag,
    field::Value,
    fraction::Fraction,
    group::Groups,
    id::OverrideId,
    lease::{Lease, Until},
    names::{BackendId, BackendName},
    origin::Origin,
    overrides::Override,
    playbook::{Playbook, read, render},
    pool::{Member, Pool},
    shown::Shown,
    signal::{Heard, SeriesId, Severity, Signal},
    step::{Generation, Next, Observed, step},
};

use crate::{
    error::Failed,
    report::{Figure, Goal},
};

/// How many members the pool has: as many as Azure allows.
const MEMBERS: usize = 30;
/// How many overrides, and how many for comparison.
const OVERRIDES: [usize; 2] = [100, 10];
/// What a step may take, in microseconds.
const STEP_MICROSECONDS_MAX: f64 = 50.0;

/// How many plays, and how many for comparison.
const PLAYS: [usize; 2] = [1_000, 10];
/// What a signal may take, in microseconds.
const SIGNAL_MICROSECONDS_MAX: f64 = 1_000.0;

/// How many rounds there are, and how often each does it.
const ROUNDS: usize = 200;
const TIMES: u32 = 20;

pub(crate) fn measure() -> Result<Vec<Figure>, Failed> {
    let mut figures = Vec::new();
    let [many, few] = OVERRIDES.map(steps);
    let (many, few) = (many?, few?);
    let step = |name: &str, many: f64, few: f64, goal: Option<Goal>| {
        let name = format!("a step that {name}, {} overrides on {MEMBERS} members", OVERRIDES[0]);
        let figure = Figure::new(&name, many, "µs");
        [
            goal.into_iter().fold(figure, Figure::goal),
            Figure::new(format!("the same, to that with {}", OVERRIDES[1]), many / few, "×"),
        ]
    };
    let goal = Some(Goal::ValueMax(STEP_MICROSECONDS_MAX));
    figures.extend(step("changes nothing", many.rests, few.rests, goal));
    figures.extend(step("lets one more begin", many.one_begins, few.one_begins, goal));
    figures.extend(step("lets all begin", many.all_begin, few.all_begin, None));
    let [many, few] = PLAYS.map(evaluated);
    let (many, few) = (many?, few?);
    let name = format!("the plays for a signal, of {}", PLAYS[0]);
    figures.push(Figure::new(name, many, "µs").goal(Goal::ValueMax(SIGNAL_MICROSECONDS_MAX)));
    figures.push(Figure::new(format!("the same, to that of {}", PLAYS[1]), many / few, "×"));
    Ok(figures)
}

/// The shortest time that it takes, in microseconds.
fn shortest(mut what: impl FnMut()) -> f64 {
    let round = |what: &mut dyn FnMut()| {
        let began = Instant::now();
        (0..TIMES).for_each(|_| what());
        began.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
    };
    (0..ROUNDS).map(|_| round(&mut what)).fold(f64::INFINITY, f64::min)
}

/// How long steps take, in microseconds.
struct Steps {
    /// One that finds all in force.
    rests: f64,
    /// One that finds all but one in force, which drains another member.
    one_begins: f64,
    /// One that finds none in force.
    all_begin: f64,
}

/// How long steps take at a pool with so many overrides.
fn steps(overrides: usize) -> Result<Steps, Failed> {
    // One more play, for the override that joins.
    let playbook = book(overrides + 1)?;
    let generation = Generation { number: 1, playbook: &playbook };
    let now = now()?;
    let backend: BackendId = playbook
        .managed()
        .next()
        .map(|(_, backend)| backend.clone())
        .ok_or_else(|| Failed("the playbook has no pool".to_owned()))?;
    let mut document = Document::new(backend, now);
    for number in 0..overrides {
        let over = over(number, effect(number)?, now)?;
        document.overrides.insert(over);
    }
    let shown = shown(&Body::Pool(pool()?), 1);
    let groups = Groups::new();
    let look = |document: &Document, shown: &Observed| {
        step(black_box(document), black_box(shown), generation, &groups, now)
    };
    let begun = look(&document, &shown);
    let Next::Write(intent) = &begun.next else {
        return Err(Failed(format!("nothing is to be written: {:?}", begun.next)));
    };
    let written = intent.changes.iter().map(|change| (&change.field, change.after.clone()));
    let Observed::Shown { body, .. } = &shown else { unreachable!("it is shown") };
    let changed = self::shown(&body.with(written), 2);
    // The look after the write takes in that it was done; the one after that has nothing to do.
    let settled = look(&begun.document, &changed);
    if settled.next != Next::Rest {
        return Err(Failed(format!("it does not rest: {:?}", settled.next)));
    }
    let mut joined = settled.document.clone();
    let drain = Effect::Drain { member: name(MEMBERS - 1)? };
    joined.overrides.insert(over(overrides, drain, now)?);
    let begun = look(&joined, &changed);
    if !matches!(&begun.next, Next::Write(intent) if intent.changes.len() == 1) {
        return Err(Failed(format!("one more does not begin: {:?}", begun.next)));
    }
    Ok(Steps {
        rests: shortest(|| drop(black_box(look(&settled.document, &changed)))),
        one_begins: shortest(|| drop(black_box(look(&joined, &changed)))),
        all_begin: shortest(|| drop(black_box(look(&document, &shown)))),
    })
}

/// How long it takes to find the plays of a playbook for a signal; two of them are.
fn evaluated(plays: usize) -> Result<f64, Failed> {
    let (playbook, now) = (book(plays)?, now()?);
    let texts = [("alertname", "BackendErrors"), ("play", "7"), ("backend", "m3")];
    let signal = Signal {
        series: series(7)?,
        started: now,
        heard: Heard::Fired,
        severity: Severity::Critical,
        labels: texts.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        annotations: [("summary".to_owned(), "too many errors".to_owned())].into(),
        received: now,
    };
    let found = playbook.plays_for(&signal).matched.len();
    if found != 2 {
        return Err(Failed(format!("{found} plays are for the signal, not 2")));
    }
    Ok(shortest(|| drop(black_box(playbook.plays_for(black_box(&signal))))))
}

/// A playbook of so many plays; the last is for every critical signal.
fn book(plays: usize) -> Result<Playbook, Failed> {
    let mut text = String::from(
        "version: 1\nservices:\n  main: {subscription: 00000000-0000-0000-0000-000000000000, \
         resourceGroup: rg1, name: contoso}\npools:\n  chat: {service: main, backend: chat}\nplays:\n",
    );
    for play in 0..plays {
        let when = match play + 1 == plays {
            true => "signal.severity >= critical".to_owned(),
            false => format!(
                "signal.labels.alertname == \"BackendErrors\" && signal.labels.play == \"{play}\""
            ),
        };
        let effect = "drain: {pool: chat, member: \"${signal.labels.backend}\"}";
        writeln!(text, "  - {{name: p{play}, when: {when:?}, do: [{{{effect}}}]}}")?;
    }
    read(&text).map_err(|problems| Failed(render(&problems, "playbook", &text)))
}

/// A third drain one of ten members, the others shift some more.
fn effect(number: usize) -> Result<Effect, Failed> {
    let member = match number % 3 {
        0 => name(number % 10)?,
        _ => name(number % 20)?,
    };
    let to = Fraction::percent(u8::try_from(30 + number % 60)?);
    Ok(match number % 3 {
        0 => Effect::Drain { member },
        _ => Effect::Shift { member, to },
    })
}

/// An override that wants to begin.
fn over(number: usize, effect: Effect, now: Timestamp) -> Result<Override, Failed> {
    let asked = Asked {
        generation: 1,
        effect,
        lease: Lease {
            until: Until::For(SignedDuration::from_hours(6)),
            hold: SignedDuration::from_mins(2),
            ramp: Vec::new(),
            every: SignedDuration::ZERO,
        },
        after: Vec::new(),
        alert: Shown::default(),
        severity: Severity::Error,
        started: now,
        silent: None,
        since: now,
    };
    let id = OverrideId::derive(&[&number.to_string()]);
    let play = parsed(&format!("p{number}"))?;
    Ok(Override::new(id, Origin::Alert { play }, &series(number)?, &asked, now))
}

fn pool() -> Result<Pool, Failed> {
    let member = |at| {
        let (weight, priority) = (Value::Number(50), Value::Number(1));
        Ok(Member { name: name(at)?, weight, priority })
    };
    let members: Result<Vec<_>, Failed> = (0..MEMBERS).map(member).collect();
    Pool::new(members?).map_err(|error| Failed(error.to_string()))
}

fn shown(body: &Body, etag: u8) -> Observed {
    Observed::Shown { etag: Etag(format!("\"{etag}\"")), body: body.clone() }
}

fn name(at: usize) -> Result<BackendName, Failed> {
    parsed(&format!("m{at}"))
}

fn series(at: usize) -> Result<SeriesId, Failed> {
    parsed(&format!("alertmanager/{at}"))
}

fn now() -> Result<Timestamp, Failed> {
    Ok(Timestamp::from_second(1_800_000_000)?)
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Failed> {
    text.parse().map_err(|error| Failed(format!("{text}: {error}")))
}
