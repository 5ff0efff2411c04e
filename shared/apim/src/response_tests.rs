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
    let shown = match update(call(), answer(status, headers, body.to_owned())) {
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
                remaining: Some(
                    199,
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
                remaining: None,
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
        Azure's answer cannot be read (200): its ETag is missing or not one (client-request-id 00000000-0000-0000-0000-000000000007)
        Look { after: None }"#]],
    );
    check(
        200,
        "ETag: *",
        "{}",
        &expect![[r#"
        Azure's answer cannot be read (200)
        Azure's answer cannot be read (200): its ETag is missing or not one (client-request-id 00000000-0000-0000-0000-000000000007)
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
    assert_eq!(accepted.meta.date, "2026-03-01T12:00:00Z".parse().ok());
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused(
        status in 100..600u16,
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(backend) = get(call(), answer(status, HEADERS, body.clone())) {
            prop_assert_eq!(backend.body(), &body);
        }
        let _ = reconnect(call(), &answer(status, HEADERS, body));
    }
}
