//! `--hold`: an HTTP interface to the members' servers, and what to try while everything is up.

use std::{path::Path, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path as UrlPath, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    functions::{FAULT_FILE, FOREIGN_FILE, SIGNAL_FILE},
    prometheus::Pages,
    screen::{Screen, Tone},
    world::{Site, World},
};

/// What the interface needs.
type Door = (Arc<World>, Screen);

/// `POST /members/NAME/break`, `POST /members/NAME/heal`, `GET /members`.
pub(super) fn router(world: &Arc<World>, screen: &Screen) -> Router {
    let door: Door = (Arc::clone(world), screen.clone());
    Router::new()
        .route("/members", get(members))
        .route("/members/{name}/{what}", post(turn))
        .fallback(|| async {
            refused("there are only GET /members and POST /members/NAME/{break,heal}")
        })
        .with_state(door)
}

fn refused(why: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"error": why}))).into_response()
}

async fn members(State((world, _)): State<Door>) -> Json<Value> {
    let one = |site: &Site| json!({"name": site.backend, "pool": site.side.name(), "failing": site.is_failing()});
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
    let (failing, tone, answers) = match what.as_str() {
        "break" => (true, Tone::Bad, "answers 500 from now on"),
        "heal" => (false, Tone::Good, "answers 200 again"),
        _ => return refused("a member can be told to break or to heal"),
    };
    world.turn(site, failing);
    screen.say(tone, format!("{what:<10}{} {answers}", site.backend));
    Json(json!({"name": site.backend, "failing": site.is_failing()})).into_response()
}

/// Where things are.
pub(super) struct Places<'a> {
    /// The folder of the program that runs.
    pub(super) program: &'a Path,
    /// The folder of the configuration, and of files to try things with.
    pub(super) folder: &'a Path,
    pub(super) door: &'a str,
    pub(super) gateway: &'a str,
    pub(super) azure: &'a str,
    pub(super) functions: &'a str,
    /// Where Prometheus and Alertmanager are, if they watch.
    pub(super) pages: Option<&'a Pages>,
}

/// What to try, as lines that can be copied into another terminal.
pub(super) fn hints(places: &Places<'_>) -> String {
    let Places { door, gateway, azure, functions, .. } = places;
    let (program, folder) = (places.program.display(), places.folder.display());
    let pages = places.pages.map(|Pages { prometheus, alertmanager }| {
        format!(
            "
  # In a browser: Prometheus and Alertmanager.
  {prometheus}/alerts
  {alertmanager}/#/alerts
"
        )
    });
    format!(
        "
Everything stays up until ctrl-c. In another terminal:

  cd {folder}
  PATH={program}:$PATH

  # Break a member, see it drained, and heal it. Break a second one: a limit holds that back.
  curl -X POST {door}/members/helped-us/break
  curl -X POST {door}/members/helped-us/heal

  # Ask what is in force and why, what was done, and what an alert would do.
  pointsman status
  pointsman explain helped
  pointsman history helped
  pointsman plan --signal {SIGNAL_FILE}

  # Take over.
  pointsman pause --reason 'let me look'
  pointsman resume
  pointsman undo helped --reason 'I know better'

  # Make it hard: write to Azure behind its back, or have Azure ask it to wait; then break a member.
  curl -X PUT {azure}/emulator/backends/helped -d @{FOREIGN_FILE}
  curl -X POST {azure}/emulator/faults -d @{FAULT_FILE}

  # Watch.
  curl {gateway}/helped/chat/completions
  curl {gateway}/metrics
  curl {azure}/emulator/requests?backend=helped
  curl {functions}/health/ready
{}",
        pages.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn places<'a>(pages: Option<&'a Pages>) -> Places<'a> {
        Places {
            program: Path::new("/src/target/debug"),
            folder: Path::new("/tmp/dev"),
            door: "http://127.0.0.1:1001",
            gateway: "http://127.0.0.1:1002",
            azure: "http://127.0.0.1:1003",
            functions: "http://127.0.0.1:1004",
            pages,
        }
    }

    #[test]
    fn what_to_try() {
        expect![[r#"

            Everything stays up until ctrl-c. In another terminal:

              cd /tmp/dev
              PATH=/src/target/debug:$PATH

              # Break a member, see it drained, and heal it. Break a second one: a limit holds that back.
              curl -X POST http://127.0.0.1:1001/members/helped-us/break
              curl -X POST http://127.0.0.1:1001/members/helped-us/heal

              # Ask what is in force and why, what was done, and what an alert would do.
              pointsman status
              pointsman explain helped
              pointsman history helped
              pointsman plan --signal alert.json

              # Take over.
              pointsman pause --reason 'let me look'
              pointsman resume
              pointsman undo helped --reason 'I know better'

              # Make it hard: write to Azure behind its back, or have Azure ask it to wait; then break a member.
              curl -X PUT http://127.0.0.1:1003/emulator/backends/helped -d @portal.json
              curl -X POST http://127.0.0.1:1003/emulator/faults -d @throttle.json

              # Watch.
              curl http://127.0.0.1:1002/helped/chat/completions
              curl http://127.0.0.1:1002/metrics
              curl http://127.0.0.1:1003/emulator/requests?backend=helped
              curl http://127.0.0.1:1004/health/ready
        "#]].assert_eq(&hints(&places(None)));
        let pages = Pages {
            prometheus: "http://127.0.0.1:1005".to_owned(),
            alertmanager: "http://127.0.0.1:1006".to_owned(),
        };
        let text = hints(&places(Some(&pages)));
        assert!(text.ends_with("http://127.0.0.1:1005/alerts\n  http://127.0.0.1:1006/#/alerts\n"));
    }
}
