//! `--hold`: an HTTP interface to the members' servers, to break and heal them, or have them falter.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path as UrlPath, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    screen::{BAD, GOOD, Screen},
    site::{FALTERS_EVERY, Health, Site},
    world::World,
};

/// What the interface needs.
type Door = (Arc<World>, Screen);

/// `POST /members/NAME/break`, and so with `falter` and `heal`; `GET /members`.
pub(super) fn router(world: &Arc<World>, screen: &Screen) -> Router {
    let door: Door = (Arc::clone(world), screen.clone());
    Router::new()
        .route("/members", get(members))
        .route("/members/{name}/{what}", post(turn))
        .fallback(|| async {
            refused("there are only GET /members and POST /members/NAME/{break,falter,heal}")
        })
        .with_state(door)
}

fn refused(why: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"error": why}))).into_response()
}

async fn members(State((world, _)): State<Door>) -> Json<Value> {
    let one = |site: &Site| json!({"name": site.backend, "pool": site.side.name(), "health": site.health()});
    Json(world.sites.iter().map(one).collect())
}

async fn turn(
    State((world, screen)): State<Door>,
    UrlPath((name, what)): UrlPath<(String, String)>,
) -> Response {
    let Some(site) = world.site(&name) else {
        let names: Vec<&str> = world.sites.iter().map(|site| site.backend.as_str()).collect();
        return refused(&format!("there is no member {name}; there are {}", names.join(", ")));
    };
    let (health, style, answers) = match what.as_str() {
        "break" => (Health::Fails, BAD, "answers 500 from now on".to_owned()),
        "falter" => (Health::Falters, BAD, format!("fails 1 request in {FALTERS_EVERY}")),
        "heal" => (Health::Well, GOOD, "answers 200 again".to_owned()),
        _ => return refused("a member can be told to break, to falter or to heal"),
    };
    world.turn(site, health);
    screen.say(style, format!("{what:<10}{} {answers}", site.backend));
    Json(json!({"name": site.backend, "health": health})).into_response()
}
