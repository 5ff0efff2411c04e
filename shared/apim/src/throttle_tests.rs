use expect_test::{Expect, expect};
use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn subscription(n: u128) -> SubscriptionId {
    uuid::Uuid::from_u128(n).to_string().parse().unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Takes as many as go at once.
fn burst(buckets: &mut Buckets, kind: Kind, now: Duration) -> usize {
    let mut taken = 0;
    while buckets.take((subscription(1), kind), now, Duration::ZERO).is_ok() {
        taken += 1;
        assert!(taken <= 1_000, "it has no end");
    }
    taken
}

fn left(kind: Kind, left: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(kind.header(), HeaderValue::from_static(left))])
}

#[test]
fn a_burst_and_then_what_flows_in() {
    for (kind, at_once, per_second) in
        [(Kind::Read, 250, 25), (Kind::Write, 200, 10), (Kind::Delete, 200, 10)]
    {
        let mut buckets = Buckets::default();
        assert_eq!(burst(&mut buckets, kind, ms(5)), at_once);
        assert_eq!(burst(&mut buckets, kind, ms(5)), 0);
        assert_eq!(burst(&mut buckets, kind, ms(1_005)), per_second);
        // A full bucket runs over.
        assert_eq!(burst(&mut buckets, kind, ms(86_400_000)), at_once);
        // A clock that stands still, or goes back, gives nothing.
        assert_eq!(burst(&mut buckets, kind, ms(5)), 0);
    }
}

#[test]
fn those_who_wait_are_let_through_one_by_one() {
    let mut buckets = Buckets::default();
    burst(&mut buckets, Kind::Write, ms(0));
    let mut take = |now, patience| match buckets.take((subscription(1), Kind::Write), now, patience)
    {
        Ok(wait) => format!("in {wait:?}\n"),
        Err(wait) => format!("not in {patience:?}, but in {wait:?}\n"),
    };
    let shown = [
        take(ms(0), ms(250)),
        take(ms(0), ms(250)),
        take(ms(0), ms(250)),
        // A place that was not taken is not waited for by the next one.
        take(ms(100), ms(250)),
        take(ms(10_000), ms(0)),
    ];
    expect![[r#"
        in 100ms
        in 200ms
        not in 250ms, but in 300ms
        in 200ms
        in 0ns
    "#]]
    .assert_eq(&shown.concat());
}

#[test]
fn kinds_and_subscriptions_have_buckets_of_their_own() {
    let mut buckets = Buckets::default();
    burst(&mut buckets, Kind::Write, ms(0));
    assert!(buckets.take((subscription(1), Kind::Read), ms(0), ms(0)).is_ok());
    assert!(buckets.take((subscription(1), Kind::Delete), ms(0), ms(0)).is_ok());
    assert!(buckets.take((subscription(2), Kind::Write), ms(0), ms(0)).is_ok());
    assert!(buckets.take((subscription(1), Kind::Write), ms(0), ms(0)).is_err());
}

fn after(headers: &HeaderMap, expected: &Expect) {
    let mut buckets = Buckets::default();
    buckets.heard((subscription(1), Kind::Write), ms(0), headers);
    expected.assert_eq(&burst(&mut buckets, Kind::Write, ms(0)).to_string());
}

#[test]
fn what_an_answer_says_only_lowers_what_is_believed() {
    after(&left(Kind::Write, "3"), &expect!["3"]);
    after(&left(Kind::Write, "0"), &expect!["0"]);
    after(&left(Kind::Write, " 7 "), &expect!["7"]);
    // Before the buckets there were hourly limits, and their numbers are seen still.
    after(&left(Kind::Write, "1198"), &expect!["200"]);
    after(&left(Kind::Write, "-1"), &expect!["200"]);
    after(&left(Kind::Write, "many"), &expect!["200"]);
    after(&left(Kind::Read, "3"), &expect!["200"]);
    // An answer is older than what was sent since.
    let mut buckets = Buckets::default();
    burst(&mut buckets, Kind::Write, ms(0));
    buckets.heard((subscription(1), Kind::Write), ms(0), &left(Kind::Write, "100"));
    assert_eq!(burst(&mut buckets, Kind::Write, ms(0)), 0);
}

#[test]
fn a_429_closes_the_bucket_until_the_time_it_named() {
    let mut buckets = Buckets::default();
    buckets.throttled((subscription(1), Kind::Read), ms(1_000), Some(ms(17_000)));
    let wait = |buckets: &mut Buckets, now| buckets.take((subscription(1), Kind::Read), now, ms(0));
    assert_eq!(wait(&mut buckets, ms(1_000)), Err(ms(17_000)));
    // A later answer does not open it sooner.
    buckets.throttled((subscription(1), Kind::Read), ms(2_000), Some(ms(1)));
    assert_eq!(wait(&mut buckets, ms(17_000)), Err(ms(1_000)));
    assert_eq!(wait(&mut buckets, ms(18_000)), Ok(ms(0)));
    // Without a time, what flows in is what there is.
    buckets.throttled((subscription(1), Kind::Read), ms(18_000), None);
    assert_eq!(wait(&mut buckets, ms(18_000)), Err(ms(40)));
}

#[test]
fn the_kind_is_the_method_s() {
    for (method, kind) in [
        (Method::GET, Kind::Read),
        (Method::HEAD, Kind::Read),
        (Method::PUT, Kind::Write),
        (Method::PATCH, Kind::Write),
        (Method::POST, Kind::Write),
        (Method::DELETE, Kind::Delete),
    ] {
        assert_eq!(Kind::of(&method), kind, "{method}");
    }
}

#[test]
fn what_is_left_is_told_of_each_bucket_that_was_used() {
    let mut buckets = Buckets::default();
    assert_eq!(buckets.left(ms(0)), []);
    for _ in 0..3 {
        buckets.take((subscription(1), Kind::Write), ms(0), ms(0)).unwrap();
    }
    assert_eq!(buckets.left(ms(0)), [(subscription(1), Kind::Write, 197)]);
    assert_eq!(buckets.left(ms(100)), [(subscription(1), Kind::Write, 198)]);
    buckets.throttled((subscription(1), Kind::Write), ms(100), Some(ms(5_000)));
    assert_eq!(buckets.left(ms(200)), [(subscription(1), Kind::Write, 0)]);
    assert_eq!(buckets.left(ms(5_000)), [(subscription(1), Kind::Write, 0)], "it is closed");
}

#[test]
fn what_is_kept_is_bounded() {
    let mut buckets = Buckets::default();
    for n in 0..2_000 {
        let _ = buckets.take(
            (subscription(n), Kind::Write),
            ms(u64::try_from(n).unwrap() * 100),
            ms(0),
        );
    }
    assert!(buckets.buckets.len() <= SUBSCRIPTIONS_MAX * 3, "{}", buckets.buckets.len());
}

proptest! {
    #[test]
    fn in_no_window_more_is_let_through_than_the_service_takes(
        steps in proptest::collection::vec((0..400u64, 0..2_000u64), 1..400),
        window in 1..20_000u64,
    ) {
        let (mut buckets, mut now, mut sent) = (Buckets::default(), 0, Vec::new());
        for (pause, patience) in steps {
            now += pause;
            if let Ok(wait) = buckets.take((subscription(1), Kind::Write), ms(now), ms(patience)) {
                sent.push(ms(now) + wait);
            }
        }
        prop_assert!(sent.is_sorted());
        for from in &sent {
            let within = sent.iter().filter(|at| (*from..*from + ms(window)).contains(*at)).count();
            // The burst, and what flows in, the one token counted that had begun to.
            let most = 200 + window / 100 + 1;
            prop_assert!(within <= usize::try_from(most).unwrap(), "{} in {} ms", within, window);
        }
    }
}
