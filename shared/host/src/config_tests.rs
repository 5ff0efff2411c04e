use expect_test::{Expect, expect};

use super::*;

fn check(text: &str, expect: &Expect) {
    let variable = |name: &str| match name {
        "TOKEN" => Some("s3cret".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    let read = Config::parse(text, Path::new("/etc/pointsman"), variable);
    let shown = match read {
        Ok(config) => format!("{config:#?}"),
        Err(wrong) => wrong.at("pointsman.yaml".to_owned()).to_string(),
    };
    assert!(!shown.contains("s3cret"), "{shown}");
    expect.assert_eq(&(shown + "\n"));
}

#[test]
fn everything_has_a_default_but_the_sources() {
    check("{}", &expect![[""]]);
}

#[test]
fn sources_prove_themselves() {
    check(
        "sources:\n- {name: prom, kind: alertmanager, bearer: [{env: TOKEN}]}\n",
        &expect![[""]],
    );
    check("sources:\n- {name: prom, kind: alertmanager}\n", &expect![[""]]);
    check(
        "sources:\n- {name: prom, kind: alertmanager, bearer: [{env: NONE}]}\n",
        &expect![[""]],
    );
    check(
        "sources:\n- {name: prom, kind: alertmanager, basic: {user: a, passwords: [{env: EMPTY}]}}\n",
        &expect![[""]],
    );
    check(
        "sources:\n- {name: prom, kind: alertmanager, path: /health/x, bearer: [{env: TOKEN}]}\n",
        &expect![[""]],
    );
    let twice = "- {name: prom, kind: alertmanager, bearer: [{env: TOKEN}]}\n";
    check(&format!("sources:\n{twice}{twice}"), &expect![[""]]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    check("lisen: 127.0.0.1:1\n", &expect![[""]]);
    check("listen: nowhere\n", &expect![[""]]);
    check("azure: {credential: token}\n", &expect![[""]]);
    check("azure: {endpoint: 'http://example.com'}\n", &expect![[""]]);
    check("sources: [{name: prom, kind: nagios, bearer: [{env: TOKEN}]}]\n", &expect![[""]]);
    check("azure: [\n", &expect![[""]]);
}
