//! What the overrides that were admitted ask of each member.

use super::{given::Contribution, whole::SCALE};
use crate::{fraction::Fraction, origin::Authority};

/// What one contribution does to one member.
#[derive(Clone, Copy)]
pub(super) enum Touch {
    /// Its weight becomes this part of its baseline.
    Part(Fraction),
    /// Its weight becomes this.
    Weight(u8),
    /// It serves, with this weight where it has none.
    Serve(Option<u8>),
}

/// One member that a contribution touches.
pub(super) struct Target {
    pub(super) at: usize,
    pub(super) touch: Touch,
    /// Its weight in the baseline, in parts.
    pub(super) base: u32,
    /// Whether nobody has said what that weight counts as.
    pub(super) unclear: bool,
}

/// What has been admitted.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Admitted {
    /// By member.
    asked: Vec<OfMember>,
    /// How many of the groups below the serving one are promoted with it.
    pub(super) standbys: usize,
    /// Whether any of it has passed a limit by force.
    pub(super) forced: bool,
}

/// What is asked of one member.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct OfMember {
    weight: Weighed,
    /// That it serves, and with which weight where it has none.
    serves: Option<Option<u8>>,
}

/// What is asked of one weight. The highest authority in force decides; within it the smallest
/// wins, and what is ramping out never raises what is in force.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weighed {
    in_force: Option<(Authority, u32)>,
    ramping: Option<(Authority, u32)>,
    /// What was asked, while in force, by what is ramping out.
    ramping_from: Option<(Authority, u32)>,
}

/// What one contribution asks of a weight at present.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Whether it is on its way out.
    pub(super) ramping: bool,
    pub(super) authority: Authority,
    /// What it asks for now, in parts.
    pub(super) now: u32,
    /// What it asked for while it was in force, in parts.
    pub(super) whole: u32,
}

impl Weighed {
    /// Whether a weight that is asked for is what this comes to.
    pub(super) fn is_by(self, part: Part) -> bool {
        let (slot, other) = match part.ramping {
            false => (self.in_force, self.ramping),
            true => (self.ramping, self.in_force),
        };
        let beaten = match other {
            None => false,
            Some((authority, weight)) if authority == part.authority => weight < part.now,
            Some(_) => part.ramping,
        };
        slot == Some((part.authority, part.now)) && !beaten
    }

    /// Whether nothing is asked of it.
    pub(super) const fn is_free(self) -> bool {
        self.in_force.is_none() && self.ramping.is_none()
    }

    /// As it was before any ramp began.
    pub(super) const fn unramped(self) -> Self {
        Self { ramping: self.ramping_from, ..self }
    }

    fn add(slot: &mut Option<(Authority, u32)>, authority: Authority, weight: u32) {
        *slot = Some(match *slot {
            Some((higher, kept)) if higher > authority => (higher, kept),
            Some((same, kept)) if same == authority => (same, kept.min(weight)),
            Some(_) | None => (authority, weight),
        });
    }

    pub(super) fn weight(self, otherwise: u32) -> u32 {
        match (self.in_force, self.ramping) {
            (Some((authority, weight)), Some((same, other))) if authority == same => {
                weight.min(other)
            }
            (Some((_, weight)), _) | (None, Some((_, weight))) => weight,
            (None, None) => otherwise,
        }
    }
}

impl Admitted {
    /// Nothing yet, of so many members.
    pub(super) fn nothing(members: usize) -> Self {
        Self { asked: vec![OfMember::default(); members], standbys: 0, forced: false }
    }

    /// What is asked of a member's weight.
    pub(super) fn weight(&self, at: usize) -> Weighed {
        self.asked[at].weight
    }

    /// That a member is asked to serve, and with which weight where it has none.
    pub(super) fn serves(&self, at: usize) -> Option<Option<u8>> {
        self.asked[at].serves
    }

    pub(super) fn add(&mut self, one: &Contribution<'_>, target: &Target) {
        self.asked[target.at] = self.asked[target.at].with(one, target);
    }

    /// Whether a contribution asks for more than what was admitted does.
    pub(super) fn gains(&self, one: &Contribution<'_>, targets: &[Target]) -> bool {
        let gains = |target: &Target| {
            let asked = self.asked[target.at];
            asked.with(one, target) != asked
        };
        targets.iter().any(gains)
    }
}

impl OfMember {
    fn with(mut self, one: &Contribution<'_>, target: &Target) -> Self {
        let Some(Part { ramping, authority, now, whole }) = target.part(one) else {
            if let Touch::Serve(weight) = target.touch {
                self.serves = Some(self.serves.map_or(weight, |kept| kept.max(weight)));
            }
            return self;
        };
        if ramping {
            Weighed::add(&mut self.weight.ramping, authority, now);
            Weighed::add(&mut self.weight.ramping_from, authority, whole);
        } else {
            Weighed::add(&mut self.weight.in_force, authority, now);
        }
        self
    }
}

impl Target {
    /// Whether it can only take weight away.
    pub(super) const fn takes_away(&self) -> bool {
        matches!(self.touch, Touch::Part(_))
    }

    /// What a contribution asks of the weight; none where it asks that the member serves.
    pub(super) fn part(&self, one: &Contribution<'_>) -> Option<Part> {
        let Self { touch, base, unclear, .. } = *self;
        let whole = match touch {
            Touch::Part(part) => base / SCALE * u32::from(part.basis_points()),
            Touch::Weight(weight) => u32::from(weight) * SCALE,
            Touch::Serve(_) => return None,
        };
        let authority = one.over.origin.authority();
        if one.given_back == Fraction::NONE {
            return Some(Part { ramping: false, authority, now: whole, whole });
        }
        let back = i64::from(one.given_back.basis_points());
        let way = (i64::from(base) - i64::from(whole)) * back / i64::from(SCALE);
        // Where the weight itself is unknown, no part of it can be given back before the whole is.
        let way = if unclear { 0 } else { way };
        let now = u32::try_from(i64::from(whole) + way).unwrap_or(0);
        Some(Part { ramping: true, authority, now, whole })
    }
}
