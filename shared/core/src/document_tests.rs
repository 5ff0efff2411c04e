//! What a document remembers, and for how long.

use super::*;
use crate::{
    answer::{Answer, ReconnectAnswer},
    claim::{Asked, Claim},
    effect::Effect,
    etag::{Etag, Guard},
    field::{Change, Value},
    group::RunOf,
    id::IntentId,
    lease::{Lease, Until},
    ledger::What,
    overrides::{End, Life, Standing},
    shown::Shown,
    signal::Severity,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn backend() -> BackendId {
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/\
     Microsoft.ApiManagement/service/contoso/backends/pool"
        .parse()
        .unwrap()
}

fn intent(at: Timestamp) -> Intent {
    let field = Field::weight(&"eu".parse().unwrap());
    let change = Change { field, before: Value::Number(50), after: Value::Number(0) };
    Intent {
        id: IntentId::derive(&["one"]),
        guard: Guard::Etag(Etag("\"1\"".to_owned())),
        changes: vec![change],
        make: None,
        way: Way::Plain,
        steps: BTreeMap::new(),
        at,
        outrun: false,
    }
}

/// A clock that ran an hour ahead, and is right again: nothing waits for that hour.
#[test]
fn a_time_that_ran_ahead_is_taken_back_with_all_that_was_noted_by_it() {
    let (now, ahead) = (at(10_000), at(13_600));
    let mut document = Document::new(backend(), ahead);
    let mut said = Vec::new();
    document.intents.push(intent(ahead));
    document.unreachable("down", None, ahead, &mut said);
    document.wake_now(ahead);
    assert!(document.arm().is_some_and(|wake| wake > ahead));
    document.rewind(now);
    assert_eq!((document.now, document.wake), (now, Some(now)));
    assert_eq!((&document.trouble, document.alarm), (&None, None));
    assert_eq!(document.intents[0].at, now);
    // Clocks that differ by less are as good as one another.
    let before = document.clone();
    document.rewind(at(9_980));
    assert_eq!(document, before);
}

/// Who asks for an end at 3 a.m. does not wait for us to try again; for Azure he does.
#[test]
fn a_person_who_insists_waits_only_for_what_azure_has_named() {
    let (now, mut said) = (at(10_000), Vec::new());
    let waits = |until| {
        let mut document = Document::new(backend(), now);
        document.intents.push(intent(now));
        document.unreachable("down", until, now, &mut Vec::new());
        document.insist();
        document.wake
    };
    assert_eq!(waits(None), Some(now));
    assert_eq!(waits(Some(at(10_030))), Some(at(10_030)));
    // Nor is anything put off by it.
    let mut document = Document::new(backend(), now);
    document.unreachable("down", None, now, &mut said);
    let at_rest = document.clone();
    document.insist();
    assert_eq!(document, at_rest, "nothing is going on");
    document.intents.push(intent(now));
    document.advance(at(10_500));
    document.insist();
    assert_eq!(document.trouble.map(|trouble| trouble.until), Some(at(10_001)));
}

/// Whoever looks with a wrong clock leaves the time as it is, says so once, and is not waited for.
#[test]
fn a_look_by_a_wrong_clock_moves_no_time() {
    let (now, mut said) = (at(10_000), Vec::new());
    let mut document = Document::new(backend(), now);
    document.wake_now(now);
    for seconds in [0, 5, 10] {
        document.untimely("its clock is wrong", at(10_000 + seconds), &mut said);
    }
    assert_eq!((document.now, document.wake), (now, Some(now)));
    assert_eq!(document.trouble.as_ref().map(|trouble| trouble.until), Some(now));
    assert_eq!(said.len(), 1, "{said:?}");
}

/// One that is due.
fn reconnect(now: Timestamp) -> Reconnect {
    Reconnect {
        target: backend(),
        of: RunOf::Play("drain".parse().unwrap()),
        start: None,
        series: "prometheus/1".parse().unwrap(),
        due: now,
        asked: Vec::new(),
        after: None,
        outcome: None,
    }
}

/// What a pause waits for.
#[test]
fn what_was_sent_is_unanswered_until_its_answer_is_known() {
    let (now, mut said) = (at(10_000), Vec::new());
    let mut document = Document::new(backend(), now);
    let id = ReconnectId::derive(&["one"]);
    document.reconnects.insert(id.clone(), reconnect(now));
    assert!(!document.is_unanswered(), "nothing was sent");
    document.reconnects.get_mut(&id).unwrap().asked.push(now);
    assert!(document.is_unanswered(), "a reconnect was");
    let accepted = ReconnectAnswer::Accepted { after: SignedDuration::from_mins(2) };
    document.reconnect_answer(&id, &accepted, now, &mut said);
    assert!(!document.is_unanswered(), "it was answered");
    document.intents.push(intent(now));
    assert!(document.is_unanswered(), "a write was sent");
}

#[test]
fn an_azure_that_asks_to_wait_for_nothing_is_asked_a_second_later_at_the_earliest() {
    let now = at(10_000);
    for until in [None, Some(now), Some(at(0)), Some(at(10_001))] {
        let (mut document, mut said) = (Document::new(backend(), now), Vec::new());
        document.intents.push(intent(now));
        let id = document.intents[0].id.clone();
        document.answer(&id, &Answer::Throttled { until }, now, &mut said);
        assert_eq!(document.trouble.map(|trouble| trouble.until), Some(at(10_001)));
        assert_eq!(said, [What::Throttled { until: at(10_001), intent: Some(id) }]);
    }
}

#[test]
fn what_could_not_be_sent_is_told_apart_from_what_azure_refuses() {
    let told = |answer: Answer| {
        let now = at(10_000);
        let (mut document, mut said) = (Document::new(backend(), now), Vec::new());
        document.intents.push(intent(now));
        let id = document.intents[0].id.clone();
        document.answer(&id, &answer, now, &mut said);
        assert!(document.intents.is_empty() && document.trouble.is_some());
        said.iter().map(What::to_string).collect::<Vec<_>>().join("; ").replace(id.as_str(), "ID")
    };
    let why = || "no such host".to_owned();
    let not_sent = told(Answer::NotSent { why: why() });
    assert_eq!(not_sent, "write ID could not be sent: no such host");
    assert_eq!(told(Answer::Refused { why: why() }), "write ID was refused: no such host");
    // So is a reconnect: it was not asked for, and nobody wonders whether it was taken.
    let now = at(10_000);
    let (mut document, mut said) = (Document::new(backend(), now), Vec::new());
    let id = ReconnectId::derive(&["one"]);
    document.reconnects.insert(id.clone(), reconnect(now));
    let not_sent = ReconnectAnswer::NotSent { why: why() };
    document.reconnect_answer(&id, &not_sent, now, &mut said);
    let says = "the reconnect of contoso/pool could not be asked for: no such host";
    assert_eq!(said.iter().map(What::to_string).collect::<Vec<_>>(), [says]);
}

/// A write may be decided from what was read before only where all that is known agrees.
#[test]
fn what_was_read_before_is_trusted_until_something_speaks_against_it() {
    let etag = |text: &str| Etag(text.to_owned());
    let (one, two) = (etag("\"1\""), etag("\"2\""));
    let fresh = Document::new(backend(), at(0));
    assert!(fresh.may_trust(&one), "it is the first");
    let mut seen = fresh.clone();
    seen.etags.seen(&one);
    assert!(seen.may_trust(&one) && !seen.may_trust(&two));
    type Spoil = fn(&mut Document);
    let against: [(&str, Spoil); 4] = [
        ("a write is on its way", |document| document.intents.push(intent(at(0)))),
        ("Azure does not answer", |document| {
            document.unreachable("down", None, at(0), &mut Vec::new());
        }),
        ("a cache has answered", |document| document.etags.stale(at(0))),
        ("it was not there", |document| document.etags.missed(at(0))),
    ];
    for (why, change) in against {
        let mut document = seen.clone();
        change(&mut document);
        assert!(!document.may_trust(&one), "{why}");
    }
    for answer in [Answer::Outrun, Answer::Overtaken] {
        let mut document = seen.clone();
        document.intents.push(intent(at(0)));
        document.answer(&IntentId::derive(&["one"]), &answer, at(0), &mut Vec::new());
        document.intents.clear();
        assert!(!document.may_trust(&one), "{answer:?}");
    }
    seen.etags.seen(&two);
    assert!(!seen.may_trust(&one) && seen.may_trust(&two));
}

/// The occurrence that asks again while an undo waits for a resume has neither an effect nor a line else.
#[test]
fn an_undo_of_what_is_asked_for_again_is_told_each_time() {
    let claim = |since: i64| Claim {
        id: OverrideId::derive(&["drain"]),
        backend: backend(),
        play: "drain".parse().unwrap(),
        asked: Asked {
            generation: 1,
            effect: Effect::Drain { member: "eu".parse().unwrap() },
            lease: Lease {
                until: Until::Resolved { at_most: SignedDuration::from_hours(1) },
                hold: SignedDuration::ZERO,
                ramp: Vec::new(),
                every: SignedDuration::ZERO,
            },
            after: Vec::new(),
            alert: Shown::default(),
            severity: Severity::Critical,
            started: at(0),
            silent: None,
            since: at(since),
        },
    };
    let (first, second) = ("test/1".parse().unwrap(), "test/2".parse().unwrap());
    let (mut document, mut said) = (Document::new(backend(), at(0)), Vec::new());
    let (id, eu) = (claim(0).id, "eu".parse().unwrap());
    document.claim(&first, &claim(0), true, &mut said);
    let over = document.overrides.get_mut(&id).unwrap();
    over.life = Life::Begun { at: at(0), warned: None };
    over.standing = Standing::Admitted;
    let owned = Owned { written: Value::Number(0), stood: true, ..Owned::fresh(Value::Number(50)) };
    document.owned.insert(Field::weight(&eu), owned);
    let undo = |document: &mut Document, second| {
        let mut said = Vec::new();
        document.advance(at(second));
        document.undo(&id, "ops", "enough", &mut said);
        said
    };
    let ended = What::Ended {
        id: id.clone(),
        why: End::Undone { by: "ops".to_owned(), reason: "enough".to_owned() },
    };
    assert_eq!(undo(&mut document, 1), std::slice::from_ref(&ended));
    assert_eq!(undo(&mut document, 2), []);
    document.claim(&second, &claim(3), true, &mut said);
    assert_eq!(undo(&mut document, 4), [ended]);
    assert_eq!(undo(&mut document, 5), []);
}
