//! What a look asks for, step by step, with nothing behind it.

use jiff::SignedDuration;
use pointsman_core::{
    etag::Etag,
    field::Value,
    hear::hear,
    playbook,
    pool::{Member, Pool},
    series::Series,
    signal::{Heard, Severity, Signal},
    wake::LOOK_EVERY,
};

use super::*;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(10_000 + second).unwrap()
}

fn loaded() -> Arc<Loaded> {
    let text = "version: 1\nservices:\n  main: {subscription: 00000000-0000-0000-0000-000000000001, \
                resourceGroup: rg1, name: contoso}\npools:\n  pool: {service: main, backend: pool}\n\
                plays:\n  - name: drain\n    when: \"true\"\n    do: [{drain: {pool: pool, member: m0}}]\n";
    Arc::new(Loaded { number: 1, playbook: playbook::read(text).unwrap() })
}

/// A document that an alert has asked something of.
pub(crate) fn document() -> Versioned<Document> {
    let signal = Signal {
        series: "am/one".parse().unwrap(),
        started: at(0),
        heard: Heard::Fired,
        severity: Severity::Error,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        received: at(0),
    };
    let playbook = loaded();
    let mut series = Series::new(signal.series.clone());
    let hearing = hear(&mut series, &signal, playbook.generation(), at(0));
    let (backend, edits) = hearing.edits.into_iter().next().unwrap();
    let mut body = Document::new(backend, at(0));
    for mut edit in edits {
        body.edit(&mut edit, &mut Vec::new());
    }
    Versioned { version: 3, body }
}

fn sight(etag: &str, m0: u8) -> Sight {
    let member = |name: &str, weight| Member {
        name: name.parse().unwrap(),
        weight: Value::Number(weight),
        priority: Value::Absent,
    };
    let pool = Pool::new(vec![member("m0", m0), member("m1", 50)]).unwrap();
    let observed = Observed::Shown { etag: Etag(etag.to_owned()), body: pool.into() };
    Sight { observed, date: None, raw: None }
}

fn fresh() -> Look {
    Look::new(Mode::Live, LOOK_EVERY)
}

/// Gives what is needed before anything is seen.
fn prepared(mut look: Look) -> Look {
    assert!(matches!(look.next(at(1), None), Needs::Playbook(_)));
    look.read_playbook(loaded());
    let scopes = look.document().unwrap().scopes();
    assert!(matches!(look.next(at(1), None), Needs::Groups(asked) if asked == scopes));
    look.load_groups(scopes.into_iter().map(|it| (it, Versioned::new(Group::default()))).collect());
    look
}

fn save(needs: Needs) -> (Commit, Todo) {
    let Needs::Save(save) = needs else { panic!("{needs:?}") };
    *save
}

#[test]
fn a_write_from_first_to_last() {
    let mut look = fresh();
    assert!(matches!(look.next(at(1), None), Needs::Document));
    look.load(Some(document()), at(1));
    let mut look = prepared(look);
    assert!(matches!(look.next(at(1), None), Needs::Fact(Fact::Sight)));
    look.saw(Seen::now(sight("\"1\"", 50)));
    let (commit, todo) = save(look.next(at(1), None));
    assert_eq!(commit.documents[0].version, 3);
    assert_eq!(
        commit.groups_seen,
        document().body.scopes().into_iter().map(|it| (it, 0)).collect()
    );
    let Todo::Write { intent, old: false, .. } = todo else { panic!("{todo:?}") };
    look.saved(Ok(()), at(1)).unwrap();
    assert!(matches!(look.next(at(1), None), Needs::Answer));
    let after = sight("\"2\"", 0);
    let Observed::Shown { etag, body } = after.observed.clone() else { panic!() };
    let answer = Answer::Written { etag, body: Some(body) };
    look.learn(Learnt::Written(intent.id, answer, Some(after)));
    let (commit, _) = save(look.next(at(2), None));
    assert_eq!((commit.documents[0].version, commit.documents[0].body.intents.len()), (4, 0));
    look.saved(Ok(()), at(2)).unwrap();
    // It goes on by what the answer showed, and all is as it should be.
    let mut look = prepared(look);
    let (commit, todo) = save(look.next(at(2), None));
    assert_eq!(commit.documents[0].version, 5);
    assert!(matches!(todo, Todo::Nothing), "{todo:?}");
    look.saved(Ok(()), at(2)).unwrap();
    assert!(matches!(look.next(at(2), None), Needs::Nothing));
}

#[test]
fn what_comes_to_no_write_is_not_decided_from_memory() {
    let mut look = prepared(fresh().at(document()));
    // Not written yet, and drained already by whoever owns the pool.
    look.saw(Seen::remembered(sight("\"1\"", 0), at(0)));
    assert!(matches!(look.next(at(1), None), Needs::Fact(Fact::Read)));
    let mut look = prepared(fresh().at(document()));
    look.saw(Seen::remembered(sight("\"1\"", 50), at(0)));
    let later = at(1) + SignedDuration::from_millis(1);
    let (_, todo) = save(look.next(later, None));
    assert!(matches!(todo, Todo::Write { old: true, .. }), "{todo:?}");
}

#[test]
fn a_write_that_comes_too_soon_is_decided_anew() {
    let mut look = prepared(fresh().at(document()));
    look.saw(Seen::now(sight("\"1\"", 50)));
    let until = Instant::now();
    assert!(matches!(look.next(at(1), Some(until)), Needs::Wait(at) if at == until));
    assert!(matches!(look.next(at(4), None), Needs::Document), "all may have changed meanwhile");
}

#[test]
fn what_someone_else_saved_is_decided_from_what_was_read_unless_they_saw_more() {
    for more in [false, true] {
        let mut look = prepared(fresh().at(document()).reading());
        look.saw(Seen::now(sight("\"1\"", 50)));
        save(look.next(at(1), None));
        look.saved(Err(StoreError::Conflict), at(1)).unwrap();
        assert!(matches!(look.next(at(1), None), Needs::Document));
        let mut stored = Versioned { version: 9, ..document() };
        if more {
            stored.body.etags.seen(&Etag("\"2\"".to_owned()));
        }
        look.load(Some(stored), at(1));
        let mut look = prepared(look);
        let needs = look.next(at(1), None);
        if more {
            assert!(matches!(needs, Needs::Fact(Fact::Sight)), "{needs:?}");
        } else {
            assert_eq!(save(needs).0.documents[0].version, 9);
        }
    }
}

#[test]
fn an_answer_that_stays_older_is_put_off() {
    let mut stored = document();
    for etag in ["\"1\"", "\"2\""] {
        stored.body.etags.seen(&Etag(etag.to_owned()));
    }
    let mut look = prepared(fresh().at(stored));
    assert!(matches!(look.next(at(1), None), Needs::Fact(Fact::Sight)));
    for _ in 0..STALE_READS_MAX {
        look.saw(Seen::now(sight("\"1\"", 50)));
        assert!(matches!(look.next(at(1), None), Needs::Fact(Fact::Read)));
    }
    look.saw(Seen::now(sight("\"1\"", 50)));
    let (commit, _) = save(look.next(at(1), None));
    assert!(look.unread().is_some());
    assert_eq!(commit.documents[0].body.trouble.as_ref().unwrap().why, STALE);
    look.saved(Ok(()), at(1)).unwrap();
    assert!(matches!(look.next(at(1), None), Needs::Nothing));
}
