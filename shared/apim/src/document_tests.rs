use expect_test::{Expect, expect};

use super::*;

fn check(body: &str, expected: &Expect) {
    let shown = match Document::parse(body.to_owned()) {
        Ok(document) => match document.name() {
            Ok(name) => format!("{name} {document:?}"),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn documents() {
    check(
        r#"{"name":"eu","properties":{"proxy":{"password":"hush"}}}"#,
        &expect![[r#"eu {"name":"eu","properties":{"proxy":{"password":"***"}}}"#]],
    );
    check("{}", &expect!["name is missing: the service names every backend"]);
    check(r#"{"name":"a/b"}"#, &expect![[r#"name is "a/b": it must be the name of a backend"#]]);
    check(r#"{"name":7}"#, &expect!["name is 7: it must be the name of a backend"]);
    check("", &expect!["it is not JSON (line 1, column 0)"]);
    check("{\"properties\":\n{hush}", &expect!["it is not JSON (line 2, column 2)"]);
    check("[]", &expect!["it is not a JSON object"]);
    check(
        r#"{"properties":{"url":"hush","url":"hush"}}"#,
        &expect!["properties.url is in it twice, and readers differ on which one counts"],
    );
    check(
        r#"{"\u001b[2J":{"x":1,"x":2}}"#,
        &expect!["�[2J.x is in it twice, and readers differ on which one counts"],
    );
}

#[test]
fn a_document_is_bounded() {
    let fitting = format!("{{\"x\":\"{}\"}}", "x".repeat(DOCUMENT_BYTES_MAX - 8));
    assert!(Document::parse(fitting.clone()).is_ok());
    let error = Document::parse(format!("{fitting} ")).unwrap_err();
    assert_eq!(error, DocumentError::TooLarge(DOCUMENT_BYTES_MAX + 1));
}
