//! What is done where Azure makes something else of a write than was asked.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    answer::Answer,
    document::{Document, SightBy},
    etag::Etag,
    group::Groups,
    lease::later,
    names::BackendName,
    playbook::{Playbook, read},
    pool::{Member, Pool},
    step::{Generation, Observed, Step, step},
};

/// What a service stores, of what stands there, what a write puts there, and how it is made.
type Habit = fn(&Value, &Value, Way) -> Value;

/// As the published model has it.
const OBEYS: Habit = |_, after, _| after.clone();

/// Arrays are merged by id, so that what is left out stays.
const MERGES: Habit = |before, after, way| match after {
    Value::Absent if way != Way::Whole => before.clone(),
    Value::Absent | Value::Null | Value::Number(_) | Value::Json(_) => after.clone(),
};

/// The same, and null changes nothing either.
const MERGES_AND_IGNORES_NULL: Habit = |before, after, way| match after {
    Value::Absent | Value::Null if way != Way::Whole => before.clone(),
    Value::Absent | Value::Null | Value::Number(_) | Value::Json(_) => after.clone(),
};

/// What has a weight keeps one.
const KEEPS: Habit =
    |before, after, _| if after.number().is_none() { before } else { after }.clone();

/// No weight is stored as 0.
const NONE_IS_ZERO: Habit = |_, after, _| Value::Number(after.number().unwrap_or(0));

/// Nothing above 40 is stored.
const CLAMPS: Habit =
    |_, after, _| after.number().map_or_else(|| after.clone(), |n| Value::Number(n.min(40)));

/// An update stores nothing above 40.
const CLAMPS_UPDATES: Habit = |before, after, way| {
    if way == Way::Whole { after.clone() } else { CLAMPS(before, after, way) }
};

/// A pool whose weights are these, all of one group.
fn pool(weights: &[Value]) -> Pool {
    let member = |(at, weight): (usize, &Value)| Member {
        name: format!("m{at}").parse().unwrap(),
        weight: weight.clone(),
        priority: Value::Absent,
    };
    Pool::new(weights.iter().enumerate().map(member).collect()).unwrap()
}

fn settings(text: &str) -> Vec<Value> {
    let setting = |text: &str| match text {
        "-" => Value::Absent,
        "null" => Value::Null,
        number => Value::Number(number.parse().unwrap()),
    };
    text.split_whitespace().map(setting).collect()
}

fn start() -> Timestamp {
    Timestamp::from_second(10_000).unwrap()
}

fn playbook() -> Playbook {
    read(
        "version: 1\nservices:\n  main: {subscription: 00000000-0000-0000-0000-000000000001, \
         resourceGroup: rg1, name: contoso}\npools:\n  pool: {service: main, backend: pool}\nplays:\n  \
         - {name: other, when: false, do: [{drain: {pool: pool, member: m9}}]}\n",
    )
    .unwrap()
}

/// A service with one pool, and a document of it.
struct World {
    playbook: Playbook,
    document: Document,
    now: Timestamp,
    habit: Habit,
    pool: Pool,
    etag: u32,
    /// What an answer shows is what was asked, and not what is stored.
    echoes: bool,
    /// How many writes are refused with 412 although nobody wrote.
    denials: u32,
    reads: u32,
    writes: u32,
    told: String,
}

impl World {
    /// What its owner left, and what stands there by our hand with nothing wanted of it any more.
    fn new(baseline: &str, stands: &str, habit: Habit) -> Self {
        let (baseline, stands) = (settings(baseline), settings(stands));
        let backend = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/\
                       providers/Microsoft.ApiManagement/service/contoso/backends/pool";
        let mut document = Document::new(backend.parse().unwrap(), start());
        for (member, (baseline, written)) in
            pool(&stands).members().iter().zip(baseline.iter().zip(&stands))
        {
            let owned = Owned {
                baseline: baseline.clone(),
                written: written.clone(),
                stood: true,
                unmet: None,
            };
            document.owned.insert(Field::weight(&member.name), owned);
        }
        Self {
            playbook: playbook(),
            document,
            now: start(),
            habit,
            pool: pool(&stands),
            etag: 1,
            echoes: false,
            denials: 0,
            reads: 0,
            writes: 0,
            told: String::new(),
        }
    }

    fn etag(&self) -> Etag {
        Etag(format!("\"{}\"", self.etag))
    }

    fn read(&mut self) -> Observed {
        self.reads += 1;
        Observed::Shown { etag: self.etag(), body: self.pool.clone().into() }
    }

    fn write(&mut self, intent: &Intent) -> (Answer, Option<Observed>) {
        self.writes += 1;
        if !intent.guard.is(&self.etag()) || self.denials > 0 {
            self.denials = self.denials.saturating_sub(1);
            return (Answer::Outrun, None);
        }
        self.etag += 1;
        let asked = intent.changes.iter().map(|change| (&change.field, change.after.clone()));
        let asked = self.pool.with(asked);
        for change in &intent.changes {
            let stored = (self.habit)(&change.before, &change.after, intent.way);
            self.pool.set(&change.field, stored);
        }
        let shown = if self.echoes { asked } else { self.pool.clone() };
        let etag = self.etag();
        let sight = Observed::Shown { etag: etag.clone(), body: shown.clone().into() };
        (Answer::Written { etag, body: Some(shown.into()) }, Some(sight))
    }

    fn weights(&self) -> String {
        let weight = |member: &Member| member.weight.to_string();
        self.pool.members().iter().map(weight).collect::<Vec<_>>().join(" ")
    }

    fn second(&self) -> i64 {
        self.now.duration_since(start()).as_secs()
    }

    /// Notes what the ledger says of values that were not asked for.
    fn tell(&mut self, said: impl IntoIterator<Item = What>) {
        for what in said {
            if let What::Foreign { .. } | What::Answered { .. } = what {
                writeln!(self.told, "{:<4} {what}", self.second()).unwrap();
            }
        }
    }

    /// Goes on for so many seconds.
    fn pass(&mut self, seconds: i64) {
        let end = later(self.now, SignedDuration::from_secs(seconds));
        let mut sight = None;
        for _ in 0..10_000 {
            let observed = sight.take().unwrap_or_else(|| self.read());
            let generation = Generation { number: 1, playbook: &self.playbook };
            let groups = Groups::new();
            let Step { document, lines, next, .. } =
                step(&self.document, &observed, generation, &groups, self.now);
            self.document = document;
            self.tell(lines.into_iter().map(|line| line.what));
            if let Next::Write(intent) = &next {
                let (answer, after) = self.write(intent);
                let mut said = Vec::new();
                self.document.answer(&intent.id, &answer, self.now, &mut said);
                sight = after;
                let to: Vec<_> =
                    intent.changes.iter().map(|one| format!("{}", one.after)).collect();
                let (at, way, to) = (self.second(), intent.way, to.join(" "));
                writeln!(self.told, "{at:<4} {way:?} {to}: {}", self.weights()).unwrap();
                self.tell(said);
                continue;
            }
            assert_eq!(next, Next::Rest);
            match self.document.wake {
                Some(wake) if wake <= end => self.now = wake,
                Some(_) | None => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("it never rests\n{}", self.told);
    }

    fn is_restored(&self) -> bool {
        self.document.is_at_rest()
    }
}

/// Goes on for ten minutes; shows each write with what was put there and what the pool is after it.
fn check(baseline: &str, stands: &str, habit: Habit, expect: &Expect) -> World {
    let mut world = World::new(baseline, stands, habit);
    world.pass(600);
    let end = if world.is_restored() { "at rest" } else { "not restored" };
    let text = format!("{}     {end}, {} writes\n", world.told, world.writes);
    expect.assert_eq(&text);
    world
}

/// The pool as a whole is kept, also once all of it is its owner's again.
#[test]
fn what_was_seen_is_remembered_also_at_rest() {
    let mut world = World::new("50 30 20", "0 30 20", OBEYS);
    let observed = world.read();
    let generation = Generation { number: 1, playbook: &world.playbook };
    let Step { document, next, .. } =
        step(&world.document, &observed, generation, &Groups::new(), world.now);
    let sight = document.sight.clone().unwrap();
    assert_eq!((sight.at, sight.by), (world.now, SightBy::Read));
    assert_eq!(Observed::Shown { etag: world.etag(), body: sight.body }, observed);
    world.document = document;
    let Next::Write(intent) = next else { panic!("{next:?}") };
    let before = world.document.clone();
    let (answer, _) = world.write(&intent);
    world.document.answer(&intent.id, &answer, world.now, &mut Vec::new());
    let sight = world.document.sight.clone().unwrap();
    assert_eq!((sight.by, sight.pool()), (SightBy::Answer, Some(&world.pool)));
    // An answer that shows nothing is taken to show what was asked.
    let mut blind = before;
    let answer = Answer::Written { etag: world.etag(), body: None };
    blind.answer(&intent.id, &answer, world.now, &mut Vec::new());
    assert_eq!(blind.sight.unwrap().pool(), Some(&world.pool));
    world.pass(600);
    assert!(world.is_restored() && world.document.is_at_rest());
    assert_eq!(world.document.sight.unwrap().pool(), Some(&world.pool));
}

#[test]
fn what_is_given_back_to_the_letter_takes_one_write() {
    check(
        "- - -",
        "0 1 1",
        OBEYS,
        &expect![[r#"
            0    Plain - - -: - - -
                 at rest, 1 writes
        "#]],
    );
    check(
        "50 30 20",
        "0 30 20",
        OBEYS,
        &expect![[r#"
            0    Plain 50: 50 30 20
                 at rest, 1 writes
        "#]],
    );
}

#[test]
fn a_weight_that_an_update_does_not_take_away_is_given_back_as_a_number_and_then_to_the_letter() {
    check(
        "- - -",
        "0 1 1",
        MERGES,
        &expect![[r#"
            0    Plain - - -: 0 1 1
            0    members/m0/weight: - was asked, and Azure shows 0
            0    members/m1/weight: - was asked, and Azure shows 1
            0    members/m2/weight: - was asked, and Azure shows 1
            0    Explicit 1: 1 1 1
            0    Null null null null: null null null
                 at rest, 3 writes
        "#]],
    );
    check(
        "- - -",
        "0 1 1",
        MERGES_AND_IGNORES_NULL,
        &expect![[r#"
            0    Plain - - -: 0 1 1
            0    members/m0/weight: - was asked, and Azure shows 0
            0    members/m1/weight: - was asked, and Azure shows 1
            0    members/m2/weight: - was asked, and Azure shows 1
            0    Explicit 1: 1 1 1
            0    Null null null null: 1 1 1
            0    members/m0/weight: null was asked, and Azure shows 1
            0    members/m1/weight: null was asked, and Azure shows 1
            0    members/m2/weight: null was asked, and Azure shows 1
            0    Whole - - -: - - -
                 at rest, 4 writes
        "#]],
    );
    check(
        "null null",
        "0 2",
        MERGES_AND_IGNORES_NULL,
        &expect![[r#"
            0    Plain null null: 0 2
            0    members/m0/weight: null was asked, and Azure shows 0
            0    members/m1/weight: null was asked, and Azure shows 2
            0    Explicit 1 1: 1 1
            0    Whole null null: null null
                 at rest, 3 writes
        "#]],
    );
}

#[test]
fn a_weight_that_no_way_takes_away_stays_a_number_that_means_the_same_and_is_told() {
    let world = check(
        "- - -",
        "0 1 1",
        KEEPS,
        &expect![[r#"
            0    Plain - - -: 0 1 1
            0    members/m0/weight: - was asked, and Azure shows 0
            0    members/m1/weight: - was asked, and Azure shows 1
            0    members/m2/weight: - was asked, and Azure shows 1
            0    Explicit 1: 1 1 1
            0    Null null null null: 1 1 1
            0    members/m0/weight: null was asked, and Azure shows 1
            0    members/m1/weight: null was asked, and Azure shows 1
            0    members/m2/weight: null was asked, and Azure shows 1
            0    Whole - - -: 1 1 1
            0    members/m0/weight: - was asked, and Azure shows 1
            0    members/m1/weight: - was asked, and Azure shows 1
            0    members/m2/weight: - was asked, and Azure shows 1
            1    Whole - - -: 1 1 1
            2    Whole - - -: 1 1 1
            4    Whole - - -: 1 1 1
            8    Whole - - -: 1 1 1
            16   Whole - - -: 1 1 1
            32   Whole - - -: 1 1 1
            64   Whole - - -: 1 1 1
            128  Whole - - -: 1 1 1
            256  Whole - - -: 1 1 1
            512  Whole - - -: 1 1 1
                 not restored, 14 writes
        "#]],
    );
    let unmet: Vec<_> = world.document.unmet().map(|(field, ..)| field.to_string()).collect();
    assert_eq!(unmet, ["members/m0/weight", "members/m1/weight", "members/m2/weight"]);
    for owned in world.document.owned.values() {
        assert_eq!(owned.baseline, Value::Absent, "it is its owner's");
    }
}

#[test]
fn what_is_sound_is_rested_on_where_the_letter_would_take_the_traffic_away() {
    check(
        "- - -",
        "0 1 1",
        NONE_IS_ZERO,
        &expect![[r#"
            0    Plain - - -: 0 0 0
            0    members/m0/weight: - was asked, and Azure shows 0
            0    members/m1/weight: - was asked, and Azure shows 0
            0    members/m2/weight: - was asked, and Azure shows 0
            0    Explicit 1 1 1: 1 1 1
            0    Null null null null: 0 0 0
            0    members/m0/weight: null was asked, and Azure shows 0
            0    members/m1/weight: null was asked, and Azure shows 0
            0    members/m2/weight: null was asked, and Azure shows 0
            0    Whole - - -: 0 0 0
            0    members/m0/weight: - was asked, and Azure shows 0
            0    members/m1/weight: - was asked, and Azure shows 0
            0    members/m2/weight: - was asked, and Azure shows 0
            0    Rest 1 1 1: 1 1 1
                 not restored, 5 writes
        "#]],
    );
}

#[test]
fn a_weight_that_is_stored_as_another_is_replaced_whole_and_then_tried_ever_more_seldom() {
    check(
        "50 30",
        "0 30",
        CLAMPS_UPDATES,
        &expect![[r#"
            0    Plain 50: 40 30
            0    members/m0/weight: 50 was asked, and Azure shows 40
            0    Whole 50: 50 30
                 at rest, 2 writes
        "#]],
    );
    check(
        "50 30",
        "0 30",
        CLAMPS,
        &expect![[r#"
            0    Plain 50: 40 30
            0    members/m0/weight: 50 was asked, and Azure shows 40
            0    Whole 50: 40 30
            0    members/m0/weight: 50 was asked, and Azure shows 40
            1    Whole 50: 40 30
            2    Whole 50: 40 30
            4    Whole 50: 40 30
            8    Whole 50: 40 30
            16   Whole 50: 40 30
            32   Whole 50: 40 30
            64   Whole 50: 40 30
            128  Whole 50: 40 30
            256  Whole 50: 40 30
            512  Whole 50: 40 30
                 not restored, 12 writes
        "#]],
    );
}

#[test]
fn an_azure_that_does_not_do_what_is_asked_is_not_asked_often() {
    for habit in [KEEPS, NONE_IS_ZERO, CLAMPS] {
        let mut world = World::new("50 -", "0 -", habit);
        world.pass(24 * 3_600);
        assert!(world.writes < 60, "{} writes a day\n{}", world.writes, world.told);
    }
}

#[test]
fn a_way_that_works_later_is_found() {
    let mut world = World::new("- - -", "0 1 1", KEEPS);
    world.pass(600);
    world.habit = MERGES;
    world.document.insist();
    world.pass(1);
    assert!(world.is_restored() && world.weights() == "- - -", "{}", world.told);
}

#[test]
fn what_a_person_writes_after_an_answer_that_showed_something_else_is_theirs() {
    let mut world = World::new("50 30", "0 30", CLAMPS);
    world.pass(5);
    assert_eq!(world.weights(), "40 30");
    // Another field only: what the answer showed is still no one else's.
    world.etag += 1;
    world.pass(60);
    assert!(!world.told.contains("someone else"), "{}", world.told);
    world.etag += 1;
    world.pool = pool(&settings("7 30"));
    world.pass(3_600);
    assert!(world.told.contains("someone else wrote 7 over 40"), "{}", world.told);
    assert!(world.is_restored() && world.weights() == "7 30", "{}", world.told);
}

/// The answer shows what was asked, and the next read of the same state does not.
#[test]
fn what_is_stored_otherwise_than_the_answer_says_is_no_one_elses() {
    let mut world = World::new("50 30", "0 30", CLAMPS);
    world.echoes = true;
    // Something keeps it from being at rest, so that it is looked at again.
    let name: BackendName = "m9".parse().unwrap();
    let (field, owned) = (Field::weight(&name), Owned::fresh(Value::Number(1)));
    world.pool = {
        let mut members = world.pool.members().to_vec();
        members.push(Member { name, weight: Value::Number(0), priority: Value::Absent });
        Pool::new(members).unwrap()
    };
    world.document.owned.insert(field, Owned { written: Value::Number(0), stood: true, ..owned });
    world.habit = |before, after, _| {
        if *before == Value::Number(0) { before.clone() } else { after.clone() }
    };
    world.pass(24 * 3_600);
    assert!(!world.told.contains("someone else"), "{}", world.told);
    assert!(world.writes < 60, "{} writes a day\n{}", world.writes, world.told);
}

#[test]
fn a_412_that_nobody_wrote_for_is_tried_again_in_seconds_and_with_few_reads() {
    for (denials, within) in [(1, 2), (3, 5), (6, 40)] {
        let mut world = World::new("50 30", "0 30", OBEYS);
        world.denials = denials;
        world.pass(within);
        assert_eq!(world.weights(), "50 30", "{denials}\n{}", world.told);
        assert_eq!(world.writes, denials + 1, "{denials}\n{}", world.told);
        assert!(world.reads <= 2 * denials + 1, "{denials}: {} reads", world.reads);
        assert!(world.document.trouble.is_none() && world.is_restored());
    }
}

#[test]
fn a_412_that_somebody_wrote_for_is_decided_again_at_once() {
    let mut world = World::new("50 30", "0 30", OBEYS);
    let observed = world.read();
    let generation = Generation { number: 1, playbook: &world.playbook };
    let planned = step(&world.document, &observed, generation, &Groups::new(), world.now);
    world.document = planned.document;
    let Next::Write(intent) = planned.next else { panic!("nothing is written") };
    world.etag += 1;
    world.pool = pool(&settings("0 31"));
    let (answer, _) = world.write(&intent);
    world.document.answer(&intent.id, &answer, world.now, &mut Vec::new());
    world.pass(0);
    assert_eq!(world.weights(), "50 31", "{}", world.told);
}
