//! Windows: when they open, and what they do.

use expect_test::expect;

use super::check_plays;

#[test]
fn when_a_window_opens() {
    check_plays(
        r#"  []
windows:
  - name: a
    lasts: 2h
    do: [{drain: {pool: chat, member: eu}}]
  - name: a
    cron: {dialect: unix, at: 0 0 2 * * 0, zone: Europe/Pari}
    once: {at: 2026-12-24T22:00, zone: UTC}
    lasts: 2h
    do: [{drain: {pool: chat, member: eu}}]
  - name: b
    once: {at: 2026-03-29T02:30, zone: Europe/Paris}
    lasts: 2
    do: [{drain: {pool: chat, member: eu}}]
  - name: c
    once: {at: tomorrow, zone: UTC}
    cron: {dialect: quartz, at: 0 2 * * 0}
    lasts: 2h
    do: [{drain: {pool: chat, member: eu}}]
  - name: d
    cron: {dialect: unix, at: 0 0 30 2 *, zone: UTC}
    do: [{drain: {pool: chat, member: eu}}]
  - name: e
    cron: {dialect: eventbridge, at: 0 2 ? * SUN *, zone: Moon}
    every: 2h
    lasts: 1h
    do: [{drain: {pool: chat, member: eu}}]
"#,
        &expect![[r#"
            playbook.yaml:10:5: this window does not say when it opens
               |
            10 |   - name: a
               |     ^^^^
               = write `cron: {dialect: unix, at: 0 2 * * 0, zone: Europe/Paris}`, or `once: {at: 2026-12-24T22:00, zone: Europe/Paris}`

            playbook.yaml:13:11: another window is called `a`
               |
            13 |   - name: a
               |           ^
               = give this one a name of its own; the other is in line 10

            playbook.yaml:15:5: `cron` and `once` exclude one another
               |
            15 |     once: {at: 2026-12-24T22:00, zone: UTC}
               |     ^^^^
               = a window opens again and again, or once: keep one of the two

            playbook.yaml:19:16: the clocks change at 2026-03-29T02:30:00 there, so that it does not come or comes twice
               |
            19 |     once: {at: 2026-03-29T02:30, zone: Europe/Paris}
               |                ^^^^^^^^^^^^^^^^
               = name another time

            playbook.yaml:20:12: `2` has no unit
               |
            20 |     lasts: 2
               |            ^
               = did you mean `2s` or `2m`?

            playbook.yaml:23:5: `cron` and `once` exclude one another
               |
            23 |     once: {at: tomorrow, zone: UTC}
               |     ^^^^
               = a window opens again and again, or once: keep one of the two

            playbook.yaml:23:16: `tomorrow` is not a day with a time of day
               |
            23 |     once: {at: tomorrow, zone: UTC}
               |                ^^^^^^^^
               = write it as 2026-12-24T22:00

            playbook.yaml:24:5: `zone` is missing here
               |
            24 |     cron: {dialect: quartz, at: 0 2 * * 0}
               |     ^^^^
               = say where that is meant: `zone: Europe/Paris`, or `zone: UTC`

            playbook.yaml:24:21: `quartz` cannot stand here
               |
            24 |     cron: {dialect: quartz, at: 0 2 * * 0}
               |                     ^^^^^^
               = the possibilities are `unix`, `ncrontab` and `eventbridge`

            playbook.yaml:27:5: `lasts` is missing here
               |
            27 |   - name: d
               |     ^^^^
               = say how long it is open: `lasts: 2h`

            playbook.yaml:28:31: `0 0 30 2 *` never comes
               |
            28 |     cron: {dialect: unix, at: 0 0 30 2 *, zone: UTC}
               |                               ^^^^^^^^^^
               = no day fits all of its fields

            playbook.yaml:31:59: there is no time zone `Moon`
               |
            31 |     cron: {dialect: eventbridge, at: 0 2 ? * SUN *, zone: Moon}
               |                                                           ^^^^
               = name one as in Europe/Paris, or write UTC

            playbook.yaml:32:5: there is no field `every` here
               |
            32 |     every: 2h
               |     ^^^^^
               = the fields here are `name`, `mode`, `cron`, `once`, `lasts`, `announce`, `do`, `ramp` and `after`
        "#]],
    );
}

#[test]
fn what_a_window_does() {
    check_plays(
        r#"  []
windows:
  - name: a b
    once: {at: 2026-12-24T22:00, zone: UTC}
    lasts: 2h
    do: []
  - name: b
    once: {at: 2026-12-24T22:00, zone: UTC}
    lasts: 2h
    do:
      - drain: {pool: chat, member: "${signal.labels.backend}"}
      - drain: {pool: chats, member: eu}
      - shift: {pool: chat, member: eu}
      - promote: {pool: "${signal.labels.pool}", member: eu}
    ramp: {steps: [50%, 20%], every: 1m}
  - name: c
"#,
        &expect![[r#"
            playbook.yaml:10:11: `a b` is not a window's name
               |
            10 |   - name: a b
               |           ^^^
               = names have 1 to 80 letters, digits or any of -_.

            playbook.yaml:13:5: the window does nothing
               |
            13 |     do: []
               |     ^^
               = say what it does: `do: [{drain: {pool: …, member: …}}]`

            playbook.yaml:18:9: `${…}` cannot stand in a window
               |
            18 |       - drain: {pool: chat, member: "${signal.labels.backend}"}
               |         ^^^^^
               = no signal opens a window: name the backend and the member as they are

            playbook.yaml:19:23: there is no pool `chats`
               |
            19 |       - drain: {pool: chats, member: eu}
               |                       ^^^^^
               = did you mean `chat`?

            playbook.yaml:20:9: `to` is missing here
               |
            20 |       - shift: {pool: chat, member: eu}
               |         ^^^^^
               = say how much of its weight the member keeps: `to: 30%`

            playbook.yaml:21:9: `${…}` cannot stand in a window
               |
            21 |       - promote: {pool: "${signal.labels.pool}", member: eu}
               |         ^^^^^^^
               = no signal opens a window: name the backend and the member as they are

            playbook.yaml:22:25: 20% gives back no more than the step before
               |
            22 |     ramp: {steps: [50%, 20%], every: 1m}
               |                         ^^^
               = say how much is given back at each step: `steps: [10%, 50%, 100%]`

            playbook.yaml:23:5: `lasts` is missing here
               |
            23 |   - name: c
               |     ^^^^
               = say how long it is open: `lasts: 2h`

            playbook.yaml:23:5: `do` is missing here
               |
            23 |   - name: c
               |     ^^^^
               = say what it does: `do: [{drain: {pool: …, member: …}}]`

            playbook.yaml:23:5: this window does not say when it opens
               |
            23 |   - name: c
               |     ^^^^
               = write `cron: {dialect: unix, at: 0 2 * * 0, zone: Europe/Paris}`, or `once: {at: 2026-12-24T22:00, zone: Europe/Paris}`
        "#]],
    );
}
