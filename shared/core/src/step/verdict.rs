//! Verdicts: what a look thinks of each override, and then what that changes.

use jiff::Timestamp;

use crate::{
    document::{Document, Overrides},
    gate::Gates,
    id::OverrideId,
    lay::Laid,
    ledger::What,
    overrides::{Held, Life, Override, Standing},
};

/// What a look thinks of an override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It begins with this look's write.
    Begins,
    /// It is part of what the backend should be, and nothing had held it.
    Admitted,
    /// It is part of that again: what held it does not any more.
    AdmittedAgain,
    /// Something keeps it back that did not before.
    Held(Held),
    /// What kept it back still does.
    StillHeld,
    /// It is kept back, because of those that begin.
    Displaced {
        /// Those.
        by: Vec<OverrideId>,
        /// What keeps it back.
        why: Held,
    },
    /// Someone else wrote every field of it, and it gives way.
    Yielded,
    /// It is on its way out, and gives back by its ramp.
    Leaves,
    /// It is on its way out, and is kept out of the set before it has given back everything.
    LeavesAtOnce,
}

impl Verdict {
    /// Whether nothing changes by it.
    pub(super) fn is_so(&self, over: &Override) -> bool {
        match self {
            Self::Admitted => over.standing == Standing::Admitted && over.kept_out.is_none(),
            Self::StillHeld => !over.has_ended(),
            Self::Leaves => true,
            Self::Begins
            | Self::AdmittedAgain
            | Self::Held(_)
            | Self::Displaced { .. }
            | Self::Yielded
            | Self::LeavesAtOnce => false,
        }
    }
}

/// Thinks of each override, from what is laid of them all, and from the gates.
pub(super) fn verdicts<'a>(
    overrides: &'a Overrides,
    laid: &Laid,
    gates: &Gates,
) -> impl Iterator<Item = (&'a Override, Verdict)> {
    let fits = move |over: &Override| {
        !laid.held.contains_key(&over.id) && !laid.yielded.contains(&over.id)
    };
    let may_begin =
        move |over: &Override| over.wants_to_begin() && gates.closed(&over.id).is_none();
    let begin: Vec<&Override> =
        overrides.values().filter(|over| may_begin(over) && fits(over)).collect();
    let verdict = move |over: &Override| {
        if over.has_ended() && !may_begin(over) {
            return if fits(over) { Verdict::Leaves } else { Verdict::LeavesAtOnce };
        }
        if let Some(why) = gates.closed(&over.id).or_else(|| laid.held.get(&over.id)) {
            return match &over.standing {
                Standing::Held(was) if was == why => Verdict::StillHeld,
                Standing::Admitted if !begin.is_empty() && !why.is_shadow() => {
                    Verdict::Displaced { by: stronger(&begin, over), why: why.clone() }
                }
                Standing::Unseen | Standing::Admitted | Standing::Held(_) | Standing::Yielded => {
                    Verdict::Held(why.clone())
                }
            };
        }
        if laid.yielded.contains(&over.id) {
            return Verdict::Yielded;
        }
        if over.wants_to_begin() {
            return Verdict::Begins;
        }
        match over.standing {
            Standing::Held(_) => Verdict::AdmittedAgain,
            Standing::Unseen | Standing::Admitted | Standing::Yielded => Verdict::Admitted,
        }
    };
    overrides.values().map(move |over| (over, verdict(over)))
}

/// Those that are stronger than this one: they keep it back. Where none is, all of them.
fn stronger(begin: &[&Override], than: &Override) -> Vec<OverrideId> {
    let stronger = begin.iter().filter(|one| one.rank() < than.rank());
    let stronger: Vec<_> = stronger.map(|one| one.id.clone()).collect();
    match stronger.is_empty() {
        true => begin.iter().map(|one| one.id.clone()).collect(),
        false => stronger,
    }
}

impl Document {
    /// What these overrides do and come from.
    pub(super) fn named(&self, ids: &[OverrideId]) -> Vec<String> {
        ids.iter().filter_map(|id| self.overrides.get(id)).map(Override::named).collect()
    }

    /// Makes each verdict true, and says what is new of it.
    pub(super) fn take_verdicts(
        &mut self,
        verdicts: Vec<(OverrideId, Verdict)>,
        said: &mut Vec<What>,
    ) {
        for (id, verdict) in verdicts {
            let Some(over) = self.overrides.get_mut(&id) else { continue };
            match verdict {
                Verdict::Begins => {
                    over.life = Life::Begun { at: self.now, warned: None };
                    over.admit();
                    over.become_strongest();
                    said.push(What::Began { id });
                }
                Verdict::Admitted => over.admit(),
                Verdict::AdmittedAgain => {
                    over.admit();
                    said.push(What::Admitted { id });
                }
                Verdict::Held(why) => {
                    over.keep_out(Standing::Held(why.clone()), self.now);
                    said.push(What::Held { id, why });
                }
                Verdict::StillHeld => over.keep_out(over.standing.clone(), self.now),
                Verdict::Displaced { by, why } => {
                    over.keep_out(Standing::Held(why.clone()), self.now);
                    let stronger = self.named(&by);
                    said.push(What::Displaced { id, by, why, stronger });
                }
                Verdict::Yielded => over.keep_out(Standing::Yielded, self.now),
                Verdict::Leaves => {}
                Verdict::LeavesAtOnce => over.give_up(),
            }
        }
    }
}

impl Override {
    fn admit(&mut self) {
        self.standing = Standing::Admitted;
        self.kept_out = None;
    }

    /// One that is held all along is held since then, though by something else meanwhile.
    fn keep_out(&mut self, standing: Standing, now: Timestamp) {
        if std::mem::discriminant(&standing) != std::mem::discriminant(&self.standing) {
            self.kept_out = Some(now);
        }
        self.standing = standing;
        self.give_up();
    }

    /// Ends its way out. What has ended takes part in the set until it has given everything back; where it
    /// is kept out of the set before that, it has nothing left to give.
    fn give_up(&mut self) {
        if let Life::Ended { steps, .. } = &mut self.life {
            steps.clear();
            self.lease.ramp.clear();
        }
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
