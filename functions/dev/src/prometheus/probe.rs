//! What stands for Prometheus's blackbox exporter: asks a member itself, past the gateway, and says
//! whether that went well, as `GET /probe?target=NAME`. It asks the members and nobody else.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use reqwest::Client;

/// How long a member may take to answer; less than a scrape may.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

#[derive(Clone)]
struct Probe {
    client: Client,
    /// What is asked of each, by its name.
    members: Arc<BTreeMap<String, String>>,
}

/// A probe of these members: what is asked of each, by its name.
pub(super) fn router(members: BTreeMap<String, String>) -> reqwest::Result<Router> {
    let client = Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
    let probe_of = Probe { client, members: Arc::new(members) };
    Ok(Router::new().route("/probe", get(probe)).with_state(probe_of))
}

async fn probe(State(probe): State<Probe>, RawQuery(query): RawQuery) -> Response {
    let target = query.as_deref().and_then(|query| query.strip_prefix("target="));
    let Some(url) = target.and_then(|target| probe.members.get(target)) else {
        return (StatusCode::BAD_REQUEST, "this is no member\n").into_response();
    };
    let answer = probe.client.get(url).send().await;
    let well = u8::from(answer.is_ok_and(|answer| answer.status().is_success()));
    let help = "# HELP probe_success Whether the member answered, and well.\n";
    format!("{help}# TYPE probe_success gauge\nprobe_success {well}\n").into_response()
}
