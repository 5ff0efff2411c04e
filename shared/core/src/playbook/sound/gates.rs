//! Gates: what each means, or what is wrong with it.

use std::{collections::HashMap, ops::Range};

use jiff::civil::Weekday;

use super::{
    super::{
        bounds::FREEZES_MAX,
        gates::{Budget, Freeze, Hours},
        window::Schedule,
        wire,
    },
    Reading,
};
use crate::form::{At, PROBLEMS_MAX};

impl Reading<'_> {
    pub(super) fn gates(&mut self, wire::Gates { freeze }: wire::Gates) -> Vec<Freeze> {
        let Some(At { at, value: Some(wire) }) = freeze else { return Vec::new() };
        self.bounded(&at, wire.len(), FREEZES_MAX, "freezes");
        let (mut names, mut freezes) = (HashMap::new(), Vec::new());
        for At { at, value } in wire.into_iter().take(FREEZES_MAX) {
            if self.wrongs.len() >= PROBLEMS_MAX {
                break;
            }
            let Some(freeze) = value else { continue };
            self.is_new(&mut names, &freeze.name, "freeze");
            freezes.extend(self.freeze(&at, freeze));
        }
        freezes
    }

    fn freeze(&mut self, holder: &Range<usize>, wire: wire::Freeze) -> Option<Freeze> {
        let wire::Freeze { name, from, to, zone, cron, lasts } = wire;
        if cron.is_none() && lasts.is_none() && from.is_none() && to.is_none() {
            let help = "write `from: 2026-12-20T00:00, to: 2027-01-02T00:00, zone: Europe/Paris`, or \
                        `cron: {dialect: unix, at: 0 0 1 */3 *, zone: UTC}, lasts: 24h`";
            self.wrong(holder, "this freeze does not say when it is on", help);
            return None;
        }
        if cron.is_some() || lasts.is_some() {
            let once = [(from.map(|it| it.at), "from"), (to.map(|it| it.at), "to")];
            let help = "a freeze is on again and again, or once: keep one of the two";
            self.excluded(once, if cron.is_some() { "cron" } else { "lasts" }, help);
            if let Some(zone) = zone {
                let help = "the zone stands within `cron`";
                self.wrong(&zone.at, "`zone` and `cron` exclude one another", help);
            }
            if cron.is_none() {
                let help =
                    "say when it begins: `cron: {dialect: unix, at: 0 0 1 */3 *, zone: UTC}`";
                self.wrong(holder, "`cron` is missing here", help);
            }
            if lasts.is_none() {
                self.wrong(
                    holder,
                    "`lasts` is missing here",
                    "say how long it is on: `lasts: 24h`",
                );
            }
            let begins = cron.and_then(|cron| self.again_and_again(cron.value));
            return Some(Freeze { name: name.value?, begins: begins?, lasts: lasts?.given()? });
        }
        for (is_missing, field, help) in [
            (from.is_none(), "from", "say when it begins: `from: 2026-12-20T00:00`"),
            (to.is_none(), "to", "say when it ends: `to: 2027-01-02T00:00`"),
            (
                zone.is_none(),
                "zone",
                "say where that is meant: `zone: Europe/Paris`, or `zone: UTC`",
            ),
        ] {
            if is_missing {
                self.wrong(holder, format!("`{field}` is missing here"), help);
            }
        }
        let (from, to, zone) = (from?, to?, zone?);
        let place = to.at.clone();
        let begins = self.once(Some(wire::Once { at: from, zone: zone.clone() }));
        let ends = self.once(Some(wire::Once { at: to, zone }));
        let (begins, ends) = (begins?, ends?);
        let (Schedule::Once(from), Schedule::Once(to)) = (&begins, &ends) else { return None };
        let lasts = to.timestamp().duration_since(from.timestamp());
        if !lasts.is_positive() {
            self.wrong(&place, "the freeze ends before it begins", "name a later time");
            return None;
        }
        Some(Freeze { name: name.value?, begins, lasts })
    }

    pub(super) fn hours(&mut self, wire: wire::Hours) -> Option<Hours> {
        let wire::Hours { days, from, to, zone } = wire;
        let days = days.map_or_else(
            || Some(Weekday::Monday.cycle_forward().take(7).collect()),
            |At { at, value }| {
                let days = value?;
                if days.is_empty() {
                    let help = "name days: `days: [mon, tue, wed, thu, fri]`, or leave it out";
                    self.wrong(&at, "the play begins on no day", help);
                }
                days.into_iter().map(|day| day.value.map(weekday)).collect()
            },
        );
        let zone = self.zone(zone);
        Some(Hours { days: days?, from: from.given()?, to: to.given()?, zone: zone? })
    }
}

pub(super) fn budget(wire::Budget { most, per }: wire::Budget) -> Option<Budget> {
    Some(Budget { most: most.given()?, per: per.given()? })
}

const fn weekday(day: wire::Day) -> Weekday {
    match day {
        wire::Day::Mon => Weekday::Monday,
        wire::Day::Tue => Weekday::Tuesday,
        wire::Day::Wed => Weekday::Wednesday,
        wire::Day::Thu => Weekday::Thursday,
        wire::Day::Fri => Weekday::Friday,
        wire::Day::Sat => Weekday::Saturday,
        wire::Day::Sun => Weekday::Sunday,
    }
}
