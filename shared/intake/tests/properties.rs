//! What holds for any body of Alertmanager, and for bytes that are none.

#![expect(clippy::unwrap_used, reason = "also what helps a test may panic; clippy only lets tests")]

use jiff::Timestamp;
use pointsman_core::signal::Signal;
use pointsman_intake::{Batch, Unreadable, alertmanager, content_id};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

/// 2026-11-21T22:21:00Z.
const RECEIVED: i64 = 1_795_299_660;

fn read(body: &[u8]) -> Result<Batch, Unreadable> {
    let received = Timestamp::from_second(RECEIVED).unwrap();
    alertmanager::read(&"am".parse().unwrap(), body, received)
}

fn time() -> impl Strategy<Value = String> {
    (-3_000_000..90_000_i64, 0..3_i32).prop_map(|(second, nanosecond)| {
        Timestamp::new(RECEIVED + second, nanosecond).unwrap().to_string()
    })
}

/// Alerts as Alertmanager sends them, from few series, so that they meet; some cannot be used.
fn alert() -> impl Strategy<Value = Value> {
    let status = prop::sample::select(vec!["firing", "resolved", "resolved", "suppressed"]);
    let severity = prop::sample::select(vec!["critical", "warning", "page", ""]);
    let end = prop_oneof![
        3 => time().prop_map(Value::from),
        1 => prop::sample::select(vec![json!("0001-01-01T00:00:00Z"), json!("soon"), json!(null), json!(7)]),
    ];
    let summary = prop_oneof![
        3 => "[a-z\"\\\\é]{0,4}".prop_map(Value::from),
        1 => prop::sample::select(vec![json!(null), json!(93.5), json!(true), json!(["a"]), json!({})]),
    ];
    (status, 0..4_u8, severity, summary, time(), end).prop_map(
        |(status, backend, severity, summary, one, end)| {
            let end = if status == "firing" { json!("0001-01-01T00:00:00Z") } else { end };
            json!({
                "status": status,
                "labels": {"alertname": "E", "backend": format!("eu-{backend}"), "severity": severity},
                "annotations": {"summary": summary},
                "startsAt": one,
                "endsAt": end,
                "fingerprint": format!("{backend:016x}"),
            })
        },
    )
}

fn body(alerts: &[Value]) -> Vec<u8> {
    json!({"version": "4", "status": "firing", "alerts": alerts}).to_string().into_bytes()
}

fn key(signal: &Signal) -> String {
    format!("{} {} {:?}", signal.series, signal.started, signal.heard)
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_damage_to_a_body_panics(
        alerts in vec(alert(), 0..4),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = body(&alerts);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        if let Ok(batch) = read(&bytes) {
            prop_assert!(batch.signals.len() + batch.unusable.len() <= alerts.len());
        }
    }

    #[test]
    fn order_and_repetition_change_nothing(
        (alerts, shuffled) in vec(alert(), 0..12).prop_flat_map(|alerts| {
            let mut twice = alerts.clone();
            twice.extend(alerts.iter().step_by(2).cloned());
            (Just(alerts), Just(twice).prop_shuffle())
        }),
    ) {
        let (one, other) = (read(&body(&alerts)).unwrap(), read(&body(&shuffled)).unwrap());
        prop_assert_eq!(content_id(&one.signals), content_id(&other.signals));
        let mut backwards = one.signals.clone();
        backwards.reverse();
        prop_assert_eq!(content_id(&one.signals), content_id(&backwards));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn every_alert_is_a_signal_or_unusable(alerts in vec(alert(), 0..12)) {
        let batch = read(&body(&alerts)).unwrap();
        let known: Vec<String> = batch.signals.iter().map(key).collect();
        for alert in &alerts {
            let alone = read(&body(std::slice::from_ref(alert))).unwrap();
            prop_assert_eq!(alone.signals.len() + alone.unusable.len(), 1);
            // Neither its end nor what describes it makes it unusable.
            for one in &alone.unusable {
                let of = ["its status is ", " h ahead of the time it was received"];
                prop_assert!(of.iter().any(|of| one.reason.contains(of)), "{one:?}");
            }
            for signal in &alone.signals {
                prop_assert!(known.contains(&key(signal)), "{} is lost", key(signal));
            }
            for alert in &alone.unusable {
                prop_assert!(batch.unusable.contains(alert), "{alert:?} is lost");
            }
        }
        // And nothing is made up or there twice.
        let mut once = known.clone();
        once.dedup();
        prop_assert_eq!(known.len(), once.len());
        prop_assert!(batch.signals.len() + batch.unusable.len() <= alerts.len());
    }

    #[test]
    fn an_alert_that_cannot_be_read_changes_no_other(
        alerts in vec(alert(), 0..6),
        at in any::<prop::sample::Index>(),
        bad in prop::sample::select(vec![
            json!(null), json!(3), json!("x"), json!([]), json!({}), json!({"labels": 3}),
            json!({"status": "firing", "startsAt": {"deep": [[[]]]}}),
        ]),
    ) {
        let good = read(&body(&alerts)).unwrap();
        let mut with_bad = alerts.clone();
        with_bad.insert(at.index(alerts.len() + 1), bad);
        let batch = read(&body(&with_bad)).unwrap();
        prop_assert_eq!(&batch.signals, &good.signals);
        prop_assert_eq!(batch.unusable.len(), good.unusable.len() + 1);
    }

    #[test]
    fn different_signals_have_different_ids(alerts in vec(alert(), 2..6)) {
        let signals = read(&body(&alerts)).unwrap().signals;
        let all = content_id(&signals);
        for at in 0..signals.len() {
            let mut fewer = signals.clone();
            fewer.remove(at);
            prop_assert_ne!(&all, &content_id(&fewer));
        }
    }
}
