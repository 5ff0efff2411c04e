use expect_test::expect;

use super::{super::HEAD, check};

#[test]
fn members_and_what_they_can_carry() {
    check(
        "version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: rg, name: contoso}
  twin: {subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: rg, name: twin}
pools:
  none: {service: main, backend: none, limits: {leastCapacity: 10}}
  empty: {service: main, backend: empty, members: []}
  some: {service: main, backend: some, members: [eu-1, eu-3, us-1, eu-1], limits: {leastCapacity: 0}}
  much: {service: main, backend: much, members: [eu-1, eu-2], limits: {leastCapacity: 31, mostOut: 0, panic: half}}
  bare: {service: main, backend: bare, members: [eu-1, bare], limits: {leastCapacity: 5}}
backends:
  eu-1: {service: main, capacity: 10, tags: {zone: 1, region: \"\"}}
  eu-2: {service: main, capacity: 20, tags: {the zone: 1}}
  us-1: {service: twin, capacity: many}
  bare: {service: main, zone: 1}
plays: []
",
        &expect![[r#"
            playbook.yaml:6:64: nobody says what the pool's members can carry
              |
            6 |   none: {service: main, backend: none, limits: {leastCapacity: 10}}
              |                                                                ^^
              = name the pool's `members`, and give each its `capacity` under `backends`

            playbook.yaml:7:42: this pool has no members
              |
            7 |   empty: {service: main, backend: empty, members: []}
              |                                          ^^^^^^^
              = name them: `members: [eu-1, us-1]`

            playbook.yaml:8:56: there is no backend `eu-3`
              |
            8 |   some: {service: main, backend: some, members: [eu-1, eu-3, us-1, eu-1], limits: {leastCapacity: 0}}
              |                                                        ^^^^
              = did you mean `eu-1`?

            playbook.yaml:8:62: `us-1` is not where the pool is
              |
            8 |   some: {service: main, backend: some, members: [eu-1, eu-3, us-1, eu-1], limits: {leastCapacity: 0}}
              |                                                              ^^^^
              = a pool lists backends of its own service and workspace

            playbook.yaml:8:68: `eu-1` stands here twice
              |
            8 |   some: {service: main, backend: some, members: [eu-1, eu-3, us-1, eu-1], limits: {leastCapacity: 0}}
              |                                                                    ^^^^
              = name each member once

            playbook.yaml:8:99: a capacity cannot be 0
              |
            8 |   some: {service: main, backend: some, members: [eu-1, eu-3, us-1, eu-1], limits: {leastCapacity: 0}}
              |                                                                                                   ^
              = 1 to 1000000000, in units of your own

            playbook.yaml:9:87: the pool's members can carry 30 together
              |
            9 |   much: {service: main, backend: much, members: [eu-1, eu-2], limits: {leastCapacity: 31, mostOut: 0, panic: half}}
              |                                                                                       ^^
              = the limit is what must remain of that: write less

            playbook.yaml:9:100: `mostOut` cannot be 0
              |
            9 |   much: {service: main, backend: much, members: [eu-1, eu-2], limits: {leastCapacity: 31, mostOut: 0, panic: half}}
              |                                                                                                    ^
              = 1 to 10000; without it, the other limits alone decide

            playbook.yaml:9:110: `half` is not a percentage
              |
            9 |   much: {service: main, backend: much, members: [eu-1, eu-2], limits: {leastCapacity: 31, mostOut: 0, panic: half}}
              |                                                                                                              ^^^^
              = write it as 30% or 12.5%, from 0% to 100% with at most two decimals

            playbook.yaml:10:56: nobody says what `bare` can carry
               |
            10 |   bare: {service: main, backend: bare, members: [eu-1, bare], limits: {leastCapacity: 5}}
               |                                                        ^^^^
               = `leastCapacity` needs it: give that backend its `capacity`

            playbook.yaml:12:63: this is not the value of a tag
               |
            12 |   eu-1: {service: main, capacity: 10, tags: {zone: 1, region: ""}}
               |                                                               ^^
               = it has 1 to 80 characters in one line

            playbook.yaml:13:46: `the zone` is not a tag
               |
            13 |   eu-2: {service: main, capacity: 20, tags: {the zone: 1}}
               |                                              ^^^^^^^^
               = tags have 1 to 80 letters, digits or any of -_.

            playbook.yaml:14:35: `many` is not a whole number
               |
            14 |   us-1: {service: twin, capacity: many}
               |                                   ^^^^
               = write digits only, such as 20

            playbook.yaml:15:3: `bare` is this backend already
               |
            15 |   bare: {service: main, zone: 1}
               |   ^^^^
               = each backend has one name here: limits of two names would not be one set

            playbook.yaml:15:25: there is no field `zone` here
               |
            15 |   bare: {service: main, zone: 1}
               |                         ^^^^
               = the fields here are `service`, `workspace`, `backend`, `may`, `is`, `tags`, `capacity` and `host`
        "#]],
    );
}

#[test]
fn limits_by_tag() {
    check(
        &format!(
            "{HEAD}backends:\n  eu-1: {{service: main, tags: {{region: eu, zone: \"1\"}}}}\nlimits:\n  \
             zones: {{neverTogether: true}}\n  region: {{}}\n  zone: {{neverTogether: false, most: 1}}\n  \
             the zone: {{mostOut: 1}}\nplays: []\n"
        ),
        &expect![[r#"
            playbook.yaml:10:3: no backend has a tag `zones`
               |
            10 |   zones: {neverTogether: true}
               |   ^^^^^
               = did you mean `zone`?

            playbook.yaml:11:3: this says nothing of `region`
               |
            11 |   region: {}
               |   ^^^^^^
               = write `mostOut: 2`, or `neverTogether: true`

            playbook.yaml:12:25: without it, they may be out together
               |
            12 |   zone: {neverTogether: false, most: 1}
               |                         ^^^^^
               = leave this out

            playbook.yaml:12:32: there is no field `most` here
               |
            12 |   zone: {neverTogether: false, most: 1}
               |                                ^^^^
               = the fields here are `mostOut` and `neverTogether`

            playbook.yaml:13:3: `the zone` is not a tag
               |
            13 |   the zone: {mostOut: 1}
               |   ^^^^^^^^
               = tags have 1 to 80 letters, digits or any of -_.
        "#]],
    );
}

#[test]
fn selections() {
    check(
        "version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: rg, name: contoso}
pools:
  bare: {service: main, backend: bare-pool}
  chat: {service: main, backend: chat-pool, members: [eu-1, eu-2, us-1]}
backends:
  eu-1: {service: main, tags: {region: eu, zone: 1}, host: https://eu-1.example.com}
  eu-2: {service: main, tags: {region: eu}, host: eu-2.example.com}
  us-1: {service: main, tags: {region: us}}
plays:
  - name: a
    when: true
    do:
      - drain: {member: eu-1}
      - drain: {pool: chat, pools: all, member: eu-1}
      - drain: {pool: chat}
      - drain: {pool: chat, member: eu-1, tags: {region: eu}, host: eu-2.example.com}
      - drain: {pools: some, member: eu-1}
      - drain: {pool: bare, tags: {region: eu}}
      - drain: {pool: bare, host: \"${signal.labels.host}\"}
      - drain: {pool: chat, tags: {regoin: eu}}
      - drain: {pool: chat, tags: {region: eu, zone: 2}}
      - drain: {pool: chat, tags: {}}
      - drain: {pools: all, tags: {region: \"${signal.labels.}\"}}
      - shift: {pools: all, host: ap.example.com, to: 30%}
      - shift: {pools: all, tags: {region: eu}}
      - shift: {pools: all, split: {eu-1: 1}}
      - promote: {pools: all, member: ap-1}
      - drain: {pools: all, tags: {region: eu}, most: 1}
  - name: b
    when: true
    do:
      - breaker: {backend: chat, count: 3}
      - breaker: {pool: bare, count: 3}
      - breaker: {pool: chat, backend: eu-1, count: 3}
      - breaker: {count: 3}
windows:
  - name: w
    once: {at: 2026-12-24T22:00, zone: UTC}
    lasts: 4h
    do:
      - drain: {pools: all, tags: {region: \"${signal.labels.region}\"}}
",
        &expect![[r#"
            playbook.yaml:8:60: `https://eu-1.example.com` is not the name of a host
              |
            8 |   eu-1: {service: main, tags: {region: eu, zone: 1}, host: https://eu-1.example.com}
              |                                                            ^^^^^^^^^^^^^^^^^^^^^^^^
              = write it without scheme, port and path, such as eu-1.example.com

            playbook.yaml:15:9: `pool` is missing here
               |
            15 |       - drain: {member: eu-1}
               |         ^^^^^
               = name one of the `pools`

            playbook.yaml:16:36: `pools` and `pool` exclude one another
               |
            16 |       - drain: {pool: chat, pools: all, member: eu-1}
               |                                    ^^^
               = keep `pool` for one of them, or `pools: all`

            playbook.yaml:17:9: `member` is missing here
               |
            17 |       - drain: {pool: chat}
               |         ^^^^^
               = name a member: `member: eu-1`, or `member: ${signal.labels.backend}`

            playbook.yaml:18:43: `tags` and `member` exclude one another
               |
            18 |       - drain: {pool: chat, member: eu-1, tags: {region: eu}, host: eu-2.example.com}
               |                                           ^^^^
               = one of them says which members: keep one

            playbook.yaml:18:69: `host` and `member` exclude one another
               |
            18 |       - drain: {pool: chat, member: eu-1, tags: {region: eu}, host: eu-2.example.com}
               |                                                                     ^^^^^^^^^^^^^^^^
               = one of them says which members: keep one

            playbook.yaml:19:24: `pools` cannot be `some`
               |
            19 |       - drain: {pools: some, member: eu-1}
               |                        ^^^^
               = it is `all`, for every pool; one is named with `pool`

            playbook.yaml:20:29: the playbook does not list the pool's members
               |
            20 |       - drain: {pool: bare, tags: {region: eu}}
               |                             ^^^^
               = name them: `members: [eu-1, us-1]`, by their names under `backends`

            playbook.yaml:21:35: the playbook does not list the pool's members
               |
            21 |       - drain: {pool: bare, host: "${signal.labels.host}"}
               |                                   ^^^^^^^^^^^^^^^^^^^^^^^
               = name them: `members: [eu-1, us-1]`, by their names under `backends`

            playbook.yaml:22:36: no backend has a tag `regoin`
               |
            22 |       - drain: {pool: chat, tags: {regoin: eu}}
               |                                    ^^^^^^
               = did you mean `region`?

            playbook.yaml:23:29: no member that a pool lists has the tags `region: eu, zone: 2`
               |
            23 |       - drain: {pool: chat, tags: {region: eu, zone: 2}}
               |                             ^^^^
               = such a play would never do anything

            playbook.yaml:24:29: this names no tag
               |
            24 |       - drain: {pool: chat, tags: {}}
               |                             ^^^^
               = write `tags: {region: eu}`

            playbook.yaml:25:61: `` is not expected here
               |
            25 |       - drain: {pools: all, tags: {region: "${signal.labels.}"}}
               |                                                             ^
               = write a value, such as ${signal.labels.backend}

            playbook.yaml:26:35: no member that a pool lists has the host `ap.example.com`
               |
            26 |       - shift: {pools: all, host: ap.example.com, to: 30%}
               |                                   ^^^^^^^^^^^^^^
               = such a play would never do anything

            playbook.yaml:27:9: `to` is missing here
               |
            27 |       - shift: {pools: all, tags: {region: eu}}
               |         ^^^^^
               = say how much of its weight the member keeps: `to: 30%`

            playbook.yaml:28:9: `pool` is missing here
               |
            28 |       - shift: {pools: all, split: {eu-1: 1}}
               |         ^^^^^
               = name one of the `pools`

            playbook.yaml:28:24: `pools` and `split` exclude one another
               |
            28 |       - shift: {pools: all, split: {eu-1: 1}}
               |                        ^^^
               = a split is of one pool: name it with `pool`

            playbook.yaml:29:39: no member that a pool lists has the name `ap-1`
               |
            29 |       - promote: {pools: all, member: ap-1}
               |                                       ^^^^
               = such a play would never do anything

            playbook.yaml:30:29: 2 are selected, and at most 1 may be: nothing is done to any
               |
            30 |       - drain: {pools: all, tags: {region: eu}, most: 1}
               |                             ^^^^
               = such a play would never do anything

            playbook.yaml:34:28: `chat` is a pool, which has no breaker of its own
               |
            34 |       - breaker: {backend: chat, count: 3}
               |                            ^^^^
               = write `pool: chat` for the breakers of its members

            playbook.yaml:35:9: the playbook does not list the pool's members
               |
            35 |       - breaker: {pool: bare, count: 3}
               |         ^^^^^^^
               = name them: `members: [eu-1, us-1]`, by their names under `backends`

            playbook.yaml:36:25: `pool` and `backend` exclude one another
               |
            36 |       - breaker: {pool: chat, backend: eu-1, count: 3}
               |                         ^^^^
               = keep `pool` for the breakers of all of its members, or `backend` for one

            playbook.yaml:37:9: `backend` is missing here
               |
            37 |       - breaker: {count: 3}
               |         ^^^^^^^
               = name one of the `backends`, or a pool for those of its members: `pool: chat`

            playbook.yaml:43:9: `${…}` cannot stand in a window
               |
            43 |       - drain: {pools: all, tags: {region: "${signal.labels.region}"}}
               |         ^^^^^
               = no signal opens a window: name the backend and the member as they are
        "#]],
    );
}
