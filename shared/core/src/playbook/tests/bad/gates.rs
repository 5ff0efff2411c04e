use expect_test::expect;

use super::{super::HEAD, check, check_plays};

#[test]
fn freezes() {
    check(
        &format!(
            "{HEAD}plays: []\ngates:\n  freeze:\n    - {{name: empty}}\n    \
             - {{name: half, from: 2026-12-20T00:00}}\n    \
             - {{name: both, from: 2026-12-20T00:00, cron: {{dialect: unix, at: 0 0 1 * *, zone: UTC}}, lasts: 1h}}\n    \
             - {{name: both, zone: UTC, lasts: 1h}}\n    \
             - {{name: back, from: 2027-01-02T00:00, to: 2026-12-20T00:00, zone: Europe/Paris}}\n    \
             - {{name: odd, from: 2026-03-29T02:30, to: 2026-12-20T00:00, zone: Europe/Pari}}\n    \
             - {{from: soon, to: 2026-12-20, zone: UTC, until: never}}\n  freezes: []\n"
        ),
        &expect![[r#"
            playbook.yaml:10:8: this freeze does not say when it is on
               |
            10 |     - {name: empty}
               |        ^^^^
               = write `from: 2026-12-20T00:00, to: 2027-01-02T00:00, zone: Europe/Paris`, or `cron: {dialect: unix, at: 0 0 1 */3 *, zone: UTC}, lasts: 24h`

            playbook.yaml:11:8: `to` is missing here
               |
            11 |     - {name: half, from: 2026-12-20T00:00}
               |        ^^^^
               = say when it ends: `to: 2027-01-02T00:00`

            playbook.yaml:11:8: `zone` is missing here
               |
            11 |     - {name: half, from: 2026-12-20T00:00}
               |        ^^^^
               = say where that is meant: `zone: Europe/Paris`, or `zone: UTC`

            playbook.yaml:12:26: `from` and `cron` exclude one another
               |
            12 |     - {name: both, from: 2026-12-20T00:00, cron: {dialect: unix, at: 0 0 1 * *, zone: UTC}, lasts: 1h}
               |                          ^^^^^^^^^^^^^^^^
               = a freeze is on again and again, or once: keep one of the two

            playbook.yaml:13:8: `cron` is missing here
               |
            13 |     - {name: both, zone: UTC, lasts: 1h}
               |        ^^^^
               = say when it begins: `cron: {dialect: unix, at: 0 0 1 */3 *, zone: UTC}`

            playbook.yaml:13:14: another freeze is called `both`
               |
            13 |     - {name: both, zone: UTC, lasts: 1h}
               |              ^^^^
               = give this one a name of its own; the other is in line 12

            playbook.yaml:13:26: `zone` and `cron` exclude one another
               |
            13 |     - {name: both, zone: UTC, lasts: 1h}
               |                          ^^^
               = the zone stands within `cron`

            playbook.yaml:14:48: the freeze ends before it begins
               |
            14 |     - {name: back, from: 2027-01-02T00:00, to: 2026-12-20T00:00, zone: Europe/Paris}
               |                                                ^^^^^^^^^^^^^^^^
               = name a later time

            playbook.yaml:15:71: there is no time zone `Europe/Pari`
               |
            15 |     - {name: odd, from: 2026-03-29T02:30, to: 2026-12-20T00:00, zone: Europe/Pari}
               |                                                                       ^^^^^^^^^^^
               = name one as in Europe/Paris, or write UTC

            playbook.yaml:16:8: `name` is missing here
               |
            16 |     - {from: soon, to: 2026-12-20, zone: UTC, until: never}
               |        ^^^^
               = give the freeze a name

            playbook.yaml:16:14: `soon` is not a day with a time of day
               |
            16 |     - {from: soon, to: 2026-12-20, zone: UTC, until: never}
               |              ^^^^
               = write it as 2026-12-24T22:00

            playbook.yaml:16:47: there is no field `until` here
               |
            16 |     - {from: soon, to: 2026-12-20, zone: UTC, until: never}
               |                                               ^^^^^
               = the fields here are `name`, `from`, `to`, `zone`, `cron` and `lasts`

            playbook.yaml:17:3: there is no field `freezes` here
               |
            17 |   freezes: []
               |   ^^^^^^^
               = did you mean `freeze`?
        "#]],
    );
}

#[test]
fn hours_and_budgets() {
    check_plays(
        "  - name: one\n    when: \"true\"\n    do: [{drain: {pool: chat, member: eu}}]\n    \
         hours: {days: [], from: 9am, to: \"24:00\", zone: Paris}\n    budget: {most: 0, per: 0s}\n  \
         - name: two\n    when: \"true\"\n    do: [{drain: {pool: chat, member: eu}}]\n    \
         hours: {days: [mon, someday]}\n    budget: {}\n  \
         - name: three\n    when: \"true\"\n    do: [{drain: {pool: chat, member: eu}}]\n    \
         hours: weekdays\n    budget: 3\n",
        &expect![[r#"
            playbook.yaml:11:13: the play begins on no day
               |
            11 |     hours: {days: [], from: 9am, to: "24:00", zone: Paris}
               |             ^^^^
               = name days: `days: [mon, tue, wed, thu, fri]`, or leave it out

            playbook.yaml:11:29: `9am` is not a time of day
               |
            11 |     hours: {days: [], from: 9am, to: "24:00", zone: Paris}
               |                             ^^^
               = write it as "09:00"

            playbook.yaml:11:38: `24:00` is not a time of day
               |
            11 |     hours: {days: [], from: 9am, to: "24:00", zone: Paris}
               |                                      ^^^^^^^
               = write it as "09:00"

            playbook.yaml:11:53: there is no time zone `Paris`
               |
            11 |     hours: {days: [], from: 9am, to: "24:00", zone: Paris}
               |                                                     ^^^^^
               = name one as in Europe/Paris, or write UTC

            playbook.yaml:12:20: this cannot be 0
               |
            12 |     budget: {most: 0, per: 0s}
               |                    ^
               = 1 to 1000

            playbook.yaml:12:28: `0s` is not longer than zero
               |
            12 |     budget: {most: 0, per: 0s}
               |                            ^^
               = write a longer time, or leave the field out

            playbook.yaml:16:5: `from` is missing here
               |
            16 |     hours: {days: [mon, someday]}
               |     ^^^^^
               = say from which time of day on: `from: "09:00"`

            playbook.yaml:16:5: `to` is missing here
               |
            16 |     hours: {days: [mon, someday]}
               |     ^^^^^
               = say until which time of day: `to: "17:00"`

            playbook.yaml:16:5: `zone` is missing here
               |
            16 |     hours: {days: [mon, someday]}
               |     ^^^^^
               = say where that is meant: `zone: Europe/Paris`, or `zone: UTC`

            playbook.yaml:16:25: `someday` cannot stand here
               |
            16 |     hours: {days: [mon, someday]}
               |                         ^^^^^^^
               = the possibilities are `mon`, `tue`, `wed`, `thu`, `fri`, `sat` and `sun`

            playbook.yaml:17:5: `most` is missing here
               |
            17 |     budget: {}
               |     ^^^^^^
               = say how many overrides of the play may begin: `most: 3`

            playbook.yaml:17:5: `per` is missing here
               |
            17 |     budget: {}
               |     ^^^^^^
               = say within how long: `per: 1h`

            playbook.yaml:21:12: this must be a mapping, and there is a single value
               |
            21 |     hours: weekdays
               |            ^^^^^^^^
               = it has `days`, `from`, `to`, `zone`

            playbook.yaml:22:13: this must be a mapping, and there is a single value
               |
            22 |     budget: 3
               |             ^
               = it has `most`, `per`
        "#]],
    );
}

#[test]
fn writes_per_hour() {
    let head = HEAD.replace("backend: chat-pool", "backend: chat-pool, writesPerHour: 0");
    check(
        &format!("{head}plays: []\n"),
        &expect![[r#"
            playbook.yaml:5:60: this cannot be 0
              |
            5 |   chat: {service: main, backend: chat-pool, writesPerHour: 0}
              |                                                            ^
              = 1 to 1000
        "#]],
    );
}

#[test]
fn modes() {
    check(
        &format!(
            "{HEAD}plays:\n  - name: drain\n    mode: shadwo\n    when: \"true\"\n    \
             do: [{{drain: {{pool: chat, member: eu}}}}]\nwindows:\n  - name: patching\n    \
             mode: [shadow]\n    once: {{at: 2026-12-24T22:00, zone: UTC}}\n    lasts: 1h\n    \
             do: [{{drain: {{pool: chat, member: eu}}}}]\n"
        ),
        &expect![[r#"
            playbook.yaml:9:11: `shadwo` cannot stand here
              |
            9 |     mode: shadwo
              |           ^^^^^^
              = did you mean `shadow`?

            playbook.yaml:14:5: this must be one of the names, and there is a list
               |
            14 |     mode: [shadow]
               |     ^^^^
               = write one of `act`, `shadow`
        "#]],
    );
}
