//! What a play says of when it begins, and of what ends it besides its alert.

use expect_test::expect;

use super::check_plays;

#[test]
fn count_and_lasting() {
    check_plays(
        r#"  - name: a
    when: "true"
    do: [{drain: {pool: chat, member: eu}}]
    count: 1
    within: 5m
  - {name: b, when: "true", do: [{drain: {pool: chat, member: eu}}], count: 21, within: 25h}
  - {name: c, when: "true", do: [{drain: {pool: chat, member: eu}}], count: 3}
  - {name: d, when: "true", do: [{drain: {pool: chat, member: eu}}], within: 5m}
  - {name: e, when: "true", do: [{drain: {pool: chat, member: eu}}], lasting: 2}
  - {name: f, when: "true", do: [{drain: {pool: chat, member: eu}}], lasting: 1h, atMost: 1h}
  - {name: g, when: "true", do: [{drain: {pool: chat, member: eu}}], lasting: 31m, for: 30m}
"#,
        &expect![[r#"
            playbook.yaml:11:12: one alert is enough in any case
               |
            11 |     count: 1
               |            ^
               = write 2 or more, or leave `count` out

            playbook.yaml:13:77: `count` cannot be 21
               |
            13 |   - {name: b, when: "true", do: [{drain: {pool: chat, member: eu}}], count: 21, within: 25h}
               |                                                                             ^^
               = 2 to 20

            playbook.yaml:13:89: `within` is too long
               |
            13 |   - {name: b, when: "true", do: [{drain: {pool: chat, member: eu}}], count: 21, within: 25h}
               |                                                                                         ^^^
               = at most 24h: earlier alerts are not kept for longer

            playbook.yaml:14:77: `within` is missing beside `count`
               |
            14 |   - {name: c, when: "true", do: [{drain: {pool: chat, member: eu}}], count: 3}
               |                                                                             ^
               = say within what of each other they must have started: `within: 5m`

            playbook.yaml:15:78: `count` is missing beside `within`
               |
            15 |   - {name: d, when: "true", do: [{drain: {pool: chat, member: eu}}], within: 5m}
               |                                                                              ^^
               = say how many there must be: `count: 3`

            playbook.yaml:16:79: `2` has no unit
               |
            16 |   - {name: e, when: "true", do: [{drain: {pool: chat, member: eu}}], lasting: 2}
               |                                                                               ^
               = did you mean `2s` or `2m`?

            playbook.yaml:17:79: `lasting` is no shorter than the play may last, so that it would never begin
               |
            17 |   - {name: f, when: "true", do: [{drain: {pool: chat, member: eu}}], lasting: 1h, atMost: 1h}
               |                                                                               ^^
               = shorten it, or let the play last for longer

            playbook.yaml:18:79: `lasting` is no shorter than the play may last, so that it would never begin
               |
            18 |   - {name: g, when: "true", do: [{drain: {pool: chat, member: eu}}], lasting: 31m, for: 30m}
               |                                                                               ^^^
               = shorten it, or let the play last for longer
        "#]],
    );
}

#[test]
fn damping() {
    check_plays(
        r#"  - {name: a, when: "true", do: [{drain: {pool: chat, member: eu}}], hold: 2m, damping: {}}
  - name: b
    when: "true"
    do: [{drain: {pool: chat, member: eu}}]
    hold: 2m
    damping: {within: 1d, most: 2m, cap: 1h}
  - {name: c, when: "true", do: [{drain: {pool: chat, member: eu}}], damping: {within: 1h, most: 30m}}
  - name: d
    when: "true"
    do: [{drain: {pool: chat, member: eu}}]
    hold: 2m
    for: 30m
    damping: {within: 1h, most: 20m}
  - name: e
    when: "true"
    do: [{drain: {pool: chat, member: eu}}]
    hold: 2m
    atMost: 1h
    damping: {within: 25h, most: 2h}
"#,
        &expect![[r#"
            playbook.yaml:8:80: `within` is missing here
              |
            8 |   - {name: a, when: "true", do: [{drain: {pool: chat, member: eu}}], hold: 2m, damping: {}}
              |                                                                                ^^^^^^^
              = say how far back earlier alerts count: `within: 1h`

            playbook.yaml:8:80: `most` is missing here
              |
            8 |   - {name: a, when: "true", do: [{drain: {pool: chat, member: eu}}], hold: 2m, damping: {}}
              |                                                                                ^^^^^^^
              = say how long `hold` becomes at most: `most: 30m`

            playbook.yaml:13:23: `1d` is not a length of time
               |
            13 |     damping: {within: 1d, most: 2m, cap: 1h}
               |                       ^^
               = write it as 90s, 2m, 1h30m or PT5M; a day is 24h

            playbook.yaml:13:33: `most` is no longer than `hold`
               |
            13 |     damping: {within: 1d, most: 2m, cap: 1h}
               |                                 ^^
               = lengthen it, or remove `damping`

            playbook.yaml:13:37: there is no field `cap` here
               |
            13 |     damping: {within: 1d, most: 2m, cap: 1h}
               |                                     ^^^
               = the fields here are `within` and `most`

            playbook.yaml:14:70: `hold` is missing beside `damping`
               |
            14 |   - {name: c, when: "true", do: [{drain: {pool: chat, member: eu}}], damping: {within: 1h, most: 30m}}
               |                                                                      ^^^^^^^
               = say what is doubled: `hold: 2m`

            playbook.yaml:20:5: `damping` and `for` exclude one another
               |
            20 |     damping: {within: 1h, most: 20m}
               |     ^^^^^^^
               = `for` alone says how long the play lasts: keep one of them

            playbook.yaml:26:23: `within` is too long
               |
            26 |     damping: {within: 25h, most: 2h}
               |                       ^^^
               = at most 24h: earlier alerts are not kept for longer

            playbook.yaml:26:34: `most` is longer than the play may last
               |
            26 |     damping: {within: 25h, most: 2h}
               |                                  ^^
               = shorten it
        "#]],
    );
}

#[test]
fn unless() {
    check_plays(
        r#"  - name: a
    when: "true"
    unless: signal.labels.alertname = "RegionDown"
    do: [{drain: {pool: chat, member: eu}}]
  - {name: b, when: "true", do: [{drain: {pool: chat, member: eu}}], unless: signal.labels.alertname}
  - {name: c, when: "true", do: [{drain: {pool: chat, member: eu}}], unless: ""}
  - {name: d, when: "true", do: [{drain: {pool: chat, member: eu}}], unless: alert.labels.x == "y"}
"#,
        &expect![[r#"
            playbook.yaml:10:37: `=` is not expected here
               |
            10 |     unless: signal.labels.alertname = "RegionDown"
               |                                     ^
               = to compare, write `==`

            playbook.yaml:12:78: this gives text, not true or false
               |
            12 |   - {name: b, when: "true", do: [{drain: {pool: chat, member: eu}}], unless: signal.labels.alertname}
               |                                                                              ^^^^^^^^^^^^^^^^^^^^^^^
               = compare it: signal.labels.alertname == "…"

            playbook.yaml:13:78: the expression is empty
               |
            13 |   - {name: c, when: "true", do: [{drain: {pool: chat, member: eu}}], unless: ""}
               |                                                                              ^
               = write a condition, such as signal.labels.alertname == "BackendErrors"

            playbook.yaml:14:78: there is no variable `alert`
               |
            14 |   - {name: d, when: "true", do: [{drain: {pool: chat, member: eu}}], unless: alert.labels.x == "y"}
               |                                                                              ^^^^^
               = for text, write "alert"; for a label, signal.labels.alert
        "#]],
    );
}

#[test]
fn stale() {
    check_plays(
        r#"  - {name: a, when: "true", do: [{drain: {pool: chat, member: eu}}], stale: 15m}
  - {name: b, when: "true", do: [{drain: {pool: chat, member: eu}}], stale: {}}
  - {name: c, when: "true", do: [{drain: {pool: chat, member: eu}}], stale: {repeats: 5m, after: 9m}}
  - name: d
    when: "true"
    do: [{drain: {pool: chat, member: eu}}]
    for: 30m
    stale: {repeats: 5m, after: 10m}
  - name: e
    when: "true"
    do: [{drain: {pool: chat, member: eu}}]
    atMost: 1h
    stale: {repeats: 20m, after: 1h}
"#,
        &expect![[r#"
            playbook.yaml:8:77: this must be a mapping, and there is a single value
              |
            8 |   - {name: a, when: "true", do: [{drain: {pool: chat, member: eu}}], stale: 15m}
              |                                                                             ^^^
              = it has `repeats`, `after`

            playbook.yaml:9:70: `repeats` is missing here
              |
            9 |   - {name: b, when: "true", do: [{drain: {pool: chat, member: eu}}], stale: {}}
              |                                                                      ^^^^^
              = say how often the source repeats an alert: `repeats: 5m`

            playbook.yaml:9:70: `after` is missing here
              |
            9 |   - {name: b, when: "true", do: [{drain: {pool: chat, member: eu}}], stale: {}}
              |                                                                      ^^^^^
              = say after how long an alert counts as silent: `after: 15m`

            playbook.yaml:10:98: `after` is less than twice `repeats`
               |
            10 |   - {name: c, when: "true", do: [{drain: {pool: chat, member: eu}}], stale: {repeats: 5m, after: 9m}}
               |                                                                                                  ^^
               = one repeat may come late, or get lost: write 10m or more

            playbook.yaml:15:5: `stale` and `for` exclude one another
               |
            15 |     stale: {repeats: 5m, after: 10m}
               |     ^^^^^
               = `for` alone says how long the play lasts: keep one of them

            playbook.yaml:20:34: `after` is no shorter than the play may last
               |
            20 |     stale: {repeats: 20m, after: 1h}
               |                                  ^^
               = shorten it, or remove `stale`
        "#]],
    );
}
