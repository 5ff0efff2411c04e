//! Reconnects: when they come.

use expect_test::expect;

use super::check;

#[test]
fn when_a_reconnect_follows_a_beginning() {
    check(
        r#"version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: rg1, name: contoso}
pools:
  chat: {service: main, backend: chat-pool}
backends:
  eu: {service: main}
  team: {service: main, workspace: blue}
plays:
  - name: a
    when: true
    do:
      - reconnect: {backend: eu}
      - reconnect: {backend: eu, after: PT1M}
      - reconnect: {backend: eu, after: 30m, zone: UTC}
      - reconnect: {backend: eu, after: 5m, at: "03:00"}
      - reconnect: {backend: eu, at: "03:00"}
      - reconnect: {backend: eu, at: "3", zone: Europe/Pari}
      - reconnect: {backend: eu, at: "03:00", zone: UTC}
      - reconnect: {backend: eu, every: 5m}
      - reconnect: {backend: chat, after: 5m}
      - reconnect: {backend: team, after: 5m}
      - reconnect: {after: 5m}
    for: 30m
windows:
  - name: w
    once: {at: 2026-12-24T22:00, zone: UTC}
    lasts: 1h
    do:
      - reconnect: {backend: eu, every: 1m}
      - reconnect: {backend: eu, every: 1h}
      - reconnect: {backend: eu, after: 61m, every: 5m}
      - reconnect: {backend: eu, at: "03:00", zone: UTC}
      - reconnect: {backend: "${signal.labels.backend}", after: 5m}
    after:
      - reconnect: {backend: "${signal.labels.backend}", after: 5m}
      - reconnect: {backend: chat-pool, after: 5m}
      - reconnect: {backend: eu, after: 1m}
"#,
        &expect![[r#"
            playbook.yaml:13:9: this reconnect does not say when it comes
               |
            13 |       - reconnect: {backend: eu}
               |         ^^^^^^^^^
               = write `after: PT5M`, or `at: "03:00"` and `zone: Europe/Paris`

            playbook.yaml:14:41: `PT1M` is too soon for a reconnect
               |
            14 |       - reconnect: {backend: eu, after: PT1M}
               |                                         ^^^^
               = Azure takes no less than PT2M

            playbook.yaml:15:41: 30m is as long as the play may last, or longer: it would never come
               |
            15 |       - reconnect: {backend: eu, after: 30m, zone: UTC}
               |                                         ^^^
               = write less than 30m

            playbook.yaml:15:52: `zone` says where `at` is meant
               |
            15 |       - reconnect: {backend: eu, after: 30m, zone: UTC}
               |                                                    ^^^
               = remove it, or write `at` instead of `after`

            playbook.yaml:16:41: `after` and `at` exclude one another
               |
            16 |       - reconnect: {backend: eu, after: 5m, at: "03:00"}
               |                                         ^^
               = a reconnect is due once: keep one of the two

            playbook.yaml:17:38: `zone` is missing here
               |
            17 |       - reconnect: {backend: eu, at: "03:00"}
               |                                      ^^^^^^^
               = say where that is meant: `zone: Europe/Paris`, or `zone: UTC`

            playbook.yaml:18:38: `3` is not a time of day
               |
            18 |       - reconnect: {backend: eu, at: "3", zone: Europe/Pari}
               |                                      ^^^
               = write it as "09:00"

            playbook.yaml:18:49: there is no time zone `Europe/Pari`
               |
            18 |       - reconnect: {backend: eu, at: "3", zone: Europe/Pari}
               |                                                 ^^^^^^^^^^^
               = name one as in Europe/Paris, or write UTC

            playbook.yaml:19:38: the play may be over before that time comes
               |
            19 |       - reconnect: {backend: eu, at: "03:00", zone: UTC}
               |                                      ^^^^^^^
               = let it last 25h or more: `atMost: 25h`, or `for: 25h`

            playbook.yaml:20:41: `every` stands in a window only
               |
            20 |       - reconnect: {backend: eu, every: 5m}
               |                                         ^^
               = a play reconnects once: remove it, or write a window

            playbook.yaml:21:30: there is no backend `chat`
               |
            21 |       - reconnect: {backend: chat, after: 5m}
               |                              ^^^^
               = the backends are `eu` and `team`

            playbook.yaml:22:30: a backend of a workspace cannot be reconnected
               |
            22 |       - reconnect: {backend: team, after: 5m}
               |                              ^^^^
               = Azure has Reconnect at service level only: remove it

            playbook.yaml:23:9: `backend` is missing here
               |
            23 |       - reconnect: {after: 5m}
               |         ^^^^^^^^^
               = name one of the `backends`

            playbook.yaml:30:41: `1m` is too soon for a reconnect
               |
            30 |       - reconnect: {backend: eu, every: 1m}
               |                                         ^^
               = Azure takes no less than PT2M

            playbook.yaml:31:41: 1h is as long as the window is open, or longer: it would never come
               |
            31 |       - reconnect: {backend: eu, every: 1h}
               |                                         ^^
               = write less than 1h

            playbook.yaml:32:41: 1h 1m is as long as the window is open, or longer: it would never come
               |
            32 |       - reconnect: {backend: eu, after: 61m, every: 5m}
               |                                         ^^^
               = write less than 1h

            playbook.yaml:33:38: `at` cannot stand in a window
               |
            33 |       - reconnect: {backend: eu, at: "03:00", zone: UTC}
               |                                      ^^^^^^^
               = the window opens at a time itself: write `after`

            playbook.yaml:34:9: `${…}` cannot stand in a window
               |
            34 |       - reconnect: {backend: "${signal.labels.backend}", after: 5m}
               |         ^^^^^^^^^
               = no signal opens a window: name the backend and the member as they are

            playbook.yaml:35:5: `${…}` cannot stand in a window
               |
            35 |     after:
               |     ^^^^^
               = no signal opens a window: name the backend as it is

            playbook.yaml:37:30: `chat-pool` is a pool, and a pool cannot be reconnected
               |
            37 |       - reconnect: {backend: chat-pool, after: 5m}
               |                              ^^^^^^^^^
               = name one of its members

            playbook.yaml:38:41: `1m` is too soon for a reconnect
               |
            38 |       - reconnect: {backend: eu, after: 1m}
               |                                         ^^
               = Azure takes no less than PT2M
        "#]],
    );
}
