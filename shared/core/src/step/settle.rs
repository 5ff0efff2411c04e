//! What a look learns from what is shown: what became of our writes, and what others wrote.

use std::collections::BTreeSet;

use super::{Look, Observed, Whose};
use crate::{
    body::Body,
    document::Owned,
    drift::Asserted,
    etag::{Etag, Freshness},
    field::{Field, Value},
    id::OverrideId,
    ledger::What,
};

impl Look<'_> {
    /// Whether a state of the past was read.
    pub(super) fn is_stale(&mut self, etag: &Etag) -> bool {
        match self.document.etags.freshness(etag, self.now) {
            Freshness::Stale => {
                self.document.etags.stale(self.now);
                true
            }
            Freshness::Same | Freshness::New => false,
        }
    }

    /// Takes in what Azure shows: which open writes were done, and what someone else wrote.
    pub(super) fn settle(&mut self, observed: &Observed) {
        let (etag, body) = match observed {
            Observed::Shown { etag, body } if self.suits(body).is_ok() => (etag, body),
            // What came of open writes can only be told from the fields.
            Observed::Shown { etag, .. } | Observed::Unreadable { etag, .. } => {
                self.document.etags.seen(etag);
                return;
            }
            Observed::Missing => {
                self.document.etags.missed(self.now);
                return self.settle_missing();
            }
        };
        if self.document.etags.is_anew(etag) {
            self.lose_what_was_made_anew(body);
        }
        // It is all one whether an empty write lands.
        self.document.intents.retain(|intent| !intent.is_empty());
        self.note_unmet(etag, body);
        self.note_foreign(etag, body);
        self.document.retire_gone(etag, Some(body), &mut self.said);
        self.document.etags.seen(etag);
        let fenced = self.now;
        self.document.intents.retain(|intent| {
            let open = fenced < intent.fence();
            if !open {
                self.said.extend(intent.not_landed());
            }
            open
        });
        self.lose(|field| body.get(field).is_none());
        self.adopt(etag);
    }

    /// Takes in that there is no backend, once that is believed: that our delete was done, or that someone
    /// else took away what is ensured, which is yielded to as any other write.
    fn settle_missing(&mut self) {
        let believed = self.document.missing().is_some_and(|(_, believed)| self.now >= believed);
        let fenced = self.now;
        self.document.intents.retain(|intent| {
            let open = !intent.guard.is_absent() || fenced < intent.fence();
            if !open {
                self.said.extend(intent.not_landed());
            }
            open
        });
        if !believed && !self.document.etags.knows_none() {
            return;
        }
        let deleted = self.document.intents.iter().find(|intent| intent.deletes());
        if let Some(deleted) = deleted.cloned() {
            self.document.intents.retain(|intent| intent.id != deleted.id);
            self.said.push(What::Landed { intent: deleted.id.clone() });
            self.document.deleted(&deleted, &mut self.said);
        }
        // There is no state that would tell one time from another.
        self.note_foreign(&Etag(String::new()), &Body::Missing);
        let may_land = self.document.intents.iter().any(|one| one.touches(&Field::Existence));
        self.document.owned.retain(|field, owned| {
            *field != Field::Existence || may_land || owned.written != Value::Absent
        });
    }

    /// Takes what we made for someone else's, where someone else has written to it since: it stays.
    fn adopt(&mut self, etag: &Etag) {
        let Some(made) = self.document.owned.get_mut(&Field::Existence) else { return };
        if made.baseline.is_nothing() && !self.document.etags.is_ours(etag) {
            *made = Owned::fresh(Value::there());
            self.said.push(What::Adopted);
        }
    }

    /// Lets go of owned fields that are not there any more. Should one come back, what it comes
    /// back with is its baseline.
    pub(super) fn lose(&mut self, lost: impl Fn(&Field) -> bool) {
        let said = &mut self.said;
        self.document.owned.retain(|field, _| {
            let kept = !lost(field);
            if !kept {
                said.push(What::Removed { field: field.clone() });
            }
            kept
        });
    }

    /// Lets go of the fields of a backend that was made anew: what they are now is their baseline, and
    /// says nothing against what we want. What shows our own value is as we left it, by whatever
    /// copy it was made from, and is still to be given back.
    fn lose_what_was_made_anew(&mut self, body: &Body) {
        let intents = self.document.intents.iter().flat_map(|intent| &intent.changes);
        let written = self.document.owned.iter().map(|(field, owned)| (field, &owned.written));
        let ours: BTreeSet<Field> = intents
            .map(|change| (&change.field, &change.after))
            .chain(written)
            .filter(|(field, ours)| body.get(field).is_some_and(|shown| shown.means(ours)))
            .map(|(field, _)| field.clone())
            .collect();
        self.lose(|field| !ours.contains(field));
    }

    /// Takes the value of every owned field in the state that our own last write made for our own doing,
    /// also where the answer showed another, and forgets what Azure has done after all.
    fn note_unmet(&mut self, etag: &Etag, body: &Body) {
        let ours = self.document.etags.is_ours(etag);
        for (field, owned) in &mut self.document.owned {
            let Some(shown) = body.get(field) else { continue };
            if ours && !shown.means(&owned.written) {
                let asked = owned.written.clone();
                owned.kept(shown.clone(), self.now);
                self.said.push(What::Answered {
                    field: field.clone(),
                    asked,
                    shown: shown.clone(),
                });
            }
            owned.unmet.take_if(|unmet| shown.means(&unmet.wanted) && self.now >= unmet.until);
        }
    }

    /// Takes the value of every owned field that is neither what we last wrote nor what an open
    /// write puts there for its owner's: it becomes the baseline, and what we wanted of the field
    /// yields, or is written again ([`crate::drift`]). Where nothing of ours has stood there yet, no one has said anything against it, and
    /// there is nothing to yield: a write that outran ours by a moment is a baseline like any that
    /// was written a moment sooner.
    fn note_foreign(&mut self, etag: &Etag, body: &Body) {
        let mut foreign = Vec::new();
        for (field, owned) in &mut self.document.owned {
            let Some(shown) = body.get(field) else { continue };
            if shown.means(&owned.written) {
                // Null for absent, or the reverse, by someone's hand: it is given back as it is.
                if owned.written == owned.baseline {
                    (owned.baseline, owned.written) = (shown.clone(), shown);
                }
                continue;
            }
            let open = self
                .document
                .intents
                .iter()
                .flat_map(|intent| intent.changes.iter().map(|change| (intent.outrun, change)));
            let (mut untouched, mut ours) = (!owned.is_touched(), false);
            for (outrun, change) in open.filter(|(_, change)| change.field == *field) {
                ours |= change.after.means(&shown);
                untouched &= outrun;
            }
            if !ours {
                foreign.push((field.clone(), owned.written.clone(), shown, untouched));
            }
        }
        if foreign.is_empty() {
            return;
        }
        // Who wanted the fields is seen by laying what had begun as it was before.
        let laid = self.lay(&self.baseline(body), &self.contributions(Whose::Begun));
        for (field, ours, theirs, untouched) in foreign {
            let owners =
                laid.owners.get(&field).filter(|_| !untouched).cloned().unwrap_or_default();
            let (mut go_on, mut yielded) = self.drift(&field, &theirs, owners);
            let mut drifted = None;
            if !go_on.is_empty() {
                let known = self.document.drifted.entry(field.clone()).or_default();
                let asserted = known.assert(etag, self.now);
                if !matches!(asserted, Asserted::Again(_)) {
                    yielded.append(&mut go_on);
                }
                drifted = Some(asserted);
            }
            // Who writes over it before it is written again has something against it, too.
            let stood = !go_on.is_empty();
            let owned = Owned { stood, ..Owned::fresh(theirs.clone()) };
            self.document.owned.insert(field.clone(), owned);
            if !yielded.is_empty() {
                let known = self.document.yielded.entry(field.clone()).or_default();
                known.extend(yielded.iter().cloned());
            }
            self.said.push(What::Foreign { field: field.clone(), ours, theirs, yielded });
            match drifted {
                Some(Asserted::Again(times)) => {
                    self.said.push(What::Asserted { field, overrides: go_on, times });
                }
                Some(Asserted::Enough(until)) => self.said.push(What::LeftAlone { field, until }),
                Some(Asserted::Left) | None => {}
            }
        }
    }

    /// Which of those who own a field go on where someone else has written this, and which give way.
    fn drift(
        &self,
        field: &Field,
        theirs: &Value,
        owners: Vec<OverrideId>,
    ) -> (Vec<OverrideId>, Vec<OverrideId>) {
        let (playbook, document) = (self.generation.playbook, &self.document);
        // What someone takes away that was made or added here is not put back: what else they have taken away, so
        // that it would lead nowhere, is not known here.
        if matches!(field, Field::Existence | Field::Membership(_)) {
            return (Vec::new(), owners);
        }
        owners.into_iter().partition(|id| {
            let play = document.overrides.get(id).and_then(|over| over.origin.play());
            let drift = play.and_then(|play| playbook.play(play)).map(|play| play.drift);
            let baseline = document.owned.get(field).map(|owned| &owned.baseline);
            baseline.is_some_and(|baseline| drift.unwrap_or_default().asserts(theirs, baseline))
        })
    }
}
