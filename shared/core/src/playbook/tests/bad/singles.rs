//! What is wrong with a Single that is declared, or with an effect on one.

use expect_test::expect;

use super::check;

/// A playbook with this under `backends` and under `do` of its one play.
fn check_singles(backends: &str, effects: &str, expected: &expect_test::Expect) {
    let text = format!(
        "version: 1
services:
  main: {{subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: rg1, name: contoso}}
pools:
  chat: {{service: main, backend: chat-pool}}
backends:
{backends}plays:
  - name: a
    when: true
    do:
{effects}"
    );
    check(&text, expected);
}

#[test]
fn what_is_declared() {
    check_singles(
        "  eu-1: {service: mian}
  a b: {service: main}
  pool: {service: main, backend: chat-pool}
  twin: {service: main, backend: EU-2}
  eu-2: {service: main}
  us: {workspace: w, may: [url, tsl]}
",
        "      - breaker: {backend: twin, count: 3}
",
        &expect![[r#"
            playbook.yaml:7:19: there is no service `mian`
              |
            7 |   eu-1: {service: mian}
              |                   ^^^^
              = did you mean `main`?

            playbook.yaml:8:3: `a b` is not a name
              |
            8 |   a b: {service: main}
              |   ^^^
              = names have 1 to 80 letters, digits or any of -_.

            playbook.yaml:8:3: `a b` is not a backend name
              |
            8 |   a b: {service: main}
              |   ^^^
              = it has 1 to 80 characters without spaces and none of *#&+:<>?/\%

            playbook.yaml:9:34: `chat` is this backend already
              |
            9 |   pool: {service: main, backend: chat-pool}
              |                                  ^^^^^^^^^
              = each backend has one name here: limits of two names would not be one set

            playbook.yaml:11:3: `twin` is this backend already
               |
            11 |   eu-2: {service: main}
               |   ^^^^
               = each backend has one name here: limits of two names would not be one set

            playbook.yaml:12:3: `service` is missing here
               |
            12 |   us: {workspace: w, may: [url, tsl]}
               |   ^^
               = name one of the `services`

            playbook.yaml:12:33: `tsl` cannot stand here
               |
            12 |   us: {workspace: w, may: [url, tsl]}
               |                                 ^^^
               = did you mean `tls`?
        "#]],
    );
}

#[test]
fn what_a_breaker_says() {
    check_singles(
        "  eu-1: {service: main}
",
        "      - breaker: {backend: eu-1}
      - breaker: {backend: eu1, count: 0, percentage: 101, trip: 3, acceptRetryAfter: false}
      - breaker: {pool: chat, member: eu-1, count: 3}
      - breaker: {backend: \"x-${signal.labels.b}\", count: 3}
",
        &expect![[r#"
            playbook.yaml:12:9: this breaker does not say how many failures trip it
               |
            12 |       - breaker: {backend: eu-1}
               |         ^^^^^^^
               = write `count: 3`, or `percentage: 50`

            playbook.yaml:13:28: there is no backend `eu1`
               |
            13 |       - breaker: {backend: eu1, count: 0, percentage: 101, trip: 3, acceptRetryAfter: false}
               |                            ^^^
               = did you mean `eu-1`?

            playbook.yaml:13:40: `count` cannot be 0
               |
            13 |       - breaker: {backend: eu1, count: 0, percentage: 101, trip: 3, acceptRetryAfter: false}
               |                                        ^
               = 1 to 10000

            playbook.yaml:13:55: `percentage` cannot be 101
               |
            13 |       - breaker: {backend: eu1, count: 0, percentage: 101, trip: 3, acceptRetryAfter: false}
               |                                                       ^^^
               = a whole number from 1 to 100

            playbook.yaml:13:66: `3` has no unit
               |
            13 |       - breaker: {backend: eu1, count: 0, percentage: 101, trip: 3, acceptRetryAfter: false}
               |                                                                  ^
               = did you mean `3s` or `3m`?

            playbook.yaml:13:87: a breaker is only tightened
               |
            13 |       - breaker: {backend: eu1, count: 0, percentage: 101, trip: 3, acceptRetryAfter: false}
               |                                                                                       ^^^^^
               = leave this out

            playbook.yaml:14:9: the playbook does not list the pool's members
               |
            14 |       - breaker: {pool: chat, member: eu-1, count: 3}
               |         ^^^^^^^
               = name them: `members: [eu-1, us-1]`, by their names under `backends`

            playbook.yaml:14:31: there is no field `member` here
               |
            14 |       - breaker: {pool: chat, member: eu-1, count: 3}
               |                               ^^^^^^
               = the fields here are `backend`, `pool`, `count`, `percentage`, `interval`, `trip` and `acceptRetryAfter`

            playbook.yaml:15:28: no backend has a name like `x-${signal.labels.b}`
               |
            15 |       - breaker: {backend: "x-${signal.labels.b}", count: 3}
               |                            ^^^^^^^^^^^^^^^^^^^^^^
               = the only one is `eu-1`
        "#]],
    );
}

#[test]
fn what_a_set_sets() {
    check_singles(
        "  eu-1: {service: main, may: [url, title]}
  eu-2: {service: main}
",
        "      - set: {backend: eu-1}
      - set: {backend: eu-1, url: \"ftp://a\", title: \"\"}
      - set: {backend: eu-1, url: \"https://user:word@a/?key=1\"}
      - set: {backend: eu-2, url: \"https://a\", tls: {validateCertificateName: 1}}
      - set: {backend: \"${signal.labels.b}\", description: a, credentials: {}}
      - set: {backend: \"${signal.labels.b}\", proxy: {}, tls: {}}
",
        &expect![[r#"
            playbook.yaml:13:9: this `set` sets nothing
               |
            13 |       - set: {backend: eu-1}
               |         ^^^
               = write what: `url: https://eu-2.example.com`, `tls`, `proxy`, `title` or `description`

            playbook.yaml:14:35: `ftp://a` is not an address
               |
            14 |       - set: {backend: eu-1, url: "ftp://a", title: ""}
               |                                   ^^^^^^^^^
               = write https://eu-2.example.com/chat

            playbook.yaml:14:53: this is no title that Azure takes
               |
            14 |       - set: {backend: eu-1, url: "ftp://a", title: ""}
               |                                                     ^^
               = it has 1 to 300 characters

            playbook.yaml:15:35: this address may hold a secret
               |
            15 |       - set: {backend: eu-1, url: "https://user:word@a/?key=1"}
               |                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
               = write it without a user, a password and a query

            playbook.yaml:16:35: `url` of `eu-2` may not be set
               |
            16 |       - set: {backend: eu-2, url: "https://a", tls: {validateCertificateName: 1}}
               |                                   ^^^^^^^^^^^
               = allow it: `may: [url]` of that backend

            playbook.yaml:16:79: this must be `true` or `false`
               |
            16 |       - set: {backend: eu-2, url: "https://a", tls: {validateCertificateName: 1}}
               |                                                                               ^
               = write one of the two, without quotes

            playbook.yaml:17:59: `description` of `eu-1` may not be set
               |
            17 |       - set: {backend: "${signal.labels.b}", description: a, credentials: {}}
               |                                                           ^
               = allow it: `may: [description]` of that backend

            playbook.yaml:17:62: there is no field `credentials` here
               |
            17 |       - set: {backend: "${signal.labels.b}", description: a, credentials: {}}
               |                                                              ^^^^^^^^^^^
               = the fields here are `backend`, `url`, `tls`, `proxy`, `title` and `description`

            playbook.yaml:18:46: `url` is missing here
               |
            18 |       - set: {backend: "${signal.labels.b}", proxy: {}, tls: {}}
               |                                              ^^^^^
               = say which: `url: http://proxy.example.com:8080`
        "#]],
    );
}
