use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::testing::{answer, call};

const HEADERS: &str = "ETag: \"AAAAAAAADCE=\"
    Date: Sun, 01 Mar 2026 12:00:00 GMT
    x-ms-request-id: r-1
    x-ms-correlation-request-id: c-1
    x-ms-ratelimit-remaining-subscription-writes: 199";

fn check(status: u16, headers: &str, body: &str, expected: &Expect) {
    let shown = match backend(call(), answer(status, headers, body.to_owned())) {
        Ok(backend) => format!("{backend:#?}"),
        Err(error) => format!("{error}\n{}\n{:?}", error.full(), error.retry()),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_backend_with_its_mark() {
    check(
        200,
        HEADERS,
        r#"{"name":"eu","properties":{"url":"https://a"}}"#,
        &expect![[r#"
        Backend {
            etag: ETag("AAAAAAAADCE="),
            meta: Meta {
                ids: Ids {
                    call: RequestId(
                        00000000-0000-0000-0000-000000000007,
                    ),
                    request: Some(
                        "r-1",
                    ),
                    correlation: Some(
                        "c-1",
                    ),
                },
                date: Some(
                    2026-03-01T12:00:00Z,
                ),
            },
            body: {"name":"eu","properties":{"url":"https://a"}},
        }"#]],
    );
    check(
        200,
        "ETag: W/\"x\"\nDate: yesterday",
        "{}",
        &expect![[r#"
        Backend {
            etag: ETag(W/"x"),
            meta: Meta {
                ids: Ids {
                    call: RequestId(
                        00000000-0000-0000-0000-000000000007,
                    ),
                    request: None,
                    correlation: None,
                },
                date: None,
            },
            body: {},
        }"#]],
    );
}

#[test]
fn a_success_that_cannot_be_read() {
    check(
        200,
        "",
        "{}",
        &expect![[r#"
            Azure's answer cannot be read (200)
            Azure's answer cannot be read (200): its ETag is missing or not valid (client-request-id 00000000-0000-0000-0000-000000000007)
            Look { after: None }"#]],
    );
    check(
        200,
        "ETag: *",
        "{}",
        &expect![[r#"
            Azure's answer cannot be read (200)
            Azure's answer cannot be read (200): its ETag is missing or not valid (client-request-id 00000000-0000-0000-0000-000000000007)
            Look { after: None }"#]],
    );
    check(
        200,
        HEADERS,
        "",
        &expect![[r#"
        Azure's answer cannot be read (200)
        Azure's answer cannot be read (200): it has no body (client-request-id 00000000-0000-0000-0000-000000000007, request-id r-1, correlation-id c-1)
        Look { after: None }"#]],
    );
    check(
        204,
        HEADERS,
        "",
        &expect![[r#"
        Azure's answer cannot be read (204)
        Azure's answer cannot be read (204): it has no body (client-request-id 00000000-0000-0000-0000-000000000007, request-id r-1, correlation-id c-1)
        Look { after: None }"#]],
    );
    check(
        202,
        HEADERS,
        "{}",
        &expect![[r#"
        Azure's answer cannot be read (202)
        Azure's answer cannot be read (202): its status is not one of this operation (client-request-id 00000000-0000-0000-0000-000000000007, request-id r-1, correlation-id c-1)
        Look { after: None }"#]],
    );
    check(
        200,
        HEADERS,
        "[]",
        &expect![[r#"
        Azure's answer cannot be read (200)
        Azure's answer cannot be read (200): its body is not a JSON object (line 1, column 1) (client-request-id 00000000-0000-0000-0000-000000000007, request-id r-1, correlation-id c-1)
        Look { after: None }"#]],
    );
    check(
        200,
        HEADERS,
        "<html>log in, hunter2</html>",
        &expect![[r#"
        Azure's answer cannot be read (200)
        Azure's answer cannot be read (200): its body is not a JSON object (line 1, column 1) (client-request-id 00000000-0000-0000-0000-000000000007, request-id r-1, correlation-id c-1)
        Look { after: None }"#]],
    );
    check(
        200,
        HEADERS,
        r#"{"properties":{"proxy":{"password":"hunter2"}"#,
        &expect![[r#"
        Azure's answer cannot be read (200)
        Azure's answer cannot be read (200): its body is not a JSON object (line 1, column 45) (client-request-id 00000000-0000-0000-0000-000000000007, request-id r-1, correlation-id c-1)
        Look { after: None }"#]],
    );
}

#[test]
fn a_reconnect_is_accepted_without_a_body() {
    for (status, body, accepted) in [
        (202, "", true),
        (202, "{}", true),
        (200, "", true),
        (200, "<html>", false),
        (404, "", false),
    ] {
        let answer = answer(status, HEADERS, body);
        assert_eq!(reconnect(call(), &answer).is_ok(), accepted, "{status} {body}");
    }
    let accepted = reconnect(call(), &answer(202, HEADERS, "")).unwrap();
    assert_eq!(accepted.date, "2026-03-01T12:00:00Z".parse().ok());
}

fn shown<T: std::fmt::Debug>(outcome: Result<T, Error>, expected: &Expect) {
    let shown = match outcome {
        Ok(read) => format!("{read:?}"),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

const MARK: &str = "ETag: \"1\"";

#[test]
fn the_mark_alone() {
    let read = |status, headers: &str| entity_tag(call(), &answer(status, headers, ""));
    shown(read(200, MARK).map(|tagged| tagged.etag), &expect![[r#"ETag("1")"#]]);
    shown(read(200, ""), &expect!["Azure's answer cannot be read (200)"]);
    shown(read(204, MARK), &expect!["Azure's answer cannot be read (204)"]);
    // A HEAD has no body to say what a 404 is one of.
    shown(read(404, "x-ms-request-id: r-1"), &expect!["it is not there (404)"]);
    shown(read(404, ""), &expect!["Azure refused it (404)"]);
    shown(read(503, ""), &expect!["Azure failed (503)"]);
}

#[test]
fn what_was_created_is_told_from_what_was_replaced() {
    let body = r#"{"name":"eu"}"#;
    shown(
        created(call(), answer(201, MARK, body)),
        &expect![[
            r#"New(Backend { etag: ETag("1"), meta: Meta { ids: Ids { call: RequestId(00000000-0000-0000-0000-000000000007), request: None, correlation: None }, date: None }, body: {"name":"eu"} })"#
        ]],
    );
    shown(
        created(call(), answer(200, MARK, body)),
        &expect![[
            r#"Replaced(Backend { etag: ETag("1"), meta: Meta { ids: Ids { call: RequestId(00000000-0000-0000-0000-000000000007), request: None, correlation: None }, date: None }, body: {"name":"eu"} })"#
        ]],
    );
    shown(
        created(call(), answer(202, MARK, body)),
        &expect!["Azure's answer cannot be read (202)"],
    );
    shown(created(call(), answer(201, "", body)), &expect!["Azure's answer cannot be read (201)"]);
    shown(created(call(), answer(201, MARK, "")), &expect!["Azure's answer cannot be read (201)"]);
    shown(created(call(), answer(201, MARK, body)).map(|_| ()), &expect!["()"]);
    shown(backend(call(), answer(200, MARK, body)).map(|_| ()), &expect!["()"]);
    // Under its condition there was something to replace.
    shown(
        backend(call(), answer(201, MARK, body)),
        &expect!["Azure's answer cannot be read (201)"],
    );
    shown(
        backend(call(), answer(412, "", "")),
        &expect!["the backend was changed meanwhile (412)"],
    );
}

#[test]
fn what_was_deleted_is_gone() {
    let read = |status, body| delete(call(), &answer(status, "", body)).map(|done| done.was_there);
    shown(read(200, ""), &expect!["true"]);
    shown(read(204, ""), &expect!["false"]);
    shown(read(202, ""), &expect!["Azure's answer cannot be read (202)"]);
    shown(read(200, "<html>log in</html>"), &expect!["Azure's answer cannot be read (200)"]);
    shown(read(412, ""), &expect!["the backend was changed meanwhile (412)"]);
}

#[test]
fn a_page_keeps_the_letter_of_each_backend() {
    let endpoint = Endpoint::default();
    let read = |body: &str| list(&endpoint, call(), &answer(200, "", body.to_owned()));
    let page = read(
        r#"{"value": [ {"name" : "eu", "x":1.50} ,{"name":"us"}], "count": 7,
            "nextLink": "https://management.azure.com/next?$skip=2"}"#,
    );
    let page = page.unwrap();
    assert_eq!(page.backends[0].body(), r#"{"name" : "eu", "x":1.50}"#);
    assert_eq!(page.backends[1].name().unwrap().as_str(), "us");
    assert_eq!(page.count, Some(7));
    let next = crate::request::list_next(&page.next.unwrap(), call());
    assert_eq!(next.uri(), "https://management.azure.com/next?$skip=2");
    // The service writes an empty link at the end; older versions have neither link nor count.
    for last in [r#"{"value":[],"count":0,"nextLink":""}"#, r#"{"value":[],"nextLink":null}"#] {
        let page = read(last).unwrap();
        assert_eq!((page.backends.len(), page.next), (0, None));
    }
    let reason = |body| match read(body) {
        Err(Error::Unreadable { reason, .. }) => format!("{reason}\n"),
        other => panic!("{other:?}"),
    };
    let reasons = [
        "",
        "[]",
        "{}",
        r#"{"value":[7]}"#,
        r#"{"value":[],"count":"2"}"#,
        r#"{"value":[],"nextLink":7}"#,
        r#"{"value":[],"nextLink":"/next"}"#,
        r#"{"value":[],"nextLink":"https://evil.example/next"}"#,
    ];
    expect![[r#"
        it has no body
        its body is not a JSON object (line 1, column 1)
        it has no array of values, or its count or link is not valid
        one of its values is not an object
        it has no array of values, or its count or link is not valid
        it has no array of values, or its count or link is not valid
        the address of its next page is not valid
        its next page is on another server, which must not see the token
    "#]]
    .assert_eq(&reasons.map(reason).concat());
    shown(list(&endpoint, call(), &answer(403, "", "")), &expect!["Azure does not allow it (403)"]);
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused(
        status in 100..600u16,
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(backend) = backend(call(), answer(status, HEADERS, body.clone())) {
            prop_assert_eq!(backend.body(), &body);
        }
        let _ = reconnect(call(), &answer(status, HEADERS, body.clone()));
        let _ = entity_tag(call(), &answer(status, HEADERS, ""));
        let _ = created(call(), answer(status, HEADERS, body.clone()));
        let _ = delete(call(), &answer(status, HEADERS, body.clone()));
        let _ = list(&Endpoint::default(), call(), &answer(status, HEADERS, body));
    }
}
