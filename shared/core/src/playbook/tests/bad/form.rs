//! YAML that is none, and fields that are unknown, missing or of the wrong form.

use expect_test::expect;

use super::{check, check_plays};

#[test]
fn empty() {
    check(
        r#""#,
        &expect![[r#"
            playbook.yaml:1:1: the playbook is empty
              |
            1 | 
              | ^
              = begin with `version: 1`; see the example
        "#]],
    );
}

#[test]
fn comment() {
    check(
        r#"# nothing yet
"#,
        &expect![[r#"
            playbook.yaml:1:1: the playbook is empty
              |
            1 | # nothing yet
              | ^
              = begin with `version: 1`; see the example
        "#]],
    );
}

#[test]
fn syntax() {
    check(
        r#"version: 1
services: {main: {name: x}
plays: []
"#,
        &expect![[r#"
            playbook.yaml:3:1: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
              |
            3 | plays: []
              | ^
              = look at the indentation, quotes and brackets here and on the line before
        "#]],
    );
}

#[test]
fn tab() {
    check(
        r#"version: 1
services:
	main: {}
"#,
        &expect![[r#"
            playbook.yaml:3:2: this is not YAML: tabs disallowed within this context (block indentation)
              |
            3 |  main: {}
              |  ^
              = indent with spaces
        "#]],
    );
}

#[test]
fn colon() {
    check(
        r#"version: 1
plays:
  - name: a
    when: signal.labels.a == "x: y" && b: c
"#,
        &expect![[r#"
            playbook.yaml:4:32: this is not YAML: mapping values are not allowed in this context
              |
            4 |     when: signal.labels.a == "x: y" && b: c
              |                                ^
              = text with `: ` in it goes in quotes
        "#]],
    );
}

#[test]
fn two_documents() {
    check(
        r#"version: 1
---
version: 1
"#,
        &expect![[r#"
            playbook.yaml:2:1: a second document begins here
              |
            2 | ---
              | ^^^
              = a file has one document: take out this `---`
        "#]],
    );
}

#[test]
fn not_a_mapping() {
    check(
        r#"- version: 1
"#,
        &expect![[r#"
            playbook.yaml:1:3: this must be a mapping, and there is a list
              |
            1 | - version: 1
              |   ^^^^^^^
              = it has `version`, `services`, `pools`, `backends`, `plays`, `windows`, `gates`, `limits`
        "#]],
    );
}

#[test]
fn everything_missing() {
    check(
        r#"version: 2
"#,
        &expect![[r#"
            playbook.yaml:1:1: `services` is missing here
              |
            1 | version: 2
              | ^^^^^^^
              = name the services: `services: {main: {subscription: …, resourceGroup: …, name: …}}`

            playbook.yaml:1:1: `pools` is missing here
              |
            1 | version: 2
              | ^^^^^^^
              = name the pools: `pools: {chat: {service: main, backend: chat-pool}}`

            playbook.yaml:1:1: `plays` is missing here
              |
            1 | version: 2
              | ^^^^^^^
              = write at least `plays: []`; see the example

            playbook.yaml:1:10: there is no version 2 of playbooks
              |
            1 | version: 2
              |          ^
              = write 1
        "#]],
    );
}

#[test]
fn twice() {
    check(
        r#"version: 1
version: 1
services: {}
pools: {}
plays: []
"#,
        &expect![[r#"
            playbook.yaml:2:1: `version` stands here twice
              |
            2 | version: 1
              | ^^^^^^^
              = keep one of the two
        "#]],
    );
}

#[test]
fn alias_bomb() {
    check(
        r#"a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: [*e, *e]
"#,
        &expect![[r#"
            playbook.yaml:5:36: aliases repeat more than 100000 values by here
              |
            5 | e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
              |                                    ^^
              = aliases that repeat aliases grow fast: write fewer
        "#]],
    );
}

#[test]
fn merge_and_tag() {
    check(
        r#"version: 1
services: &s {}
pools: {<<: *s}
plays: !!seq []
"#,
        &expect![[r#"
            playbook.yaml:4:14: this value has a tag
              |
            4 | plays: !!seq []
              |              ^
              = tags, such as !something, mean nothing here; take it out
        "#]],
    );
}

#[test]
fn terminal() {
    check(
        r#"version: 1
"\e[31mred": 1
services: {}
pools: {}
plays: []
"#,
        &expect![[r#"
            playbook.yaml:2:1: there is no field `�[31mred` here
              |
            2 | "\e[31mred": 1
              | ^^^^^^^^^^^
              = the fields here are `version`, `services`, `pools`, `backends`, `plays`, `windows`, `gates` and `limits`
        "#]],
    );
}

#[test]
fn unknown_fields() {
    check_plays(
        r#"  - name: a
    wehn: "true"
    do: [{drian: {pool: chat, member: eu}}, {drain: {poole: chat, member: eu}}]
    atmost: 1h
    colour: blue
"#,
        &expect![[r#"
            playbook.yaml:9:5: there is no field `wehn` here
              |
            9 |     wehn: "true"
              |     ^^^^
              = did you mean `when`?

            playbook.yaml:10:11: there is no effect `drian` here
               |
            10 |     do: [{drian: {pool: chat, member: eu}}, {drain: {poole: chat, member: eu}}]
               |           ^^^^^
               = did you mean `drain`?

            playbook.yaml:10:54: there is no field `poole` here
               |
            10 |     do: [{drian: {pool: chat, member: eu}}, {drain: {poole: chat, member: eu}}]
               |                                                      ^^^^^
               = did you mean `pool`?

            playbook.yaml:11:5: there is no field `atmost` here
               |
            11 |     atmost: 1h
               |     ^^^^^^
               = did you mean `atMost`?

            playbook.yaml:12:5: there is no field `colour` here
               |
            12 |     colour: blue
               |     ^^^^^^
               = the fields here are `name`, `mode`, `when`, `unless`, `do`, `until`, `atMost`, `stale`, `for`, `lasting`, `count`, `within` and others
        "#]],
    );
}

#[test]
fn missing_fields() {
    check_plays(
        r#"  - name: a
  - when: true
    do: [{drain: {}}, {shift: {pool: chat}}, {shift: {pool: chat, member: eu}}, {promote: {pool: chat}}]
    ramp: {}
    after: [{reconnect: {}}]
"#,
        &expect![[r#"
            playbook.yaml:8:5: `when` is missing here
              |
            8 |   - name: a
              |     ^^^^
              = say which signals the play is for: `when: signal.labels.alertname == "…"`

            playbook.yaml:8:5: `do` is missing here
              |
            8 |   - name: a
              |     ^^^^
              = say what it does: `do: [{drain: {pool: …, member: …}}]`

            playbook.yaml:9:5: `name` is missing here
              |
            9 |   - when: true
              |     ^^^^
              = give the play a name

            playbook.yaml:10:11: `pool` is missing here
               |
            10 |     do: [{drain: {}}, {shift: {pool: chat}}, {shift: {pool: chat, member: eu}}, {promote: {pool: chat}}]
               |           ^^^^^
               = name one of the `pools`

            playbook.yaml:10:11: `member` is missing here
               |
            10 |     do: [{drain: {}}, {shift: {pool: chat}}, {shift: {pool: chat, member: eu}}, {promote: {pool: chat}}]
               |           ^^^^^
               = name a member: `member: eu-1`, or `member: ${signal.labels.backend}`

            playbook.yaml:10:24: this shift does not say how much goes where
               |
            10 |     do: [{drain: {}}, {shift: {pool: chat}}, {shift: {pool: chat, member: eu}}, {promote: {pool: chat}}]
               |                        ^^^^^
               = write `member: eu-1, to: 30%`, or `split: {eu-1: 20, us-1: 80}`

            playbook.yaml:10:47: `to` is missing here
               |
            10 |     do: [{drain: {}}, {shift: {pool: chat}}, {shift: {pool: chat, member: eu}}, {promote: {pool: chat}}]
               |                                               ^^^^^
               = say how much of its weight the member keeps: `to: 30%`

            playbook.yaml:10:82: `member` is missing here
               |
            10 |     do: [{drain: {}}, {shift: {pool: chat}}, {shift: {pool: chat, member: eu}}, {promote: {pool: chat}}]
               |                                                                                  ^^^^^^^
               = name a member: `member: eu-1`, or `member: ${signal.labels.backend}`

            playbook.yaml:11:5: `every` is missing here
               |
            11 |     ramp: {}
               |     ^^^^
               = say how long each step lasts: `every: 2m`

            playbook.yaml:11:5: `steps` is missing here
               |
            11 |     ramp: {}
               |     ^^^^
               = say how much is given back at each step: `steps: [10%, 50%, 100%]`

            playbook.yaml:12:14: `backend` is missing here
               |
            12 |     after: [{reconnect: {}}]
               |              ^^^^^^^^^
               = name a member: `backend: ${signal.labels.backend}`

            playbook.yaml:12:14: this reconnect does not say when it comes
               |
            12 |     after: [{reconnect: {}}]
               |              ^^^^^^^^^
               = write `after: PT5M`, or `at: "03:00"` and `zone: Europe/Paris`
        "#]],
    );
}

#[test]
fn empty_fields() {
    check_plays(
        r#"  - name:
    when:
    do:
    hold:
    ramp:
"#,
        &expect![[r#"
            playbook.yaml:8:5: this must be text, and there is nothing
              |
            8 |   - name:
              |     ^^^^
              = write text here; text can go in quotes

            playbook.yaml:9:5: this must be text, and there is nothing
              |
            9 |     when:
              |     ^^^^
              = write text here; text can go in quotes

            playbook.yaml:10:5: this must be a list, and there is nothing
               |
            10 |     do:
               |     ^^
               = put each entry on a line of its own that begins with `- `, or all in [ ]

            playbook.yaml:11:5: this must be text, and there is nothing
               |
            11 |     hold:
               |     ^^^^
               = write text here; text can go in quotes

            playbook.yaml:12:5: this must be a mapping, and there is nothing
               |
            12 |     ramp:
               |     ^^^^
               = it has `steps`, `every`
        "#]],
    );
}

#[test]
fn wrong_types() {
    check_plays(
        r#"  - name: [a]
    when: {a: b}
    do: {drain: {pool: chat, member: eu}}
    hold: [1m]
    ramp: 10%
  - name: b
    when: true
    do: [drain, [drain], {drain: eu}, {drain: {pool: chat, member: eu}, shift: {pool: chat}}]
    after: {reconnect: {backend: eu, after: PT5M}}
  - just text
"#,
        &expect![[r#"
            playbook.yaml:8:5: this must be text, and there is a list
              |
            8 |   - name: [a]
              |     ^^^^
              = write text here; text can go in quotes

            playbook.yaml:9:5: this must be text, and there is a mapping
              |
            9 |     when: {a: b}
              |     ^^^^
              = write text here; text can go in quotes

            playbook.yaml:10:5: this must be a list, and there is a mapping
               |
            10 |     do: {drain: {pool: chat, member: eu}}
               |     ^^
               = put each entry on a line of its own that begins with `- `, or all in [ ]

            playbook.yaml:11:5: this must be text, and there is a list
               |
            11 |     hold: [1m]
               |     ^^^^
               = write text here; text can go in quotes

            playbook.yaml:12:11: this must be a mapping, and there is a single value
               |
            12 |     ramp: 10%
               |           ^^^
               = it has `steps`, `every`

            playbook.yaml:15:10: `drain` needs a value
               |
            15 |     do: [drain, [drain], {drain: eu}, {drain: {pool: chat, member: eu}, shift: {pool: chat}}]
               |          ^^^^^
               = write drain: {…}

            playbook.yaml:15:18: this must be one of the names, and there is a list
               |
            15 |     do: [drain, [drain], {drain: eu}, {drain: {pool: chat, member: eu}, shift: {pool: chat}}]
               |                  ^^^^^
               = write one of `drain`, `shift`, `promote`, `breaker`, `set`, `ensure`, `reconnect`

            playbook.yaml:15:34: this must be a mapping, and there is a single value
               |
            15 |     do: [drain, [drain], {drain: eu}, {drain: {pool: chat, member: eu}, shift: {pool: chat}}]
               |                                  ^^
               = it has `pool`, `pools`, `member`, `tags`, `host`, `most`

            playbook.yaml:15:73: an entry here has exactly one name
               |
            15 |     do: [drain, [drain], {drain: eu}, {drain: {pool: chat, member: eu}, shift: {pool: chat}}]
               |                                                                         ^^^^^
               = begin each with `- ` on a line of its own; what belongs to it is indented further

            playbook.yaml:16:5: this must be a list, and there is a mapping
               |
            16 |     after: {reconnect: {backend: eu, after: PT5M}}
               |     ^^^^^
               = put each entry on a line of its own that begins with `- `, or all in [ ]

            playbook.yaml:17:5: this must be a mapping, and there is a single value
               |
            17 |   - just text
               |     ^^^^^^^^^
               = it has `name`, `mode`, `when`, `unless`, `do`, `until`, `atMost`, `stale`, `for`, `lasting`, `count`, `within`, `hold`, `damping`, `ramp`, `hours`, `budget`, `drift`, `after`, `show`
        "#]],
    );
}

#[test]
fn a_name_with_a_value_too_many_or_too_few() {
    check_plays(
        r#"  - {name: a, when: true, do: [shift], until: {resolved: 1}, after: [reconnect]}
"#,
        &expect![[r#"
            playbook.yaml:8:32: `shift` needs a value
              |
            8 |   - {name: a, when: true, do: [shift], until: {resolved: 1}, after: [reconnect]}
              |                                ^^^^^
              = write shift: {…}

            playbook.yaml:8:58: `resolved` takes no value
              |
            8 |   - {name: a, when: true, do: [shift], until: {resolved: 1}, after: [reconnect]}
              |                                                          ^
              = take this out

            playbook.yaml:8:70: `reconnect` needs a value
              |
            8 |   - {name: a, when: true, do: [shift], until: {resolved: 1}, after: [reconnect]}
              |                                                                      ^^^^^^^^^
              = write reconnect: {backend: …}
        "#]],
    );
}

#[test]
fn without_pools_every_other_name_is_told_all_the_same() {
    check(
        r#"version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: rg1, name: contoso}
backends: {chat: {service: main, backend: chat-pool}}
plays:
  - name: a
    when: signal.labels.alertname == "x"
    do: [{drain: {pool: chat, member: $signal.labels.backend}}]
    colour: blue
  - name: b
    when: signal.sevrity >= warning
    do: [{drain: {pool: "${signal.labels.pool}", member: eu}}]
"#,
        &expect![[r#"
            playbook.yaml:1:1: `pools` is missing here
              |
            1 | version: 1
              | ^^^^^^^
              = name the pools: `pools: {chat: {service: main, backend: chat-pool}}`

            playbook.yaml:8:25: there is no pool `chat`
              |
            8 |     do: [{drain: {pool: chat, member: $signal.labels.backend}}]
              |                         ^^^^
              = there are no pools

            playbook.yaml:8:39: `$signal.labels.backend` has no braces
              |
            8 |     do: [{drain: {pool: chat, member: $signal.labels.backend}}]
              |                                       ^^^^^^^^^^^^^^^^^^^^^^
              = write ${signal.labels.backend}

            playbook.yaml:9:5: there is no field `colour` here
              |
            9 |     colour: blue
              |     ^^^^^^
              = the fields here are `name`, `mode`, `when`, `unless`, `do`, `until`, `atMost`, `stale`, `for`, `lasting`, `count`, `within` and others

            playbook.yaml:11:18: a signal has no `sevrity`
               |
            11 |     when: signal.sevrity >= warning
               |                  ^^^^^^^
               = did you mean `severity`?

            playbook.yaml:12:25: no pool has a name like `${signal.labels.pool}`
               |
            12 |     do: [{drain: {pool: "${signal.labels.pool}", member: eu}}]
               |                         ^^^^^^^^^^^^^^^^^^^^^^^
               = there are no pools
        "#]],
    );
}

#[test]
fn without_services_a_pool_of_one_is_told() {
    check(
        r#"version: 1
pools: {chat: {service: main, backend: chat-pool}}
plays: []
"#,
        &expect![[r#"
            playbook.yaml:1:1: `services` is missing here
              |
            1 | version: 1
              | ^^^^^^^
              = name the services: `services: {main: {subscription: …, resourceGroup: …, name: …}}`

            playbook.yaml:2:25: there is no service `main`
              |
            2 | pools: {chat: {service: main, backend: chat-pool}}
              |                         ^^^^
              = there are no services
        "#]],
    );
}

#[test]
fn braces_without_quotes() {
    check_plays(
        r#"  - name: a
    when: true
    do: [{drain: {pool: chat, member: ${signal.labels.backend}}}]
"#,
        &expect![[r#"
            playbook.yaml:10:40: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
               |
            10 |     do: [{drain: {pool: chat, member: ${signal.labels.backend}}}]
               |                                        ^
               = what has `${…}` in it goes in quotes within `{ }` and `[ ]`: "${signal.labels.backend}"
        "#]],
    );
}
