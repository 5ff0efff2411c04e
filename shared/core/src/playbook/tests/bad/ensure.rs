//! What is wrong with a backend that is declared to be made, or with an `ensure`.

use expect_test::{Expect, expect};

use super::check;

/// A playbook with this under `backends`, and this `do` of its one play.
fn check_ensure(backends: &str, effects: &str, expected: &Expect) {
    let text = format!(
        "version: 1
services:
  main: {{subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: rg1, name: contoso}}
pools:
  chat: {{service: main, backend: chat-pool}}
backends:
{backends}plays:
  - {{name: a, when: true, do: {effects}}}
"
    );
    check(&text, expected);
}

#[test]
fn what_a_backend_is_to_be() {
    check_ensure(
        "  a: {service: main, is: {protocol: grpc, title: ''}}
  b:
    service: main
    is:
      url: https://user@b.example.com
      credentials:
        authorization: {scheme: Bearer eyJ, parameter: eyJhbGciOi}
        certificateIds: [a/b]
        header: {x-key: 0123456789abcdef, y-key: '{{key}}'}
        query: {code: '{{a key}}'}
        password: x
      circuitBreaker: {interval: 1m}
",
        "[{ensure: {backend: a}}]",
        &expect![[r#"
            playbook.yaml:7:22: `url` is missing here
              |
            7 |   a: {service: main, is: {protocol: grpc, title: ''}}
              |                      ^^
              = say its address: `url: https://eu-2.example.com`

            playbook.yaml:7:37: `grpc` cannot stand here
              |
            7 |   a: {service: main, is: {protocol: grpc, title: ''}}
              |                                     ^^^^
              = the possibilities are `http` and `soap`

            playbook.yaml:7:50: this is no title that Azure takes
              |
            7 |   a: {service: main, is: {protocol: grpc, title: ''}}
              |                                                  ^^
              = it has 1 to 300 characters

            playbook.yaml:11:12: this address may hold a secret
               |
            11 |       url: https://user@b.example.com
               |            ^^^^^^^^^^^^^^^^^^^^^^^^^^
               = write it without a user, a password and a query

            playbook.yaml:13:33: this is not a scheme
               = write `Bearer`, and the secret as `parameter`

            playbook.yaml:13:56: a playbook holds no secret
               = name one of the service's named values, as in "{{chat-key}}"

            playbook.yaml:14:26: this is not the id of a certificate
               |
            14 |         certificateIds: [a/b]
               |                          ^^^
               = it has 1 to 80 characters, and no blank or slash

            playbook.yaml:15:25: a playbook holds no secret
               = name one of the service's named values, as in "{{chat-key}}"

            playbook.yaml:16:23: a playbook holds no secret
               = name one of the service's named values, as in "{{chat-key}}"

            playbook.yaml:17:9: there is no field `password` here
               |
            17 |         password: x
               |         ^^^^^^^^
               = the fields here are `authorization`, `certificateIds`, `header` and `query`
        "#]],
    );
}

#[test]
fn what_is_ensured() {
    check_ensure(
        "  sb: {service: main, is: {url: 'https://sb.example.com'}}
  ws: {service: main, workspace: w, is: {url: 'https://ws.example.com'}}
  eu: {service: main}
",
        "[{ensure: {backend: eu}}, {ensure: {backend: sbb, in: chta}}, {ensure: {backend: ws, in: chat}}, \
         {ensure: {backend: '${signal.labels.x}'}}, {ensure: {backend: sb, weight: 50}}, \
         {ensure: {backend: sb, in: chat, weight: 0, priority: 101}}, {ensure: {in: chat}}]",
        &expect![[r#"
            playbook.yaml:11:51: `eu` does not say what it is to be
               |
            11 | … a, when: true, do: [{ensure: {backend: eu}}, {ensure: {backend: sbb, in: chta}}, …
               |                                          ^^
               = declare it: `is: {url: https://…}` of that backend

            playbook.yaml:11:76: there is no backend `sbb`
               |
            11 | …ure: {backend: eu}}, {ensure: {backend: sbb, in: chta}}, {ensure: {backend: ws, in:…
               |                                          ^^^
               = did you mean `sb`?

            playbook.yaml:11:85: there is no pool `chta`
               |
            11 | …kend: eu}}, {ensure: {backend: sbb, in: chta}}, {ensure: {backend: ws, in: chat}}, {…
               |                                          ^^^^
               = did you mean `chat`?

            playbook.yaml:11:120: this pool is not where the backend is
               |
            11 | … in: chta}}, {ensure: {backend: ws, in: chat}}, {ensure: {backend: '${signal.labels.…
               |                                          ^^^^
               = a pool lists backends of its own service and workspace

            playbook.yaml:11:147: `${…}` cannot stand here
               |
            11 | …end: ws, in: chat}}, {ensure: {backend: '${signal.labels.x}'}}, {ensure: {backend: sb, weight: 50}},…
               |                                          ^^^^^^^^^^^^^^^^^^^^
               = an `ensure` names its backend as it is

            playbook.yaml:11:172: `weight` is of a pool, and none is named
               |
            11 | …ure: {backend: '${signal.labels.x}'}}, {ensure: {backend: sb, weight: 50}}, {ensure: {…
               |                                          ^^^^^^
               = name the pool that lists the backend: `in: chat`

            playbook.yaml:11:249: a weight cannot be 0
               |
            11 | …ensure: {backend: sb, in: chat, weight: 0, priority: 101}}, {ensure: {in: chat}}]…
               |                                          ^
               = weights are whole numbers from 1 to 100

            playbook.yaml:11:262: `priority` cannot be 101
               |
            11 | …end: sb, in: chat, weight: 0, priority: 101}}, {ensure: {in: chat}}]}
               |                                          ^^^
               = a whole number from 0 to 100

            playbook.yaml:11:270: `backend` is missing here
               |
            11 | … in: chat, weight: 0, priority: 101}}, {ensure: {in: chat}}]}
               |                                          ^^^^^^
               = name one of the `backends`
        "#]],
    );
}
