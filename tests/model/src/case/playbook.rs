//! A case's playbook, as its author would write it.

use std::{collections::BTreeMap, sync::Arc};

use pointsman_core::{effect::Effect as Does, pool::Pool};

use super::{Case, Effect, Opens, Play, Terms, When, Window};
use crate::{
    single,
    world::{Book, at, book},
};

impl Case {
    pub(crate) fn playbook(&self) -> Arc<Book> {
        let Terms { least_members, least_share, hold, null_weight, capacity, most_out, panic } =
            &self.terms;
        let names: Vec<String> = self
            .body
            .pool()
            .map_or(&[][..], Pool::members)
            .iter()
            .map(|one| one.name.to_string())
            .collect();
        let can_carry = |units: &[u32]| -> Vec<u32> {
            units.iter().copied().cycle().take(names.len()).collect()
        };
        let least_capacity = capacity.as_ref().map(|(units, percent)| {
            let whole: u32 = can_carry(units).iter().sum();
            format!("leastCapacity: {}", (whole * percent / 100).max(1))
        });
        let mut settings = String::new();
        let limits: Vec<String> = least_members
            .map(|count| format!("leastMembers: {count}"))
            .into_iter()
            .chain(least_share.map(|share| format!("leastShare: {share}%")))
            .chain(most_out.map(|most| format!("mostOut: {most}")))
            .chain(panic.map(|share| format!("panic: {share}%")))
            .chain(least_capacity)
            .collect();
        let is_pool = self.body.pool().is_some();
        if is_pool && !limits.is_empty() {
            settings += &format!(", limits: {{{}}}", limits.join(", "));
        }
        if is_pool && *hold {
            settings += ", failover: hold";
        }
        if let Some(weight) = null_weight.filter(|_| is_pool) {
            settings += &format!(", nullWeight: {weight}");
        }
        if let Some(most) = self.gates().writes {
            settings += &format!(", writesPerHour: {most}");
        }
        let plays: String =
            self.plays.iter().enumerate().map(|(place, play)| self.play(place, play)).collect();
        let windows = self.windows.iter().enumerate();
        let windows: String = windows.map(|(place, window)| self.window(place, window)).collect();
        let windows = if windows.is_empty() { windows } else { format!("windows:\n{windows}") };
        let freeze = |(place, (from, to)): (usize, &(i64, i64))| {
            let [from, to] = [from, to].map(|second| at(*second).strftime("%FT%T").to_string());
            format!("    - {{name: f{place}, from: {from}, to: {to}, zone: UTC}}\n")
        };
        let freezes: String = self.gates.freezes.iter().enumerate().map(freeze).collect();
        let freezes =
            if freezes.is_empty() { freezes } else { format!("gates:\n  freeze:\n{freezes}") };
        if self.in_workspace {
            settings += ", workspace: team";
        }
        if is_pool {
            let mut backends = String::new();
            if let Some((capacity, _)) = capacity {
                settings += &format!(", members: [{}]", names.join(", "));
                backends += "backends:\n";
                let place = if self.in_workspace { ", workspace: team" } else { "" };
                for (name, units) in names.iter().zip(can_carry(capacity)) {
                    backends += &format!("  {name}: {{service: main{place}, capacity: {units}}}\n");
                }
            }
            let pool = format!("  pool: {{service: main, backend: pool{settings}}}");
            return book(&format!("pools:\n{pool}\n{backends}plays:\n{plays}{windows}{freezes}"));
        }
        let single = format!("{}{settings}}}", single::ENTRY);
        book(&format!("pools: {{}}\nbackends:\n{single}\nplays:\n{plays}{windows}{freezes}"))
    }

    fn window(&self, place: usize, window: &Window) -> String {
        let opens = match window.opens {
            Opens::Once(seconds) => {
                let opens = at(seconds).strftime("%FT%T").to_string();
                format!("once: {{at: {opens}, zone: UTC}}")
            }
            Opens::Every(minutes) => {
                format!("cron: {{dialect: unix, at: \"*/{minutes} 3-4 1 3 *\", zone: UTC}}")
            }
        };
        let member = format!("member: {}", self.name(window.member));
        let mut text =
            format!("  - name: w{place}\n    {opens}\n    lasts: {}s\n    do:\n", window.lasts);
        text += &self.effect(&window.effect, &member, Some(window.lasts));
        if let Some((step, every)) = window.ramp {
            text += &format!("    ramp: {{steps: [{step}%], every: {every}s}}\n");
        }
        text
    }

    fn play(&self, place: usize, play: &Play) -> String {
        let mut text =
            format!("  - name: p{place}\n    when: signal.labels.play == \"{place}\"\n    do:\n");
        for effect in &play.effects {
            text += &self.effect(effect, "member: \"${signal.labels.backend}\"", None);
        }
        text += &if play.resolves {
            format!("    atMost: {}s\n", play.lasts)
        } else {
            format!("    for: {}s\n", play.lasts)
        };
        if let Some(drift) = play.drift {
            text += &format!("    drift: {drift}\n");
        }
        if let Some(hold) = play.hold {
            text += &format!("    hold: {hold}s\n");
        }
        text += &when(play);
        if !play.ramp.is_empty() {
            let steps: Vec<String> = play.ramp.iter().map(|step| format!("{step}%")).collect();
            text +=
                &format!("    ramp: {{steps: [{}], every: {}s}}\n", steps.join(", "), play.every);
        }
        if let Some((from, to)) = self.gates.hours.get(place).copied().flatten() {
            let [from, to] = [from, to].map(|second| at(second).strftime("%T").to_string());
            text += &format!("    hours: {{from: \"{from}\", to: \"{to}\", zone: UTC}}\n");
        }
        if let Some((most, per)) = self.gates.budgets.get(place).copied().flatten() {
            text += &format!("    budget: {{most: {most}, per: {per}s}}\n");
        }
        // A workspace has no reconnect.
        if let Some(after) = play.reconnect.filter(|_| !self.in_workspace) {
            text += &format!(
                "    after:\n      - reconnect: {{backend: \"${{signal.labels.backend}}\", after: {after}s}}\n"
            );
        }
        text
    }

    /// An effect of a play, or of a window that is open for so long.
    fn effect(&self, effect: &Effect, member: &str, window: Option<i64>) -> String {
        match effect {
            Effect::Drain => format!("      - drain: {{pool: pool, {member}}}\n"),
            Effect::Shift(to) => {
                format!("      - shift: {{pool: pool, {member}, to: {to}%}}\n")
            }
            Effect::Promote(None) => format!("      - promote: {{pool: pool, {member}}}\n"),
            Effect::Promote(Some(weight)) => {
                format!("      - promote: {{pool: pool, {member}, weight: {weight}}}\n")
            }
            Effect::Breaker(tighten) => single::line(&Does::Breaker(tighten.clone())),
            Effect::Set(properties) => single::line(&Does::Set(properties.clone())),
            // A workspace has none, and a window may be too short for one.
            Effect::Reconnect(_)
                if self.in_workspace || window.is_some_and(|lasts| lasts <= 120) =>
            {
                "      - breaker: {backend: one, count: 5}\n".to_owned()
            }
            Effect::Reconnect(after) => {
                let when = match window {
                    None => format!("after: {after}s"),
                    Some(lasts) if lasts > *after => format!("after: {after}s, every: 130s"),
                    Some(_) => "every: 120s".to_owned(),
                };
                format!("      - reconnect: {{backend: one, {when}}}\n")
            }
            Effect::Split(weights) => {
                let mut split: BTreeMap<String, u8> = weights
                    .iter()
                    .enumerate()
                    .map(|(member, weight)| (self.name(member).to_string(), *weight))
                    .collect();
                if split.values().all(|weight| *weight == 0) {
                    split.values_mut().for_each(|weight| *weight = 10);
                }
                let split: Vec<String> =
                    split.iter().map(|(name, weight)| format!("{name}: {weight}")).collect();
                format!("      - shift: {{pool: pool, split: {{{}}}}}\n", split.join(", "))
            }
        }
    }
}

/// What a play says of when it begins, in the words of the playbook.
fn when(play: &Play) -> String {
    let When { lasting, count, damping: _, unless, stale } = &play.when;
    let mut text = String::new();
    if let Some(lasting) = lasting {
        text += &format!("    lasting: {lasting}s\n");
    }
    if let Some((count, within)) = count {
        text += &format!("    count: {count}\n    within: {within}s\n");
    }
    if let Some(other) = unless {
        text += &format!("    unless: signal.labels.play == \"{other}\"\n");
    }
    if let Some(within) = play.damping() {
        text += &format!("    damping: {{within: {within}s, most: {}s}}\n", play.lasts);
    }
    if let (Some(after), true) = (stale, play.resolves)
        && *after < play.lasts
    {
        text += &format!("    stale: {{repeats: {}s, after: {after}s}}\n", after / 2);
    }
    text
}
