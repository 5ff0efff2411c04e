//! Whether a shape keeps the limits, and how many standbys must serve for it to.
//!
//! No limit asks for more than the baseline itself has. A member that Azure itself may leave out counts, and yet does
//! not: what is asked must hold with it, and, as far as the baseline has it, without it, too. How many may be out at once is looked at in `out`.

use super::{
    admitted::Admitted,
    counts::switched_off,
    ground::{Ground, Shape},
};
use crate::{
    limits::{Failover, LeastMembers, Limits},
    overrides::Held,
};

/// Which members count towards those that must serve.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// Those that have come back whole, or never were away.
    Settled,
    /// Those on their way back, too.
    Any,
}

impl Ground<'_> {
    /// The least number of groups to promote with which the limits hold.
    ///
    /// A member that ramps back does not let the standbys go yet: alone in its group, its
    /// first tenth would be all of the traffic. So without counting it first; and with it where
    /// the limits cannot be kept otherwise, for a ramp must not keep back what they allow.
    pub(super) fn standbys_needed(&self, admitted: &Admitted) -> Result<usize, Held> {
        let least = |counted| {
            let held = match self.check(&self.shape(admitted, 0), counted) {
                Ok(()) => return Ok(0),
                Err(held) => held,
            };
            if !held.is_short() || self.terms.failover == Failover::Hold {
                return Err(held);
            }
            (1..=self.standbys.len())
                .find(|standbys| self.check(&self.shape(admitted, *standbys), counted).is_ok())
                .ok_or(held)
        };
        least(Counted::Settled).or_else(|_| least(Counted::Any))
    }

    /// Whether all limits hold with no group promoted, of the exact weights too: whole numbers may keep by luck what
    /// those do not.
    pub(super) fn keeps_all(&self, admitted: &Admitted) -> bool {
        let shape = self.shape(admitted, 0);
        let exactly = || {
            let within = shape.within(self.serving);
            self.asked(&shape, &within, false).broken_exactly().is_none()
        };
        self.check(&shape, Counted::Settled).is_ok() && (!self.bounds_weight() || exactly())
    }

    /// Holds a shape against the limits.
    fn check(&self, shape: &Shape, counted: Counted) -> Result<(), Held> {
        let Limits { least_members, .. } = self.terms.limits;
        if self.is_woken(shape) {
            return Err(Held::SwitchedOff);
        }
        self.check_out(shape)?;
        let serves = |at: usize| {
            let counts = counted == Counted::Any || shape.settled[at] > 0;
            shape.group[at] == self.serving && shape.weight[at] > 0 && counts
        };
        let serving = self.counted((0..self.members.len()).filter(|at| serves(*at)));
        let limit = least_members.of(self.before.all);
        for (serving, before, without) in [
            (serving.all, self.before.all, 0),
            (serving.certain, self.before.certain, serving.all - serving.certain),
        ] {
            let least = limit.min(before);
            if serving < least {
                let by_default = least_members == LeastMembers::Half;
                let held = Held::Members { serving, least, by_default };
                return Err(Held::without(without, held));
            }
        }
        if self.bounds_weight()
            && let Some(held) = self.asked(shape, &shape.within(self.serving), false).broken()
        {
            return Err(held);
        }
        if self.is_emptied(shape) {
            return Err(Held::Emptied);
        }
        Ok(())
    }

    /// Whether a shape is one that Azure is known to route by, whatever the limits say.
    pub(super) fn is_sound(&self, shape: &Shape) -> bool {
        !self.is_woken(shape) && !self.is_emptied(shape)
    }

    /// Whether a group serves that its owner has switched off.
    fn is_woken(&self, shape: &Shape) -> bool {
        let woken = |at| shape.group[at] < self.serving && shape.weight[at] > 0;
        (0..self.members.len()).any(woken)
    }

    /// Whether a group is left with all weights 0 that its owner has not left so.
    fn is_emptied(&self, shape: &Shape) -> bool {
        let now = switched_off(&shape.group, &shape.weight);
        let is_new = |at: usize| now.has(shape.group[at]) && !self.switched_off.has(self.group[at]);
        (0..self.members.len()).any(is_new)
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
