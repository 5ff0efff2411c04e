//! The forms of what plays say of when they begin, and of what ends them besides their alerts.

use pointsman_core::{
    group::InForce, occurred::Mark, overrides::Damped, playbook, pool::Unknown,
    unpublished::Unpublished,
};

use super::*;

#[test]
fn documents_of_plays_that_wait() {
    let mut document = Document::new(backend("chat-pool"), at("12:12:01"));
    let drain = || Effect::Drain { member: "eu".parse().unwrap() };
    let (minute, alert) = ("PT1M".parse().unwrap(), Shown::of(SHOW_DEFAULT, &signal(Heard::Fired)));
    let reasons = [
        Held::Lasting { until: at("12:13:00"), lasting: minute },
        Held::Count { had: 1, count: 3, within: minute },
        Held::Unless { series: series_id("beef"), alert },
    ];
    let held = reasons.into_iter().enumerate().map(|(number, why)| {
        let life = Life::Claimed { at: at("12:00:00") };
        over(&format!("held {number}"), drain(), life, Standing::Held(why))
    });
    let begun = Life::Begun { at: at("12:00:01"), warned: None };
    let mut damped = over("damped", drain(), begun, Standing::Admitted);
    damped.damped = Some(Damped { hold: minute, earlier: 2, within: "PT1H".parse().unwrap() });
    let asked = Asked { silent: Some(at("12:20:00")), ..asked(drain()) };
    damped.behind = Behind::of(series_id("f00d"), asked);
    let stale = Life::Ended { at: at("12:10:00"), why: End::Stale, steps: Vec::new() };
    let mut stale = over("stale", drain(), stale, Standing::Admitted);
    stale.silent = Some(at("12:10:00"));
    let overrides = held.chain([damped, stale]);
    document.overrides = overrides.collect();
    for heard in [Heard::Fired, Heard::Resolved { stated: Some(at("11:59:00")) }] {
        let mark = Mark::of(&signal(heard));
        document.edit(&mut Edit::Occurred { id: id("damped"), mark }, &mut Vec::new());
    }
    let claim = Claim {
        id: id("damped"),
        backend: backend("chat-pool"),
        play: "drain-failing-member".parse().unwrap(),
        asked: Asked { since: at("12:12:00"), ..super::asked(drain()) },
    };
    let (series, claim) = (series_id("f00d"), Box::new(claim));
    document.edit(&mut Edit::Claim { series, claim, fresh: true }, &mut Vec::new());
    check("document_waits.json", &document);
}

#[test]
fn what_is_in_shadow_and_what_nobody_has_published() {
    let mut document = Document::new(backend("chat-pool"), at("12:12:01"));
    let drain = || Effect::Drain { member: "eu".parse().unwrap() };
    let short = Box::new(Held::MostOut { out: 3, most: 2 });
    let uncertain = Held::without(1, Held::Members { serving: 1, least: 2, by_default: false });
    for (number, would) in [None, Some(short), Some(Box::new(uncertain))].into_iter().enumerate() {
        let life = Life::Claimed { at: at("12:00:00") };
        let standing = Standing::Held(Held::Shadow { would });
        let over = over(&format!("shadow {number}"), drain(), life, standing);
        document.overrides.insert(over);
    }
    let member = |name: &str, weight| Member {
        name: name.parse().unwrap(),
        weight: Value::Number(weight),
        priority: Value::Absent,
    };
    let pool = Pool::new(vec![member("eu", 50), member("us", 50)]).unwrap();
    let unknown = Unknown { has_sessions: true, may_be_left_out: ["us".parse().unwrap()].into() };
    let body = pool.knowing(unknown).into();
    document.sight = Some(Sight { at: at("12:12:01"), by: SightBy::Read, body });
    check("document_shadow.json", &document);
    let us = || ["us".parse().unwrap()].into();
    for (name, matter) in [
        ("sessions", Unpublished::Sessions { members: us() }),
        ("left_out", Unpublished::LeftOut { members: us() }),
        ("answers", Unpublished::Answers { status: Some(418) }),
    ] {
        let what = What::Unpublished { id: id("a"), matter };
        let line = Line::new(at("12:00:00"), Some(&backend("chat-pool")), what);
        check(&format!("line_unpublished_{name}.json"), &line);
    }
    let (window, effects) = ("patching".parse().unwrap(), vec![drain()]);
    let (start, end) = (at("13:00:00"), at("14:00:00"));
    let what = What::Announced { window, start, end, effects, shadow: true };
    check("line_announced_shadow.json", &Line::new(at("12:00:00"), None, what));
}

#[test]
fn what_keeps_a_play_back() {
    let alert = Shown::of(SHOW_DEFAULT, &signal(Heard::Fired));
    let in_force = InForce { until: at("13:00:00"), alert: alert.clone() };
    let group = Group {
        in_force: [(series_id("f00d"), in_force)].into(),
        waiting: [backend("chat-pool")].into(),
        ..Group::default()
    };
    check("group_unless.json", &group);
    let plays = vec!["drain".parse().unwrap()];
    let what = What::KeepsBack { series: series_id("f00d"), alert, plays };
    check("line_keeps_back.json", &Line::new(at("12:00:00"), None, what));
    let what = What::WentSilent { id: id("a"), series: vec![series_id("f00d")] };
    check("line_went_silent.json", &Line::new(at("12:00:00"), Some(&backend("chat-pool")), what));
    let book = r#"{version: 1, services: {}, pools: {chat: {service: main, backend: chat}}, plays: [
        {name: drain, when: "false", unless: "true", do: [{drain: {pool: chat, member: eu}}]}]}"#;
    let main = "{subscription: 00000000-0000-0000-0000-000000000001, resourceGroup: rg, name: a}";
    let book = book.replace("services: {}", &format!("services: {{main: {main}}}"));
    let playbook = playbook::read(&book).unwrap();
    let mut series = Series::new(series_id("f00d"));
    let generation = Generation { number: 1, playbook: &playbook };
    let hearing = hear(&mut series, &signal(Heard::Fired), generation, at("12:10:00"));
    assert_eq!(hearing.keeps_back.len(), 1);
    check("series_keeps_back.json", &series);
}
