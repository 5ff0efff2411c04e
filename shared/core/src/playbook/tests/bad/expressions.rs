//! Conditions and values in CEL, with the place of what is wrong within the file.

use expect_test::expect;

use super::check_plays;

#[test]
fn expressions() {
    check_plays(
        r#"  - {name: a, when: "", do: [{drain: {pool: chat, member: eu}}]}
  - {name: b, when: signal.labels.a =, do: [{drain: {pool: chat, member: eu}}]}
  - {name: c, when: signal.labels.a = "x", do: [{drain: {pool: chat, member: eu}}]}
  - {name: d, when: signal.labels.a == "x" and true, do: [{drain: {pool: chat, member: eu}}]}
  - {name: e, when: not true, do: [{drain: {pool: chat, member: eu}}]}
  - {name: f, when: 'signal.labels.a == "x', do: [{drain: {pool: chat, member: eu}}]}
  - {name: g, when: (signal.labels.a == "x", do: [{drain: {pool: chat, member: eu}}]}
  - {name: h, when: signal.sevrity >= warning, do: [{drain: {pool: chat, member: eu}}]}
  - {name: i, when: signal.alertname == "x", do: [{drain: {pool: chat, member: eu}}]}
  - {name: j, when: signal.severity >= "warning", do: [{drain: {pool: chat, member: eu}}]}
  - {name: k, when: signal.severity >= warnings, do: [{drain: {pool: chat, member: eu}}]}
  - {name: l, when: labels.a == "x", do: [{drain: {pool: chat, member: eu}}]}
  - {name: m, when: signal.labels.a == BackendErrors, do: [{drain: {pool: chat, member: eu}}]}
  - {name: n, when: signal.labels.a == 5, do: [{drain: {pool: chat, member: eu}}]}
  - {name: o, when: signal.labels.a, do: [{drain: {pool: chat, member: eu}}]}
  - {name: p, when: signal.labels.a.start_with("x"), do: [{drain: {pool: chat, member: eu}}]}
  - {name: q, when: 'signal.labels.a.matches("[a")', do: [{drain: {pool: chat, member: eu}}]}
  - {name: r, when: signal.labels.exists(k), do: [{drain: {pool: chat, member: eu}}]}
  - {name: s, when: signal.labels.my.name == "x", do: [{drain: {pool: chat, member: eu}}]}
  - {name: t, when: '((((((((true))))))))', do: [{drain: {pool: chat, member: eu}}]}
  - {name: u, when: signal.labels.if == "x", do: [{drain: {pool: chat, member: eu}}]}
  - {name: v, when: '"x" && signal.severity', do: [{drain: {pool: chat, member: eu}}]}
  - {name: w, when: '${signal.labels.a} == "x"', do: [{drain: {pool: chat, member: eu}}]}
  - {name: x, when: '[1].all(a, [1].all(b, [1].all(c, true)))', do: [{drain: {pool: chat, member: eu}}]}
  - {name: xx, when: 'signal.labels.all(a, signal.labels.all(b, b.matches(a)))', do: [{drain: {pool: chat, member: eu}}]}
  - {name: y, when: drained(signal), do: [{drain: {pool: chat, member: eu}}]}
  - {name: z, when: signal.labels == "x", do: [{drain: {pool: chat, member: eu}}]}
"#,
        &expect![[r#"
            playbook.yaml:8:21: the expression is empty
              |
            8 |   - {name: a, when: "", do: [{drain: {pool: chat, member: eu}}]}
              |                     ^
              = write a condition, such as signal.labels.alertname == "BackendErrors"

            playbook.yaml:9:37: `=` is not expected here
              |
            9 |   - {name: b, when: signal.labels.a =, do: [{drain: {pool: chat, member: eu}}]}
              |                                     ^
              = to compare, write `==`

            playbook.yaml:10:37: `=` is not expected here
               |
            10 |   - {name: c, when: signal.labels.a = "x", do: [{drain: {pool: chat, member: eu}}]}
               |                                     ^
               = to compare, write `==`

            playbook.yaml:11:44: `and` is not expected here
               |
            11 |   - {name: d, when: signal.labels.a == "x" and true, do: [{drain: {pool: chat, member: eu}}]}
               |                                            ^^^
               = write `&&`

            playbook.yaml:12:25: `true` is not expected here
               |
            12 |   - {name: e, when: not true, do: [{drain: {pool: chat, member: eu}}]}
               |                         ^^^^
               = write `!` in front of what must not be

            playbook.yaml:13:41: the text that begins here is not closed
               |
            13 |   - {name: f, when: 'signal.labels.a == "x', do: [{drain: {pool: chat, member: eu}}]}
               |                                         ^^
               = end it with the quote that it begins with

            playbook.yaml:14:44: the expression ends too early
               |
            14 |   - {name: g, when: (signal.labels.a == "x", do: [{drain: {pool: chat, member: eu}}]}
               |                                            ^
               = something is missing after this: a value, an operator or a closing bracket

            playbook.yaml:15:28: a signal has no `sevrity`
               |
            15 |   - {name: h, when: signal.sevrity >= warning, do: [{drain: {pool: chat, member: eu}}]}
               |                            ^^^^^^^
               = did you mean `severity`?

            playbook.yaml:16:28: a signal has no `alertname`
               |
            16 |   - {name: i, when: signal.alertname == "x", do: [{drain: {pool: chat, member: eu}}]}
               |                            ^^^^^^^^^
               = for a label, write signal.labels.alertname

            playbook.yaml:17:40: a severity is not text
               |
            17 |   - {name: j, when: signal.severity >= "warning", do: [{drain: {pool: chat, member: eu}}]}
               |                                        ^^^^^^^^^
               = write info, warning, error or critical without quotes

            playbook.yaml:18:40: there is no variable `warnings`
               |
            18 |   - {name: k, when: signal.severity >= warnings, do: [{drain: {pool: chat, member: eu}}]}
               |                                        ^^^^^^^^
               = did you mean `warning`?

            playbook.yaml:19:21: there is no variable `labels`
               |
            19 |   - {name: l, when: labels.a == "x", do: [{drain: {pool: chat, member: eu}}]}
               |                     ^^^^^^
               = did you mean `signal.labels`?

            playbook.yaml:20:40: there is no variable `BackendErrors`
               |
            20 |   - {name: m, when: signal.labels.a == BackendErrors, do: [{drain: {pool: chat, member: eu}}]}
               |                                        ^^^^^^^^^^^^^
               = for text, write "BackendErrors"; for a label, signal.labels.BackendErrors

            playbook.yaml:21:40: text is never equal to a number
               |
            21 |   - {name: n, when: signal.labels.a == 5, do: [{drain: {pool: chat, member: eu}}]}
               |                                        ^
               = labels are text: put the number in quotes, or use int(…)

            playbook.yaml:22:21: this gives text, not true or false
               |
            22 |   - {name: o, when: signal.labels.a, do: [{drain: {pool: chat, member: eu}}]}
               |                     ^^^^^^^^^^^^^^^
               = compare it: signal.labels.a == "…"

            playbook.yaml:23:37: there is no function `start_with`
               |
            23 |   - {name: p, when: signal.labels.a.start_with("x"), do: [{drain: {pool: chat, member: eu}}]}
               |                                     ^^^^^^^^^^
               = did you mean `startsWith`?

            playbook.yaml:24:46: this is not a regular expression: unclosed character class
               |
            24 |   - {name: q, when: 'signal.labels.a.matches("[a")', do: [{drain: {pool: chat, member: eu}}]}
               |                                              ^^^^
               = the patterns are those of Rust's regex crate

            playbook.yaml:25:35: `exists` is not used like this
               |
            25 |   - {name: r, when: signal.labels.exists(k), do: [{drain: {pool: chat, member: eu}}]}
               |                                   ^^^^^^
               = write list.exists(each, condition)

            playbook.yaml:26:38: text has no `name`
               |
            26 |   - {name: s, when: signal.labels.my.name == "x", do: [{drain: {pool: chat, member: eu}}]}
               |                                      ^^^^
               = a label whose name is not a plain word is written signal.labels["its.name"]

            playbook.yaml:27:29: the expression is too deep here
               |
            27 |   - {name: t, when: '((((((((true))))))))', do: [{drain: {pool: chat, member: eu}}]}
               |                             ^
               = use fewer brackets within brackets, or make two plays of it

            playbook.yaml:29:22: this is text, not true or false
               |
            29 |   - {name: v, when: '"x" && signal.severity', do: [{drain: {pool: chat, member: eu}}]}
               |                      ^^^
               = compare it with something

            playbook.yaml:29:29: this is a severity, not true or false
               |
            29 |   - {name: v, when: '"x" && signal.severity', do: [{drain: {pool: chat, member: eu}}]}
               |                             ^^^^^^^^^^^^^^^
               = compare it with something

            playbook.yaml:30:22: `$` is not expected here
               |
            30 |   - {name: w, when: '${signal.labels.a} == "x"', do: [{drain: {pool: chat, member: eu}}]}
               |                      ^
               = `${…}` is for values; a condition is an expression as it stands

            playbook.yaml:31:51: loops may be at most 2 deep within one another
               |
            31 |   - {name: x, when: '[1].all(a, [1].all(b, [1].all(c, true)))', do: [{drain: {pool: chat, member: eu}}]}
               |                                                   ^
               = make two plays of it

            playbook.yaml:32:67: a regular expression in a loop within a loop may take minutes
               |
            32 | …al.labels.all(a, signal.labels.all(b, b.matches(a)))', do: [{drain: {pool: chat, member…
               |                                          ^^^^^^^
               = compare with == or startsWith there, or make two plays of it

            playbook.yaml:33:21: there is no function `drained`
               |
            33 |   - {name: y, when: drained(signal), do: [{drain: {pool: chat, member: eu}}]}
               |                     ^^^^^^^
               = the functions are `contains`, `startsWith`, `endsWith`, `matches`, `bool`, `hasValue`, `size`, `int`, `uint`, `double`, `string`, `bytes` and others

            playbook.yaml:34:35: a map cannot be compared with text
               |
            34 |   - {name: z, when: signal.labels == "x", do: [{drain: {pool: chat, member: eu}}]}
               |                                   ^^
               = both sides of a comparison must be of one kind
        "#]],
    );
}

#[test]
fn expressions_over_lines() {
    check_plays(
        r#"  - name: a
    when: >-
      signal.labels.alertname == "BackendErrors" &&
      signal.labels.region == euorpe
    do: [{drain: {pool: chat, member: eu}}]
  - name: b
    when: |
      signal.labels.alertname == "x"
        && signal.labls.a == "é"
        && has(signal.labels.b) &&
    do: [{drain: {pool: chat, member: eu}}]
  - name: c
    when: "signal.labels.alertname == \"x\" && signal.nope == \"y\""
    do: [{drain: {pool: chat, member: eu}}]
  - name: d
    when: 'signal.labels[''é''] == nope'
    do: [{drain: {pool: chat, member: eu}}]
"#,
        &expect![[r#"
            playbook.yaml:11:31: there is no variable `euorpe`
               |
            11 |       signal.labels.region == euorpe
               |                               ^^^^^^
               = for text, write "euorpe"; for a label, signal.labels.euorpe

            playbook.yaml:17:35: the expression ends too early
               |
            17 |         && has(signal.labels.b) &&
               |                                   ^
               = something is missing after this: a value, an operator or a closing bracket

            playbook.yaml:20:55: a signal has no `nope`
               |
            20 |     when: "signal.labels.alertname == \"x\" && signal.nope == \"y\""
               |                                                       ^^^^
               = for a label, write signal.labels.nope

            playbook.yaml:23:36: there is no variable `nope`
               |
            23 |     when: 'signal.labels[''é''] == nope'
               |                                    ^^^^
               = for text, write "nope"; for a label, signal.labels.nope
        "#]],
    );
}

#[test]
fn templates() {
    check_plays(
        r#"  - name: a
    when: true
    do:
      - drain: {pool: chat, member: "${signal.labels.backend"}
      - drain: {pool: chat, member: "eu-${}"}
      - drain: {pool: chat, member: "eu-${signal.label.zone}-${zone}"}
      - drain: {pool: chat, member: "${signal.labels}"}
      - drain: {pool: chat, member: "${signal.severity > warning}"}
      - drain: {pool: chat, member: "a/b"}
      - shift: {pool: chat, member: eu, to: "${signal.labels.to}"}
    after: [{reconnect: {backend: "${nope}", after: PT5M}}]
"#,
        &expect![[r#"
            playbook.yaml:11:38: `${` is not closed
               |
            11 |       - drain: {pool: chat, member: "${signal.labels.backend"}
               |                                      ^^^^^^^^^^^^^^^^^^^^^^^
               = end the expression with `}`: ${signal.labels.backend}

            playbook.yaml:12:43: the expression is empty
               |
            12 |       - drain: {pool: chat, member: "eu-${}"}
               |                                           ^
               = write a value, such as ${signal.labels.backend}

            playbook.yaml:13:50: a signal has no `label`
               |
            13 |       - drain: {pool: chat, member: "eu-${signal.label.zone}-${zone}"}
               |                                                  ^^^^^
               = did you mean `labels`?

            playbook.yaml:13:64: there is no variable `zone`
               |
            13 |       - drain: {pool: chat, member: "eu-${signal.label.zone}-${zone}"}
               |                                                                ^^^^
               = for text, write "zone"; for a label, signal.labels.zone

            playbook.yaml:14:40: this gives a map, and a value must be text or a number
               |
            14 |       - drain: {pool: chat, member: "${signal.labels}"}
               |                                        ^^^^^^^^^^^^^
               = write a value, such as ${signal.labels.backend}

            playbook.yaml:15:40: this gives true or false, and a value must be text or a number
               |
            15 |       - drain: {pool: chat, member: "${signal.severity > warning}"}
               |                                        ^^^^^^^^^^^^^^^^^^^^^^^^^
               = write a value, such as ${signal.labels.backend}

            playbook.yaml:16:37: `a/b` is not a backend name
               |
            16 |       - drain: {pool: chat, member: "a/b"}
               |                                     ^^^^^
               = it has 1 to 80 characters without spaces and none of *#&+:<>?/\%

            playbook.yaml:17:45: `${signal.labels.to}` is not a percentage
               |
            17 |       - shift: {pool: chat, member: eu, to: "${signal.labels.to}"}
               |                                             ^^^^^^^^^^^^^^^^^^^^^
               = write it as 30% or 12.5%, from 0% to 100% with at most two decimals

            playbook.yaml:18:38: there is no variable `nope`
               |
            18 |     after: [{reconnect: {backend: "${nope}", after: PT5M}}]
               |                                      ^^^^
               = for text, write "nope"; for a label, signal.labels.nope
        "#]],
    );
}

#[test]
fn a_value_without_braces_is_told_how_it_is_written() {
    check_plays(
        r#"  - name: drain
    when: "true"
    do:
      - drain: {pool: chat, member: $signal.labels.backend}
      - drain: {pool: chat, member: "eu-$labels.zone-1"}
      - drain: {pool: chat, member: "eu$1"}
"#,
        &expect![[r#"
            playbook.yaml:11:37: `$signal.labels.backend` has no braces
               |
            11 |       - drain: {pool: chat, member: $signal.labels.backend}
               |                                     ^^^^^^^^^^^^^^^^^^^^^^
               = write ${signal.labels.backend}

            playbook.yaml:12:41: `$labels.zone` has no braces
               |
            12 |       - drain: {pool: chat, member: "eu-$labels.zone-1"}
               |                                         ^^^^^^^^^^^^
               = write ${signal.labels.zone}
        "#]],
    );
}
