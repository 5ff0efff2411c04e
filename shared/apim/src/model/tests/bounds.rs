//! Every bound: taken just inside, refused just outside.

use super::*;

/// Takes each of the first, and refuses each of the second with words that begin so.
fn check(inside: &[String], outside: &[(String, &str)]) {
    for document in inside {
        assert_eq!(problems(document), "", "{document}");
    }
    for (document, words) in outside {
        assert_eq!(problems(document), format!("{words}\n"), "{document}");
    }
}

fn text(length: usize) -> String {
    // Characters are counted, not bytes.
    format!("\"{}\"", "é".repeat(length))
}

#[test]
fn texts() {
    let url = |length| format!(r#"{{"properties":{{"protocol":"http","url":{}}}}}"#, text(length));
    check(
        &[url(1), url(2_000)],
        &[
            (url(0), "properties.url has 0 characters: it must have 1 to 2000"),
            (url(2_001), "properties.url has 2001 characters: it must have 1 to 2000"),
        ],
    );
    for (before, after, path, most) in [
        (r#""title":"#, "", "title", 300),
        (r#""description":"#, "", "description", 2_000),
        (r#""resourceId":"#, "", "resourceId", 2_000),
        (r#""proxy":{"url":"#, "}", "proxy.url", 2_000),
        (
            r#""credentials":{"authorization":{"parameter":"p","scheme":"#,
            "}}",
            "credentials.authorization.scheme",
            100,
        ),
        (
            r#""credentials":{"authorization":{"scheme":"s","parameter":"#,
            "}}",
            "credentials.authorization.parameter",
            300,
        ),
    ] {
        let made = |length| single(&format!("{before}{}{after}", text(length)));
        let words =
            |length| format!("properties.{path} has {length} characters: it must have 1 to {most}");
        check(&[made(1), made(most)], &[(made(0), &words(0)), (made(most + 1), &words(most + 1))]);
    }
    let reason =
        |length| condition(&format!(r#""count":1,"errorReasons":["timeout",{}]"#, text(length)));
    check(
        &[reason(0), reason(200)],
        &[(
            reason(201),
            "properties.circuitBreaker.rules[0].failureCondition.errorReasons[1] has 201 \
             characters: it must have at most 200",
        )],
    );
}

#[test]
fn numbers() {
    let ranges = r#","statusCodeRanges":[{"min":500,"max":599}]"#;
    let at = "properties.circuitBreaker.rules[0].failureCondition";
    for (key, least, most) in [("count", 1, 10_000), ("percentage", 1, 100)] {
        let made = |number: i64| condition(&format!(r#""{key}":{number}{ranges}"#));
        let words = |number| format!("{at}.{key} is {number}: it must be {least} to {most}");
        check(
            &[made(least), made(most)],
            &[
                (made(least - 1), &words(least - 1)),
                (made(most + 1), &words(most + 1)),
                (made(i64::MIN), &words(i64::MIN)),
            ],
        );
    }
    for key in ["min", "max"] {
        let made = |number: u16| {
            condition(&format!(r#""count":1,"statusCodeRanges":[{{"{key}":{number}}}]"#))
        };
        let words =
            |number| format!("{at}.statusCodeRanges[0].{key} is {number}: it must be 200 to 599");
        check(&[made(200), made(599)], &[(made(199), &words(199)), (made(600), &words(600))]);
    }
    for key in ["weight", "priority"] {
        let member = r#"{"id":"/backends/m"}"#;
        let made = |value: &str| {
            pool(&format!(
                r#"[{member},{member},{member},{{"id":"/backends/eu","{key}":{value}}}]"#
            ))
        };
        let words =
            |value| format!("properties.pool.services[3].{key} is {value}: it must be 0 to 100");
        check(
            &[made("0"), made("100"), made("null")],
            &[
                (made("101"), &words("101")),
                (made("-1"), &words("-1")),
                (made("50.0"), &words("50.0")),
                (made("\"50\""), &words("\"50\"")),
                (made("[50]"), &words("an array")),
            ],
        );
    }
    let retries = |number: i64| {
        single(&format!(
            r#""properties":{{"serviceFabricCluster":{{"managementEndpoints":[],"maxPartitionResolutionRetries":{number}}}}}"#
        ))
    };
    check(
        &[retries(i64::from(i32::MIN)), retries(i64::from(i32::MAX))],
        &[(
            retries(2_147_483_648),
            "properties.properties.serviceFabricCluster.maxPartitionResolutionRetries is \
             2147483648: it must be an integer of 32 bits",
        )],
    );
}

#[test]
fn lists() {
    let member = r#"{"id":"/backends/eu"}"#;
    let words = |count| format!("properties.pool.services has {count} items: it must have 1 to 30");
    check(
        &[pool(&array(member, 1)), pool(&array(member, 30))],
        &[(pool("[]"), &words(0)), (pool(&array(member, 31)), &words(31))],
    );

    for key in ["certificate", "certificateIds"] {
        let made =
            |count| single(&format!(r#""credentials":{{"{key}":{}}}"#, array("\"x\"", count)));
        let words = format!("properties.credentials.{key} has 33 items: it must have at most 32");
        check(&[made(0), made(32)], &[(made(33), &words)]);
    }

    let at = "properties.circuitBreaker.rules[0].failureCondition";
    for (key, item) in [("statusCodeRanges", r#"{"min":500}"#), ("errorReasons", r#""timeout""#)] {
        let made = |count| condition(&format!(r#""count":1,"{key}":{}"#, array(item, count)));
        let words = format!("{at}.{key} has 11 items: it must have at most 10");
        check(&[made(1), made(10)], &[(made(11), &words)]);
    }

    let rule = r#"{"failureCondition":{"count":1,"errorReasons":["timeout"]}}"#;
    let rules = |count| single(&format!(r#""circuitBreaker":{{"rules":{}}}"#, array(rule, count)));
    let one = |count| {
        format!(
            "properties.circuitBreaker.rules is an array of {count}: it must be one rule, which \
             is what the service takes for a backend"
        )
    };
    check(
        &[rules(0), rules(1)],
        &[
            (rules(2), &one(2)),
            (rules(15), &one(15)),
            (rules(16), "properties.circuitBreaker.rules has 16 items: it must have at most 15"),
        ],
    );
}

#[test]
fn patterns() {
    let named = |name: &str| {
        single(&format!(
            r#""circuitBreaker":{{"rules":[{{"name":"{name}","failureCondition":{{"count":1,"errorReasons":["timeout"]}}}}]}}"#
        ))
    };
    let words = |name: &str| {
        format!(
            "properties.circuitBreaker.rules[0].name is {name:?}: it must be 1 to 80 letters, \
             digits and hyphens, beginning and ending with a letter or a digit"
        )
    };
    let (long, longer) = ("a".repeat(80), "a".repeat(81));
    let shown = longer.chars().take(80).collect::<String>();
    check(
        &[named("a"), named("A-1"), named("0"), named(&long)],
        &[
            (named(""), &words("")),
            (named("-a"), &words("-a")),
            (named("a-"), &words("a-")),
            (named("a_b"), &words("a_b")),
            (named("é"), &words("é")),
            (named(&longer), &words(&shown)),
        ],
    );

    for (key, inside) in [("tripDuration", true), ("interval", false)] {
        let made = |period: &str| {
            let (rule, condition) = match inside {
                true => (format!(r#","{key}":"{period}""#), String::new()),
                false => (String::new(), format!(r#","{key}":"{period}""#)),
            };
            single(&format!(
                r#""circuitBreaker":{{"rules":[{{"failureCondition":{{"count":1,"errorReasons":["x"]{condition}}}{rule}}}]}}"#
            ))
        };
        let path = if inside { "" } else { "failureCondition." };
        let words = |period: &str| {
            format!(
                "properties.circuitBreaker.rules[0].{path}{key} is {period:?}: it must be an ISO \
                 8601 duration like PT1M or P1D"
            )
        };
        check(
            &["PT10S", "PT1M", "PT1H", "P1D", "PT0S"].map(&made),
            &[
                (made("1m"), &words("1m")),
                (made("00:01:00"), &words("00:01:00")),
                (made("P1M"), &words("P1M")),
            ],
        );
    }

    let typed = |field: &str| format!(r#"{{"properties":{{"url":"a",{field}}}}}"#);
    check(
        &[
            typed(r#""protocol":"http""#),
            typed(r#""protocol":"soap","type":"Single""#),
            typed(r#""protocol":"HTTP","type":"single""#),
        ],
        &[
            (
                typed(r#""protocol":"grpc""#),
                "properties.protocol is \"grpc\": it must be http or soap",
            ),
            (
                typed(r#""protocol":"http","type":"Cluster""#),
                "properties.type is \"Cluster\": it must be Single or Pool",
            ),
        ],
    );
    for (id, inside) in [("/backends/eu", true), ("eu", true), ("/backends/", false), ("", false)] {
        let words = format!(
            "properties.pool.services[0].id is {id:?}: it must be an id that ends in the name of \
             a backend\n"
        );
        let expected = if inside { "" } else { &words };
        assert_eq!(problems(&pool(&format!(r#"[{{"id":"{id}"}}]"#))), expected);
    }
}
