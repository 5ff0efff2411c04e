//! Windows: what each means, or what is wrong with it.

use std::{collections::HashMap, ops::Range};

use jiff::tz::TimeZone;

use super::{
    super::{
        bounds::{EFFECTS_MAX, WINDOWS_MAX},
        needed,
        play::EffectTemplate,
        play::On,
        reason::Reason,
        select::select,
        template::Template,
        window::{Schedule, Window},
        wire,
    },
    Declared, Reach, Reading,
    reconnects::Asker,
};
use crate::{
    effect::Effect,
    form::{At, PROBLEMS_MAX},
    names::BackendId,
};

impl Reading<'_> {
    pub(super) fn windows(
        &mut self,
        wire: Vec<At<wire::Window>>,
        declared: Option<&Declared>,
    ) -> Vec<Window> {
        let mut names = HashMap::new();
        let mut windows = Vec::with_capacity(wire.len().min(WINDOWS_MAX));
        for At { at, value } in wire.into_iter().take(WINDOWS_MAX) {
            if self.wrongs.len() >= PROBLEMS_MAX {
                break;
            }
            let Some(window) = value else { continue };
            self.is_new(&mut names, &window.name, "window");
            windows.extend(self.window(&At { at, value: Some(window) }, declared));
        }
        windows
    }

    fn window(
        &mut self,
        At { at: holder, value }: &At<wire::Window>,
        declared: Option<&Declared>,
    ) -> Option<Window> {
        let wire::Window { name, mode, cron, once, lasts, announce, effects, ramp, after } =
            value.clone()?;
        let lasts = lasts.given();
        let opens = match (cron, once) {
            (Some(cron), None) => self.again_and_again(cron.value),
            (None, Some(once)) => self.once(once.value),
            (Some(_), Some(once)) => {
                let help = "a window opens again and again, or once: keep one of the two";
                self.wrong(&once.at, "`cron` and `once` exclude one another", help);
                None
            }
            (None, None) => {
                let help = "write `cron: {dialect: unix, at: 0 2 * * 0, zone: Europe/Paris}`, or \
                            `once: {at: 2026-12-24T22:00, zone: Europe/Paris}`";
                self.wrong(holder, "this window does not say when it opens", help);
                None
            }
        };
        let effects = effects.value.map(|wire| {
            if wire.is_empty() {
                self.wrong(&effects.at, "the window does nothing", needed::EFFECTS);
            }
            self.bounded(&effects.at, wire.len(), EFFECTS_MAX, "effects");
            let read = self.effects(wire, declared, Asker::Window { lasts }).into_iter();
            let read: Vec<_> = read
                .map(|(at, template)| self.fixed_effect(&at, template.as_ref()?, declared))
                .collect();
            read.into_iter().enumerate().map(|(place, effects)| Some((place, effects?))).collect()
        });
        let ramp = ramp.and_then(|ramp| self.ramp(ramp.value?));
        let (ramp, every) = ramp.unwrap_or_default();
        let first = effects.as_ref().and_then(|effects: &Vec<_>| {
            let (_, selected): &(usize, Vec<_>) = effects.first()?.as_ref()?;
            selected.first().cloned()
        });
        let first = declared
            .zip(first.as_ref())
            .map(|(declared, (first, _))| (declared, Reach { all: vec![first], shown: true }));
        let after = after.map(|after| self.after_window(after, first.as_ref()));
        let effects: Option<Vec<_>> = effects.and_then(|read: Vec<Option<(usize, Vec<_>)>>| {
            let read: Option<Vec<_>> = read.into_iter().collect();
            let placed = read?.into_iter().flat_map(|(place, effects)| {
                let effects = effects.into_iter();
                effects.map(move |(backend, effect)| (place, backend, effect))
            });
            Some(placed.collect())
        });
        Some(Window {
            after: after.unwrap_or_default(),
            name: name.value?,
            mode: mode.and_then(|mode| mode.value).unwrap_or_default(),
            opens: opens?,
            lasts: lasts?,
            announce: announce.map_or(Some(None), |announce| announce.given().map(Some))?,
            effects: effects?,
            ramp,
            every,
        })
    }

    pub(super) fn zone(&mut self, At { at, value }: At<String>) -> Option<TimeZone> {
        crate::zone::zone(&value?).map_err(|wrong| self.said(&at, &wrong)).ok()
    }

    pub(super) fn again_and_again(&mut self, wire: Option<wire::Cron>) -> Option<Schedule> {
        let wire::Cron { dialect, at: At { at, value: text }, zone } = wire?;
        let zone = self.zone(zone);
        let (dialect, text) = (dialect.value?, text?);
        // What is wrong with it is said also where its zone is.
        let read = Schedule::cron(dialect, &text, zone.clone().unwrap_or(TimeZone::UTC));
        let schedule = read.map_err(|wrong| self.said(&at, &wrong)).ok()?;
        zone.map(|_| schedule)
    }

    pub(super) fn once(&mut self, wire: Option<wire::Once>) -> Option<Schedule> {
        let wire::Once { at, zone } = wire?;
        let zone = self.zone(zone)?;
        let place = at.at.clone();
        Schedule::once(at.given()?, &zone).map_err(|wrong| self.said(&place, &wrong)).ok()
    }

    /// What an effect does to which backends, where no signal says so.
    fn fixed_effect(
        &mut self,
        at: &Range<usize>,
        template: &EffectTemplate,
        declared: Option<&Declared>,
    ) -> Option<Vec<(BackendId, Effect)>> {
        let declared = declared?;
        let fixed =
            |template: &Template| template.fixed().map(str::to_owned).ok_or(Reason::Unlisted);
        let selected = match &template.on {
            On::One(on) if !template.effect.is_of_pool() => fixed(on).ok().and_then(|on| {
                let (_, single) = declared.singles.get(&on)?.as_ref()?;
                Some(vec![(&single.backend, template.effect.named(|_| Err(())).ok()?)])
            }),
            On::One(_) | On::EveryPool | On::MembersOf(_) => select(template, declared, fixed).ok(),
        };
        let Some(selected) = selected else {
            let help = "no signal opens a window: name the backend and the member as they are";
            self.wrong(at, "`${…}` cannot stand in a window", help);
            return None;
        };
        Some(selected.into_iter().map(|(backend, effect)| (backend.clone(), effect)).collect())
    }
}
