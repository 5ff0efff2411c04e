//! I12: once signals stop, faults end and gates are open, every firing that is not over has its
//! effect, or is held with a reason, or a line says why it has none.
//!
//! What is firing is worked out here from what was told, and not from what is stored.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    body::Body,
    document::Document,
    effect::Effect,
    field::{Field, Value},
    id::OverrideId,
    lease::later,
    ledger::What,
    names::{BackendId, PlayName},
    notice::{About, Kind},
    overrides::{End, Held, Life, Override, Standing},
    playbook::Instance,
    signal::{SeriesId, Signal},
};

use pointsman_engine::message::Command;

use crate::{
    properties,
    world::{Book, World},
};

/// Longer than Azure asks to wait, than any wait before something is tried again, and than a write
/// without an answer may still land.
const CALM: i64 = 400;

/// How long nothing but time passes, and how often at most Azure is read in it: for each end that
/// comes by the clock, and each step of a ramp.
const STILL: i64 = 200;
const READS_MAX: usize = 60;

/// How far clocks are apart, and more.
const APART: SignedDuration = SignedDuration::from_secs(10);

/// An alert that fires: since when that was told, and what was told last of it.
pub(crate) struct Firing<'a> {
    told: Timestamp,
    pub(crate) signal: &'a Signal,
}

impl World {
    /// Lets all be well, and holds what comes of it against I12: what is broken is kept with what else
    /// was seen to be.
    pub(crate) fn calm_down(&mut self) {
        self.heal();
        self.pass(CALM);
        let reads = |world: &Self| {
            [Some(&world.azure), world.second.as_ref()].map(|azure| azure.map_or(0, |it| it.gets))
        };
        let before = reads(self);
        self.pass(STILL);
        for (before, after) in before.into_iter().zip(reads(self)) {
            if after - before > READS_MAX {
                let text = format!("{} reads in {STILL} s", after - before);
                self.violation("I12", &text);
            }
        }
        for text in self.undone() {
            self.violation("I12", &text);
        }
    }

    /// What should be done and is not.
    fn undone(&self) -> Vec<String> {
        let mut undone = Vec::new();
        for document in self.store.documents.values().map(|stored| &stored.body) {
            if let Some(trouble) = &document.trouble {
                undone.push(format!("trouble though all is well: {}", trouble.why));
            }
        }
        let playbook = self.generations.last().unwrap();
        for (series, Firing { told, signal }) in self.firing() {
            let is_for = |book: &Book| {
                let heard = book.plays_for(signal);
                !heard.matched.is_empty() || !heard.failed.is_empty()
            };
            let about = About {
                severity: Some(signal.severity),
                ..About::new(Kind::Unmatched, series.source().as_str())
            };
            let keeps_back = |book: &Book| !book.kept_back_by(signal).0.is_empty();
            if !self.generations.iter().any(|book| is_for(book) || keeps_back(book))
                && self.store.notices.find(&about).is_none()
            {
                undone.push(format!("{series} fires, no play is for it, and no notice says so"));
            }
            for matched in playbook.plays_for(signal).matched {
                let play = &matched.play.name;
                if matched.play.stale.is_some_and(|stale| self.is_silent(series, stale)) {
                    continue;
                }
                for (_, backend, effect) in &matched.effects {
                    let since = later(told, -APART);
                    let is_of = |over: &Override| over.origin.play() == Some(play);
                    let is_done = self.is_in_effect(backend, is_of, effect);
                    if !is_done && !self.is_explained(play, effect, since) {
                        undone.push(format!("{series} fires, and {effect} by {play} is not done"));
                    }
                }
            }
        }
        undone.extend(self.not_done_by_hand());
        undone.extend(self.not_done_by_window());
        undone
    }

    /// What operators asked for by hand and is not told of once, or is not done.
    fn not_done_by_hand(&self) -> Vec<String> {
        let mut undone = Vec::new();
        for command in &self.commanded {
            let Command::Change { effect, reason, .. } = command else { continue };
            let is_told =
                |what: &&What| matches!(what, What::Commanded { reason: of, .. } if of == reason);
            let lines = self.said().filter(is_told).count();
            if lines != 1 {
                undone.push(format!("{lines} lines tell that {effect} was asked for by hand"));
            }
        }
        // The last word about each counts. What ends it in the same moment may have been told before.
        let mut last: BTreeMap<&OverrideId, (&Effect, Timestamp)> = BTreeMap::new();
        for line in &self.store.ledger {
            if let What::Commanded { id, effect, .. } = &line.what {
                last.insert(id, (effect, line.at));
            }
        }
        for (id, (effect, told)) in last {
            let is_over = self.store.ledger.iter().filter(|line| line.at >= told).any(|line| {
                matches!(&line.what, What::Ended { id: of, .. } | What::NeverBegan { id: of, .. } if of == id)
            });
            if !is_over && !self.is_in_effect(&self.backend, |over| over.id == *id, effect) {
                undone.push(format!("{effect} was asked for by hand, and is not done"));
            }
        }
        undone
    }

    /// What windows that are certainly open ask for and is not done.
    fn not_done_by_window(&self) -> Vec<String> {
        let mut undone = Vec::new();
        let (playbook, backend) = (self.generations.last().unwrap(), &self.backend);
        for window in playbook.windows_of(backend) {
            let is_open = |instance: &Instance| {
                later(instance.start, APART) < self.now && self.now < later(instance.end, -APART)
            };
            let Some(instance) = window.last(self.now).filter(is_open) else { continue };
            let is_of = |command: &Command| {
                matches!(command, Command::Skip { window: of, start, .. }
                    if *of == window.name && *start == instance.start)
            };
            if self.commanded.iter().any(is_of) {
                let series = SeriesId::of_window(&window.name, instance.start);
                let overrides = self.document().into_iter().flat_map(|one| one.overrides.values());
                undone.extend(
                    overrides
                        .filter(|over| over.behind.known().contains_key(&series))
                        .map(|over| format!("{} goes on, though its window was skipped", over.id)),
                );
                continue;
            }
            for (id, effect) in window.on(backend) {
                let is_undone = self.store.ledger.iter().any(|line| {
                    line.at >= instance.start
                        && matches!(&line.what, What::Ended { id: of, why: End::Undone { .. } }
                            | What::NeverBegan { id: of, why: End::Undone { .. } } if *of == id)
                });
                if !is_undone && !self.is_in_effect(backend, |over| over.id == id, effect) {
                    undone
                        .push(format!("window {} is open, and {effect} is not done", window.name));
                }
            }
        }
        undone
    }

    /// The alerts that certainly fire: they started after every end that was told of them.
    pub(crate) fn firing(&self) -> BTreeMap<&SeriesId, Firing<'_>> {
        let mut ends: BTreeMap<&SeriesId, Timestamp> = BTreeMap::new();
        for (_, signal) in &self.told {
            if let Some(end) = signal.end() {
                let latest = ends.entry(&signal.series).or_insert(end.at);
                *latest = end.at.max(*latest);
            }
        }
        let mut firing: BTreeMap<&SeriesId, Firing<'_>> = BTreeMap::new();
        for (at, signal) in &self.told {
            let over = ends.get(&signal.series).is_some_and(|end| signal.started <= *end);
            if over || signal.end().is_some() {
                continue;
            }
            let one = firing.entry(&signal.series).or_insert(Firing { told: *at, signal });
            one.told = one.told.min(*at);
            if (one.signal.started, one.signal.severity) < (signal.started, signal.severity) {
                one.signal = signal;
            }
        }
        firing
    }

    /// Whether an override shows in its backend, or says why it does not.
    fn is_in_effect(
        &self,
        backend: &BackendId,
        is_of: impl Fn(&Override) -> bool,
        effect: &Effect,
    ) -> bool {
        let Some(document) = self.document_of(backend) else { return false };
        let mut overrides = document.overrides.values();
        overrides.any(|over| {
            is_of(over)
                && over.effect == *effect
                && match (&over.standing, &over.life) {
                    (Standing::Unseen, _) => false,
                    (Standing::Held(why), _) => self.is_so(backend, over, why),
                    (Standing::Yielded, _) => true,
                    (Standing::Admitted, Life::Claimed { .. }) => false,
                    (Standing::Admitted, Life::Begun { .. }) => {
                        self.body_of(backend).is_some_and(|body| shows(body, document, over))
                    }
                    (Standing::Admitted, Life::Ended { why, .. }) => !matches!(why, End::Resolved),
                }
        })
    }

    /// Whether what holds an effect back is so, as far as the backend's kind and properties show it.
    fn is_so(&self, backend: &BackendId, over: &Override, why: &Held) -> bool {
        let effect = &over.effect;
        let body = self.body_of(backend);
        match why {
            Held::NoBackend => body.is_none(),
            Held::NotAPool => effect.is_of_pool() && body.is_some_and(|it| it.pool().is_none()),
            Held::NotASingle => !effect.is_of_pool() && body.is_some_and(|it| it.pool().is_some()),
            Held::NoProperty(property) => {
                let field = Field::Property(*property);
                effect.fields().contains(&field) && body.is_some_and(|it| it.get(&field).is_none())
            }
            Held::Members { .. }
            | Held::Share { .. }
            | Held::Capacity { .. }
            | Held::Uncertain { .. }
            | Held::MostOut { .. }
            | Held::Emptied
            | Held::NoMember(_)
            | Held::MixedWeights
            | Held::NothingServes
            | Held::SwitchedOff => body.is_some_and(|it| it.pool().is_some()),
            Held::Lasting { .. }
            | Held::Count { .. }
            | Held::Unless { .. }
            | Held::Paused
            | Held::PausedUntil(_)
            | Held::PoolPaused { .. }
            | Held::PlayPaused { .. }
            | Held::Frozen { .. }
            | Held::OutOfHours { .. }
            | Held::OverBudget { .. }
            | Held::ManyWrites { .. }
            | Held::MostOutOfTag { .. }
            | Held::Together { .. }
            | Held::Panic { .. }
            | Held::Shadow { .. } => self.is_rightly_held(backend, over, why),
            Held::Unmade(member) => self.is_not_ensured(member),
            Held::Unreadable(_) | Held::Full | Held::Ahead => false,
        }
    }

    /// Whether a line since then says why there is no such override.
    fn is_explained(&self, play: &PlayName, effect: &Effect, since: Timestamp) -> bool {
        let claimed = |of: &OverrideId| {
            self.said().any(|what| {
                matches!(what, What::Claimed { id, play: by, effect: does, .. }
                    if id == of && by == play && does == effect)
            })
        };
        self.store.ledger.iter().filter(|line| line.at >= since).any(|line| {
            if let What::RanOut { id, .. } | What::WentSilent { id, .. } = &line.what {
                return claimed(id);
            }
            if let What::Ended { id, why } | What::NeverBegan { id, why } = &line.what {
                return !matches!(why, End::Resolved) && claimed(id);
            }
            matches!(&line.what, What::Unresolvable { play: by, .. } if by == play)
        })
    }
}

/// Whether what an override does is to be seen in the backend.
fn shows(body: &Body, document: &Document, over: &Override) -> bool {
    let as_written = over.effect.fields().iter().all(|field| {
        let owned = document.owned.get(field);
        owned.is_none_or(|owned| body.get(field).is_none_or(|value| owned.written.means(&value)))
    });
    let Some(pool) = body.pool() else {
        return as_written && properties::shows(body, document, over);
    };
    let weight = |member| pool.get(&Field::weight(member));
    let of_its_kind = match &over.effect {
        Effect::Drain { member } => weight(member).is_none_or(|weight| weight == Value::Number(0)),
        Effect::Shift { member, to } if to.basis_points() == 0 => {
            weight(member).is_none_or(|weight| weight == Value::Number(0))
        }
        Effect::Shift { .. } | Effect::Split { .. } => true,
        Effect::Join { member, .. } => weight(member).is_some(),
        Effect::Breaker(_) | Effect::Set(_) | Effect::Ensure(_) | Effect::Reconnect(_) => false,
        Effect::Promote { member, .. } => {
            let serving = pool.members().iter().filter(|one| one.weight != Value::Number(0));
            let first = serving.map(|one| one.priority.number().unwrap_or(0)).min();
            let own = pool.get(&Field::priority(member));
            own.is_none_or(|own| Some(own.number().unwrap_or(0)) == first)
        }
    };
    // An operator's word counts where an alert's does not.
    let fields = over.effect.fields();
    let is_overruled = document.overrides.values().any(|other| {
        other.takes_part()
            && other.origin.authority() > over.origin.authority()
            && other.effect.fields().iter().any(|field| fields.contains(field))
    });
    as_written && (is_overruled || of_its_kind)
}
