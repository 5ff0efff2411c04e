//! What is wrong with a document, in words.

use expect_test::{Expect, expect};

use super::*;

fn check(document: &str, expected: &Expect) {
    expected.assert_eq(&problems(document));
}

fn patch(document: &str, expected: &Expect) {
    let document: Value = serde_json::from_str(document).unwrap();
    let problems = validate(&document, Purpose::Patch);
    expected.assert_eq(&problems.iter().map(|p| format!("{p}\n")).collect::<String>());
}

#[test]
fn what_must_be_there() {
    check(
        "{}",
        &expect![[r#"
        properties is missing: it is what a backend has
    "#]],
    );
    check(
        r#"{"properties":null}"#,
        &expect![[r#"
        properties is missing: it is what a backend has
    "#]],
    );
    check(
        r#"{"properties":{}}"#,
        &expect![[r#"
        properties.url is missing: a Single needs it
        properties.protocol is missing: a Single needs it
    "#]],
    );
    check(
        r#"{"properties":{"url":null,"protocol":null,"type":"Single"}}"#,
        &expect![[r#"
        properties.url is missing: a Single needs it
        properties.protocol is missing: a Single needs it
    "#]],
    );
    check(
        r#"{"properties":{"type":"Pool"}}"#,
        &expect![[r#"
        properties.pool is missing: a Pool needs it
    "#]],
    );
    check(
        r#"{"properties":{"type":"Pool","pool":{}}}"#,
        &expect![[r#"
        properties.pool.services is missing: a pool has at least one
    "#]],
    );
    check(
        r#"{"properties":{"pool":{"services":[{"id":"a"}]}}}"#,
        &expect![[r#"
        properties.type is missing: with a pool it must be Pool
    "#]],
    );
    check(
        &pool(r#"[{"weight":1}]"#),
        &expect![[r#"
        properties.pool.services[0].id is missing: a member is named by it
    "#]],
    );
    check(
        &single(r#""proxy":{"username":"me"}"#),
        &expect![[r#"
        properties.proxy.url is missing: a proxy needs it
    "#]],
    );
    check(
        &single(r#""credentials":{"authorization":{}}"#),
        &expect![[r#"
        properties.credentials.authorization.scheme is missing: an authorization needs its scheme and its parameter
        properties.credentials.authorization.parameter is missing: an authorization needs its scheme and its parameter
    "#]],
    );
    check(
        &single(r#""properties":{"serviceFabricCluster":{}}"#),
        &expect![[r#"
        properties.properties.serviceFabricCluster.managementEndpoints is missing: a cluster is managed somewhere
    "#]],
    );
    check(
        &single(r#""circuitBreaker":{"rules":[{"name":"a"}]}"#),
        &expect![[r#"
        properties.circuitBreaker.rules[0].failureCondition is missing: a rule needs one
    "#]],
    );
    check(
        &condition(""),
        &expect![[r#"
        properties.circuitBreaker.rules[0].failureCondition has neither count nor percentage: exactly one of them must be there
        properties.circuitBreaker.rules[0].failureCondition has neither statusCodeRanges nor errorReasons: at least one of them must be there
    "#]],
    );
    check(
        &condition(r#""count":1,"percentage":1,"errorReasons":["x"]"#),
        &expect![[r#"
        properties.circuitBreaker.rules[0].failureCondition has count and percentage: exactly one of them must be there
    "#]],
    );
    check(
        &condition(r#""count":1,"errorReasons":[],"statusCodeRanges":null"#),
        &expect![[r#"
        properties.circuitBreaker.rules[0].failureCondition has neither statusCodeRanges nor errorReasons: at least one of them must be there
    "#]],
    );
    check(
        &condition(r#""count":1,"statusCodeRanges":[{"min":599,"max":500}]"#),
        &expect![[r#"
        properties.circuitBreaker.rules[0].failureCondition.statusCodeRanges[0] has a min above its max: no status is in it
    "#]],
    );
}

#[test]
fn what_a_pool_must_not_have() {
    check(
        r#"{"properties":{"type":"Pool","url":"https://a","protocol":"http","circuitBreaker":{},"pool":{"services":[{"id":"a"}]}}}"#,
        &expect![[r#"
            properties.url is given: Url is not supported for backend pool.
            properties.protocol is given: Protocol is not supported for backend pool.
            properties.circuitBreaker is given: CircuitBreaker is not supported for backend pool.
        "#]],
    );
    // As the service answers for a pool.
    check(
        r#"{"id":"/x","name":"p","type":"Microsoft.ApiManagement/service/backends","properties":{"type":"Pool","title":null,"url":null,"protocol":null,"circuitBreaker":null,"pool":{"services":[{"id":"a","weight":null,"priority":null}]}}}"#,
        &expect![""],
    );
}

#[test]
fn what_is_something_else() {
    check(
        "[]",
        &expect![[r#"
        the document is an array: it must be an object
    "#]],
    );
    check(
        r#"{"properties":[]}"#,
        &expect![[r#"
        properties is an array: it must be an object
    "#]],
    );
    check(
        &single(r#""title":7,"tls":true,"proxy":"http://p""#),
        &expect![[r#"
        properties.title is 7: it must be a string
        properties.proxy is "http://p": it must be an object
        properties.tls is true: it must be an object
    "#]],
    );
    check(
        &single(r#""tls":{"validateCertificateChain":"no"}"#),
        &expect![[r#"
        properties.tls.validateCertificateChain is "no": it must be true or false
    "#]],
    );
    check(
        &single(r#""credentials":{"header":{"x":"v"},"query":[],"certificate":{}}"#),
        &expect![[r#"
            properties.credentials.certificate is an object: it must be an array
            properties.credentials.header.x is ***: it must be an array
            properties.credentials.query is an array: it must be an object
        "#]],
    );
    check(
        &single(r#""circuitBreaker":{"rules":{}}"#),
        &expect![[r#"
        properties.circuitBreaker.rules is an object: it must be an array
    "#]],
    );
    check(
        &single(
            r#""properties":{"serviceFabricCluster":{"managementEndpoints":[7],"serverX509Names":["x"]}}"#,
        ),
        &expect![[r#"
            properties.properties.serviceFabricCluster.managementEndpoints[0] is 7: it must be a string
            properties.properties.serviceFabricCluster.serverX509Names[0] is "x": it must be an object
        "#]],
    );
}

#[test]
fn everything_is_said_at_once() {
    check(
        r#"{"properties":{"title":"","type":"Pool","url":"https://a","pool":{"services":[
            {"id":"eu","weight":101},{"id":"us","priority":-1},7]},"proxy":{}}}"#,
        &expect![[r#"
            properties.title has 0 characters: it must have 1 to 300
            properties.url is given: Url is not supported for backend pool.
            properties.pool.services[0].weight is 101: it must be 0 to 100
            properties.pool.services[1].priority is -1: it must be 0 to 100
            properties.pool.services[2] is 7: it must be an object
            properties.proxy.url is missing: a proxy needs it
        "#]],
    );
    let many = array(r#"{"id":"","weight":101,"priority":101}"#, 30);
    let headers = format!(r#","credentials":{{"certificate":{}}}"#, array("7", 32));
    let document =
        format!(r#"{{"properties":{{"type":"Pool","pool":{{"services":{many}}}{headers}}}}}"#);
    assert_eq!(problems(&document).lines().count(), problem::PROBLEMS_MAX);
}

#[test]
fn what_is_secret_is_not_repeated() {
    let document = single(
        r#""credentials":{"authorization":{"scheme":["hush"],"parameter":4815162342},
            "certificate":[4815162342],"header":{"x-key":["ok",4815162342],"y":"hush"}},
            "proxy":{"url":"p","password":4815162342},"tls":"https://u:hush@a/?hush""#,
    );
    let problems = problems(&document);
    assert!(!problems.contains("hush") && !problems.contains("4815162342"), "{problems}");
    expect![[r#"
        properties.credentials.authorization.scheme is an array: it must be a string
        properties.credentials.authorization.parameter is ***: it must be a string
        properties.credentials.certificate[0] is ***: it must be a string
        properties.credentials.header.x-key[1] is ***: it must be a string
        properties.credentials.header.y is ***: it must be an array
        properties.proxy.password is ***: it must be a string
        properties.tls is "https://***@a/?***": it must be an object
    "#]]
    .assert_eq(&problems);
}

#[test]
fn a_patch_may_leave_out_and_delete() {
    patch("{}", &expect![""]);
    patch(r#"{"properties":{"title":null,"tls":{"validateCertificateName":true}}}"#, &expect![""]);
    patch(
        r#"{"properties":{"proxy":{"password":"p"},"credentials":{"header":{"x":null}}}}"#,
        &expect![""],
    );
    patch(r#"{"properties":{"type":"Single","url":"https://b"}}"#, &expect![""]);
    // What it says is within the bounds all the same, and an array is whole.
    patch(
        r#"{"properties":{"title":"","pool":{"services":[{"weight":1}]}}}"#,
        &expect![[r#"
        properties.title has 0 characters: it must have 1 to 300
        properties.pool.services[0].id is missing: a member is named by it
    "#]],
    );
    patch(
        r#"{"properties":{"type":"Pool","url":"https://b"}}"#,
        &expect![[r#"
        properties.url is given: Url is not supported for backend pool.
    "#]],
    );
    patch(
        r#"{"properties":{"circuitBreaker":{"rules":[{"name":"a"}]},"url":""}}"#,
        &expect![[r#"
        properties.url has 0 characters: it must have 1 to 2000
        properties.circuitBreaker.rules[0].failureCondition is missing: a rule needs one
    "#]],
    );
    patch(
        "7",
        &expect![[r#"
        the document is 7: it must be an object
    "#]],
    );
}

#[test]
fn the_view_of_a_pool_uses_the_same_words() {
    for services in [
        "[]",
        "7",
        r#"[{"id":"eu"},7]"#,
        r#"[{"id":7}]"#,
        r#"[{"id":"/backends/"}]"#,
        r#"[{"id":"eu","weight":101}]"#,
        r#"[{"id":"eu","priority":-1}]"#,
        r#"[{"id":"eu","weight":"50"}]"#,
    ] {
        let document = pool(services);
        let view = crate::testing::backend(document.clone()).pool().unwrap_err();
        assert_eq!(problems(&document), format!("{view}\n"));
    }
    let kind = crate::testing::backend(r#"{"properties":{"type":"Cluster"}}"#);
    let view = kind.kind().unwrap_err();
    assert_eq!(problems(r#"{"properties":{"type":"Cluster"}}"#), format!("{view}\n"));
}
