//! What Azure, the network and other people do in between, and that the end is the same.

use std::{net::SocketAddr, time::Duration};

use jiff::{SignedDuration, Timestamp};
use pointsman_emulator::{
    Effect, Fault, Match, Operation, Options, Outcome, Times,
    fault::{Kind, ServerError, Write},
};
use pointsman_scenarios::{
    World,
    alerts::Alert,
    door::Door,
    evidence::{orderly, person_sets},
    operator::says,
    world::{DRAIN, Serve},
};
use serde_json::{Value, json};

fn ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

async fn fire(world: &World, serve: &Serve, backend: &str) -> Alert {
    let alert = Alert::firing(backend, Timestamp::now());
    assert_eq!(world.send(serve, std::slice::from_ref(&alert)).await, 202);
    alert
}

async fn resolve(world: &World, serve: &Serve, alert: &Alert) {
    assert_eq!(world.send(serve, &[alert.clone().resolved(Timestamp::now())]).await, 202);
}

/// The statuses that the changes of `chat` were answered with; 0 for none.
fn statuses(world: &World) -> Vec<u16> {
    let status = |write: &pointsman_emulator::Received| write.status().map_or(0, |it| it.as_u16());
    orderly(&world.azure).iter().map(status).collect()
}

/// How many changes of `chat` were done. Where someone else writes at the same time, one may be
/// outrun, and is then decided again.
fn done(world: &World) -> usize {
    statuses(world).iter().filter(|status| **status == 200).count()
}

#[tokio::test]
async fn a_write_that_was_done_before_the_connection_was_cut_is_not_sent_again() {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let cut = || Fault::once(Match::patch("chat"), Kind::Cut { write: Write::Done });
    world.azure.inject(cut());
    let alert = fire(&world, &serve, "eu").await;
    world.told("was seen to be done").await;
    assert_eq!(statuses(&world), [0]);
    world.weights([0, 30, 20]).await;
    world.azure.inject(cut());
    resolve(&world, &serve, &alert).await;
    world.settled().await;
    assert_eq!(statuses(&world), [0, 0]);
    assert_eq!(world.body(), before);
    let ledger = world.ledger().await;
    let counts = ["unanswered", "landed", "notLanded", "wrote", "foreign"];
    assert_eq!(counts.map(|what| ledger.count(what)), [2, 2, 0, 0, 0], "{ledger:#?}");
    world.finish();
}

#[tokio::test]
async fn a_write_that_was_cut_before_it_was_done_is_decided_again() {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let cut = || Fault::once(Match::patch("chat"), Kind::Cut { write: Write::NotDone });
    world.azure.inject(cut());
    let alert = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    world.azure.inject(cut());
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(statuses(&world), [0, 200, 0, 200]);
    assert_eq!(world.body(), before);
    let ledger = world.ledger().await;
    let counts = ["unanswered", "landed", "notLanded", "wrote", "foreign"];
    assert_eq!(counts.map(|what| ledger.count(what)), [2, 0, 2, 2, 0], "{ledger:#?}");
    world.finish();
}

#[tokio::test]
async fn a_read_that_is_cut_is_made_again() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let kind = Kind::Cut { write: Write::NotDone };
    world.azure.inject(Fault { on: Match::get("chat"), times: Times::Count(3), kind });
    let alert = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(statuses(&world), [200, 200]);
    world.finish();
}

async fn an_error_is_outlived(error: ServerError, write: Write) {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let kind = Kind::Error { error, write };
    world.azure.inject(Fault::once(Match::patch("chat"), kind.clone()));
    let alert = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    world.azure.inject(Fault::once(Match::get("chat"), kind.clone()));
    world.azure.inject(Fault::once(Match::patch("chat"), kind));
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(world.body(), before);
    let status = error_status(error);
    match write {
        Write::Done => assert_eq!(statuses(&world), [status, status]),
        Write::NotDone => assert_eq!(statuses(&world), [status, 200, status, 200]),
    }
    assert_eq!(world.ledger().await.count("foreign"), 0);
    world.finish();
}

const fn error_status(error: ServerError) -> u16 {
    match error {
        ServerError::Internal => 500,
        ServerError::BadGateway => 502,
        ServerError::Unavailable => 503,
        ServerError::GatewayTimeout => 504,
        ServerError::Conflict => 409,
        ServerError::ManagementApi => 422,
        ServerError::NotFound => 404,
        ServerError::TooManyRequests => 429,
        ServerError::PreconditionFailed => 412,
    }
}

#[tokio::test]
async fn errors_of_writes_that_were_done_are_seen_through() {
    tokio::join!(
        an_error_is_outlived(ServerError::Internal, Write::Done),
        an_error_is_outlived(ServerError::BadGateway, Write::Done),
        an_error_is_outlived(ServerError::Unavailable, Write::Done),
        an_error_is_outlived(ServerError::GatewayTimeout, Write::Done),
    );
}

#[tokio::test]
async fn errors_of_writes_that_were_not_done_are_outlived() {
    tokio::join!(
        an_error_is_outlived(ServerError::Internal, Write::NotDone),
        an_error_is_outlived(ServerError::BadGateway, Write::NotDone),
        an_error_is_outlived(ServerError::Unavailable, Write::NotDone),
        an_error_is_outlived(ServerError::GatewayTimeout, Write::NotDone),
    );
}

#[tokio::test]
async fn conflicts_and_refusals_that_pass_are_outlived() {
    tokio::join!(
        an_error_is_outlived(ServerError::Conflict, Write::NotDone),
        an_error_is_outlived(ServerError::ManagementApi, Write::NotDone),
    );
}

const LATE: Kind = Kind::LandsLate { after: None };

async fn one_is_late(world: &World) {
    let late = world.azure.wait_for(|azure| azure.late().next().is_some(), Duration::from_secs(30));
    late.await.expect("it was sent");
}

#[tokio::test]
async fn a_write_that_lands_late_is_known_for_ours() {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    world.azure.inject(Fault::once(Match::patch("chat"), LATE));
    let alert = fire(&world, &serve, "eu").await;
    one_is_late(&world).await;
    // Before it is looked at again, which is a second after the connection was cut.
    assert!(matches!(world.azure.land()[..], [(_, Effect::Written { .. })]));
    world.told("was seen to be done").await;
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 2);
    assert_eq!(world.body(), before);
    assert_eq!(world.ledger().await.count("foreign"), 0);
    world.finish();
}

#[tokio::test]
async fn a_write_that_lands_after_it_was_sent_anew_comes_to_nothing() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    world.azure.inject(Fault::once(Match::patch("chat"), LATE));
    let alert = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    assert_eq!(orderly(&world.azure).len(), 2);
    let landed = world.azure.land();
    assert!(matches!(landed[..], [(_, Effect::Lost { .. })]), "{landed:?}");
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 3);
    world.finish();
}

#[tokio::test]
async fn a_write_that_lands_after_its_override_has_ended_is_taken_back() {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    // The drain, and the empty writes that would keep it from landing.
    let kind = Kind::Cut { write: Write::NotDone };
    world.azure.inject(Fault::once(Match::patch("chat"), LATE));
    let cut = world.azure.inject(Fault::always(Match::patch("chat"), kind));
    let alert = fire(&world, &serve, "eu").await;
    one_is_late(&world).await;
    resolve(&world, &serve, &alert).await;
    world.wrote(2).await;
    let status = world.ok(&["status"]).await;
    assert!(says(&status, "no answer") && says(&status, "may still land until"), "{status}");
    assert_eq!(world.body(), before);
    assert!(matches!(world.azure.land()[..], [(_, Effect::Written { .. })]));
    world.told("was seen to be done").await;
    assert!(world.azure.clear(cut));
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(world.body(), before);
    assert_eq!(world.ledger().await.count("foreign"), 0);
    world.finish();
}

#[tokio::test]
async fn a_write_that_is_not_wanted_any_more_is_kept_from_landing() {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    world.azure.inject(Fault::once(Match::patch("chat"), LATE));
    let alert = fire(&world, &serve, "eu").await;
    one_is_late(&world).await;
    resolve(&world, &serve, &alert).await;
    world.settled().await;
    let landed = world.azure.land();
    assert!(matches!(landed[..], [(_, Effect::Lost { .. })]), "{landed:?}");
    assert_eq!(world.body(), before);
    assert_eq!(world.ledger().await.count("foreign"), 0);
    world.finish();
}

#[tokio::test]
async fn a_stale_read_is_not_taken_for_someone_elses_write() {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let stale = |times| Fault {
        on: Match::get("chat"),
        times: Times::Count(times),
        kind: Kind::StaleRead { versions: 1 },
    };
    let serve = world.serve(&[]).await;
    let alert = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    // What one process remembers it writes without a read; each new one has to read first.
    assert!(serve.stop().await);
    world.azure.inject(stale(2));
    let serve = world.serve(&[]).await;
    let other = fire(&world, &serve, "us").await;
    world.weights([0, 0, 20]).await;
    assert!(serve.stop().await);
    // For longer than one look has patience.
    world.azure.inject(stale(8));
    let serve = world.serve(&[]).await;
    resolve(&world, &serve, &alert).await;
    world.told("Azure keeps answering with an older state of the backend").await;
    world.weights([50, 0, 20]).await;
    resolve(&world, &serve, &other).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(statuses(&world), [200; 4]);
    assert_eq!(world.body(), before);
    assert_eq!(world.ledger().await.count("foreign"), 0);
    world.finish();
}

/// Has someone else write between our read and our write.
async fn outrun(world: &World, someone: impl Fn()) {
    const HELD: Duration = Duration::from_secs(10);
    let serve = world.serve(&[]).await;
    world.azure.inject(Fault::once(Match::patch("chat"), Kind::Latency { by: HELD }));
    let alert = fire(world, &serve, "eu").await;
    world.wrote(1).await;
    assert_eq!(world.azure.writes("chat")[0].outcome, Outcome::Pending);
    someone();
    world.azure.clock().advance(HELD);
    world.told("someone else wrote first; decided again").await;
    world.await_document("no write is open", |document| document["writes"] == json!([])).await;
    let us = fire(world, &serve, "us").await;
    world
        .await_that("us is drained", async || world.azure.seats("chat")[1].weight == Some(0))
        .await;
    resolve(world, &serve, &alert).await;
    resolve(world, &serve, &us).await;
    world.settled().await;
    assert_eq!(statuses(world)[0], 412);
    assert!(statuses(world)[1..].iter().all(|status| *status == 200), "{:?}", statuses(world));
    assert_eq!(world.ledger().await.count("outrun"), 1);
}

#[tokio::test]
async fn someone_elses_write_between_read_and_write_is_kept() {
    let world = World::new(DRAIN).await;
    let patch = json!({"properties": {"description": "ours, since yesterday", "x-new": {"a": 1}}});
    outrun(&world, || drop(world.azure.foreign_patch("chat", &patch).expect("a good body"))).await;
    let body = world.azure.backend("chat").expect("it is there").body;
    assert_eq!(body["properties"]["description"], "ours, since yesterday");
    assert_eq!(body["properties"]["x-new"], json!({"a": 1}));
    world.weights([50, 30, 20]).await;
    let ledger = world.ledger().await;
    assert_eq!(
        (ledger.count("foreign"), ledger.count("wrote")),
        (0, orderly(&world.azure).len() - 1)
    );
    world.finish();
}

#[tokio::test]
async fn someone_elses_weight_between_read_and_write_is_the_new_baseline() {
    let world = World::new(DRAIN).await;
    outrun(&world, || person_sets(&world, &[("eu", 40)])).await;
    world.weights([40, 30, 20]).await;
    let ledger = world.ledger().await;
    let foreign = ledger.of("foreign");
    assert_eq!(foreign.len(), 1, "{ledger:#?}");
    assert_eq!(foreign[0]["field"], "members/eu/weight", "{foreign:#?}");
    world.finish();
}

#[tokio::test]
async fn a_persons_write_during_an_override_is_yielded_to_and_stays() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    person_sets(&world, &[("eu", 7)]);
    // Any look notices; this one comes with another alert.
    let us = fire(&world, &serve, "us").await;
    world.weights([7, 0, 20]).await;
    world.told("someone else wrote 7 over 0").await;
    let status = world.ok(&["status"]).await;
    assert!(status.contains("yielded to someone else's write"), "{status}");
    // A repeat does not bring it back.
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    resolve(&world, &serve, &us).await;
    world.weights([7, 30, 20]).await;
    resolve(&world, &serve, &eu).await;
    world.settled().await;
    world.weights([7, 30, 20]).await;
    assert_eq!(done(&world), 3);
    let ledger = world.ledger().await;
    let foreign = ledger.of("foreign");
    assert_eq!(foreign.len(), 1, "{ledger:#?}");
    assert_eq!(foreign[0]["field"], "members/eu/weight");
    let told = foreign[0]["says"].as_str().expect("a sentence");
    let wanted = "someone else wrote 7 over 0; it is the new baseline, and yielded to by ";
    assert!(told.contains(wanted) && told.matches(',').count() == 1, "{told}");
    // The next run of the alert is a matter of its own.
    let again = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    resolve(&world, &serve, &again).await;
    world.weights([7, 30, 20]).await;
    world.settled().await;
    world.finish();
}

#[tokio::test]
async fn a_persons_write_of_something_else_is_none_of_our_business() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    person_sets(&world, &[("us", 60)]);
    let patch = json!({"properties": {"title": "Chat"}});
    world.azure.foreign_patch("chat", &patch).expect("a good body");
    let before = world.body();
    resolve(&world, &serve, &eu).await;
    world.weights([50, 60, 20]).await;
    world.settled().await;
    assert_eq!(world.body(), before.replacen("\"weight\":0", "\"weight\":50", 1));
    assert_eq!(done(&world), 2);
    assert_eq!(world.ledger().await.count("foreign"), 0);
    world.finish();
}

/// Writes a configuration that changes this Azure as this identity.
fn configure(world: &World, endpoint: &str, credential: &str) {
    let config = format!(
        "listen: 127.0.0.1:0\n\
         playbook: playbook.yaml\n\
         azure: {{endpoint: '{endpoint}', checkEvery: never, {credential}}}\n\
         sources: [{{name: prometheus, kind: alertmanager, bearer: [{{env: SOURCE_TOKEN}}]}}]\n",
    );
    std::fs::write(world.path("pointsman.yaml"), config).expect("a configuration is written");
}

/// A `serve` with a managed identity.
async fn serve_as_managed_identity(world: &World) -> Serve {
    configure(world, &world.azure.arm_url(), "credential: managedIdentity");
    let mut command = world.command(&["serve"]);
    command.env_remove("AZURE_TOKEN").envs(world.azure.identity_env());
    world.serve_by(command).await
}

/// How many requests were answered with a 401, the one without a token that opens a connection
/// ahead of need left out.
fn unauthorized(world: &World) -> usize {
    let requests = world.azure.requests();
    let refused = |status: u16| status == 401;
    requests
        .iter()
        .filter(|request| request.backend.is_some())
        .filter(|request| request.status().is_some_and(|status| refused(status.as_u16())))
        .count()
}

#[tokio::test]
async fn a_revoked_token_is_renewed() {
    let world = World::new(DRAIN).await;
    let serve = serve_as_managed_identity(&world).await;
    let alert = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    let tokens = world.azure.view(|azure| azure.total(Operation::Token));
    assert_eq!(tokens, 1, "one token does for all");
    world.azure.revoke_tokens();
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(world.azure.view(|azure| azure.total(Operation::Token)), 2);
    assert_eq!(unauthorized(&world), 1);
    // Whether a read or a write was the first to notice is chance.
    let written = statuses(&world).into_iter().filter(|status| *status != 401);
    assert_eq!(written.collect::<Vec<_>>(), [200, 200]);
    let header = &world.azure.identity_env()[1].1;
    assert_eq!(world.files_with(header), Vec::<String>::new());
    world.finish();
}

#[tokio::test]
async fn an_expired_token_is_renewed_before_it_is_used() {
    let options = Options { token_lifetime: Duration::from_secs(5), ..Options::default() };
    let world = World::with(options, DRAIN).await;
    let serve = serve_as_managed_identity(&world).await;
    let alert = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    world.azure.clock().advance(Duration::from_secs(10));
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(unauthorized(&world), 0);
    world.finish();
}

#[tokio::test]
async fn without_an_identity_alerts_are_taken_and_applied_once_there_is_one() {
    let world = World::new(DRAIN).await;
    let kind = Kind::Error { error: ServerError::Unavailable, write: Write::NotDone };
    let broken = world.azure.inject(Fault::always(Match::operation(Operation::Token), kind));
    let serve = serve_as_managed_identity(&world).await;
    let alert = fire(&world, &serve, "eu").await;
    world.flush(&serve).await;
    // Asked for ahead of need, and again.
    let asked =
        world.azure.wait_for(|azure| azure.total(Operation::Token) >= 2, Duration::from_secs(30));
    asked.await.expect("it is asked for a token");
    assert!(world.azure.requests().iter().all(|request| request.backend.is_none()));
    assert!(world.azure.clear(broken));
    world.weights([0, 30, 20]).await;
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(statuses(&world), [200, 200]);
    world.finish();
}

/// A world whose Azure is behind a door.
async fn behind_a_door() -> (World, Door) {
    let world = World::new(DRAIN).await;
    let azure: SocketAddr = SocketAddr::from(([127, 0, 0, 1], world.azure.ports().arm));
    let door = Door::to(azure).await;
    configure(&world, &door.url(), "credential: token, token: {env: AZURE_TOKEN}");
    (world, door)
}

/// Whether a trouble has lasted for a few tries: each waits for about as long as it lasts.
fn lasts(document: &Value) -> bool {
    let time = |part: &str| {
        document["trouble"][part].as_str().and_then(|text| text.parse::<Timestamp>().ok())
    };
    let (since, until) = (time("since"), time("until"));
    since
        .zip(until)
        .is_some_and(|(since, until)| until.duration_since(since) >= SignedDuration::from_secs(3))
}

#[tokio::test]
async fn an_azure_that_fails_again_and_again_is_told_of_once() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let kind = Kind::Error { error: ServerError::Internal, write: Write::NotDone };
    world.azure.inject(Fault { on: Match::get("chat"), times: Times::Count(3), kind });
    let alert = fire(&world, &serve, "eu").await;
    world.await_document("it is in trouble for long", lasts).await;
    world.weights([0, 30, 20]).await;
    let ledger = world.ledger().await;
    assert_eq!(ledger.count("unreachable"), 1, "{ledger:#?}");
    let why = ledger.of("unreachable")[0]["reason"].as_str().expect("a reason").to_owned();
    assert!(why.contains("500") && !why.contains("request-id"), "{why}");
    assert!(world.log().contains("request-id"), "the ids are in the log");
    // Azure has the write a moment before the store knows.
    world.await_document("it is over", |document| document.get("trouble").is_none()).await;
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(statuses(&world), [200, 200]);
    world.finish();
}

#[tokio::test]
async fn an_azure_that_is_down_at_the_start_is_waited_for() {
    let (world, door) = behind_a_door().await;
    door.shut().await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.get(&serve, "/health/ready").await.status, 200, "alerts can be taken");
    let alert = fire(&world, &serve, "eu").await;
    world.await_document("it is in trouble for long", lasts).await;
    let status = world.ok(&["status"]).await;
    assert!(status.contains("TROUBLE"), "{status}");
    door.open().await;
    world.weights([0, 30, 20]).await;
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(statuses(&world), [200, 200]);
    assert_eq!(
        world.ledger().await.count("unreachable"),
        1,
        "told once, however often it is tried"
    );
    world.finish();
}

#[tokio::test]
async fn an_azure_that_goes_down_during_an_alert_is_put_right_when_it_is_back() {
    let (world, door) = behind_a_door().await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let eu = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    door.shut().await;
    resolve(&world, &serve, &eu).await;
    let us = fire(&world, &serve, "us").await;
    world.await_document("it is in trouble", |document| document.get("trouble").is_some()).await;
    assert_eq!(world.azure.view(|azure| azure.weight("chat", "eu")), Some(0));
    door.open().await;
    world.weights([50, 0, 20]).await;
    resolve(&world, &serve, &us).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(statuses(&world), [200; 3], "both in one write");
    assert_eq!(world.body(), before);
    world.finish();
}

#[tokio::test]
async fn a_restart_while_azure_is_down_goes_on_where_it_was() {
    let (world, door) = behind_a_door().await;
    let serve = world.serve(&[]).await;
    door.shut().await;
    let alert = fire(&world, &serve, "eu").await;
    world.flush(&serve).await;
    assert!(serve.stop().await);
    let serve = world.serve(&[]).await;
    door.open().await;
    world.weights([0, 30, 20]).await;
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(statuses(&world), [200, 200]);
    world.finish();
}

#[tokio::test]
async fn a_pool_that_is_deleted_and_made_anew_is_taken_as_it_is_now() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    world.azure.foreign_delete("chat").expect("it was there");
    let us = fire(&world, &serve, "us").await;
    world.told("is held: the backend does not exist").await;
    let status = world.ok(&["status"]).await;
    assert!(status.contains("the backend does not exist"), "{status}");
    let made = [("eu", Some(10), None), ("us", Some(80), None), ("ap", Some(10), None)];
    world.azure.put_pool("chat", &made).expect("a pool");
    // A look that comes with an end.
    resolve(&world, &serve, &us).await;
    world.weights([0, 80, 10]).await;
    resolve(&world, &serve, &eu).await;
    world.weights([10, 80, 10]).await;
    world.settled().await;
    assert_eq!(done(&world), 3);
    world.finish();
}

#[tokio::test]
async fn what_a_removed_member_comes_back_with_is_its_baseline() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    world
        .azure
        .put_pool("chat", &[("us", Some(30), None), ("ap", Some(20), None)])
        .expect("a pool");
    let us = fire(&world, &serve, "us").await;
    world.seats("chat", &[("us", Some(0), None), ("ap", Some(20), None)]).await;
    world.told("what we wrote is gone, with its member or its pool").await;
    let back = [("eu", Some(70), None), ("us", Some(0), None), ("ap", Some(20), None)];
    world.azure.put_pool("chat", &back).expect("a pool");
    resolve(&world, &serve, &us).await;
    world.weights([0, 30, 20]).await;
    resolve(&world, &serve, &eu).await;
    world.weights([70, 30, 20]).await;
    world.settled().await;
    let ledger = world.ledger().await;
    assert_eq!((ledger.count("removed"), ledger.count("foreign")), (1, 0), "{ledger:#?}");
    world.finish();
}

#[tokio::test]
async fn what_is_no_pool_any_more_is_left_alone_and_is_put_right_when_it_is_one_again() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    world.azure.put_single("chat", "http://127.0.0.1:9").expect("a Single");
    let us = fire(&world, &serve, "us").await;
    world.told("is held: the backend is not a pool").await;
    resolve(&world, &serve, &eu).await;
    world.told("is over").await;
    assert_eq!(done(&world), 1);
    // Someone puts it back as it was when it was broken: what was ours there is given back.
    let back = [("eu", Some(0), None), ("us", Some(30), None), ("ap", Some(20), None)];
    world.azure.put_pool("chat", &back).expect("a pool");
    resolve(&world, &serve, &us).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(done(&world), 2);
    world.finish();
}

#[tokio::test]
async fn a_404_that_passes_takes_nothing_from_what_is_given_back() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = fire(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    // What one process remembers it writes without a read; a new one has to read first.
    assert!(serve.stop().await);
    let missing = Kind::Error { error: ServerError::NotFound, write: Write::NotDone };
    world.azure.inject(Fault::once(Match::get("chat"), missing));
    let serve = world.serve(&[]).await;
    resolve(&world, &serve, &eu).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(done(&world), 2);
    world.finish();
}

#[tokio::test]
async fn an_azure_that_asks_to_wait_and_does_not_say_how_long_is_not_pressed() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let busy = Kind::Error { error: ServerError::TooManyRequests, write: Write::NotDone };
    let busy = world.azure.inject(Fault::always(Match::writes(), busy));
    let began = std::time::Instant::now();
    let _ = fire(&world, &serve, "eu").await;
    world.until("it is tried again", async |world: &World| statuses(world).len() >= 3).await;
    // Each wait is a second at least.
    let waited = began.elapsed().as_secs() + 1;
    assert!(statuses(&world).len() as u64 <= waited + 1, "{:?}", statuses(&world));
    assert!(world.azure.clear(busy));
    world.weights([0, 30, 20]).await;
    world.finish();
}

#[tokio::test]
async fn secrets_of_a_backend_survive_and_are_nowhere_else() {
    const SECRETS: [&str; 3] = ["s3cret-in-a-header", "s3cret-parameter", "s3cret-in-a-query"];
    let world = World::new(DRAIN).await;
    let mut body = world.azure.backend("chat").expect("it is there").body;
    let properties = body["properties"].as_object_mut().expect("properties");
    properties.retain(|_, value| !value.is_null());
    properties.insert(
        "credentials".to_owned(),
        json!({
            "header": {"x-functions-key": [SECRETS[0]]},
            "query": {"code": [SECRETS[2]]},
            "authorization": {"scheme": "Basic", "parameter": SECRETS[1]},
        }),
    );
    properties.insert("notYetInvented".to_owned(), json!({"deep": [1, {"null": [Value::Null]}]}));
    let body = json!({"properties": properties});
    world.azure.foreign_put("chat", &body).expect("a good body");
    world.azure.forget_requests();
    let before = world.body();
    assert!(SECRETS.iter().all(|secret| before.contains(secret)), "{before}");

    let mut command = world.command(&["serve"]);
    command.env("POINTSMAN_LOG", "trace");
    let serve = world.serve_by(command).await;
    let cut = Fault::once(Match::patch("chat"), Kind::Cut { write: Write::Done });
    world.azure.inject(cut);
    let alert = fire(&world, &serve, "eu").await;
    world.told("was seen to be done").await;
    world.azure.inject(Fault::once(
        Match::patch("chat"),
        Kind::Error { error: ServerError::Internal, write: Write::NotDone },
    ));
    let signal = world.path("signal.json");
    let text = pointsman_scenarios::alerts::webhook(&[Alert::firing("us", ago(1))]).to_string();
    std::fs::write(&signal, text).expect("a file is written");
    for command in [
        &["status"][..],
        &["history"],
        &["explain", "chat"],
        &["plan", "--signal", "signal.json"],
        &["plan", "--signal", "signal.json", "--json"],
    ] {
        let shown = world.ok(command).await;
        assert!(!SECRETS.iter().any(|secret| shown.contains(secret)), "{command:?}: {shown}");
    }
    resolve(&world, &serve, &alert).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(world.body(), before, "to the letter");
    for write in orderly(&world.azure) {
        let sent = String::from_utf8_lossy(&write.body).into_owned();
        assert!(!SECRETS.iter().any(|secret| sent.contains(secret)), "{sent}");
    }
    assert!(serve.stop().await);
    for secret in SECRETS {
        assert_eq!(world.files_with(secret), Vec::<String>::new(), "{secret}");
    }
    world.finish();
}
