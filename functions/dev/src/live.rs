//! Keeps the live table drawn.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use jiff::Timestamp;
use pointsman_core::{
    document::{Document, Outcome},
    effect::Effect,
    lay,
    names::BackendId,
    origin::Origin,
    overrides::{Life, Override, Standing},
};
use pointsman_engine::ports::Store;
use pointsman_view as view;

use super::{
    screen::Screen,
    table::{self, DRAW_EVERY, Meter},
    world::World,
};

/// Draws until it is dropped.
pub(super) async fn draw(
    world: Arc<World>,
    store: Arc<dyn Store>,
    theirs: Vec<BackendId>,
    screen: Screen,
) {
    let mut meter = Meter::default();
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    loop {
        ticks.tick().await;
        meter.take(Instant::now(), world.counted());
        let now = Timestamp::now();
        let mut standings = BTreeMap::new();
        for backend in &theirs {
            // Who needs the store says that it cannot be read; the table goes on without it.
            if let Ok(Some(document)) = store.document(backend).await {
                standings.extend(standings_in(&document.body, now));
            }
        }
        let rows = table::rows(&world, &meter, &standings, now);
        screen.draw(&table::frame(&rows, &meter));
    }
}

/// What Pointsman has in mind with each member, by the member's name in Azure.
fn standings_in(document: &Document, now: Timestamp) -> BTreeMap<String, String> {
    let mut standings = BTreeMap::new();
    for reconnect in document.reconnects.values() {
        if let Some(Outcome::Accepted { due, .. }) = reconnect.outcome
            && due > now
        {
            let left = view::length(due.duration_since(now));
            standings
                .insert(reconnect.target.name.to_string(), format!("serves; reconnects in {left}"));
        }
    }
    for over in document.overrides.values() {
        let text = standing(document, over, now);
        let mut members = view::Effect::from(&over.effect).members;
        if members.is_empty() {
            members.push(document.backend.name.to_string());
        }
        standings.extend(members.into_iter().map(|member| (member, text.clone())));
    }
    standings
}

fn standing(document: &Document, over: &Override, now: Timestamp) -> String {
    match (&over.life, &over.standing) {
        (Life::Begun { at, .. }, Standing::Admitted | Standing::Unseen) => {
            let verb = match over.effect {
                Effect::Drain { .. } => "drained",
                Effect::Shift { .. } | Effect::Split { .. } => "shifted",
                Effect::Promote { .. } => "promoted",
                Effect::Breaker(_) => return "breaker tightened".to_owned(),
                Effect::Set(_) => "set otherwise",
                Effect::Ensure(_) => "made",
                Effect::Join { .. } => "added",
                Effect::Reconnect(_) => "to be reconnected",
            };
            let said = format!("{verb} for {}", view::length(now.duration_since(*at)));
            match &over.origin {
                Origin::Window { window } => format!("window {window}: {said}"),
                Origin::Alert { .. } | Origin::Operator => said,
            }
        }
        (Life::Ended { steps, .. }, _) if !steps.is_empty() => {
            format!("serves again: {} given back", over.lease.given_back(steps.len() - 1))
        }
        (Life::Claimed { .. } | Life::Begun { .. } | Life::Ended { .. }, _) => {
            let reader = view::Reader::utc(now);
            view::Standing::of(document, &lay::Laid::default(), over, &reader).says
        }
    }
}
