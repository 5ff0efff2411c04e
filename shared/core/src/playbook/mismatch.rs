//! Why no play is for a signal: which part of which condition does not hold.
//!
//! Most conditions are a few comparisons joined by `&&`. Each is asked by itself, so that who wrote the
//! play sees which of them is false, and what the signal has in its place. The plays that are nearest
//! come first: those of which the most parts hold.

use std::{cmp::Reverse, collections::BTreeMap};

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr, LiteralValue},
};

use super::{
    book::Playbook,
    expression::{Fault, Scene},
    play::Play,
};
use crate::{signal::Signal, text::clipped};

/// How many plays are named.
const PLAYS_MAX: usize = 3;

/// How many parts of a play are shown that do not hold, and how many values of a part.
const PARTS_MAX: usize = 3;
const VALUES_MAX: usize = 3;

/// How much of a part and of a value is shown, in characters.
const PART_CHARS_MAX: usize = 100;
const VALUE_CHARS_MAX: usize = 60;

/// How far a play is from being for a signal.
struct Near<'a> {
    play: &'a Play,
    /// How many of its parts hold.
    holding: usize,
    /// What is said of the others.
    missing: Vec<String>,
}

impl Playbook {
    /// Says why no play is for `signal`, part by part. Foreign text in it is bounded, and to be escaped
    /// where it is shown.
    #[must_use]
    pub fn why_no_play(&self, signal: &Signal) -> String {
        let scene = Scene::of(signal);
        let mut all: Vec<_> = self.plays.iter().map(|play| near(play, signal, &scene)).collect();
        all.sort_by_key(|near| (Reverse(near.holding), near.missing.len()));
        let others = all.len().saturating_sub(PLAYS_MAX);
        let mut said: Vec<String> = all.iter().take(PLAYS_MAX).map(Near::says).collect();
        match others {
            0 => {}
            1 => said.push("and 1 other play".to_owned()),
            many => said.push(format!("and {many} other plays")),
        }
        if said.is_empty() {
            said.push("the playbook has none".to_owned());
        }
        format!("no play is for it: {}", said.join("; "))
    }
}

impl Near<'_> {
    fn says(&self) -> String {
        let mut parts: Vec<&str> = self.missing.iter().map(String::as_str).collect();
        if parts.len() > PARTS_MAX {
            parts.truncate(PARTS_MAX);
            parts.push("others");
        }
        format!("{}: {}", self.play.name, parts.join(", and "))
    }
}

fn near<'a>(play: &'a Play, signal: &Signal, scene: &Scene) -> Near<'a> {
    let (mut holding, mut missing) = (0, Vec::new());
    for part in play.when.parts() {
        let written = part.source.split_whitespace().collect::<Vec<_>>().join(" ");
        let written = clipped(&written, PART_CHARS_MAX);
        let mut values = Values { signal, said: BTreeMap::new() };
        match play.when.part_holds(&part, scene) {
            Ok(true) => {
                holding += 1;
                continue;
            }
            Ok(false) => values.walk(part.node),
            Err(Fault::Missing { label, .. }) => {
                values.walk(part.node);
                let missing = || format!("there is no entry {}", clipped(&label, VALUE_CHARS_MAX));
                values.said.entry(label.clone()).or_insert_with(missing);
            }
            Err(Fault::Failed { message, .. }) => {
                missing.push(format!("`{written}` {message}"));
                continue;
            }
        }
        let said: Vec<String> = values.said.into_values().take(VALUES_MAX).collect();
        missing.push(match said.is_empty() {
            true => format!("`{written}` is false"),
            false => format!("`{written}` is false ({})", said.join(", ")),
        });
    }
    Near { play, holding, missing }
}

/// What a signal has of the things that a part of a condition asks for.
struct Values<'a> {
    signal: &'a Signal,
    said: BTreeMap<String, String>,
}

impl Values<'_> {
    fn walk(&mut self, node: &IdedExpr) {
        if let Some((of, name)) = member(node) {
            let signal = self.signal;
            match (of, name) {
                (Of::Signal, "severity") => self.is(name, &signal.severity.to_string()),
                (Of::Signal, "started") => self.is(name, &signal.started.to_string()),
                (Of::Signal, "source") => self.is(name, signal.series.source().as_str()),
                (Of::Signal, "fingerprint") => self.is(name, signal.series.fingerprint()),
                // All of the labels are too many to show.
                (Of::Signal, _) => {}
                (Of::Labels, _) => self.text("label", name, signal.labels.get(name)),
                (Of::Annotations, _) => {
                    self.text("annotation", name, signal.annotations.get(name));
                }
            }
            return;
        }
        match &node.expr {
            Expr::Select(select) => self.walk(&select.operand),
            Expr::Call(call) => {
                call.target.iter().for_each(|target| self.walk(target));
                call.args.iter().for_each(|arg| self.walk(arg));
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.walk(element)),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.walk(&entry.key);
                        self.walk(&entry.value);
                    }
                }
            }
            Expr::Comprehension(of) => {
                self.walk(&of.iter_range);
                self.walk(&of.loop_step);
            }
            Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
        }
    }

    fn is(&mut self, name: &str, value: &str) {
        let said = format!("{} is {value}", clipped(name, VALUE_CHARS_MAX));
        self.said.insert(name.to_owned(), said);
    }

    fn text(&mut self, what: &str, name: &str, value: Option<&String>) {
        match value {
            Some(value) => self.is(name, &format!("{:?}", clipped(value, VALUE_CHARS_MAX))),
            None => {
                let said = format!("there is no {what} {}", clipped(name, VALUE_CHARS_MAX));
                self.said.insert(name.to_owned(), said);
            }
        }
    }
}

/// What a name is selected from.
enum Of {
    Signal,
    Labels,
    Annotations,
}

/// `signal.name`, `signal.labels.name`, `signal.labels["name"]`, and the same of annotations.
fn member(node: &IdedExpr) -> Option<(Of, &str)> {
    let (of, name) = match &node.expr {
        Expr::Select(select) => (&*select.operand, select.field.as_str()),
        Expr::Call(call) if matches!(call.func_name.as_str(), "_[_]" | "_[?_]" | "_?._") => {
            let [of, key] = call.args.as_slice() else { return None };
            let Expr::Literal(LiteralValue::String(name)) = &key.expr else { return None };
            (of, name.inner())
        }
        Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::Ident(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Unspecified => return None,
    };
    if is_signal(of) {
        return Some((Of::Signal, name));
    }
    let Expr::Select(select) = &of.expr else { return None };
    match select.field.as_str() {
        "labels" if is_signal(&select.operand) => Some((Of::Labels, name)),
        "annotations" if is_signal(&select.operand) => Some((Of::Annotations, name)),
        _ => None,
    }
}

fn is_signal(node: &IdedExpr) -> bool {
    matches!(&node.expr, Expr::Ident(name) if name.trim_start_matches('.') == "signal")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use jiff::Timestamp;

    use super::*;
    use crate::{
        playbook,
        signal::{Heard, Severity},
    };

    /// A playbook with a play of each of these conditions.
    fn book(conditions: &[&str]) -> Playbook {
        let mut text = "version: 1\n\
             services: {main: {subscription: 00000000-0000-0000-0000-000000000001, resourceGroup: rg, name: \
             contoso}}\n\
             pools: {chat: {service: main, backend: chat}}\n\
             plays:\n"
            .to_owned();
        for (place, condition) in conditions.iter().enumerate() {
            let when = serde_json::to_string(condition).unwrap();
            let effect = "[{drain: {pool: chat, member: eu}}]";
            writeln!(text, "  - {{name: p{place}, when: {when}, do: {effect}}}").unwrap();
        }
        if conditions.is_empty() {
            text = text.replace("plays:\n", "plays: []\n");
        }
        playbook::read(&text).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn signal() -> Signal {
        let labels = [("alertname", "Other"), ("zone", "1"), ("städte", "köln")];
        Signal {
            series: "am/f00d".parse().unwrap(),
            started: Timestamp::UNIX_EPOCH,
            heard: Heard::Fired,
            severity: Severity::Warning,
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            annotations: BTreeMap::new(),
            received: Timestamp::UNIX_EPOCH,
        }
    }

    fn check(conditions: &[&str], wanted: &Expect) {
        wanted.assert_eq(&book(conditions).why_no_play(&signal()).replace("; ", "\n"));
    }

    #[test]
    fn a_condition_is_split_where_its_topmost_ands_stand() {
        let parts = |condition: &str| {
            let book = book(&[condition]);
            let parts = book.plays[0].when.parts();
            parts.into_iter().map(|part| part.source).collect::<Vec<_>>().join(" / ")
        };
        let (a, b) = ("signal.source == 'a'", "has(signal.labels.b)");
        for (condition, wanted) in [
            (a.to_owned(), a.to_owned()),
            (format!("{a} && {b}"), format!("{a} / {b}")),
            (format!("{a}&&{b} &&\n  {a} && {b}"), format!("{a} / {b} / {a} / {b}")),
            (format!(" ({a} && {b}) "), format!("{a} / {b}")),
            (format!("{a} && ({b} && ({a} || {b}))"), format!("{a} / {b} / ({a} || {b})")),
            (format!("({a} || {b}) && {b}"), format!("({a} || {b}) / {b}")),
            (format!("{a} || {b} && {b}"), format!("{a} || {b} && {b}")),
            (format!("!({a} && {b})"), format!("!({a} && {b})")),
            (format!("{a} ? {a} && {b} : {b}"), format!("{a} ? {a} && {b} : {b}")),
            (
                "signal.source == 'é && (b' && signal.source != \"c)\"".to_owned(),
                "signal.source == 'é && (b' / signal.source != \"c)\"".to_owned(),
            ),
        ] {
            assert_eq!(parts(&condition), wanted);
        }
    }

    #[test]
    fn each_part_that_does_not_hold_is_told_with_what_the_signal_has() {
        check(
            &["signal.labels.alertname == 'BackendErrors'", "signal.labels['team'] == 'chat'"],
            &expect![[r#"
                no play is for it: p0: `signal.labels.alertname == 'BackendErrors'` is false (alertname is "Other")
                p1: `signal.labels['team'] == 'chat'` is false (there is no label team)"#]],
        );
        check(
            &[
                "signal.severity >= error && signal.source == 'prometheus'",
                "signal.labels.zone in ['2', '3'] && has(signal.annotations.summary)",
            ],
            &expect![[r#"
                no play is for it: p0: `signal.severity >= error` is false (severity is warning), and `signal.source == 'prometheus'` is false (source is am)
                p1: `signal.labels.zone in ['2', '3']` is false (zone is "1"), and `has(signal.annotations.summary)` is false (there is no annotation summary)"#]],
        );
        check(
            &[
                "{'x': 'chat'}[signal.labels.zone] == 'chat'",
                "signal.labels[\"städte\"] == 'bonn' && signal.labels.exists(name, name == 'no')",
                "int(signal.labels.alertname) > 1 && signal.severity >= error",
            ],
            &expect![[r#"
                no play is for it: p0: `{'x': 'chat'}[signal.labels.zone] == 'chat'` is false (there is no entry 1, zone is "1")
                p1: `signal.labels["städte"] == 'bonn'` is false (städte is "köln"), and `signal.labels.exists(name, name == 'no')` is false
                p2: `int(signal.labels.alertname) > 1` failed in `int`: string parse error: invalid digit found in string, and `signal.severity >= error` is false (severity is warning)"#]],
        );
    }

    #[test]
    fn the_nearest_plays_come_first_and_the_others_are_counted() {
        let no = "signal.labels.alertname == 'No'";
        let half = "signal.labels.zone == '1' && signal.labels.alertname == 'Half'";
        let most = "signal.labels.zone == '1' && signal.severity >= info && signal.source == 'x'";
        check(&[], &expect!["no play is for it: the playbook has none"]);
        check(
            &[no, half, no, most],
            &expect![[r#"
            no play is for it: p3: `signal.source == 'x'` is false (source is am)
            p1: `signal.labels.alertname == 'Half'` is false (alertname is "Other")
            p0: `signal.labels.alertname == 'No'` is false (alertname is "Other")
            and 1 other play"#]],
        );
        check(
            &[no, no, half, no, most],
            &expect![[r#"
            no play is for it: p4: `signal.source == 'x'` is false (source is am)
            p2: `signal.labels.alertname == 'Half'` is false (alertname is "Other")
            p0: `signal.labels.alertname == 'No'` is false (alertname is "Other")
            and 2 other plays"#]],
        );
    }

    #[test]
    fn what_is_told_is_bounded() {
        let long = "x".repeat(1_500);
        let part = format!("signal.labels.alertname == '{long}'");
        let condition = [&*part, "signal.severity > critical", "signal.source == 'x'"].join(" && ");
        let mut signal = signal();
        signal.labels.insert("alertname".to_owned(), long);
        let told = book(&[condition.as_str(); 4]).why_no_play(&signal);
        assert!(told.ends_with("; and 1 other play"), "{told}");
        assert!(told.chars().count() < crate::notice::SAYS_CHARS_MAX, "{}", told.chars().count());
    }
}
