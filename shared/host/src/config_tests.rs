use expect_test::{Expect, expect};

use super::*;

pub(super) fn variable(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("s3cret".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

pub(super) fn parse(text: &str, needs: Needs) -> Result<Config, String> {
    let secrets = Secrets { folder: Path::new("/etc/pointsman"), variable: &variable };
    reading::read(text, needs, secrets)
        .map_err(|wrongs| wrong::render(wrongs, "pointsman.yaml", text))
}

/// What a person would see: the problem, or the whole configuration.
pub(super) fn check(text: &str, expect: &Expect) {
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
                operator: None,
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
                operator: None,
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
                operator: None,
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
            pointsman.yaml:4:3: the variable NONE is not set in the environment
              = set it, or name another place
        "#]],
    );
    check(
        "sources:\n- name: prom\n  kind: alertmanager\n  bearer: {file: none}\n",
        &expect![[r#"
            pointsman.yaml:4:3: the secret's file /etc/pointsman/none cannot be read: No such file or directory (os error 2)
              = put it there, or name another place
        "#]],
    );
    check(
        "sources:\n- {name: prom, kind: alertmanager, basic: {user: a, passwords: [{env: EMPTY}]}}\n",
        &expect![[r#"
            pointsman.yaml:2:53: the secret in the variable EMPTY cannot be used: a secret must not be empty
              = put another there
        "#]],
    );
    check(
        "sources:\n- {name: prom, kind: alertmanager, bearer: []}\n",
        &expect![[r#"
            pointsman.yaml:2:36: a source has one secret, or 2 while they are rotated; here are 0
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
fn what_is_wrong_is_said_with_its_place() {
    check(
        "lisen: 127.0.0.1:1\n",
        &expect![[r#"
            pointsman.yaml:1:1: there is no field `lisen` here
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
            pointsman.yaml:1:9: `token` goes with `credential: token` only
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
            pointsman.yaml:2:9: nothing says how this source proves itself
              |
            2 | - name: prom
              |         ^^^^
              = give it `bearer: {env: NAME}`, or `basic: {user: NAME, passwords: {env: NAME}}`

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
            pointsman.yaml:2:3: `name` is missing here
              |
            2 | - kind
              |   ^^^^
              = call it something like `prometheus`

            pointsman.yaml:2:3: nothing says how this source proves itself
              |
            2 | - kind
              |   ^^^^
              = give it `bearer: {env: NAME}`, or `basic: {user: NAME, passwords: {env: NAME}}`
        "#]],
    );
    check(
        "sources: prom\n",
        &expect![[r#"
            pointsman.yaml:1:10: this must be a list, and there is a single value
              = put each entry on a line of its own that begins with `- `, or all in [ ]
        "#]],
    );
    check(
        "store: a\nstore: b\n",
        &expect![[r#"
            pointsman.yaml:2:1: `store` stands here twice
              |
            2 | store
              | ^^^^^
              = keep one of the two
        "#]],
    );
    check(
        "azure: [\n",
        &expect![[r#"
            pointsman.yaml:1:8: this is not YAML: unclosed bracket '['
              = look at the indentation, quotes and brackets here and on the line before
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
            pointsman.yaml:1:5: this is not YAML: mapping values are not allowed in this context
              = text with `: ` in it goes in quotes
        "#]],
    );
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

            pointsman.yaml:2:9: `token` goes with `credential: token` only
              = say `credential: token` too, or leave `token` out

            pointsman.yaml:4:36: the variable NONE is not set in the environment
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
        ("10", "this is not a length of time"),
        ("[10m]", "this must be a mapping"),
        ("{alert: Alive}", "`within` is missing here"),
        ("{within: 1h, alrt: x}", "did you mean `alert`?"),
        ("soon", "this is not a length of time"),
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
    assert_eq!(every("azure: {endpoint: 'http://127.0.0.1:8080'}"), Ok((Some(60), None)));
    assert_eq!(every("azure: {checkEvery: 5s}"), Ok((Some(5), None)));
    assert_eq!(every("azure: {checkEvery: never}"), Ok((None, None)));
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
        ("heartbeat: {url: {env: TOKEN}}", "this is not an address that can be called"),
        ("heartbeat: {url: s3cret}", "this is not an address that can be called"),
        ("heartbeat: {url: 'ftp://s3cret.example'}", "this is not an address that can be called"),
        ("heartbeat: {url: {env: NONE}}", "NONE is not set"),
    ] {
        let problem = every(wrong).unwrap_err();
        assert!(problem.contains(says) && !problem.contains("s3cret"), "{wrong}: {problem}");
    }
}

#[test]
fn problems_of_form_and_of_meaning_are_said_together() {
    check(
        "lisen: 127.0.0.1:1
mode: shadows
listen: [nowhere]
azure:
  endpont: https://management.azure.com
  paced: sometimes
  checkEvery: 2h
  credential: managedidentity
heartbeat: {evry: 1m}
sources:
  - name: am
    knd: alertmanager
    baerer: {env: TOKEN}
  - {name: 'p m', kind: nagios, watchdog: {withn: 1m}}
  - prometheus
",
        &expect![[r#"
            pointsman.yaml:1:1: there is no field `lisen` here
              |
            1 | lisen
              | ^^^^^
              = did you mean `listen`?

            pointsman.yaml:2:7: `shadows` cannot stand here
              |
            2 | mode: shadows
              |       ^^^^^^^
              = did you mean `shadow`?

            pointsman.yaml:3:1: this must be text, and there is a list
              |
            3 | listen
              | ^^^^^^
              = write text here; text can go in quotes

            pointsman.yaml:5:3: there is no field `endpont` here
              |
            5 |   endpont
              |   ^^^^^^^
              = did you mean `endpoint`?

            pointsman.yaml:6:10: this must be `true` or `false`
              = write one of the two, without quotes

            pointsman.yaml:7:15: this is too short or too long
              |
            7 |   checkEvery: 2h
              |               ^^
              = a length is like `90s` or `10m`, and here `1s` to `1h`

            pointsman.yaml:8:15: `managedidentity` cannot stand here
              |
            8 |   credential: managedidentity
              |               ^^^^^^^^^^^^^^^
              = did you mean `managedIdentity`?

            pointsman.yaml:9:1: `url` is missing here
              |
            9 | heartbeat
              | ^^^^^^^^^
              = say what is called: `url: https://heartbeat.example/pointsman`

            pointsman.yaml:9:13: there is no field `evry` here
              |
            9 | heartbeat: {evry
              |             ^^^^
              = did you mean `every`?

            pointsman.yaml:12:5: there is no field `knd` here
               |
            12 |     knd
               |     ^^^
               = did you mean `kind`?

            pointsman.yaml:13:5: there is no field `baerer` here
               |
            13 |     baerer
               |     ^^^^^^
               = did you mean `bearer`?

            pointsman.yaml:14:12: nothing says how this source proves itself
               |
            14 |   - {name: 'p m'
               |            ^^^^^
               = give it `bearer: {env: NAME}`, or `basic: {user: NAME, passwords: {env: NAME}}`

            pointsman.yaml:14:12: `p m` is not a source name: names have 1 to 80 letters, digits or any of -_.
               |
            14 |   - {name: 'p m'
               |            ^^^^^
               = call it something like `prometheus`

            pointsman.yaml:14:25: `nagios` cannot stand here
               |
            14 |   - {name: 'p m', kind: nagios
               |                         ^^^^^^
               = the only one is `alertmanager`

            pointsman.yaml:14:44: there is no field `withn` here
               |
            14 |   - {name: 'p m', kind: nagios, watchdog: {withn
               |                                            ^^^^^
               = did you mean `within`?

            pointsman.yaml:15:5: this must be a mapping, and there is a single value
              = it has `name`, `kind`, `path`, `bearer`, `basic`, `watchdog`
        "#]],
    );
}
