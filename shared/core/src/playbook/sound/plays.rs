//! Plays: what each means, or what is wrong with it.

use std::{collections::BTreeMap, ops::Range};

use jiff::SignedDuration;

use super::{
    super::{
        AT_MOST_DEFAULT, Condition, EFFECTS_MAX, EffectTemplate, Play, RAMP_STEPS_MAX,
        RECONNECT_AFTER_MIN, RECONNECTS_MAX, Ramp, ReconnectTemplate, SPLIT_MEMBERS_MAX, Template,
        Until,
        decode::{At, Entries, clipped},
        nearest::{listed, meant},
        value, wire,
    },
    Declared, Reach, Reading,
};
use crate::{effect::WEIGHT_MAX, fraction::Fraction, names::BackendName};

impl Reading<'_> {
    pub(super) fn play(
        &mut self,
        wire: wire::Play,
        holder: &Range<usize>,
        declared: Option<&Declared>,
    ) -> Option<Play> {
        let wire::Play { name, when, effects, until, at_most, lasts, hold, ramp, after } = wire;
        let name = self.needed(name, holder, "name", "give the play a name");
        let name = name.and_then(|(at, text)| self.parsed(&text, &at));
        let help = "say which signals the play is for: `when: signal.labels.alertname == \"…\"`";
        let when = self.needed(when, holder, "when", help).and_then(|(at, text)| {
            let read = Condition::read(&text.0, &mut self.expressions);
            self.compiled(&text.0, &at, read)
        });
        let help = "say what the play does: `do: [{drain: {pool: …, member: …}}]`";
        let effects = self.needed(effects, holder, "do", help).map(|(at, effects)| {
            if effects.is_empty() {
                self.wrong(&at, "the play does nothing", help);
            }
            self.bounded(&at, effects.len(), EFFECTS_MAX, "effects");
            let read = |effect: At<_>| self.effect(effect.value?, declared);
            effects.into_iter().take(EFFECTS_MAX).map(read).collect::<Vec<_>>()
        });
        let (until, longest) = self.until(until, at_most, lasts);
        let hold = hold.and_then(|At { at, value }| {
            let hold = self.checked(&at, value::duration(&value?.0))?;
            if longest.is_some_and(|longest| hold > longest) {
                self.wrong(&at, "`hold` is longer than the play may last", "shorten it");
            }
            Some(hold)
        });
        let ramp = ramp.and_then(|At { at, value }| self.ramp(value?, &at));
        let first = effects.as_ref().and_then(|effects| effects.first()?.as_ref());
        let after = after.and_then(|At { at, value }| {
            let after = value?;
            self.bounded(&at, after.len(), RECONNECTS_MAX, "reconnects");
            let first = declared.zip(first).map(|(declared, first): (_, &EffectTemplate)| {
                (declared, declared.reach(first.pool()))
            });
            let read = |after: At<_>| self.after(after, first.as_ref());
            Some(after.into_iter().take(RECONNECTS_MAX).filter_map(read).collect())
        });
        Some(Play {
            name: name?,
            when: when?,
            effects: effects?.into_iter().collect::<Option<_>>()?,
            until: until?,
            hold: hold.unwrap_or_default(),
            ramp: ramp.unwrap_or_default(),
            after: after.unwrap_or_default(),
        })
    }

    /// When the play ends, and the longest that it lasts where that is known.
    fn until(
        &mut self,
        until: Option<At<wire::Until>>,
        at_most: Option<At<wire::Duration>>,
        lasts: Option<At<wire::Duration>>,
    ) -> (Option<Until>, Option<SignedDuration>) {
        if let Some(At { at, value }) = lasts {
            for (other, name) in [
                (until.map(|until| until.at), "until"),
                (at_most.map(|at_most| at_most.at), "atMost"),
            ] {
                if let Some(at) = other {
                    self.wrong(
                        &at,
                        format!("`{name}` and `for` exclude one another"),
                        "`for` alone says when the play ends: keep one of them",
                    );
                }
            }
            let lasts = value.and_then(|text| self.checked(&at, value::duration(&text.0)));
            return (lasts.map(Until::For), lasts);
        }
        // There is one thing that a play may last until, and it is the default.
        if let Some(At { at: _, value: Some(wire::Until::Resolved) | None }) = until {}
        let at_most = match at_most {
            None => Some(AT_MOST_DEFAULT),
            Some(At { at, value }) => {
                value.and_then(|text| self.checked(&at, value::duration(&text.0)))
            }
        };
        (at_most.map(|at_most| Until::Resolved { at_most }), at_most)
    }

    fn ramp(&mut self, wire: wire::Ramp, holder: &Range<usize>) -> Option<Ramp> {
        let wire::Ramp { steps, every } = wire;
        let every =
            self.needed(every, holder, "every", "say how long each step lasts: `every: 2m`");
        let every = every.and_then(|(at, text)| self.checked(&at, value::duration(&text.0)));
        let help = "say how much is given back at each step: `steps: [10%, 50%, 100%]`";
        let (at, steps) = self.needed(steps, holder, "steps", help)?;
        if steps.is_empty() {
            self.wrong(&at, "the ramp has no steps", help);
        }
        self.bounded(&at, steps.len(), RAMP_STEPS_MAX, "steps");
        let mut read: Vec<Fraction> = Vec::with_capacity(steps.len().min(RAMP_STEPS_MAX));
        for At { at, value } in steps.into_iter().take(RAMP_STEPS_MAX) {
            let Some(text) = value else { continue };
            let Some(step) = self.checked(&at, value::percent(&text.0)) else { continue };
            if step <= read.last().copied().unwrap_or(Fraction::NONE) {
                self.wrong(&at, format!("{step} gives back no more than the step before"), help);
            }
            read.push(step);
        }
        // The whole is given back where the ramp ends, written or not.
        if read.last() == Some(&Fraction::WHOLE) {
            read.pop();
        }
        let every = every?;
        // One that gives all back at once is none.
        Some(if read.is_empty() { Ramp::default() } else { Ramp { steps: read, every } })
    }

    fn effect(
        &mut self,
        wire: wire::Effect,
        declared: Option<&Declared>,
    ) -> Option<EffectTemplate> {
        match wire {
            wire::Effect::Drain(At { at, value }) => {
                let wire::Drain { pool, member } = value?;
                let pool = self.pool_name(pool, &at, declared);
                let member = self.member(member, &at);
                Some(EffectTemplate::Drain { pool: pool?, member: member? })
            }
            wire::Effect::Shift(At { at, value }) => self.shift(value?, &at, declared),
            wire::Effect::Promote(At { at, value }) => {
                let wire::Promote { pool, member, weight } = value?;
                let pool = self.pool_name(pool, &at, declared);
                let member = self.member(member, &at);
                let weight = match weight {
                    None => Some(None),
                    Some(At { at, value }) => value
                        .and_then(|weight| self.checked(&at, value::weight(weight, 1)))
                        .map(Some),
                };
                Some(EffectTemplate::Promote { pool: pool?, member: member?, weight: weight? })
            }
        }
    }

    fn shift(
        &mut self,
        wire: wire::Shift,
        holder: &Range<usize>,
        declared: Option<&Declared>,
    ) -> Option<EffectTemplate> {
        let wire::Shift { pool, member, to, split } = wire;
        let pool = self.pool_name(pool, holder, declared);
        let Some(split) = split else {
            if member.is_none() && to.is_none() {
                self.wrong(
                    holder,
                    "this shift does not say how much goes where",
                    "write `member: eu-1, to: 30%`, or `split: {eu-1: 20, us-1: 80}`",
                );
                return None;
            }
            let member = self.member(member, holder);
            let help = "say how much of its weight the member keeps: `to: 30%`";
            let to = self.needed(to, holder, "to", help);
            let to = to.and_then(|(at, text)| self.checked(&at, value::percent(&text.0)));
            return Some(EffectTemplate::Shift { pool: pool?, member: member?, to: to? });
        };
        for (other, name) in
            [(member.map(|member| member.at), "member"), (to.map(|to| to.at), "to")]
        {
            if let Some(at) = other {
                self.wrong(
                    &at,
                    format!("`{name}` and `split` exclude one another"),
                    "`split` names its members itself: keep one of the two",
                );
            }
        }
        let weights = self.split(split.value?, &split.at);
        Some(EffectTemplate::Split { pool: pool?, weights: weights? })
    }

    fn split(
        &mut self,
        entries: Entries<i64>,
        holder: &Range<usize>,
    ) -> Option<BTreeMap<BackendName, u8>> {
        self.bounded(holder, entries.0.len(), SPLIT_MEMBERS_MAX, "members");
        let (mut weights, mut whole) = (BTreeMap::new(), true);
        for (member, weight) in entries.0 {
            let name = member.value.and_then(|text| {
                if text.contains("${") {
                    let help = "name each member as it is; `${…}` works in `member`";
                    self.wrong(&member.at, "`split` takes no `${…}`", help);
                    return None;
                }
                self.parsed::<BackendName>(&text, &member.at)
            });
            let number =
                weight.value.and_then(|number| self.checked(&weight.at, value::weight(number, 0)));
            let Some((name, number)) = name.zip(number) else {
                whole = false;
                continue;
            };
            if weights.insert(name.clone(), number).is_some() {
                // Names without regard to case: the mapping's keys may still differ.
                let help = "Azure compares names without case: keep one of the two";
                self.wrong(&member.at, format!("`{name}` stands here twice"), help);
            }
        }
        if !whole {
            return None;
        }
        if weights.values().all(|weight| *weight == 0) {
            let help = format!("at least one weight must be 1 to {WEIGHT_MAX}");
            self.wrong(holder, "this split leaves no traffic to anyone", help);
        }
        Some(weights)
    }

    /// The pool of an effect: what the file shows that it can be must be declared, and what only a
    /// signal shows must be able to.
    fn pool_name(
        &mut self,
        field: Option<At<wire::PoolName>>,
        holder: &Range<usize>,
        declared: Option<&Declared>,
    ) -> Option<Template> {
        let (at, text) = self.needed(field, holder, "pool", "name one of the `pools`")?;
        let read = Template::read(&text.0, &mut self.expressions);
        let template = self.compiled(&text.0, &at, read)?;
        let pools = &declared?.pools;
        let known = pools.keys().map(String::as_str);
        let Some(names) = template.texts() else {
            if pools.keys().any(|name| template.could_be(name)) {
                return Some(template);
            }
            let message = format!("no pool has a name like `{}`", clipped(&text.0));
            self.wrong(&at, message, listed("pools", known));
            return None;
        };
        for name in names.iter().filter(|name| !pools.contains_key(*name)) {
            let message = format!("there is no pool `{}`", clipped(name));
            self.wrong(&at, message, meant(name, "pools", known.clone()));
        }
        // Of a pool that is wrong itself it has been said.
        names.iter().all(|name| pools.get(name).is_some_and(Option::is_some)).then_some(template)
    }

    fn member(
        &mut self,
        field: Option<At<wire::Member>>,
        holder: &Range<usize>,
    ) -> Option<Template> {
        let help = "name a member: `member: eu-1`, or `member: ${signal.labels.backend}`";
        let (at, text) = self.needed(field, holder, "member", help)?;
        self.template(&text.0, &at)
    }

    /// A text that will be a backend's name; checked here where no signal is needed to know it.
    fn template(&mut self, text: &str, at: &Range<usize>) -> Option<Template> {
        let read = Template::read(text, &mut self.expressions);
        let template = self.compiled(text, at, read)?;
        match template.fixed() {
            Some(name) => self.parsed::<BackendName>(name, at).map(|_| template),
            None => Some(template),
        }
    }

    fn after(
        &mut self,
        wire: At<wire::After>,
        first: Option<&(&Declared, Reach<'_>)>,
    ) -> Option<ReconnectTemplate> {
        let wire::After::Reconnect(At { at: holder, value }) = wire.value?;
        let wire::Reconnect { backend, after } = value?;
        if first.is_some_and(|(_, first)| first.shows(|pool| pool.backend.workspace.is_some())) {
            self.wrong(
                &holder,
                "a backend of a workspace cannot be reconnected",
                "Azure has Reconnect at service level only: remove it",
            );
        }
        let help = "name a member: `backend: ${signal.labels.backend}`";
        let backend = self.needed(backend, &holder, "backend", help);
        let backend = backend.and_then(|(at, text)| {
            let template = self.template(&text.0, &at)?;
            let name: Option<BackendName> = template.fixed().and_then(|name| name.parse().ok());
            if let Some((name, (declared, first))) = name.zip(first)
                && first
                    .shows(|pool| declared.backends.contains(&pool.backend.sibling(name.clone())))
            {
                self.wrong(
                    &at,
                    format!("`{name}` is a pool, and a pool cannot be reconnected"),
                    "name one of its members",
                );
            }
            Some(template)
        });
        let help = "say how long after the play: `after: PT5M`";
        let after = self.needed(after, &holder, "after", help).and_then(|(at, text)| {
            let after = self.checked(&at, value::duration(&text.0))?;
            if after < RECONNECT_AFTER_MIN {
                self.wrong(
                    &at,
                    format!("`{}` is too soon for a reconnect", clipped(&text.0)),
                    "Azure takes no less than PT2M",
                );
            }
            Some(after)
        });
        Some(ReconnectTemplate { backend: backend?, after: after? })
    }
}
