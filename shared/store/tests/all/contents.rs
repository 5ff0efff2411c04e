//! The store's promises: versions compared, all or nothing, what was saved is read.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::support::{World, at, backend, document, line, series, series_id, wake};
use pointsman_core::{
    claim::{Asked, Claim, Recall},
    effect::Effect,
    group::{Group, Pause, RunId, RunOf, Scope},
    id::OverrideId,
    lease::{Lease, Until},
    notice::{About, Kind, Notice, Notices},
    shown::Shown,
    signal::{Heard, Severity, Signal},
};
use pointsman_engine::{
    message::Message,
    ports::{
        Chosen, Commit, DEAD_LETTERS_MAX, DeadLetter, DeadLetterPart, Published, Receipt, Sent,
        Store, StoreError, Versioned,
    },
};
use pointsman_store::Micros;
use pointsman_store::messages::{self, Bounds, Held, Row};

fn conflict<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Conflict)), "{result:?}");
}

fn of_series(versioned: Versioned<pointsman_core::series::Series>) -> Commit {
    Commit { series: vec![versioned], ..Commit::default() }
}

fn of_document(versioned: Versioned<pointsman_core::document::Document>) -> Commit {
    Commit { documents: vec![versioned], ..Commit::default() }
}

fn run(target: &str) -> Scope {
    Scope::Run(RunId { of: RunOf::Play("drain".parse().unwrap()), target: backend(target) })
}

fn of_group(versioned: Versioned<Group>) -> Commit {
    Commit { groups: [(Scope::Everything, versioned)].into(), ..Commit::default() }
}

#[tokio::test]
async fn a_save_is_refused_unless_its_version_is_still_the_one_it_was_made_from() {
    let world = World::new().await;
    let store = &world.store;

    store.commit(&of_document(document("eu"))).await.unwrap();
    let first = store.document(&backend("eu")).await.unwrap().unwrap();
    assert_eq!(first, Versioned { version: 1, ..document("eu") });
    store.commit(&of_document(first.clone())).await.unwrap();
    // Stored already; saved meanwhile; not stored at all.
    conflict(&store.commit(&of_document(document("eu"))).await);
    conflict(&store.commit(&of_document(first)).await);
    conflict(&store.commit(&of_document(Versioned { version: 1, ..document("us") })).await);
    assert_eq!(store.document(&backend("eu")).await.unwrap().unwrap().version, 2);
    assert_eq!(store.document(&backend("us")).await.unwrap(), None);

    store.commit(&of_series(series("a"))).await.unwrap();
    conflict(&store.commit(&of_series(series("a"))).await);
    conflict(&store.commit(&of_series(Versioned { version: 2, ..series("a") })).await);

    let (all, none) = (Scope::Everything, || Versioned::new(Group::default()));
    let both = [all.clone(), run("eu")].into();
    let groups = |everything| BTreeMap::from([(all.clone(), everything), (run("eu"), none())]);
    assert_eq!(store.groups(&both).await.unwrap(), groups(none()));
    store.commit(&of_group(Versioned::new(Group::default()))).await.unwrap();
    conflict(&store.commit(&of_group(Versioned::new(Group::default()))).await);
    conflict(&store.commit(&of_group(Versioned { version: 2, body: Group::default() })).await);
    let pause =
        Pause { by: "ann".to_owned(), reason: "test".to_owned(), at: at("12:00:00"), until: None };
    let paused = Versioned { version: 1, body: Group { paused: Some(pause), ..Group::default() } };
    store.commit(&of_group(paused.clone())).await.unwrap();
    let stored = store.groups(&both).await.unwrap();
    assert_eq!(stored, groups(Versioned { version: 2, ..paused }));
    world.close().await;
}

#[tokio::test]
async fn what_was_decided_under_another_group_document_is_refused() {
    let world = World::new().await;
    let seen = |version, document| {
        let groups_seen = [(Scope::Everything, version), (run("eu"), 0)].into();
        Commit { groups_seen, ..of_document(document) }
    };
    conflict(&world.store.commit(&seen(1, document("eu"))).await);
    world.store.commit(&seen(0, document("eu"))).await.unwrap();
    world.store.commit(&of_group(Versioned::new(Group::default()))).await.unwrap();
    let loaded = world.store.document(&backend("eu")).await.unwrap().unwrap();
    conflict(&world.store.commit(&seen(0, loaded.clone())).await);
    // A scope that this was not decided by is of no concern.
    let groups = [(run("us"), Versioned::new(Group::default()))].into();
    world.store.commit(&Commit { groups, ..Commit::default() }).await.unwrap();
    world.store.commit(&seen(1, loaded)).await.unwrap();
    world.close().await;
}

/// A commit of everything, each part of which would be new.
fn everything() -> Commit {
    let mut notices = Notices::default();
    notices.note(Kind::Unmatched, "am", at("12:00:00"), "no play matches it");
    Commit {
        notices,
        notices_over: vec![About::new(Kind::Blind, "main")],
        series: vec![series("a"), series("b")],
        documents: vec![document("eu")],
        groups: [(run("eu"), Versioned::new(Group::default()))].into(),
        documents_seen: vec![(backend("seen"), 0)],
        groups_seen: [(Scope::Everything, 0)].into(),
        lines: vec![line("eu", "one"), line("eu", "two")],
        dead_letters: vec![DeadLetter::new(at("12:00:00"), "am", "no JSON", "{".to_owned())],
        send: vec![wake("eu")],
        complete: Vec::new(),
    }
}

#[tokio::test]
async fn a_commit_that_fails_in_any_part_leaves_nothing() {
    const TABLES: [&str; 8] =
        ["series", "claims", "documents", "groups", "ledger", "letters", "notices", "messages"];
    let world = World::new().await;
    let lost = Held { id: wake("us").id, lock: 7 }.receipt();
    let old = |name| Versioned { version: 3, ..series(name) };
    let failing: [fn(&mut Commit, Receipt, Versioned<_>); 6] = [
        |commit, lost, _| commit.complete.push(lost),
        |commit, _, old| commit.series.push(old),
        |commit, _, _| commit.documents.push(Versioned { version: 1, ..document("us") }),
        |commit, _, _| {
            commit.groups = [(run("us"), Versioned { version: 1, body: Group::default() })].into();
        },
        |commit, _, _| commit.groups_seen = [(run("us"), 5)].into(),
        |commit, _, _| commit.documents_seen = vec![(backend("seen"), 5)],
    ];
    for (place, fail) in failing.iter().enumerate() {
        let mut commit = everything();
        fail(&mut commit, lost.clone(), old("c"));
        let refused = world.store.commit(&commit).await;
        assert!(matches!(refused, Err(StoreError::Conflict | StoreError::LockLost)), "{refused:?}");
        for table in TABLES {
            assert_eq!(world.count(table).await, 0, "{table} after failure {place}");
        }
    }
    world.store.commit(&everything()).await.unwrap();
    for (table, rows) in TABLES.into_iter().zip([2, 0, 1, 1, 2, 1, 1]) {
        assert_eq!(world.count(table).await, rows, "{table}");
    }
    world.close().await;
}

#[tokio::test]
async fn lines_letters_and_messages_are_kept_once() {
    let world = World::new().await;
    let twice = || Commit {
        series: Vec::new(),
        documents: Vec::new(),
        groups: BTreeMap::new(),
        groups_seen: BTreeMap::new(),
        ..everything()
    };
    world.store.commit(&twice()).await.unwrap();
    world.store.commit(&twice()).await.unwrap();
    assert_eq!(world.store.history(None, 10).await.unwrap(), twice().lines);
    assert_eq!(world.store.dead_letters(10).await.unwrap(), twice().dead_letters);
    assert_eq!(world.count("messages").await, 1);
    world.close().await;
}

#[tokio::test]
async fn a_large_commit_is_one_commit() {
    let world = World::new().await;
    let names: Vec<String> = (0..1_000).map(|number| format!("s{number}")).collect();
    let lines: Vec<_> = (0..10_000).map(|number| line("eu", &number.to_string())).collect();
    let commit = Commit {
        series: names.iter().map(|name| series(name)).collect(),
        lines: lines.clone(),
        ..Commit::default()
    };
    let before = world.database().commits();
    world.store.commit(&commit).await.unwrap();
    assert_eq!(world.database().commits(), before + 1);
    assert_eq!(world.store.history(None, 20_000).await.unwrap(), lines);

    let ids: Vec<_> = names.iter().map(|name| series_id(name)).chain([series_id("none")]).collect();
    let mut found = world.store.series(&ids).await.unwrap();
    assert_eq!(found.len(), 1_000);
    assert!(found.iter().all(|series| series.version == 1));

    // All of them again, and then with one that is out of date.
    world.store.commit(&Commit { series: found.clone(), ..Commit::default() }).await.unwrap();
    for series in &mut found {
        series.version = 2;
    }
    found[517].version = 1;
    conflict(&world.store.commit(&Commit { series: found, ..Commit::default() }).await);
    let versions = world.store.series(&ids).await.unwrap();
    assert!(versions.iter().all(|series| series.version == 2));
    world.close().await;
}

#[tokio::test]
async fn history_is_the_newest_in_order_of_one_backend_or_of_all() {
    let world = World::new().await;
    let lines = vec![line("eu", "1"), line("us", "2"), line("eu", "3"), line("eu", "4")];
    world.store.commit(&Commit { lines: lines.clone(), ..Commit::default() }).await.unwrap();
    let of = async |backend: Option<&str>, most| {
        let backend = backend.map(crate::support::backend);
        world.store.history(backend.as_ref(), most).await.unwrap()
    };
    assert_eq!(of(None, 2).await, lines[2..]);
    assert_eq!(of(Some("eu"), 2).await, lines[2..]);
    assert_eq!(of(Some("us"), 9).await, lines[1..2]);
    assert_eq!(of(Some("jp"), 9).await, []);
    world.close().await;
}

#[tokio::test]
async fn documents_whose_look_was_missed_are_found_the_longest_overdue_first() {
    let world = World::new().await;
    for (name, wake) in
        [("a", Some("12:03:00")), ("b", Some("12:01:00")), ("c", None), ("d", Some("12:09:00"))]
    {
        let mut document = document(name);
        document.body.wake = wake.map(at);
        world.store.commit(&of_document(document)).await.unwrap();
    }
    let overdue = async |before, most| world.store.overdue(at(before), most).await.unwrap();
    assert_eq!(overdue("12:05:00", 9).await, [backend("b"), backend("a")]);
    assert_eq!(overdue("12:05:00", 1).await, [backend("b")]);
    assert_eq!(overdue("12:01:00", 9).await, []);
    assert_eq!(world.store.documents().await.unwrap().len(), 4);
    world.close().await;
}

#[tokio::test]
async fn series_that_are_quiet_for_long_are_forgotten() {
    let world = World::new().await;
    let mut all = [series("on"), series("lost"), series("over"), series("late"), series("new")];
    for (one, received) in [(0, "12:00:00"), (1, "09:30:00")] {
        let firing = Signal {
            series: all[one].body.id.clone(),
            started: at("09:00:00"),
            heard: Heard::Fired,
            severity: Severity::Warning,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            received: at(received),
        };
        all[one].body.merge(&firing, at(received));
    }
    all[2].body.ended = Some(at("09:00:00"));
    all[3].body.ended = Some(at("11:00:00"));
    world.store.commit(&Commit { series: all.to_vec(), ..Commit::default() }).await.unwrap();
    assert_eq!(world.store.forget_series(at("10:00:00")).await.unwrap(), 2);
    let left = ["on", "lost", "over", "late", "new"].map(series_id);
    let left = world.store.series(&left).await.unwrap();
    let mut left: Vec<_> = left.iter().map(|one| one.body.id.fingerprint().to_owned()).collect();
    left.sort_unstable();
    assert_eq!(left, ["late", "new", "on"]);
    world.close().await;
}

/// What is behind an override is found by its id: the strongest first, without what was undone or is
/// over by the clock, and as the series last said.
#[tokio::test]
async fn claims_are_found_by_the_override_that_they_are_of() {
    let world = World::new().await;
    let id = OverrideId::derive(&["drain eu"]);
    let claiming = |name: &str, severity, since: &str, hours| {
        let mut one = series(name);
        let firing = Signal {
            series: one.body.id.clone(),
            started: at("09:00:00"),
            heard: Heard::Fired,
            severity,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            received: at("09:00:00"),
        };
        one.body.merge(&firing, at(since));
        let lease = Lease {
            until: Until::Resolved { at_most: SignedDuration::from_hours(hours) },
            hold: SignedDuration::ZERO,
            ramp: Vec::new(),
            every: SignedDuration::ZERO,
        };
        let asked = Asked {
            generation: 1,
            effect: Effect::Drain { member: "eu".parse().unwrap() },
            lease,
            after: Vec::new(),
            alert: Shown::default(),
            severity,
            started: at("09:00:00"),
            silent: None,
            since: at(since),
        };
        let play = "drain".parse().unwrap();
        let claim = Claim { id: id.clone(), backend: backend("chat-pool"), play, asked };
        one.body.running.as_mut().unwrap().claims = vec![claim];
        one
    };
    let all = vec![
        claiming("weak", Severity::Info, "10:00:00", 3),
        claiming("strong", Severity::Critical, "10:00:00", 3),
        claiming("undone", Severity::Critical, "09:30:00", 3),
        claiming("short", Severity::Critical, "10:00:00", 1),
    ];
    world.store.commit(&Commit { series: all.clone(), ..Commit::default() }).await.unwrap();
    let names = async |recall: &Recall| {
        let found = world.store.claims(recall).await.unwrap();
        found.into_iter().map(|(series, _)| series.fingerprint().to_owned()).collect::<Vec<_>>()
    };
    let recall =
        Recall { id: id.clone(), after: Some(at("09:30:00")), begun: None, now: at("11:30:00") };
    assert_eq!(names(&recall).await, ["strong", "weak"]);
    let occurrences = world.store.occurrences(&recall).await.unwrap();
    assert_eq!((occurrences.count, occurrences.first), (2, Some(at("09:00:00"))));
    // No claim's time runs before the override has begun.
    let begun = Recall { begun: Some(at("11:00:00")), ..recall.clone() };
    assert_eq!(names(&begun).await, ["short", "strong", "weak"]);
    let mut over = all[1].clone().saved();
    over.body.running = None;
    world.store.commit(&Commit { series: vec![over], ..Commit::default() }).await.unwrap();
    assert_eq!(names(&recall).await, ["weak"]);
    assert_eq!(world.count("claims").await, 3);
    // What is forgotten asks for nothing any more.
    assert_eq!(world.store.forget_series(at("23:00:00")).await.unwrap(), 4);
    assert_eq!(world.count("claims").await, 0);
    world.close().await;
}

/// What was decided by a document that someone else has changed is not saved.
#[tokio::test]
async fn a_document_that_was_only_seen_must_be_as_it_was() {
    let world = World::new().await;
    let seen = |version| Commit {
        documents_seen: vec![(backend("chat-pool"), version)],
        series: vec![series("one")],
        ..Commit::default()
    };
    assert!(matches!(world.store.commit(&seen(1)).await, Err(StoreError::Conflict)));
    assert_eq!(world.count("series").await, 0);
    world.store.commit(&seen(0)).await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn generations_follow_one_another() {
    let world = World::new().await;
    assert_eq!(world.store.published().await.unwrap(), None);
    let generation = |number: u64| Published {
        number,
        text: format!("version: 1 # {number}"),
        at: at("12:00:00"),
        by: "ann".to_owned(),
    };
    conflict(&world.store.publish(&generation(2), &[]).await);
    world.store.publish(&generation(1), &[line("eu", "one")]).await.unwrap();
    conflict(&world.store.publish(&generation(1), &[line("eu", "two")]).await);
    world.store.publish(&generation(2), &[]).await.unwrap();
    assert_eq!(world.store.published().await.unwrap(), Some(generation(2)));
    assert_eq!(world.store.generation(1).await.unwrap(), Some(generation(1)));
    assert_eq!(world.store.generation(3).await.unwrap(), None);
    let listed = async |most| world.store.generations(most).await.unwrap();
    assert_eq!(listed(9).await, [generation(1), generation(2)]);
    assert_eq!(listed(1).await, [generation(2)]);
    assert_eq!(world.store.history(None, 9).await.unwrap(), [line("eu", "one")]);
    world.close().await;
}

/// Puts dead letters away.
async fn put_away(world: &World, dead_letters: Vec<DeadLetter>) {
    world.store.commit(&Commit { dead_letters, ..Commit::default() }).await.unwrap();
}

async fn bodies(world: &World) -> Vec<String> {
    world.store.dead_letters(9).await.unwrap().into_iter().map(|letter| letter.body).collect()
}

#[tokio::test]
async fn dead_letters_are_dropped_one_by_one_by_source_by_age_or_all() {
    let world = World::new().await;
    let letters = || {
        [
            ("12:00:00", "am", "a"),
            ("12:00:01", "queue", "b"),
            ("12:00:02", "am", "c"),
            ("12:00:03", "am", "d"),
        ]
        .map(|(time, from, body)| DeadLetter::new(at(time), from, "no use", body.to_owned()))
        .to_vec()
    };
    put_away(&world, letters()).await;
    let dropping = async |chosen| world.store.drop_dead_letters(&chosen).await.unwrap();
    let one = || Chosen { id: Some(letters()[0].id.clone()), ..Chosen::default() };
    assert_eq!((dropping(one()).await, dropping(one()).await), (1, 0));
    let early =
        Chosen { from: Some("am".to_owned()), before: Some(at("12:00:03")), ..Chosen::default() };
    assert_eq!(dropping(early).await, 1);
    assert_eq!(bodies(&world).await, ["b", "d"]);
    let queue = Chosen { from: Some("queue".to_owned()), ..Chosen::default() };
    assert_eq!(dropping(queue).await, 1);
    put_away(&world, letters()).await;
    assert_eq!(world.store.count_dead_letters().await.unwrap(), 4);
    assert_eq!(dropping(Chosen::default()).await, 4);
    assert_eq!(bodies(&world).await, [""; 0]);
    world.close().await;
}

#[tokio::test]
async fn notices_are_added_up_as_the_core_adds_them_up() {
    let world = World::new().await;
    let mut wanted = Notices::default();
    // In hours: in order, out of order, within a day and beyond it.
    for (number, hour) in [5, 6, 4, 29, 31, 60, 58, 90].into_iter().enumerate() {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour);
        let mut notices = Notices::default();
        for kind in [Kind::Unmatched, Kind::TooLarge] {
            notices.note(kind, "am", at, &format!("number {number}"));
        }
        let severity = Some(if number == 3 { Severity::Critical } else { Severity::Info });
        let about = About { severity, ..About::new(Kind::Unmatched, "am") };
        notices.add(about, Notice::new(at, "as bad as that"));
        notices.note(Kind::Unmatched, if number < 4 { "other" } else { "am" }, at, "again");
        for (about, notice) in notices.iter() {
            wanted.add(about.clone(), notice.clone());
        }
        world.store.commit(&Commit { notices, ..Commit::default() }).await.unwrap();
        assert_eq!(world.store.notices().await.unwrap(), wanted, "after {number}");
    }
    let critical =
        About { severity: Some(Severity::Critical), ..About::new(Kind::Unmatched, "am") };
    let notices_over = vec![About::new(Kind::TooLarge, "am"), critical];
    for over in &notices_over {
        assert!(wanted.remove(over).is_some());
    }
    let commit = Commit { notices_over, ..Commit::default() };
    world.store.commit(&commit).await.unwrap();
    let before = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(90);
    wanted.forget(before);
    assert_eq!(world.store.forget_notices(before).await.unwrap(), 1);
    assert_eq!(world.store.notices().await.unwrap(), wanted);
    world.close().await;
}

#[tokio::test]
async fn the_oldest_dead_letters_go_where_there_are_too_many() {
    let world = World::new().await;
    let letter = |number: usize| {
        let time = at("12:00:00") + SignedDuration::from_secs(number as i64);
        DeadLetter::new(time, "am", "no use", number.to_string())
    };
    put_away(&world, (0..DEAD_LETTERS_MAX + 3).map(letter).collect()).await;
    put_away(&world, vec![letter(9_999)]).await;
    assert_eq!(world.count("letters").await, DEAD_LETTERS_MAX as i64);
    let left = world.store.dead_letters(usize::MAX).await.unwrap();
    assert_eq!((&*left[0].body, &*left[left.len() - 1].body), ("4", "9999"));
    world.close().await;
}

#[tokio::test]
async fn a_dead_letters_parts_are_kept() {
    let world = World::new().await;
    let part = |number: usize| DeadLetterPart {
        reason: format!("reason {number}"),
        body: format!("body {number}"),
    };
    let many = DeadLetter::of(at("12:00:00"), "am", "alerts", (0..5_000).map(part).collect());
    put_away(&world, vec![many.clone().unwrap()]).await;
    assert_eq!(world.store.dead_letters(9).await.unwrap(), [many.unwrap()]);
    world.close().await;
}

/// Locks what is due now, in the world's database.
async fn take(world: &World, lock: u64) -> messages::Taken {
    let now = at("12:00:00");
    let bounds = Bounds {
        messages_max: 99,
        bytes_max: 1 << 20,
        deliveries_max: 9,
        until: Micros::from(at("12:00:30")),
    };
    let job = world.database().write(move |conn| messages::take(conn, now, lock, bounds));
    job.await.unwrap()
}

#[tokio::test]
async fn a_message_that_is_sent_again_while_it_is_locked_comes_once_more() {
    let world = World::new().await;
    let sending = Commit { send: vec![wake("eu")], ..Commit::default() };
    world.store.commit(&sending.clone()).await.unwrap();
    let first = take(&world, 1).await.locked;
    assert_eq!(first.len(), 1);

    // Twice while it is locked: once more, not twice.
    world.store.commit(&sending.clone()).await.unwrap();
    let row = Row::new(&wake("eu"), at("12:00:00")).unwrap();
    let again = world.database().write(move |conn| messages::insert(conn, &row));
    assert_eq!(again.await.unwrap(), Sent::Duplicate);
    assert_eq!(take(&world, 2).await.locked, [], "it is locked");

    let done = Commit { complete: vec![first[0].held.receipt()], ..Commit::default() };
    world.store.commit(&done.clone()).await.unwrap();
    let again = world.store.commit(&done).await;
    assert!(matches!(again, Err(StoreError::LockLost)), "{again:?}");
    let second = take(&world, 3).await.locked;
    assert_eq!((second.len(), second[0].deliveries), (1, 1));

    // Completing it and sending it in one commit leaves it waiting.
    let complete = vec![second[0].held.receipt()];
    world.store.commit(&Commit { complete, ..sending }).await.unwrap();
    let third = take(&world, 4).await.locked;
    let message: Message = pointsman_store::stored::read(&third[0].body).unwrap();
    assert_eq!(message, wake("eu").message);
    world.close().await;
}

#[tokio::test]
async fn many_messages_are_done_with_in_one_commit_or_none_is() {
    const MANY: usize = 80;
    let world = World::new().await;
    let wakes = || (0..MANY).map(|number| wake(&number.to_string())).collect();
    let sending = || Commit { send: wakes(), ..Commit::default() };
    world.store.commit(&sending()).await.unwrap();
    let locked = take(&world, 1).await.locked;
    assert_eq!(locked.len(), MANY);
    // One of them is sent again, and waits once more when it is done with.
    let again = Commit { send: vec![wake("7")], ..Commit::default() };
    world.store.commit(&again).await.unwrap();
    let receipts = || locked.iter().map(|one| one.held.receipt());
    let lost = Held { lock: 2, ..locked[0].held.clone() };
    let complete = receipts().skip(1).chain([lost.receipt()]).collect();
    let refused = world.store.commit(&Commit { complete, ..Commit::default() }).await;
    assert!(matches!(refused, Err(StoreError::LockLost)), "{refused:?}");
    assert_eq!(world.count("messages").await, MANY as i64);
    let complete = receipts().collect();
    world.store.commit(&Commit { complete, ..Commit::default() }).await.unwrap();
    let left = take(&world, 3).await.locked;
    assert_eq!((left.len(), &left[0].held.id), (1, &wake("7").id));
    world.close().await;
}
