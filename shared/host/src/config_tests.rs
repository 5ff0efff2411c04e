use std::fs;

use axum::http::Request;
use expect_test::{Expect, expect};

use super::*;

fn variable(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("s3cret".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn parse(text: &str, needs: Needs) -> Result<Config, String> {
    Config::parse(text, Path::new("/etc/pointsman"), needs, variable)
        .map_err(|wrongs| wrong::render(wrongs, "pointsman.yaml", text))
}

/// What a person would see: the problem, or the whole configuration.
fn check(text: &str, expect: &Expect) {
    let shown = match parse(text, Needs::Everything) {
        Ok(config) => format!("{config:#?}\n"),
        Err(problem) => problem,
    };
    assert!(!shown.contains("s3cret"), "{shown}");
    expect.assert_eq(&shown);
}

#[test]
fn everything_has_a_default_but_the_sources() {
    check(
        "{}",
        &expect![[r#"
            Config {
                mode: Live,
                listen: 127.0.0.1:7433,
                store: "/etc/pointsman/pointsman.db",
                playbook: None,
                azure: Azure {
                    cloud: Public,
                    base: BaseUrl {
                        text: "https://management.azure.com",
                        loopback: false,
                    },
                    version: ApiVersion(
                        "2024-05-01",
                    ),
                    reconnect_version: None,
                    paced: true,
                    inspected: true,
                    check_every: Some(
                        60s,
                    ),
                    look_every: 60s,
                    credential: Some(
                        Auto,
                    ),
                },
                webhooks: [],
                source_names: [],
                watchdogs: {},
                heartbeat: None,
            }
        "#]],
    );
    check(
        "",
        &expect![[r#"
            Config {
                mode: Live,
                listen: 127.0.0.1:7433,
                store: "/etc/pointsman/pointsman.db",
                playbook: None,
                azure: Azure {
                    cloud: Public,
                    base: BaseUrl {
                        text: "https://management.azure.com",
                        loopback: false,
                    },
                    version: ApiVersion(
                        "2024-05-01",
                    ),
                    reconnect_version: None,
                    paced: true,
                    inspected: true,
                    check_every: Some(
                        60s,
                    ),
                    look_every: 60s,
                    credential: Some(
                        Auto,
                    ),
                },
                webhooks: [],
                source_names: [],
                watchdogs: {},
                heartbeat: None,
            }
        "#]],
    );
}

#[test]
fn sources_prove_themselves() {
    check(
        "sources:\n- {name: prom, kind: alertmanager, bearer: [{env: TOKEN}]}\n",
        &expect![[r#"
            Config {
                mode: Live,
                listen: 127.0.0.1:7433,
                store: "/etc/pointsman/pointsman.db",
                playbook: None,
                azure: Azure {
                    cloud: Public,
                    base: BaseUrl {
                        text: "https://management.azure.com",
                        loopback: false,
                    },
                    version: ApiVersion(
                        "2024-05-01",
                    ),
                    reconnect_version: None,
                    paced: true,
                    inspected: true,
                    check_every: Some(
                        60s,
                    ),
                    look_every: 60s,
                    credential: Some(
                        Auto,
                    ),
                },
                webhooks: [
                    Webhook {
                        path: "/alerts/prom",
                        source: Alertmanager {
                            name: prom,
                            authentication: Bearer(***),
                        },
                        watchdog: None,
                    },
                ],
                source_names: [
                    prom,
                ],
                watchdogs: {},
                heartbeat: None,
            }
        "#]],
    );
    check(
        "sources:\n- {name: prom, kind: alertmanager}\n",
        &expect![[r#"
        pointsman.yaml:2:10: nothing says how this source proves itself
          |
        2 | - {name: prom
          |          ^^^^
          = give it `bearer: {env: NAME}`, or `basic: {user: NAME, passwords: {env: NAME}}`
    "#]],
    );
    check(
        "sources:\n- name: prom\n  kind: alertmanager\n  bearer: {env: NONE}\n",
        &expect![[r#"
        pointsman.yaml:4:11: the variable NONE is not set in the environment
          = set it, or name another place
    "#]],
    );
    check(
        "sources:\n- name: prom\n  kind: alertmanager\n  bearer: {file: none}\n",
        &expect![[r#"
        pointsman.yaml:4:11: the secret's file /etc/pointsman/none cannot be read: No such file or directory (os error 2)
          = put it there, or name another place
    "#]],
    );
    check(
        "sources:\n- {name: prom, kind: alertmanager, basic: {user: a, passwords: [{env: EMPTY}]}}\n",
        &expect![[r#"
            pointsman.yaml:2:64: the secret in the variable EMPTY cannot be used: a secret must not be empty
              = put another there
        "#]],
    );
    check(
        "sources:\n- {name: prom, kind: alertmanager, bearer: []}\n",
        &expect![[r#"
        pointsman.yaml:2:44: a source has one secret, or 2 while they are rotated; here are 0
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
    check(
        "sources:\n- name: prom\n  kind: alertmanager\n  path: /health/x\n  bearer: {env: TOKEN}\n",
        &expect![[r#"
            pointsman.yaml:4:9: a source cannot have this path
              |
            4 |   path: /health/x
              |         ^^^^^^^^^
              = a path begins with / (and not with /health or /metrics), and has letters, digits or any of -_./
        "#]],
    );
    check(
        "sources:\n- name: p r\n  kind: alertmanager\n  bearer: {env: TOKEN}\n",
        &expect![[r#"
        pointsman.yaml:2:9: `p r` is not a source name: names have 1 to 80 letters, digits or any of -_.
          |
        2 | - name: p r
          |         ^^^
          = call it something like `prometheus`
    "#]],
    );
    let twice = "- {name: prom, kind: alertmanager, bearer: [{env: TOKEN}]}\n";
    check(
        &format!("sources:\n{twice}{twice}"),
        &expect![[r#"
        pointsman.yaml:3:10: another source has the name prom or the path /alerts/prom
          = give it its own; a pair of senders shares one source
    "#]],
    );
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    let source = "sources:\n- {name: prom, kind: alertmanager, ";
    check(
        &format!("{source}bearer: s3cret}}"),
        &expect![[r#"
        pointsman.yaml:2:44: this does not say where a secret is
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
    check(
        &format!("{source}bearer: [s3cret]}}"),
        &expect![[r#"
        pointsman.yaml:2:44: this does not say where a secret is
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
    check(
        &format!("{source}bearer: {{s3cret: 1}}}}"),
        &expect![[r#"
        pointsman.yaml:2:44: this does not say where a secret is
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
    check(
        &format!("{source}bearer: {{env: [s3cret]}}}}"),
        &expect![[r#"
        pointsman.yaml:2:44: this does not say where a secret is
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
    check(
        &format!("{source}baerer: s3cret}}"),
        &expect![[r#"
        pointsman.yaml:2:36: there is no `baerer` here
          |
        2 | - {name: prom, kind: alertmanager, baerer
          |                                    ^^^^^^
          = did you mean `bearer`?
    "#]],
    );
    check(
        &format!("{source}basic: {{user: a, passwords: s3cret}}}}"),
        &expect![[r#"
        pointsman.yaml:2:64: this does not say where a secret is
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
    check(
        &format!("{source}basic: s3cret}}"),
        &expect![[r#"
        pointsman.yaml:2:43: this cannot stand here
          = it must be lines of `key: value`, or `{key: value}`
    "#]],
    );
    check(
        "azure: {credential: token, token: s3cret}",
        &expect![[r#"
        pointsman.yaml:1:35: this does not say where a secret is
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
    check(
        "azure:\n  credential: token\n  token: [s3cret\n",
        &expect![[r#"
        pointsman.yaml:3:10: this does not say where a secret is
          = name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`
    "#]],
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    check(
        "lisen: 127.0.0.1:1\n",
        &expect![[r#"
        pointsman.yaml:1:1: there is no `lisen` here
          |
        1 | lisen
          | ^^^^^
          = did you mean `listen`?
    "#]],
    );
    check(
        "store: a.db\nlisten: nowhere\n",
        &expect![[r#"
        pointsman.yaml:2:9: this is not an address to listen on
          |
        2 | listen: nowhere
          |         ^^^^^^^
          = it must be an IP address and a port: `0.0.0.0:7433`, `[::]:7433`; port 0 takes a free one
    "#]],
    );
    check(
        "azure: {credential: token}\n",
        &expect![[r#"
        pointsman.yaml:1:21: `credential: token` needs `token`
          = say where the token is: `token: {env: NAME}` or `token: {file: PATH}`
    "#]],
    );
    check(
        "azure:\n  credential: managedidentity\n",
        &expect![[r#"
        pointsman.yaml:2:15: `managedidentity` cannot stand here
          |
        2 |   credential: managedidentity
          |               ^^^^^^^^^^^^^^^
          = did you mean `managedIdentity`?
    "#]],
    );
    check(
        "azure: {clientId: x}\n",
        &expect![[r#"
        pointsman.yaml:1:19: `clientId` goes with a managed identity only
          |
        1 | azure: {clientId: x
          |                   ^
          = say `credential: managedIdentity` too, or leave `clientId` out
    "#]],
    );
    check(
        "azure: {token: {env: TOKEN}}\n",
        &expect![[r#"
        pointsman.yaml:1:16: `token` goes with `credential: token` only
          = say `credential: token` too, or leave `token` out
    "#]],
    );
    check(
        "azure: {endpoint: 'http://example.com'}\n",
        &expect![[r#"
        pointsman.yaml:1:19: plain http to "example.com" would show the token to everyone on the way; only localhost, 127.0.0.0/8 and [::1] may be spoken to without TLS
          |
        1 | azure: {endpoint: 'http://example.com'
          |                   ^^^^^^^^^^^^^^^^^^^^
          = it is like `https://management.azure.com`; `http` only on this machine
    "#]],
    );
    check(
        "azure: {apiVersion: newest}\n",
        &expect![[r#"
        pointsman.yaml:1:21: "newest" is not an api-version: it must read YYYY-MM-DD or YYYY-MM-DD-preview
          |
        1 | azure: {apiVersion: newest
          |                     ^^^^^^
          = it is like `2024-05-01`, which is taken where none is named
    "#]],
    );
    check(
        "sources:\n- name: prom\n  kind: nagios\n",
        &expect![[r#"
        pointsman.yaml:3:9: `nagios` cannot stand here
          |
        3 |   kind: nagios
          |         ^^^^^^
          = the only one is `alertmanager`
    "#]],
    );
    check(
        "sources:\n- kind: alertmanager\n",
        &expect![[r#"
        pointsman.yaml:2:3: `name` is missing
          |
        2 | - kind
          |   ^^^^
          = say what it is: `name: …`
    "#]],
    );
    check(
        "sources: prom\n",
        &expect![[r#"
            pointsman.yaml:1:10: this cannot stand here
              = it must be a list: lines that begin with `- `, or `[…]`
        "#]],
    );
    check(
        "store: a\nstore: b\n",
        &expect![[r#"
        pointsman.yaml:2:1: `store` stands here twice
          |
        2 | store
          | ^^^^^
          = keep one of them
    "#]],
    );
    check(
        "azure: [\n",
        &expect![[r#"
            pointsman.yaml:1:8: this cannot stand here
              = it must be lines of `key: value`, or `{key: value}`
        "#]],
    );
    check(
        "azure:\n\tcloud: china\n",
        &expect![[r#"
        pointsman.yaml:2:2: this is not YAML: tabs disallowed within this context (block indentation)
          = indent with spaces
    "#]],
    );
    check(
        "store: 'a\n",
        &expect![[r#"
        pointsman.yaml:2:1: this is not YAML: invalid indentation in multiline quoted scalar
          = look at the indentation, quotes and brackets here and on the line before
    "#]],
    );
    check(
        "a: b: c\n",
        &expect![[r#"
            pointsman.yaml:1:1: there is no `a` here
              |
            1 | a
              | ^
              = the keys here are `mode`, `listen`, `store`, `playbook`, `azure`, `heartbeat` and `sources`
        "#]],
    );
}

#[test]
fn only_the_secrets_that_are_needed_are_read() {
    let text = "azure: {credential: token, token: {env: NONE}}\n\
                sources: [{name: prom, kind: alertmanager, bearer: {env: NONE}}]\n";
    let config = parse(text, Needs::Store).expect("no secret is needed for the store");
    assert!(config.azure.credential.is_none() && config.webhooks.is_empty());
    assert_eq!(config.source_names, ["prom".parse().unwrap()]);
    assert!(parse(text, Needs::Azure).unwrap_err().contains("NONE"));
    let text = text.replacen("NONE", "TOKEN", 1);
    let config = parse(&text, Needs::Azure).expect("the sources' secrets are not needed for Azure");
    assert!(config.azure.credential.is_some() && config.webhooks.is_empty());
    assert!(parse(&text, Needs::Everything).is_err());
}

#[test]
fn the_real_azure_is_spared_and_inspected_unless_it_is_said() {
    let asked = |azure: &str| {
        let config = parse(&format!("azure: {azure}\n"), Needs::Store);
        config
            .map(|config| (config.azure.paced, config.azure.inspected))
            .map_err(|problem| problem.lines().count() > 0)
    };
    for (azure, wanted) in [
        ("{}", Ok((true, true))),
        ("{cloud: china}", Ok((true, true))),
        ("{endpoint: 'https://private.example'}", Ok((true, true))),
        ("{endpoint: 'http://127.0.0.1:8080'}", Ok((false, false))),
        ("{endpoint: 'http://127.0.0.1:8080', paced: true}", Ok((true, false))),
        ("{endpoint: 'http://127.0.0.1:8080', inspected: true}", Ok((false, true))),
        ("{paced: false}", Ok((false, true))),
        ("{inspected: false}", Ok((true, false))),
        ("{paced: 5}", Err(true)),
    ] {
        assert_eq!(asked(azure), wanted, "{azure}");
    }
}

#[test]
fn a_sender_is_found_by_its_name_and_only_its_own_secret_is_read() {
    let text = "sources:\n- {name: one, kind: alertmanager, bearer: [{env: TOKEN}, {env: NONE}]}\n\
                - {name: two, kind: alertmanager, path: /two, bearer: {env: NONE}}\n\
                - {name: three, kind: alertmanager, basic: {user: ann, passwords: {env: TOKEN}}}\n";
    let of = |text: &str, name: Option<&str>| {
        let named = name.map(|name| name.parse().unwrap());
        let secrets = Secrets { folder: Path::new(""), variable: &variable };
        sender::sender(text, &secrets, named.as_ref()).map_err(|wrong| wrong.render("file", text))
    };
    let shown = |name| format!("{:?}", of(&text.replace(", {env: NONE}]", "]"), name));
    assert_eq!(
        [shown(None), shown(Some("three")), shown(Some("four"))],
        [
            "Ok(Some(Sender { name: one, path: \"/alerts/one\", proof: Bearer(***) }))",
            "Ok(Some(Sender { name: three, path: \"/alerts/three\", proof: \
             Basic(\"ann\", ***) }))",
            "Ok(None)",
        ]
    );
    for name in [None, Some("two")] {
        let why = of(text, name).unwrap_err();
        assert!(why.contains("NONE is not set in the environment"), "{why}");
    }
}

/// The table of keys names every key that can be read, and nothing else.
#[test]
fn all_that_is_wrong_is_said_at_once() {
    check(
        "listen: here
azure: {token: {env: TOKEN}}
sources:
  - {name: am, kind: alertmanager, bearer: {env: NONE}}
  - {name: am, kind: alertmanager, path: /health, bearer: {env: TOKEN}}
  - {name: other, kind: alertmanager}
",
        &expect![[r#"
            pointsman.yaml:1:9: this is not an address to listen on
              |
            1 | listen: here
              |         ^^^^
              = it must be an IP address and a port: `0.0.0.0:7433`, `[::]:7433`; port 0 takes a free one

            pointsman.yaml:2:16: `token` goes with `credential: token` only
              = say `credential: token` too, or leave `token` out

            pointsman.yaml:4:44: the variable NONE is not set in the environment
              = set it, or name another place

            pointsman.yaml:5:42: a source cannot have this path
              = a path begins with / (and not with /health or /metrics), and has letters, digits or any of -_./

            pointsman.yaml:6:12: nothing says how this source proves itself
              |
            6 |   - {name: other
              |            ^^^^^
              = give it `bearer: {env: NAME}`, or `basic: {user: NAME, passwords: {env: NAME}}`
        "#]],
    );
}

#[test]
fn the_table_of_keys_is_complete() {
    for (key, _, _) in KEYS {
        let (outer, inner) = key.rsplit_once('.').unwrap_or(("", key));
        let misspelt = format!("{inner}X: 1");
        let text = match outer {
            "" => misspelt,
            "azure" | "heartbeat" => format!("{outer}: {{{misspelt}}}"),
            "sources[]" => format!("sources: [{{{misspelt}}}]"),
            "sources[].basic" => format!("sources: [{{basic: {{{misspelt}}}}}]"),
            other => panic!("the test does not know {other}"),
        };
        // What was meant is the key, since the reader knows it.
        let problem = parse(&text, Needs::Everything).unwrap_err();
        assert!(problem.contains(&format!("did you mean `{inner}`?")), "{key}: {problem}");
    }
    let known = |text: &str| {
        let error = serde_saphyr::from_str::<wire::File>(text).unwrap_err();
        let serde_saphyr::Error::SerdeUnknownField { expected, .. } = error.without_snippet()
        else {
            panic!("{text}: {error}");
        };
        expected.len()
    };
    let all = known("zz: 1")
        + known("azure: {zz: 1}")
        + known("heartbeat: {zz: 1}")
        + known("sources: [{zz: 1}]")
        + known("sources: [{basic: {zz: 1}}]");
    // `azure`, `heartbeat`, `sources` and `basic` hold others, and have no line of their own.
    assert_eq!(all - 4, KEYS.len());
}

/// The page's table of keys is the one that the code has.
#[test]
fn the_table_of_keys_is_in_its_page() {
    let shown = |default: &str| match default {
        "" => String::new(),
        said if said.contains([' ', '\'']) => said.to_owned(),
        value => format!("`{value}`"),
    };
    let row = |(key, default, means): &(&str, &str, &str)| {
        format!("| `{key}` | {} | {means} |\n", shown(default))
    };
    let rows: String = KEYS.iter().map(row).collect();
    let table = format!("| key | if not said | meaning |\n|---|---|---|\n{rows}\n");
    let readme = include_str!("../README.md");
    assert!(readme.contains(&table), "the table of README.md must be:\n{table}");
}

#[test]
fn signs_of_life_are_read_within_their_bounds() {
    let source = |watchdog: &str| {
        let source = "name: am, kind: alertmanager, bearer: {env: TOKEN}";
        let config =
            parse(&format!("sources: [{{{source}, watchdog: {watchdog}}}]"), Needs::Everything)?;
        let [webhook] = config.webhooks.as_slice() else { panic!("one source") };
        assert_eq!(webhook.watchdog.as_ref(), config.watchdogs.values().next());
        Ok::<_, String>(config.watchdogs.into_values().next().unwrap())
    };
    let of = |alert: &str, mins| Watchdog {
        alert: alert.to_owned(),
        within: SignedDuration::from_mins(mins),
    };
    assert_eq!(source("10m"), Ok(of("Watchdog", 10)));
    assert_eq!(source("{within: 1h}"), Ok(of("Watchdog", 60)));
    assert_eq!(source("{alert: Alive, within: PT5M}"), Ok(of("Alive", 5)));
    for (wrong, says) in [
        ("10", "how long the watchdog may be silent"),
        ("{alert: Alive}", "how long the watchdog may be silent"),
        ("{within: 1h, by: x}", "how long the watchdog may be silent"),
        ("soon", "this is no length of time"),
        ("25h", "this is too short or too long"),
    ] {
        let problem = source(wrong).unwrap_err();
        assert!(problem.contains(says), "{wrong}: {problem}");
    }
    let every = |text: &str| {
        let config = parse(text, Needs::Everything)?;
        let heartbeat = config.heartbeat.map(|it| (it.url.expose().to_owned(), it.every.as_secs()));
        Ok::<_, String>((config.azure.check_every.map(|every| every.as_secs()), heartbeat))
    };
    assert_eq!(every("{}"), Ok((Some(60), None)));
    assert_eq!(every("azure: {endpoint: 'http://127.0.0.1:8080'}"), Ok((None, None)));
    assert_eq!(every("azure: {checkEvery: 5s}"), Ok((Some(5), None)));
    let beat = every("heartbeat: {url: 'https://beat.example/a?b'}").unwrap().1;
    assert_eq!(beat, Some(("https://beat.example/a?b".to_owned(), 60)));
    let look = |text: &str| parse(text, Needs::Store).map(|config| config.azure.look_every);
    assert_eq!(look("{}"), Ok(SignedDuration::from_mins(1)));
    assert_eq!(look("azure: {lookEvery: 5s}"), Ok(SignedDuration::from_secs(5)));
    for (wrong, says) in [
        ("azure: {lookEvery: 2m}", "too short or too long"),
        ("azure: {checkEvery: 0s}", "like `90s` or `10m`, and here `1s` to `1h`"),
        ("heartbeat: {url: 'https://beat.example', every: 2h}", "too short or too long"),
        ("heartbeat: {every: 1m}", "`url` is missing"),
        ("heartbeat: {url: {env: TOKEN}}", "this is no address that can be called"),
        ("heartbeat: {url: s3cret}", "this is no address that can be called"),
        ("heartbeat: {url: 'ftp://s3cret.example'}", "this is no address that can be called"),
        ("heartbeat: {url: {env: NONE}}", "NONE is not set"),
    ] {
        let problem = every(wrong).unwrap_err();
        assert!(problem.contains(says) && !problem.contains("s3cret"), "{wrong}: {problem}");
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown_however_it_is_written() {
    let source = "sources:\n  - name: am\n    kind: alertmanager\n";
    let azure = "azure:\n  credential: token\n";
    for text in [
        format!("{source}    bearer:\n      s3cret\n"),
        format!("{source}    bearer:\n      - s3cret\n"),
        format!("{source}    bearer:\n    - s3cret\n"),
        format!("{source}    bearer: |\n      s3cret\n"),
        format!("{source}    bearer: [\n      s3cret\n    ]\n"),
        format!("{source}    bearer: {{env:\n      \"my s3cret\"}}\n"),
        format!("{source}    basic:\n      s3cret\n"),
        format!("{source}    basic:\n      user: ann\n      passwords:\n        - s3cret\n"),
        format!("{azure}  token:\n    s3cret\n"),
        format!("{azure}  token:\n    env:\n      s3cret.with-dots\n"),
        "azure:\n  endpoint: https://ann:s3cret@example.com\n".to_owned(),
        "azure:\n  endpoint:\n    https://ann:s3cret@example.com\n".to_owned(),
        "azure: s3cret\n".to_owned(),
        "s3cret\n".to_owned(),
    ] {
        let problem = parse(&text, Needs::Everything).expect_err(&text);
        assert!(!problem.contains("s3cret"), "{text}\n{problem}");
        assert!(problem.starts_with("pointsman.yaml:"), "it says where: {problem}");
    }
}

#[test]
fn a_byte_order_mark_before_a_secret_is_skipped_and_utf_16_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let parse = |secret: &[u8]| {
        fs::write(folder.path().join("secret"), secret).unwrap();
        let text = "sources: [{name: am, kind: alertmanager, bearer: {file: secret}}]";
        Config::parse(text, folder.path(), Needs::Everything, variable)
            .map_err(|wrongs| wrong::render(wrongs, "pointsman.yaml", text))
    };
    let sent = Request::post("/").header("authorization", "Bearer s3cret").body(()).unwrap();
    let config = parse("\u{feff}s3cret\r\n".as_bytes()).unwrap();
    assert!(config.webhooks[0].source.accept(&sent.into_parts().0).is_ok());
    let wide: Vec<u8> = "\u{feff}s3cret".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let problem = parse(&wide).unwrap_err();
    assert!(problem.contains("it is UTF-16; save or send it as UTF-8"), "{problem}");
}
