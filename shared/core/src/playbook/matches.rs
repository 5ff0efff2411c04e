//! Which plays a signal is for, with their effects filled in.
//!
//! Deterministic: the same playbook and signal give the same matches, whenever and wherever it is
//! asked. A play matches whole or not at all: with one effect that cannot be filled in, none of
//! its effects is done, since half of a play (the drain without the promotion beside it) is
//! not what its author wrote. Only a reconnect that cannot be filled in is left out by itself:
//! it comes when all is over, and must not keep traffic on a broken member now. Either way the
//! failure is told.

use super::{
    book::Playbook,
    expression::Scene,
    play::{On, Play, Whom},
    reason::Reason,
    select::select,
    template::Template,
};
use crate::{
    claim::Claim,
    effect::Effect,
    form::{clipped, listed},
    id::OverrideId,
    names::{BackendAlias, BackendId, BackendName, PlayName},
    reconnect::After,
    shown::{SHOW_DEFAULT, Shown},
    signal::Signal,
};

/// Which plays a signal is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches<'a> {
    /// The plays that are for it, in the order of the file.
    pub matched: Vec<Matched<'a>>,
    /// What could not be decided or filled in; the other plays stand.
    pub failed: Vec<Failure>,
}

/// A play matched by a signal, with every `${...}` of it resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The play.
    pub play: &'a Play,
    /// Its effects, in the order of the file: the place there, the backend, and what is done to it.
    pub effects: Vec<(usize, &'a BackendId, Effect)>,
    /// The reconnects that follow when the play is over.
    pub after: Vec<After>,
}

/// Something in a play that this signal could not decide or fill in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("play `{play}`, {place}: {reason}")]
pub struct Failure {
    /// Which play.
    pub play: PlayName,
    /// Where in it, such as `do[0].drain.member`.
    pub place: String,
    /// Why.
    pub reason: Reason,
}

impl Playbook {
    /// Says which plays are for `signal`, whether it fires or has ended.
    ///
    /// A `when` that asks for a label which the signal does not have does not match: conditions
    /// are written for the alerts that carry their labels, and every other alert passes by them
    /// too. What else goes wrong in a condition that may hold is a [`Failure`].
    #[must_use]
    pub fn plays_for(&self, signal: &Signal) -> Matches<'_> {
        let scene = Scene::of(signal);
        let mut matches = Matches::default();
        for play in self.plays_by_when(signal) {
            match play.when.holds(&scene) {
                Ok(false) => {}
                Ok(true) => self.fill(play, &scene, &mut matches),
                Err(fault) => matches.failed.push(failure(play, "when".to_owned(), fault.into())),
            }
        }
        matches
    }

    /// What an alert is in its own words, as the first of the plays that are for it shows it.
    #[must_use]
    pub fn shown(&self, signal: &Signal) -> Shown {
        let plays = self.plays_for(signal);
        let failed = plays.failed.first().and_then(|failure| self.play(&failure.play));
        match plays.matched.first().map(|matched| matched.play).or(failed) {
            Some(play) => play.shown(signal),
            None => Shown::of(SHOW_DEFAULT, signal),
        }
    }

    /// The overrides that `signal` asks for of plays that look back at what asked before.
    #[must_use]
    pub fn looked_back_at(&self, signal: &Signal) -> Vec<(BackendId, OverrideId)> {
        let mut plays = self.plays_by_when(signal).filter(|play| play.looks_back()).peekable();
        if plays.peek().is_none() {
            return Vec::new();
        }
        let scene = Scene::of(signal);
        let mut matches = Matches::default();
        let asked = plays.filter(|play| play.when.holds(&scene).unwrap_or(false));
        asked.for_each(|play| self.fill(play, &scene, &mut matches));
        let ids = matches.matched.iter().flat_map(|matched| {
            let effects = matched.effects.iter();
            effects.map(|(place, backend, effect)| {
                let id = Claim::id(&matched.play.name, *place, backend, effect);
                ((*backend).clone(), id)
            })
        });
        ids.collect()
    }

    /// The plays of which nothing begins while `signal` is on, and what could not be decided of that.
    #[must_use]
    pub fn kept_back_by(&self, signal: &Signal) -> (Vec<&PlayName>, Vec<Failure>) {
        let (mut kept, mut failed) = (Vec::new(), Vec::new());
        let mut plays = self.plays_by_unless(signal).peekable();
        if plays.peek().is_none() {
            return (kept, failed);
        }
        let scene = Scene::of(signal);
        for (play, unless) in plays {
            match unless.holds(&scene) {
                Ok(false) => {}
                Ok(true) => kept.push(&play.name),
                Err(fault) => failed.push(failure(play, "unless".to_owned(), fault.into())),
            }
        }
        (kept, failed)
    }

    fn fill<'a>(&'a self, play: &'a Play, scene: &Scene, matches: &mut Matches<'a>) {
        let (mut effects, failed) = (Vec::with_capacity(play.effects.len()), matches.failed.len());
        for (at, template) in play.effects.iter().enumerate() {
            let selected = match &template.on {
                On::One(alias) if !template.effect.is_of_pool() => self
                    .single_named(alias, &template.effect, scene)
                    .map_err(|why| ("backend", why)),
                On::One(_) | On::EveryPool | On::MembersOf(_) => {
                    select(template, self, |template| Ok(template.fill(scene)?))
                }
            };
            match selected {
                Ok(selected) => {
                    let selected = selected.into_iter();
                    effects.extend(selected.map(|(backend, effect)| (at, backend, effect)));
                }
                Err((field, reason)) => {
                    let place = format!("do[{at}].{}.{field}", template.effect.keyword());
                    matches.failed.push(failure(play, place, reason));
                }
            }
        }
        if matches.failed.len() > failed {
            return;
        }
        let Some((_, first, _)) = effects.first() else { return };
        let mut after = Vec::with_capacity(play.after.len());
        for (at, reconnect) in play.after.iter().enumerate() {
            let backend = name(&reconnect.backend, scene).map(|name| first.sibling(name)).and_then(
                |backend| match self.pool_of(&backend) {
                    None if backend.workspace.is_none() => Ok(backend),
                    None => Err(Reason::ReconnectsWorkspace(Box::new(backend))),
                    Some(_) => Err(Reason::ReconnectsPool(Box::new(backend))),
                },
            );
            match backend {
                Ok(backend) => after.push(After { reconnect: backend, due: reconnect.due.clone() }),
                Err(reason) => {
                    let place = format!("after[{at}].reconnect.backend");
                    matches.failed.push(failure(play, place, reason));
                }
            }
        }
        matches.matched.push(Matched { play, effects, after });
    }

    /// The Single of the name that a template gives, where the effect may be done to it.
    fn single_named(
        &self,
        alias: &Template,
        effect: &Effect<Whom>,
        scene: &Scene,
    ) -> Result<Vec<(&BackendId, Effect)>, Reason> {
        let name = alias.fill(scene)?;
        let known = name.parse().ok().and_then(|alias: BackendAlias| self.backends.get(&alias));
        let single = known.ok_or_else(|| Reason::NoSingle {
            name: clipped(&name),
            backends: listed("backends", self.backends.keys().map(BackendAlias::as_str)),
        })?;
        if let Effect::Set(properties) = effect
            && let Some(property) = properties.keys().find(|one| !single.may.contains(one))
        {
            return Err(Reason::MayNot { name: clipped(&name), property: *property });
        }
        if matches!(effect, Effect::Reconnect(_)) && single.backend.workspace.is_some() {
            return Err(Reason::ReconnectsWorkspace(Box::new(single.backend.clone())));
        }
        let effect = effect.named(|_| Err(Reason::Unlisted))?;
        Ok(vec![(&single.backend, effect)])
    }
}

fn name(template: &Template, scene: &Scene) -> Result<BackendName, Reason> {
    Ok(template.fill(scene)?.parse()?)
}

fn failure(play: &Play, place: String, reason: Reason) -> Failure {
    Failure { play: play.name.clone(), place, reason }
}
