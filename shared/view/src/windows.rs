//! `windows`: which maintenance windows are open, and which open next.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use pointsman_core::{
    mode::Mode,
    names::WindowName,
    playbook::{Instance, Playbook, Window},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    value::{Effect, VERSION},
    words::Reader,
};

/// What `windows` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Windows {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// When it was asked.
    pub at: Timestamp,
    /// Whether it is the shadow's: nothing of it is written to Azure.
    pub shadow: bool,
    /// How many windows the playbook has.
    pub windows: usize,
    /// The times at which they are open: what is open now, and then what opens next, by when it opens.
    pub openings: Vec<Opening>,
}

/// A time at which a window is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Opening {
    /// Which window.
    pub window: String,
    /// When it opens.
    pub opens: Timestamp,
    /// The same by the clock in the window's own zone: `Sun 2026-12-06 02:00`.
    pub there: String,
    /// That zone: `Europe/Paris`.
    pub zone: String,
    /// When it closes.
    pub closes: Timestamp,
    /// Whether it is open now.
    pub open: bool,
    /// Whether it was skipped, or ended early.
    pub skipped: bool,
    /// Whether the window is in shadow: nothing of it is done.
    pub shadow: bool,
    /// What it does.
    #[serde(rename = "do")]
    pub does: Vec<Does>,
}

/// Which instances were skipped, by window: their starts.
#[derive(Clone, Debug, Default)]
pub struct Skipped(pub BTreeMap<WindowName, BTreeSet<Timestamp>>);

impl Skipped {
    /// Whether the instance that opens then was.
    #[must_use]
    pub fn has(&self, window: &WindowName, start: Timestamp) -> bool {
        self.0.get(window).is_some_and(|skipped| skipped.contains(&start))
    }
}

/// What `skip` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkippedInstance {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Whether it is the shadow's.
    pub shadow: bool,
    /// Which window.
    pub window: String,
    /// When it would have opened, or has opened.
    pub opens: Timestamp,
    /// When it would have closed.
    pub closes: Timestamp,
    /// Whether it was open, and ended early.
    pub was_open: bool,
}

/// What a window does to a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Does {
    /// The path of the backend.
    pub backend: String,
    /// The short name of that.
    pub name: String,
    /// What is done to it.
    pub effect: Effect,
}

impl Windows {
    /// What is open, and the next so many openings.
    #[must_use]
    pub fn of(playbook: &Playbook, skipped: &Skipped, next: usize, reader: &Reader) -> Self {
        let now = reader.now();
        let opening = |window: &Window, Instance { start, end }: Instance| {
            let zone = window.opens.zone();
            let does = window.effects.iter().map(|(_, backend, effect)| Does {
                backend: backend.to_string(),
                name: backend.short(),
                effect: Effect::from(effect),
            });
            Opening {
                window: window.name.to_string(),
                opens: start,
                there: start.to_zoned(zone.clone()).strftime("%a %F %H:%M").to_string(),
                zone: zone.iana_name().unwrap_or("UTC").to_owned(),
                closes: end,
                open: start <= now && now < end,
                skipped: skipped.has(&window.name, start),
                shadow: window.mode == Mode::Shadow,
                does: does.collect(),
            }
        };
        let (mut open, mut coming) = (Vec::new(), Vec::new());
        for window in &playbook.windows {
            let is_open = |last: &Instance| now < last.end;
            open.extend(window.last(now).filter(is_open).map(|last| opening(window, last)));
            let mut after = now;
            for _ in 0..next {
                let Some(instance) = window.next(after) else { break };
                after = instance.start;
                coming.push(opening(window, instance));
            }
        }
        coming.sort_by(|one, other| (one.opens, &one.window).cmp(&(other.opens, &other.window)));
        coming.truncate(next);
        open.append(&mut coming);
        Self {
            version: VERSION,
            at: now,
            shadow: reader.is_of_shadow(),
            windows: playbook.windows.len(),
            openings: open,
        }
    }
}
