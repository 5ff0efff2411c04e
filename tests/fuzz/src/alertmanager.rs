//! The webhook of Alertmanager.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{names::SourceName, signal::Signal};
use pointsman_intake::{
    AHEAD_HOURS_MAX, ANNOTATIONS_BYTES_MAX, KEPT_BYTES_MAX, LABELS_BYTES_MAX, LABELS_MAX,
    alertmanager, content_id,
};

use crate::says;

/// When everything arrives: 2026-11-21T22:21:00Z.
const RECEIVED_SECOND: i64 = 1_795_299_660;

/// What marks a cut may take a little more than there was room for.
const CUT_BYTES_MAX: usize = 4;

static SOURCE: LazyLock<SourceName> = LazyLock::new(|| "am".parse().expect("a name"));

/// The input is a body.
pub(crate) fn run(bytes: &[u8]) {
    let received = Timestamp::from_second(RECEIVED_SECOND).expect("a time");
    let batch = match alertmanager::read(&SOURCE, bytes, received) {
        Ok(batch) => batch,
        Err(error) => return says(&error),
    };
    let ahead = SignedDuration::from_hours(AHEAD_HOURS_MAX);
    for signal in &batch.signals {
        let Signal { series, started, labels, annotations, received: noted, .. } = signal;
        assert_eq!(*noted, received);
        assert!(started.duration_since(received) <= ahead);
        let bytes = |pairs: &std::collections::BTreeMap<String, String>| -> usize {
            pairs.iter().map(|(name, value)| name.len() + value.len()).sum()
        };
        assert!(labels.len() <= LABELS_MAX && bytes(labels) <= LABELS_BYTES_MAX);
        assert!(bytes(annotations) <= ANNOTATIONS_BYTES_MAX + CUT_BYTES_MAX);
        assert!(series.to_string().starts_with("am/"));
        // It is stored as it is.
        let stored = serde_json::to_string(signal).expect("a signal is JSON");
        let found: Signal = serde_json::from_str(&stored).expect("what is stored is read");
        assert_eq!(&found, signal);
    }
    for alert in &batch.unusable {
        says(&alert.reason);
        assert!(alert.raw.len() <= KEPT_BYTES_MAX + CUT_BYTES_MAX);
    }
    let key = |signal: &Signal| (signal.series.clone(), signal.started);
    assert!(batch.signals.windows(2).all(|pair| key(&pair[0]) <= key(&pair[1])), "unsorted");
    assert!(batch.unusable.windows(2).all(|pair| pair[0] < pair[1]), "unsorted, or there twice");
    // The name of a delivery is that of what it says, in whatever order.
    let mut backwards = batch.signals.clone();
    backwards.reverse();
    assert_eq!(content_id(&batch.signals), content_id(&backwards));
}
