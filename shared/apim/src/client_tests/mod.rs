//! The client against real sockets.

mod identity;
mod lists;
mod patience;
mod server;
mod spans;

use std::time::Duration;

use async_trait::async_trait;
use expect_test::expect;
use http::header::{AUTHORIZATION, IF_MATCH};
use jiff::Timestamp;
use tokio::net::TcpListener;

use self::server::{Breaker, Reply, Server, reply};
use super::*;
use crate::document::DOCUMENT_BYTES_MAX;
use crate::endpoint::BaseUrl;
use crate::error::{CredentialFailure, Done, Garbled, Retry, Uncertainty};
use crate::meta::RetryAfter;
use crate::pool::{Edit, Edited, Setting};
use crate::secret::Secret;
use crate::testing::{backend_id, call, pool, pool_id, workspace_id};
use crate::token::{Token, TokenSource};
use crate::version::ApiVersion;

const POOL: &str =
    r#"{"properties":{"type":"Pool","pool":{"services":[{"id":"/backends/eu","weight":50}]}}}"#;

fn client(endpoint: Endpoint) -> Client {
    let credential = Credential::Static(Secret::new("hush-token"));
    Client::new(endpoint, credential, Options::default()).unwrap()
}

fn patch() -> Patch {
    let backend = pool(r#"[{"id":"/backends/eu","weight":50}]"#);
    let mut edit = Edit::of(&backend).unwrap();
    edit.weight(&"eu".parse().unwrap(), Setting::Number(0)).unwrap();
    match edit.finish() {
        Edited::Changed(patch) => patch,
        Edited::Unchanged => panic!("nothing changed"),
    }
}

#[tokio::test]
async fn every_operation_over_one_warm_connection() {
    let server = Server::start([
        reply(404, "", ""),
        reply(200, "ETag: \"1\"\nx-ms-request-id: r-1", POOL),
        reply(200, "ETag: \"2\"", POOL.replace("50", "0")),
        reply(200, "ETag: \"3\"", POOL),
        reply(200, "ETag: \"4\"", POOL),
        reply(202, "x-ms-correlation-request-id: c-1", ""),
    ])
    .await;
    let client = client(server.endpoint());
    client.warm(call()).await.unwrap();

    let before = client.get(&backend_id(), call()).await.unwrap();
    assert_eq!(before.etag().as_str(), "\"1\"");
    assert_eq!(before.meta().ids.request.as_deref(), Some("r-1"));
    let after = client.update(&backend_id(), before.etag(), &patch(), call()).await.unwrap();
    assert_eq!(after.pool().unwrap().all()[0].weight, Setting::Number(0));

    let workspace = workspace_id();
    let before = client.get(&workspace, call()).await.unwrap();
    client.update(&workspace, before.etag(), &patch(), call()).await.unwrap();

    let accepted = client.reconnect(&pool_id(), After::MIN, call()).await.unwrap();
    assert_eq!(accepted.ids.correlation.as_deref(), Some("c-1"));

    expect![[r#"
        HEAD /
        GET /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2024-05-01
        PATCH /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2024-05-01
        GET /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool?api-version=2024-05-01
        PATCH /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool?api-version=2024-05-01
        POST /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool/reconnect?api-version=2024-05-01
    "#]].assert_eq(&server.lines());
    let heard = server.heard();
    assert!(heard.iter().all(|h| h.from == heard[0].from), "more than one connection");
    // The opening of a connection shows nobody the token.
    assert!(!heard[0].headers.contains_key(AUTHORIZATION));
    for call in &heard[1..] {
        assert_eq!(call.headers[AUTHORIZATION], "Bearer hush-token");
        assert_eq!(call.headers["x-ms-client-request-id"], "00000000-0000-0000-0000-000000000007");
    }
    assert_eq!(heard[2].headers[IF_MATCH], "\"1\"");
    assert_eq!(heard[2].body, std::str::from_utf8(patch().bytes()).unwrap());
    assert_eq!(heard[5].body, r#"{"properties":{"after":"PT2M"}}"#);
}

fn draft() -> Draft {
    Draft::parse(r#"{"properties":{"url":"https://eu.contoso.example","protocol":"http"}}"#)
        .unwrap()
}

#[tokio::test]
async fn a_backend_from_its_creation_to_its_end_at_both_levels() {
    const SINGLE: &str = r#"{"properties":{"url":"https://eu.contoso.example"}}"#;
    let script = || {
        [
            reply(404, "x-ms-request-id: r-1", ""),
            reply(201, "ETag: \"1\"", SINGLE),
            reply(200, "ETag: \"1\"", ""),
            reply(200, "ETag: \"2\"", SINGLE),
            reply(200, "ETag: \"3\"", SINGLE),
            reply(200, "", ""),
            reply(204, "", ""),
        ]
    };
    let server = Server::start(script().into_iter().chain(script())).await;
    let client = client(server.endpoint());
    for id in [backend_id(), workspace_id()] {
        let error = client.entity_tag(&id, call()).await.unwrap_err();
        assert!(matches!(error, Error::NotFound(_)), "{error:?}");
        let created = client.create(&id, &draft(), call()).await.unwrap();
        assert!(matches!(created, Created::New(_)));
        let tagged = client.entity_tag(&id, call()).await.unwrap();
        assert_eq!(tagged.etag, *created.backend().etag());
        let replaced = client.replace(&id, &tagged.etag, &draft(), call()).await.unwrap();
        let leave = Overwrite::whatever_is_there();
        let overwritten = client.overwrite(&id, leave, &draft(), call()).await.unwrap();
        assert!(matches!(overwritten, Created::Replaced(_)));
        let etag = overwritten.backend().etag();
        assert_eq!((replaced.etag().as_str(), etag.as_str()), ("\"2\"", "\"3\""));
        assert!(client.delete(&id, etag, call()).await.unwrap().was_there);
        assert!(!client.delete(&id, etag, call()).await.unwrap().was_there);
    }
    let shown = |heard: &[server::Heard]| -> String {
        let line = |h: &server::Heard| {
            let state = h.headers.get(IF_MATCH).map_or("-", |state| state.to_str().unwrap());
            format!("{} {} If-Match {state} {}\n", h.method, h.uri.path(), h.body.len())
        };
        heard.iter().map(line).collect()
    };
    let heard = server.heard();
    expect![[r#"
        HEAD /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool If-Match - 0
        PUT /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool If-Match - 69
        HEAD /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool If-Match - 0
        PUT /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool If-Match "1" 69
        PUT /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool If-Match * 69
        DELETE /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool If-Match "3" 0
        DELETE /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool If-Match "3" 0
    "#]].assert_eq(&shown(&heard[..7]));
    expect![[r#"
        HEAD /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool If-Match - 0
        PUT /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool If-Match - 69
        HEAD /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool If-Match - 0
        PUT /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool If-Match "1" 69
        PUT /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool If-Match * 69
        DELETE /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool If-Match "3" 0
        DELETE /subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool If-Match "3" 0
    "#]].assert_eq(&shown(&heard[7..]));
}

#[tokio::test]
async fn a_version_without_it_is_not_asked() {
    let server = Server::start([reply(202, "", "")]).await;
    let credential = Credential::Static(Secret::new("t"));
    let options = Options { reconnect_version: Some(ApiVersion::RECONNECT), ..Options::default() };
    let endpoint = server.endpoint().at_version("2022-08-01".parse().unwrap());
    let old = Client::new(endpoint, credential.clone(), Options::default()).unwrap();
    let error = old.get(&workspace_id(), call()).await.unwrap_err();
    assert_eq!((error.done(), error.retry()), (Done::No, Retry::Never));
    expect![[r#"
        the api-version does not have it
        the api-version does not have it: api-version 2022-08-01 has no backends in workspaces: ask for 2024-05-01 or a later one (client-request-id 00000000-0000-0000-0000-000000000007)
    "#]].assert_eq(&format!("{error}\n{}\n", error.full()));

    let client = Client::new(server.endpoint(), credential, options).unwrap();
    let after = After::even_below_minimum(Duration::from_secs(3));
    client.reconnect(&pool_id(), after, call()).await.unwrap();
    let heard = server.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].uri.query(), Some("api-version=2022-08-01"));
    assert_eq!(heard[0].body, r#"{"properties":{"after":"PT3S"}}"#);
}

#[tokio::test]
async fn too_many_requests_are_handed_up_with_their_time() {
    let server = Server::start([
        reply(429, "Retry-After: 17", r#"{"error":{"code":"TooManyRequests","message":"slow"}}"#),
        reply(429, "Retry-After: Sun, 01 Mar 2026 12:00:30 GMT", ""),
    ])
    .await;
    let client = client(server.endpoint());
    let error = client.get(&backend_id(), call()).await.unwrap_err();
    let after = Some(RetryAfter::In(Duration::from_secs(17)));
    assert_eq!((error.done(), error.retry()), (Done::No, Retry::Again { after }));

    let etag = "\"1\"".parse().unwrap();
    let error = client.update(&backend_id(), &etag, &patch(), call()).await.unwrap_err();
    let after = Some(RetryAfter::At("2026-03-01T12:00:30Z".parse().unwrap()));
    assert_eq!((error.done(), error.retry()), (Done::No, Retry::Again { after }));
    // Nothing was repeated.
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn no_answer_in_time_leaves_it_open() {
    let server = Server::start([Reply::Silence]).await;
    let credential = Credential::Static(Secret::new("t"));
    let options = Options { call_timeout: Duration::from_millis(500), ..Options::default() };
    let client = Client::new(server.endpoint(), credential, options).unwrap();
    let etag = "\"1\"".parse().unwrap();
    let error = client.update(&backend_id(), &etag, &patch(), call()).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { cause: Uncertainty::Timeout, .. }), "{error:?}");
    assert_eq!((error.done(), error.retry()), (Done::Unknown, Retry::Look { after: None }));
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_known_not_to_have_done_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: BaseUrl = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let client = client(Endpoint::new(base, Default::default()));
    let etag = "\"1\"".parse().unwrap();
    for error in [
        client.update(&backend_id(), &etag, &patch(), call()).await.unwrap_err(),
        client.warm(call()).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
        assert_eq!((error.done(), error.retry()), (Done::No, Retry::Again { after: None }));
    }
}

#[tokio::test]
async fn why_no_connection_came_about_is_said_in_plain_words() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = free.local_addr().unwrap();
    drop(free);
    let no_tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let speaks_plainly = no_tls.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = no_tls.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 no\r\n").await;
        }
    });
    for (base, words) in [
        (format!("http://{nobody}"), "cannot connect, as the connection was refused"),
        ("https://nowhere.invalid".to_owned(), "the name could not be looked up"),
        (format!("https://{speaks_plainly}"), "no TLS connection came about: "),
    ] {
        let on_the_way = format!("Azure could not be reached: on the way to {base}: {words}");
        let client = client(Endpoint::new(base.parse().unwrap(), Default::default()));
        let error = client.update(&backend_id(), &"\"1\"".parse().unwrap(), &patch(), call()).await;
        let error = error.unwrap_err();
        assert!(error.plain().starts_with(&on_the_way), "{} / {}", error.plain(), error.full());
        assert!(error.full().contains("error sending request"), "{}", error.full());
    }
}

#[tokio::test]
async fn a_read_is_repeated_once_when_its_connection_breaks() {
    let server = Breaker::start(&[true, false, true], POOL).await;
    let client = client(server.endpoint());
    client.get(&backend_id(), call()).await.unwrap();
    client.get(&backend_id(), call()).await.unwrap();
    assert_eq!(server.methods(), "GET GET GET");

    let server = Breaker::start(&[], POOL).await;
    let client = self::client(server.endpoint());
    let error = client.get(&backend_id(), call()).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { cause: Uncertainty::Broken(_), .. }), "{error:?}");
    assert_eq!(server.methods(), "GET GET");
}

#[tokio::test]
async fn a_write_is_sent_once_however_its_connection_breaks() {
    // On a connection that was used before, and on a new one.
    for (answered, methods) in [(&[true, false] as &[bool], "GET PATCH"), (&[], "PATCH")] {
        let server = Breaker::start(answered, POOL).await;
        let client = client(server.endpoint());
        if !answered.is_empty() {
            client.get(&backend_id(), call()).await.unwrap();
        }
        let etag = "\"1\"".parse().unwrap();
        let error = client.update(&backend_id(), &etag, &patch(), call()).await.unwrap_err();
        assert!(matches!(error, Error::Unknown { cause: Uncertainty::Broken(_), .. }), "{error:?}");
        assert_eq!(server.methods(), methods);
    }
    let server = Breaker::start(&[], "").await;
    let client = client(server.endpoint());
    let error = client.reconnect(&pool_id(), After::MIN, call()).await.unwrap_err();
    assert_eq!(error.done(), Done::Unknown);
    assert_eq!(server.methods(), "POST");
}

#[tokio::test]
async fn an_update_that_nobody_waits_for_is_not_sent() {
    let server = Server::start([reply(200, "ETag: \"2\"", POOL)]).await;
    let client = client(server.endpoint());
    let etag = pool("[]").etag().clone();
    drop(client.update(&backend_id(), &etag, &patch(), call()));
    client.update(&backend_id(), &etag, &patch(), call()).await.unwrap();
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_not_read() {
    let fitting = format!("{{\"x\":\"{}\"}}", "x".repeat(DOCUMENT_BYTES_MAX - 8));
    let server = Server::start([
        reply(200, "ETag: \"1\"", fitting.clone()),
        reply(200, "ETag: \"1\"", format!("{fitting} ")),
    ])
    .await;
    let client = client(server.endpoint());
    let backend = client.get(&backend_id(), call()).await.unwrap();
    assert_eq!(backend.body().len(), DOCUMENT_BYTES_MAX);
    match client.get(&backend_id(), call()).await {
        Err(Error::Unreadable { reason: Garbled::TooLarge { .. }, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::start([]).await;
    let location: &'static str = format!("Location: {}/login", other.base()).leak();
    let server = Server::start([reply(307, location, "")]).await;
    let error = client(server.endpoint()).get(&backend_id(), call()).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    assert!(other.heard().is_empty());
}

#[derive(Debug, Default)]
struct Numbered(std::sync::atomic::AtomicUsize);

#[async_trait]
impl TokenSource for Numbered {
    async fn fetch(&self) -> Result<Token, CredentialFailure> {
        let n = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        Token::new(&Secret::new(format!("t{n}")), Timestamp::MAX)
    }
}

#[tokio::test]
async fn a_token_is_kept_until_it_is_refused() {
    let refused = r#"{"error":{"code":"ExpiredAuthenticationToken","message":"expired"}}"#;
    let ok = || reply(200, "ETag: \"1\"", POOL);
    let server = Server::start([ok(), ok(), reply(401, "", refused), ok()]).await;
    let credential = Credential::Source(Arc::new(Numbered::default()));
    let client = Client::new(server.endpoint(), credential, Options::default()).unwrap();
    for _ in 0..2 {
        client.get(&backend_id(), call()).await.unwrap();
    }
    let error = client.get(&backend_id(), call()).await.unwrap_err();
    assert_eq!((error.done(), error.retry()), (Done::No, Retry::Again { after: None }));
    client.clone().get(&backend_id(), call()).await.unwrap();
    let tokens: Vec<_> = server
        .heard()
        .iter()
        .map(|h| h.headers[AUTHORIZATION].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(tokens, ["Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2"]);
}

#[tokio::test]
async fn nothing_prints_a_secret() {
    let hush = r#"{"properties":{"credentials":{"header":{"k":["hush-header"]}},"proxy":{"password":"hush-password"}}}"#;
    let server = Server::start([
        reply(200, "ETag: \"1\"", hush),
        reply(200, "", hush),
        reply(500, "", hush),
        reply(502, "", "GET / HTTP/1.1 Authorization: Bearer hush-token"),
    ])
    .await;
    let credential = Credential::Static(Secret::new("hush-token"));
    let mut shown = format!("{credential:?} {:?}", Options::default());
    let client = Client::new(server.endpoint(), credential, Options::default()).unwrap();
    shown.push_str(&format!("{client:?}"));
    for _ in 0..4 {
        match client.get(&backend_id(), call()).await {
            Ok(backend) => shown.push_str(&format!("{backend:?}")),
            Err(error) => shown.push_str(&format!("{error:?} {error} {}", error.full())),
        }
    }
    assert_eq!(server.heard().len(), 4);
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn an_emulator_of_identities_is_on_this_machine() {
    let options = Options {
        identity: Some("https://login.example.com".parse().unwrap()),
        ..Options::default()
    };
    let endpoint = Endpoint::new("http://127.0.0.1:1".parse().unwrap(), Default::default());
    let error = Client::new(endpoint, Credential::Auto, options).unwrap_err();
    expect!["https://login.example.com is not this machine: only an emulator here may stand for the identity services"].assert_eq(&error.to_string());
}
