//! What is recorded of a call for those who look for it later.

use std::io;
use std::sync::{Arc, Mutex};

use expect_test::expect;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::fmt::format::FmtSpan;

use super::server::{Server, reply};
use super::{POOL, client, patch};
use crate::testing::{backend_id, call};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// On one thread, so that the log of this test is its own.
#[tokio::test]
async fn a_call_is_found_by_the_ids_of_either_side() {
    let server = Server::start([
        reply(200, "ETag: \"1\"\nx-ms-request-id: r-1\nx-ms-correlation-request-id: c-1", POOL),
        reply(412, "x-ms-request-id: r-2", ""),
    ])
    .await;
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .finish();
    let client = client(server.endpoint());
    {
        // Of an only subscriber, tracing asks the thread that comes by a span first, and remembers
        // its answer; that may be another test's.
        let _not_alone = tracing::Dispatch::new(NoSubscriber::default());
        let _heeded = tracing::subscriber::set_default(subscriber);
        let backend = client.get(&backend_id(), call()).await.unwrap();
        client.update(&backend_id(), backend.etag(), &patch(), call()).await.unwrap_err();
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let mut told = String::new();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let span = &line["span"];
        if span["name"] == crate::telemetry::CALL_SPAN {
            let words =
                ["operation", "client_request_id", "status", "request_id", "correlation_id"];
            let words = words.map(|name| format!("{name} {}", span[name]));
            told.push_str(&words.join(", "));
            told.push('\n');
        }
    }
    assert!(!log.contains("hush-token"), "{log}");
    expect![[r#"
        operation "get", client_request_id "00000000-0000-0000-0000-000000000007", status 200, request_id "r-1", correlation_id "c-1"
        operation "update", client_request_id "00000000-0000-0000-0000-000000000007", status 412, request_id "r-2", correlation_id null
    "#]].assert_eq(&told);
}
