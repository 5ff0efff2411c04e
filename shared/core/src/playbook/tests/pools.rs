//! Pools that stand in `${...}`: what the file shows is judged when it is read, what a signal shows
//! when it is heard, and nothing that is not declared is ever touched.

use expect_test::expect;

use super::{
    HEAD,
    matches::{check, told},
    signal, sound,
};
use crate::{
    playbook::{read, render},
    signal::Severity,
};

#[test]
fn one_play_serves_every_pool() {
    let playbook = sound(
        r#"
  - name: by-label
    when: signal.severity == info
    do:
      - drain: {pool: "${signal.labels.pool}", member: "${signal.labels.backend}"}
      - promote: {pool: "${signal.labels.pool}", member: standby}
    after: [{reconnect: {backend: "${signal.labels.backend}", after: 2m}}]
  - name: by-map
    when: signal.severity == warning
    do: [{shift: {pool: '${ {"api": "chat", "find": "search"}[signal.labels.app] }', split: {eu: 1}}}]
  - name: by-condition
    when: signal.severity == error
    do: [{drain: {pool: 's${signal.labels.app == "api" ? "earch" : ["earch"][0]}', member: eu}}]
  - name: by-default
    when: signal.severity == critical
    do: [{drain: {pool: '${ {"find": "search"}[?signal.labels.app].orValue("chat") }', member: eu}}]
"#,
    );
    let of = |severity, label, value| signal(severity, [(label, value), ("backend", "eu")]);
    check(
        &playbook,
        &of(Severity::Info, "pool", "chat"),
        &expect![[r#"
            by-label: [contoso/chat-pool: drain eu] [contoso/chat-pool: promote standby] then reconnect contoso/eu in 2m
        "#]],
    );
    // The first effect's pool is in a workspace: the drain stands, the reconnect cannot be.
    check(
        &playbook,
        &of(Severity::Info, "pool", "search"),
        &expect![[r#"
        by-label: [contoso/blue/search-pool: drain eu] [contoso/blue/search-pool: promote standby]
        failed: play `by-label`, after[0].reconnect.backend: `eu` is in a workspace, and Azure has Reconnect at service level only
    "#]],
    );
    for (severity, label, value) in [
        (Severity::Info, "pool", "Chat"),
        (Severity::Info, "pool", ""),
        (Severity::Info, "pool", "chat-pool\n"),
        (Severity::Info, "app", "api"),
        (Severity::Warning, "app", "other"),
    ] {
        let signal = of(severity, label, value);
        assert!(playbook.plays_for(&signal).matched.is_empty(), "{value} is not a pool");
    }
    check(
        &playbook,
        &signal(Severity::Info, [("pool", "Chat")]),
        &expect![[r#"
            failed: play `by-label`, do[0].drain.pool: there is no pool `Chat`: the pools are `chat` and `search`
            failed: play `by-label`, do[1].promote.pool: there is no pool `Chat`: the pools are `chat` and `search`
        "#]],
    );
    let cases: String = [
        (Severity::Warning, "api"),
        (Severity::Warning, "find"),
        (Severity::Warning, "other"),
        (Severity::Error, "api"),
        (Severity::Critical, "find"),
        (Severity::Critical, "other"),
    ]
    .map(|(severity, app)| told(&playbook, &of(severity, "app", app)))
    .concat();
    expect![[r#"
        by-map: [contoso/chat-pool: split eu 1]
        by-map: [contoso/blue/search-pool: split eu 1]
        failed: play `by-map`, do[0].shift.pool: neither the signal nor the map has `other`, which `{"api": "chat", "find": "search"}[signal.labels.app]` needs
        by-condition: [contoso/blue/search-pool: drain eu]
        by-default: [contoso/blue/search-pool: drain eu]
        by-default: [contoso/chat-pool: drain eu]
    "#]].assert_eq(&cases);
}

#[test]
fn what_the_file_shows_to_be_no_pool_is_an_error_in_the_file() {
    let told: String = [
        // Not declared, in one of the ways it can come out.
        r#"{pool: '${signal.labels.a == "b" ? "chat" : "serach"}', member: eu}"#,
        r#"{pool: '${ {"a": "chat", "b": "caht", "c": "other"}[signal.labels.a] }', member: eu}"#,
        r#"{pool: '${["chat", "search"][0]}${signal.severity == info ? "" : "-2"}', member: eu}"#,
        // No signal can make a pool of it.
        r#"{pool: "chat-${signal.labels.a}", member: eu}"#,
        r#"{pool: "${signal.labels.a}-chat", member: eu}"#,
        r#"{pool: "cha${signal.labels.a}hat", member: eu}"#,
        r#"{pool: "${signal.label.pool}", member: eu}"#,
        r#"{pool: "${signal.labels}", member: eu}"#,
        r#"{pool: "", member: eu}"#,
    ]
    .map(|drain| -> String {
        let text = format!("{HEAD}plays: [{{name: a, when: true, do: [{{drain: {drain}}}]}}]\n");
        let problems = read(&text).expect_err(drain);
        problems.iter().map(|problem| format!("{}; {}\n", problem.message, problem.help)).collect()
    })
    .concat();
    expect![[r#"
        there is no pool `serach`; did you mean `search`?
        there is no pool `caht`; did you mean `chat`?
        there is no pool `other`; the pools are `chat` and `search`
        there is no pool `chat-2`; did you mean `chat`?
        there is no pool `search-2`; did you mean `search`?
        no pool has a name like `chat-${signal.labels.a}`; the pools are `chat` and `search`
        no pool has a name like `${signal.labels.a}-chat`; the pools are `chat` and `search`
        no pool has a name like `cha${signal.labels.a}hat`; the pools are `chat` and `search`
        a signal has no `label`; did you mean `labels`?
        this gives a map, and a value must be text or a number; write a value, such as ${signal.labels.backend}
        there is no pool ``; the pools are `chat` and `search`
    "#]].assert_eq(&told);
}

#[test]
fn a_reconnect_is_judged_by_every_pool_that_the_play_can_begin_with() {
    let problems = |pool: &str, backend: &str| {
        let text = format!(
            "{HEAD}plays:\n  - name: a\n    when: true\n    do: [{{drain: {{pool: '{pool}', member: \
             eu}}}}]\n    after: [{{reconnect: {{backend: {backend}, after: 2m}}}}]\n"
        );
        read(&text).err().map(|problems| render(&problems, "playbook.yaml", &text))
    };
    let said = |pool: &str, backend: &str, words: &str| {
        let problems = problems(pool, backend).unwrap_or_default();
        assert!(problems.contains(words), "{pool} {backend}: {problems}");
    };
    let (workspace, is_pool) = ("of a workspace cannot be reconnected", "`chat-pool` is a pool");
    said("search", "eu", workspace);
    said("s${signal.labels.a}", "eu", workspace);
    said("${signal.severity == info ? \"chat\" : \"search\"}", "eu", workspace);
    said("c${signal.labels.a}", "chat-pool", is_pool);
    said("${signal.severity == info ? \"chat\" : \"chat\"}", "chat-pool", is_pool);
    // A signal decides: what cannot be is told when it is heard.
    assert_eq!(problems("${signal.labels.a}", "eu"), None);
    assert_eq!(problems("${signal.labels.a}", "chat-pool"), None);
    assert_eq!(problems("c${signal.labels.a}", "eu"), None);
}
