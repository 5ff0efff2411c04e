//! Retries and pacing, by a timer that goes on as soon as somebody waits.

use std::sync::Mutex;

use expect_test::{Expect, expect};

use super::server::{Reply, Server, reply};
use super::*;
use crate::retry::Policy;
use crate::timer::Timer;

/// Keeps what was waited for, and counts it as passed.
#[derive(Debug, Default)]
struct Patient(Mutex<Vec<Duration>>);

#[async_trait]
impl Timer for Patient {
    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().iter().sum()
    }

    async fn sleep(&self, wait: Duration) {
        self.0.lock().unwrap().push(wait);
    }
}

impl Patient {
    fn waits(&self) -> String {
        let waits = self.0.lock().unwrap();
        waits.iter().map(|wait| format!(" {:.1}s", wait.as_secs_f64())).collect()
    }
}

fn made(server: &Server, options: Options) -> (Client, Arc<Patient>) {
    let timer = Arc::new(Patient::default());
    let credential = Credential::Source(Arc::new(Numbered::default()));
    let options = Options { timer: Arc::clone(&timer) as Arc<dyn Timer>, ..options };
    (Client::new(server.endpoint(), credential, options).unwrap(), timer)
}

fn ok() -> Reply {
    reply(200, "ETag: \"1\"", POOL)
}

fn etag() -> ETag {
    "\"1\"".parse().unwrap()
}

fn told<T>(outcome: Result<T, Error>) -> String {
    outcome.map_or_else(|error| error.to_string(), |_| "done".to_owned())
}

/// Reads and writes with patience against one script each, and shows the result, how many
/// requests were made, and the waits between them.
async fn check(script: impl Fn() -> Vec<Reply>, expected: &Expect) {
    let options = || Options { retries: Retries::PATIENT, ..Options::default() };
    let server = Server::start(script()).await;
    let (client, timer) = made(&server, options());
    let read = told(client.get(&backend_id(), call()).await);
    let read = format!("read: {read}; {} sent;{}", server.heard().len(), timer.waits());

    let server = Server::start(script()).await;
    let (client, timer) = made(&server, options());
    let write = told(client.update(&backend_id(), &etag(), &patch(), call()).await);
    let write = format!("write: {write}; {} sent;{}", server.heard().len(), timer.waits());
    expected.assert_eq(&format!("{read}\n{write}\n"));
}

#[tokio::test]
async fn what_is_known_not_to_be_done_is_done_again() {
    let busy = r#"{"error":{"code":"PessimisticConcurrencyConflict","message":"in progress"}}"#;
    check(
        || vec![reply(429, "Retry-After: 17", ""), ok()],
        &expect![[r#"
        read: done; 2 sent; 18.4s
        write: done; 2 sent; 18.4s
    "#]],
    )
    .await;
    check(
        || vec![reply(409, "", busy), reply(409, "", busy), ok()],
        &expect![[r#"
        read: done; 3 sent; 0.5s 0.9s
        write: done; 3 sent; 0.5s 0.9s
    "#]],
    )
    .await;
    check(|| (0..9).map(|_| reply(409, "", busy)).collect(), &expect![[r#"
        read: Azure is busy with another change of it (409 PessimisticConcurrencyConflict); 5 sent; 0.5s 0.9s 1.3s 2.6s
        write: Azure is busy with another change of it (409 PessimisticConcurrencyConflict); 5 sent; 0.5s 0.9s 1.3s 2.6s
    "#]]).await;
    // A new token is tried once.
    check(
        || vec![reply(401, "", ""), ok()],
        &expect![[r#"
        read: done; 2 sent; 0.0s
        write: done; 2 sent; 0.0s
    "#]],
    )
    .await;
    check(
        || vec![reply(401, "", ""), reply(401, "", ""), ok()],
        &expect![[r#"
        read: Azure does not allow it (401); 2 sent; 0.0s
        write: Azure does not allow it (401); 2 sent; 0.0s
    "#]],
    )
    .await;
    // Longer than there is patience for.
    check(
        || vec![reply(429, "Retry-After: 300", ""), ok()],
        &expect![[r#"
        read: Azure takes no more requests for now (429); 1 sent;
        write: Azure takes no more requests for now (429); 1 sent;
    "#]],
    )
    .await;
}

#[tokio::test]
async fn what_may_have_been_done_is_only_read_again() {
    check(
        || vec![reply(500, "", ""), reply(503, "Retry-After: 2", ""), ok()],
        &expect![[r#"
            read: done; 3 sent; 0.5s 2.2s
            write: Azure failed (500); 1 sent;
        "#]],
    )
    .await;
    check(
        || (0..9).map(|_| reply(502, "", "")).collect(),
        &expect![[r#"
            read: Azure failed (502); 5 sent; 0.5s 0.9s 1.3s 2.6s
            write: Azure failed (502); 1 sent;
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_says_no_is_not_asked_again() {
    let error = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
    check(
        || vec![reply(412, "", error("PreconditionFailed")), ok()],
        &expect![[r#"
        read: the backend was changed meanwhile (412 PreconditionFailed); 1 sent;
        write: the backend was changed meanwhile (412 PreconditionFailed); 1 sent;
    "#]],
    )
    .await;
    check(
        || vec![reply(404, "", error("ResourceNotFound")), ok()],
        &expect![[r#"
        read: it is not there (404 ResourceNotFound); 1 sent;
        write: it is not there (404 ResourceNotFound); 1 sent;
    "#]],
    )
    .await;
    check(
        || vec![reply(403, "", error("AuthorizationFailed")), ok()],
        &expect![[r#"
        read: Azure does not allow it (403 AuthorizationFailed); 1 sent;
        write: Azure does not allow it (403 AuthorizationFailed); 1 sent;
    "#]],
    )
    .await;
    check(
        || vec![reply(422, "", error("ManagementApiRequestFailed")), ok()],
        &expect![[r#"
        read: Azure refused it (422 ManagementApiRequestFailed); 1 sent;
        write: Azure refused it (422 ManagementApiRequestFailed); 1 sent;
    "#]],
    )
    .await;
    check(
        || vec![reply(200, "ETag: \"1\"", "<html>"), ok()],
        &expect![[r#"
        read: Azure's answer cannot be read (200); 1 sent;
        write: Azure's answer cannot be read (200); 1 sent;
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_connection_that_was_never_made_is_tried_again_and_a_broken_one_only_by_reads() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: BaseUrl = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let timer = Arc::new(Patient::default());
    let options = || Options {
        retries: Retries::PATIENT,
        timer: Arc::clone(&timer) as Arc<dyn Timer>,
        ..Options::default()
    };
    let credential = Credential::Static(Secret::new("t"));
    let endpoint = Endpoint::new(base, ApiVersion::default());
    let client = Client::new(endpoint, credential.clone(), options()).unwrap();
    let error = client.update(&backend_id(), &etag(), &patch(), call()).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert_eq!(timer.waits().split_whitespace().count(), 4);

    let server = Breaker::start(&[], POOL).await;
    let client = Client::new(server.endpoint(), credential, options()).unwrap();
    let error = client.delete(&backend_id(), &etag(), call()).await.unwrap_err();
    assert_eq!((error.done(), server.methods().as_str()), (Done::Unknown, "DELETE"));
    client.get(&backend_id(), call()).await.unwrap_err();
    // Once at once, for the connection, and then by the policy.
    assert_eq!(server.methods(), "DELETE GET GET GET GET GET GET");
}

#[tokio::test]
async fn nothing_is_made_again_where_nobody_asked() {
    let server = Server::start([reply(429, "Retry-After: 1", ""), ok()]).await;
    let (client, timer) = made(&server, Options::default());
    let error = client.get(&backend_id(), call()).await.unwrap_err();
    assert!(matches!(error, Error::Throttled(_)), "{error:?}");
    assert_eq!((server.heard().len(), timer.waits().as_str()), (1, ""));
}

fn paced(patience: u64) -> Options {
    let patience = Duration::from_secs(patience);
    let pace = Pace::Within { reads: patience, writes: patience };
    Options { pace, ..Options::default() }
}

#[tokio::test]
async fn an_empty_bucket_is_waited_for_and_a_throttled_one_is_not_asked() {
    let left = |left: &'static str| reply(200, left, POOL);
    let server = Server::start([
        left("ETag: \"1\"\nx-ms-ratelimit-remaining-subscription-writes: 1"),
        ok(),
        ok(),
        reply(429, "Retry-After: 60", ""),
        // Reads have a bucket of their own.
        ok(),
    ])
    .await;
    let (client, timer) = made(&server, paced(5));
    for _ in 0..3 {
        client.update(&backend_id(), &etag(), &patch(), call()).await.unwrap();
    }
    // One was left, and the next flows in within a tenth of a second.
    expect![" 0.1s"].assert_eq(&timer.waits());
    client.update(&backend_id(), &etag(), &patch(), call()).await.unwrap_err();
    let error = client.update(&backend_id(), &etag(), &patch(), call()).await.unwrap_err();
    assert_eq!(error.done(), Done::No);
    assert!(matches!(error.retry(), Retry::Again { after: Some(_) }));
    expect![[r#"
        Azure takes no more requests for now
        Azure takes no more requests for now: too many requests of its kind were made; there is room for another in 60 s (client-request-id 00000000-0000-0000-0000-000000000007)
    "#]].assert_eq(&format!("{error}\n{}\n", error.full()));
    client.get(&backend_id(), call()).await.unwrap();
    assert_eq!(server.heard().len(), 5);
}

#[tokio::test]
async fn a_burst_is_let_through_and_then_goes_at_the_bucket_s_pace() {
    let server = Server::start((0..210).map(|_| ok())).await;
    let (client, timer) = made(&server, paced(5));
    for _ in 0..210 {
        client.update(&backend_id(), &etag(), &patch(), call()).await.unwrap();
    }
    let waited = timer.elapsed();
    assert!((900..=1_000).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test]
async fn a_policy_is_bounded_whatever_it_says() {
    let policy = Policy { attempts: 1_000, pause: Duration::ZERO, pause_max: Duration::ZERO };
    let retries = Retries { reads: policy, writes: Policy::ONCE };
    let server = Server::start([]).await;
    let (client, _) = made(&server, Options { retries, ..Options::default() });
    client.get(&backend_id(), call()).await.unwrap_err();
    assert_eq!(server.heard().len(), 10);
}
