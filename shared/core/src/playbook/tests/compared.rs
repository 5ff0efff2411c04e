//! Filing conditions by what they compare changes nothing of which plays a signal is for.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{HEAD, signal};
use crate::{
    playbook::{Playbook, expression::Scene, read},
    signal::{Severity, Signal},
};

const LABELS: [&str; 3] = ["alertname", "pool", "backend"];
const TEXTS: [&str; 4] = ["a", "b", "c", ""];

/// A condition of every form that is filed, and of some that only look like one.
fn condition() -> impl Strategy<Value = String> {
    let part = (select(&LABELS[..]), select(&TEXTS[..]), select(&TEXTS[..]), 0_u8..12).prop_map(
        |(label, one, other, form)| match form {
            0 => format!("signal.labels.{label} == \"{one}\""),
            1 => format!("\"{one}\" == signal.labels[\"{label}\"]"),
            2 => format!("signal.labels.{label} in [\"{one}\", \"{other}\"]"),
            3 => format!(
                "(signal.labels.{label} == \"{one}\" || signal.labels.{label} == \"{other}\")"
            ),
            4 => {
                format!("(signal.labels.{label} == \"{one}\" || signal.labels.pool == \"{other}\")")
            }
            5 => format!("signal.labels.{label} != \"{one}\""),
            6 => format!("!(signal.labels.{label} == \"{one}\")"),
            7 => "signal.source == \"alertmanager\"".to_owned(),
            8 => format!("signal.source in [\"azure\", \"{one}\"]"),
            9 => "signal.severity >= warning".to_owned(),
            10 => {
                format!("(has(signal.labels.{label}) ? signal.labels.{label} == \"{one}\" : true)")
            }
            _ => format!("signal.annotations.summary.startsWith(\"{one}\")"),
        },
    );
    (vec(part, 1..4), any::<bool>()).prop_map(|(parts, right)| match (right, parts.as_slice()) {
        (true, [one, other, third]) => format!("{one} && ({other} && {third})"),
        _ => parts.join(" && "),
    })
}

fn book(conditions: &[(String, Option<String>)]) -> Playbook {
    let plays = conditions.iter().enumerate().map(|(at, (when, unless))| {
        let unless = unless.iter().map(|unless| format!("    unless: {unless:?}\n"));
        let unless: String = unless.collect();
        format!("  - name: p{at}\n    when: {when:?}\n{unless}    do: [{{drain: {{pool: chat, member: eu}}}}]\n")
    });
    let text = format!("{HEAD}plays:\n{}", plays.collect::<String>());
    read(&text).unwrap_or_else(|problems| panic!("{text}{problems:?}"))
}

fn heard() -> impl Strategy<Value = Signal> {
    let text = || option::weighted(0.8, select(&TEXTS[..]));
    [text(), text(), text()].prop_map(|texts| {
        let labels = LABELS.iter().zip(texts).filter_map(|(label, text)| Some((*label, text?)));
        let mut signal = signal(Severity::Warning, []);
        signal.labels = labels.map(|(label, text)| (label.to_owned(), text.to_owned())).collect();
        signal
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_plays_are_found_as_by_asking_each(
        conditions in vec((condition(), option::of(condition())), 1..12),
        signals in vec(heard(), 1..8),
    ) {
        let playbook = book(&conditions);
        for signal in signals {
            let scene = Scene::of(&signal);
            let matching: Vec<_> =
                playbook.plays.iter().filter(|play| play.when.holds(&scene) == Ok(true)).collect();
            let found = playbook.plays_for(&signal);
            let found: Vec<_> = found.matched.iter().map(|matched| matched.play).collect();
            prop_assert_eq!(found, matching, "{:?}", signal);
            let keeping = playbook.plays.iter().filter(|play| {
                play.begins.unless.as_ref().is_some_and(|unless| unless.holds(&scene) == Ok(true))
            });
            let keeping: Vec<_> = keeping.map(|play| &play.name).collect();
            prop_assert_eq!(playbook.kept_back_by(&signal).0, keeping, "{:?}", signal);
        }
    }
}

#[test]
fn of_a_thousand_plays_few_are_asked_about_a_signal() {
    let plays = |number: usize| {
        (format!("signal.labels.alertname == \"x\" && signal.labels.pool == \"{number}\""), None)
    };
    let mut conditions: Vec<_> = (0..1_000).map(plays).collect();
    conditions.push(("signal.severity >= error".to_owned(), None));
    let playbook = book(&conditions);
    let asked = |labels: [(&str, &str); 2]| {
        let signal = signal(Severity::Info, labels);
        playbook.plays_by_when(&signal).map(|play| play.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(asked([("alertname", "x"), ("pool", "7")]), ["p7", "p1000"]);
    assert_eq!(asked([("alertname", "x"), ("pool", "none")]), ["p1000"]);
    assert_eq!(asked([("alertname", "x"), ("backend", "7")]), ["p1000"]);
}
