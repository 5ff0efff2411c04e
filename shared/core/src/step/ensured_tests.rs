//! A Single that is ensured and the pool that lists it: two documents, one service, a script of what
//! happens, and what is told and stands there at its end.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
};

use expect_test::{Expect, expect};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::{
    answer::Answer,
    body::{Body, Single},
    document::{Document, Intent},
    etag::Etag,
    field::{Field, Property, Value},
    group::{Groups, Scope},
    hear::hear,
    lease::later,
    names::BackendId,
    playbook::{self, Playbook},
    pool::{Member, Pool},
    series::Series,
    signal::{Heard, Severity, Signal},
    step::{Generation, Next, Observed, Step, step},
};

const BOOK: &str = r#"
version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000001, resourceGroup: rg, name: contoso}
pools:
  chat: {service: main, backend: chat}
backends:
  sb: {service: main, is: {url: "https://sb.example.com", title: standby}}
plays:
  - name: more
    when: signal.labels.alertname == "Busy"
    do: [{ensure: {backend: sb, in: chat, weight: 50}}]
  - name: drain
    when: signal.labels.alertname == "Down"
    do: [{drain: {pool: chat, member: "${signal.labels.member}"}}]
"#;

/// What comes of the next write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    /// It is done, and its answer is lost.
    Unheard,
    /// It is not done, and nobody knows.
    Lost,
    /// Whoever was to send it has died.
    Died,
    /// Someone else makes the backend a moment before.
    Beaten,
}

struct World {
    playbook: Playbook,
    series: BTreeMap<String, Series>,
    documents: BTreeMap<BackendId, Document>,
    groups: Groups,
    azure: BTreeMap<BackendId, (u32, Body)>,
    etags: u32,
    /// The backends that we have made.
    made: Vec<BackendId>,
    fates: VecDeque<Fate>,
    writes: usize,
    now: Timestamp,
    told: String,
}

fn id(name: &str) -> BackendId {
    format!(
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/\
         Microsoft.ApiManagement/service/contoso/backends/{name}"
    )
    .parse()
    .unwrap()
}

fn single(url: &str, title: Value) -> Body {
    let single = Single::new(Property::ALL.map(|one| (one, Value::Absent)));
    let fields = [Property::Url, Property::Title].map(Field::Property);
    Body::from(single).with(fields.iter().zip([Value::Json(url.into()), title]))
}

fn start() -> Timestamp {
    Timestamp::from_second(10_000).unwrap()
}

impl World {
    fn new() -> Self {
        let member = |name: &str| Member {
            name: name.parse().unwrap(),
            weight: Value::Number(50),
            priority: Value::Absent,
        };
        let pool = Pool::new(vec![member("eu"), member("us")]).unwrap();
        Self {
            playbook: playbook::read(BOOK).unwrap(),
            series: BTreeMap::new(),
            documents: BTreeMap::new(),
            groups: Groups::new(),
            azure: [(id("chat"), (1, pool.into()))].into(),
            etags: 1,
            made: Vec::new(),
            fates: VecDeque::new(),
            writes: 0,
            now: start(),
            told: String::new(),
        }
    }

    fn tell(&mut self, says: &str) {
        writeln!(self.told, "{:<4} {says}", self.now.duration_since(start()).as_secs()).unwrap();
    }

    fn observed(&self, backend: &BackendId) -> Observed {
        self.azure.get(backend).map_or(Observed::Missing, |(etag, body)| Observed::Shown {
            etag: Etag(format!("\"{etag}\"")),
            body: body.clone(),
        })
    }

    fn signal(&mut self, alert: &str, member: &str, heard: Heard) {
        let name = format!("am/{alert}{member}");
        let series =
            self.series.entry(name.clone()).or_insert_with(|| Series::new(name.parse().unwrap()));
        let labels = [("alertname", alert), ("member", member)];
        let signal = Signal {
            series: name.parse().unwrap(),
            started: self.now,
            heard,
            severity: Severity::Error,
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            annotations: BTreeMap::new(),
            received: self.now,
        };
        let generation = Generation { number: 1, playbook: &self.playbook };
        let hearing = hear(series, &signal, generation, self.now);
        for (backend, edits) in hearing.edits {
            let now = self.now;
            let new = || Document::new(backend.clone(), now);
            let document = self.documents.entry(backend.clone()).or_insert_with(new);
            document.advance(now);
            for mut edit in edits {
                document.edit(&mut edit, &mut Vec::new());
            }
            document.wake_now(now);
        }
    }

    /// Somebody else lists the standby, or does not any more.
    fn list(&mut self, entry: Value) {
        let field = Field::Membership("sb".parse().unwrap());
        let pool = self.pool().with([(&field, entry)]);
        self.put("chat", Some(pool.into()));
    }

    /// Somebody else writes.
    fn put(&mut self, backend: &str, body: Option<Body>) {
        self.etags += 1;
        let id = id(backend);
        self.made.retain(|made| *made != id);
        match body {
            Some(body) => self.azure.insert(id, (self.etags, body)),
            None => self.azure.remove(&id),
        };
    }

    fn write(&mut self, backend: &BackendId, intent: &Intent, fate: Fate) -> Answer {
        let unknown = || Answer::Unknown { why: "no answer".to_owned(), until: None };
        if fate == Fate::Lost {
            return unknown();
        }
        if fate == Fate::Beaten && intent.make.is_some() {
            self.put("sb", Some(single("https://theirs.example.com", Value::Absent)));
        }
        let before = self.observed(backend);
        self.etags += 1;
        let etag = Etag(format!("\"{}\"", self.etags));
        let answer = match (&intent.make, before) {
            (Some(declared), before) => {
                let asked = declared.properties();
                let value = |one| asked.get(&one).cloned().map_or(Value::Absent, Value::Json);
                let body = Body::from(Single::new(Property::ALL.map(|one| (one, value(one)))));
                self.azure.insert(backend.clone(), (self.etags, body.clone()));
                if before == Observed::Missing {
                    self.made.push(backend.clone());
                    Answer::Written { etag, body: Some(body) }
                } else {
                    Answer::CameFirst { etag, body: Some(body) }
                }
            }
            (None, Observed::Shown { etag: is, body }) if intent.guard.is(&is) => {
                if intent.deletes() {
                    if self.lists("sb") {
                        return Answer::Refused { why: "a pool lists it".to_owned() };
                    }
                    assert!(self.made.contains(backend), "it was not made here:\n{}", self.told);
                    self.azure.remove(backend);
                    self.made.clear();
                    Answer::Deleted
                } else {
                    for change in &intent.changes {
                        let Field::Membership(member) = &change.field else { continue };
                        let there = self.azure.contains_key(&id(member.as_str()));
                        assert!(there || change.after.is_nothing(), "it dangles:\n{}", self.told);
                    }
                    let after = intent.changes.iter().map(|one| (&one.field, one.after.clone()));
                    let body = body.with(after);
                    self.azure.insert(backend.clone(), (self.etags, body.clone()));
                    Answer::Written { etag, body: Some(body) }
                }
            }
            (None, Observed::Shown { .. } | Observed::Unreadable { .. } | Observed::Missing) => {
                Answer::Outrun
            }
        };
        if fate == Fate::Unheard { unknown() } else { answer }
    }

    fn pool(&self) -> &Pool {
        self.azure[&id("chat")].1.pool().unwrap()
    }

    fn lists(&self, name: &str) -> bool {
        self.pool().members().iter().any(|member| member.name.as_str() == name)
    }

    fn step(&mut self, backend: &BackendId) -> Step {
        let generation = Generation { number: 1, playbook: &self.playbook };
        let observed = self.observed(backend);
        let step = step(&self.documents[backend], &observed, generation, &self.groups, self.now);
        self.documents.insert(backend.clone(), step.document.clone());
        self.groups.extend(step.groups.clone());
        for woken in &step.wakes {
            let now = self.now;
            if let Some(document) = self.documents.get_mut(woken) {
                document.wake_now(now);
            }
        }
        for line in &step.lines {
            self.tell(&format!("{}: {}", backend.name, line.what));
        }
        step
    }

    /// Goes on for so many seconds.
    fn pass(&mut self, seconds: i64) {
        let end = later(self.now, SignedDuration::from_secs(seconds));
        for _ in 0..10_000 {
            let due = |document: &Document| Some((document.wake?, document.backend.clone()));
            let next = self.documents.values().filter_map(due).min();
            let Some((wake, backend)) = next.filter(|(wake, _)| *wake <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(wake);
            let step = self.step(&backend);
            let Next::Write(intent) = step.next else { continue };
            let fate = self.fates.pop_front().unwrap_or(Fate::Done);
            self.writes += 1;
            if fate == Fate::Died {
                self.documents.get_mut(&backend).unwrap().wake_now(self.now);
                continue;
            }
            let answer = self.write(&backend, &intent, fate);
            let mut said = Vec::new();
            let document = self.documents.get_mut(&backend).unwrap();
            document.answer(&intent.id, &answer, self.now, &mut said);
            document.wake_now(self.now);
            for what in said {
                self.tell(&format!("{}: {what}", backend.name));
            }
        }
        panic!("it never rests\n{}", self.told);
    }

    fn run(&mut self, script: &str) {
        for what in script.split(';').map(str::trim) {
            let words: Vec<&str> = what.split_whitespace().collect();
            match words.as_slice() {
                ["busy"] => self.signal("Busy", "", Heard::Fired),
                ["calm"] => self.signal("Busy", "", resolved(self.now)),
                ["down", member] => self.signal("Down", member, Heard::Fired),
                ["up", member] => self.signal("Down", member, resolved(self.now)),
                ["next", fate] => self.fates.push_back(match *fate {
                    "done" => Fate::Done,
                    "unheard" => Fate::Unheard,
                    "lost" => Fate::Lost,
                    "died" => Fate::Died,
                    "beaten" => Fate::Beaten,
                    other => panic!("{other}"),
                }),
                ["made", url] => {
                    self.put("sb", Some(single(&format!("https://{url}"), Value::Absent)));
                }
                ["deleted"] => self.put("sb", None),
                ["weight", number] => {
                    let weight = Value::Number(number.parse().unwrap());
                    let (name, priority) = ("sb".parse().unwrap(), Value::Absent);
                    self.list(Member { name, weight, priority }.entry());
                }
                ["out"] => self.list(Value::Absent),
                [seconds] => self.pass(seconds.parse().unwrap()),
                other => panic!("{other:?}"),
            }
        }
    }

    /// What stands in the service.
    fn stands(&self) -> String {
        let pool = self.pool();
        let member = |one: &Member| format!("{} {}", one.name, one.weight);
        let members = pool.members().iter().map(member).collect::<Vec<_>>().join(", ");
        let single = self.azure.get(&id("sb")).map_or("no sb".to_owned(), |(_, body)| {
            let shown = |one| body.get(&Field::Property(one)).unwrap();
            format!("sb {} {}", shown(Property::Url), shown(Property::Title))
        });
        format!("{members}; {single}")
    }
}

fn resolved(at: Timestamp) -> Heard {
    Heard::Resolved { stated: Some(at) }
}

/// Runs a script, and shows what stands in the service at each `?` of it.
fn check(script: &str, expect: &Expect) -> World {
    let mut world = World::new();
    let mut shown = String::new();
    for part in
        script.split('?').map(|part| part.trim().trim_start_matches(';').trim_end_matches(';'))
    {
        if !part.is_empty() {
            world.run(part);
        }
        writeln!(shown, "{}", world.stands()).unwrap();
    }
    expect.assert_eq(&shown);
    world
}

/// Nothing of ours is left, in documents, in groups, or between them.
fn is_over(world: &World) {
    assert!(world.documents.values().all(Document::is_at_rest), "{}", world.told);
    let ensured = world.groups.iter().filter(|(scope, _)| matches!(scope, Scope::Ensured(_)));
    for (scope, group) in ensured {
        assert_eq!(*group, Default::default(), "{scope}\n{}", world.told);
    }
}

#[test]
fn it_is_made_listed_and_at_the_end_taken_out_and_deleted() {
    let world = check(
        "busy; 5 ?; calm; 5",
        &expect![[r#"
        eu 50, us 50, sb 50; sb "https://sb.example.com" "standby"
        eu 50, us 50; no sb
    "#]],
    );
    is_over(&world);
    expect![[r#"
        0    chat: uiv7csgxmzvl2dvc is held: sb is not seen to be there yet
        0    sb: som4nmpkep6wsdnt began
        0    sb: write gs5rh5yj43sxvzag: make it, url - -> "https://sb.example.com", title - -> "standby"
        0    sb: write gs5rh5yj43sxvzag is done
        0    chat: uiv7csgxmzvl2dvc began
        0    chat: write 6a4ejsayvyua6lqw: members/sb - -> weight 50
        0    chat: write 6a4ejsayvyua6lqw is done
        5    chat: uiv7csgxmzvl2dvc ended: its alert resolved
        5    chat: write bxqb4gmb7lz5uffv: members/sb weight 50 -> -
        5    chat: write bxqb4gmb7lz5uffv is done
        5    chat: uiv7csgxmzvl2dvc is over
        5    sb: som4nmpkep6wsdnt ended: its alert resolved
        5    sb: write yeuvjuwzzvkjk7jh: delete it
        5    sb: write yeuvjuwzzvkjk7jh is done
        5    sb: som4nmpkep6wsdnt is over
    "#]].assert_eq(&world.told);
}

#[test]
fn whatever_becomes_of_a_write_the_end_is_the_same() {
    let run = |before: &str| {
        let mut world = World::new();
        world.run(&format!("{before}busy; 400; calm; 1200"));
        is_over(&world);
        assert_eq!(world.stands(), "eu 50, us 50; no sb", "{before}\n{}", world.told);
        world.writes
    };
    let writes = run("");
    for fate in ["unheard", "lost", "died"] {
        for at in 0..writes {
            let done = "next done; ".repeat(at);
            run(&format!("{done}next {fate}; "));
            run(&format!("{done}next {fate}; next {fate}; "));
        }
    }
}

#[test]
fn one_that_is_there_already_is_held_to_what_is_declared_and_never_deleted() {
    let there = "made theirs.example.com; busy; 5 ?; calm; 5";
    is_over(&check(
        there,
        &expect![[r#"
        eu 50, us 50, sb 50; sb "https://sb.example.com" "standby"
        eu 50, us 50; sb "https://theirs.example.com" -
    "#]],
    ));
    // Someone was a moment faster.
    let world = check(
        "next beaten; busy; 5 ?; calm; 70",
        &expect![[r#"
        eu 50, us 50, sb 50; sb "https://sb.example.com" "standby"
        eu 50, us 50; sb "https://sb.example.com" "standby"
    "#]],
    );
    is_over(&world);
    assert!(world.told.contains("someone else had made the backend by then"));
}

#[test]
fn what_someone_else_has_written_to_is_theirs() {
    let world = check(
        "busy; 5; made theirs.example.com; 70 ?; calm; 70",
        &expect![[r#"
        eu 50, us 50, sb 50; sb "https://theirs.example.com" -
        eu 50, us 50; sb "https://theirs.example.com" -
    "#]],
    );
    is_over(&world);
    assert!(world.told.contains("counts as theirs, and is not deleted"));
    // Who takes it away does not want it: it leaves the pool, and is not made again.
    is_over(&check(
        "busy; 5; deleted; 200 ?; calm; 70",
        &expect![[r#"
            eu 50, us 50; no sb
            eu 50, us 50; no sb
        "#]],
    ));
    // Who gives it another weight has it stay a member, and so it cannot be deleted.
    let mut world = check(
        "busy; 5; weight 10; 70 ?; calm; 200",
        &expect![[r#"
        eu 50, us 50, sb 10; sb "https://sb.example.com" "standby"
        eu 50, us 50, sb 10; sb "https://sb.example.com" "standby"
    "#]],
    );
    assert!(world.documents[&id("sb")].trouble.is_some());
    world.run("out; 100");
    assert_eq!(world.stands(), "eu 50, us 50; no sb");
    is_over(&world);
}

#[test]
fn what_is_asked_of_members_is_asked_of_one_that_joined() {
    let script =
        "busy; 5; down sb; 5 ?; up sb; 5 ?; down eu; down us; 5 ?; calm; 5 ?; up eu; up us; 5";
    is_over(&check(
        script,
        &expect![[r#"
        eu 50, us 50, sb 0; sb "https://sb.example.com" "standby"
        eu 50, us 50, sb 50; sb "https://sb.example.com" "standby"
        eu 0, us 0, sb 50; sb "https://sb.example.com" "standby"
        eu 0, us 50; no sb
        eu 50, us 50; no sb
    "#]],
    ));
}

#[test]
fn an_alert_that_comes_back_while_it_is_deleted_has_it_again() {
    for fate in ["done", "unheard", "lost", "died"] {
        // The pool does not list it any more, and the next write deletes it.
        let script = format!("busy; 5; next done; next {fate}; calm; 1; busy; 60 ?; calm; 60");
        is_over(&check(
            &script,
            &expect![[r#"
            eu 50, us 50, sb 50; sb "https://sb.example.com" "standby"
            eu 50, us 50; no sb
        "#]],
        ));
    }
}

proptest! {
    /// In any history, what was not made here is never deleted, and no pool lists what is not there (both are
    /// asserted where it is written); in the end what was made here is gone, and the pool is its owner's.
    #[test]
    fn in_any_history_what_was_made_here_is_gone_in_the_end_and_nothing_else(
        history in prop::collection::vec(
            prop::sample::select(vec![
                "busy", "busy", "calm", "calm", "down eu", "up eu", "down sb", "up sb", "down us", "up us",
                "made theirs.example.com", "made sb.example.com", "deleted", "weight 10", "out",
                "next unheard", "next lost", "next died", "next beaten", "next done", "1", "5", "40", "90", "400",
            ]),
            1..24,
        )
    ) {
        let mut world = World::new();
        let mut theirs = false;
        for what in &history {
            match *what {
                // Azure takes away nothing that is listed, and a pool lists nothing that is not there.
                "deleted" if world.lists("sb") => continue,
                "weight 10" if !world.azure.contains_key(&id("sb")) => continue,
                "weight 10" => theirs = true,
                "out" => theirs = false,
                _ => {}
            }
            world.run(what);
        }
        world.fates.clear();
        world.run("calm; up eu; up us; up sb; 2000");
        let stands = world.stands();
        let listed = if theirs && world.lists("sb") { "eu 50, us 50, sb 10; " } else { "eu 50, us 50; " };
        prop_assert!(stands.starts_with(listed), "{stands}\n{history:?}\n{}", world.told);
        if !world.lists("sb") {
            let left = world.made.contains(&id("sb")) && !world.told.contains("counts as theirs");
            prop_assert!(!left, "{stands}\n{history:?}\n{}", world.told);
            is_over(&world);
        }
    }
}
