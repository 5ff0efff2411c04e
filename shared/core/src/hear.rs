//! What a signal means: for its series, and for the backends whose overrides it makes or ends.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    document::Document,
    id::OverrideId,
    ledger::{Line, What},
    names::BackendId,
    overrides::{After, Authority, Lease, Life, Override, Standing},
    playbook::Matched,
    series::{Merged, Occurrence, Series},
    signal::Signal,
    step::Generation,
};

/// One thing that a document takes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// An override is claimed.
    Claim(Box<Override>),
    /// An override's occurrence turns out to have started at another time.
    Aged {
        /// Which.
        id: OverrideId,
        /// When its occurrence started.
        started: Timestamp,
    },
    /// An override's occurrence has ended.
    Resolve {
        /// Which.
        id: OverrideId,
        /// When it ended.
        at: Timestamp,
    },
}

/// What a signal meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// Whether its series has changed and is to be saved.
    pub changed: bool,
    /// What each backend's document takes in.
    pub edits: BTreeMap<BackendId, Vec<Edit>>,
    /// What is to be told.
    pub lines: Vec<Line>,
    /// Plays that matched and could not be carried out, in words; the signal is kept as a letter.
    pub unresolvable: Vec<String>,
}

/// Merges a signal into its series, and says what follows from it.
pub fn hear(
    series: &mut Series,
    signal: &Signal,
    generation: Generation<'_>,
    now: Timestamp,
) -> Hearing {
    let mut hearing = Hearing {
        changed: true,
        edits: BTreeMap::new(),
        lines: Vec::new(),
        unresolvable: Vec::new(),
    };
    let mut tell = |line| hearing.lines.push(line);
    let id = series.id.clone();
    match series.merge(signal, generation.number) {
        Merged::Duplicate => {
            let held_against = series.running.as_ref().map(|running| running.generation);
            if held_against.is_none_or(|number| number >= generation.number) {
                hearing.changed = false;
                return hearing;
            }
            // The same alert, heard again under a newer playbook, may mean more than it did.
            claim(series, generation, now, &mut hearing);
        }
        Merged::Late => {
            hearing.changed = false;
            if let Some(ended) = series.ended {
                tell(Line::once(now, What::Late { series: id, started: signal.started, ended }));
            }
        }
        Merged::Marked => {}
        Merged::Opened => {
            let (started, severity) = (signal.started, signal.severity);
            tell(Line::new(now, None, What::Fired { series: id, started, severity }));
            claim(series, generation, now, &mut hearing);
        }
        Merged::Joined { older: true } => age(series, &mut hearing),
        Merged::Parted => {
            let ended = series.ended.unwrap_or(now);
            tell(Line::new(now, None, What::Resolved { series: id, ended }));
            age(series, &mut hearing);
        }
        Merged::Joined { older: false } => {}
        Merged::Closed { over } => {
            let at = series.ended.unwrap_or(now);
            tell(Line::new(now, None, What::Resolved { series: id.clone(), ended: at }));
            for (backend, ids) in over.claims {
                let resolve = |id| Edit::Resolve { id, at };
                hearing.edits.insert(backend, ids.into_iter().map(resolve).collect());
            }
            if let Some(next) = &series.running {
                let (started, severity) = (next.started(), next.signal.severity);
                tell(Line::new(now, None, What::Fired { series: id, started, severity }));
                claim(series, generation, now, &mut hearing);
            }
        }
    }
    hearing
}

/// Tells every override of the run that is on when it started.
fn age(series: &Series, hearing: &mut Hearing) {
    let Some(running) = &series.running else { return };
    let started = running.started();
    for (backend, ids) in &running.claims {
        let aged = |id: &OverrideId| Edit::Aged { id: id.clone(), started };
        hearing.edits.insert(backend.clone(), ids.iter().map(aged).collect());
    }
}

/// Holds the run that is on against the playbook, and claims an override for each effect of each
/// play that it matches.
fn claim(series: &mut Series, generation: Generation<'_>, now: Timestamp, hearing: &mut Hearing) {
    let Some(running) = &mut series.running else { return };
    running.generation = generation.number;
    let heard = generation.playbook.hear(&running.signal);
    for failure in &heard.failed {
        let why = failure.to_string();
        let (series, play) = (series.id.clone(), failure.play.clone());
        hearing.lines.push(Line::new(
            now,
            None,
            What::Unresolvable { series, play, why: why.clone() },
        ));
        hearing.unresolvable.push(why);
    }
    for matched in &heard.matched {
        for (place, (pool, _)) in matched.effects.iter().enumerate() {
            let over = resolve(matched, place, running, generation.number, now);
            let backend = &pool.backend;
            running.claims.entry(backend.clone()).or_default().insert(over.id.clone());
            hearing.edits.entry(backend.clone()).or_default().push(Edit::Claim(Box::new(over)));
        }
    }
}

/// The override of one effect of a matched play. What follows the play goes with its first effect.
fn resolve(
    matched: &Matched<'_>,
    place: usize,
    running: &Occurrence,
    generation: u64,
    now: Timestamp,
) -> Override {
    let (pool, effect) = &matched.effects[place];
    let (signal, play) = (&running.signal, matched.play);
    let id = OverrideId::derive(&[
        &signal.series.to_string(),
        &running.first.to_string(),
        play.name.as_str(),
        &effect.identity(),
        &pool.backend.to_string(),
    ]);
    let after = if place == 0 { matched.after.as_slice() } else { &[] };
    Override {
        id,
        series: signal.series.clone(),
        play: play.name.clone(),
        generation,
        authority: Authority::Alert,
        severity: signal.severity,
        started: running.started(),
        effect: effect.clone(),
        lease: Lease {
            until: play.until,
            hold: play.hold,
            ramp: play.ramp.steps.clone(),
            every: play.ramp.every,
        },
        after: after
            .iter()
            .map(|(reconnect, after)| After { reconnect: reconnect.clone(), after: *after })
            .collect(),
        resolved: None,
        life: Life::Claimed { at: now },
        standing: Standing::Unseen,
    }
}

impl Document {
    /// Takes in what a signal meant for it.
    pub fn edit(&mut self, edit: Edit, said: &mut Vec<What>) {
        match edit {
            Edit::Claim(over) => self.claim(*over, said),
            Edit::Aged { id, started } => self.aged(&id, started),
            Edit::Resolve { id, at } => self.resolve(&id, at, said),
        }
    }
}
