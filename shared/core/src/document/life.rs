//! The life of an override in its document: claimed, begun, ended, and taken out once it has given back
//! what it took. The states are told at the head of [`crate::overrides`].

use jiff::{SignedDuration, Timestamp};

use super::Document;
use crate::{
    claim::{Asked, Behind, Claim, Recall, Taken},
    field::Field,
    id::OverrideId,
    lease::{Until, later},
    ledger::What,
    occurred::Occurred,
    origin::Origin,
    overrides::{End, Held, Life, Override, Standing},
    playbook::{DURATION_MAX, Playbook},
    signal::SeriesId,
    wake::SKEW_MAX,
};

/// The shortest time that the store keeps apart.
const MOMENT: SignedDuration = SignedDuration::from_micros(1);

/// How long before the store has to be asked it counts as being asked: longer than the clocks of two
/// instances are apart, and than taking in a message takes.
const RECALL_AHEAD: SignedDuration = SKEW_MAX.saturating_mul(2);

/// How long an undo is remembered: as long as anything that was claimed before it could last.
const UNDONE_KEPT: SignedDuration = DURATION_MAX;

impl Document {
    /// From when on an occurrence counts that asks for an override now: after all that was undone.
    #[must_use]
    pub fn claimed_from(&self, id: &OverrideId) -> Timestamp {
        let undone = self.undone.get(id).map(|at| later(*at, MOMENT));
        undone.map_or(self.now, |after| after.max(self.now))
    }

    /// Takes in that an occurrence asks for an override. What was undone, or would have ended by the
    /// clock, stays so.
    pub(crate) fn claim(
        &mut self,
        series: &SeriesId,
        claim: &Claim,
        fresh: bool,
        said: &mut Vec<What>,
    ) {
        let (now, asked) = (self.now, &claim.asked);
        if self.undone.get(&claim.id).is_some_and(|undone| asked.since <= *undone) {
            return;
        }
        let begun = self.overrides.get(&claim.id).and_then(Override::begun);
        if let Some(occurred) = self.occurred.get_mut(&claim.id)
            && asked.expires(begun) > now
        {
            occurred.asks(series);
        }
        let Some(over) = self.overrides.get_mut(&claim.id) else {
            // One that is heard for the first time is told of, also where it counts as silent by now.
            let ends = if fresh { asked.lease.expires(asked.since) } else { asked.expires(None) };
            if ends <= now {
                return;
            }
            let origin = Origin::Alert { play: claim.play.clone() };
            let mut over = Override::new(claim.id.clone(), origin, series, asked, now);
            if !fresh {
                // Others may have asked for it before, too.
                over.behind.forget();
            }
            said.push(What::Claimed {
                id: claim.id.clone(),
                play: claim.play.clone(),
                effect: asked.effect.clone(),
                series: series.clone(),
                alert: asked.alert.clone(),
            });
            self.overrides.insert(over);
            return;
        };
        if asked.expires(over.begun()) <= now {
            // What it asked before may have lasted longer.
            if over.behind.known().contains_key(series) {
                over.behind.remove(series);
                over.become_strongest();
            }
            return;
        }
        let unknown = over.behind.is_empty() && !fresh;
        let mut taken = over.behind.take_in(series, asked);
        let ending = |until: Timestamp| until <= later(now, SKEW_MAX);
        if unknown
            || (taken == Taken::Beside && over.behind.expires(over.begun()).is_none_or(ending))
        {
            // Whoever looks next asks the store for all that are on.
            over.behind.forget();
            taken = Taken::Known;
        }
        if taken == Taken::Known || matches!(over.lease.until, Until::For(_)) {
            over.joined = over.joined.max(asked.since);
        }
        if taken == Taken::Known {
            (over.resolved, over.silent) = (None, None);
        }
        // Also where what was the strongest has become weaker than what is beside.
        over.become_strongest();
    }

    /// Takes in that an occurrence asks for an override no more. What has not begun never will, where
    /// it was the last; what has ends when its lease says.
    pub(crate) fn resolve(
        &mut self,
        series: &SeriesId,
        id: &OverrideId,
        at: Timestamp,
        said: &mut Vec<What>,
    ) {
        if let Some(occurred) = self.occurred.get_mut(id) {
            occurred.rests(series);
        }
        let Some(over) = self.overrides.get_mut(id) else { return };
        if over.behind.is_empty() {
            return;
        }
        over.behind.remove(series);
        if !over.behind.known().is_empty() {
            return over.become_strongest();
        }
        over.resolved = Some(over.resolved.map_or(at, |known| known.max(at)));
        if over.behind.is_empty() && matches!(over.life, Life::Claimed { .. }) {
            said.push(What::NeverBegan { id: id.clone(), why: End::Resolved });
            self.overrides.remove(id);
        }
    }

    /// What the store is to be asked before the next step: which occurrences go on behind an override
    /// of whose known ones none does.
    #[must_use]
    pub fn wanting(&self) -> Option<Recall> {
        self.wanting_at(self.now).map(|over| self.recalling(over))
    }

    /// Whether the store is asked that now, or will be in a moment. Then each edit of it must be saved as
    /// a new version, even if it changes nothing here: a look that has asked before the edit does not know
    /// of it, and has to ask again.
    #[must_use]
    pub fn is_recalling(&self) -> bool {
        self.wanting_at(later(self.now, RECALL_AHEAD)).is_some()
    }

    fn wanting_at(&self, now: Timestamp) -> Option<&Override> {
        let wanting = |over: &&Override| {
            let lasts =
                matches!((&over.life, over.lease.until), (Life::Begun { .. }, Until::For(_)));
            !lasts && over.behind.is_wanting(over.begun(), now)
        };
        self.overrides.values().find(wanting)
    }

    /// The question which occurrences are behind an override.
    #[must_use]
    pub fn recalling(&self, over: &Override) -> Recall {
        Recall {
            id: over.id.clone(),
            after: self.undone.get(&over.id).copied(),
            begun: over.begun(),
            now: self.now,
        }
    }

    /// Takes in what the store answered.
    pub fn recall(&mut self, recall: &Recall, found: Vec<(SeriesId, Asked)>) {
        if let Some(over) = self.overrides.get_mut(&recall.id) {
            let known = over.behind.ends(over.begun());
            over.behind.recall(found);
            over.behind.rewind(self.now);
            if over.behind.is_empty() && known.is_some_and(|(_, why)| why == End::Stale) {
                (over.resolved, over.silent) = (None, Some(self.now));
            }
            over.become_strongest();
        }
    }

    /// Ends an override at once, whatever its lease says, without a ramp: an operator's will. One
    /// that is on its way out gives back at once what it still has, and nothing follows it.
    pub fn undo(&mut self, id: &OverrideId, by: &str, reason: &str, said: &mut Vec<What>) {
        self.all_rest(id);
        self.undo_reconnects(Some(id), by, reason, said);
        let Some(over) = self.overrides.get_mut(id) else { return };
        let asked_again = over.is_asked_again();
        over.lease.ramp.clear();
        over.behind.clear();
        self.undone.insert(id.clone(), self.now);
        let undone = End::Undone { by: by.to_owned(), reason: reason.to_owned() };
        match &mut over.life {
            Life::Claimed { .. } | Life::Begun { .. } => self.end(id, undone, said),
            // Those who ask for it again are told that they do so in vain.
            Life::Ended { why: End::Undone { .. }, .. } if !asked_again => {}
            Life::Ended { why, steps, .. } => {
                *why = undone.clone();
                steps.clear();
                said.push(What::Ended { id: id.clone(), why: undone });
            }
        }
    }

    /// Has an override be asked for by something that has one occurrence at a time: a window, or an operator.
    /// That takes the place of what asked for it before. Says whether it is another occurrence, or the first:
    /// that one yields to nobody yet.
    pub(crate) fn ask_by_one(
        &mut self,
        id: &OverrideId,
        origin: &Origin,
        series: &SeriesId,
        mut asked: Asked,
    ) -> bool {
        let Some(over) = self.overrides.get_mut(id) else {
            let over = Override::new(id.clone(), origin.clone(), series, &asked, self.now);
            self.overrides.insert(over);
            return true;
        };
        let is_another = over.series != *series || over.behind.is_empty();
        if !over.has_ended() {
            // It keeps its age while it goes on, so that what is prolonged gives way to nothing younger.
            asked.started = over.started;
        }
        over.joined = asked.since;
        over.behind = Behind::of(series.clone(), asked);
        over.become_strongest();
        if is_another {
            over.extended = None;
            self.yields_nothing(id);
        }
        is_another
    }

    /// Takes back all that an override has given up.
    fn yields_nothing(&mut self, id: &OverrideId) {
        self.yielded.retain(|_, ids| {
            ids.remove(id);
            !ids.is_empty()
        });
    }

    /// Takes in that an operator undoes all of the backend: the windows that are open on it stay closed, also
    /// where no look has opened them yet.
    pub fn undo_windows(&mut self, playbook: &Playbook) {
        let backend = self.backend.clone();
        for window in playbook.windows_of(&backend) {
            if window.last(self.now).is_some_and(|last| self.now < last.end) {
                self.undone.extend(window.on(&backend).map(|(id, _)| (id, self.now)));
            }
        }
    }

    /// Has an override that has begun stay at least until then: an operator's will.
    pub fn extend(
        &mut self,
        id: &OverrideId,
        until: Timestamp,
        (by, reason): (&str, &str),
        said: &mut Vec<What>,
    ) {
        let Some(over) = self.overrides.get_mut(id).filter(|over| over.begun().is_some()) else {
            return;
        };
        let until = over.extended.map_or(until, |known| known.max(until));
        over.extended = Some(until);
        let (id, by, reason) = (id.clone(), by.to_owned(), reason.to_owned());
        said.push(What::Extended { id, until, by, reason });
    }

    /// Ends every override at once, and takes back the reconnects that were not asked for yet.
    pub fn release(&mut self, by: &str, reason: &str, said: &mut Vec<What>) {
        let ids: Vec<OverrideId> = self.overrides.keys().cloned().collect();
        for id in ids {
            self.undo(&id, by, reason, said);
        }
        self.undo_reconnects(None, by, reason, said);
    }

    /// Ends an override. One that has no part in the backend at present has nothing to give back
    /// and is over.
    pub fn end(&mut self, id: &OverrideId, why: End, said: &mut Vec<What>) {
        let now = self.now;
        self.all_rest(id);
        let Some(over) = self.overrides.get_mut(id) else { return };
        match over.life {
            Life::Claimed { .. } => {
                said.push(What::NeverBegan { id: id.clone(), why });
                self.overrides.remove(id);
            }
            Life::Begun { .. } => {
                over.behind.clear();
                said.push(What::Ended { id: id.clone(), why: why.clone() });
                over.life = Life::Ended { at: now, why, steps: Vec::new() };
                if !over.effect.is_of_pool() || over.effect.joins().is_some() {
                    // What is no weight is given back whole.
                    over.lease.ramp.clear();
                }
                over.extended = None;
                if self.has_no_part(id) {
                    self.finish(id, said);
                } else if let Some(over) = self.overrides.get_mut(id) {
                    over.skip_ramp_if_kept_out();
                }
            }
            // Already on its way out.
            Life::Ended { .. } => {}
        }
    }

    /// Whether nothing of an override stands in the backend, or may yet come to stand there.
    pub(super) fn has_no_part(&self, id: &OverrideId) -> bool {
        let Some(over) = self.overrides.get(id) else { return true };
        let is_part = |field: &Field| over.effect.touches(field);
        let mut changes = self.intents.iter().flat_map(|intent| &intent.changes);
        let mut owned = self.owned.iter();
        !owned.any(|(field, owned)| is_part(field) && owned.is_touched())
            && !changes.any(|change| is_part(&change.field))
    }

    /// Takes in that a step of an override's ramp was applied.
    pub(crate) fn stepped(&mut self, id: &OverrideId, step: usize, said: &mut Vec<What>) {
        let now = self.now;
        let Some(over) = self.overrides.get_mut(id) else { return };
        let Life::Ended { steps, .. } = &mut over.life else { return };
        if steps.len() != step {
            return;
        }
        steps.push(now);
        if step + 1 >= over.lease.steps() {
            self.finish(id, said);
        } else {
            said.push(What::Stepped { id: id.clone(), given_back: over.lease.given_back(step) });
        }
    }

    /// Takes an ended override out, and notes what follows it; where it is asked for again, it is
    /// claimed anew.
    fn finish(&mut self, id: &OverrideId, said: &mut Vec<What>) {
        let Some(mut over) = self.overrides.remove(id) else { return };
        said.push(What::Finished { id: id.clone() });
        if let Life::Ended { at, why, .. } = &over.life
            && why.is_by_itself()
        {
            self.note_reconnects(&over, *at);
        }
        if over.is_asked_again() {
            over.life = Life::Claimed { at: self.now };
            over.become_strongest();
            self.overrides.insert(over);
        } else {
            // What it gave up keeps nobody else from a field, from this very look on.
            self.yields_nothing(id);
        }
    }

    /// Takes in that nobody asks for an override any more, those beside the known ones included.
    fn all_rest(&mut self, id: &OverrideId) {
        self.occurred.get_mut(id).into_iter().for_each(Occurred::all_rest);
    }

    /// Forgets the occurrences that nothing looks back at any more.
    pub(crate) fn forget_occurred(&mut self) {
        let now = self.now;
        self.occurred.retain(|_, occurred| occurred.forget(now));
    }

    /// Forgets the undos that nothing can be held against any more, who yielded or was forced and is gone, and
    /// what others wrote over long ago.
    pub(crate) fn forget_undone(&mut self) {
        let (now, overrides) = (self.now, &self.overrides);
        self.undone.retain(|_, at| now < later(*at, UNDONE_KEPT));
        self.forced.retain(|id, _| overrides.contains_key(id));
        self.drifted.retain(|_, drifted| !drifted.is_over(now));
        self.yielded.retain(|_, ids| {
            ids.retain(|id| overrides.contains_key(id));
            !ids.is_empty()
        });
    }
}

impl Override {
    /// Has one that ends give back at once, where it was to be given back whole before and Azure was not written
    /// to yet: a ramp would take again what it did not have.
    pub(super) fn skip_ramp_if_kept_out(&mut self) {
        match self.standing {
            // Its fields are as they were when they could last be read.
            Standing::Held(Held::Unreadable(_) | Held::NoBackend)
            | Standing::Unseen
            | Standing::Admitted => {}
            Standing::Held(_) | Standing::Yielded => self.lease.ramp.clear(),
        }
    }
}
