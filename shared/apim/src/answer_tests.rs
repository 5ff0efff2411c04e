use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::error::{Error, of_answer};
use crate::testing::{answer, call};

const IDS: &str = "x-ms-request-id: r-1\nx-ms-correlation-request-id: c-1";

/// The kind, what the caller is told, and what the operator is.
fn check(status: u16, headers: &str, body: &str, expected: &Expect) {
    let error = of_answer(Answer::read(call(), &answer(status, headers, body.to_owned())));
    let kind = format!("{error:?}");
    let kind = kind.split(['(', ' ']).next().unwrap_or_default();
    expected.assert_eq(&format!(
        "{kind}; done {:?}; retry {:?}\n{error}\n{}\n",
        error.done(),
        error.retry(),
        error.full()
    ));
}

#[test]
fn additional_information_is_kept_and_redacted() {
    check(
        403,
        "",
        r#"{"error":{"code":"RequestDisallowedByPolicy","message":"no","target":"eu","details":[{"code":"B","message":"b",
            "additionalInfo":[{"type":"Nested","info":{"a":[1]}}]}],
            "additionalInfo":[{"type":"PolicyViolation","info":{"policy":"p","clientSecret":"hush","see":"https://a/?sig=hush"}},
                {"type":"Empty"},{"info":"password=hush"},7]}}"#,
        &expect![[r#"
            Unauthorized; done No; retry Never
            Azure does not allow it (403 RequestDisallowedByPolicy)
            Azure does not allow it (403 RequestDisallowedByPolicy): no [-: b (B)] <PolicyViolation: {"policy":"p","clientSecret":"***","see":"https://a/?***"}> <Empty: > <: "password=***"> <Nested: {"a":[1]}> (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        400,
        "",
        r#"{"error":{"code":"V","message":"m","details":[{"code":"V","message":"hush","target":"proxy.password",
            "additionalInfo":[{"type":"Value","info":{"was":"hush"}}]}]}}"#,
        &expect![[r#"
            Refused; done No; retry Never
            Azure refused it (400 V)
            Azure refused it (400 V): m [proxy.password: (withheld, since it is about a secret) (V)] <Value: (withheld, since it is about a secret)> (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    let many = [r#"{"type":"T","info":1}"#; ADDITIONAL_MAX + 1].join(",");
    let body = format!(r#"{{"error":{{"code":"C","message":"m","additionalInfo":[{many}]}}}}"#);
    match Answer::read(call(), &answer(400, "", body)).said {
        Said::Error(complaint) => assert_eq!(complaint.additional.len(), ADDITIONAL_MAX),
        other => panic!("{other:?}"),
    }
}

#[test]
fn errors_of_the_service() {
    check(
        404,
        IDS,
        r#"{"error":{"code":"ResourceNotFound","message":"No such backend.","details":null}}"#,
        &expect![[r#"
            NotFound; done No; retry Never
            it is not there (404 ResourceNotFound)
            it is not there (404 ResourceNotFound): No such backend. (client-request-id 00000000-0000-0000-0000-000000000007, request-id r-1, correlation-id c-1)
        "#]],
    );
    check(
        412,
        "",
        r#"{"error":{"code":"PreconditionFailed","message":"It was modified.","details":null}}"#,
        &expect![[r#"
            PreconditionFailed; done No; retry Look { after: None }
            the backend was changed meanwhile (412 PreconditionFailed)
            the backend was changed meanwhile (412 PreconditionFailed): It was modified. (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        409,
        "Retry-After: 5",
        r#"{"error":{"code":"PessimisticConcurrencyConflict","message":"In progress","details":null}}"#,
        &expect![[r#"
            Busy; done No; retry Again { after: Some(In(5s)) }
            Azure is busy with another change of it (409 PessimisticConcurrencyConflict)
            Azure is busy with another change of it (409 PessimisticConcurrencyConflict): In progress; retry after 5 s (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        409,
        "",
        r#"{"error":{"code":"ScopeLocked","message":"locked"}}"#,
        &expect![[r#"
            Refused; done No; retry Never
            Azure refused it (409 ScopeLocked)
            Azure refused it (409 ScopeLocked): locked (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        422,
        "",
        r#"{"error":{"code":"ManagementApiRequestFailed","message":"No connection","details":null,"innerError":{"code":"Net","message":"unreachable"}}}"#,
        &expect![[r#"
            Refused; done No; retry Never
            Azure refused it (422 ManagementApiRequestFailed)
            Azure refused it (422 ManagementApiRequestFailed): No connection [-: unreachable (Net)] (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        400,
        "",
        r#"{"error":{"code":"ValidationError","message":"Fields are wrong:","details":[
            {"code":"ValidationError","target":"url","message":"Not for a pool."},
            {"code":"ValidationError","target":"credentials.authorization.parameter","message":"opensesame is wrong"}]}}"#,
        &expect![[r#"
            Refused; done No; retry Never
            Azure refused it (400 ValidationError)
            Azure refused it (400 ValidationError): Fields are wrong: [url: Not for a pool. (ValidationError)] [credentials.authorization.parameter: (withheld, since it is about a secret) (ValidationError)] (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        400,
        "",
        r#"{"error":{"code":"A","message":"a","target":"t","details":[{"code":"B","message":"b","details":[{"code":"C","message":"c"}]}],"additionalInfo":[{"type":"x","info":{}}]}}"#,
        &expect![[r#"
            Refused; done No; retry Never
            Azure refused it (400 A)
            Azure refused it (400 A): a [-: b (B)] [-: c (C)] <x: {}> (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        401,
        "",
        r#"{"error":{"code":"ExpiredAuthenticationToken","message":"expired"}}"#,
        &expect![[r#"
            Unauthorized; done No; retry Again { after: None }
            Azure does not allow it (401 ExpiredAuthenticationToken)
            Azure does not allow it (401 ExpiredAuthenticationToken): expired (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        403,
        "",
        r#"{"error":{"code":"AuthorizationFailed","message":"no right"}}"#,
        &expect![[r#"
            Unauthorized; done No; retry Never
            Azure does not allow it (403 AuthorizationFailed)
            Azure does not allow it (403 AuthorizationFailed): no right (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        429,
        "Retry-After: 17",
        r#"{"error":{"code":"TooManyRequests","message":"slow down"}}"#,
        &expect![[r#"
            Throttled; done No; retry Again { after: Some(In(17s)) }
            Azure takes no more requests for now (429 TooManyRequests)
            Azure takes no more requests for now (429 TooManyRequests): slow down; retry after 17 s (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        429,
        "Retry-After: Sun, 01 Mar 2026 12:00:30 GMT",
        "",
        &expect![[r#"
            Throttled; done No; retry Again { after: Some(At(2026-03-01T12:00:30Z)) }
            Azure takes no more requests for now (429)
            Azure takes no more requests for now (429): no body; retry at 2026-03-01T12:00:30Z (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        503,
        "Retry-After: 2",
        r#"{"error":{"code":"ServiceUnavailable","message":"down"}}"#,
        &expect![[r#"
            Unknown; done Unknown; retry Look { after: Some(In(2s)) }
            Azure failed (503 ServiceUnavailable)
            Azure failed (503 ServiceUnavailable): down; retry after 2 s (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        400,
        "",
        r#"{"code":"Bare","message":"without an envelope"}"#,
        &expect![[r#"
            Refused; done No; retry Never
            Azure refused it (400 Bare)
            Azure refused it (400 Bare): without an envelope (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
}

#[test]
fn answers_of_something_in_between() {
    let html = "Content-Type: text/html; charset=utf-8";
    check(
        404,
        html,
        "<html><body>No such\r\npage</body></html>",
        &expect![[r#"
            Refused; done No; retry Never
            Azure refused it (404)
            Azure refused it (404): 39 bytes of text/html; charset=utf-8, not an error of the service: <html><body>No such  page</body></html> (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        502,
        html,
        &format!("<html>{}", "x".repeat(10_000)),
        &expect![[r#"
            Unknown; done Unknown; retry Look { after: None }
            Azure failed (502)
            Azure failed (502): 10006 bytes of text/html; charset=utf-8, not an error of the service: <html>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        407,
        "",
        "",
        &expect![[r#"
            Refused; done No; retry Never
            Azure refused it (407)
            Azure refused it (407): no body (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        408,
        "",
        "",
        &expect![[r#"
            Unknown; done Unknown; retry Look { after: None }
            Azure failed (408)
            Azure failed (408): no body (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        302,
        "Location: https://login.example",
        "",
        &expect![[r#"
            Refused; done No; retry Never
            Azure refused it (302)
            Azure refused it (302): no body (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    // JSON of another shape may be a backend: nothing of it is shown.
    check(
        500,
        "Content-Type: application/json",
        r#"{"properties":{"proxy":{"password":"hunter2"}}}"#,
        &expect![[r#"
            Unknown; done Unknown; retry Look { after: None }
            Azure failed (500)
            Azure failed (500): 47 bytes of application/json, not an error of the service (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        500,
        "",
        r#" {"properties":{"proxy":{"password":"hunter2"#,
        &expect![[r#"
            Unknown; done Unknown; retry Look { after: None }
            Azure failed (500)
            Azure failed (500): 44 bytes of unnamed type, not an error of the service (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
    check(
        400,
        html,
        r#"you sent {"properties":{"x":["hunter2"]}}"#,
        &expect![[r#"
        Refused; done No; retry Never
        Azure refused it (400)
        Azure refused it (400): 41 bytes of text/html; charset=utf-8, not an error of the service (client-request-id 00000000-0000-0000-0000-000000000007)
    "#]],
    );
    check(
        400,
        html,
        r#"you sent {"proxy": {"password": "hunter2"}}, Authorization: Bearer hunter2"#,
        &expect![[r#"
            Refused; done No; retry Never
            Azure refused it (400)
            Azure refused it (400): 74 bytes of text/html; charset=utf-8, not an error of the service: you sent {"proxy": {"password": "***"}}, Authorization: Bearer *** (client-request-id 00000000-0000-0000-0000-000000000007)
        "#]],
    );
}

#[test]
fn a_long_complaint_is_cut() {
    let deep = (0..50).fold(r#"{"code":"x","message":"end"}"#.to_owned(), |inner, _| {
        format!(r#"{{"code":"x","message":"m","details":[{inner}]}}"#)
    });
    let wide = vec![r#"{"code":"x","message":"m"}"#; 1_000].join(",");
    let long = "m".repeat(100_000);
    for (body, details) in [
        (format!(r#"{{"error":{deep}}}"#), DEPTH_MAX),
        (format!(r#"{{"error":{{"code":"c","details":[{wide}]}}}}"#), DETAILS_MAX),
        (format!(r#"{{"error":{{"code":"c","message":"{long}"}}}}"#), 0),
    ] {
        match Answer::read(call(), &answer(400, "", body)).said {
            Said::Error(complaint) => {
                assert_eq!(complaint.details.len(), details);
                assert!(complaint.message.chars().count() <= MESSAGE_CHARS_MAX + 1);
            }
            other @ Said::Foreign { .. } => panic!("{other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn any_answer_is_sorted(
        status in 300..600u16,
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let error = of_answer(Answer::read(call(), &answer(status, "", body)));
        prop_assert!(!error.to_string().is_empty());
        prop_assert!(error.full().contains(&status.to_string()));
        // Only what failed on the way leaves open whether it was done.
        let open = matches!(error, Error::Unknown { .. });
        prop_assert_eq!(open, status >= 500 || status == 408);
    }
}
