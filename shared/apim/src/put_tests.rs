use expect_test::{Expect, expect};

use super::*;
use crate::model::Shape;
use crate::model::connection::Protocol;
use crate::testing::{backend, pool};
use crate::version::ApiVersion;

fn check(draft: Result<Draft, DraftError>, expected: &Expect) {
    let shown = match draft {
        Ok(draft) => String::from_utf8(draft.document().body().to_vec()).unwrap(),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_draft_is_what_the_service_would_take() {
    let single = r#"{ "properties" : {"url":"https://a","protocol":"http","x":1.50} }"#;
    check(
        Draft::parse(single),
        &expect![[r#"{ "properties" : {"url":"https://a","protocol":"http","x":1.50} }"#]],
    );
    check(Draft::parse("{"), &expect!["it is not JSON (line 1, column 1)"]);
    check(
        Draft::parse(r#"{"properties":{"url":""}}"#),
        &expect![
            "properties.url has 0 characters: it must have 1 to 2000; properties.protocol is missing: a Single needs it"
        ],
    );
    check(
        Draft::new(&Properties::of(Shape::Single {
            url: "https://a".parse().unwrap(),
            protocol: Protocol::Soap,
            breaker: None,
        })),
        &expect![[r#"{"properties":{"url":"https://a","protocol":"soap"}}"#]],
    );
}

#[test]
fn a_backend_is_drafted_anew_with_everything_unknown_kept() {
    let before = backend(
        r#"{"id":"/x","name":"eu","properties":{"azureRegion":"west","url":"https://a","protocol":"http",
            "credentials":{"managedIdentity":{"clientId":"c"},"header":{"k":["v"]}}}}"#,
    );
    let mut properties = model::read(before.document()).unwrap();
    properties.title = Some("Europe".parse().unwrap());
    properties.credentials = Some(model::credentials::Credentials::default());
    check(
        Draft::over(&before, &properties),
        &expect![[r#"
        {"id":"/x","name":"eu","properties":{"azureRegion":"west","url":"https://a","protocol":"http",
                    "credentials":{"managedIdentity":{"clientId":"c"}},"title":"Europe"}}"#]],
    );
    // What is read is not always what may be sent.
    let odd = backend(r#"{"properties":{"url":"a","url":"b","protocol":"http"}}"#);
    check(
        Draft::over(&odd, &model::read(odd.document()).unwrap()),
        &expect!["properties.url is in it twice, and readers differ on which one counts"],
    );
}

#[test]
fn what_a_version_must_have_for_it_is_known() {
    let old: ApiVersion = "2022-08-01".parse().unwrap();
    for (body, offered) in [
        (r#"{"properties":{"url":"a"}}"#, true),
        (r#"{"properties":{"type":"Single","pool":null,"circuitBreaker":null}}"#, true),
        (r#"{"properties":{"type":"Pool"}}"#, false),
        (r#"{"properties":{"pool":{}}}"#, false),
        (r#"{"properties":{"type":"Single","pool":{"services":[]}}}"#, false),
        (r#"{"properties":{"circuitBreaker":{}}}"#, false),
    ] {
        let uses = features(&Document::parse(body).unwrap());
        let all = |version: &ApiVersion| uses.iter().all(|uses| version.offers(*uses).is_ok());
        assert_eq!(all(&old), offered, "{body}");
        assert!(all(&ApiVersion::default()), "{body}");
    }
    assert_eq!(features(pool(r#"[{"id":"a"}]"#).document()), [Feature::Pools]);
}
