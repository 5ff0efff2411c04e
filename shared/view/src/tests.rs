//! What is shown of overrides and backends, as data and in words.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    claim::{Asked, Claim, Occurrences},
    document::{Document, Intent, Owned, Reconnect, Trouble, Way},
    effect::Effect,
    etag::{Etag, Guard},
    field::{Change, Field, Value},
    fraction::Fraction,
    group::RunOf,
    id::{IntentId, ReconnectId},
    lay::Laid,
    lease::{Lease, Until},
    ledger::{Line, What},
    limits::Terms,
    names::{BackendId, PlayName},
    notice::{Kind, Notices},
    origin::Origin,
    overrides::{End, Held, Life, Override, Standing},
    series::Series,
    shown::Shown,
    signal::{Heard, SeriesId, Severity, Signal},
};

use crate as view;

fn at(time: &str) -> Timestamp {
    format!("2026-03-01T{time}Z").parse().unwrap()
}

fn now() -> Timestamp {
    at("12:10:00")
}

pub(crate) fn backend() -> BackendId {
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/\
     Microsoft.ApiManagement/service/contoso/backends/chat"
        .parse()
        .unwrap()
}

fn series(name: &str) -> SeriesId {
    format!("prometheus/{name}").parse().unwrap()
}

fn effect() -> Effect {
    Effect::Shift { member: "eu".parse().unwrap(), to: "12.5%".parse().unwrap() }
}

/// An override for one alert, of which this became.
fn over(life: Life, standing: Standing) -> Override {
    let play: PlayName = "shift-failing-member".parse().unwrap();
    let lease = Lease {
        until: Until::Resolved { at_most: SignedDuration::from_hours(24) },
        hold: SignedDuration::from_mins(30),
        ramp: vec![Fraction::percent(10), Fraction::percent(50)],
        every: SignedDuration::from_mins(2),
    };
    let asked = Asked {
        generation: 3,
        effect: effect(),
        lease,
        after: Vec::new(),
        alert: Shown::default(),
        severity: Severity::Critical,
        started: at("11:58:00"),
        silent: None,
        since: at("12:00:00"),
    };
    let id = Claim::id(&play, 0, &backend(), &effect());
    let origin = Origin::Alert { play };
    let over = Override::new(id, origin, &series("f00d"), &asked, at("12:00:00"));
    Override { life, standing, ..over }
}

/// A document with this override, whose field is written where it stands.
fn document(over: &Override, stood: bool) -> Document {
    let mut document = Document::new(backend(), now());
    let (baseline, written) = (Value::Number(50), Value::Number(6));
    let owned = Owned { baseline, written, stood, unmet: None };
    document.owned.insert(Field::weight(&"eu".parse().unwrap()), owned);
    document.overrides.insert(over.clone());
    if over.begun().is_some() && !stood {
        document.intents.push(Intent {
            id: IntentId::derive(&["write"]),
            guard: Guard::Etag(Etag("\"AAA\"".to_owned())),
            make: None,
            changes: Vec::new(),
            way: Way::Plain,
            steps: BTreeMap::new(),
            at: at("12:00:05"),
            outrun: false,
        });
    }
    document
}

/// The write of that field.
fn intent() -> Intent {
    let field = Field::weight(&"eu".parse().unwrap());
    let change = Change { field, before: Value::Number(50), after: Value::Number(6) };
    Intent {
        id: IntentId::derive(&["one"]),
        guard: Guard::Etag(Etag("\"AAA\"".to_owned())),
        make: None,
        changes: vec![change],
        way: Default::default(),
        steps: BTreeMap::new(),
        at: at("12:09:00"),
        outrun: false,
    }
}

fn reader() -> view::Reader {
    view::Reader::utc(now())
}

fn claimed() -> Life {
    Life::Claimed { at: at("12:00:00") }
}

fn begun() -> Life {
    Life::Begun { at: at("12:00:05"), warned: None }
}

fn ended(why: End, steps: &[&str]) -> Life {
    Life::Ended { at: at("12:05:00"), why, steps: steps.iter().map(|step| at(step)).collect() }
}

fn held() -> Standing {
    Standing::Held(Held::Members { serving: 1, least: 2, by_default: false })
}

fn shadow(would: Option<Held>) -> Standing {
    Standing::Held(Held::Shadow { would: would.map(Box::new) })
}

fn check(document: &Document, wanted: &Expect) {
    let laid = document.laid(&Terms::default()).unwrap_or_default();
    let says = |over| view::Standing::of(document, &laid, over, &reader()).says;
    let all: Vec<String> = document.overrides.values().map(says).collect();
    wanted.assert_eq(&all.join("\n"));
}

#[test]
fn how_an_override_stands_is_said_in_a_few_words() {
    let one = |life, standing, stood, wanted: Expect| {
        let mut document = document(&over(life, standing), stood);
        // What does not stand is on its way.
        document.intents.extend((!stood).then(intent));
        check(&document, &wanted);
    };
    one(claimed(), Standing::Unseen, false, expect!["claimed 10m ago, not looked at yet"]);
    one(claimed(), shadow(None), false, expect!["in shadow: would begin"]);
    one(
        claimed(),
        shadow(Some(Held::Emptied)),
        false,
        expect!["in shadow: would be held: a group would be left with all weights 0"],
    );
    one(
        claimed(),
        held(),
        false,
        expect!["held: 1 of the pool's members would serve, and the limit is 2"],
    );
    one(
        begun(),
        Standing::Admitted,
        false,
        expect!["decided 9m 55s ago, not seen to be written yet"],
    );
    let mut in_force = document(&over(begun(), Standing::Admitted), false);
    in_force.intents.clear();
    // Nothing had to be written.
    check(&in_force, &expect!["in force for 9m 55s, at most 23h 50m more"]);
    one(begun(), Standing::Admitted, true, expect!["in force for 9m 55s, at most 23h 50m more"]);
    one(
        begun(),
        held(),
        true,
        expect!["displaced, held: 1 of the pool's members would serve, and the limit is 2"],
    );
    one(begun(), Standing::Yielded, true, expect!["yielded to someone else's write"]);
}

#[test]
fn what_waits_for_a_backend_that_cannot_be_read_says_so() {
    let mut document = document(&over(claimed(), Standing::Unseen), false);
    let (since, until, why) = (at("12:00:01"), at("12:10:30"), "Azure failed (503)".to_owned());
    document.trouble = Some(Trouble { since, until, why, named: false });
    check(&document, &expect!["waits until the backend can be read"]);
}

#[test]
fn what_has_ended_says_how_far_it_is_and_whether_it_is_asked_for_again() {
    let one = |life, standing, again: bool, wanted: Expect| {
        let mut over = over(life, standing);
        if !again {
            over.behind.clear();
        }
        check(&document(&over, true), &wanted);
    };
    let steps = ["12:05:01", "12:07:02"];
    one(
        ended(End::Resolved, &[]),
        Standing::Admitted,
        false,
        expect!["ending (its alert resolved), not given back yet"],
    );
    one(
        ended(End::Expired, &steps),
        Standing::Admitted,
        false,
        expect!["ending (its time ran out), 50% given back"],
    );
    one(
        ended(End::Expired, &steps),
        Standing::Admitted,
        true,
        expect!["ending (its time ran out), 50% given back; asked for again"],
    );
    one(
        ended(End::Resolved, &steps),
        held(),
        true,
        expect![
            "ending (its alert resolved), 50% given back; asked for again, and held: 1 of the pool's members would serve, and the limit is 2"
        ],
    );
    // What held it before it ended says nothing any more.
    one(
        ended(End::Resolved, &[]),
        held(),
        false,
        expect!["ending (its alert resolved), not given back yet"],
    );
}

#[test]
fn what_has_resolved_and_is_kept_on_says_until_when() {
    let mut over = over(begun(), Standing::Admitted);
    over.behind.clear();
    over.resolved = Some(at("12:04:00"));
    check(
        &document(&over, true),
        &expect!["in force for 9m 55s, given back in 20m: its alert resolved"],
    );
}

#[test]
fn what_is_overdue_is_due_and_not_in_0_seconds() {
    let resolved = |hold: i64| {
        let mut over = over(begun(), Standing::Admitted);
        over.behind.clear();
        over.resolved = Some(at("12:04:00"));
        over.lease.hold = SignedDuration::from_secs(hold);
        document(&over, true)
    };
    // To the moment, and long before.
    for hold in [595, 594, 0] {
        check(
            &resolved(hold),
            &expect!["in force for 9m 55s, to be given back now: its alert resolved"],
        );
    }
    check(&resolved(596), &expect!["in force for 9m 55s, given back in 1s: its alert resolved"]);
    let mut expired = over(begun(), Standing::Admitted);
    expired.lease.until = Until::For(SignedDuration::from_secs(60));
    check(&document(&expired, true), &expect!["in force for 9m 55s, its end is due"]);
}

#[test]
fn what_is_kept_out_says_since_when_and_stands_apart() {
    let shown = |life, standing, kept_out| {
        let over = Override { kept_out, ..over(life, standing) };
        let backend = view::Backend::of(&document(&over, true), None, &BTreeMap::new(), &reader());
        (backend.urgency, backend.overrides[0].standing.kept_out_since)
    };
    let since = Some(at("12:03:00"));
    assert_eq!(shown(claimed(), held(), since), (view::Urgency::Held, since));
    assert_eq!(shown(claimed(), shadow(None), since), (view::Urgency::Shadow, since));
    assert_eq!(shown(begun(), Standing::Yielded, since), (view::Urgency::Yielded, since));
    assert_eq!(shown(begun(), Standing::Yielded, None), (view::Urgency::Yielded, None));
    assert_eq!(shown(begun(), Standing::Admitted, None), (view::Urgency::InForce, None));
    // What has ended says what it gives back, and nothing else.
    let ended = ended(End::Resolved, &[]);
    assert_eq!(shown(ended, held(), since), (view::Urgency::RampingOut, None));
    assert!(view::Urgency::Yielded < view::Urgency::InForce, "it is listed before");
}

#[test]
fn the_alerts_behind_an_override_are_those_known_or_those_counted() {
    let mut over = over(begun(), Standing::Admitted);
    let says = |over: &Override, counted| {
        let alerts = view::Alerts::of(over, counted);
        alerts
            .several(&view::Reader::utc(now()))
            .unwrap_or_else(|| format!("not several: {}", alerts.count))
    };
    assert_eq!(says(&over, None), "not several: 1");
    let asked = over.behind.known()[&series("f00d")].clone();
    over.behind.take_in(&series("beef"), &Asked { started: at("11:59:59"), ..asked });
    assert_eq!(says(&over, None), "2 alerts, first 11:58Z, latest 11:59Z");
    let first = Some("2026-02-28T23:31:10Z".parse().unwrap());
    let counted = Occurrences { count: 2_000, first, latest: Some(at("07:39:00")) };
    let wanted = "2,000 alerts, first 2026-02-28 23:31Z, latest 07:39Z";
    assert_eq!(says(&over, Some(counted)), wanted);
    over.behind.clear();
    assert_eq!(says(&over, None), "not several: 0");
}

#[test]
fn a_backend_is_shown_without_what_is_internal() {
    let mut document = document(&over(begun(), Standing::Admitted), true);
    document.intents.push(intent());
    let reconnect = Reconnect {
        target: backend().sibling("eu".parse().unwrap()),
        of: RunOf::Play("shift-failing-member".parse().unwrap()),
        start: None,
        series: series("f00d"),
        due: at("12:30:00"),
        after: None,
        asked: Vec::new(),
        outcome: None,
    };
    document.reconnects.insert(ReconnectId::derive(&["one"]), reconnect);
    let shown = view::Backend::of(&document, None, &BTreeMap::new(), &reader());
    expect![[r#"
        {
          "backend": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso/backends/chat",
          "name": "contoso/chat",
          "urgency": "trouble",
          "atRest": false,
          "overrides": [
            {
              "id": "owskwljig26c6ur6",
              "origin": "alert",
              "play": "shift-failing-member",
              "generation": 3,
              "effect": {
                "kind": "shift",
                "members": [
                  "eu"
                ],
                "says": "shift eu to 12.5%"
              },
              "series": "prometheus/f00d",
              "severity": "critical",
              "started": "2026-03-01T11:58:00Z",
              "alerts": {
                "count": 1,
                "first": "2026-03-01T11:58:00Z",
                "latest": "2026-03-01T11:58:00Z"
              },
              "standing": {
                "kind": "inForce",
                "since": "2026-03-01T12:00:05Z",
                "ends": "2026-03-02T12:00:05Z",
                "why": {
                  "kind": "expired",
                  "says": "its time ran out"
                },
                "askedAgain": false,
                "says": "in force for 9m 55s, at most 23h 50m more"
              }
            }
          ],
          "fields": [
            {
              "field": "members/eu/weight",
              "baseline": 50,
              "written": 6
            }
          ],
          "givenUp": [],
          "writes": [
            {
              "id": "6vmayo4c6u7yw56v",
              "at": "2026-03-01T12:09:00Z",
              "until": "2026-03-01T12:14:00Z",
              "changes": [
                {
                  "field": "members/eu/weight",
                  "before": 50,
                  "after": 6
                }
              ]
            }
          ],
          "reconnects": [
            {
              "target": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso/backends/eu",
              "name": "contoso/eu",
              "play": "shift-failing-member",
              "due": "2026-03-01T12:30:00Z",
              "asked": []
            }
          ]
        }"#]].assert_eq(&serde_json::to_string_pretty(&shown).unwrap());
    assert_eq!(
        shown.reconnects[0].says(&view::Reader::utc(now())),
        "reconnect of contoso/eu at 12:30Z (in 20 min)"
    );
    let mut waits = shown.reconnects[0].clone();
    waits.due = None;
    assert_eq!(
        waits.says(&view::Reader::utc(now())),
        "reconnect of contoso/eu once play shift-failing-member acts on no pool any more"
    );
}

#[test]
fn a_line_of_the_ledger_says_the_same_to_programs_and_to_people() {
    let id = over(claimed(), Standing::Unseen).id;
    let lines = [
        What::Stepped { id: id.clone(), given_back: "12.5%".parse().unwrap() },
        What::Held { id: id.clone(), why: Held::Paused },
        What::Ended { id, why: End::Undone { by: "ann".to_owned(), reason: "a\nb".to_owned() } },
        What::Rejected { why: "too late".to_owned() },
        What::Answered {
            field: Field::weight(&"eu".parse().unwrap()),
            asked: Value::Absent,
            shown: Value::Number(0),
        },
    ]
    .map(|what| Line::new(now(), Some(&backend()), what));
    let shown = view::History::of(&lines, false);
    expect![[r#"
        {
          "version": 1,
          "shadow": false,
          "lines": [
            {
              "line": "6jq6g5puceia6mao",
              "at": "2026-03-01T12:10:00Z",
              "backend": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso/backends/chat",
              "name": "contoso/chat",
              "what": "stepped",
              "id": "owskwljig26c6ur6",
              "says": "owskwljig26c6ur6 has given 12.5% back"
            },
            {
              "line": "hz7hhzllgts7wpnv",
              "at": "2026-03-01T12:10:00Z",
              "backend": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso/backends/chat",
              "name": "contoso/chat",
              "what": "held",
              "id": "owskwljig26c6ur6",
              "why": {
                "kind": "paused",
                "says": "Pointsman is paused"
              },
              "says": "owskwljig26c6ur6 is held: Pointsman is paused"
            },
            {
              "line": "zvxtewgobfemrmp3",
              "at": "2026-03-01T12:10:00Z",
              "backend": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso/backends/chat",
              "name": "contoso/chat",
              "what": "ended",
              "id": "owskwljig26c6ur6",
              "why": {
                "kind": "undone",
                "says": "undone by ann: a\nb"
              },
              "by": "ann",
              "reason": "a\nb",
              "says": "owskwljig26c6ur6 ended: undone by ann: a\\nb"
            },
            {
              "line": "hlkwuvxhhenw2vag",
              "at": "2026-03-01T12:10:00Z",
              "backend": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso/backends/chat",
              "name": "contoso/chat",
              "what": "rejected",
              "reason": "too late",
              "says": "not done: too late"
            },
            {
              "line": "yxa7zwa7f3luyihe",
              "at": "2026-03-01T12:10:00Z",
              "backend": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso/backends/chat",
              "name": "contoso/chat",
              "what": "answered",
              "field": "members/eu/weight",
              "changes": [
                {
                  "field": "members/eu/weight",
                  "before": "absent",
                  "after": 0
                }
              ],
              "says": "members/eu/weight: - was asked, and Azure shows 0"
            }
          ]
        }"#]].assert_eq(&serde_json::to_string_pretty(&shown).unwrap());
}

#[test]
fn what_a_plan_decides_on_an_override_is_one_verdict() {
    let told = |over: &Override| What::Ended { id: over.id.clone(), why: End::Resolved };
    let one = |over: Override, told: &[What], wanted: Expect| {
        let plan = view::BackendPlan::of(
            &document(&over, true),
            None,
            &[],
            told,
            &view::Reader::utc(now()),
        );
        wanted.assert_eq(&plan.overrides[0].verdict.says);
    };
    one(over(claimed(), Standing::Unseen), &[], expect!["not decided"]);
    one(
        over(claimed(), held()),
        &[],
        expect!["held: 1 of the pool's members would serve, and the limit is 2"],
    );
    one(over(begun(), Standing::Admitted), &[], expect!["within the limits"]);
    one(over(begun(), Standing::Yielded), &[], expect!["yielded to someone else's write"]);
    let mut resolved = over(begun(), Standing::Admitted);
    resolved.behind.clear();
    resolved.resolved = Some(at("12:04:00"));
    one(resolved, &[], expect!["ends at 12:30Z (in 20 min): its alert resolved"]);
    let over = over(ended(End::Resolved, &[]), Standing::Admitted);
    one(over.clone(), &[], expect!["ending: its alert resolved"]);
    let told = told(&over);
    one(over, &[told], expect!["ends: its alert resolved"]);
}

#[test]
fn an_alert_heard_right_after_its_end_is_late_until_it_counts() {
    let end = at("12:09:30");
    let signal = |heard, received| Signal {
        series: series("f00d"),
        started: at("12:00:00"),
        heard,
        severity: Severity::Critical,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        received,
    };
    let mut stored = Series::new(series("f00d"));
    stored.merge(&signal(Heard::Resolved { stated: Some(end) }, end), end);
    let again = stored.counts_from();
    let labels = BTreeMap::from([("alertname".to_owned(), "BackendErrors".to_owned())]);
    let named = Signal { labels, ..signal(Heard::Fired, end) };
    let shown = Shown::of(["alertname"], &named);
    let what = |ended| What::Late {
        series: series("f00d"),
        started: at("12:00:00"),
        ended,
        again,
        alert: shown.clone(),
    };
    let lines = [Line::once(at("12:09:40"), what(end))];
    let late = |lines: &[Line], now, stored: &Series| {
        let late = view::Late::still(view::Late::told(lines, now), std::slice::from_ref(stored));
        let reader = view::Reader::utc(now);
        late.first().map(|late| late.says(&reader)).unwrap_or_default()
    };
    expect!["BackendErrors (prometheus/f00d) was heard firing at 12:09:40Z, right after its end at 12:09:30Z"]
        .assert_eq(&late(&lines, now(), &stored));
    // From the time on that it names, it is on again where it is heard, and no longer late where it is not.
    let counts = again.unwrap();
    assert_eq!(late(&lines, counts, &stored), "");
    assert!(!stored.is_news(&signal(Heard::Fired, counts - SignedDuration::from_micros(1))));
    assert!(stored.is_news(&signal(Heard::Fired, counts)));
    // A line of an end before the latest tells nothing, and what runs is not late.
    assert_eq!(late(&[Line::once(at("12:09:00"), what(at("12:08:30")))], now(), &stored), "");
    let mut running = stored.clone();
    running.merge(&signal(Heard::Fired, counts), counts);
    assert_eq!(late(&lines, now(), &running), "");
}

#[test]
fn history_has_what_was_noticed_since_its_first_line_and_nothing_twice() {
    let ended = at("12:00:00");
    let late = What::Late {
        series: series("f00d"),
        started: at("11:58:00"),
        ended,
        again: None,
        alert: Shown::default(),
    };
    let mut notices = Notices::default();
    notices.note(Kind::Late, "prometheus", at("12:01:00"), &late.to_string());
    notices.note(Kind::Unmatched, "prometheus", at("11:00:00"), "no play is for it");
    let history = view::History::of(&[Line::once(at("12:01:00"), late.clone())], false);
    let kinds = |notices: &Notices, from| {
        let noticed = history.clone().with(notices, from).noticed;
        noticed.into_iter().map(|notice| notice.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&notices, None), ["unmatched"], "the ledger tells of the other");
    assert_eq!(kinds(&notices, Some(at("11:30:00"))), [""; 0]);
    notices.note(Kind::Late, "prometheus", at("12:02:00"), &late.to_string());
    assert_eq!(kinds(&notices, None), ["unmatched", "late"], "it came again");
}

#[test]
fn an_alert_is_shown_by_its_own_name_before_its_series() {
    let mut over = over(begun(), Standing::Admitted);
    let shown = |over: &Override| {
        let document = document(over, true);
        view::Backend::of(&document, None, &BTreeMap::new(), &reader()).overrides.remove(0)
    };
    assert_eq!(shown(&over).who(), "prometheus/f00d (critical)");
    assert_eq!(serde_json::to_value(shown(&over)).unwrap().get("alert"), None);
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let signal = Signal {
        series: series("f00d"),
        started: at("12:00:00"),
        heard: Heard::Fired,
        severity: Severity::Critical,
        labels: pairs(&[("alertname", "BackendErrors")]),
        annotations: pairs(&[("summary", "eu answers 503")]),
        received: at("12:00:00"),
    };
    over.alert = Shown::of(["summary", "alertname"], &signal);
    let shown = shown(&over);
    assert_eq!(shown.who(), "eu answers 503: BackendErrors (prometheus/f00d, critical)");
    let wanted = serde_json::json!({
        "values": {"alertname": "BackendErrors", "summary": "eu answers 503"},
        "says": "eu answers 503: BackendErrors",
    });
    assert_eq!(serde_json::to_value(shown.alert).unwrap(), wanted);
}

#[test]
fn a_weight_that_a_promotion_names_in_vain_is_said_to_have_no_effect() {
    let member = || "eu".parse().unwrap();
    let mut over = over(begun(), Standing::Admitted);
    let said = |over: &Override, own: Option<Value>| {
        let mut document = document(over, true);
        document.owned.clear();
        let owned =
            |baseline| Owned { baseline, written: Value::Number(50), stood: true, unmet: None };
        document.owned.insert(Field::priority(&member()), owned(Value::Number(2)));
        document.owned.extend(own.map(|own| (Field::weight(&member()), owned(own))));
        let standing = view::Standing::of(&document, &Laid::default(), over, &reader()).says;
        let plan = view::BackendPlan::of(&document, None, &[], &[], &view::Reader::utc(now()));
        let verdict = &plan.overrides[0].verdict.says;
        let words = "; `weight: 50` has no effect, as eu has a weight of its own";
        assert_eq!(standing.ends_with(words), verdict.ends_with(words), "{standing}, {verdict}");
        standing.ends_with(words)
    };
    over.effect = Effect::Promote { member: member(), weight: Some(50) };
    assert!(said(&over, None), "nothing was to be changed of its weight");
    assert!(said(&over, Some(Value::Number(30))), "it was scaled with its group");
    for none in [Value::Number(0), Value::Null, Value::Absent] {
        let shown = none.to_string();
        assert!(!said(&over, Some(none)), "{shown}");
    }
    over.standing = held();
    assert!(!said(&over, None), "it is not known yet");
    over.standing = Standing::Admitted;
    over.effect = Effect::Promote { member: member(), weight: None };
    assert!(!said(&over, None), "none was asked for");
}
