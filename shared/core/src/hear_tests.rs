//! What each signal leads to, in a table: its edits, its lines, and where it leads to nothing, why.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{
    document,
    mode::Mode,
    notice::Kind,
    overrides::{End, Held, Life, Standing},
    playbook::{self, Playbook},
    signal::{Heard, Severity},
};

const BOOK: &str = r#"
version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000001, resourceGroup: rg, name: contoso}
pools:
  chat: {service: main, backend: chat}
plays:
  - name: drain
    when: signal.labels.alertname == "BackendErrors" && signal.severity >= warning
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
  - name: shift
    when: signal.labels.alertname == "Slow" && signal.labels.team == "chat"
    do: [{shift: {pool: chat, member: eu, to: 50%}}]
    for: 10m
"#;

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// One series and the documents, and what is heard of it.
struct World {
    playbook: Playbook,
    series: Series,
    documents: BTreeMap<BackendId, Document>,
}

impl World {
    fn new() -> Self {
        Self {
            playbook: playbook::read(BOOK).unwrap(),
            series: Series::new("am/f00d".parse().unwrap()),
            documents: BTreeMap::new(),
        }
    }

    fn hear(&mut self, signal: &Signal, number: u64) -> Hearing {
        let generation = Generation { number, playbook: &self.playbook };
        let hearing = hear(&mut self.series, signal, generation, signal.received);
        for (backend, edits) in &hearing.edits {
            let new = || Document::new(backend.clone(), signal.received);
            let document = self.documents.entry(backend.clone()).or_insert_with(new);
            document.advance(signal.received);
            for edit in edits {
                document.edit(&mut edit.clone(), &mut Vec::new());
            }
        }
        hearing
    }

    fn notice(&self, hearing: &Hearing, signal: &Signal) -> Option<(Kind, String)> {
        let document = |backend: &BackendId| self.documents.get(backend);
        let nothing = hearing.nothing.as_ref()?;
        let says = nothing.says(signal, &self.series, (&self.playbook, Mode::Live), document);
        Some((nothing.kind(&self.series, document)?, says))
    }

    fn told(&mut self, signal: &Signal) -> String {
        let hearing = self.hear(signal, 1);
        let mut told: Vec<String> =
            hearing.lines.iter().map(|line| line.what.to_string()).collect();
        told.extend((!hearing.edits.is_empty()).then(|| "an edit".to_owned()));
        if let Some((kind, says)) = self.notice(&hearing, signal) {
            told.push(format!("{kind}: {says}"));
        }
        told.join("\n")
    }

    /// Forgets every override, as one that has given back everything is forgotten.
    fn forget(&mut self) {
        self.documents
            .values_mut()
            .for_each(|document| document.overrides = document::Overrides::default());
    }

    /// Lets something become of every override.
    fn become_(&mut self, became: impl Fn(&mut crate::overrides::Override)) {
        self.documents.values_mut().flat_map(|it| it.overrides.values_mut()).for_each(became);
    }
}

fn fired(minute: i64, pairs: &[(&str, &str)]) -> Signal {
    Signal {
        series: "am/f00d".parse().unwrap(),
        started: at(0),
        heard: Heard::Fired,
        severity: Severity::Error,
        labels: labels(pairs),
        annotations: BTreeMap::new(),
        received: at(minute),
    }
}

fn resolved(minute: i64, pairs: &[(&str, &str)]) -> Signal {
    Signal { heard: Heard::Resolved { stated: Some(at(minute)) }, ..fired(minute, pairs) }
}

const EU: [(&str, &str); 2] = [("alertname", "BackendErrors"), ("backend", "eu")];

#[test]
fn a_line_of_the_ledger_names_the_alert_and_its_plays() {
    let mut world = World::new();
    let pairs = [EU[0], EU[1], ("team", "chat")];
    let summary = labels(&[("summary", "eu answers 503")]);
    let signal = Signal { annotations: summary, ..fired(0, &pairs) };
    let resolve = Signal { annotations: BTreeMap::new(), ..resolved(1, &pairs) };
    let mut told = String::new();
    for signal in [&signal, &resolve] {
        for line in world.hear(signal, 1).lines {
            let (What::Fired { plays, .. } | What::Resolved { plays, .. }) = &line.what else {
                panic!("{line:?}")
            };
            told += &format!("{plays:?} {}\n", line.what);
        }
    }
    expect![[r#"
        [drain] am/f00d (BackendErrors: eu answers 503) fires since 1970-01-01T00:00:00Z (error)
        [drain] am/f00d (BackendErrors: eu answers 503) resolved at 1970-01-01T00:01:00Z
    "#]]
    .assert_eq(&told);
    // As it was stored before, it is read.
    let before = r#"{"what":"fired","series":"am/f00d","started":"1970-01-01T00:00:00Z","severity":"error"}"#;
    let before: What = serde_json::from_str(before).unwrap();
    assert_eq!(before.to_string(), "am/f00d fires since 1970-01-01T00:00:00Z (error)");
}

/// What becomes of the overrides, and what is heard then.
type Step<'a> = (Option<&'a dyn Fn(&mut World)>, Signal);

/// Takes in signals of one series, each after something became of its overrides, and tells all.
fn check(heard: &[Step<'_>], wanted: &Expect) {
    let (mut world, mut told) = (World::new(), String::new());
    for (became, signal) in heard {
        if let Some(became) = became {
            became(&mut world);
        }
        told += &format!("{}\n", world.told(signal));
    }
    wanted.assert_eq(&told);
}

#[test]
fn an_alert_that_no_play_is_for_says_which_condition_is_false() {
    let one = |pairs: &[(&str, &str)], severity, wanted: Expect| {
        let signal = Signal { severity, ..fired(0, pairs) };
        let (kind, says) = {
            let mut world = World::new();
            let hearing = world.hear(&signal, 1);
            assert!(hearing.edits.is_empty());
            world.notice(&hearing, &signal).unwrap()
        };
        assert_eq!(kind, Kind::Unmatched);
        wanted.assert_eq(&says);
    };
    one(
        &[("alertname", "Other")],
        Severity::Error,
        expect![[
            r#"Other: no play is for it: drain: `signal.labels.alertname == "BackendErrors"` is false (alertname is "Other"); shift: `signal.labels.alertname == "Slow"` is false (alertname is "Other"), and `signal.labels.team == "chat"` is false (there is no label team) (am/f00d)"#
        ]],
    );
    one(
        &EU,
        Severity::Info,
        expect![[
            r#"BackendErrors: no play is for it: drain: `signal.severity >= warning` is false (severity is info); shift: `signal.labels.alertname == "Slow"` is false (alertname is "BackendErrors"), and `signal.labels.team == "chat"` is false (there is no label team) (am/f00d)"#
        ]],
    );
    one(
        &[("alertname", "Slow"), ("team", "a\nb\"")],
        Severity::Error,
        expect![[
            r#"Slow: no play is for it: drain: `signal.labels.alertname == "BackendErrors"` is false (alertname is "Slow"); shift: `signal.labels.team == "chat"` is false (team is "a\nb\"") (am/f00d)"#
        ]],
    );
    one(
        &[],
        Severity::Info,
        expect![[
            r#"am/f00d: no play is for it: drain: `signal.labels.alertname == "BackendErrors"` is false (there is no label alertname), and `signal.severity >= warning` is false (severity is info); shift: `signal.labels.alertname == "Slow"` is false (there is no label alertname), and `signal.labels.team == "chat"` is false (there is no label team)"#
        ]],
    );
}

#[test]
fn an_alert_that_is_heard_again_says_what_became_of_it() {
    let stands = |standing: Standing| {
        move |world: &mut World| {
            world.become_(|over| {
                over.life = Life::Begun { at: at(0), warned: None };
                over.standing = standing.clone();
            });
        }
    };
    let (in_force, held) = (stands(Standing::Admitted), stands(Standing::Held(Held::Emptied)));
    let yielded = stands(Standing::Yielded);
    let undone = |world: &mut World| {
        let why = End::Undone { by: "ann".to_owned(), reason: "a false alarm".to_owned() };
        world.become_(|over| {
            over.standing = Standing::Admitted;
            over.life = Life::Ended { at: at(4), why: why.clone(), steps: Vec::new() };
        });
        for document in world.documents.values_mut() {
            document.undone = document.overrides.keys().map(|id| (id.clone(), at(4))).collect();
        }
    };
    let heard: [Step<'_>; 11] = [
        (None, fired(0, &EU)),
        (None, fired(0, &EU)),
        (Some(&in_force), fired(1, &EU)),
        (Some(&held), fired(2, &EU)),
        (Some(&yielded), fired(3, &EU)),
        (Some(&undone), fired(4, &EU)),
        (None, Signal { severity: Severity::Critical, ..fired(4, &EU) }),
        (Some(&World::forget), fired(5, &EU)),
        (None, resolved(6, &EU)),
        (None, resolved(6, &EU)),
        (None, fired(7, &EU)),
    ];
    check(
        &heard,
        &expect![[r#"
            am/f00d (BackendErrors) fires since 1970-01-01T00:00:00Z (error)
            an edit
            repeated: BackendErrors is known already: drain eu in contoso/chat (play drain): about to begin (am/f00d)
            repeated: BackendErrors is known already: drain eu in contoso/chat (play drain): in force since 1970-01-01T00:00:00Z (am/f00d)
            held: BackendErrors is known already: drain eu in contoso/chat (play drain): held: a group would be left with all weights 0 (am/f00d)
            repeated: BackendErrors is known already: drain eu in contoso/chat (play drain): gave way to someone else's write (am/f00d)
            undone: BackendErrors is known already: drain eu in contoso/chat (play drain): undone at 1970-01-01T00:04:00Z by ann (a false alarm), until the alert ends and fires anew (am/f00d)
            an edit
            undone: BackendErrors is known already: drain eu in contoso/chat (play drain): undone at 1970-01-01T00:04:00Z by ann (a false alarm), until the alert ends and fires anew (am/f00d)
            undone: BackendErrors is known already: drain eu in contoso/chat (play drain): undone at 1970-01-01T00:04:00Z, until the alert ends and fires anew (am/f00d)
            am/f00d (BackendErrors) resolved at 1970-01-01T00:06:00Z
            an edit
            over: BackendErrors resolved at 1970-01-01T00:06:00Z, and nothing was done for it (am/f00d)
            BackendErrors: a firing of 1970-01-01T00:00:00Z came after its end at 1970-01-01T00:06:00Z; nothing is done, unless it is heard again from 1970-01-01T00:09:00Z on (am/f00d)
            late: BackendErrors: a firing of 1970-01-01T00:00:00Z came after its end at 1970-01-01T00:06:00Z; nothing is done, unless it is heard again from 1970-01-01T00:09:00Z on (am/f00d)
        "#]],
    );
}

#[test]
fn an_alert_whose_effect_has_run_out_says_so() {
    let slow = [("alertname", "Slow"), ("team", "chat")];
    let heard: [Step<'_>; 2] = [(None, fired(0, &slow)), (Some(&World::forget), fired(20, &slow))];
    check(
        &heard,
        &expect![[r#"
            am/f00d (Slow) fires since 1970-01-01T00:00:00Z (error)
            an edit
            ranOut: Slow is known already: shift eu to 50% in contoso/chat (play shift): over, though the alert goes on: its time ran out (am/f00d)
        "#]],
    );
}

#[test]
fn a_play_that_cannot_be_carried_out_says_so_at_every_repeat() {
    let nameless = [("alertname", "BackendErrors")];
    check(
        &[(None, fired(0, &nameless)), (None, fired(1, &nameless))],
        &expect![[r#"
            am/f00d (BackendErrors) fires since 1970-01-01T00:00:00Z (error)
            BackendErrors could not be acted upon: play `drain`, do[0].drain.member: the signal has no label or annotation `backend`, which `signal.labels.backend` needs (am/f00d)
            unresolvable: BackendErrors could not be acted upon: play `drain`, do[0].drain.member: the signal has no label or annotation `backend`, which `signal.labels.backend` needs (am/f00d)
            unresolvable: BackendErrors could not be acted upon: play `drain`, do[0].drain.member: the signal has no label or annotation `backend`, which `signal.labels.backend` needs (am/f00d)
        "#]],
    );
}

#[test]
fn an_annotation_that_changes_by_itself_changes_nothing() {
    let world = &mut World::new();
    let rate = |minute, rate: &str, severity| Signal {
        annotations: labels(&[("summary", rate)]),
        severity,
        ..fired(minute, &EU)
    };
    let alert = |world: &World| {
        let document = world.documents.values().next().unwrap();
        document.overrides.values().next().unwrap().alert.to_string()
    };
    world.hear(&rate(0, "the error rate is 37 %", Severity::Error), 1);
    assert_eq!(alert(world), "BackendErrors: the error rate is 37 %");
    let before = world.documents.clone();
    for number in 38..60 {
        let text = format!("the error rate is {number} %");
        let hearing = world.hear(&rate(number - 37, &text, Severity::Error), 1);
        assert_eq!((&hearing.edits, &hearing.lines), (&BTreeMap::new(), &Vec::new()), "{text}");
    }
    assert_eq!(world.documents, before);
    // It is taken along by what changes more.
    world.hear(&rate(30, "the error rate is 99 %", Severity::Critical), 1);
    assert_eq!(alert(world), "BackendErrors: the error rate is 99 %");
    let hearing = world.hear(&rate(31, "the error rate is 12 %", Severity::Critical), 2);
    assert!(!hearing.edits.is_empty());
    assert_eq!(alert(world), "BackendErrors: the error rate is 12 %");
}

proptest! {
    /// I12: nothing that is taken is without effect, or a line, or a notice.
    #[test]
    fn whatever_is_heard_leads_to_something_or_says_why_not(
        heard in prop::collection::vec((0..8_usize, 0..4_i64, 0..4_i64, any::<bool>(), 1..3_u64), 1..20)
    ) {
        let kinds: [&[(&str, &str)]; 4] =
            [&EU, &[("alertname", "Other")], &[("alertname", "BackendErrors")], &[]];
        let (mut world, mut minute, mut generation) = (World::new(), 0, 1);
        for (kind, passed, started, ends, newer) in heard {
            minute += passed;
            generation = newer.max(generation);
            let signal = if ends { resolved(minute, &EU) } else { fired(minute, kinds[kind % 4]) };
            let signal = Signal { started: at(started * 4), ..signal };
            let hearing = world.hear(&signal, generation);
            let notice = world.notice(&hearing, &signal);
            let fires = signal.end().is_none();
            let is_matched = world.series.running.as_ref().is_some_and(|it| !it.claims.is_empty());
            prop_assert!(!hearing.edits.is_empty() || !hearing.lines.is_empty() || notice.is_some());
            // A line that it fires does not say why nothing follows.
            prop_assert!(!fires || is_matched || notice.is_some(), "{:?}", hearing);
            prop_assert!(notice.is_none_or(|(_, says)| says.contains("am/f00d")));
        }
    }
}
