//! Plays and windows in shadow, beside those that act.

use std::fmt::Write as _;

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::ledger::What;

/// A play in shadow beside the one that acts, of these settings.
fn with_trial(pool: &str, play: &str, trial: &str, gates: &str) -> Playbook {
    let trial = format!(
        "{play}  - name: trial\n    mode: shadow\n    when: \"true\"\n    \
         do: [{{drain: {{pool: pool, member: m7}}}}]\n{trial}"
    );
    book(pool, &trial, gates)
}

fn trial(member: &str, severity: Severity) -> Override {
    over(member, Origin::Alert { play: "trial".parse().unwrap() }, severity)
}

#[test]
fn in_shadow_nothing_begins_and_what_would_become_of_it_is_told() {
    let limits = ", limits: {leastMembers: 6}, failover: hold";
    let (playbook, groups) = (with_trial(limits, "", "", ""), Groups::new());
    let alone =
        look(&document([trial("m0", Severity::Error)]), &playbook, &groups, moment("01T00:00"));
    assert_eq!(alone.next, Next::Rest);
    assert!(alone.document.owned.is_empty() && alone.document.intents.is_empty());
    let told: Vec<String> = alone.lines.iter().map(|line| line.what.to_string()).collect();
    assert!(told[0].ends_with(" is in shadow: would begin"), "{told:?}");
    // It is told once.
    let again = look(&alone.document, &playbook, &groups, moment("01T00:01"));
    assert!(again.lines.is_empty(), "{:?}", again.lines);
    // Beside what is in force and begins; among themselves by rank.
    let beside = [
        alert("m0", Severity::Critical),
        trial("m1", Severity::Error),
        trial("m2", Severity::Info),
        trial("nobody", Severity::Error),
    ];
    check(
        &document(beside),
        &playbook,
        &groups,
        "01T00:00",
        &expect![[r#"
            m0 begins
            m1: in shadow: would begin
            m2: in shadow: would be held: 5 of the pool's members would serve, and the limit is 6
            nobody: in shadow: would be held: the pool has no member nobody
        "#]],
    );
}

#[test]
fn what_the_other_gates_say_is_told_first() {
    let freeze = "gates:\n  freeze: [{name: long, from: 2026-03-01T10:00, to: 2026-03-03T00:00, zone: UTC}]\n";
    let playbook = with_trial("", "", "    budget: {most: 1, per: 1h}\n", freeze);
    let wanted = document([trial("m0", Severity::Error), trial("m1", Severity::Info)]);
    let of = |at| look(&wanted, &playbook, &Groups::new(), moment(at));
    let frozen = of("01T11:00");
    expect![[r#"
        m0: in shadow: would be held: freeze long is on until 2026-03-03T00:00:00Z
        m1: in shadow: would be held: freeze long is on until 2026-03-03T00:00:00Z
    "#]]
    .assert_eq(&became(&frozen));
    let open = of("01T00:00");
    expect![[r#"
        m0: in shadow: would begin
        m1: in shadow: would be held: the budget of play trial is used up until 2026-03-01T01:00:00Z: 1 may begin within 1h
    "#]]
    .assert_eq(&became(&open));
    assert!(open.groups.is_empty(), "no place of the budget is taken: {:?}", open.groups);
    // What cannot be seen is told, too.
    let generation = Generation { number: 1, playbook: &playbook };
    let now = moment("01T00:00");
    expect![[r#"
        m0: in shadow: would be held: the backend does not exist
        m1: in shadow: would be held: the backend does not exist
    "#]]
    .assert_eq(&became(&step(&wanted, &Observed::Missing, generation, &Groups::new(), now)));
}

#[test]
fn what_has_begun_stays_and_what_waits_begins_once_its_play_acts() {
    let (shadow, mut acts) = (with_trial("", "", "", ""), with_trial("", "", "", ""));
    acts.plays.iter_mut().for_each(|play| play.mode = Mode::Live);
    let mut begun = trial("m0", Severity::Error);
    begun.life = Life::Begun { at: moment("01T00:00"), warned: None };
    begun.standing = Standing::Admitted;
    let both = document([begun, trial("m1", Severity::Error)]);
    let first = look(&both, &shadow, &Groups::new(), moment("01T00:01"));
    expect![[r#"
        m0 begins
        m1: in shadow: would begin
    "#]]
    .assert_eq(&became(&first));
    let Next::Write(intent) = &first.next else { panic!("{:?}", first.next) };
    assert_eq!(intent.changes.len(), 1, "{:?}", intent.changes);
    let then = look(&first.document, &acts, &Groups::new(), moment("01T00:02"));
    expect![[r#"
        m0 begins
        m1 begins
    "#]]
    .assert_eq(&became(&then));
    assert!(then.lines.iter().any(|line| matches!(line.what, What::Began { .. })));
}

#[test]
fn a_window_in_shadow_opens_and_changes_nothing() {
    let mut playbook = book("", "", "");
    playbook.windows.iter_mut().for_each(|window| window.mode = Mode::Shadow);
    let opened = look(&document([]), &playbook, &Groups::new(), moment("02T03:00"));
    assert_eq!(opened.next, Next::Rest);
    expect![[r#"
        m3: in shadow: would begin
    "#]]
    .assert_eq(&became(&opened));
}

proptest! {
    /// Whatever is in shadow, what acts does the same without it, and the same is written.
    #[test]
    fn what_acts_does_the_same_with_shadows_and_without(
        asked in proptest::collection::vec((0..8_u8, 0..3_u8, 0..4_u8, any::<bool>()), 0..12),
    ) {
        let limits = ", limits: {leastMembers: 3, mostOut: 4, panic: 60%}, writesPerHour: 5";
        let budget = "    budget: {most: 3, per: 1h}\n";
        let playbook = with_trial(limits, budget, budget, "");
        let severities = [Severity::Info, Severity::Warning, Severity::Error, Severity::Critical];
        let all: Vec<Override> = asked
            .iter()
            .map(|(member, of, severity, by_split)| {
                let (member, severity) = (format!("m{member}"), severities[usize::from(*severity)]);
                let mut one = match of {
                    0 => alert(&member, severity),
                    1 => over(&member, Origin::Operator, severity),
                    _ => trial(&member, severity),
                };
                if *by_split {
                    let to = crate::fraction::Fraction::percent(30);
                    one.effect = Effect::Shift { member: member.parse().unwrap(), to };
                }
                let mut id = String::new();
                write!(id, "{of} {member} {severity} {by_split}").unwrap();
                one.id = OverrideId::derive(&[&id]);
                one
            })
            .collect();
        let acts: Vec<Override> =
            all.iter().filter(|one| playbook.mode_of(&one.origin) == Mode::Live).cloned().collect();
        let now = moment("01T00:00");
        let with = look(&document(all), &playbook, &Groups::new(), now);
        let without = look(&document(acts), &playbook, &Groups::new(), now);
        prop_assert_eq!(&with.next, &without.next);
        prop_assert_eq!(&with.groups, &without.groups);
        prop_assert_eq!(&with.document.owned, &without.document.owned);
        prop_assert_eq!(&with.document.panic, &without.document.panic);
        for (id, over) in &without.document.overrides {
            prop_assert_eq!(&with.document.overrides[id], over);
        }
        let shadows = with.document.overrides.values();
        for over in shadows.filter(|over| !without.document.overrides.contains_key(&over.id)) {
            prop_assert!(
                matches!(&over.standing, Standing::Held(why) if why.is_shadow()),
                "{:?}", over.standing
            );
        }
    }
}
