//! What a sound playbook makes of signals.

use std::fmt::Write;

use expect_test::{Expect, expect};

use super::{example, signal, sound, sound_with};
use crate::{
    playbook::Playbook,
    reconnect::After,
    signal::{Severity, Signal},
};

/// The matches, a line for each play matched and each failure.
pub(super) fn told(playbook: &Playbook, signal: &Signal) -> String {
    let matches = playbook.plays_for(signal);
    let mut told = String::new();
    for matched in matches.matched {
        write!(told, "{}:", matched.play.name).unwrap();
        for (_, backend, effect) in matched.effects {
            write!(told, " [{}: {effect}]", backend.short()).unwrap();
        }
        for After { reconnect, due } in matched.after {
            write!(told, " then reconnect {} {due}", reconnect.short()).unwrap();
        }
        told.push('\n');
    }
    for failure in matches.failed {
        writeln!(told, "failed: {failure}").unwrap();
    }
    told
}

pub(super) fn check(playbook: &Playbook, signal: &Signal, expected: &Expect) {
    let told = told(playbook, signal);
    expected.assert_eq(&told);
    let resolved = Signal {
        heard: crate::signal::Heard::Resolved { stated: Some(signal.started) },
        ..signal.clone()
    };
    assert_eq!(self::told(playbook, &resolved), told, "an end is heard like its beginning");
}

#[test]
fn members_are_selected_in_order_by_tags_by_host_and_over_all_pools() {
    let playbook = sound_with(
        "  chat: {service: main, backend: chat-pool, members: [us-1, eu-2, eu-1]}
  mail: {service: main, backend: mail-pool, members: [eu-1]}
  bare: {service: main, backend: bare-pool}
backends:
  eu-1: {service: main, tags: {region: eu, zone: 1}, host: EU-1.example.com}
  eu-2: {service: main, tags: {region: eu, zone: 2}}
  us-1: {service: main, backend: chat-us, tags: {region: us}}
plays:
  - name: region
    when: signal.labels.by == \"region\"
    do: [{drain: {pools: all, tags: {region: \"${signal.labels.of}\"}, most: 2}}]
  - name: zone
    when: signal.labels.by == \"zone\"
    do: [{drain: {pools: all, tags: {region: eu, zone: \"${signal.labels.of}\"}}}]
  - name: host
    when: signal.labels.by == \"host\"
    do: [{shift: {pool: \"${signal.labels.pool}\", host: \"${signal.labels.of}\", to: 30%}}]
  - name: backend
    when: signal.labels.by == \"backend\"
    do: [{promote: {pools: all, member: \"${signal.labels.of}\"}}, {breaker: {pool: chat, count: 3}}]
",
    );
    let by = |by: &'static str, of: &'static str| {
        signal(Severity::Info, [("by", by), ("of", of), ("pool", "chat")])
    };
    check(
        &playbook,
        &by("region", "eu"),
        &expect![[r#"
        failed: play `region`, do[0].drain.most: 3 are selected, and at most 2 may be: nothing is done to any
    "#]],
    );
    check(
        &playbook,
        &by("region", "us"),
        &expect![[r#"
        region: [contoso/chat-pool: drain chat-us]
    "#]],
    );
    check(
        &playbook,
        &by("region", "ap"),
        &expect![[r#"
        failed: play `region`, do[0].drain.tags: no member that a pool lists has the tags `region: ap`
    "#]],
    );
    check(
        &playbook,
        &by("zone", "1"),
        &expect![[r#"
        zone: [contoso/chat-pool: drain eu-1] [contoso/mail-pool: drain eu-1]
    "#]],
    );
    check(
        &playbook,
        &by("host", "https://eu-1.example.com:8443/health"),
        &expect![[r#"
        host: [contoso/chat-pool: shift eu-1 to 30%]
    "#]],
    );
    check(
        &playbook,
        &by("host", "eu-2.example.com"),
        &expect![[r#"
        failed: play `host`, do[0].shift.host: no member that a pool lists has the host `eu-2.example.com`
    "#]],
    );
    check(
        &playbook,
        &by("backend", "EU-1"),
        &expect![[r#"
        backend: [contoso/chat-pool: promote eu-1] [contoso/mail-pool: promote eu-1] [contoso/chat-us: breaker count 3] [contoso/eu-1: breaker count 3] [contoso/eu-2: breaker count 3]
    "#]],
    );
    check(
        &playbook,
        &by("backend", "eu 1"),
        &expect![[r#"
        failed: play `backend`, do[0].promote.member: `eu 1` is not a backend name: it has 1 to 80 characters without spaces and none of *#&+:<>?/\%
    "#]],
    );
}

#[test]
fn the_example_does_what_it_says() {
    let playbook = example();
    let backend_errors = [("alertname", "BackendErrors"), ("backend", "EU-1"), ("zone", "b")];
    check(
        &playbook,
        &signal(Severity::Warning, backend_errors),
        &expect![[r#"
            drain-failing-member: [contoso-apim/chat-pool: drain eu-1] then reconnect contoso-apim/eu-1 in 5m
        "#]],
    );
    check(&playbook, &signal(Severity::Info, backend_errors), &expect![""]);
    check(
        &playbook,
        &signal(Severity::Critical, backend_errors),
        &expect![[r#"
            drain-failing-member: [contoso-apim/chat-pool: drain eu-1] then reconnect contoso-apim/eu-1 in 5m
            drain-zone: [contoso-apim/chat-pool: drain chat-b] [contoso-apim/discovery/search-pool: drain search-b]
        "#]],
    );
    check(
        &playbook,
        &signal(Severity::Info, [("alertname", "BackendSlow"), ("backend", "eu-2")]),
        &expect![[r#"
            ease-slow-member: [contoso-apim/chat-pool: shift eu-2 to 33%]
        "#]],
    );
    check(
        &playbook,
        &signal(Severity::Info, [("alertname", "RegionDown"), ("region", "europe")]),
        &expect![[r#"
            lean-west: [contoso-apim/chat-pool: split eu-1 10 eu-2 10 us-1 80] [contoso-apim/chat-pool: promote us-standby with weight 50]
        "#]],
    );
    let site = "/subscriptions/0/resourceGroups/rg1/providers/Microsoft.Web/sites/EU-1";
    let unhealthy = |app| [("alertname", "ResourceUnhealthy"), ("app", app), ("resource", site)];
    check(
        &playbook,
        &signal(Severity::Info, unhealthy("search-api")),
        &expect![[r#"
            drain-by-resource: [contoso-apim/discovery/search-pool: drain eu-1]
        "#]],
    );
    check(
        &playbook,
        &signal(Severity::Info, unhealthy("web")),
        &expect![[r#"
        failed: play `drain-by-resource`, do[0].drain.pool: neither the signal nor the map has `web`, which `{"chat-api": "chat", "search-api": "search"}[signal.labels.app]` needs
    "#]],
    );
    check(
        &playbook,
        &signal(Severity::Info, [("alertname", "RegionFails"), ("region", "eu")]),
        &expect![[r#"
            drain-region: [contoso-apim/chat-pool: drain eu-1] [contoso-apim/chat-pool: drain eu-2] [contoso-apim/discovery/search-pool: drain search-eu]
        "#]],
    );
    let probe = [("alertname", "ProbeFailed"), ("instance", "https://eu-1.example.com/health")];
    check(
        &playbook,
        &signal(Severity::Info, probe),
        &expect![[r#"
        ease-by-address: [contoso-apim/chat-pool: shift eu-1 to 20%] [contoso-apim/chat-us: breaker count 5, interval PT1M] [contoso-apim/eu-1: breaker count 5, interval PT1M] [contoso-apim/eu-2: breaker count 5, interval PT1M]
    "#]],
    );
    check(&playbook, &signal(Severity::Critical, []), &expect![""]);
}

#[test]
fn conditions() {
    let signal = signal(Severity::Error, [("a", "x"), ("n", "7"), ("some.name", "é")]);
    let holds = |when: &str| {
        let playbook = sound(&format!(
            "  - {{name: a, when: {when:?}, do: [{{drain: {{pool: chat, member: eu}}}}]}}\n"
        ));
        let matches = playbook.plays_for(&signal);
        match matches.failed.first() {
            Some(failure) => failure.to_string(),
            None => (!matches.matched.is_empty()).to_string(),
        }
    };
    for (when, expected) in [
        ("true", "true"),
        ("signal.severity == error", "true"),
        ("signal.severity >= warning && signal.severity < critical", "true"),
        ("signal.source == 'alertmanager' && signal.fingerprint == 'f00'", "true"),
        ("signal.started == '2023-11-14T22:13:20Z'", "true"),
        ("signal.annotations.summary.contains('fire')", "true"),
        ("signal.labels['some.name'] == 'é'", "true"),
        ("signal.labels.a.matches('^[xyz]$')", "true"),
        (
            "signal.labels.exists(name, name.startsWith('some') && signal.labels[name] == 'é')",
            "true",
        ),
        ("int(signal.labels.n) > 5", "true"),
        ("signal.labels.?missing.orValue('none') == 'none'", "true"),
        // A label that is not there: the condition is about other alerts.
        ("signal.labels.missing == 'x'", "false"),
        ("signal.labels.missing != 'x'", "false"),
        ("!(signal.labels.missing == 'x')", "false"),
        ("!has(signal.labels.missing)", "true"),
        ("signal.labels.missing == 'x' || signal.labels.a == 'x'", "true"),
        ("signal.labels.a == 'x' || signal.labels.missing == 'x'", "true"),
        ("signal.labels.missing == 'x' && signal.labels.a == 'x'", "false"),
        ("'missing' in signal.labels", "false"),
    ] {
        assert_eq!(holds(when), expected, "{when}");
    }
    expect![[r#"
        play `a`, when: `int(signal.labels.a) > 5` failed in `int`: string parse error: invalid digit found in string
        play `a`, when: `signal.labels.a.matches(signal.labels.a + '[')` failed in `matches`: 'x[' not a valid regex: regex parse error:     x[      ^ error: unclosed character class
        play `a`, when: `dyn(signal.labels.a)` gave string, and a condition must give true or false
    "#]]
    .assert_eq(&format!(
        "{}\n{}\n{}\n",
        holds("int(signal.labels.a) > 5"),
        holds("signal.labels.a.matches(signal.labels.a + '[')"),
        holds("dyn(signal.labels.a)"),
    ));
}

#[test]
fn what_cannot_be_filled_in_fails_its_play_and_no_other() {
    let playbook = sound(
        r#"
  - name: both
    when: true
    do:
      - drain: {pool: chat, member: "${signal.labels.backend}"}
      - promote: {pool: chat, member: "${signal.labels.standby}"}
  - name: other
    when: signal.severity >= error
    do: [{shift: {pool: search, member: "eu-${signal.severity}${1 + 1}", to: 12.5%}}]
  - name: afterwards
    when: signal.severity >= error
    do: [{drain: {pool: chat, member: eu}}]
    after:
      - reconnect: {backend: "${signal.labels.backend}", after: 2m}
      - reconnect: {backend: eu, after: 5m}
"#,
    );
    check(
        &playbook,
        &signal(Severity::Error, [("backend", "eu-1")]),
        &expect![[r#"
            other: [contoso/blue/search-pool: shift eu-22 to 12.5%]
            afterwards: [contoso/chat-pool: drain eu] then reconnect contoso/eu-1 in 2m then reconnect contoso/eu in 5m
            failed: play `both`, do[1].promote.member: the signal has no label or annotation `standby`, which `signal.labels.standby` needs
        "#]],
    );
    check(
        &playbook,
        &signal(Severity::Info, [("backend", "eu/1"), ("standby", "")]),
        &expect![[r#"
            failed: play `both`, do[0].drain.member: `eu/1` is not a backend name: it has 1 to 80 characters without spaces and none of *#&+:<>?/\%
            failed: play `both`, do[1].promote.member: `` is not a backend name: it has 1 to 80 characters without spaces and none of *#&+:<>?/\%
        "#]],
    );
    check(
        &playbook,
        &signal(Severity::Error, [("backend", "Chat-Pool"), ("standby", "us")]),
        &expect![[r#"
            both: [contoso/chat-pool: drain chat-pool] [contoso/chat-pool: promote us]
            other: [contoso/blue/search-pool: shift eu-22 to 12.5%]
            afterwards: [contoso/chat-pool: drain eu] then reconnect contoso/eu in 5m
            failed: play `afterwards`, after[0].reconnect.backend: `chat-pool` is a pool, and a pool cannot be reconnected: name one of its members
        "#]],
    );
}

#[test]
fn what_a_play_says_is_what_is_read() {
    let playbook = sound(
        r#"
  - name: plain
    when: true
    do: [{drain: {pool: chat, member: eu}}]
  - name: all
    when: signal.labels.a == "x"
    do: [{drain: {pool: chat, member: "${signal.labels.b}"}}]
    until: resolved
    atMost: 1h30m
    hold: 90s
    ramp: {steps: [12.5%, 50%, 100%], every: PT2M}
    after: [{reconnect: {backend: eu, after: 5 minutes}}]
  - name: for
    when: true
    do: [{shift: {pool: chat, split: {eu: 0, US: 100}}}]
    for: 45m
    ramp: {steps: [100%], every: 1s}
"#,
    );
    expect![[r#"
        [
            Play {
                name: plain,
                mode: Live,
                when: "true",
                effects: [
                    EffectTemplate {
                        on: One(
                            "chat",
                        ),
                        effect: Drain {
                            member: Named(
                                "eu",
                            ),
                        },
                        most: 50,
                    },
                ],
                begins: Begins {
                    unless: None,
                    lasting: None,
                    count: None,
                },
                lease: Lease {
                    until: Resolved {
                        at_most: 86400s,
                    },
                    hold: 0s,
                    ramp: [],
                    every: 0s,
                },
                hours: None,
                budget: None,
                damping: None,
                stale: None,
                drift: Auto,
                after: [],
                show: [
                    "alertname",
                    "summary",
                ],
            },
            Play {
                name: all,
                mode: Live,
                when: "signal.labels.a == \"x\"",
                effects: [
                    EffectTemplate {
                        on: One(
                            "chat",
                        ),
                        effect: Drain {
                            member: Named(
                                "${signal.labels.b}",
                            ),
                        },
                        most: 50,
                    },
                ],
                begins: Begins {
                    unless: None,
                    lasting: None,
                    count: None,
                },
                lease: Lease {
                    until: Resolved {
                        at_most: 5400s,
                    },
                    hold: 90s,
                    ramp: [
                        12.5%,
                        50%,
                    ],
                    every: 120s,
                },
                hours: None,
                budget: None,
                damping: None,
                stale: None,
                drift: Auto,
                after: [
                    ReconnectTemplate {
                        backend: "eu",
                        due: After(
                            300s,
                        ),
                    },
                ],
                show: [
                    "alertname",
                    "summary",
                ],
            },
            Play {
                name: for,
                mode: Live,
                when: "true",
                effects: [
                    EffectTemplate {
                        on: One(
                            "chat",
                        ),
                        effect: Split {
                            weights: {
                                eu: 0,
                                us: 100,
                            },
                        },
                        most: 50,
                    },
                ],
                begins: Begins {
                    unless: None,
                    lasting: None,
                    count: None,
                },
                lease: Lease {
                    until: For(
                        2700s,
                    ),
                    hold: 0s,
                    ramp: [],
                    every: 0s,
                },
                hours: None,
                budget: None,
                damping: None,
                stale: None,
                drift: Auto,
                after: [],
                show: [
                    "alertname",
                    "summary",
                ],
            },
        ]
    "#]]
    .assert_debug_eq(&playbook.plays);
    let name = "all".parse().unwrap();
    assert_eq!(playbook.play(&name).map(|play| &play.name), Some(&name));
    assert_eq!(playbook.play(&"none".parse().unwrap()), None);
    for (alias, pool) in &playbook.pools {
        assert_eq!(playbook.pool_of(&pool.backend), Some((alias, pool)));
        assert_eq!(playbook.pool_of(&pool.backend.sibling("none".parse().unwrap())), None);
    }
}

#[test]
fn limits_are_those_of_the_file() {
    let playbook = example();
    expect![[r#"
        {
            chat: ManagedPool {
                backend: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso-apim/backends/chat-pool,
                terms: Terms {
                    limits: Limits {
                        least_members: Count(
                            1,
                        ),
                        least_share: Some(
                            50%,
                        ),
                        least_capacity: Some(
                            300,
                        ),
                        most_out: Some(
                            2,
                        ),
                        panic: Some(
                            75%,
                        ),
                    },
                    failover: Promote,
                    null_weight: Some(
                        50,
                    ),
                    capacity: {
                        chat-us: 400,
                        eu-1: 200,
                        eu-2: 200,
                    },
                    tags: [],
                },
                writes_per_hour: Some(
                    60,
                ),
                members: {
                    chat-us,
                    eu-1,
                    eu-2,
                },
            },
            search: ManagedPool {
                backend: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso-apim/workspaces/discovery/backends/search-pool,
                terms: Terms {
                    limits: Limits {
                        least_members: Half,
                        least_share: None,
                        least_capacity: None,
                        most_out: None,
                        panic: None,
                    },
                    failover: Promote,
                    null_weight: None,
                    capacity: {},
                    tags: [],
                },
                writes_per_hour: None,
                members: {
                    search-eu,
                },
            },
        }
    "#]].assert_debug_eq(&playbook.pools);
}
