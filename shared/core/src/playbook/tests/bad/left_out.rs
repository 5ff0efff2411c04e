//! What must be there and is not, and what this version has no place for yet.

use expect_test::expect;

use super::{super::HEAD, check, check_plays};

#[test]
fn what_a_service_and_a_pool_must_say() {
    check(
        "services:\n  main: {}\npools:\n  chat: {service: main}\nplays: []\n",
        &expect![[r#"
        playbook.yaml:1:1: `version` is missing here
          |
        1 | services:
          | ^^^^^^^^
          = begin the playbook with `version: 1`

        playbook.yaml:2:3: `subscription` is missing here
          |
        2 |   main: {}
          |   ^^^^
          = it is the UUID that `az account show` calls id

        playbook.yaml:2:3: `resourceGroup` is missing here
          |
        2 |   main: {}
          |   ^^^^
          = it is the name of the service's resource group

        playbook.yaml:2:3: `name` is missing here
          |
        2 |   main: {}
          |   ^^^^
          = it is NAME in https://NAME.azure-api.net

        playbook.yaml:4:3: `backend` is missing here
          |
        4 |   chat: {service: main}
          |   ^^^^
          = name the pool as API Management has it
    "#]],
    );
    check(
        "version: 1\nservices: {}\nplays: []\n",
        &expect![[r#"
        playbook.yaml:1:1: `pools` is missing here
          |
        1 | version: 1
          | ^^^^^^^
          = name the pools: `pools: {chat: {service: main, backend: chat-pool}}`
    "#]],
    );
}

#[test]
fn what_a_window_and_a_freeze_must_say() {
    check(
        &format!(
            "{HEAD}plays: []\nwindows:
  - cron: {{at: 0 2 * * 0, zone: Europe/Paris}}
    lasts: 2h
    do: [{{drain: {{pool: chat, member: eu}}}}]
  - name: once
    once: {{zone: Europe/Paris}}
    lasts: 2h
    do: [{{drain: {{pool: chat, member: eu}}}}]
gates:
  freeze:
    - {{name: a, cron: {{dialect: unix, at: 0 0 1 * *, zone: UTC}}}}
    - {{name: b, to: 2027-01-02T00:00, zone: UTC}}
"
        ),
        &expect![[r#"
            playbook.yaml:9:5: `name` is missing here
              |
            9 |   - cron: {at: 0 2 * * 0, zone: Europe/Paris}
              |     ^^^^
              = give the window a name

            playbook.yaml:9:5: `dialect` is missing here
              |
            9 |   - cron: {at: 0 2 * * 0, zone: Europe/Paris}
              |     ^^^^
              = name the language of `at`: `dialect: unix`, `ncrontab` or `eventbridge`

            playbook.yaml:13:5: `at` is missing here
               |
            13 |     once: {zone: Europe/Paris}
               |     ^^^^
               = say when: `at: 2026-12-24T22:00`

            playbook.yaml:18:8: `lasts` is missing here
               |
            18 |     - {name: a, cron: {dialect: unix, at: 0 0 1 * *, zone: UTC}}
               |        ^^^^
               = say how long it is on: `lasts: 24h`

            playbook.yaml:19:8: `from` is missing here
               |
            19 |     - {name: b, to: 2027-01-02T00:00, zone: UTC}
               |        ^^^^
               = say when it begins: `from: 2026-12-20T00:00`
        "#]],
    );
}

#[test]
fn what_a_declared_backend_must_say() {
    check(
        &format!(
            "{HEAD}backends:
  a:
    service: main
    is:
      url: https://a.example.com
      credentials: {{authorization: {{}}}}
  b:
    service: main
    is: {{url: https://b.example.com, circuitBreaker: {{count: 3, percentage: 50}}}}
plays:
  - {{name: a, when: 'true', do: [{{drain: {{pool: chat, member: eu}}}}], show: ['']}}
  - {{name: b, when: 'true', do: [{{breaker: {{pool: chat, count: 3}}}}]}}
"
        ),
        &expect![[r#"
            playbook.yaml:12:21: `scheme` is missing here
               |
            12 |       credentials: {authorization: {}}
               |                     ^^^^^^^^^^^^^
               = say which: `scheme: Bearer`

            playbook.yaml:12:21: `parameter` is missing here
               |
            12 |       credentials: {authorization: {}}
               |                     ^^^^^^^^^^^^^
               = name a named value: `parameter: "{{chat-token}}"`

            playbook.yaml:15:38: this breaker does not say in one way what trips it
               |
            15 |     is: {url: https://b.example.com, circuitBreaker: {count: 3, percentage: 50}}
               |                                      ^^^^^^^^^^^^^^
               = write either `count: 3`, or `percentage: 50`

            playbook.yaml:17:77: this is not the name of a label
               |
            17 |   - {name: a, when: 'true', do: [{drain: {pool: chat, member: eu}}], show: ['']}
               |                                                                             ^^
               = it has 1 to 200 bytes

            playbook.yaml:18:35: the playbook does not list the pool's members
               |
            18 |   - {name: b, when: 'true', do: [{breaker: {pool: chat, count: 3}}]}
               |                                   ^^^^^^^
               = name them: `members: [eu-1, us-1]`, by their names under `backends`
        "#]],
    );
}

#[test]
fn what_this_version_has_no_place_for() {
    check_plays(
        r#"  - name: a
    when: "true"
    do: [{drain: {pool: chat, member: eu}}]
    authority: operator
    before: [{reconnect: {backend: eu, after: PT5M}}]
schedule: []
groups: {}
"#,
        &expect![[r#"
            playbook.yaml:11:5: `authority` is not built yet in this version
               |
            11 |     authority: operator
               |     ^^^^^^^^^
               = remove it; every play has that of an alert

            playbook.yaml:12:5: `before` is not built yet in this version
               |
            12 |     before: [{reconnect: {backend: eu, after: PT5M}}]
               |     ^^^^^^
               = remove it; a reconnect follows a play's end: `after`

            playbook.yaml:13:1: `schedule` is not built yet in this version
               |
            13 | schedule: []
               | ^^^^^^^^
               = remove it; write `cron` or `once` in a window

            playbook.yaml:14:1: `groups` is not built yet in this version
               |
            14 | groups: {}
               | ^^^^^^
               = remove it; what spans pools is said by tag: `limits`
        "#]],
    );
}

#[test]
fn what_an_expression_cannot_be() {
    let long = format!("signal.labels.a == \"{}\"", "x".repeat(2_000));
    let loops = ["[1].all(x, x > 0)"; 5].join(" && ");
    check_plays(
        &format!(
            r#"  - {{name: long, when: '{long}', do: [{{drain: {{pool: chat, member: eu}}}}]}}
  - {{name: loops, when: '{loops}', do: [{{drain: {{pool: chat, member: eu}}}}]}}
  - {{name: word, when: 'signal.labels.a == while', do: [{{drain: {{pool: chat, member: eu}}}}]}}
  - {{name: structure, when: 'Severity{{level: 1}} == 1', do: [{{drain: {{pool: chat, member: eu}}}}]}}
  - {{name: quoted, when: 'signal.severity == "critical"', do: [{{drain: {{pool: chat, member: eu}}}}]}}
  - {{name: token, when: 'signal.labels.a == $b', do: [{{drain: {{pool: chat, member: eu}}}}]}}
"#
        ),
        &expect![[r#"
            playbook.yaml:8:25: the expression has 2021 bytes
              |
            8 |   - {name: long, when: 'signal.labels.a == "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
              |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = an expression has at most 2000; make two plays of it

            playbook.yaml:9:117: the expression has more than 4 loops
              |
            9 | …, x > 0) && [1].all(x, x > 0) && [1].all(x, x > 0)', do: [{drain: {pool: chat, me…
              |                                          ^
              = make two plays of it

            playbook.yaml:10:44: `while` is a reserved word
               |
            10 |   - {name: word, when: 'signal.labels.a == while', do: [{drain: {pool: chat, member: eu}}]}
               |                                            ^^^^^
               = a name cannot be a reserved word; text goes in quotes

            playbook.yaml:11:38: there is no type `Severity`
               |
            11 |   - {name: structure, when: 'Severity{level: 1} == 1', do: [{drain: {pool: chat, member: eu}}]}
               |                                      ^
               = an expression cannot make structures

            playbook.yaml:12:46: a severity is not text
               |
            12 |   - {name: quoted, when: 'signal.severity == "critical"', do: [{drain: {pool: chat, member: eu}}]}
               |                                              ^^^^^^^^^^
               = write info, warning, error or critical without quotes

            playbook.yaml:13:45: `$` is not expected here
               |
            13 |   - {name: token, when: 'signal.labels.a == $b', do: [{drain: {pool: chat, member: eu}}]}
               |                                             ^
               = `${…}` is for values; a condition is an expression as it stands
        "#]],
    );
}
