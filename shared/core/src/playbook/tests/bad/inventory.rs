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
               = the fields here are `service`, `workspace`, `backend`, `may`, `is`, `tags` and `capacity`
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
