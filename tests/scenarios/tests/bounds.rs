//! Every published bound and pattern, on both sides: the client refuses what the emulator refuses,
//! in the same words, and both take what is just inside.
//!
//! Neither knows the other's code, so that a fault of one cannot hide in the other; what keeps
//! their words the same is this table. Where the service's own words are known, the emulator
//! answers with them alone, and the client's words end in them.

#![expect(clippy::unwrap_used, reason = "also what helps a test may panic; clippy only lets tests")]

use pointsman_apim::{
    After, Document, Patch,
    list::{Skip, Top},
    model::{Problem, Purpose, validate},
    name::{BackendName, ResourceGroup, ServiceName, SubscriptionId, WorkspaceName},
};
use pointsman_emulator::{Emulator, Options, Service};
use serde_json::{Value, json};

/// An emulator, and what was asked of it so far.
struct World {
    azure: Emulator,
    http: reqwest::Client,
}

impl World {
    async fn new() -> Self {
        let azure = Emulator::start(Options::default()).await.unwrap();
        Self { azure, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// The messages that it answers with: none where it takes what it is asked.
    async fn asked(&self, verb: &str, tail: &str, body: Option<&Value>) -> Vec<String> {
        let url = format!("{}{}{tail}", self.azure.arm_url(), self.azure.service().id());
        let and = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{and}api-version=2024-05-01");
        let mut request = self.http.request(verb.parse().unwrap(), url);
        request = request.bearer_auth(self.azure.token());
        if verb == "PATCH" {
            request = request.header("if-match", "*");
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        match status {
            200..=299 => Vec::new(),
            400 => {
                let body: Value = serde_json::from_slice(&body).unwrap();
                let details = body["error"]["details"].as_array().expect("one for each field");
                details.iter().map(|detail| detail["message"].as_str().unwrap().into()).collect()
            }
            _ => panic!("{verb} {tail}: {status} {}", String::from_utf8_lossy(&body)),
        }
    }

    async fn put(&self, properties: &Value) -> Vec<String> {
        self.asked("PUT", "/backends/eu", Some(&json!({"properties": properties}))).await
    }

    /// Both sides say the same of those properties, and that is what they say, in any order.
    async fn check(&self, properties: &Value, words: &[String]) {
        let document = json!({"properties": properties});
        let mut client: Vec<String> = refused_by_the_client(&document);
        let mut emulator = self.put(properties).await;
        client.sort_unstable();
        emulator.sort_unstable();
        assert_eq!(client, emulator, "the client, and the emulator, of {properties}");
        let mut words = words.to_vec();
        words.sort_unstable();
        assert_eq!(client, words, "{properties}");
    }
}

/// A problem's words; where the service has some of its own, those alone.
fn words(problem: &Problem) -> String {
    let whole = problem.to_string();
    match whole.split_once(" is given: ") {
        Some((_, services)) => services.to_owned(),
        None => whole,
    }
}

/// What the client says of a document.
fn refused_by_the_client(document: &Value) -> Vec<String> {
    validate(document, Purpose::Whole).iter().map(words).collect()
}

/// A Single with every field that the pages name, all of them within their bounds.
fn single() -> Value {
    json!({
        "title": "t", "description": "d", "url": "https://a.example", "protocol": "http",
        "type": "Single", "resourceId": "r",
        "credentials": {
            "authorization": {"scheme": "Basic", "parameter": "p"},
            "certificate": ["c"], "certificateIds": ["c"], "header": {"x": ["v"]},
            "query": {"q": ["v"]},
        },
        "proxy": {"url": "http://proxy.example", "username": "u", "password": "p"},
        "tls": {"validateCertificateChain": true, "validateCertificateName": true},
        "properties": {"serviceFabricCluster": {
            "managementEndpoints": ["m"], "clientCertificateId": "c",
            "clientCertificateThumbprint": "t", "maxPartitionResolutionRetries": 3,
            "serverCertificateThumbprints": ["t"],
            "serverX509Names": [{"name": "n", "issuerCertificateThumbprint": "t"}],
        }},
        "circuitBreaker": {"rules": [{
            "name": "r", "tripDuration": "PT1M", "acceptRetryAfter": true,
            "failureCondition": {
                "count": 1, "percentage": null, "interval": "PT1M",
                "statusCodeRanges": [{"min": 200, "max": 599}], "errorReasons": ["timeout"],
            },
        }]},
    })
}

fn pool() -> Value {
    json!({
        "title": null, "description": "d", "url": null, "protocol": null, "circuitBreaker": null,
        "type": "Pool",
        "pool": {"services": [{"id": "/backends/eu", "weight": 50, "priority": 1}]},
    })
}

/// A rule's condition is where most bounds are.
const CONDITION: &str = "/circuitBreaker/rules/0/failureCondition";
const AUTHORIZATION: &str = "/credentials/authorization";
const CLUSTER: &str = "/properties/serviceFabricCluster";
const MEMBER: &str = "/pool/services/0";

fn with(properties: &Value, pointer: &str, value: Value) -> Value {
    let mut properties = properties.clone();
    *properties.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}")) = value;
    properties
}

/// How both sides write where something is: `properties.pool.services[0].weight`.
fn path(pointer: &str) -> String {
    let step = |step: &str| match step.parse::<usize>() {
        Ok(index) => format!("[{index}]"),
        Err(_) => format!(".{step}"),
    };
    format!("properties{}", pointer.split('/').skip(1).map(step).collect::<String>())
}

fn text(length: usize) -> Value {
    // Characters are counted, not bytes.
    json!("é".repeat(length))
}

fn items(item: &Value, count: usize) -> Value {
    json!(vec![item; count])
}

/// A field, what is just inside its bounds, and what is just outside of them with its words.
struct Bound {
    field: String,
    inside: Vec<Value>,
    outside: Vec<(Value, String)>,
}

fn bound(field: impl Into<String>, inside: Vec<Value>, outside: Vec<(Value, &str)>) -> Bound {
    let outside = outside.into_iter().map(|(value, words)| (value, words.to_owned())).collect();
    Bound { field: field.into(), inside, outside }
}

/// A text of 1 to so many characters.
fn of_text(field: impl Into<String>, most: usize) -> Bound {
    let has = |found| format!("has {found} characters: it must have 1 to {most}");
    Bound {
        field: field.into(),
        inside: vec![text(1), text(most)],
        outside: vec![(text(0), has(0)), (text(most + 1), has(most + 1))],
    }
}

fn of_number(field: impl Into<String>, least: i64, most: i64) -> Bound {
    let is = |found: &str| format!("is {found}: it must be {least} to {most}");
    Bound {
        field: field.into(),
        inside: vec![json!(least), json!(most)],
        outside: vec![
            (json!(least - 1), is(&(least - 1).to_string())),
            (json!(most + 1), is(&(most + 1).to_string())),
            (json!(i64::MIN), is(&i64::MIN.to_string())),
            (json!(u64::MAX), is(&u64::MAX.to_string())),
            (json!(most as f64), is(&format!("{most}.0"))),
            (json!(most.to_string()), is(&format!("{:?}", most.to_string()))),
        ],
    }
}

/// What a Single has. The bounds are those of the pages of 2024-05-01; those of a rule's name, of
/// its count and of its percentage are another client's, and no page has any.
fn of_a_single() -> Vec<Bound> {
    const NAME: &str = "it must be 1 to 80 letters, digits and hyphens, beginning and ending with a \
                        letter or a digit";
    const PERIOD: &str = "it must be an ISO 8601 duration like PT1M or P1D";
    let rule = json!({"name": "r", "failureCondition": {"count": 1, "errorReasons": ["x"]}});
    let range = json!({"min": 200, "max": 200});
    let name = "/circuitBreaker/rules/0/name";
    let named = |text: &str| (json!(text), format!("is {text:?}: {NAME}"));
    let long = "a".repeat(81);
    let mut bounds = vec![
        of_text("/title", 300),
        of_text("/description", 2_000),
        of_text("/url", 2_000),
        of_text("/resourceId", 2_000),
        of_text("/proxy/url", 2_000),
        of_number(format!("{CONDITION}/count"), 1, 10_000),
        of_number(format!("{CONDITION}/statusCodeRanges/0/min"), 200, 599),
        of_number(format!("{CONDITION}/statusCodeRanges/0/max"), 200, 599),
        bound(
            format!("{CONDITION}/statusCodeRanges"),
            vec![items(&range, 0), items(&range, 10)],
            vec![(items(&range, 11), "has 11 items: it must have at most 10")],
        ),
        bound(
            format!("{CONDITION}/statusCodeRanges/0"),
            vec![json!({"min": 599, "max": 599}), json!({"min": 200}), json!({})],
            vec![(json!({"min": 501, "max": 500}), "has a min above its max: no status is in it")],
        ),
        bound(
            format!("{CONDITION}/errorReasons"),
            vec![items(&json!("x"), 0), items(&json!("x"), 10)],
            vec![(items(&json!("x"), 11), "has 11 items: it must have at most 10")],
        ),
        bound(
            format!("{CONDITION}/errorReasons/0"),
            vec![text(0), text(200)],
            vec![(text(201), "has 201 characters: it must have at most 200")],
        ),
        bound(
            "/circuitBreaker/rules",
            vec![items(&rule, 0), items(&rule, 1)],
            vec![
                (
                    items(&rule, 2),
                    "is an array of 2: it must be one rule, which is what the service takes for a \
                     backend",
                ),
                (
                    items(&rule, 15),
                    "is an array of 15: it must be one rule, which is what the service takes for a \
                     backend",
                ),
                (items(&rule, 16), "has 16 items: it must have at most 15"),
            ],
        ),
        Bound {
            field: name.to_owned(),
            inside: vec![json!("a"), json!("A-1"), json!("0"), json!(&long[..80]), Value::Null],
            outside: vec![
                named(""),
                named("-a"),
                named("a-"),
                named("a_b"),
                named("é"),
                (json!(long), format!("is {:?}: {NAME}", &long[..80])),
            ],
        },
        bound(
            "/protocol",
            vec![json!("http"), json!("soap"), json!("HTTP")],
            vec![
                (json!("grpc"), "is \"grpc\": it must be http or soap"),
                (Value::Null, "is missing: a Single needs it"),
            ],
        ),
        bound("/url", vec![], vec![(Value::Null, "is missing: a Single needs it")]),
        bound(
            "/type",
            vec![json!("Single"), json!("single"), Value::Null],
            vec![(json!("Cluster"), "is \"Cluster\": it must be Single or Pool")],
        ),
        bound("/proxy/url", vec![], vec![(Value::Null, "is missing: a proxy needs it")]),
        bound(
            format!("{CLUSTER}/managementEndpoints"),
            vec![json!([])],
            vec![(Value::Null, "is missing: a cluster is managed somewhere")],
        ),
        bound(
            format!("{CLUSTER}/maxPartitionResolutionRetries"),
            vec![json!(i32::MIN), json!(i32::MAX)],
            vec![(json!(2_147_483_648_i64), "is 2147483648: it must be an integer of 32 bits")],
        ),
        bound(
            "/circuitBreaker/rules/0/failureCondition",
            vec![],
            vec![
                (Value::Null, "is missing: a rule needs one"),
                (
                    json!({"errorReasons": ["x"]}),
                    "has neither count nor percentage: exactly one of them must be there",
                ),
                (
                    json!({"count": 1, "percentage": 1, "errorReasons": ["x"]}),
                    "has count and percentage: exactly one of them must be there",
                ),
                (
                    json!({"count": 1, "errorReasons": [], "statusCodeRanges": null}),
                    "has neither statusCodeRanges nor errorReasons: at least one of them must be \
                     there",
                ),
            ],
        ),
    ];
    for (key, most) in [("scheme", 100), ("parameter", 300)] {
        let field = format!("{AUTHORIZATION}/{key}");
        bounds.push(of_text(&field, most));
        let words = "is missing: an authorization needs its scheme and its parameter";
        bounds.push(bound(field, vec![], vec![(Value::Null, words)]));
    }
    for key in ["certificate", "certificateIds"] {
        bounds.push(bound(
            format!("/credentials/{key}"),
            vec![json!([]), items(&json!("c"), 32)],
            vec![(items(&json!("c"), 33), "has 33 items: it must have at most 32")],
        ));
    }
    for field in ["/circuitBreaker/rules/0/tripDuration", &format!("{CONDITION}/interval")] {
        let outside = ["1m", "00:01:00", "P1M", "pt1m", "-PT1M", "PT", ""];
        bounds.push(Bound {
            field: field.to_owned(),
            inside: ["PT0S", "PT10S", "PT1M", "PT1H", "P1D"].map(|period| json!(period)).into(),
            outside: outside
                .map(|period| (json!(period), format!("is {period:?}: {PERIOD}")))
                .into(),
        });
    }
    bounds
}

fn of_a_pool() -> Vec<Bound> {
    let member = json!({"id": "/backends/eu"});
    const ID: &str = "it must be an id that ends in the name of a backend";
    let long = format!("/backends/{}", "a".repeat(81));
    let other = |id: &str| (json!(id), format!("is {id:?}: {ID}"));
    vec![
        of_number(format!("{MEMBER}/weight"), 0, 100),
        of_number(format!("{MEMBER}/priority"), 0, 100),
        bound(format!("{MEMBER}/weight"), vec![Value::Null], vec![]),
        bound(format!("{MEMBER}/priority"), vec![Value::Null], vec![]),
        bound(
            "/pool/services",
            vec![items(&member, 1), items(&member, 30)],
            vec![
                (items(&member, 0), "has 0 items: it must have 1 to 30"),
                (items(&member, 31), "has 31 items: it must have 1 to 30"),
                (Value::Null, "is missing: a pool has at least one"),
            ],
        ),
        Bound {
            field: format!("{MEMBER}/id"),
            inside: vec![json!("eu"), json!(&long[..long.len() - 1])],
            outside: vec![
                other(""),
                other("/backends/"),
                (json!(long), format!("is {:?}: {ID}", &long[..80])),
                (Value::Null, "is missing: a member is named by it".to_owned()),
            ],
        },
        bound("/pool", vec![], vec![(Value::Null, "is missing: a Pool needs it")]),
        bound(
            "/type",
            vec![json!("Pool"), json!("pool")],
            vec![(Value::Null, "is missing: with a pool it must be Pool")],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bound_is_taken_just_inside_and_refused_just_outside_on_both_sides() {
    let world = World::new().await;
    for (base, bounds) in [(single(), of_a_single()), (pool(), of_a_pool())] {
        world.check(&base, &[]).await;
        for Bound { field, inside, outside } in bounds {
            for value in inside {
                world.check(&with(&base, &field, value), &[]).await;
            }
            for (value, words) in outside {
                let words = format!("{} {words}", path(&field));
                world.check(&with(&base, &field, value), &[words]).await;
            }
        }
    }
    // A percentage stands where there is no count.
    let Bound { field, inside, outside } = of_number(format!("{CONDITION}/percentage"), 1, 100);
    let base = with(&single(), &format!("{CONDITION}/count"), Value::Null);
    for value in inside {
        world.check(&with(&base, &field, value), &[]).await;
    }
    for (value, words) in outside {
        let words = format!("{} {words}", path(&field));
        world.check(&with(&base, &field, value), &[words]).await;
    }
    // What a pool must not have, in the words that the service was seen to use.
    for (field, value, words) in [
        ("/url", json!("https://a"), "Url is not supported for backend pool."),
        ("/protocol", json!("http"), "Protocol is not supported for backend pool."),
        ("/circuitBreaker", json!({}), "CircuitBreaker is not supported for backend pool."),
    ] {
        world.check(&with(&pool(), field, value), &[words.to_owned()]).await;
    }
    world.azure.finish();
}

/// What the client says of an update of that backend, by the same rule as of a document.
fn update_refused_by_the_client(patch: &Value, backend: &Value) -> Vec<String> {
    let alone: Vec<String> = validate(patch, Purpose::Patch).iter().map(words).collect();
    if !alone.is_empty() {
        return alone;
    }
    let patch = Patch::parse(patch.to_string()).unwrap();
    let backend = Document::parse(json!({"properties": backend}).to_string()).unwrap();
    let outcome = patch.check_on(&backend);
    outcome.err().map(|it| it.all().iter().map(words).collect()).unwrap_or_default()
}

/// An update of one field, in all that it stands in; null takes a field out, which is no bound.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_refused_for_its_bounds_in_the_same_words() {
    let world = World::new().await;
    let mut refused = 0;
    for (base, bounds) in [(single(), of_a_single()), (pool(), of_a_pool())] {
        for Bound { field, inside, outside } in bounds {
            let inside = inside.into_iter().map(|value| (value, None));
            let outside = outside.into_iter().map(|(value, words)| (value, Some(words)));
            for (value, words) in inside.chain(outside).filter(|(value, _)| !value.is_null()) {
                assert!(world.put(&base).await.is_empty(), "the base is within its bounds");
                let whole = with(&base, &field, value);
                let top = field.split('/').nth(1).unwrap();
                let patch = json!({"properties": {top: whole[top]}});
                let client = update_refused_by_the_client(&patch, &base);
                let emulator = world.asked("PATCH", "/backends/eu", Some(&patch)).await;
                assert_eq!(client, emulator, "the client, and the emulator, of {patch}");
                let words = words.map(|words| format!("{} {words}", path(&field)));
                assert_eq!(client, Vec::from_iter(words), "{patch}");
                refused += usize::from(!client.is_empty());
            }
        }
    }
    assert!(refused > 50, "only {refused} were refused");
    world.azure.finish();
}

/// Every place of a document, itself included.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    if !at.is_empty() {
        into.push(at.to_owned());
    }
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                places(value, &format!("{at}/{key}"), into);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What may stand where it should not.
fn strange() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(101),
        json!(1.5),
        json!(1e300),
        json!(""),
        json!("x\n\"y\""),
        json!("Pool"),
        json!("PT1M"),
        json!([]),
        json!([null]),
        json!(["x", 7, {}]),
        json!({}),
        json!({"x": null}),
        json!({"x": ["y"], "id": 7, "min": 7}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_stands_in_any_field_both_sides_say_the_same_of_it() {
    let world = World::new().await;
    let mut refused = 0;
    for base in [single(), pool()] {
        let mut all = Vec::new();
        places(&base, "", &mut all);
        for place in all {
            for value in strange() {
                let properties = with(&base, &place, value);
                let document = json!({"properties": properties});
                let words = refused_by_the_client(&document);
                world.check(&properties, &words).await;
                refused += usize::from(!words.is_empty());
            }
        }
    }
    assert!(refused > 500, "only {refused} were refused");
    world.azure.finish();
}

fn escaped(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_bounded_on_both_sides() {
    let world = World::new().await;
    let of = |name: &str, most: usize, also: &[&str]| {
        let mut names = vec![name.repeat(most), name.repeat(most + 1)];
        names.extend(also.iter().map(|name| (*name).to_owned()));
        names
    };
    let mut refused = 0;
    let mut same = |client: Result<(), String>, emulator: Result<(), String>, name: &str| {
        assert_eq!(client, emulator, "{name}");
        refused += usize::from(client.is_err());
    };
    world.put(&single()).await;
    for name in of("é", 80, &["eu-1", "a b", "a?b", "a#b", "a\\b", "a/b", "a\nb", "..x"]) {
        let client = name.parse::<BackendName>().map(drop).map_err(|error| error.to_string());
        let tail = format!("/backends/{}", escaped(&name));
        // Created, since what is not there is not found.
        let mut said = world.asked("PUT", &tail, Some(&json!({"properties": single()}))).await;
        same(client, said.pop().map_or(Ok(()), Err), &name);
    }
    for name in
        of("é", 80, &["team a", "a*b", "a#b", "a&b", "a+b", "a:b", "a<b", "a>b", "a?b", "a/b"])
    {
        let client = name.parse::<WorkspaceName>().map(drop).map_err(|error| error.to_string());
        let tail = format!("/workspaces/{}/backends", escaped(&name));
        let mut said = world.asked("GET", &tail, None).await;
        same(client, said.pop().map_or(Ok(()), Err), &name);
    }
    // Of these, the resource manager only says that they are not there; that they can be none is
    // said when the emulator is told to stand for one.
    const SUBSCRIPTION: &str = "6f1e2d3c-0000-4000-8000-0000000000aa";
    for name in of("a", 50, &["", "a", "A-1", "1a", "-a", "a-", "a_b", "é", "a/b"]) {
        let client = name.parse::<ServiceName>().map(drop).map_err(|error| error.to_string());
        let emulator = Service::new(SUBSCRIPTION, "rg", &name);
        same(client, emulator.map(drop).map_err(|error| error.to_string()), &name);
    }
    for name in of("é", 90, &["", "rg(1)_é.x", "a/b", "..", "a?b", "a\tb"]) {
        let client = name.parse::<ResourceGroup>().map(drop).map_err(|error| error.to_string());
        let emulator = Service::new(SUBSCRIPTION, &name, "a");
        same(client, emulator.map(drop).map_err(|error| error.to_string()), &name);
    }
    for name in [
        SUBSCRIPTION,
        "6F1E2D3C-0000-4000-8000-0000000000AA",
        "6f1e2d3c000040008000000000000000",
        "{6f1e2d3c-0000-4000-8000-0000000000a}",
        "6f1e2d3c-0000-4000-8000-0000000000ag",
        "subid",
        "",
    ] {
        let client = name.parse::<SubscriptionId>().map(drop).map_err(|error| error.to_string());
        let emulator = Service::new(name, "rg", "a");
        same(client, emulator.map(drop).map_err(|error| error.to_string()), name);
    }
    assert_eq!(refused, 35, "of the names above");
    world.azure.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_a_list_is_bounded_on_both_sides() {
    let world = World::new().await;
    let most = i64::from(i32::MAX);
    for (key, least) in [("$top", 1), ("$skip", 0)] {
        for (number, fits) in [(least, true), (most, true), (least - 1, false), (most + 1, false)] {
            // Nobody can ask the client for less than nothing.
            let Ok(asked) = u64::try_from(number) else { continue };
            let client = match key {
                "$top" => Top::new(asked).map(drop),
                _ => Skip::new(asked).map(drop),
            };
            let client = client.map_err(|error| error.to_string());
            let mut said = world.asked("GET", &format!("/backends?{key}={number}"), None).await;
            let wanted = format!("{key} is {number}: it must be {least} to {most}");
            assert_eq!(client, if fits { Ok(()) } else { Err(wanted) });
            assert_eq!(client, said.pop().map_or(Ok(()), Err), "{key}={number}");
        }
    }
    world.azure.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn how_soon_a_reconnect_may_be_is_bounded_on_both_sides() {
    let world = World::new().await;
    world.put(&single()).await;
    for (after, words) in [
        ("PT2M", ""),
        ("PT120S", ""),
        ("P1D", ""),
        ("PT1M59.999999999S", ": minimum duration of the Reconnect is PT2M"),
        ("PT3S", ": minimum duration of the Reconnect is PT2M"),
        ("PT0S", ": minimum duration of the Reconnect is PT2M"),
        ("2m", " is not an ISO 8601 duration like PT2M or P1DT12H"),
        ("", " is not an ISO 8601 duration like PT2M or P1DT12H"),
    ] {
        let client = after.parse::<After>().map(drop).map_err(|error| error.to_string());
        let body = json!({"properties": {"after": after}});
        let mut said = world.asked("POST", "/backends/eu/reconnect", Some(&body)).await;
        assert_eq!(client, said.pop().map_or(Ok(()), Err), "{after}");
        assert_eq!(client.is_ok(), words.is_empty(), "{after}");
        assert!(client.err().unwrap_or_default().ends_with(words), "{after}");
    }
    world.azure.finish();
}
