//! Plays: what each means, or what is wrong with it.

use std::{collections::BTreeMap, ops::Range};

use jiff::SignedDuration;

use super::{
    super::{
        bounds::{
            AT_MOST_DEFAULT, EFFECTS_MAX, RAMP_STEPS_MAX, SELECTED_DEFAULT, SPLIT_MEMBERS_MAX,
        },
        expression::Expression,
        kind::Wanted,
        needed,
        play::{Begins, EffectTemplate, On, Play},
        template::Template,
        value::{Duration, Expression as Condition, Member, Percent, Weight},
        wire,
    },
    Declared, Named, Reading, gates,
    reconnects::Asker,
    select::Selects,
};
use crate::{
    effect::{Effect, WEIGHT_MAX},
    form::{At, Entries, clipped, listed, meant},
    fraction::Fraction,
    lease::{Lease, Until},
    names::BackendName,
    shown::{SHOW_DEFAULT, SHOW_MAX},
};

impl Reading<'_> {
    pub(super) fn play(&mut self, wire: wire::Play, declared: Option<&Declared>) -> Option<Play> {
        let wire::Play {
            name,
            mode,
            when,
            unless,
            effects,
            until,
            at_most,
            stale,
            lasts,
            lasting,
            count,
            within,
            hold,
            damping,
            ramp,
            hours,
            budget,
            drift,
            after,
            show,
        } = wire;
        let when = self.condition(when);
        let unless = unless.and_then(|unless| self.condition(unless));
        let lasts_at = lasts.as_ref().map(|lasts| lasts.at.clone());
        let until = self.until(until, at_most, lasts);
        let longest = until.and_then(|until| match until {
            Until::For(longest) | Until::Resolved { at_most: longest } => Some(longest),
            Until::At(_) => None,
        });
        let effects = effects.value.map(|wire| {
            if wire.is_empty() {
                self.wrong(&effects.at, "the play does nothing", needed::EFFECTS);
            }
            self.bounded(&effects.at, wire.len(), EFFECTS_MAX, "effects");
            let effects = self.effects(wire, declared, Asker::Play { longest });
            effects.into_iter().map(|(_, effect)| effect).collect::<Vec<_>>()
        });
        let begins = Begins { unless, ..self.begins(until, lasting, count, within) };
        let stale = stale.and_then(|stale| self.stale(stale, until, lasts_at.as_ref()));
        let damping = damping.and_then(|damping| {
            let hold = hold.as_ref().map(|hold| hold.value.as_ref().map(|Duration(hold)| *hold));
            self.damping(damping, until, hold, lasts_at.as_ref())
        });
        let hold = hold.and_then(|At { at, value }| {
            let Duration(hold) = value?;
            if longest.is_some_and(|longest| hold > longest) {
                self.wrong(&at, "`hold` is longer than the play may last", "shorten it");
            }
            Some(hold)
        });
        let ramp = ramp.and_then(|ramp| self.ramp(ramp.value?));
        let (ramp, every) = ramp.unwrap_or_default();
        let first = effects.as_ref().and_then(|effects| effects.first()?.as_ref());
        let first = declared.zip(first).map(|(declared, first)| (declared, declared.reach(first)));
        let after = after.map(|after| self.after(after, first.as_ref())).unwrap_or_default();
        let hours = hours.map_or(Some(None), |hours| self.hours(hours.value?).map(Some));
        let budget = budget.map_or(Some(None), |budget| gates::budget(budget.value?).map(Some));
        let show = show.map_or_else(
            || Some(SHOW_DEFAULT.map(str::to_owned).into()),
            |At { at, value }| {
                let names = value?;
                self.bounded(&at, names.len(), SHOW_MAX, "labels");
                names.into_iter().take(SHOW_MAX).map(At::given).collect()
            },
        );
        Some(Play {
            name: name.value?,
            mode: mode.and_then(|mode| mode.value).unwrap_or_default(),
            when: when?,
            effects: effects?.into_iter().collect::<Option<_>>()?,
            begins,
            lease: Lease { until: until?, hold: hold.unwrap_or_default(), ramp, every },
            hours: hours?,
            budget: budget?,
            damping,
            stale,
            drift: drift.and_then(|drift| drift.value).unwrap_or_default(),
            after,
            show: show?,
        })
    }

    /// A condition over a signal.
    fn condition(&mut self, At { at, value }: At<Condition>) -> Option<Expression> {
        let Condition(text) = value?;
        self.compiled(&text, &at, |text, known| known.read(text, Wanted::Truth))
    }

    /// Says of each field that stands beside `other` that the two exclude one another.
    pub(super) fn excluded(
        &mut self,
        fields: [(Option<Range<usize>>, &str); 2],
        other: &str,
        help: &str,
    ) {
        for (at, name) in fields {
            if let Some(at) = at {
                self.wrong(&at, format!("`{name}` and `{other}` exclude one another"), help);
            }
        }
    }

    fn until(
        &mut self,
        until: Option<At<wire::Until>>,
        at_most: Option<At<Duration>>,
        lasts: Option<At<Duration>>,
    ) -> Option<Until> {
        if let Some(lasts) = lasts {
            let until = (until.map(|until| until.at), "until");
            let at_most = (at_most.map(|at_most| at_most.at), "atMost");
            let help = "`for` alone says when the play ends: keep one of them";
            self.excluded([until, at_most], "for", help);
            return lasts.given().map(Until::For);
        }
        // There is one thing that a play may last until, and it is the default.
        if let Some(At { at: _, value: Some(wire::Until::Resolved) | None }) = until {}
        let at_most = at_most.map_or(Some(AT_MOST_DEFAULT), At::given)?;
        Some(Until::Resolved { at_most })
    }

    /// The steps of a ramp, and how long each lasts.
    pub(super) fn ramp(&mut self, wire: wire::Ramp) -> Option<(Vec<Fraction>, SignedDuration)> {
        let wire::Ramp { steps: At { at, value }, every } = wire;
        let steps = value?;
        if steps.is_empty() {
            self.wrong(&at, "the ramp has no steps", needed::STEPS);
        }
        self.bounded(&at, steps.len(), RAMP_STEPS_MAX, "steps");
        let mut read: Vec<Fraction> = Vec::with_capacity(steps.len().min(RAMP_STEPS_MAX));
        for At { at, value } in steps.into_iter().take(RAMP_STEPS_MAX) {
            let Some(Percent(step)) = value else { continue };
            if step <= read.last().copied().unwrap_or(Fraction::NONE) {
                let message = format!("{step} gives back no more than the step before");
                self.wrong(&at, message, needed::STEPS);
            }
            read.push(step);
        }
        // The whole is given back where the ramp ends, written or not.
        read.pop_if(|last| *last == Fraction::WHOLE);
        let every = every.given()?;
        // One that gives all back at once is none.
        Some(if read.is_empty() { (read, SignedDuration::ZERO) } else { (read, every) })
    }

    /// What the effects do, each with where it stands, in the order of the file. Who joins a pool comes after
    /// all of them, so that the ids of the others stay as they are.
    pub(super) fn effects(
        &mut self,
        wire: Vec<At<wire::Effect>>,
        declared: Option<&Declared>,
        asker: Asker,
    ) -> Vec<(Range<usize>, Option<EffectTemplate>)> {
        let mut joins = Vec::new();
        let mut effects = Vec::with_capacity(wire.len().min(EFFECTS_MAX));
        for At { at, value } in wire.into_iter().take(EFFECTS_MAX) {
            let effect = match value {
                Some(wire::Effect::Ensure(At { at: holder, value })) => value.and_then(|wire| {
                    let (ensure, join) = self.ensure(wire, &holder, declared?)?;
                    joins.extend(join.map(|join| (at.clone(), Some(join))));
                    Some(ensure)
                }),
                Some(wire) => {
                    let wire = At { at: at.clone(), value: Some(wire) };
                    self.effect(wire, declared, asker)
                }
                None => None,
            };
            effects.push((at, effect));
        }
        effects.extend(joins);
        effects
    }

    fn effect(
        &mut self,
        At { at: holder, value }: At<wire::Effect>,
        declared: Option<&Declared>,
        asker: Asker,
    ) -> Option<EffectTemplate> {
        let (on, effect) = match value? {
            wire::Effect::Drain(At { at, value }) => {
                let wire::Drain { pool, pools, member, tags, host, most } = value?;
                let selects = Selects { pool, pools, member, tags, host, most };
                return self.selected(selects, &at, declared, |member| {
                    Some(Effect::Drain { member: member? })
                });
            }
            wire::Effect::Shift(At { at, value }) => {
                let wire::Shift { pool, pools, member, tags, host, most, to, split } = value?;
                let selects = Selects { pool, pools, member, tags, host, most };
                return self.shift(&at, selects, to, split, declared);
            }
            wire::Effect::Promote(At { at, value }) => {
                let wire::Promote { pool, pools, member, tags, host, most, weight } = value?;
                let selects = Selects { pool, pools, member, tags, host, most };
                let weight = weight.and_then(At::given);
                return self.selected(selects, &at, declared, |member| {
                    Some(Effect::Promote { member: member?, weight })
                });
            }
            wire::Effect::Breaker(At { at, value }) => self.breaker(value?, &at, declared),
            wire::Effect::Set(At { at, value }) => {
                let (backend, effect) = self.set(value?, &at, declared);
                (self.declared(backend, "backend", &declared?.singles).map(On::One), effect)
            }
            wire::Effect::Ensure(_) => return None,
            wire::Effect::Reconnect(At { at, value }) => {
                let (backend, effect) = self.reconnect(value?, &at, asker);
                let backend_at = backend.at.clone();
                let backend = self.declared(backend, "backend", &declared?.singles);
                let (on, most) = (On::One(backend?), SELECTED_DEFAULT);
                let template = EffectTemplate { on, effect: effect?, most };
                self.not_of_workspace(&backend_at, Some(&declared?.reach(&template)));
                return Some(template);
            }
        };
        let template = EffectTemplate { on: on?, effect: effect?, most: SELECTED_DEFAULT };
        match &template.on {
            On::MembersOf(_) => self.may_come_to(&template, &holder, declared?).then_some(template),
            On::One(_) | On::EveryPool => Some(template),
        }
    }

    fn shift(
        &mut self,
        holder: &Range<usize>,
        selects: Selects,
        to: Option<At<Percent>>,
        split: Option<At<Entries<Weight>>>,
        declared: Option<&Declared>,
    ) -> Option<EffectTemplate> {
        if let Some(split) = split {
            let Selects { pool, pools, member, tags, host, most: _ } = selects;
            let help = "`split` names its members itself: keep one of the two";
            self.excluded(
                [(member.map(|it| it.at), "member"), (to.map(|it| it.at), "to")],
                "split",
                help,
            );
            self.excluded(
                [(tags.map(|it| it.at), "tags"), (host.map(|it| it.at), "host")],
                "split",
                help,
            );
            let help = "a split is of one pool: name it with `pool`";
            self.excluded([(pools.map(|it| it.at), "pools"), (None, "")], "split", help);
            if pool.is_none() {
                self.wrong(holder, "`pool` is missing here", needed::POOL);
            }
            let on = declared
                .zip(pool)
                .and_then(|(declared, pool)| self.declared(pool, "pool", &declared.pools));
            let weights = self.split(split.value?, &split.at)?;
            let (on, effect) = (On::One(on?), Effect::Split { weights });
            return Some(EffectTemplate { on, effect, most: SELECTED_DEFAULT });
        }
        let says_whom =
            selects.member.is_some() || selects.tags.is_some() || selects.host.is_some();
        if !says_whom && to.is_none() {
            self.wrong(
                holder,
                "this shift does not say how much goes where",
                "write `member: eu-1, to: 30%`, or `split: {eu-1: 20, us-1: 80}`",
            );
            return None;
        }
        if to.is_none() {
            self.wrong(holder, "`to` is missing here", needed::TO);
        }
        let to = to.and_then(At::given);
        self.selected(selects, holder, declared, |member| {
            Some(Effect::Shift { member: member?, to: to? })
        })
    }

    fn split(
        &mut self,
        Entries(entries): Entries<Weight>,
        holder: &Range<usize>,
    ) -> Option<BTreeMap<BackendName, u8>> {
        self.bounded(holder, entries.len(), SPLIT_MEMBERS_MAX, "members");
        let (mut weights, mut whole) = (BTreeMap::new(), true);
        for (At { at, value }, weight) in entries {
            let name = value.and_then(|text| {
                if text.contains("${") {
                    let help = "name each member as it is; `${…}` works in `member`";
                    self.wrong(&at, "`split` takes no `${…}`", help);
                    return None;
                }
                self.parsed::<BackendName>(&text, &at)
            });
            let Some((name, weight)) = name.zip(weight.given()) else {
                whole = false;
                continue;
            };
            if weights.insert(name.clone(), weight).is_some() {
                // Names without regard to case: the mapping's keys may still differ.
                let help = "Azure compares names without case: keep one of the two";
                self.wrong(&at, format!("`{name}` stands here twice"), help);
            }
        }
        if whole && weights.values().all(|weight| *weight == 0) {
            let help = format!("at least one weight must be 1 to {WEIGHT_MAX}");
            self.wrong(holder, "this split leaves no traffic to anyone", help);
        }
        whole.then_some(weights)
    }

    /// The pool or the Single of an effect: what the file shows that it can be must be declared, and what
    /// only a signal shows must be able to.
    pub(super) fn declared<K, T>(
        &mut self,
        At { at, value }: At<impl Into<String>>,
        what: &str,
        known: &Named<K, T>,
    ) -> Option<Template> {
        let text: String = value?.into();
        let template = self.compiled(&text, &at, Template::read)?;
        let (all, names) = (format!("{what}s"), || known.keys().map(String::as_str));
        let Some(texts) = template.texts() else {
            if known.keys().any(|name| template.could_be(name)) {
                return Some(template);
            }
            let message = format!("no {what} has a name like `{}`", clipped(&text));
            self.wrong(&at, message, listed(&all, names()));
            return None;
        };
        for name in texts.iter().filter(|name| !known.contains_key(*name)) {
            let message = format!("there is no {what} `{}`", clipped(name));
            self.wrong(&at, message, meant(name, &all, names()));
        }
        // Of one that is wrong itself it has been said.
        texts.iter().all(|name| known.get(name).is_some_and(Option::is_some)).then_some(template)
    }

    /// A text that will be a backend's name; checked here where no signal is needed to know it.
    pub(super) fn member(&mut self, At { at, value }: At<Member>) -> Option<Template> {
        let template = self.compiled(&value?.0, &at, Template::read)?;
        match template.fixed() {
            Some(name) => self.parsed::<BackendName>(name, &at).map(|_| template),
            None => Some(template),
        }
    }
}
