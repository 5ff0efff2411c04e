//! What passes a limit: an operator's override that was asked for with force, and what takes nothing more away
//! beside it. Neither leaves a group with all weights 0.

use super::{admitted::Admitted, given::Contribution, ground::Ground};
use crate::limits::Failover;

impl Ground<'_> {
    /// With how many groups promoted an override is admitted that a limit keeps back; none where it stays
    /// so. `tried` is what was `admitted` before, with it.
    pub(super) fn passes(
        &self,
        one: &Contribution<'_>,
        admitted: &Admitted,
        tried: &Admitted,
    ) -> Option<usize> {
        if one.forced {
            let most = match self.terms.failover {
                Failover::Promote => self.standbys.len(),
                Failover::Hold => 0,
            };
            let is_sound = |standbys: &usize| self.is_sound(&self.shape(tried, *standbys));
            return (0..=most).find(is_sound);
        }
        let standbys = admitted.standbys;
        let (before, after) = (self.shape(admitted, standbys), self.shape(tried, standbys));
        let takes = |at: usize| {
            let left = before.group[at] == self.serving && after.group[at] != self.serving;
            left || after.weight[at] < before.weight[at]
        };
        let takes_nothing = !(0..self.members.len()).any(takes);
        (admitted.forced && takes_nothing && self.is_sound(&after)).then_some(standbys)
    }
}
