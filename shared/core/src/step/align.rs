//! The difference between what a backend is and what it should be, and the write that closes it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Look, Next, Whose};
use crate::{
    body::Body,
    declared::Declared,
    document::{Intent, Owned, Way},
    etag::Guard,
    field::{Change, Field, Value, Values},
    id::{IntentId, OverrideId},
    lay::Laid,
    ledger::What,
    overrides::{Life, Override},
    unpublished::Unpublished,
};

impl Look<'_> {
    /// Finds the difference between what the backend is and what it should be, and plans its write.
    pub(super) fn align(&mut self, guard: &Guard, body: &Body) -> Next {
        loop {
            let baseline = self.baseline(body);
            let laid = self.lay(&baseline, &self.contributions(Whose::All));
            let waiting = self.document.overrides.values().filter(|over| over.wants_to_begin());
            let mut begun: BTreeSet<OverrideId> = waiting.map(|over| over.id.clone()).collect();
            self.pass_verdicts(&laid);
            self.tell_forced(&laid);
            self.out = Some(laid.out.clone());
            begun.retain(|id| {
                self.document.overrides.get(id).is_some_and(|it| it.begun().is_some())
            });
            self.tell_outranked(&laid, &baseline, &begun);
            self.tell_unpublished(&laid, &baseline, &begun);
            if self.stopped.is_some() {
                return Next::Rest;
            }
            self.own(&laid.values, body);
            let (way, changes) = self.changes(&laid, guard, body, &baseline);
            let steps = self.steps_due();
            if !changes.is_empty() {
                let overrides = self.behind(&laid, &changes, &steps);
                let make = laid.make.filter(|_| guard.is_absent());
                return Next::Write(self.intend(guard, way, changes, make, steps, overrides));
            }
            if steps.is_empty() {
                for (field, value) in &laid.values {
                    if let Some(owned) = self.document.owned.get_mut(field)
                        && !owned.stood
                    {
                        owned.stood = body.get(field).is_some_and(|shown| shown.means(value));
                    }
                }
                return self.settle_open_writes(guard);
            }
            // Nothing need be written for these steps: they are applied as they are due.
            for (id, step) in steps {
                self.document.stepped(&id, step, &mut self.said);
            }
        }
    }

    /// Tells which limit an override passes by force.
    fn tell_forced(&mut self, laid: &Laid) {
        for (id, known) in &mut self.document.forced {
            let passes = laid.forced.get(id).cloned();
            if let Some(why) = passes.clone().filter(|_| *known != passes) {
                self.said.push(What::Forced { id: id.clone(), why });
            }
            *known = passes;
        }
    }

    /// Tells on what those depend that have just begun, and that nobody has published.
    fn tell_unpublished(&mut self, laid: &Laid, baseline: &Body, begun: &BTreeSet<OverrideId>) {
        for id in begun {
            let Some(over) = self.document.overrides.get(id) else { continue };
            let of = Unpublished::of(&over.effect, baseline, laid).into_iter();
            self.said.extend(of.map(|matter| What::Unpublished { id: id.clone(), matter }));
        }
    }

    /// Tells which overrides have no effect any more, as what has just begun decides instead.
    fn tell_outranked(&mut self, laid: &Laid, baseline: &Body, begun: &BTreeSet<OverrideId>) {
        let loses = laid.losing_to(begun);
        if loses.is_empty() {
            return;
        }
        let beaten = |over: &&Override| {
            if !loses.contains(&over.id) {
                return false;
            }
            let by = laid.beaten_by(&over.id);
            over.takes_part()
                && !begun.contains(&over.id)
                && by.iter().any(|id| begun.contains(*id))
        };
        let mut beaten = self.document.overrides.values().filter(beaten).peekable();
        if beaten.peek().is_none() {
            return;
        }
        // What had no effect before has lost none now.
        let mut before = self.contributions(Whose::Begun);
        before.retain(|one| !begun.contains(&one.over.id));
        let before = self.lay(baseline, &before);
        let told = beaten.filter(|over| before.beaten_by(&over.id).is_empty()).map(|over| {
            let by: Vec<OverrideId> = laid.beaten_by(&over.id).into_iter().cloned().collect();
            What::Outranked { id: over.id.clone(), stronger: self.document.named(&by), by }
        });
        let told: Vec<What> = told.collect();
        self.said.extend(told);
    }

    /// The overrides that a write is for: who own a field that it changes, or give one back, or ask for
    /// one that is taken from them.
    fn behind(
        &self,
        laid: &Laid,
        changes: &[Change],
        steps: &BTreeMap<OverrideId, usize>,
    ) -> Vec<OverrideId> {
        let changed = |field: &Field| changes.iter().any(|change| change.field == *field);
        let owners = laid.owners.iter().filter(|(field, _)| changed(field));
        let owners = owners.flat_map(|(_, ids)| ids);
        let asks = self.document.overrides.values().filter(|over| {
            !matches!(over.life, Life::Claimed { .. })
                && changes.iter().any(|change| over.effect.touches(&change.field))
        });
        let all: BTreeSet<&OverrideId> =
            owners.chain(asks.map(|over| &over.id)).chain(steps.keys()).collect();
        all.into_iter().cloned().collect()
    }

    /// Takes over the fields that are owned from now on, with what stands there as their baseline,
    /// and lets go of those that are their owner's again.
    fn own(&mut self, values: &Values, body: &Body) {
        for field in values.keys() {
            if !self.document.owned.contains_key(field)
                && let Some(shown) = body.get(field)
            {
                self.document.owned.insert(field.clone(), Owned::fresh(shown));
            }
        }
        let intents = &self.document.intents;
        self.document.owned.retain(|field, owned| {
            let may_land = intents.iter().any(|intent| intent.touches(field));
            values.contains_key(field)
                || may_land
                || !body.get(field).is_some_and(|shown| shown.means(&owned.baseline))
        });
    }

    /// The fields that are not what they should be, as far as they are written now, and how. A write is
    /// made in one way; what is to be written in a later way comes after it.
    fn changes(
        &self,
        laid: &Laid,
        guard: &Guard,
        body: &Body,
        baseline: &Body,
    ) -> (Way, Vec<Change>) {
        let values = &laid.values;
        let due: Vec<(Way, Change)> = self
            .document
            .owned
            .iter()
            .filter_map(|(field, owned)| {
                let before = body.get(field)?;
                let wanted = values.get(field).unwrap_or(&owned.baseline);
                if before.means(wanted) {
                    return None;
                }
                let explicit = self.explicit(field, wanted, baseline);
                let way = match owned.unmet.as_ref().filter(|unmet| unmet.wanted.means(wanted)) {
                    Some(unmet) => unmet.next(&before, explicit.as_ref(), self.now)?,
                    None => Way::Plain,
                };
                let after = way.puts(wanted, explicit);
                Some((way, Change { field: field.clone(), before, after }))
            })
            .collect();
        if let Some((way, change)) = due.iter().find(|(_, one)| one.field == Field::Existence) {
            return (*way, self.making(laid, guard, change));
        }
        let first = due.iter().map(|(way, _)| *way).min().unwrap_or_default();
        (first, due.into_iter().filter_map(|(way, one)| (way == first).then_some(one)).collect())
    }

    /// What makes a backend, with all that it is made with, or takes it away. Only one that nobody has written
    /// to since we did is taken away, and only where no pool lists it by our doing.
    fn making(&self, laid: &Laid, guard: &Guard, change: &Change) -> Vec<Change> {
        let (Guard::Absent, Some(declared)) = (guard, &laid.make) else {
            let is_last = |etag| self.document.etags.is_ours(etag) && !self.ensured.is_listed;
            let may = matches!(guard, Guard::Etag(etag) if is_last(etag));
            return Vec::from_iter(may.then(|| change.clone()));
        };
        let properties = declared.properties().into_iter().map(|(property, value)| Change {
            field: Field::Property(property),
            before: Value::Absent,
            after: Value::Json(value),
        });
        std::iter::once(change.clone()).chain(properties).collect()
    }

    /// The number that means the same as the null that is wanted of a field; none where nobody knows.
    /// Where a whole group has no weights, its members share equally.
    fn explicit(&self, field: &Field, wanted: &Value, baseline: &Body) -> Option<Value> {
        if wanted.number().is_some() {
            return None;
        }
        let group = |priority: &Value| priority.number().unwrap_or(0);
        let pool = baseline.pool()?;
        match field {
            Field::Priority(_) => Some(Value::Number(0)),
            Field::Weight(member) => self.terms.null_weight.map(Value::Number).or_else(|| {
                let of = group(&pool.get(&Field::priority(member))?);
                let mut members = pool.members().iter();
                let equal =
                    members.all(|one| group(&one.priority) != of || one.weight.number().is_none());
                equal.then_some(Value::Number(1))
            }),
            Field::Membership(_) | Field::Existence | Field::Property(_) => None,
        }
    }

    /// Plans an empty write where one had no answer, is not wanted any more, and may still land: once the
    /// state that it was planned from is over, it cannot.
    fn settle_open_writes(&mut self, guard: &Guard) -> Next {
        let Guard::Etag(etag) = guard else { return Next::Rest };
        let open = self.document.intents.iter().any(|intent| intent.guard == *guard);
        if !open || !self.document.etags.may_end(etag) {
            return Next::Rest;
        }
        Next::Write(self.intend(guard, Way::Plain, Vec::new(), None, BTreeMap::new(), Vec::new()))
    }

    fn intend(
        &mut self,
        guard: &Guard,
        way: Way,
        changes: Vec<Change>,
        make: Option<Declared>,
        steps: BTreeMap<OverrideId, usize>,
        overrides: Vec<OverrideId>,
    ) -> Intent {
        let text = format!("{changes:?}{steps:?}");
        let backend = self.document.backend.to_string();
        let id = IntentId::derive(&[&backend, &guard.to_string(), &text, &self.now.to_string()]);
        let (intent, written) = (id.clone(), changes.clone());
        self.said.push(match way {
            Way::Plain | Way::Explicit | Way::Null | Way::Rest => {
                What::Intended { intent, changes: written, overrides }
            }
            Way::Whole => What::IntendedWhole { intent, changes: written, overrides },
        });
        let guard = guard.clone();
        let intent = Intent { id, guard, changes, make, way, steps, at: self.now, outrun: false };
        // The same write again, from the same state at the same moment, is the same intent.
        if !self.document.intents.iter().any(|open| open.id == intent.id) {
            self.document.intents.push(intent.clone());
        }
        intent
    }
}

#[cfg(test)]
#[path = "align_tests.rs"]
mod tests;
