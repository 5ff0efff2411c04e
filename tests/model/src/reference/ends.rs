//! When overrides end, and how they give back what they took.

use pointsman_core::id::OverrideId;

use super::{Asking, From, Life, Over, Reference, whole::UNIT};

impl Reference<'_> {
    /// When an override that is in force or waits ends by itself, if nothing more is heard.
    pub(super) fn is_over(&self, id: &OverrideId, over: &Over) -> bool {
        let begun = match over.life {
            Life::Waits => None,
            Life::InForce { begun } => Some(begun),
            Life::Leaves { .. } => return false,
        };
        let from = begun.map_or(over.joined, |begun| begun.max(over.joined));
        match over.from {
            From::Window(_) => over.behind.is_empty(),
            From::Hand { lasts, .. } => from + lasts <= self.now,
            From::Play(place) => {
                let play = &self.case.plays[place];
                if !play.resolves {
                    return from + play.lasts <= self.now;
                }
                let held = begun.filter(|_| over.is_resolved).map(|at| at + self.hold(id, place));
                over.behind.is_empty() && held.is_none_or(|held| held <= self.now)
            }
        }
    }

    /// How long one stays at least: twice as long for each occurrence shortly before the latest.
    pub(super) fn hold(&self, id: &OverrideId, place: usize) -> i64 {
        let play = &self.case.plays[place];
        let hold = play.hold.unwrap_or(0);
        let Some(within) = play.damping() else { return hold };
        let starts = self.starts.get(id).map_or(&[][..], Vec::as_slice);
        let latest = starts.iter().map(|(at, _)| *at).max().unwrap_or(0);
        let earlier = starts.iter().filter(|(at, _)| *at < latest && latest <= at + within).count();
        (0..earlier).fold(hold, |hold, _| (hold * 2).min(play.lasts))
    }

    /// Ends what is over.
    pub(super) fn end(&mut self) {
        let lasts = |over: &Over, asking: &Asking| match (over.from, &over.life) {
            (From::Play(place), Life::InForce { begun }) => {
                asking.since.max(*begun) + self.case.plays[place].lasts
            }
            (From::Play(place), Life::Waits | Life::Leaves { .. }) => {
                asking.since + self.case.plays[place].lasts
            }
            (From::Window(_) | From::Hand { .. }, _) => i64::MAX,
        };
        let now = self.now;
        let mut overs = std::mem::take(&mut self.overs);
        for over in overs.values_mut() {
            let whole = over.clone();
            over.behind.retain(|_, asking| lasts(&whole, asking) > now);
            over.follow_worst();
        }
        overs.retain(|id, over| {
            let is_over = self.is_over(id, over);
            let has_part = over.has_part(&self.laid);
            if is_over {
                over.behind.clear();
                over.life = Life::Leaves { steps: Vec::new(), at_once: !over.counts };
            }
            has_part || !is_over
        });
        self.overs = overs;
    }

    /// The steps of its end, in ten-thousandths, the last giving back the whole; and how long one lasts.
    pub(super) fn ramp(&self, over: &Over) -> (Vec<u64>, i64) {
        let part = |percent: u8| u64::from(percent) * 100;
        let (mut steps, every) = match over.from {
            From::Play(place) => {
                let play = &self.case.plays[place];
                (play.ramp.iter().map(|percent| part(*percent)).collect(), play.every)
            }
            From::Window(place) => self.case.windows[place]
                .ramp
                .map_or_else(|| (Vec::new(), 0), |(percent, every)| (vec![part(percent)], every)),
            From::Hand { .. } => (Vec::new(), 0),
        };
        if matches!(over.life, Life::Leaves { at_once: true, .. }) {
            steps.clear();
        }
        (steps, every)
    }

    /// Has those that leave give back what is due, and forgets those that have given back everything.
    pub(super) fn step(&mut self) {
        if self.is_stopped() {
            return;
        }
        let (now, mut overs) = (self.now, std::mem::take(&mut self.overs));
        for over in overs.values_mut() {
            let (ramp, every) = self.ramp(over);
            let Life::Leaves { steps, .. } = &mut over.life else { continue };
            if steps.last().is_none_or(|last| last + every <= now) {
                steps.push(now);
            }
            if steps.len() > ramp.len() || ramp.get(steps.len() - 1) == Some(&UNIT) {
                over.life = Life::Waits;
                over.counts = false;
            }
        }
        overs.retain(|_, over| over.life != Life::Waits || !over.behind.is_empty());
        self.overs = overs;
        let overs = &self.overs;
        self.yielded.values_mut().for_each(|ids| ids.retain(|id| overs.contains_key(id)));
    }
}
