//! The forms that were ever written, each with a sample that is read for ever.
//!
//! `UPDATE_EXPECT=1` writes them again. That is right for the newest form before its first release;
//! after it, a difference means that a new form is needed.

use std::{collections::BTreeSet, fmt::Debug, path::PathBuf};

use expect_test::expect_file;
use pointsman_core::{
    answer::Answer,
    claim::{Asked, Behind, Claim},
    document::{
        Document, Intent, Outcome, Owned, Panic, Reconnect, Sight, SightBy, Trouble, Unmet, Way,
    },
    effect::Effect,
    etag::{Etag, Guard},
    field::{Change, Field, Value},
    fraction::Fraction,
    group::{Group, Pause, Paused, RunOf},
    hear::{Edit, hear},
    id::{IntentId, MessageId, OverrideId, ReconnectId},
    lease::{Lease, Until},
    ledger::{Line, What},
    names::{BackendName, PlayName, WindowName},
    origin::Origin,
    overrides::{End, Held, Life, Override, Standing},
    pool::{Member, Pool},
    reconnect::After,
    reconnect::Due,
    series::Series,
    shown::{SHOW_DEFAULT, Shown},
    signal::{Heard, SeriesId, Severity, Signal},
    step::Generation,
};
use pointsman_engine::{
    message::{Command, Message},
    ports::{DeadLetterPart, DeadLetterParts},
};
use pointsman_store::stored::{self, Body};

use crate::support::{at, backend, series_id};

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/2").join(name)
}

/// Holds that `body` is written as the sample has it, and that the sample reads as `body`.
fn check<T: Body + PartialEq + Debug>(name: &str, body: &T) {
    let pretty = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        serde_json::to_string_pretty(&value).unwrap() + "\n"
    };
    expect_file![sample(name)].assert_eq(&pretty(&stored::write(body).unwrap()));
    let written = std::fs::read_to_string(sample(name)).unwrap();
    assert_eq!(stored::read::<T>(&written).unwrap(), *body, "{name}");
}

fn id(name: &str) -> OverrideId {
    OverrideId::derive(&[name])
}

fn signal(heard: Heard) -> Signal {
    Signal {
        series: series_id("f00d"),
        started: at("11:58:00"),
        heard,
        severity: Severity::Critical,
        labels: [("alertname", "BackendErrors"), ("backend", "eu")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        annotations: [("summary".to_owned(), "eu answers 503".to_owned())].into(),
        received: at("12:10:00"),
    }
}

#[test]
fn dead_letter_parts() {
    let part =
        DeadLetterPart { reason: "its startsAt is not set".to_owned(), body: "{}".to_owned() };
    check("dead_letter_parts.json", &DeadLetterParts { kept: vec![part], left_out: 7 });
}

#[test]
fn series() {
    let mut over = Series::new(series_id("f00d"));
    over.ended = Some(at("11:59:00.25"));
    check("series_over.json", &over);
    let mut series = Series::new(series_id("f00d"));
    let ended = signal(Heard::Resolved { stated: Some(at("09:00:00")) });
    series.merge(&ended, at("12:00:00"));
    let earlier = Signal { started: at("11:57:59.5"), ..signal(Heard::Fired) };
    let before =
        Signal { severity: Severity::Warning, received: at("12:13:14"), ..earlier.clone() };
    for firing in [signal(Heard::Fired), earlier, before] {
        series.merge(&firing, at("12:00:00"));
    }
    let running = series.running.as_mut().unwrap();
    running.generation = 3;
    running.claims = vec![Claim {
        id: id("drain eu"),
        backend: backend("chat-pool"),
        play: "drain-failing-member".parse().unwrap(),
        asked: asked(Effect::Drain { member: "eu".parse().unwrap() }),
    }];
    check("series_running.json", &series);
    let running = series.running.as_mut().unwrap();
    running.claims[0].asked.alert = Shown::of(SHOW_DEFAULT, &signal(Heard::Fired));
    check("series_shown.json", &series);
}

fn asked(effect: Effect) -> Asked {
    Asked {
        generation: 3,
        effect,
        lease: Lease {
            until: Until::For("PT30M".parse().unwrap()),
            hold: "PT0S".parse().unwrap(),
            ramp: Vec::new(),
            every: "PT0S".parse().unwrap(),
        },
        after: Vec::new(),
        alert: Shown::default(),
        severity: Severity::Critical,
        started: at("11:58:00"),
        silent: None,
        since: at("12:00:00"),
    }
}

fn over(name: &str, effect: Effect, life: Life, standing: Standing) -> Override {
    let (series, play) = (series_id("f00d"), "drain-failing-member".parse().unwrap());
    let origin = Origin::Alert { play };
    let mut over = Override::new(id(name), origin, &series, &asked(effect), at("12:00:00"));
    if matches!(life, Life::Ended { .. }) {
        over.behind = Behind::default();
    }
    Override { life, standing, ..over }
}

/// Every variant of what a document can hold occurs in it.
fn document() -> Document {
    let member = |name: &str| name.parse::<BackendName>().unwrap();
    let drain = |name: &str| Effect::Drain { member: member(name) };
    let claimed = || Life::Claimed { at: at("12:00:00") };
    let held = |why| Standing::Held(why);
    let ended = |why| Life::Ended { at: at("12:10:00"), why, steps: Vec::new() };
    let half = Fraction::percent(50);

    let mut overrides = vec![
        over("unseen", drain("eu"), claimed(), Standing::Unseen),
        over(
            "begun",
            Effect::Shift { member: member("us"), to: "12.5%".parse().unwrap() },
            Life::Begun { at: at("12:00:01"), warned: None },
            Standing::Admitted,
        ),
        over(
            "warned",
            Effect::Split { weights: [(member("eu"), 0), (member("us"), 100)].into() },
            Life::Begun { at: at("12:00:01"), warned: Some(at("12:05:00")) },
            Standing::Yielded,
        ),
        over(
            "ramping",
            Effect::Promote { member: member("jp"), weight: Some(3) },
            Life::Ended {
                at: at("12:10:00"),
                why: End::Resolved,
                steps: vec![at("12:10:01"), at("12:12:01")],
            },
            Standing::Admitted,
        ),
        over(
            "expired",
            Effect::Promote { member: member("jp"), weight: None },
            ended(End::Expired),
            Standing::Admitted,
        ),
        over(
            "undone",
            drain("eu"),
            ended(End::Undone { by: "ann".to_owned(), reason: "by mistake".to_owned() }),
            Standing::Admitted,
        ),
        over("dropped", drain("eu"), ended(End::Dropped), Standing::Admitted),
    ];
    let reasons = [
        Held::Members { serving: 1, least: 2, by_default: false },
        Held::Share { share: Fraction::percent(30), least: half },
        Held::Emptied,
        Held::NoMember(member("gone")),
        Held::MixedWeights,
        Held::NothingServes,
        Held::SwitchedOff,
        Held::NoBackend,
        Held::Unreadable("it is a Single".to_owned()),
        Held::Paused,
    ];
    for (number, why) in reasons.into_iter().enumerate() {
        overrides.push(over(&format!("held {number}"), drain("eu"), claimed(), held(why)));
    }
    let ramping = overrides.iter_mut().find(|over| over.id == id("ramping")).unwrap();
    ramping.origin = Origin::Operator;
    ramping.severity = Severity::Info;
    ramping.resolved = Some(at("12:09:59"));
    ramping.after =
        vec![After { reconnect: backend("eu"), due: Due::After("PT5M".parse().unwrap()) }];
    ramping.lease = Lease {
        until: Until::Resolved { at_most: "PT6H".parse().unwrap() },
        hold: "PT2M".parse().unwrap(),
        ramp: vec![Fraction::percent(10), half],
        every: "PT2M".parse().unwrap(),
    };

    let mut document = Document::new(backend("chat-pool"), at("12:12:01"));
    document.generation = 3;
    document.overrides = overrides.into_iter().collect();
    document.undone = [(id("over"), at("12:11:00"))].into();
    let (weight, priority) = (Field::weight(&member("eu")), Field::priority(&member("jp")));
    document.owned = [
        (
            weight.clone(),
            Owned {
                baseline: Value::Number(3),
                written: Value::Number(0),
                stood: true,
                unmet: None,
            },
        ),
        (
            priority.clone(),
            Owned { baseline: Value::Null, written: Value::Absent, stood: false, unmet: None },
        ),
    ]
    .into();
    document.yielded = [(weight.clone(), [id("warned")].into())].into();
    document.intents = vec![Intent {
        id: IntentId::derive(&["one"]),
        guard: Guard::Etag(Etag("\"AAA\"".to_owned())),
        make: None,
        changes: vec![
            Change { field: weight, before: Value::Number(3), after: Value::Number(0) },
            Change { field: priority, before: Value::Null, after: Value::Number(1) },
        ],
        way: Way::Plain,
        steps: [(id("ramping"), 1)].into(),
        at: at("12:12:01"),
        outrun: true,
    }];
    let outcomes = [
        None,
        Some(Outcome::Accepted { at: at("12:13:00"), due: at("12:15:00") }),
        Some(Outcome::Refused { at: at("12:13:00"), why: "not found".to_owned() }),
        Some(Outcome::Unknown { at: at("12:13:00") }),
    ];
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let reconnect = Reconnect {
            target: backend("eu"),
            of: RunOf::Play("drain-failing-member".parse().unwrap()),
            start: None,
            series: series_id("f00d"),
            due: at("12:15:00"),
            after: None,
            asked: vec![at("12:12:30"); number.min(2)],
            outcome,
        };
        document.reconnects.insert(ReconnectId::derive(&[&number.to_string()]), reconnect);
    }
    document.etags.seen(&Etag("\"AAA\"".to_owned()));
    document.etags.seen(&Etag("\"AAB\"".to_owned()));
    document.trouble = Some(Trouble {
        named: false,
        since: at("12:11:00"),
        until: at("12:13:00"),
        why: "Azure asks to wait".to_owned(),
    });
    document.wake = Some(at("12:13:00"));
    document.alarm = Some(at("12:13:00"));
    document
}

#[test]
fn documents() {
    check("document_new.json", &Document::new(backend("chat-pool"), at("12:00:00")));
    check("document.json", &document());
}

/// What a pool looked like last, read and answered.
#[test]
fn documents_that_remember_what_was_seen() {
    let member =
        |name: &str, weight, priority| Member { name: name.parse().unwrap(), weight, priority };
    let members = vec![
        member("eu", Value::Number(50), Value::Number(1)),
        member("us", Value::Null, Value::Absent),
    ];
    let pool = Pool::new(members).unwrap();
    let mut document = Document::new(backend("chat-pool"), at("12:00:00"));
    let sight = Sight { at: at("11:59:58"), by: SightBy::Read, body: pool.into() };
    document.sight = Some(sight.clone());
    check("document_sight.json", &document);
    document.sight = Some(Sight { by: SightBy::Answer, ..sight });
    check("document_sight_answered.json", &document);
}

/// Since when an override is held.
#[test]
fn documents_that_know_since_when_something_is_kept_out() {
    let (name, drain) = ("held", Effect::Drain { member: "eu".parse().unwrap() });
    let held = Standing::Held(Held::Emptied);
    let one = over(name, drain, Life::Claimed { at: at("12:00:00") }, held);
    let one = Override { kept_out: Some(at("12:00:01")), ..one };
    let mut document = Document::new(backend("chat-pool"), at("12:12:01"));
    document.overrides.insert(one);
    check("document_kept_out.json", &document);
}

/// Azure keeps another value, refused a write with 412, and gave no new `ETag` for an empty one.
#[test]
fn documents_of_writes_that_were_answered_oddly() {
    let mut document = document();
    let unmet = Unmet {
        wanted: Value::Absent,
        since: at("12:11:00"),
        tried: Way::Whole,
        until: at("12:14:00"),
    };
    for owned in document.owned.values_mut() {
        owned.unmet = Some(unmet.clone());
    }
    let etag = Etag("\"AAB\"".to_owned());
    let mut intent = document.intents.remove(0);
    intent.guard = Guard::Etag(etag.clone());
    let empty = Intent { changes: Vec::new(), id: IntentId::derive(&["empty"]), ..intent.clone() };
    let whole = Intent { way: Way::Whole, ..intent };
    document.intents = vec![whole.clone(), empty.clone()];
    let now = document.now;
    document.answer(&empty.id, &Answer::Written { etag, body: None }, now, &mut Vec::new());
    document.answer(&whole.id, &Answer::Outrun, now, &mut Vec::new());
    check("document_odd_answers.json", &document);
}

#[test]
fn documents_of_windows_and_operators() {
    let mut document = Document::new(backend("chat-pool"), at("12:12:01"));
    let drain = || Effect::Drain { member: "eu".parse().unwrap() };
    let begun = Life::Begun { at: at("12:00:01"), warned: None };
    let window: WindowName = "eu-patching".parse().unwrap();
    let mut opened = over("opened", drain(), begun.clone(), Standing::Admitted);
    opened.origin = Origin::Window { window: window.clone() };
    opened.series = SeriesId::of_window(&window, at("12:00:00"));
    opened.alert = Shown::window(&window);
    opened.lease.until = Until::At(at("14:00:00"));
    opened.extended = Some(at("15:00:00"));
    let mut asked = over("asked", drain(), begun, Standing::Admitted);
    asked.origin = Origin::Operator;
    asked.series = SeriesId::of_command(&MessageId::derive(&["drain"]));
    asked.alert = Shown::by("ann", "INC-1");
    let closed = Life::Ended { at: at("12:10:00"), why: End::Closed, steps: Vec::new() };
    let mut closed = over("closed", drain(), closed, Standing::Admitted);
    closed.origin = opened.origin.clone();
    document.overrides = [opened, asked, closed].into_iter().collect();
    document.windows = [(window, at("12:00:00"))].into();
    check("document_windows.json", &document);
    let skipped = [at("12:00:00")].into();
    check("group_skipped.json", &Group { skipped, ..Group::default() });
}

#[test]
fn documents_of_what_gates_hold() {
    let mut document = Document::new(backend("chat-pool"), at("12:12:01"));
    let claimed = || Life::Claimed { at: at("12:00:00") };
    let drain = || Effect::Drain { member: "eu".parse().unwrap() };
    let (until, play): (_, PlayName) = (Some(at("14:00:00")), "drain".parse().unwrap());
    let held = [
        Held::PausedUntil(at("14:00:00")),
        Held::PoolPaused { until: None },
        Held::PoolPaused { until },
        Held::PlayPaused { play: play.clone(), until },
        Held::Frozen { freeze: "year-end".parse().unwrap(), until: at("14:00:00") },
        Held::OutOfHours { play: play.clone(), until: at("14:00:00") },
        Held::OverBudget { play, most: 3, per: "PT1H".parse().unwrap(), until: at("14:00:00") },
        Held::ManyWrites { most: 60, until: at("14:00:00") },
    ];
    for (number, why) in held.into_iter().enumerate() {
        let over = over(&format!("held {number}"), drain(), claimed(), Standing::Held(why));
        document.overrides.insert(over);
    }
    document.writes = [(at("12:00:00"), IntentId::derive(&["one"]))].into_iter().collect();
    check("document_gates.json", &document);
}

#[test]
fn documents_of_what_limits_hold() {
    let mut document = Document::new(backend("chat-pool"), at("12:12:01"));
    let claimed = || Life::Claimed { at: at("12:00:00") };
    let drain = || Effect::Drain { member: "eu".parse().unwrap() };
    let half = Fraction::percent(50);
    let zone = || "zone".parse().unwrap();
    let held = [
        Held::Capacity { capacity: 20, least: 30 },
        Held::MostOut { out: 3, most: 2 },
        Held::MostOutOfTag { tag: zone(), value: "1".to_owned(), out: 3, most: 2 },
        Held::Together {
            tag: zone(),
            value: "1".to_owned(),
            other: "2".to_owned(),
            backend: Box::new(backend("us")),
        },
        Held::Panic { out: 3, of: 4, most: half },
    ];
    for (number, why) in held.into_iter().enumerate() {
        let over = over(&format!("held {number}"), drain(), claimed(), Standing::Held(why));
        document.overrides.insert(over);
    }
    let ended = Life::Ended { at: at("12:10:00"), why: End::Panic, steps: Vec::new() };
    let given_back = over("given back", drain(), ended, Standing::Admitted);
    document.overrides.insert(given_back);
    document.panic = Some(Panic { since: at("12:10:00"), out: 3, of: 4, most: half });
    let out: BTreeSet<BackendName> = ["eu".parse().unwrap()].into();
    document.listed.out = [(zone(), out.clone())].into();
    document.listed.tags = [zone()].into();
    check("document_limits.json", &document);
    let (out, waiting) = ([(backend("chat-pool"), out)].into(), [backend("mail-pool")].into());
    check("group_out.json", &Group { out, waiting, ..Group::default() });
}

#[test]
fn groups() {
    check("group.json", &Group::default());
    let pause = Pause {
        by: "ann".to_owned(),
        reason: "release".to_owned(),
        at: at("12:00:00"),
        until: None,
    };
    let of_a_time = Pause { until: Some(at("14:00:00")), ..pause.clone() };
    check("group_paused.json", &Group { paused: Some(pause), ..Group::default() });
    check("group_paused_until.json", &Group { paused: Some(of_a_time), ..Group::default() });
    let acting = [backend("eu")].into();
    let waiting = [backend("us")].into();
    let commands = [(MessageId::derive(&["undo"]), at("12:00:00"))].into();
    let members = ["eu", "us"].map(|name| name.parse().unwrap()).into();
    check("group_members.json", &Group { members, ..Group::default() });
    check("group_commands.json", &Group { commands, ..Group::default() });
    let begun = [(at("12:00:00"), id("a")), (at("12:00:00"), id("b"))].into_iter().collect();
    check("group_begun.json", &Group { begun, ..Group::default() });
    check("group_run.json", &Group { acting, waiting, ..Group::default() });
}

#[test]
fn lines() {
    let said = |what| Line::new(at("12:00:00.000000001"), Some(&backend("chat-pool")), what);
    let why = Held::Share { share: Fraction::percent(30), least: Fraction::percent(50) };
    let displaced = |stronger| {
        let why = why.clone();
        What::Displaced { id: id("a"), by: vec![id("b")], why, stronger }
    };
    check("line_displaced.json", &said(displaced(Vec::new())));
    let stronger = || vec!["drain eu, by ann: INC-7".to_owned()];
    check("line_displaced_named.json", &said(displaced(stronger())));
    let outranked = What::Outranked { id: id("a"), by: vec![id("b")], stronger: stronger() };
    check("line_outranked.json", &said(outranked));
    let by_hand = What::ByHand {
        command: "backend set".to_owned(),
        by: "ann".to_owned(),
        changes: vec!["~ properties.title: \"a\" -> \"b\"".to_owned()],
    };
    check("line_by_hand.json", &said(by_hand));
    let paused = What::Paused {
        by: "ann".to_owned(),
        reason: "release".to_owned(),
        of: Paused::Everything,
        until: None,
    };
    check("line_paused.json", &Line::new(at("12:00:00"), None, paused));
    let (by, reason) = ("ann".to_owned(), "release".to_owned());
    let (of, until) = (Paused::Play("drain".parse().unwrap()), Some(at("14:00:00")));
    let paused = What::Paused { by, reason, of, until };
    check("line_paused_play.json", &Line::new(at("12:00:00"), None, paused));
    let (by, of) = ("ann".to_owned(), Paused::Pool(backend("chat-pool")));
    check("line_resumed_pool.json", &said(What::Resumed { by, reason: String::new(), of }));
    let resumed = What::Resumed {
        by: "ann".to_owned(),
        reason: "it is out".to_owned(),
        of: Paused::Everything,
    };
    check("line_resumed_because.json", &Line::new(at("12:00:00"), None, resumed));
    let alert = || Shown::of(["alertname", "summary"], &signal(Heard::Fired));
    let late = What::Late {
        series: series_id("f00d"),
        started: at("11:58:00"),
        ended: at("12:00:00"),
        again: Some(at("12:02:00")),
        alert: alert(),
    };
    check("line_late.json", &Line::once(at("12:00:30"), late));
    let unresolvable = What::Unresolvable {
        series: series_id("f00d"),
        play: "drain".parse().unwrap(),
        why: "play `drain`, do[0].drain.member: no label".to_owned(),
        alert: alert(),
    };
    check("line_unresolvable.json", &Line::new(at("12:00:00"), None, unresolvable));
    let truncated = What::Truncated { source: "alertmanager".parse().unwrap(), left_out: 7 };
    check("line_truncated.json", &Line::new(at("12:00:00"), None, truncated));
    let undone = What::ReconnectUndone {
        id: ReconnectId::derive(&["one"]),
        target: backend("eu"),
        by: "ann".to_owned(),
        reason: "not tonight".to_owned(),
    };
    check("line_reconnect_undone.json", &said(undone));
    let (id_of, target) = (ReconnectId::derive(&["one"]), backend("eu"));
    let why = "no such host".to_owned();
    let not_sent = What::ReconnectNotSent { id: id_of, target, why };
    check("line_reconnect_not_sent.json", &said(not_sent));
    let change = Change {
        field: Field::weight(&"eu".parse().unwrap()),
        before: Value::Absent,
        after: Value::Number(0),
    };
    let (intent, changes) = (IntentId::derive(&["one"]), vec![change]);
    let intended =
        |overrides| What::Intended { intent: intent.clone(), changes: changes.clone(), overrides };
    check("line_intended.json", &said(intended(Vec::new())));
    check("line_intended_for.json", &said(intended(vec![id("a"), id("b")])));
    let (changes, overrides) = (changes.clone(), Vec::new());
    let whole = What::IntendedWhole { intent: intent.clone(), changes, overrides };
    check("line_intended_whole.json", &said(whole));
    let why = "no such host".to_owned();
    check("line_not_sent.json", &said(What::NotSent { intent: intent.clone(), why }));
    let throttled = |intent| What::Throttled { until: at("12:01:00"), intent };
    check("line_throttled.json", &said(throttled(None)));
    check("line_throttled_write.json", &said(throttled(Some(intent))));
}

#[test]
fn lines_about_alerts_and_services() {
    let line = |what| Line::new(at("12:00:00"), None, what);
    let play = || "drain-failing-member".parse().unwrap();
    let fired = |alert, plays| What::Fired {
        series: series_id("f00d"),
        started: at("11:58:00"),
        severity: Severity::Critical,
        alert,
        plays,
    };
    check("line_fired.json", &line(fired(Shown::default(), Vec::new())));
    let alert = || Shown::of(SHOW_DEFAULT, &signal(Heard::Fired));
    check("line_fired_named.json", &line(fired(alert(), vec![play()])));
    let resolved = |alert, plays| What::Resolved {
        series: series_id("f00d"),
        ended: at("12:10:00"),
        by_receipt: None,
        alert,
        plays,
    };
    check("line_resolved.json", &line(resolved(Shown::default(), Vec::new())));
    check("line_resolved_named.json", &line(resolved(alert(), vec![play()])));
    let claimed = |alert| What::Claimed {
        id: id("a"),
        play: play(),
        effect: Effect::Drain { member: "eu".parse().unwrap() },
        series: series_id("f00d"),
        alert,
    };
    check("line_claimed.json", &line(claimed(Shown::default())));
    check("line_claimed_named.json", &line(claimed(alert())));
    let (letter, from, by) = ("abc".to_owned(), "prometheus".to_owned(), "ann".to_owned());
    let retried = What::Retried { letter, from, by, taken: 2, kept: 1 };
    check("line_retried.json", &line(retried));
    let service = || "main".parse().unwrap();
    let why = "no token".to_owned();
    check("line_went_blind.json", &line(What::WentBlind { service: service(), why }));
    let blind_since = at("11:00:00");
    check("line_sees_again.json", &line(What::SeesAgain { service: service(), blind_since }));
}

#[test]
fn messages() {
    let signals =
        vec![signal(Heard::Fired), signal(Heard::Resolved { stated: Some(at("12:09:59")) })];
    let source = "alertmanager".parse().unwrap();
    check("message_signals.json", &Message::Signals { source, signals });
    let wake = |at_once| Message::Wake { backend: backend("chat-pool"), at_once };
    check("message_wake.json", &wake(false));
    check("message_wake_at_once.json", &wake(true));
    let reason = || "release".to_owned();
    let commands = [
        (
            "undo_override",
            Command::UndoOverride { backend: backend("chat-pool"), id: id("a"), reason: reason() },
        ),
        (
            "change",
            Command::Change {
                force: false,
                backend: backend("chat-pool"),
                effect: Effect::Drain { member: "eu".parse().unwrap() },
                lasts: "PT30M".parse().unwrap(),
                reason: reason(),
            },
        ),
        (
            "extend",
            Command::Extend {
                backend: backend("chat-pool"),
                id: id("a"),
                until: at("15:00:00"),
                reason: reason(),
            },
        ),
        (
            "skip",
            Command::Skip {
                window: "eu-patching".parse().unwrap(),
                start: at("14:00:00"),
                reason: reason(),
            },
        ),
        ("undo_backend", Command::UndoBackend { backend: backend("chat-pool"), reason: reason() }),
        ("release_all", Command::ReleaseAll { reason: reason() }),
    ];
    for (name, command) in commands {
        let message = Message::Command { by: "ann".to_owned(), command };
        check(&format!("message_{name}.json"), &message);
    }
}

/// Reads a sample of the first form, and shows it in the newest.
fn check_first<T: Body>(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/1").join(name);
    let body: T = stored::read(&std::fs::read_to_string(&path).unwrap()).expect(name);
    let value: serde_json::Value = serde_json::from_str(&stored::write(&body).unwrap()).unwrap();
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}

/// What the first form's samples are read as.
#[test]
fn the_first_form_is_read_for_ever() {
    for entry in std::fs::read_dir(sample("").join("../1")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let read = match name.split(['_', '.']).next().unwrap() {
            "document" => check_first::<Document>(&name),
            "series" => check_first::<Series>(&name),
            "group" => check_first::<Group>(&name),
            "line" => check_first::<Line>(&name),
            "message" => check_first::<Message>(&name),
            other => panic!("a sample of `{other}`"),
        };
        expect_file![sample("").join("../1_read").join(name)].assert_eq(&read);
    }
}

/// What an operator undid before an upgrade does not come back by a repeat that describes it otherwise.
#[test]
fn a_run_of_the_first_form_is_claimed_anew_by_a_newer_playbook_alone() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/1/series_running.json");
    let stored: Series = stored::read(&std::fs::read_to_string(path).unwrap()).unwrap();
    let text = "version: 1
services: {main: {subscription: 00000000-0000-0000-0000-00000000000a, resourceGroup: rg1, name: c}}
pools: {chat: {service: main, backend: chat-pool}}
plays: [{name: drain, when: 'true', do: [{drain: {pool: chat, member: eu}}]}]
";
    let playbook = pointsman_core::playbook::read(text).unwrap();
    let repeat = Signal {
        annotations: [("summary".to_owned(), "eu answers 504".to_owned())].into(),
        ..signal(Heard::Fired)
    };
    let claims = |number| {
        let generation = Generation { number, playbook: &playbook };
        let hearing = hear(&mut stored.clone(), &repeat, generation, at("12:10:00"));
        assert!(hearing.changed);
        hearing
            .edits
            .into_values()
            .flatten()
            .filter(|edit| matches!(edit, Edit::Claim { .. }))
            .count()
    };
    assert_eq!((claims(3), claims(4)), (0, 1));
}

#[test]
fn what_a_newer_version_wrote_is_refused_with_words() {
    let newer = r#"{"v":3,"body":{"what":"nobody knows"}}"#;
    let said = stored::read::<Document>(newer).unwrap_err().to_string();
    let wanted = "a document was written by a newer version of Pointsman: its form is 3, and this \
                  version knows up to 2";
    assert_eq!(said, wanted);
    for broken in ["", "{}", r#"{"v":1}"#, r#"{"v":0,"body":{}}"#, r#"{"v":1,"body":{}}"#, "[1]"] {
        let said = stored::read::<Document>(broken).unwrap_err().to_string();
        assert!(said.starts_with("a document cannot be read: "), "{broken}: {said}");
    }
}

#[path = "forms_when.rs"]
mod when;
