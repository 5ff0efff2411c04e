//! Every state of an override, under everything that a look can find.

use std::{collections::BTreeMap, fmt::Write as _};

use expect_test::expect;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    claim::Asked,
    effect::Effect,
    fraction::Fraction,
    gate::{Asking, Closed, Idle},
    group::{Consulted, Groups},
    lease::{Lease, Until},
    origin::Origin,
    overrides::End,
    playbook,
    shown::Shown,
    signal::Severity,
};

fn over(life: &str, standing: &Standing) -> Override {
    let at = Timestamp::UNIX_EPOCH;
    let asked = Asked {
        generation: 1,
        effect: Effect::Drain { member: "eu".parse().unwrap() },
        lease: Lease {
            until: Until::For(SignedDuration::from_hours(1)),
            hold: SignedDuration::ZERO,
            ramp: vec![Fraction::percent(50)],
            every: SignedDuration::from_mins(1),
        },
        after: Vec::new(),
        alert: Shown::default(),
        severity: Severity::Critical,
        started: at,
        silent: None,
        since: at,
    };
    let (id, series) = (OverrideId::derive(&["drain"]), "test/1".parse().unwrap());
    let origin = Origin::Alert { play: "drain".parse().unwrap() };
    let mut over = Override::new(id, origin, &series, &asked, at);
    over.standing = standing.clone();
    over.life = match life {
        "claimed" => Life::Claimed { at },
        "begun" => Life::Begun { at, warned: None },
        _ => Life::Ended { at, why: End::Resolved, steps: vec![at] },
    };
    if life == "ended" {
        over.behind.clear();
    }
    over
}

fn document() -> Document {
    let backend = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/\
                   providers/Microsoft.ApiManagement/service/contoso/backends/pool";
    Document::new(backend.parse().unwrap(), Timestamp::UNIX_EPOCH)
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Begins => "begins",
        Verdict::Admitted => "admitted",
        Verdict::AdmittedAgain => "again",
        Verdict::Held(Held::Paused) => "paused",
        Verdict::Held(_) => "held",
        Verdict::StillHeld => "still held",
        Verdict::Displaced { .. } => "displaced",
        Verdict::Yielded => "yielded",
        Verdict::Leaves => "leaves",
        Verdict::LeavesAtOnce => "at once",
    }
}

#[test]
fn each_state_has_its_verdict() {
    let mut newcomer = over("claimed", &Standing::Unseen);
    newcomer.id = OverrideId::derive(&["another"]);
    let playbook = playbook::read("version: 1\nservices: {}\npools: {}\nplays: []").unwrap();
    let standings =
        [Standing::Unseen, Standing::Admitted, Standing::Held(Held::Emptied), Standing::Yielded];
    let mut table = format!(
        "{:<20}{:>12}{:>12}{:>12}{:>12}{:>12}\n",
        "", "fits", "held", "by another", "yielded", "paused"
    );
    for life in ["claimed", "begun", "ended", "asked again"] {
        // What has begun was judged.
        for standing in standings.iter().skip(usize::from(life != "claimed")) {
            let one = over(life, standing);
            let name = match standing {
                Standing::Unseen => "unseen",
                Standing::Admitted => "admitted",
                Standing::Held(_) => "held",
                Standing::Yielded => "yielded",
            };
            let id = one.id.clone();
            let held = BTreeMap::from([(id.clone(), Held::Emptied)]);
            let other = BTreeMap::from([(id.clone(), Held::NothingServes)]);
            let held = Laid { held, ..Laid::default() };
            let other = Laid { held: other, ..Laid::default() };
            let yielded = Laid { yielded: [id.clone()].into(), ..Laid::default() };
            let alone = Overrides::from_iter([one]);
            let mut both = alone.clone();
            both.insert(newcomer.clone());
            let pause = Closed { why: Held::Paused, until: None };
            let verdict = |overrides: &Overrides, laid, paused: bool| {
                let document = Document { overrides: overrides.clone(), ..document() };
                let groups = Groups::new();
                let mut consulted = Consulted::new(&groups);
                let (stopped, idle) = (paused.then_some(&pause), Idle::new());
                let mut asking = Asking::new(&document, &playbook, &mut consulted, stopped, &idle);
                let gates = Gates::asked(&mut asking);
                let mut verdicts = verdicts(overrides, laid, &gates);
                let verdict = verdicts.find(|(over, _)| over.id == id);
                word(&verdict.unwrap().1)
            };
            writeln!(
                table,
                "{life:<11} {name:<8}{:>12}{:>12}{:>12}{:>12}{:>12}",
                verdict(&alone, &Laid::default(), false),
                verdict(&alone, &held, false),
                verdict(&both, &other, false),
                verdict(&alone, &yielded, false),
                verdict(&both, &Laid::default(), true),
            )
            .unwrap();
        }
    }
    expect![[r#"
                                    fits        held  by another     yielded      paused
        claimed     unseen        begins        held        held     yielded      paused
        claimed     admitted      begins        held   displaced     yielded      paused
        claimed     held          begins  still held        held     yielded      paused
        claimed     yielded       begins        held        held     yielded      paused
        begun       admitted    admitted        held   displaced     yielded    admitted
        begun       held           again  still held        held     yielded       again
        begun       yielded     admitted        held        held     yielded    admitted
        ended       admitted      leaves     at once     at once     at once      leaves
        ended       held          leaves     at once     at once     at once      leaves
        ended       yielded       leaves     at once     at once     at once      leaves
        asked again admitted      begins        held   displaced     yielded      leaves
        asked again held          begins  still held        held     yielded      leaves
        asked again yielded       begins        held        held     yielded      leaves
    "#]]
    .assert_eq(&table);
}

/// Whoever is on call is told since when it is held, whatever holds it by now.
#[test]
fn it_is_known_since_when_an_override_is_kept_out() {
    let mut document = document();
    let one = over("claimed", &Standing::Unseen);
    let id = one.id.clone();
    document.overrides.insert(one);
    let mut minute = 0;
    let mut judge = |verdict: Verdict| {
        minute += 1;
        document.now = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        document.take_verdicts([(id.clone(), verdict)].into(), &mut Vec::new());
        let since = document.overrides[&id].kept_out;
        since.map(|since| since.as_second() / 60)
    };
    assert_eq!(judge(Verdict::Held(Held::Emptied)), Some(1));
    assert_eq!(judge(Verdict::StillHeld), Some(1));
    assert_eq!(judge(Verdict::Held(Held::NothingServes)), Some(1), "by something else");
    assert_eq!(judge(Verdict::Begins), None);
    assert_eq!(judge(Verdict::Displaced { by: Vec::new(), why: Held::Emptied }), Some(5));
    assert_eq!(judge(Verdict::AdmittedAgain), None);
    assert_eq!(judge(Verdict::Yielded), Some(7));
    assert_eq!(judge(Verdict::Yielded), Some(7));
    assert_eq!(judge(Verdict::Held(Held::Emptied)), Some(9));
}

/// What is kept out of the set on its way out has nothing left to give, and waits for no step.
#[test]
fn what_is_kept_out_on_its_way_out_gives_up_its_ramp() {
    for verdict in [
        Verdict::Held(Held::Emptied),
        Verdict::StillHeld,
        Verdict::Displaced { by: Vec::new(), why: Held::Emptied },
        Verdict::Yielded,
        Verdict::LeavesAtOnce,
    ] {
        for life in ["begun", "asked again"] {
            let one = over(life, &Standing::Admitted);
            let (id, ramp) = (one.id.clone(), one.lease.ramp.clone());
            let backend = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/\
                           providers/Microsoft.ApiManagement/service/contoso/backends/pool";
            let mut document = Document::new(backend.parse().unwrap(), Timestamp::UNIX_EPOCH);
            document.overrides.insert(one);
            document.take_verdicts(vec![(id.clone(), verdict.clone())], &mut Vec::new());
            let one = &document.overrides[&id];
            let (kept, steps) = match &one.life {
                Life::Begun { .. } | Life::Claimed { .. } => (true, 0),
                Life::Ended { steps, .. } => (false, steps.len()),
            };
            assert_eq!((one.lease.ramp == ramp, steps), (kept, 0), "{life}: {verdict:?}");
        }
    }
}
