//! The stories in `tests/model/stories`: what happens, and beside it what Pointsman says and does.
//!
//! They are for people to read, and each is run here on the engine itself. A file has a title, a
//! paragraph, the playbook in `yaml` (its second and later versions in blocks of their own), and the
//! story in `text`, which begins with the pool or the Single; several `text` blocks are several worlds. On the left
//! of each `|` stands what happens, in the words of [`Story::happen`]; on the right stand the lines
//! of the ledger, what was noticed and how often, the backend where it has changed, and what is in trouble. `UPDATE_EXPECT=1 cargo test
//! -p pointsman-model stories` writes the right side again. All go the same where the store and the queue
//! are apart.
//!
//! Times are hours, minutes and seconds since the beginning; ids are #1, #2 and so on.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use expect_test::expect_file;
use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    body::Body,
    effect::Effect,
    field::{Field, Value},
    group::Paused,
    lease::later,
    notice::Notices,
    signal::{Heard, Severity, Signal},
};

use crate::{
    azure::{Foreign, ReadFault, WriteFault, pool, single, value_of, written},
    store::Pair,
    world::{Book, Message, World, at, backend, book, change, extend, second_backend, skip, undo},
};

/// The first process is the only one here.
const PROCESS: usize = 0;

/// Of lines in a row that say the same of different alerts, so many are shown.
const ALIKE_MAX: usize = 2;

#[test]
fn every_story_goes_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stories");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        println!("{}", file.display());
        let text = fs::read_to_string(&file).unwrap();
        let told = tell(&text, &Pair::One);
        expect_file![&file].assert_eq(&told);
        // What a process that dies has not relayed yet comes later, where that is a step of its own.
        if !text.contains("the process dies") {
            assert_eq!(tell(&text, &Pair::Apart(Vec::new())), told, "with store and queue apart");
        }
    }
}

/// The file again, with what its stories come to.
fn tell(file: &str, pair: &Pair) -> String {
    let (mut out, mut books) = (String::new(), Vec::new());
    let mut lines = file.lines();
    while let Some(line) = lines.next() {
        out += &format!("{line}\n");
        let Some(kind) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match kind {
            "yaml" => {
                books.push(book(&block.join("\n")));
                out += &format!("{}\n", block.join("\n"));
            }
            "text" => out += &transcript(&block, &books, pair),
            other => panic!("a block of {other:?}"),
        }
        out += "```\n";
    }
    out
}

/// A story beside what it comes to.
fn transcript(block: &[&str], books: &[Arc<Book>], pair: &Pair) -> String {
    let step = |line: &&str| line.split('|').next().unwrap_or_default().trim().to_owned();
    let steps: Vec<String> = block.iter().map(step).filter(|step| !step.is_empty()).collect();
    let is_told = |step: &&String| !step.starts_with("the second ");
    let width = steps.iter().skip(1).filter(is_told).map(String::len).max().unwrap_or_default();
    let (first, rest) = steps.split_first().expect("a story begins with its backend");
    let baseline = match first.strip_prefix("the pool is ") {
        Some(text) => pool(text).into(),
        None => single(first.strip_prefix("the Single is ").expect("it begins with its backend")),
    };
    let mut story = Story::new(baseline, books, pair);
    let mut out = format!("{first}\n");
    let second: Option<Body> = rest.first().and_then(|step| match step.as_str() {
        "the second is not there" => Some(Body::Missing),
        step => step.strip_prefix("the second pool is ").map(|text| pool(text).into()),
    });
    let rest = &rest[usize::from(second.is_some())..];
    if let Some(baseline) = second {
        story.world = story.world.with_second(baseline);
        story.second = story.second();
        out += &format!("{}\n", steps[1]);
    }
    for step in rest {
        let mut left = step.as_str();
        for right in story.tell(step) {
            out += &format!("{left:width$} | {right}\n");
            left = "";
        }
    }
    story.world.check(&["I3", "I4", "I4-again", "I5", "I6", "I9"]).unwrap();
    out
}

/// When a series fired, for which member, and what it is called.
#[derive(Clone)]
struct Fired {
    started: Timestamp,
    member: String,
    name: String,
}

/// One world, and what was told of it.
struct Story {
    world: World,
    later_books: Vec<Arc<Book>>,
    told: usize,
    ids: BTreeMap<String, usize>,
    shown: String,
    second: Option<String>,
    trouble: Option<String>,
    noticed: Notices,
    /// How each series fired last.
    fired: BTreeMap<String, Fired>,
}

impl Story {
    fn new(baseline: Body, books: &[Arc<Book>], pair: &Pair) -> Self {
        let (first, later) = books.split_first().expect("a story has a playbook");
        let mut world = World::new(baseline, Arc::clone(first)).with_pair(pair);
        world.begin();
        Self {
            shown: world.azure.body().map(written).unwrap_or_default(),
            world,
            later_books: later.to_vec(),
            second: None,
            told: 0,
            ids: BTreeMap::new(),
            trouble: None,
            noticed: Notices::default(),
            fired: BTreeMap::new(),
        }
    }

    /// Lets something happen; gives what there is to see of it.
    fn tell(&mut self, step: &str) -> Vec<String> {
        let mut seen = Vec::new();
        if step == "in all" {
            let azure = &self.world.azure;
            seen.push(format!(
                "reads: {}, writes: {}, reconnects: {}",
                azure.gets,
                azure.received.len(),
                azure.reconnects.len()
            ));
            return seen;
        }
        self.happen(step);
        let lines = self.world.store.ledger[self.told..].to_vec();
        self.told += lines.len();
        let (mut alike, mut last) = (0_usize, String::new());
        for line in lines {
            let text = format!("{} {}", moment(line.at), self.short(&line.what.to_string()));
            let same = without_alerts(&text);
            alike = if same == last { alike + 1 } else { 0 };
            last = same;
            match alike.checked_sub(ALIKE_MAX) {
                None => seen.push(text),
                Some(0) => seen.push("        and 1 more".to_owned()),
                Some(more) => {
                    *seen.last_mut().unwrap() = format!("        and {} more", more + 1);
                }
            }
        }
        let noticed = self.world.store.notices.clone();
        for (about, notice) in noticed.iter() {
            let known = self.noticed.find(about).map_or(0, |known| known.count);
            if notice.count != known {
                let (kind, says) = (about.kind, self.short(&notice.says));
                seen.push(format!("        noticed, {kind} {}: {says}", notice.count));
            }
        }
        self.noticed = noticed;
        let trouble = self.world.document().and_then(|document| document.trouble.as_ref());
        let trouble = trouble.map(|trouble| trouble.why.clone());
        if trouble != self.trouble {
            let why = trouble.as_ref().map_or("over".to_owned(), |why| self.short(why));
            seen.push(format!("        trouble: {why}"));
            self.trouble = trouble;
        }
        let shown = self.world.azure.body().map(written).unwrap_or_default();
        if shown != self.shown {
            seen.push(format!("      = {shown}"));
            self.shown = shown;
        }
        let second = self.second();
        if second != self.second {
            seen.push(match &second {
                Some(shown) => format!("      = {shown} in the second"),
                None => "      = the second is gone".to_owned(),
            });
            self.second = second;
        }
        if seen.is_empty() {
            seen.push("nothing".to_owned());
        }
        seen
    }

    fn second(&self) -> Option<String> {
        self.world.second.as_ref().and_then(|azure| azure.body()).map(written)
    }

    fn happen(&mut self, step: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        let writes = |world: &mut World, fault| world.azure.writes.push_back(fault);
        let world = &mut self.world;
        match words.as_slice() {
            [_, "fires" | "resolves", ..] => self.signals(&words),
            ["undo", "in", "the", "second", "pool"] => {
                self.say(&undo(second_backend()));
            }
            ["someone", "sets", property, "of", "the", "second", "to", value] => {
                let field = Field::Property(property.parse().expect("a property"));
                let foreign = Foreign::Set(field, value_of(value));
                world.azure_of(&second_backend()).foreign(&foreign, Vec::new());
            }
            ["next", "write", "to", "the", "second:", "done,", "answer", "lost"] => {
                world.azure_of(&second_backend()).writes.push_back(WriteFault::LostAfter);
            }
            ["next", "write", "to", "the", "second", "pool:", "429,", "wait", how @ ..] => {
                let fault = WriteFault::Throttled(Some(seconds(how)));
                world.second.as_mut().unwrap().writes.push_back(fault);
            }
            ["go", "on"] => world.run(),
            ["nobody", "looks", "for", how @ ..] => world.stall(seconds(how)),
            ["wait", how @ ..] => world.pass(seconds(how)),
            ["undo"] => {
                let backend = world.backend.clone();
                self.say(&undo(backend));
            }
            ["operator", does @ .., "for", lasts, "because", reason] => {
                let (force, does) = match does {
                    [does @ .., "by", "force"] => (true, does),
                    does => (false, does),
                };
                let effect = match *does {
                    ["drains", member] => Effect::Drain { member: member.parse().unwrap() },
                    ["shifts", member, "to", part] => {
                        Effect::Shift { member: member.parse().unwrap(), to: part.parse().unwrap() }
                    }
                    ["promotes", member] => {
                        Effect::Promote { member: member.parse().unwrap(), weight: None }
                    }
                    _ => panic!("{step}"),
                };
                let backend = world.backend.clone();
                self.say(&change(backend, effect, seconds(&[lasts]), force, reason));
            }
            ["operator", "extends", "the", "first", "for", lasts] => {
                let until = later(world.now, SignedDuration::from_secs(seconds(&[lasts])));
                let first = world.document().and_then(|one| one.overrides.keys().next());
                let id = first.expect("there is one").clone();
                let backend = world.backend.clone();
                self.say(&extend(backend, id, until));
            }
            ["operator", "skips", name] => {
                let book = Arc::clone(world.generations.last().expect("there is one"));
                let window = book.window(&name.parse().expect("a name")).expect("a window");
                let open = window.last(world.now).filter(|last| world.now < last.end);
                let instance = open.or_else(|| window.next(world.now)).expect("it opens");
                self.say(&skip(&window.name, instance.start));
            }
            ["pause", of @ .., "for", lasts] => {
                self.say(&Message::Pause(paused(of), Some(seconds(&[lasts]))));
            }
            ["pause", of @ ..] => self.say(&Message::Pause(paused(of), None)),
            ["resume", of @ ..] => self.say(&Message::Resume(paused(of))),
            ["the", "process", "dies"] => world.crash(PROCESS),
            ["publish"] => {
                world.generations.push(self.later_books.remove(0));
                // A process takes up the newest when it begins.
                world.crash(PROCESS);
                let backend = world.backend.clone();
                world.look(PROCESS, &backend);
                world.run();
            }
            ["someone", "sets", member, "to", value] => {
                let foreign = match member.parse().map(Field::Property) {
                    Ok(property) => Foreign::Set(property, value_of(value)),
                    Err(_) => {
                        let value = value.parse().map_or(Value::Null, Value::Number);
                        Foreign::Set(Field::weight(&member.parse().unwrap()), value)
                    }
                };
                world.foreign(&foreign);
            }
            ["someone", "deletes", "it"] => world.foreign(&Foreign::Delete),
            ["someone", "makes", "it", "again:", members @ ..] => {
                world.foreign(&Foreign::Create(pool(&members.join(" ")).into()));
            }
            ["someone", "turns", "it", "into", "a", "Single"] => {
                world.foreign(&Foreign::Turn(crate::single::plain()));
            }
            ["someone", "turns", "it", "into", "a", "pool:", members @ ..] => {
                world.foreign(&Foreign::Turn(pool(&members.join(" ")).into()));
            }
            ["someone", "renames", "the", "rule"] => {
                let shown = world.azure.body().expect("it is there");
                let renamed = crate::single::Change::Rename.of(shown).expect("it has a rule");
                world.foreign(&renamed);
            }
            ["someone", "removes", member] => {
                world.foreign(&Foreign::Remove(member.parse().unwrap()));
            }
            ["someone", "adds", member @ ..] => {
                let member = pool(&member.join(" ")).members()[0].clone();
                world.foreign(&Foreign::Add(member));
            }
            ["next", "write:", "done,", "answer", "lost"] => writes(world, WriteFault::LostAfter),
            ["next", "write:", "not", "done,", "answer", "lost"] => {
                writes(world, WriteFault::LostBefore);
            }
            ["next", "write:", "answer", "lost,", "done", "after", how @ ..] => {
                writes(world, WriteFault::Late(seconds(how)));
            }
            ["next", "write:", "429,", "wait", how @ ..] => {
                writes(world, WriteFault::Throttled(Some(seconds(how))));
            }
            ["next", "write:", "412"] => writes(world, WriteFault::Outrun),
            ["next", "reads:", count, "from", "a", "cache"] => {
                let stale = std::iter::repeat_n(ReadFault::Stale(1), count.parse().unwrap());
                world.azure.reads.extend(stale);
            }
            _ => panic!("{step}"),
        }
    }

    fn say(&mut self, message: &Message) {
        self.world.handle(PROCESS, message);
        self.world.run();
    }

    /// `a fires`, `a1..a30 fires for m0`, `a resolves without an end`, and what else may follow:
    /// `from` and `until` a time, `as` a severity, `called` an alert's name, and `and stops before` what it is about to do.
    fn signals(&mut self, words: &[&str]) {
        let after = |word| {
            let place = words.iter().position(|other| *other == word)?;
            words.get(place + 1).copied()
        };
        let now = self.world.now;
        let fires = words[1] == "fires";
        let mut signals = Vec::new();
        for name in names(words[0]) {
            let before = self.fired.get(&name).cloned();
            let before = before.unwrap_or_else(|| Fired {
                started: now,
                member: name.clone(),
                name: "BackendErrors".to_owned(),
            });
            let started = after("from").map_or(if fires { now } else { before.started }, when);
            let member = after("for").map_or(before.member, str::to_owned);
            let called = after("called").map_or(before.name, str::to_owned);
            let heard = match (fires, after("until")) {
                (true, _) => Heard::Fired,
                (false, Some(until)) => Heard::Resolved { stated: Some(when(until)) },
                (false, None) if words.contains(&"without") => Heard::Resolved { stated: None },
                (false, None) => Heard::Resolved { stated: Some(now) },
            };
            let severity = after("as").map_or(Severity::Error, |name| {
                Severity::ALL.into_iter().find(|(known, _)| *known == name).unwrap().1
            });
            signals.push(Signal {
                series: format!("am/{name}").parse().unwrap(),
                started,
                heard,
                severity,
                labels: BTreeMap::from([
                    ("alertname".to_owned(), called.clone()),
                    ("backend".to_owned(), member.clone()),
                ]),
                annotations: BTreeMap::new(),
                received: now,
            });
            if fires {
                self.fired.insert(name, Fired { started, member, name: called });
            }
        }
        self.world.deliver(PROCESS, &signals);
        match after("before") {
            Some(what) => self.world.until(PROCESS, what),
            None => self.world.run(),
        }
    }

    /// Makes ids short and the same in every run, and times those of the story.
    fn short(&mut self, text: &str) -> String {
        let is_id = |word: &str| {
            word.len() == 16 && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
        };
        let mut word = |word: &str| {
            let known = word.trim_end_matches([':', ',', ';']);
            let rest = &word[known.len()..];
            if is_id(known) {
                let next = self.ids.len() + 1;
                let number = *self.ids.entry(known.to_owned()).or_insert(next);
                format!("#{number}{rest}")
            } else if let Ok(time) = known.parse() {
                format!("{}{rest}", moment(time))
            } else {
                word.to_owned()
            }
        };
        text.split(' ').map(&mut word).collect::<Vec<_>>().join(" ")
    }
}

/// Everything, where nothing is said; `the pool`, or `play drain`.
fn paused(words: &[&str]) -> Paused {
    match words {
        [] => Paused::Everything,
        ["the", "pool"] => Paused::Pool(backend()),
        ["play", play] => Paused::Play(play.parse().unwrap()),
        _ => panic!("{words:?}"),
    }
}

/// `a` is itself; `a1..a3` is three.
fn names(text: &str) -> Vec<String> {
    let Some((first, last)) = text.split_once("..") else { return vec![text.to_owned()] };
    let name = first.trim_end_matches(|char: char| char.is_ascii_digit());
    let number = |text: &str| text[name.len()..].parse::<u32>().unwrap();
    (number(first)..=number(last)).map(|number| format!("{name}{number}")).collect()
}

/// A line of the ledger without the numbers of its alerts.
fn without_alerts(text: &str) -> String {
    let word = |word: &str| match word.trim_start_matches('(').strip_prefix("am/") {
        Some(name) => format!("am/{}", name.trim_end_matches(|char: char| !char.is_alphabetic())),
        None => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn seconds(words: &[&str]) -> i64 {
    words.join(" ").parse::<SignedDuration>().unwrap().as_secs()
}

/// A time of the story, as hours, minutes and seconds since its beginning.
fn moment(time: Timestamp) -> String {
    let seconds = time.duration_since(at(0)).as_secs();
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Reads what [`moment`] writes.
fn when(text: &str) -> Timestamp {
    at(text.split(':').fold(0, |whole, part| whole * 60 + part.parse::<i64>().unwrap()))
}
