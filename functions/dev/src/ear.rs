//! Notes the alerts where they arrive: before the functions, which get them unchanged. So it makes no
//! difference to the story who watches.

use std::{collections::BTreeMap, time::Instant};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use pointsman_intake::BODY_BYTES_MAX;
use serde::Deserialize;
use tokio::sync::watch;

use super::{
    screen::{BAD, GOOD, Screen},
    watcher::ALERT,
};

/// What was told, and when it arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The latest news, repeats not counted; set before it is acted upon.
    pub(super) latest: Option<Instant>,
    /// The latest alert of each member that was taken.
    pub(super) fired: BTreeMap<String, Instant>,
    /// The latest end of each member's alert that was taken.
    pub(super) resolved: BTreeMap<String, Instant>,
}

impl Told {
    /// Whether the alert of a member fires, as it was last taken.
    fn fires(&self, backend: &str) -> bool {
        self.fired.get(backend) > self.resolved.get(backend)
    }
}

/// What is listened to. Clones are the same one.
#[derive(Clone)]
pub(super) struct Ear {
    told: watch::Sender<Told>,
    screen: Screen,
}

/// As much of a webhook as is noted.
#[derive(Deserialize)]
struct Heard {
    alerts: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// An alert that began to fire, or does no longer.
struct News {
    backend: String,
    severity: String,
    fires: bool,
}

impl Ear {
    pub(super) fn new(screen: &Screen) -> Self {
        Self { told: watch::Sender::new(Told::default()), screen: screen.clone() }
    }

    /// What was told so far.
    pub(super) fn told(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }

    /// Listens to what comes to this router.
    pub(super) fn listening(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), listen))
    }

    /// The alerts that are not as they were last taken.
    fn news(&self, body: &Bytes) -> Vec<News> {
        let Ok(Heard { alerts }) = serde_json::from_slice(body) else { return Vec::new() };
        let told = self.told.borrow();
        let one = |mut alert: One| {
            let (backend, fires) = (alert.labels.remove("backend")?, alert.status == "firing");
            let severity = alert.labels.remove("severity").unwrap_or_default();
            (told.fires(&backend) != fires).then_some(News { backend, severity, fires })
        };
        alerts.into_iter().filter_map(one).collect()
    }

    /// Takes note of alerts that were taken, and says so.
    fn taken(&self, news: Vec<News>, began: Instant) {
        for News { backend, severity, fires } in news {
            let (style, turn) = match fires {
                true => (BAD, format!("fires ({severity})")),
                false => (GOOD, "is resolved".to_owned()),
            };
            let took = began.elapsed().as_millis();
            let text = format!("alert     {ALERT} of {backend} {turn}, taken in {took} ms");
            self.screen.say(style, text);
            self.told.send_modify(|told| {
                let latest = if fires { &mut told.fired } else { &mut told.resolved };
                latest.insert(backend, began);
            });
        }
    }
}

async fn listen(State(ear): State<Ear>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let news = ear.news(&body);
    if !news.is_empty() {
        ear.told.send_modify(|told| told.latest = Some(began));
    }
    let answer = next.run(Request::from_parts(head, Body::from(body))).await;
    if answer.status().is_success() {
        ear.taken(news, began);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_is_noted_once_and_only_when_it_was_taken() {
        let ear = Ear::new(&Screen::new(Instant::now(), true));
        let body = |backend: &str, status: &str| {
            let labels = serde_json::json!({"backend": backend});
            let alert = serde_json::json!({"status": status, "labels": labels});
            Bytes::from(serde_json::json!({"alerts": [alert]}).to_string())
        };
        let check = |body: &Bytes, wanted: &[(&str, bool)]| {
            let news = ear.news(body);
            let shown: Vec<(&str, bool)> =
                news.iter().map(|news| (news.backend.as_str(), news.fires)).collect();
            assert_eq!(shown, wanted);
            news
        };
        check(&body("eu", "resolved"), &[]);
        // Not taken: it is news the next time too.
        check(&body("eu", "firing"), &[("eu", true)]);
        let began = Instant::now();
        ear.taken(check(&body("eu", "firing"), &[("eu", true)]), began);
        check(&body("eu", "firing"), &[]);
        ear.taken(check(&body("eu", "resolved"), &[("eu", false)]), began);
        check(&body("eu", "resolved"), &[]);
        check(&Bytes::from_static(b"{}"), &[]);
        let told = ear.told().borrow().clone();
        assert_eq!((told.fired["eu"], told.resolved["eu"]), (began, began));
    }
}
