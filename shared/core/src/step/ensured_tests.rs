//! A Single that is ensured and the pool that lists it: two documents, one service, a script of what
//! happens, and what is told and stands there at its end.

use std::{collections::BTreeMap, fmt::Write as _};

use expect_test::{Expect, expect};
use jiff::{SignedDuration, Timestamp};

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
    fate: Fate,
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
    let shows = |property| match property {
        Property::Url => Value::Json(url.into()),
        Property::Title => title.clone(),
        _ => Value::Absent,
    };
    Single::new(Property::ALL.map(|one| (one, shows(one)))).into()
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
            fate: Fate::Done,
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
        let series = self.series.entry(name.clone()).or_insert_with(|| {
            Series::new(name.parse().unwrap())
        });
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

    fn write(&mut self, backend: &BackendId, intent: &Intent) -> Answer {
        let unknown = || Answer::Unknown { why: "no answer".to_owned(), until: None };
        let fate = std::mem::replace(&mut self.fate, Fate::Done);
        if fate == Fate::Lost {
            return unknown();
        }
        let now = self.observed(backend);
        self.etags += 1;
        let etag = Etag(format!("\"{}\"", self.etags));
        let answer = match (&intent.make, now) {
            (Some(declared), before) => {
                let asked = declared.properties();
                let value = |one| asked.get(&one).cloned().map_or(Value::Absent, Value::Json);
                let body = Body::from(Single::new(Property::ALL.map(|one| (one, value(one)))));
                self.azure.insert(backend.clone(), (self.etags, body.clone()));
                match before {
                    Observed::Missing => {
                        self.made.push(backend.clone());
                        Answer::Written { etag, body: Some(body) }
                    }
                    _ => Answer::CameFirst { etag, body: Some(body) },
                }
            }
            (None, Observed::Shown { etag: is, body }) if intent.guard.is(&is) => {
                if intent.deletes() {
                    assert!(self.made.contains(backend), "what we did not make is deleted");
                    self.azure.remove(backend);
                    Answer::Deleted
                } else {
                    let after = intent.changes.iter().map(|one| (&one.field, one.after.clone()));
                    let body = body.with(after);
                    self.azure.insert(backend.clone(), (self.etags, body.clone()));
                    Answer::Written { etag, body: Some(body) }
                }
            }
            _ => Answer::Outrun,
        };
        self.dangles_nowhere();
        if fate == Fate::Unheard { unknown() } else { answer }
    }

    /// No pool lists what is not there, but the two that were there before.
    fn dangles_nowhere(&self) {
        for (_, body) in self.azure.values() {
            for member in body.pool().map_or(&[][..], Pool::members) {
                let is_there = self.azure.contains_key(&id(member.name.as_str()));
                assert!(is_there || ["eu", "us"].contains(&member.name.as_str()), "{}", self.told);
            }
        }
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
            if self.fate == Fate::Died {
                self.fate = Fate::Done;
                self.documents.get_mut(&backend).unwrap().wake_now(self.now);
                continue;
            }
            let answer = self.write(&backend, &intent);
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
                ["unheard"] => self.fate = Fate::Unheard,
                ["lost"] => self.fate = Fate::Lost,
                ["die"] => self.fate = Fate::Died,
                ["made", url] => {
                    self.put("sb", Some(single(&format!("https://{url}"), Value::Absent)));
                }
                ["deleted"] => self.put("sb", None),
                ["weight", number] => {
                    let pool = self.azure[&id("chat")].1.pool().unwrap().clone();
                    let mut entry = pool.members().last().unwrap().clone();
                    entry.weight = Value::Number(number.parse().unwrap());
                    let field = Field::Membership(entry.name.clone());
                    self.put("chat", Some(pool.with([(&field, entry.entry())]).into()));
                }
                [seconds] => self.pass(seconds.parse().unwrap()),
                other => panic!("{other:?}"),
            }
        }
    }

    /// What stands in the service.
    fn stands(&self) -> String {
        let pool = self.azure[&id("chat")].1.pool().unwrap();
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
    for part in script.split('?').map(|part| part.trim().trim_start_matches(';').trim_end_matches(';')) {
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
    let world = check("busy; 5 ?; calm; 5", &expect![[r#"
        eu 50, us 50, sb 50; sb "https://sb.example.com" "standby"
        eu 50, us 50; no sb
    "#]]);
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
