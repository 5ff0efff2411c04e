//! What the maintenance windows ask of a backend, by the playbook and the time alone.
//!
//! An open instance is an occurrence behind the window's override, like an alert behind a play's. It is
//! worked out anew at every look, so that a window that was edited, or removed, is at once what it is now,
//! and an instance that began while nobody looked is caught up while it is open.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Look;
use crate::{
    claim::Asked,
    group::Scope,
    id::OverrideId,
    lease::{Lease, Until},
    ledger::What,
    mode::Mode,
    names::BackendId,
    origin::Origin,
    overrides::End,
    overrides::Override,
    playbook::{Instance, Window},
    shown::Shown,
    signal::{SeriesId, Severity},
};

impl Look<'_> {
    /// Opens the windows that are open by now, and closes the others.
    pub(super) fn open_windows(&mut self) {
        let playbook = self.generation.playbook;
        let backend = self.document.backend.clone();
        let mut looked_at = std::mem::take(&mut self.document.windows);
        let mut open = BTreeMap::new();
        for window in playbook.windows_of(&backend) {
            // What was so by another playbook tells nothing of an instance by this one.
            let before = looked_at.remove(&window.name).filter(|_| !self.is_new_playbook);
            let (known, last) = (before.unwrap_or(self.now), window.last(self.now));
            let latest = last.map_or(known, |last| last.start.max(known));
            self.document.windows.insert(window.name.clone(), latest);
            let Some(instance @ Instance { start, end }) = last else { continue };
            let scope = Scope::Window(window.name.clone());
            if self.groups.ask(scope).skipped.contains(&start) {
                continue;
            }
            let undone = &self.document.undone;
            let is_on = |id: &OverrideId| undone.get(id).is_none_or(|undone| *undone < start);
            let on: Vec<_> = window.on(&backend).filter(|(id, _)| is_on(id)).collect();
            if self.now < end {
                open.extend(on.into_iter().map(|(id, effect)| (id, (window, instance, effect))));
            } else if before.is_some_and(|before| before < start) && !on.is_empty() {
                self.said.push(What::Missed { window: window.name.clone(), start, end });
            }
        }
        self.announce(&backend);
        self.close_all_but(&open.keys().cloned().collect::<Vec<_>>());
        for (id, (window, instance, effect)) in open {
            let series = SeriesId::of_window(&window.name, instance.start);
            let asked = Asked {
                generation: self.generation.number,
                effect: effect.clone(),
                lease: lease(window, instance),
                after: window.after.clone(),
                alert: Shown::window(&window.name),
                severity: Severity::Info,
                started: instance.start,
                silent: None,
                since: instance.start,
            };
            let origin = Origin::Window { window: window.name.clone() };
            if self.document.ask_by_one(&id, &origin, &series, asked) {
                let (window, effect) = (window.name.clone(), effect.clone());
                self.said.push(What::Opened { id, window, effect, until: instance.end });
            }
        }
    }

    /// Tells once of each window that will open soon.
    fn announce(&mut self, backend: &BackendId) {
        let mut announced = std::mem::take(&mut self.document.announced);
        for window in self.generation.playbook.windows_of(backend) {
            let known = announced.remove(&window.name);
            self.document.announced.extend(known.map(|start| (window.name.clone(), start)));
            let Some(next @ Instance { start, end }) = window.next(self.now) else { continue };
            let is_due = window.announces(next).is_some_and(|at| at <= self.now);
            let scope = || Scope::Window(window.name.clone());
            if !is_due || known == Some(start) || self.groups.ask(scope()).skipped.contains(&start)
            {
                continue;
            }
            self.document.announced.insert(window.name.clone(), start);
            let effects = window.on(backend).map(|(_, effect)| effect.clone()).collect();
            let (window, shadow) = (window.name.clone(), window.mode == Mode::Shadow);
            self.said.push(What::Announced { window, start, end, effects, shadow });
        }
    }

    /// Ends the overrides of windows that are not open any more.
    fn close_all_but(&mut self, open: &[OverrideId]) {
        let mut closed = Vec::new();
        let is_closed = |over: &Override| {
            matches!(over.origin, Origin::Window { .. }) && !open.contains(&over.id)
        };
        for over in self.document.overrides.changing(is_closed) {
            over.behind.clear();
            let is_extended = over.extended.is_some_and(|until| self.now < until);
            if !over.has_ended() && !is_extended {
                let is_there = self.generation.playbook.has(&over.origin);
                closed.push((over.id.clone(), if is_there { End::Closed } else { End::Dropped }));
            }
        }
        for (id, why) in closed {
            self.document.end(&id, why, &mut self.said);
        }
    }

    /// When the next window opens on this backend, or is to be announced.
    pub(super) fn next_opening(&self) -> Option<Timestamp> {
        let windows = self.generation.playbook.windows_of(&self.document.backend);
        let next = |window: &Window| {
            let next = window.next(self.now)?;
            let announces = window.announces(next).filter(|at| *at > self.now);
            Some(announces.unwrap_or(next.start))
        };
        windows.filter_map(next).min()
    }
}

fn lease(window: &Window, instance: Instance) -> Lease {
    Lease {
        until: Until::At(instance.end),
        hold: SignedDuration::ZERO,
        ramp: window.ramp.clone(),
        every: window.every,
    }
}
