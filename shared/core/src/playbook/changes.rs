//! What changes from one playbook to the next, for the person who is about to publish it.
//!
//! What is written in another way and means the same is no change: another order of keys, a comment, a
//! default that is written out. So the playbooks are compared as they were read, and only where a pool
//! or a play of them differs, the file's own words say in what.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value;

use super::{Playbook, Problem, read};

/// One pool, play or other part that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Which: `pool chat` or `play drain-failing-member`.
    pub what: String,
    /// What becomes of it.
    pub becomes: Becomes,
}

/// What becomes of a pool or a play.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Becomes {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Edited(Vec<Edit>),
}

/// A part of a pool or a play that says something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// Where in it: `do[0].shift.to`.
    pub path: String,
    /// What was there, as JSON; none where nothing was.
    pub before: Option<Value>,
    /// What is there, as JSON; none where nothing is.
    pub after: Option<Value>,
}

/// What holds of a pool, a play or a window where the file does not say it.
const UNSAID: [(&str, &str); 7] = [
    ("limits.leastMembers", "half of its members (the default)"),
    ("limits.leastShare", "no limit (the default)"),
    ("limits.leastCapacity", "no limit (the default)"),
    ("limits.mostOut", "no limit (the default)"),
    ("limits.panic", "no limit (the default)"),
    ("failover", "promote (the default)"),
    ("mode", "act (the default)"),
];

/// In words, as the file itself says things, and never as JSON.
impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, before, after } = self;
        let unsaid = UNSAID.iter().find(|(known, _)| known == path).map(|(_, words)| *words);
        let what = match path.strip_prefix(LIMITS) {
            Some(limit) => format!("its limit {}", limit.trim_start_matches('.')),
            None => path.clone(),
        };
        let said = |value: &Option<Value>| match value {
            Some(value) => Some(words(value)),
            None => unsaid.map(str::to_owned),
        };
        match (said(before), said(after)) {
            (Some(before), Some(after)) => write!(f, "{what}: {before} becomes {after}"),
            (None, Some(after)) => write!(f, "{what} is new: {after}"),
            (Some(before), None) => write!(f, "{what} is gone: it was {before}"),
            (None, None) => f.write_str(&what),
        }
    }
}

/// Where the limits of a pool stand.
const LIMITS: &str = "limits";

/// A value of the file in words: `drain (pool mail, member us)`.
fn words(value: &Value) -> String {
    let list = |words: Vec<String>| words.join(", ");
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => list(items.iter().map(words).collect()),
        Value::Object(fields) => {
            list(fields.iter().map(|(key, value)| field(key, value)).collect())
        }
    }
}

fn field(key: &str, value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => format!("{key} ({})", words(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            format!("{key} {}", words(value))
        }
    }
}

/// What changes from the playbook of one text to that of another, pools first, each by name.
///
/// # Errors
/// When one of them cannot be read.
pub fn changes(before: &str, after: &str) -> Result<Vec<Changed>, Vec<Problem>> {
    let (old, new) = (Written::read(before)?, Written::read(after)?);
    let mut changed = Vec::new();
    let pool = |written: &Written, alias: &str| {
        let pool = written.playbook.pools.iter().find(|(known, _)| known.as_str() == alias);
        pool.map(|(_, pool)| pool.clone())
    };
    compare("pool", &old.pools, &new.pools, &mut changed, |name| {
        pool(&old, name) == pool(&new, name)
    });
    // Written as before, and another backend: what its service stands for is another.
    for Changed { what, becomes } in &mut changed {
        let backend = |written| {
            let pool = pool(written, what.strip_prefix("pool ")?)?;
            Some(Value::String(pool.backend.to_string()))
        };
        if let Becomes::Edited(edits) = becomes
            && edits.is_empty()
        {
            let path = "backend".to_owned();
            edits.push(Edit { path, before: backend(&old), after: backend(&new) });
        }
    }
    let single = |written: &Written, alias: &str| {
        let mut backends = written.playbook.backends.iter();
        backends.find(|(known, _)| known.as_str() == alias).map(|(_, single)| single.clone())
    };
    compare("backend", &old.backends, &new.backends, &mut changed, |name| {
        single(&old, name) == single(&new, name)
    });
    let limit = |written: &Written, tag: &str| {
        let mut limits = written.playbook.limits.iter();
        limits.find(|(known, _)| known.as_str() == tag).map(|(_, limit)| *limit)
    };
    compare("limit of tag", &old.limits, &new.limits, &mut changed, |tag| {
        limit(&old, tag) == limit(&new, tag)
    });
    let play = |written: &Written, name: &str| {
        written.playbook.plays.iter().find(|play| play.name.as_str() == name).cloned()
    };
    compare("play", &old.plays, &new.plays, &mut changed, |name| {
        play(&old, name) == play(&new, name)
    });
    let window = |written: &Written, name: &str| {
        written.playbook.windows.iter().find(|window| window.name.as_str() == name).cloned()
    };
    compare("window", &old.windows, &new.windows, &mut changed, |name| {
        window(&old, name) == window(&new, name)
    });
    let freeze = |written: &Written, name: &str| {
        let mut freezes = written.playbook.freezes.iter();
        freezes.find(|freeze| freeze.name.as_str() == name).cloned()
    };
    compare("freeze", &old.freezes, &new.freezes, &mut changed, |name| {
        freeze(&old, name) == freeze(&new, name)
    });
    Ok(changed)
}

/// A playbook, and its parts in the file's words.
struct Written {
    playbook: Playbook,
    pools: BTreeMap<String, Value>,
    backends: BTreeMap<String, Value>,
    limits: BTreeMap<String, Value>,
    plays: BTreeMap<String, Value>,
    windows: BTreeMap<String, Value>,
    freezes: BTreeMap<String, Value>,
}

impl Written {
    fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let playbook = read(text)?;
        // It was read just now, so that it is YAML.
        let file: Value = serde_saphyr::from_str(text).unwrap_or_default();
        let keyed = |map: &Value| -> BTreeMap<String, Value> {
            let entries = map.as_object().into_iter().flatten();
            entries.map(|(name, one)| (name.clone(), one.clone())).collect()
        };
        let (pools, backends) = (keyed(&file["pools"]), keyed(&file["backends"]));
        let limits = keyed(&file["limits"]);
        let named = |list: &Value| -> BTreeMap<String, Value> {
            let entries = list.as_array().into_iter().flatten();
            entries
                .filter_map(|one| Some((one["name"].as_str()?.to_owned(), one.clone())))
                .collect()
        };
        let (plays, windows) = (named(&file["plays"]), named(&file["windows"]));
        let freezes = named(&file["gates"]["freeze"]);
        Ok(Self { playbook, pools, backends, limits, plays, windows, freezes })
    }
}

fn compare(
    kind: &str,
    old: &BTreeMap<String, Value>,
    new: &BTreeMap<String, Value>,
    changed: &mut Vec<Changed>,
    means_the_same: impl Fn(&str) -> bool,
) {
    let gone = old.iter().filter(|(name, _)| !new.contains_key(*name));
    let gone = gone.map(|(name, _)| (name, Becomes::Removed));
    let there = new.iter().filter_map(|(name, after)| match old.get(name) {
        None => Some((name, Becomes::Added)),
        Some(_) if means_the_same(name) => None,
        Some(before) => {
            let mut edits = Vec::new();
            differ("", Some(before), Some(after), &mut edits);
            Some((name, Becomes::Edited(edits)))
        }
    });
    let all: BTreeMap<&String, Becomes> = gone.chain(there).collect();
    let all = all.into_iter();
    changed.extend(all.map(|(name, becomes)| Changed { what: format!("{kind} {name}"), becomes }));
}

/// Finds the smallest parts that differ.
fn differ(path: &str, before: Option<&Value>, after: Option<&Value>, edits: &mut Vec<Edit>) {
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                let dot = if path.is_empty() { "" } else { "." };
                differ(&format!("{path}{dot}{key}"), old.get(key), new.get(key), edits);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for at in 0..old.len().max(new.len()) {
                differ(&format!("{path}[{at}]"), old.get(at), new.get(at), edits);
            }
        }
        (before, after) if before == after => {}
        // Each limit by itself, as each has a default.
        (Some(Value::Object(_)), None) | (None, Some(Value::Object(_))) if path == LIMITS => {
            let none = Value::Object(serde_json::Map::new());
            differ(path, before.or(Some(&none)), after.or(Some(&none)), edits);
        }
        (before, after) => edits.push(Edit {
            path: path.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const HEAD: &str = "version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: rg, name: contoso}
";

    fn check(before: &str, after: &str, expect: &Expect) {
        let text = |rest: &str| format!("{HEAD}{rest}");
        let changed = changes(&text(before), &text(after)).unwrap();
        let mut said = String::new();
        for Changed { what, becomes } in changed {
            match becomes {
                Becomes::Added => said += &format!("+ {what}\n"),
                Becomes::Removed => said += &format!("- {what}\n"),
                Becomes::Edited(edits) => {
                    said += &format!("~ {what}\n");
                    edits.iter().for_each(|edit| said += &format!("    {edit}\n"));
                }
            }
        }
        expect.assert_eq(&said);
    }

    const BOOK: &str = r#"pools:
  chat: {service: main, backend: chat-pool, limits: {leastShare: 50%}}
plays:
  - name: drain
    when: "true"
    do: [{drain: {pool: chat, member: eu}}]
  - name: shift
    when: "true"
    do: [{shift: {pool: chat, member: us, to: 30%}}]
"#;

    #[test]
    fn what_means_the_same_is_not_told() {
        let otherwise = r#"plays:
  # in another order, with what holds anyhow written out
  - {name: shift, when: "true", do: [{shift: {pool: chat, to: 30%, member: us}}]}
  - {name: drain, when: "true", do: [{drain: {member: eu, pool: chat}}], until: resolved, atMost: 24h}
pools:
  chat: {backend: chat-pool, service: main, failover: promote, limits: {leastShare: 50%}}
"#;
        check(BOOK, otherwise, &expect![""]);
    }

    #[test]
    fn a_pool_of_another_service_is_told_though_nothing_of_it_was_written_anew() {
        let (before, pool) = (format!("{HEAD}{BOOK}"), "/backends/chat-pool\"");
        let changed = changes(&before, &before.replace("contoso", "fabrikam")).unwrap();
        let [Changed { what, becomes: Becomes::Edited(edits) }] = changed.as_slice() else {
            panic!("{changed:?}");
        };
        assert_eq!((what.as_str(), edits.len()), ("pool chat", 1));
        for (value, service) in [(&edits[0].before, "contoso"), (&edits[0].after, "fabrikam")] {
            let backend = value.as_ref().unwrap().to_string();
            assert!(backend.ends_with(&format!("{service}{pool}")), "{backend}");
        }
    }

    #[test]
    fn limits_are_told_one_by_one_with_their_defaults_also_where_all_of_them_are_new_or_gone() {
        let without = BOOK.replace(", limits: {leastShare: 50%}", "");
        let other = BOOK.replace("{leastShare: 50%}", "{leastShare: 85%, leastMembers: 2}");
        check(
            &without,
            &other,
            &expect![[r#"
                ~ pool chat
                    its limit leastShare: no limit (the default) becomes 85%
                    its limit leastMembers: half of its members (the default) becomes 2
            "#]],
        );
        check(
            BOOK,
            &without,
            &expect![[r#"
                ~ pool chat
                    its limit leastShare: 50% becomes no limit (the default)
            "#]],
        );
    }

    #[test]
    fn that_a_play_acts_or_is_in_shadow_is_told() {
        let shadow = BOOK.replace("- name: drain\n", "- name: drain\n    mode: shadow\n");
        let told = expect![[r#"
            ~ play drain
                mode: act (the default) becomes shadow
        "#]];
        check(BOOK, &shadow, &told);
        let told = expect![[r#"
            ~ play drain
                mode: shadow becomes act
        "#]];
        check(&shadow, &shadow.replace("mode: shadow", "mode: act"), &told);
        check(BOOK, &shadow.replace("mode: shadow", "mode: act"), &expect![""]);
    }

    #[test]
    fn what_is_new_or_gone_or_says_something_else_is_told() {
        let other = r#"pools:
  chat: {service: main, backend: chat-pool, limits: {leastShare: 60%, leastMembers: 2}}
  mail: {service: main, backend: mail-pool}
plays:
  - name: ease
    when: "true"
    do: [{drain: {pool: chat, member: eu}}]
  - name: shift
    when: "true"
    do: [{shift: {pool: chat, member: us, to: 20%}}, {drain: {pool: mail, member: us}}]
    hold: 2m
"#;
        check(
            BOOK,
            other,
            &expect![[r#"
            ~ pool chat
                its limit leastShare: 50% becomes 60%
                its limit leastMembers: half of its members (the default) becomes 2
            + pool mail
            - play drain
            + play ease
            ~ play shift
                do[0].shift.to: 30% becomes 20%
                do[1] is new: drain (pool mail, member us)
                hold is new: 2m
        "#]],
        );
    }
}
