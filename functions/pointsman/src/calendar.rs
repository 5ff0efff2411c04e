//! `/windows.ics`: the maintenance windows as a calendar, for whoever proves to be an operator.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::tz::TimeZone;
use pointsman_host::Parts;
use pointsman_intake::verify::{Authentication, Denied};
use pointsman_view::{Reader, Windows, calendar};

use crate::{failed::Failed, operate};

/// How many openings it has, beside what is open.
const NEXT: usize = 200;

/// What it is, for calendars.
const CALENDAR_TYPE: &str = "text/calendar; charset=utf-8";

/// What is said to who proves nothing: calendars ask for a name and a password then.
const CHALLENGE: &str = "Basic realm=\"Pointsman\", Bearer";

struct Calendar {
    parts: Parts,
    operator: Authentication,
}

pub(crate) fn router(parts: &Parts, operator: Authentication) -> Router {
    let calendar = Calendar { parts: parts.clone(), operator };
    Router::new().route("/windows.ics", get(windows)).with_state(Arc::new(calendar))
}

async fn windows(State(of): State<Arc<Calendar>>, headers: HeaderMap) -> Response {
    match of.operator.verify(&headers) {
        Ok(()) => {}
        Err(denied @ Denied::Missing) => {
            let asks = [(header::WWW_AUTHENTICATE, CHALLENGE)];
            return (StatusCode::UNAUTHORIZED, asks, denied.to_string()).into_response();
        }
        Err(denied @ Denied::Wrong) => {
            return (StatusCode::FORBIDDEN, denied.to_string()).into_response();
        }
    }
    match of.shown().await {
        Ok(text) => ([(header::CONTENT_TYPE, CALENDAR_TYPE)], text).into_response(),
        Err(why) => {
            tracing::warn!("/windows.ics cannot be shown: {why}");
            (StatusCode::SERVICE_UNAVAILABLE, "the windows cannot be read now").into_response()
        }
    }
}

impl Calendar {
    async fn shown(&self) -> Result<String, Failed> {
        let Parts { engine, records, .. } = &self.parts;
        let playbook = operate::playbook_in_force(records).await?;
        let skipped = operate::skipped(records, &playbook).await?;
        let reader = Reader::new(records.clock.now(), TimeZone::UTC).in_mode(engine.mode());
        Ok(calendar(&Windows::of(&playbook, &skipped, NEXT, &reader)))
    }
}
