//! Any document that the bounds allow, as somebody else may write it: with fields that nobody has
//! published, in any order, in any spelling of the same.

use proptest::prelude::*;

/// Fields of an object, each a key and the text of its value.
pub(super) type Fields = Vec<(String, String)>;

/// A value that the model does not know, in spellings that a tree would not give back.
pub(super) fn unknown() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(vec![
        "null",
        "true",
        "1.50",
        "-0",
        "1e2",
        "123456789012345678901234567890",
        r#""\u0041\/\t""#,
        "\"é\"",
        "[ ]",
        "{ }",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[ {}]", items.join(" ,"))),
            proptest::collection::btree_map("x[a-z]{1,4}", inner, 0..3).prop_map(|fields| {
                let fields = fields.iter().map(|(key, value)| format!("\"{key}\" :\t{value}"));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(",\n"))
            }),
        ]
    })
}

/// The text of an object with those fields and unknown ones, in any order, spaced in any way.
fn object(fields: impl Strategy<Value = Fields>) -> impl Strategy<Value = String> {
    // No field of the model begins so.
    let extra = proptest::collection::btree_map("x[A-Z][a-z]{0,3}", unknown(), 0..3);
    let space = proptest::sample::select(vec!["", " ", "\n\t"]);
    (fields, extra, space).prop_flat_map(|(mut fields, extra, space)| {
        fields.extend(extra);
        Just(fields).prop_shuffle().prop_map(move |fields| {
            let fields = fields.iter().map(|(key, value)| format!("\"{key}\"{space}:{value}"));
            format!("{{{space}{}{space}}}", fields.collect::<Vec<_>>().join(&format!("{space},")))
        })
    })
}

/// A field that is there, null, or not there.
fn maybe(
    key: &'static str,
    value: impl Strategy<Value = String> + 'static,
) -> BoxedStrategy<Fields> {
    prop_oneof![
        1 => Just(Vec::new()),
        1 => Just(vec![(key.to_owned(), "null".to_owned())]),
        3 => value.prop_map(move |value| vec![(key.to_owned(), value)]),
    ]
    .boxed()
}

fn must(
    key: &'static str,
    value: impl Strategy<Value = String> + 'static,
) -> BoxedStrategy<Fields> {
    value.prop_map(move |value| vec![(key.to_owned(), value)]).boxed()
}

fn all(fields: Vec<BoxedStrategy<Fields>>) -> impl Strategy<Value = Fields> {
    fields.prop_map(|fields| fields.concat())
}

/// A text of that length or near it, some of it escaped.
fn text(least: usize, most: usize) -> impl Strategy<Value = String> {
    let near = prop_oneof![Just(least), Just(most), least..=least + 12];
    let letter = proptest::sample::select(vec!["a", "é", "\\u00e9", "\\/", "\\\"", " ", "😀"]);
    (near, letter).prop_map(|(length, letter)| format!("\"{}\"", letter.repeat(length)))
}

fn plain() -> impl Strategy<Value = String> {
    "[a-z0-9:/ .]{0,12}".prop_map(|text| format!("\"{text}\""))
}

fn number(least: u16, most: u16) -> impl Strategy<Value = String> {
    prop_oneof![Just(least), Just(most), least..=most].prop_map(|number| number.to_string())
}

fn list(
    item: impl Strategy<Value = String> + 'static,
    least: usize,
    most: usize,
) -> impl Strategy<Value = String> {
    // Few as a rule, for the sake of time, and as many as there may be now and then.
    let few = most.min(least + 3);
    let count = prop_oneof![19 => least..=few, 1 => Just(most.min(32))];
    let item = item.boxed();
    count
        .prop_flat_map(move |count| proptest::collection::vec(item.clone(), count))
        .prop_map(|items| format!("[{}]", items.join(" , ")))
}

fn flag() -> impl Strategy<Value = String> {
    any::<bool>().prop_map(|flag| flag.to_string())
}

fn period() -> impl Strategy<Value = String> {
    // Spellings of the same are told apart by their letter alone.
    proptest::sample::select(vec!["PT60S", "PT1M", "PT1H", "P1D", "PT24H", "PT0.50S", "P2W"])
        .prop_map(|period| format!("\"{period}\""))
}

fn values() -> impl Strategy<Value = String> {
    proptest::collection::btree_map("[A-Za-z-]{1,6}", list(plain(), 0, 3), 0..3).prop_map(
        |fields| {
            let fields = fields.iter().map(|(key, list)| format!("\"{key}\": {list}"));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        },
    )
}

fn rule() -> impl Strategy<Value = String> {
    let threshold =
        prop_oneof![must("count", number(1, 10_000)), must("percentage", number(1, 100)),];
    let range = (200..=599u16, 200..=599u16).prop_flat_map(|(a, b)| {
        let (min, max) = (a.min(b).to_string(), a.max(b).to_string());
        object(all(vec![maybe("min", Just(min)), maybe("max", Just(max))]))
    });
    let failures = prop_oneof![
        all(vec![
            must("statusCodeRanges", list(range, 1, 10)),
            maybe("errorReasons", list(plain(), 0, 10)),
        ]),
        all(vec![must("errorReasons", list(text(0, 200), 1, 10))]),
    ];
    let condition = all(vec![threshold.boxed(), failures.boxed(), maybe("interval", period())]);
    object(all(vec![
        maybe(
            "name",
            "[a-zA-Z0-9]([a-zA-Z0-9-]{0,9}[a-zA-Z0-9])?".prop_map(|n| format!("\"{n}\"")),
        ),
        must("failureCondition", object(condition)),
        maybe("tripDuration", period()),
        maybe("acceptRetryAfter", flag()),
    ]))
}

fn cluster() -> impl Strategy<Value = String> {
    let name =
        object(all(vec![maybe("name", plain()), maybe("issuerCertificateThumbprint", plain())]));
    let thumbprint = prop_oneof![
        maybe("clientCertificatethumbprint", plain()),
        maybe("clientCertificateThumbprint", plain()),
    ];
    object(all(vec![
        must("managementEndpoints", list(plain(), 0, 3)),
        maybe("clientCertificateId", plain()),
        thumbprint.boxed(),
        maybe("maxPartitionResolutionRetries", any::<i32>().prop_map(|n| n.to_string())),
        maybe("serverCertificateThumbprints", list(plain(), 0, 3)),
        maybe("serverX509Names", list(name, 0, 3)),
    ]))
}

fn beside() -> Vec<BoxedStrategy<Fields>> {
    let authorization =
        object(all(vec![must("scheme", text(1, 100)), must("parameter", text(1, 300))]));
    let credentials = object(all(vec![
        maybe("authorization", authorization),
        maybe("certificate", list(plain(), 0, 32)),
        maybe("certificateIds", list(plain(), 0, 32)),
        maybe("header", values()),
        maybe("query", values()),
    ]));
    let proxy = object(all(vec![
        must("url", text(1, 2_000)),
        maybe("username", plain()),
        maybe("password", plain()),
    ]));
    let tls = object(all(vec![
        maybe("validateCertificateChain", flag()),
        maybe("validateCertificateName", flag()),
    ]));
    vec![
        maybe("title", text(1, 300)),
        maybe("description", text(1, 2_000)),
        maybe("resourceId", text(1, 2_000)),
        maybe("credentials", credentials),
        maybe("proxy", proxy),
        maybe("tls", tls),
        maybe("properties", object(maybe("serviceFabricCluster", cluster()))),
    ]
}

fn whole(properties: impl Strategy<Value = Fields> + 'static) -> impl Strategy<Value = String> {
    object(all(vec![
        maybe("id", plain()),
        maybe("name", plain()),
        maybe("type", plain()),
        must("properties", object(properties)),
    ]))
}

/// Any Single.
pub(super) fn single() -> impl Strategy<Value = String> {
    let protocol = proptest::sample::select(vec!["\"http\"", "\"soap\"", "\"HTTP\""]);
    let mut fields = beside();
    fields.extend([
        must("url", text(1, 2_000)),
        must("protocol", protocol.prop_map(str::to_owned)),
        maybe("type", Just("\"Single\"".to_owned())),
        maybe("circuitBreaker", object(maybe("rules", list(rule(), 0, 1)))),
    ]);
    whole(all(fields))
}

/// Any pool, of members `m0`, `m1` and so on.
pub(super) fn pool() -> impl Strategy<Value = String> {
    let member = || all(vec![maybe("weight", number(0, 100)), maybe("priority", number(0, 100))]);
    let members = proptest::collection::vec(member(), 1..5).prop_flat_map(|members| {
        let members = members.into_iter().enumerate().map(|(at, mut fields)| {
            fields.push(("id".to_owned(), format!("\"/backends/m{at}\"")));
            object(Just(fields))
        });
        members.collect::<Vec<_>>()
    });
    let services = members.prop_map(|members| format!("[ {} ]", members.join(",\n")));
    let mut fields = beside();
    fields.extend([
        must(
            "type",
            proptest::sample::select(vec!["\"Pool\"", "\"pool\""]).prop_map(str::to_owned),
        ),
        maybe("url", Just("null".to_owned())),
        maybe("circuitBreaker", Just("null".to_owned())),
        must("pool", object(must("services", services))),
    ]);
    whole(all(fields))
}

/// Any document within the bounds.
pub(super) fn document() -> impl Strategy<Value = String> {
    prop_oneof![single(), pool()]
}
