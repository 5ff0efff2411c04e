//! Values of the model alone.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::breaker::{Breaker, Condition, Failures, Rule, StatusRange, Threshold};
use super::connection::{Protocol, Proxy, Tls};
use super::credentials::{Authorization, Credentials, Values};
use super::fabric::{Cluster, X509Name};
use super::members::{Member, MemberId, Members};
use super::scalar::*;
use super::*;
use crate::pool::Setting;
use crate::secret::Secret;
use crate::testing::backend_id;

fn check<T: std::fmt::Display, E: std::fmt::Display>(value: Result<T, E>, expected: &Expect) {
    let shown = match value {
        Ok(value) => format!("ok {value}"),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn values_are_within_their_bounds_once_made() {
    check("eu".parse::<Title>(), &expect!["ok eu"]);
    check("".parse::<Title>(), &expect!["a title has 0 characters: it must have 1 to 300"]);
    check(
        "x".repeat(2_001).parse::<Url>(),
        &expect!["a url has 2001 characters: it must have 1 to 2000"],
    );
    check("5xx-1".parse::<RuleName>(), &expect!["ok 5xx-1"]);
    check(
        "5xx_1".parse::<RuleName>(),
        &expect![[
            r#"the name of a rule is "5xx_1": it must be 1 to 80 letters, digits and hyphens, beginning and ending with a letter or a digit"#
        ]],
    );
    check(Count::try_from(10_000), &expect!["ok 10000"]);
    check(Count::try_from(10_001), &expect!["a count is 10001: it must be 1 to 10000"]);
    check(Percentage::try_from(0), &expect!["a percentage is 0: it must be 1 to 100"]);
    check(FailureStatus::try_from(600), &expect!["a status is 600: it must be 200 to 599"]);
    check("PT90S".parse::<Period>(), &expect!["ok PT1M30S"]);
    check(
        "1m".parse::<Period>(),
        &expect![[r#""1m" is not an ISO 8601 duration like PT2M or P1DT12H"#]],
    );
    check(
        "/backends/".parse::<MemberId>().map(|id| id.as_str().to_owned()),
        &expect![[
            r#"the id of a member is "/backends/": it must be an id that ends in the name of a backend"#
        ]],
    );
    check(
        Members::new(Vec::new()).map(|_| "a pool"),
        &expect!["a pool has 0 members: it must have 1 to 30"],
    );
    let long = Parameter::new(Secret::new("hush".repeat(80)));
    check(
        long.map(|_| "a parameter"),
        &expect!["an authorization parameter has 320 characters: it must have 1 to 300"],
    );
    let url: Url = "https://me:hush@a.example/x?code=hush".parse().unwrap();
    expect![[r#"https://***@a.example/x?*** Url("https://***@a.example/x?***")"#]]
        .assert_eq(&format!("{url} {url:?}"));
    assert_eq!(format!("{:?}", Parameter::new(Secret::new("hush")).unwrap()), "Parameter(***)");
}

#[test]
fn a_whole_single_is_written() {
    let mut properties = Properties::of(Shape::Single {
        url: "https://eu.contoso.example".parse().unwrap(),
        protocol: Protocol::Http,
        breaker: None,
    });
    properties.title = Some("Europe".parse().unwrap());
    properties.description = Some("the \"first\"".parse().unwrap());
    properties.resource_id = Some("https://management.azure.com/x".parse().unwrap());
    properties.credentials = Some(Credentials {
        authorization: Some(Authorization {
            scheme: "Basic".parse().unwrap(),
            parameter: Parameter::new(Secret::new("open sesame")).unwrap(),
        }),
        certificates: Some(vec![Secret::new("C0FFEE")]),
        certificate_ids: Some(Vec::new()),
        header: Some(Values([("x-key".to_owned(), vec![Secret::new("v")])].into())),
        query: None,
    });
    properties.proxy = Some(Proxy {
        url: "http://proxy.example:8080".parse().unwrap(),
        username: Some("me".to_owned()),
        password: Some(Secret::new("p")),
    });
    properties.tls =
        Some(Tls { validate_certificate_chain: Some(false), validate_certificate_name: None });
    properties.cluster = Some(Cluster {
        management_endpoints: vec!["https://fabric.example:19080".to_owned()],
        client_certificate_id: None,
        client_certificate_thumbprint: Some("BEEF".to_owned()),
        max_partition_resolution_retries: Some(5),
        server_certificate_thumbprints: Some(vec!["F00D".to_owned()]),
        server_x509_names: Some(vec![X509Name {
            name: Some("CN".to_owned()),
            issuer_thumbprint: Some("CAFE".to_owned()),
        }]),
    });
    let Shape::Single { breaker, .. } = &mut properties.shape else { panic!() };
    *breaker = Some(Breaker {
        rules: vec![Rule {
            name: Some("errors".parse().unwrap()),
            condition: Condition {
                threshold: Threshold::Count(3.try_into().unwrap()),
                interval: Some(Period(Duration::from_secs(60))),
                failures: Failures {
                    statuses: vec![StatusRange {
                        min: Some(FailureStatus::try_from(500).unwrap()),
                        max: Some(FailureStatus::MAX),
                    }],
                    reasons: vec!["BackendConnectionFailure".parse().unwrap()],
                },
            },
            trip: Some(Period(Duration::from_secs(3_600))),
            accept_retry_after: Some(true),
        }],
    });
    let document = document(&properties).unwrap();
    let pretty = serde_json::to_string_pretty(document.raw()).unwrap();
    expect![[r#"
        {
          "properties": {
            "title": "Europe",
            "description": "the \"first\"",
            "url": "https://eu.contoso.example",
            "protocol": "http",
            "circuitBreaker": {
              "rules": [
                {
                  "name": "errors",
                  "failureCondition": {
                    "count": 3,
                    "interval": "PT1M",
                    "statusCodeRanges": [
                      {
                        "min": 500,
                        "max": 599
                      }
                    ],
                    "errorReasons": [
                      "BackendConnectionFailure"
                    ]
                  },
                  "tripDuration": "PT1H",
                  "acceptRetryAfter": true
                }
              ]
            },
            "resourceId": "https://management.azure.com/x",
            "properties": {
              "serviceFabricCluster": {
                "managementEndpoints": [
                  "https://fabric.example:19080"
                ],
                "clientCertificatethumbprint": "BEEF",
                "maxPartitionResolutionRetries": 5,
                "serverCertificateThumbprints": [
                  "F00D"
                ],
                "serverX509Names": [
                  {
                    "name": "CN",
                    "issuerCertificateThumbprint": "CAFE"
                  }
                ]
              }
            },
            "credentials": {
              "authorization": {
                "scheme": "Basic",
                "parameter": "open sesame"
              },
              "certificate": [
                "C0FFEE"
              ],
              "certificateIds": [],
              "header": {
                "x-key": [
                  "v"
                ]
              }
            },
            "proxy": {
              "url": "http://proxy.example:8080",
              "username": "me",
              "password": "p"
            },
            "tls": {
              "validateCertificateChain": false
            }
          }
        }"#]]
    .assert_eq(&pretty);
    assert_eq!(read(&document).unwrap(), properties);
    // None of its secrets is printed.
    let shown = format!("{document:?}{properties:?}");
    for secret in ["sesame", "C0FFEE", "\"v\"", "\"p\""] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[test]
fn a_pool_is_written() {
    let eu = backend_id().scope().backend("eu".parse().unwrap());
    let members = Members::new(vec![
        Member {
            id: MemberId::from(&eu),
            weight: Setting::Number(100),
            priority: Setting::Number(0),
        },
        Member {
            id: "/backends/us".parse().unwrap(),
            weight: Setting::Null,
            priority: Setting::Absent,
        },
    ]);
    let document = document(&Properties::of(Shape::Pool(members.unwrap()))).unwrap();
    expect![[r#"{"properties":{"type":"Pool","pool":{"services":[{"id":"/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/eu","weight":100,"priority":0},{"id":"/backends/us","weight":null}]}}}"#]].assert_eq(std::str::from_utf8(document.body()).unwrap());
}

#[test]
fn the_thumbprint_keeps_the_spelling_that_it_has() {
    for key in ["clientCertificatethumbprint", "clientCertificateThumbprint"] {
        let text = single(&format!(
            r#""properties":{{"serviceFabricCluster":{{"managementEndpoints":["m"],"{key}":"A"}}}}"#
        ));
        let before = Document::parse(text.clone()).unwrap();
        let mut properties = read(&before).unwrap();
        let cluster = properties.cluster.as_mut().unwrap();
        assert_eq!(cluster.client_certificate_thumbprint.as_deref(), Some("A"));
        cluster.client_certificate_thumbprint = Some("B".to_owned());
        let after = write_into(&before, &properties).unwrap();
        assert_eq!(after.body(), &text.replace("\"A\"", "\"B\""));
    }
}

#[test]
fn a_document_with_a_key_that_stands_twice_is_not_written_to() {
    let raw = r#"{"properties":{"url":"a","url":"b","protocol":"http"}}"#;
    let backend = crate::testing::backend(raw);
    let properties = read(backend.document()).unwrap();
    let error = write_into(backend.document(), &properties).unwrap_err();
    expect!["properties.url is in it twice, and readers differ on which one counts"]
        .assert_eq(&error.to_string());
}

#[test]
fn a_breaker_is_written_over_the_one_that_is_there() {
    let before = Document::parse(single(
        r#""circuitBreaker":{"rules":[{"name":"errors","failureResponse":{"statusCode":503},"tripDuration":"PT60S",
            "failureCondition":{"count":5,"interval":"PT1M","statusCodeRanges":[{"min":500,"max":599}]}}]}"#,
    ))
    .unwrap();
    let mut properties = read(&before).unwrap();
    let mut written = |change: fn(&mut Option<Breaker>)| {
        let Shape::Single { breaker, .. } = &mut properties.shape else { panic!() };
        change(breaker);
        let after = write_into(&before, &properties).unwrap();
        after.property("circuitBreaker").map(Value::to_string).unwrap_or_default()
    };
    assert_eq!(written(|_| ()), before.property("circuitBreaker").unwrap().to_string());
    expect![[r#"{"rules":[{"name":"errors","failureResponse":{"statusCode":503},"tripDuration":"PT60S","failureCondition":{"count":3,"interval":"PT1M","statusCodeRanges":[{"min":500,"max":599}]}}]}"#]].assert_eq(&written(|breaker| {
        breaker.as_mut().unwrap().rules[0].condition.threshold = Threshold::Count(3.try_into().unwrap());
    }));
    expect![[r#"{"rules":[{"name":"other","failureCondition":{"count":3,"interval":"PT1M","statusCodeRanges":[{"min":500,"max":599}]},"tripDuration":"PT1M"}]}"#]].assert_eq(&written(|breaker| {
        breaker.as_mut().unwrap().rules[0].name = Some("other".parse().unwrap());
    }));
    expect![[r#"{"rules":[]}"#]].assert_eq(&written(|breaker| *breaker = Some(Breaker::default())));
    assert_eq!(written(|breaker| *breaker = None), "");
}
