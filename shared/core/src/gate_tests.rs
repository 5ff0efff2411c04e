#[path = "gate/shadow_tests.rs"]
mod shadow;

use expect_test::{Expect, expect};
use jiff::SignedDuration;

use super::*;
use crate::{
    body::Body,
    claim::Asked,
    effect::Effect,
    etag::Etag,
    field::Value,
    group::{Groups, Pause, Paused, Scope},
    lease::{Lease, Until, later},
    mode::Mode,
    names::{BackendId, WindowName},
    overrides::{End, Life, Standing},
    playbook::read,
    pool::{Member, Pool},
    shown::Shown,
    signal::{SeriesId, Severity},
    step::{Generation, Next, Observed, Step, step},
};

/// A play of these settings on a pool of those, and gates.
fn book(pool: &str, play: &str, gates: &str) -> Playbook {
    let text = format!(
        "version: 1\nservices:\n  main: {{subscription: 00000000-0000-0000-0000-000000000001, \
         resourceGroup: rg1, name: contoso}}\npools:\n  pool: {{service: main, backend: pool{pool}}}\n\
         plays:\n  - name: drain\n    when: \"true\"\n    do: [{{drain: {{pool: pool, member: m0}}}}]\n{play}\
         windows:\n  - name: patching\n    once: {{at: 2026-03-02T00:00, zone: UTC}}\n    lasts: 6h\n    \
         do: [{{drain: {{pool: pool, member: m3}}}}]\n{gates}"
    );
    read(&text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn backend() -> BackendId {
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/\
     Microsoft.ApiManagement/service/contoso/backends/pool"
        .parse()
        .unwrap()
}

fn moment(text: &str) -> Timestamp {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

/// An override that wants to begin: it drains a member.
fn over(member: &str, origin: Origin, severity: Severity) -> Override {
    let at = moment("01T00:00");
    let asked = Asked {
        generation: 1,
        effect: Effect::Drain { member: member.parse().unwrap() },
        lease: Lease {
            until: Until::For(SignedDuration::from_hours(100)),
            hold: SignedDuration::ZERO,
            ramp: Vec::new(),
            every: SignedDuration::ZERO,
        },
        after: Vec::new(),
        alert: Shown::default(),
        severity,
        started: at,
        since: at,
        silent: None,
    };
    let series: SeriesId = format!("am/{member}").parse().unwrap();
    Override::new(OverrideId::derive(&[member]), origin, &series, &asked, at)
}

fn alert(member: &str, severity: Severity) -> Override {
    over(member, Origin::Alert { play: "drain".parse().unwrap() }, severity)
}

fn document(overrides: impl IntoIterator<Item = Override>) -> Document {
    let mut document = Document::new(backend(), moment("01T00:00"));
    document.overrides = overrides.into_iter().collect();
    document
}

/// A look at a pool of eight members, of which some must keep serving.
fn look(document: &Document, playbook: &Playbook, groups: &Groups, now: Timestamp) -> Step {
    let member = |at: u8| Member {
        name: format!("m{at}").parse().unwrap(),
        weight: Value::Number(50),
        priority: Value::Absent,
    };
    let pool = Pool::new((0..8).map(member).collect()).unwrap();
    let observed = Observed::Shown { etag: Etag("\"1\"".to_owned()), body: Body::Pool(pool) };
    step(document, &observed, Generation { number: 1, playbook }, groups, now)
}

/// What became of each override, and when the next look is.
fn became(Step { document, .. }: &Step) -> String {
    let mut lines: Vec<String> = document
        .overrides
        .values()
        .map(|over| {
            let name = over.effect.target();
            match (&over.life, &over.standing) {
                (Life::Begun { .. }, Standing::Admitted) => format!("{name} begins\n"),
                (_, Standing::Held(why)) => format!("{name}: {why}\n"),
                other => format!("{name}: {other:?}\n"),
            }
        })
        .collect();
    lines.sort();
    lines.concat()
}

fn check(document: &Document, playbook: &Playbook, groups: &Groups, at: &str, expect: &Expect) {
    expect.assert_eq(&became(&look(document, playbook, groups, moment(at))));
}

/// One override of each origin.
fn all() -> Document {
    let window: WindowName = "patching".parse().unwrap();
    let window = Origin::Window { window };
    document([
        alert("m0", Severity::Error),
        over("m1", window, Severity::Info),
        over("m2", Origin::Operator, Severity::Info),
    ])
}

#[test]
fn a_freeze_holds_alerts_and_windows_and_not_a_person() {
    let freezes = "gates:\n  freeze:\n    - {name: long, from: 2026-03-01T10:00, to: 2026-03-03T00:00, zone: UTC}\n    \
                   - {name: nights, cron: {dialect: unix, at: 0 22 * * *, zone: UTC}, lasts: 8h}\n";
    let playbook = book("", "", freezes);
    // The window is there by the playbook; what it asks of m1 is not.
    let of = |at| became(&look(&all(), &playbook, &Groups::new(), moment(at)));
    expect![[r#"
        m0: freeze long is on until 2026-03-03T00:00:00Z
        m2 begins
        m3: freeze long is on until 2026-03-03T00:00:00Z
    "#]]
    .assert_eq(&of("02T03:00"));
    // Of two, the one that ends last.
    expect![[r#"
        m0: freeze nights is on until 2026-03-03T06:00:00Z
        m2 begins
    "#]]
    .assert_eq(&of("02T23:00"));
    expect![[r#"
        m0 begins
        m2 begins
    "#]]
    .assert_eq(&of("03T06:00"));
}

#[test]
fn hours_are_a_plays_own() {
    let playbook = book(
        "",
        "    hours: {days: [mon, tue], from: \"09:00\", to: \"17:00\", zone: Europe/Paris}\n",
        "",
    );
    let closed = look(&all(), &playbook, &Groups::new(), moment("02T07:59"));
    expect![[r#"
        m0: play drain begins nothing outside its hours, until 2026-03-02T08:00:00Z
        m2 begins
    "#]]
    .assert_eq(&became(&closed));
    let only = document([alert("m0", Severity::Error)]);
    let closed = look(&only, &playbook, &Groups::new(), moment("04T12:00"));
    assert_eq!(closed.document.wake, Some(moment("04T12:01")), "it is looked at in between");
    check(
        &only,
        &playbook,
        &Groups::new(),
        "02T08:00",
        &expect![[r#"
            m0 begins
        "#]],
    );
}

#[test]
fn a_budget_lets_the_strongest_begin_and_is_changed_in_the_same_step() {
    let playbook = book(", limits: {leastMembers: 1}", "    budget: {most: 2, per: 1h}\n", "");
    let many = document([
        alert("m0", Severity::Info),
        alert("m1", Severity::Critical),
        alert("m2", Severity::Error),
        over("m4", Origin::Operator, Severity::Info),
    ]);
    let first = look(&many, &playbook, &Groups::new(), moment("01T00:00"));
    expect![[r#"
        m0: the budget of play drain is used up until 2026-03-01T01:00:00Z: 2 may begin within 1h
        m1 begins
        m2 begins
        m4 begins
    "#]]
    .assert_eq(&became(&first));
    let scope = Scope::Play("drain".parse().unwrap());
    assert!(first.depends.contains(&scope), "of two that want the last place, one decides again");
    // What has begun asks for nothing more, and what others do is none of its concern.
    let mut rest = first.document.clone();
    rest.overrides.retain(|over| over.begun().is_some());
    assert!(!look(&rest, &playbook, &first.groups, moment("01T00:01")).depends.contains(&scope));
    // Elsewhere, the same budget.
    let other = document([alert("m5", Severity::Critical)]);
    check(
        &other,
        &playbook,
        &first.groups,
        "01T00:59",
        &expect![[r#"
            m5: the budget of play drain is used up until 2026-03-01T01:00:00Z: 2 may begin within 1h
        "#]],
    );
    check(
        &other,
        &playbook,
        &first.groups,
        "01T01:00",
        &expect![[r#"
            m5 begins
        "#]],
    );
}

#[test]
fn what_a_limit_keeps_back_takes_no_place_of_a_budget() {
    let playbook =
        book(", limits: {leastMembers: 7}, failover: hold", "    budget: {most: 1, per: 1h}\n", "");
    // Nobody can drain a second one; the strongest is of no pool.
    let many = document([
        alert("nobody", Severity::Critical),
        alert("m1", Severity::Error),
        alert("m2", Severity::Info),
    ]);
    let step = look(&many, &playbook, &Groups::new(), moment("01T00:00"));
    expect![[r#"
        m1 begins
        m2: the budget of play drain is used up until 2026-03-01T01:00:00Z: 1 may begin within 1h
        nobody: the pool has no member nobody
    "#]]
    .assert_eq(&became(&step));
    let begun = &step.groups[&Scope::Play("drain".parse().unwrap())].begun;
    assert!(begun.full(1, SignedDuration::from_hours(1), moment("01T00:30")).is_some());
    assert!(begun.full(2, SignedDuration::from_hours(1), moment("01T00:30")).is_none());
}

#[test]
fn at_a_backend_that_is_not_there_nothing_begins_and_no_place_of_a_budget_is_taken() {
    let playbook = book("", "    budget: {most: 1, per: 10m}\n", "");
    let now = moment("01T00:00");
    let look = |document: &Document| {
        let generation = Generation { number: 1, playbook: &playbook };
        step(document, &Observed::Missing, generation, &Groups::new(), now)
    };
    let wanted = document([alert("m0", Severity::Error), alert("m1", Severity::Error)]);
    expect![[r"
        m0: the backend does not exist
        m1: the backend does not exist
    "]]
    .assert_eq(&became(&look(&wanted)));
    // What is on its way out and asked for again does not begin there either.
    let mut again = alert("m0", Severity::Error);
    again.life = Life::Ended { at: now, why: End::Resolved, steps: Vec::new() };
    assert!(again.is_asked_again());
    let seen = look(&document([again]));
    assert!(seen.lines.is_empty(), "{:?}", seen.lines);
}

#[test]
fn after_so_many_writes_nothing_begins_and_what_has_begun_is_given_back() {
    let playbook = book(", writesPerHour: 1", "", "");
    let groups = Groups::new();
    let first =
        look(&document([alert("m0", Severity::Info)]), &playbook, &groups, moment("01T00:00"));
    assert!(matches!(first.next, Next::Write(_)));
    let mut next = first.document;
    let intent = next.intents[0].id.clone();
    assert!(next.writes.full(1, SignedDuration::from_hours(1), next.now).is_some());
    next.intents.retain(|one| one.id != intent);
    next.owned.clear();
    next.overrides =
        document([alert("m0", Severity::Info), over("m2", Origin::Operator, Severity::Info)])
            .overrides;
    check(
        &next,
        &playbook,
        &groups,
        "01T00:59",
        &expect![[r#"
            m0: the pool's `writesPerHour` of 1 is used up until 2026-03-01T01:00:00Z
            m2 begins
        "#]],
    );
    check(
        &next,
        &playbook,
        &groups,
        "01T01:00",
        &expect![[r#"
            m0 begins
            m2 begins
        "#]],
    );
    // Where nobody bounds them, none is kept.
    let unbounded = look(&next, &book("", "", ""), &groups, moment("01T00:30"));
    assert!(unbounded.document.writes.is_empty());
}

#[test]
fn a_pause_holds_what_it_is_of_and_ends_by_the_clock() {
    let playbook = book("", "", "");
    let paused = |of: &Paused, until| {
        let (by, reason) = ("ann".to_owned(), "moved".to_owned());
        let pause = Pause { by, reason, at: moment("01T00:00"), until };
        let group = crate::group::Group { paused: Some(pause), ..Default::default() };
        Groups::from([(of.scope(), group)])
    };
    let (until, [everything, pool]) = (Some(moment("01T00:30")), Paused::of(&backend()));
    let play = Paused::Play("drain".parse().unwrap());
    let of =
        |of: &Paused, until, at| became(&look(&all(), &playbook, &paused(of, until), moment(at)));
    expect![[r#"
        m0: Pointsman is paused
        m2: Pointsman is paused
    "#]]
    .assert_eq(&of(&everything, None, "01T00:10"));
    expect![[r#"
        m0: the pool is paused until 2026-03-01T00:30:00Z
        m2: the pool is paused until 2026-03-01T00:30:00Z
    "#]]
    .assert_eq(&of(&pool, until, "01T00:10"));
    expect![[r#"
        m0: play drain is paused until 2026-03-01T00:30:00Z
        m2 begins
    "#]]
    .assert_eq(&of(&play, until, "01T00:29"));
    for one in [&everything, &pool, &play] {
        expect![[r#"
            m0 begins
            m2 begins
        "#]]
        .assert_eq(&of(one, until, "01T00:30"));
        // It is looked at when that is over, be it sooner than it would be.
        let soon = Some(later(moment("01T00:10"), SignedDuration::from_secs(7)));
        let only = document([alert("m0", Severity::Error)]);
        let held = look(&only, &playbook, &paused(one, soon), moment("01T00:10"));
        assert_eq!(held.document.wake, soon);
    }
}

#[test]
fn the_first_gate_that_opens_by_the_clock_is_not_slept_through() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let closed = |(name, until): (&str, Option<i64>)| {
        (OverrideId::derive(&[name]), Closed { why: Held::Paused, until: until.map(at) })
    };
    let gates = Gates([("one", None), ("two", Some(300)), ("three", Some(200))].map(closed).into());
    let backend = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/\
                   Microsoft.ApiManagement/service/contoso/backends/pool";
    let mut document = Document::new(backend.parse().unwrap(), at(0));
    for (known, then) in [(None, 200), (Some(250), 200), (Some(100), 100)] {
        document.wake = known.map(at);
        document.wake_by(gates.open());
        assert_eq!(document.wake, Some(at(then)), "{known:?}");
    }
    // A pause ends by a person's hand, and whoever resumes wakes.
    document.wake = None;
    document.wake_by(Gates([closed(("one", None))].into()).open());
    assert_eq!(document.wake, None);
}
