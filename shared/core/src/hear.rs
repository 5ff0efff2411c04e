//! What a signal means: for its series, and for the backends whose overrides it makes or ends.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::{
    claim::{Asked, Claim},
    document::Document,
    effect::Effect,
    group::InForce,
    id::OverrideId,
    lease::later,
    ledger::{Line, What},
    names::{BackendId, PlayName},
    nothing::Nothing,
    occurred::Mark,
    playbook::{AT_MOST_DEFAULT, Matched, coarse},
    series::{Merged, Occurrence, Series},
    shown::{SHOW_DEFAULT, Shown},
    signal::{SeriesId, Signal},
    step::Generation,
};

/// One thing that a document takes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// An occurrence asks for an override.
    Claim {
        /// Which occurrence's series.
        series: SeriesId,
        /// What is asked.
        claim: Box<Claim>,
        /// Whether the occurrence asks for it for the first time: the document says when that is.
        fresh: bool,
    },
    /// An occurrence asks for an override no more: it is over, or means something else now.
    Resolve {
        /// Which occurrence's series.
        series: SeriesId,
        /// Which override.
        id: OverrideId,
        /// When it ended.
        at: Timestamp,
    },
    /// A signal told of an occurrence that asks for an override whose play looks back at them.
    Occurred {
        /// Which override.
        id: OverrideId,
        /// What it told.
        mark: Mark,
    },
}

/// What a signal meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// Whether its series has changed and is to be saved.
    pub changed: bool,
    /// What each backend's document takes in.
    pub edits: BTreeMap<BackendId, Vec<Edit>>,
    /// For each play of which nothing begins while an alert is on for which its `unless` holds: whether this
    /// one is such an alert, where that has changed.
    pub keeps_back: BTreeMap<PlayName, Option<InForce>>,
    /// What is to be told.
    pub lines: Vec<Line>,
    /// Plays that matched and could not be carried out, in words; the signal is kept as a dead letter.
    pub unresolvable: Vec<String>,
    /// Why it leads to nothing, or to less than its plays say; none where all is done.
    pub nothing: Option<Nothing>,
}

impl Hearing {
    fn edit(&mut self, backend: BackendId, edit: Edit) {
        self.edits.entry(backend).or_default().push(edit);
    }
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
        keeps_back: BTreeMap::new(),
        lines: Vec::new(),
        unresolvable: Vec::new(),
        nothing: None,
    };
    let before = series.ended;
    let kept_back = series.keeps_back().clone();
    let merged = series.merge(signal, now);
    if let Some(end) = signal.end()
        && series.ended != before
        && (series.running.is_some() || matches!(merged, Merged::Closed { .. }))
    {
        let over = match &merged {
            Merged::Closed { over } => Some(&**over),
            Merged::Duplicate
            | Merged::Noted
            | Merged::Late
            | Merged::Opened
            | Merged::Followed { .. }
            | Merged::Changed => series.running.as_ref(),
        };
        let (alert, plays) = known_by(over, signal);
        let (series, ended, by_receipt) = (series.id.clone(), end.at, end.by_receipt);
        let what = What::Resolved { series, ended, by_receipt, alert, plays };
        hearing.lines.push(Line::new(now, None, what));
    }
    match merged {
        Merged::Duplicate | Merged::Noted => {
            hearing.changed = merged == Merged::Noted;
            let held_against = series.running.as_ref().map(|running| running.generation);
            // The same alert, heard again under a newer playbook, may mean more than it did.
            if signal.end().is_none()
                && held_against.is_some_and(|number| number < generation.number)
            {
                hearing.changed = true;
                claim(series, generation, now, &mut hearing);
            } else if merged == Merged::Noted {
                hear_again(series, generation, &mut hearing);
            }
        }
        Merged::Late => {
            hearing.changed = false;
            if let Some(ended) = series.ended {
                let again = series.counts_from();
                let alert = generation.playbook.shown(signal);
                let (series, started) = (series.id.clone(), signal.started);
                let what = What::Late { series, started, ended, again, alert };
                hearing.nothing = Some(Nothing::Late(what.clone()));
                hearing.lines.push(Line::once(now, what));
            }
        }
        Merged::Opened => {
            claim(series, generation, now, &mut hearing);
            // One that no play is for has a notice, and no line for each of a storm.
            if !hearing.edits.is_empty()
                || !hearing.unresolvable.is_empty()
                || !series.keeps_back().is_empty()
            {
                hearing.lines.splice(0..0, fired(series, now));
            }
        }
        Merged::Followed { over } => {
            let told = hearing.lines.len();
            claim(series, generation, now, &mut hearing);
            hearing.lines.splice(told..told, fired(series, now));
            // What the new run asks for, too, goes on.
            let mut over = *over;
            let asked: BTreeSet<&OverrideId> =
                series.running.iter().flat_map(Occurrence::ids).collect();
            over.claims.retain(|claim| !asked.contains(&claim.id));
            close(series, over, now, &mut hearing);
        }
        // What an earlier version made of this run, an undo included, stands under other ids.
        Merged::Changed if is_of_before(series, generation) => {}
        Merged::Changed => claim(series, generation, now, &mut hearing),
        Merged::Closed { over } => {
            let at = series.ended.unwrap_or(now);
            let was_for_nothing = over.claims.is_empty()
                && over.claimed_before.is_empty()
                && over.keeps_back.is_empty();
            close(series, *over, at, &mut hearing);
            // Nor has its end.
            if was_for_nothing {
                hearing.lines.clear();
            }
        }
    }
    tell_kept_back(&kept_back, series, now, &mut hearing);
    if hearing.nothing.is_none() {
        hearing.nothing = nothing(&hearing, series, signal);
    }
    // Before what follows from it, and whatever that is: also of one that is late.
    for (backend, id) in generation.playbook.looked_back_at(signal) {
        let mark = Mark::of(signal);
        hearing.edits.entry(backend).or_default().insert(0, Edit::Occurred { id, mark });
    }
    hearing
}

/// Takes in that what is on was heard again, where it matters when it was heard last.
fn hear_again(series: &mut Series, generation: Generation<'_>, hearing: &mut Hearing) {
    let heard = series.heard_last();
    let (id, Some(running)) = (series.id.clone(), &mut series.running) else { return };
    let until = heard.map(kept_back_until);
    for known in running.keeps_back.values_mut() {
        *known = until.unwrap_or(*known);
    }
    for claim in &mut running.claims {
        let play = generation.playbook.play(&claim.play);
        let Some(stale) = play.and_then(|play| play.stale) else { continue };
        let silent = heard.map(|heard| stale.silent(heard));
        if silent != claim.asked.silent {
            claim.asked.silent = silent;
            let (series, backend) = (id.clone(), claim.backend.clone());
            let claim = Box::new(claim.clone());
            hearing.edit(backend, Edit::Claim { series, claim, fresh: false });
        }
    }
}

/// Until when an alert keeps plays back that was heard last at this time. It is the same for each time
/// within an hour, so that a repeat seldom changes what is stored.
fn kept_back_until(heard: Timestamp) -> Timestamp {
    const HOUR: SignedDuration = SignedDuration::from_hours(1);
    later(later(coarse(heard, HOUR), AT_MOST_DEFAULT), HOUR)
}

/// Says what has changed of which plays the run that is on keeps back.
fn tell_kept_back(
    before: &BTreeMap<PlayName, Timestamp>,
    series: &Series,
    now: Timestamp,
    hearing: &mut Hearing,
) {
    let kept_back = series.keeps_back();
    let gone = before.keys().filter(|play| !kept_back.contains_key(*play));
    hearing.keeps_back.extend(gone.map(|play| (play.clone(), None)));
    let Some(said) = series.said() else { return };
    let alert = Shown::of(SHOW_DEFAULT, said);
    let changed = kept_back.iter().filter(|(play, until)| before.get(*play) != Some(until));
    hearing.keeps_back.extend(changed.map(|(play, until)| {
        (play.clone(), Some(InForce { until: *until, alert: alert.clone() }))
    }));
    let new = kept_back.keys().filter(|play| !before.contains_key(*play));
    let plays: Vec<PlayName> = new.cloned().collect();
    if !plays.is_empty() {
        let what = What::KeepsBack { series: series.id.clone(), alert, plays };
        hearing.lines.push(Line::new(now, None, what));
    }
}

/// The line of a run that has begun, once it is known what it asks for.
fn fired(series: &Series, now: Timestamp) -> Option<Line> {
    let said = series.said()?;
    let (alert, plays) = known_by(series.running.as_ref(), said);
    let (series, started, severity) = (series.id.clone(), said.started, said.severity);
    Some(Line::new(now, None, What::Fired { series, started, severity, alert, plays }))
}

/// What an alert is in its own words, as the first of its plays shows it, and those plays.
fn known_by(run: Option<&Occurrence>, said: &Signal) -> (Shown, Vec<PlayName>) {
    let claims = run.map_or(&[][..], |run| &run.claims);
    let shown = claims.iter().map(|claim| &claim.asked.alert).find(|alert| !alert.is_empty());
    let alert = shown.cloned().unwrap_or_else(|| Shown::of(SHOW_DEFAULT, said));
    let plays: BTreeSet<&PlayName> = claims.iter().map(|claim| &claim.play).collect();
    (alert, plays.into_iter().cloned().collect())
}

/// Why a signal that is not late leads to nothing.
fn nothing(hearing: &Hearing, series: &Series, signal: &Signal) -> Option<Nothing> {
    let mut edits = hearing.edits.values().flatten();
    let is_idle = hearing.edits.is_empty();
    if signal.end().is_some() {
        // The ledger tells of an end that counts.
        return (is_idle && hearing.lines.is_empty()).then_some(Nothing::Over);
    }
    let running = series.running.as_ref()?;
    let asks = !running.claims.is_empty() || !running.claimed_before.is_empty();
    if !hearing.unresolvable.is_empty() || !asks && running.failed {
        return Some(Nothing::Unresolvable);
    }
    // The ledger tells that it keeps plays back.
    if !asks && !running.keeps_back.is_empty() {
        return None;
    }
    if !asks {
        return Some(Nothing::Unmatched);
    }
    let is_of_before = |edit: &Edit| matches!(edit, Edit::Claim { fresh: false, .. });
    match is_idle {
        true => Some(Nothing::Known),
        false => edits.all(is_of_before).then_some(Nothing::Changed),
    }
}

/// Whether an earlier version has held the run that is on against this playbook.
fn is_of_before(series: &Series, generation: Generation<'_>) -> bool {
    let before = |running: &Occurrence| {
        !running.claimed_before.is_empty() && running.generation >= generation.number
    };
    series.running.as_ref().is_some_and(before)
}

/// Has a run that is over ask for nothing any more.
fn close(series: &Series, over: Occurrence, at: Timestamp, hearing: &mut Hearing) {
    let before = over.claimed_before.into_iter();
    let before =
        before.flat_map(|(backend, ids)| ids.into_iter().map(move |id| (backend.clone(), id)));
    let claims = over.claims.into_iter().map(|claim| (claim.backend, claim.id));
    for (backend, id) in claims.chain(before) {
        hearing.edit(backend, Edit::Resolve { series: series.id.clone(), id, at });
    }
}

/// Holds the run that is on against the playbook: what it asks for by each effect of each play that
/// it matches is claimed, and what it asked for and does not any more is given up.
fn claim(series: &mut Series, generation: Generation<'_>, now: Timestamp, hearing: &mut Hearing) {
    let Some(said) = series.said().cloned() else { return };
    let heard_last = series.heard_last();
    let Some(running) = &mut series.running else { return };
    running.generation = generation.number;
    let (kept_back, undecided) = generation.playbook.kept_back_by(&said);
    let until = kept_back_until(heard_last.unwrap_or(running.since));
    running.keeps_back = kept_back.into_iter().map(|play| (play.clone(), until)).collect();
    let mut heard = generation.playbook.plays_for(&said);
    heard.failed.extend(undecided);
    running.failed = !heard.failed.is_empty();
    for failure in &heard.failed {
        let why = failure.to_string();
        let (series, play) = (series.id.clone(), failure.play.clone());
        let alert = match generation.playbook.play(&play) {
            Some(play) => play.shown(&said),
            None => Shown::of(SHOW_DEFAULT, &said),
        };
        let what = What::Unresolvable { series, play, why: why.clone(), alert };
        // Once for each run, however often it is heard of.
        hearing.lines.push(Line::new(running.since, None, what));
        hearing.unresolvable.push(why);
    }
    let known: BTreeMap<OverrideId, Claim> =
        running.claims.drain(..).map(|claim| (claim.id.clone(), claim)).collect();
    let mut given_up = known.clone();
    for matched in &heard.matched {
        for effect in &matched.effects {
            let mut claim = asked(matched, effect, &said, running, generation.number);
            let silent = matched.play.stale.zip(heard_last);
            claim.asked.silent = silent.map(|(stale, heard)| stale.silent(heard));
            let before = known.get(&claim.id);
            if let Some(Claim { asked: before, .. }) = before {
                claim.asked.since = before.since;
                // An annotation may change at each repeat. By itself it changes nothing.
                let alert = std::mem::replace(&mut claim.asked.alert, before.alert.clone());
                if claim.asked != *before {
                    claim.asked.alert = alert;
                }
            }
            given_up.remove(&claim.id);
            if before != Some(&claim) {
                let (series, fresh) = (series.id.clone(), before.is_none());
                let (backend, claim) = (claim.backend.clone(), Box::new(claim.clone()));
                hearing.edit(backend, Edit::Claim { series, claim, fresh });
            }
            running.claims.push(claim);
        }
    }
    let over = Occurrence {
        claims: given_up.into_values().collect(),
        claimed_before: std::mem::take(&mut running.claimed_before),
        ..running.clone()
    };
    close(series, over, now, hearing);
}

/// What a run asks for by one effect of a play that it matches. What follows the play goes with each
/// of its effects, so that one that is held takes nothing from the others.
fn asked(
    matched: &Matched<'_>,
    (place, backend, effect): &(usize, &BackendId, Effect),
    said: &Signal,
    running: &Occurrence,
    generation: u64,
) -> Claim {
    let play = matched.play;
    Claim {
        id: Claim::id(&play.name, *place, backend, effect),
        backend: (*backend).clone(),
        play: play.name.clone(),
        asked: Asked {
            generation,
            effect: effect.clone(),
            lease: play.lease.clone(),
            after: matched.after.clone(),
            alert: play.shown(said),
            severity: said.severity,
            started: running.started,
            silent: None,
            since: running.since,
        },
    }
}

impl Occurrence {
    fn ids(&self) -> impl Iterator<Item = &OverrideId> {
        self.claims.iter().map(|claim| &claim.id)
    }
}

impl Series {
    fn keeps_back(&self) -> &BTreeMap<PlayName, Timestamp> {
        static NONE: BTreeMap<PlayName, Timestamp> = BTreeMap::new();
        self.running.as_ref().map_or(&NONE, |running| &running.keeps_back)
    }

    /// The backends that the run which is on asks something of.
    pub fn asks(&self) -> impl Iterator<Item = &BackendId> {
        self.running.iter().flat_map(|running| &running.claims).map(|claim| &claim.backend)
    }

    /// Takes in when the document counted a claim from.
    pub fn stamp(&mut self, id: &OverrideId, since: Timestamp) {
        let claims = self.running.iter_mut().flat_map(|running| &mut running.claims);
        for claim in claims.filter(|claim| claim.id == *id) {
            claim.asked.since = since;
        }
    }
}

impl Document {
    /// Takes in what a signal meant for it. An occurrence that asks for the first time is claimed as
    /// of now; the claim is told when that is. What leaves the document as it was is only known to the
    /// series, and holds for as long as the document is as it was.
    pub fn edit(&mut self, edit: &mut Edit, said: &mut Vec<What>) {
        match edit {
            Edit::Claim { series, claim, fresh } => {
                claim.asked.since = if *fresh {
                    self.claimed_from(&claim.id)
                } else {
                    // A clock that ran ahead may have said otherwise.
                    claim.asked.since.min(self.now)
                };
                self.claim(series, claim, *fresh, said);
            }
            Edit::Resolve { series, id, at } => self.resolve(series, id, *at, said),
            Edit::Occurred { id, mark } => {
                let now = self.now;
                self.occurred.entry(id.clone()).or_default().note(mark, now);
            }
        }
    }
}

#[cfg(test)]
#[path = "hear_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "hear_when_tests.rs"]
mod when_tests;
