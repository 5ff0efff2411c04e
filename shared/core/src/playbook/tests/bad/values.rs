//! Names, numbers, durations and references; and constructs that are not built yet.

use expect_test::expect;

use super::{check, check_plays};

#[test]
fn services() {
    check(
        r#"version: 1
services:
  main: {subscription: 1234, resourceGroup: rg., name: 1st}
  other service: {subscription: 00000000-0000-0000-0000-000000000000, resourcegroup: rg, name: b}
  empty:
pools: {}
plays: []
"#,
        &expect![[r#"
            playbook.yaml:3:24: `1234` is not a subscription id
              |
            3 |   main: {subscription: 1234, resourceGroup: rg., name: 1st}
              |                        ^^^^
              = it is a UUID, such as 00000000-0000-0000-0000-000000000000

            playbook.yaml:3:45: `rg.` is not a resource group
              |
            3 |   main: {subscription: 1234, resourceGroup: rg., name: 1st}
              |                                             ^^^
              = it has 1 to 90 letters, digits or ._()- and does not end in a dot

            playbook.yaml:3:56: `1st` is not a service name
              |
            3 |   main: {subscription: 1234, resourceGroup: rg., name: 1st}
              |                                                        ^^^
              = it has 1 to 50 letters, digits or hyphens, begins with a letter and does not end in a hyphen

            playbook.yaml:4:3: `other service` is not a name
              |
            4 |   other service: {subscription: 00000000-0000-0000-0000-000000000000, resourcegroup: rg, name: b}
              |   ^^^^^^^^^^^^^
              = names have 1 to 80 letters, digits or any of -_.

            playbook.yaml:4:71: there is no field `resourcegroup` here
              |
            4 |   other service: {subscription: 00000000-0000-0000-0000-000000000000, resourcegroup: rg, name: b}
              |                                                                       ^^^^^^^^^^^^^
              = did you mean `resourceGroup`?

            playbook.yaml:5:3: this must be a mapping, and there is nothing
              |
            5 |   empty:
              |   ^^^^^
              = it has `subscription`, `resourceGroup`, `name`
        "#]],
    );
}

#[test]
fn pools() {
    check(
        r#"version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: rg1, name: contoso}
pools:
  a: {service: mian, backend: a/b}
  b: {service: main, backend: b, limits: {leastMembers: 0, leastShare: 50}, failover: prompote, nullWeight: 101}
  c: {service: main, backend: B, limits: {leastmembers: 2, capacity: 1000, mostOut: 2, leastMembers: 50%}}
  d: {service: main, workspace: "a b", backend: c, zones: [a], limits: none}
  e: main
plays: []
"#,
        &expect![[r#"
            playbook.yaml:5:16: there is no service `mian`
              |
            5 |   a: {service: mian, backend: a/b}
              |                ^^^^
              = did you mean `main`?

            playbook.yaml:5:31: `a/b` is not a backend name
              |
            5 |   a: {service: mian, backend: a/b}
              |                               ^^^
              = it has 1 to 80 characters without spaces and none of *#&+:<>?/\%

            playbook.yaml:6:57: `leastMembers` cannot be 0
              |
            6 |   b: {service: main, backend: b, limits: {leastMembers: 0, leastShare: 50}, failover: prompote, nullWeight: 101}
              |                                                         ^
              = 1 to 30; without it, at least half must serve

            playbook.yaml:6:72: `50` has no %
              |
            6 |   b: {service: main, backend: b, limits: {leastMembers: 0, leastShare: 50}, failover: prompote, nullWeight: 101}
              |                                                                        ^^
              = did you mean `50%`?

            playbook.yaml:6:87: `prompote` cannot stand here
              |
            6 |   b: {service: main, backend: b, limits: {leastMembers: 0, leastShare: 50}, failover: prompote, nullWeight: 101}
              |                                                                                       ^^^^^^^^
              = did you mean `promote`?

            playbook.yaml:6:109: a weight cannot be 101
              |
            6 |   b: {service: main, backend: b, limits: {leastMembers: 0, leastShare: 50}, failover: prompote, nullWeight: 101}
              |                                                                                                             ^^^
              = weights are whole numbers from 0 to 100

            playbook.yaml:7:31: `b` is this backend already
              |
            7 |   c: {service: main, backend: B, limits: {leastmembers: 2, capacity: 1000, mostOut: 2, leastMembers: 50%}}
              |                               ^
              = each backend has one name here: limits of two names would not be one set

            playbook.yaml:7:43: there is no field `leastmembers` here
              |
            7 |   c: {service: main, backend: B, limits: {leastmembers: 2, capacity: 1000, mostOut: 2, leastMembers: 50%}}
              |                                           ^^^^^^^^^^^^
              = did you mean `leastMembers`?

            playbook.yaml:7:60: there is no field `capacity` here
              |
            7 |   c: {service: main, backend: B, limits: {leastmembers: 2, capacity: 1000, mostOut: 2, leastMembers: 50%}}
              |                                                            ^^^^^^^^
              = the fields here are `leastMembers`, `leastShare`, `leastCapacity`, `mostOut` and `panic`

            playbook.yaml:7:102: `50%` is not a whole number
              |
            7 |   c: {service: main, backend: B, limits: {leastmembers: 2, capacity: 1000, mostOut: 2, leastMembers: 50%}}
              |                                                                                                      ^^^
              = write digits only, such as 20

            playbook.yaml:8:33: `a b` is not a workspace name
              |
            8 |   d: {service: main, workspace: "a b", backend: c, zones: [a], limits: none}
              |                                 ^^^^^
              = it has 1 to 80 characters without spaces and none of *#&+:<>?/\%

            playbook.yaml:8:52: there is no field `zones` here
              |
            8 |   d: {service: main, workspace: "a b", backend: c, zones: [a], limits: none}
              |                                                    ^^^^^
              = the fields here are `service`, `workspace`, `backend`, `limits`, `failover`, `nullWeight`, `writesPerHour` and `members`

            playbook.yaml:8:72: this must be a mapping, and there is a single value
              |
            8 |   d: {service: main, workspace: "a b", backend: c, zones: [a], limits: none}
              |                                                                        ^^^^
              = it has `leastMembers`, `leastShare`, `leastCapacity`, `mostOut`, `panic`

            playbook.yaml:9:6: this must be a mapping, and there is a single value
              |
            9 |   e: main
              |      ^^^^
              = it has `service`, `workspace`, `backend`, `limits`, `failover`, `nullWeight`, `writesPerHour`, `members`
        "#]],
    );
}

#[test]
fn names() {
    check_plays(
        r#"  - {name: drain it, when: true, do: [{drain: {pool: chat, member: eu}}]}
  - {name: a, when: true, do: [{drain: {pool: caht, member: eu 1}}]}
  - {name: a, when: true, do: [{drain: {pool: "${signal.labels.pool}", member: ""}}]}
"#,
        &expect![[r#"
            playbook.yaml:8:12: `drain it` is not a name
              |
            8 |   - {name: drain it, when: true, do: [{drain: {pool: chat, member: eu}}]}
              |            ^^^^^^^^
              = names have 1 to 80 letters, digits or any of -_.

            playbook.yaml:9:47: there is no pool `caht`
              |
            9 |   - {name: a, when: true, do: [{drain: {pool: caht, member: eu 1}}]}
              |                                               ^^^^
              = did you mean `chat`?

            playbook.yaml:9:61: `eu 1` is not a backend name
              |
            9 |   - {name: a, when: true, do: [{drain: {pool: caht, member: eu 1}}]}
              |                                                             ^^^^
              = it has 1 to 80 characters without spaces and none of *#&+:<>?/\%

            playbook.yaml:10:12: another play is called `a`
               |
            10 |   - {name: a, when: true, do: [{drain: {pool: "${signal.labels.pool}", member: ""}}]}
               |            ^
               = give this one a name of its own; the other is in line 9

            playbook.yaml:10:80: `` is not a backend name
               |
            10 |   - {name: a, when: true, do: [{drain: {pool: "${signal.labels.pool}", member: ""}}]}
               |                                                                                ^^
               = it has 1 to 80 characters without spaces and none of *#&+:<>?/\%
        "#]],
    );
}

#[test]
fn durations() {
    check_plays(
        r#"  - name: a
    when: true
    do: [{drain: {pool: chat, member: eu}}]
    atMost: 6
    hold: soon
    ramp: {steps: [10%], every: 0s}
  - {name: b, when: true, do: [{drain: {pool: chat, member: eu}}], atMost: 1000h, hold: -1m}
  - {name: c, when: true, do: [{drain: {pool: chat, member: eu}}], atMost: 1h, hold: 2h}
  - {name: d, when: true, do: [{drain: {pool: chat, member: eu}}], for: 1d, hold: 1m 30}
"#,
        &expect![[r#"
            playbook.yaml:11:13: `6` has no unit
               |
            11 |     atMost: 6
               |             ^
               = did you mean `6s` or `6m`?

            playbook.yaml:12:11: `soon` is not a length of time
               |
            12 |     hold: soon
               |           ^^^^
               = write it as 90s, 2m, 1h30m or PT5M; a day is 24h

            playbook.yaml:13:33: `0s` is not longer than zero
               |
            13 |     ramp: {steps: [10%], every: 0s}
               |                                 ^^
               = write a longer time, or leave the field out

            playbook.yaml:14:76: `1000h` is too long
               |
            14 |   - {name: b, when: true, do: [{drain: {pool: chat, member: eu}}], atMost: 1000h, hold: -1m}
               |                                                                            ^^^^^
               = at most 30 days, 720h

            playbook.yaml:14:89: `-1m` is not longer than zero
               |
            14 |   - {name: b, when: true, do: [{drain: {pool: chat, member: eu}}], atMost: 1000h, hold: -1m}
               |                                                                                         ^^^
               = write a longer time, or leave the field out

            playbook.yaml:15:86: `hold` is longer than the play may last
               |
            15 |   - {name: c, when: true, do: [{drain: {pool: chat, member: eu}}], atMost: 1h, hold: 2h}
               |                                                                                      ^^
               = shorten it

            playbook.yaml:16:73: `1d` is not a length of time
               |
            16 |   - {name: d, when: true, do: [{drain: {pool: chat, member: eu}}], for: 1d, hold: 1m 30}
               |                                                                         ^^
               = write it as 90s, 2m, 1h30m or PT5M; a day is 24h

            playbook.yaml:16:83: `1m 30` is not a length of time
               |
            16 |   - {name: d, when: true, do: [{drain: {pool: chat, member: eu}}], for: 1d, hold: 1m 30}
               |                                                                                   ^^^^^
               = write it as 90s, 2m, 1h30m or PT5M; a day is 24h
        "#]],
    );
}

#[test]
fn until() {
    check_plays(
        r#"  - {name: a, when: true, do: [{drain: {pool: chat, member: eu}}], for: 1h, until: resolved, atMost: 2h}
  - {name: b, when: true, do: [{drain: {pool: chat, member: eu}}], until: resloved}
  - {name: c, when: true, do: [{drain: {pool: chat, member: eu}}], until: 2h}
"#,
        &expect![[r#"
            playbook.yaml:8:84: `until` and `for` exclude one another
              |
            8 |   - {name: a, when: true, do: [{drain: {pool: chat, member: eu}}], for: 1h, until: resolved, atMost: 2h}
              |                                                                                    ^^^^^^^^
              = `for` alone says when the play ends: keep one of them

            playbook.yaml:8:102: `atMost` and `for` exclude one another
              |
            8 |   - {name: a, when: true, do: [{drain: {pool: chat, member: eu}}], for: 1h, until: resolved, atMost: 2h}
              |                                                                                                      ^^
              = `for` alone says when the play ends: keep one of them

            playbook.yaml:9:75: `resloved` cannot stand here
              |
            9 |   - {name: b, when: true, do: [{drain: {pool: chat, member: eu}}], until: resloved}
              |                                                                           ^^^^^^^^
              = did you mean `resolved`?

            playbook.yaml:10:75: `2h` cannot stand here
               |
            10 |   - {name: c, when: true, do: [{drain: {pool: chat, member: eu}}], until: 2h}
               |                                                                           ^^
               = the only one is `resolved`
        "#]],
    );
}

#[test]
fn fractions() {
    check_plays(
        r#"  - name: a
    when: true
    do:
      - shift: {pool: chat, member: eu, to: 30}
      - shift: {pool: chat, member: eu, to: 130%}
      - shift: {pool: chat, member: eu, to: half}
      - shift: {pool: chat, member: eu, to: 33.333%}
    ramp: {steps: [50%, 10%, 10%, 0.5], every: 2m}
  - {name: b, when: true, do: [{drain: {pool: chat, member: eu}}], ramp: {steps: [], every: 2m}}
"#,
        &expect![[r#"
            playbook.yaml:11:45: `30` has no %
               |
            11 |       - shift: {pool: chat, member: eu, to: 30}
               |                                             ^^
               = did you mean `30%`?

            playbook.yaml:12:45: `130%` is more than 100%
               |
            12 |       - shift: {pool: chat, member: eu, to: 130%}
               |                                             ^^^^
               = write it as 30% or 12.5%, from 0% to 100% with at most two decimals

            playbook.yaml:13:45: `half` is not a percentage
               |
            13 |       - shift: {pool: chat, member: eu, to: half}
               |                                             ^^^^
               = write it as 30% or 12.5%, from 0% to 100% with at most two decimals

            playbook.yaml:14:45: `33.333%` is not a percentage
               |
            14 |       - shift: {pool: chat, member: eu, to: 33.333%}
               |                                             ^^^^^^^
               = write it as 30% or 12.5%, from 0% to 100% with at most two decimals

            playbook.yaml:15:25: 10% gives back no more than the step before
               |
            15 |     ramp: {steps: [50%, 10%, 10%, 0.5], every: 2m}
               |                         ^^^
               = say how much is given back at each step: `steps: [10%, 50%, 100%]`

            playbook.yaml:15:30: 10% gives back no more than the step before
               |
            15 |     ramp: {steps: [50%, 10%, 10%, 0.5], every: 2m}
               |                              ^^^
               = say how much is given back at each step: `steps: [10%, 50%, 100%]`

            playbook.yaml:15:35: `0.5` has no %
               |
            15 |     ramp: {steps: [50%, 10%, 10%, 0.5], every: 2m}
               |                                   ^^^
               = did you mean `50%`?

            playbook.yaml:16:75: the ramp has no steps
               |
            16 |   - {name: b, when: true, do: [{drain: {pool: chat, member: eu}}], ramp: {steps: [], every: 2m}}
               |                                                                           ^^^^^
               = say how much is given back at each step: `steps: [10%, 50%, 100%]`
        "#]],
    );
}

#[test]
fn weights() {
    check_plays(
        r#"  - name: a
    when: true
    do:
      - shift: {pool: chat, split: {eu: 101, us: -1, asia: "20", au: 1.5, af: many}}
      - shift: {pool: chat, split: {eu: 0, us: 0}}
      - shift: {pool: chat, split: {eu: 1, EU: 2, "${signal.labels.a}": 3}}
      - shift: {pool: chat, member: eu, to: 10%, split: {eu: 1}}
      - shift: {pool: chat, split: {}}
      - promote: {pool: chat, member: eu, weight: 0}
"#,
        &expect![[r#"
            playbook.yaml:11:41: a weight cannot be 101
               |
            11 |       - shift: {pool: chat, split: {eu: 101, us: -1, asia: "20", au: 1.5, af: many}}
               |                                         ^^^
               = weights are whole numbers from 0 to 100

            playbook.yaml:11:50: a weight cannot be -1
               |
            11 |       - shift: {pool: chat, split: {eu: 101, us: -1, asia: "20", au: 1.5, af: many}}
               |                                                  ^^
               = weights are whole numbers from 0 to 100

            playbook.yaml:11:60: this must be a number
               |
            11 |       - shift: {pool: chat, split: {eu: 101, us: -1, asia: "20", au: 1.5, af: many}}
               |                                                            ^^^^
               = take off the quotes

            playbook.yaml:11:70: `1.5` is not a whole number
               |
            11 |       - shift: {pool: chat, split: {eu: 101, us: -1, asia: "20", au: 1.5, af: many}}
               |                                                                      ^^^
               = write digits only, such as 20

            playbook.yaml:11:79: `many` is not a whole number
               |
            11 |       - shift: {pool: chat, split: {eu: 101, us: -1, asia: "20", au: 1.5, af: many}}
               |                                                                               ^^^^
               = write digits only, such as 20

            playbook.yaml:12:29: this split leaves no traffic to anyone
               |
            12 |       - shift: {pool: chat, split: {eu: 0, us: 0}}
               |                             ^^^^^
               = at least one weight must be 1 to 100

            playbook.yaml:13:44: `eu` stands here twice
               |
            13 |       - shift: {pool: chat, split: {eu: 1, EU: 2, "${signal.labels.a}": 3}}
               |                                            ^^
               = Azure compares names without case: keep one of the two

            playbook.yaml:13:51: `split` takes no `${…}`
               |
            13 |       - shift: {pool: chat, split: {eu: 1, EU: 2, "${signal.labels.a}": 3}}
               |                                                   ^^^^^^^^^^^^^^^^^^^^
               = name each member as it is; `${…}` works in `member`

            playbook.yaml:14:37: `member` and `split` exclude one another
               |
            14 |       - shift: {pool: chat, member: eu, to: 10%, split: {eu: 1}}
               |                                     ^^
               = `split` names its members itself: keep one of the two

            playbook.yaml:14:45: `to` and `split` exclude one another
               |
            14 |       - shift: {pool: chat, member: eu, to: 10%, split: {eu: 1}}
               |                                             ^^^
               = `split` names its members itself: keep one of the two

            playbook.yaml:15:29: this split leaves no traffic to anyone
               |
            15 |       - shift: {pool: chat, split: {}}
               |                             ^^^^^
               = at least one weight must be 1 to 100

            playbook.yaml:16:51: a weight cannot be 0
               |
            16 |       - promote: {pool: chat, member: eu, weight: 0}
               |                                                   ^
               = weights are whole numbers from 1 to 100
        "#]],
    );
}

#[test]
fn reconnects() {
    check_plays(
        r#"  - name: a
    when: true
    do: [{drain: {pool: chat, member: eu}}]
    after:
      - reconnect: {backend: eu, after: PT1M}
      - reconnect: {backend: Chat-Pool, after: PT5M}
      - reconnect: {backend: eu, at: "02:00"}
      - reconect: {backend: eu, after: PT5M}
      - notify: {channel: oncall}
  - name: b
    when: true
    do: [{drain: {pool: search, member: eu}}]
    after: [{reconnect: {backend: eu, after: PT5M}}]
"#,
        &expect![[r#"
            playbook.yaml:12:41: `PT1M` is too soon for a reconnect
               |
            12 |       - reconnect: {backend: eu, after: PT1M}
               |                                         ^^^^
               = Azure takes no less than PT2M

            playbook.yaml:13:30: `chat-pool` is a pool, and a pool cannot be reconnected
               |
            13 |       - reconnect: {backend: Chat-Pool, after: PT5M}
               |                              ^^^^^^^^^
               = name one of its members

            playbook.yaml:14:38: `zone` is missing here
               |
            14 |       - reconnect: {backend: eu, at: "02:00"}
               |                                      ^^^^^^^
               = say where that is meant: `zone: Europe/Paris`, or `zone: UTC`

            playbook.yaml:15:9: there is no effect `reconect` here
               |
            15 |       - reconect: {backend: eu, after: PT5M}
               |         ^^^^^^^^
               = did you mean `reconnect`?

            playbook.yaml:16:9: `notify` is not built yet in this version
               |
            16 |       - notify: {channel: oncall}
               |         ^^^^^^
               = remove it; the ledger has everything: `pointsman history`

            playbook.yaml:20:14: a backend of a workspace cannot be reconnected
               |
            20 |     after: [{reconnect: {backend: eu, after: PT5M}}]
               |              ^^^^^^^^^
               = Azure has Reconnect at service level only: remove it
        "#]],
    );
}

#[test]
fn not_built_yet() {
    check_plays(
        r#"  - name: a
    when: true
    do:
      - drain: {pool: chat, member: eu}
    approve: {by: oncall, within: 10m}
    mute: 1h
    notify: oncall
    verify: 2m
windows:
  - name: eu-patching
    once: {at: 2026-12-24T22:00, zone: UTC}
    lasts: 1h
    do: [{drain: {pool: chat, member: eu}}]
"#,
        &expect![[r#"
            playbook.yaml:12:5: `approve` is not built yet in this version
               |
            12 |     approve: {by: oncall, within: 10m}
               |     ^^^^^^^
               = remove it; a play without it acts at once; leave the play out where it must not

            playbook.yaml:13:5: `mute` is not built yet in this version
               |
            13 |     mute: 1h
               |     ^^^^
               = remove it; `pointsman mute PLAY --for 2h` does it

            playbook.yaml:14:5: `notify` is not built yet in this version
               |
            14 |     notify: oncall
               |     ^^^^^^
               = remove it; the ledger has everything: `pointsman history`

            playbook.yaml:15:5: `verify` is not built yet in this version
               |
            15 |     verify: 2m
               |     ^^^^^^
               = remove it; the ledger says what each write found: `pointsman history`
        "#]],
    );
}

#[test]
fn nothing_to_do() {
    check_plays(
        r#"  - {name: a, when: true, do: []}
"#,
        &expect![[r#"
            playbook.yaml:8:27: the play does nothing
              |
            8 |   - {name: a, when: true, do: []}
              |                           ^^
              = say what it does: `do: [{drain: {pool: …, member: …}}]`
        "#]],
    );
}
