//! What was measured, and whether everything happened as told.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use pointsman_emulator::{Reconnect, Tally};
use serde_json::{Value, json};

use super::{
    functions::RAMP_PERCENT,
    screen::{BAD, GOOD},
    tally,
    world::{self, BREAKS, Weights},
};

/// How much the helped pool may lose while it is compared, in percent: a hiccup of this machine.
const HELPED_PERCENT_MAX: f64 = 1.0;

/// How much the other pool loses at least, in percent.
const ALONE_PERCENT_MIN: f64 = 10.0;

/// What the story has seen; none is what did not come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Measured {
    pub(super) seed: u64,
    /// The weights of the helped pool at the start and at the end.
    pub(super) before: Weights,
    pub(super) after: Weights,
    /// Whether both pools' bodies at the end are those at the start, to the letter.
    pub(super) to_the_letter: bool,
    /// What was lost in either pool before anything broke.
    pub(super) lost_before: u64,
    /// The first request that was lost in the helped pool.
    pub(super) failed: Option<Instant>,
    /// When the alert arrived at the functions.
    pub(super) alerted: Option<Instant>,
    /// When Azure received the write that drains.
    pub(super) drained: Option<Instant>,
    /// The last request that was lost in the helped pool; no sooner than the write.
    pub(super) clean: Option<Instant>,
    /// What was lost while the one pool was helped and the other was not, in percent.
    pub(super) contrast: Option<(f64, f64)>,
    /// When the alert's end arrived there.
    pub(super) resolved: Option<Instant>,
    /// The broken member's weight at each write that gave some back.
    pub(super) ramp: Vec<u32>,
    /// When Azure received the last of them.
    pub(super) restored: Option<Instant>,
    /// The reconnect that Azure has accepted.
    pub(super) reconnect: Option<Reconnect>,
    /// What was lost in either pool when all was over.
    pub(super) lost_after: Option<u64>,
    /// All that was answered and lost: the helped pool, the other one.
    pub(super) losses: [Tally; 2],
    /// How many writes to the helped pool Azure has done.
    pub(super) writes: usize,
    /// What did not come in time.
    pub(super) missing: Option<String>,
    /// How long it took.
    pub(super) took: Duration,
}

impl Measured {
    /// How long it was from the failure to the alert, from there to the write, from there to the last
    /// failure; and from the alert's end to the owner's weights.
    fn lengths(&self) -> [Option<Duration>; 4] {
        [
            (self.failed, self.alerted),
            (self.alerted, self.drained),
            (self.drained, self.clean),
            (self.resolved, self.restored),
        ]
        .map(|(from, to)| Some(to?.duration_since(from?)))
    }

    /// What did not happen as told; empty when everything did.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.missing.iter().cloned().collect();
        let wanted_ramp = ramp_wanted();
        let helps = self.contrast.is_some_and(|(helped, alone)| {
            helped < HELPED_PERCENT_MAX && alone > ALONE_PERCENT_MIN
        });
        let told = [
            (self.lost_before == 0, "requests were lost before anything broke"),
            (self.failed.is_some(), "no request failed when the member broke"),
            (self.alerted.is_some(), "no alert was sent"),
            (self.drained.is_some(), "the member was not drained"),
            (self.clean.is_some(), "the helped pool's error rate did not recover"),
            (helps, "the helped pool did no better than the one that nobody helps"),
            (self.resolved.is_some(), "the alert did not end"),
            (self.ramp == wanted_ramp, "the weight was not given back in the playbook's steps"),
            (self.to_the_letter, "the pools are not what their owner left, to the letter"),
            (self.reconnect.is_some(), "no reconnect was accepted"),
            (self.lost_after == Some(0), "requests were lost after the end, or it did not come"),
        ];
        faults.extend(told.iter().filter(|(held, _)| !held).map(|(_, fault)| (*fault).to_owned()));
        faults
    }

    /// As JSON: times in seconds or milliseconds, as their names say; null is what did not come.
    pub(super) fn json(&self) -> Value {
        let seconds =
            |time: Option<Duration>| time.map(|time| rounded(time.as_secs_f64(), 1_000.0));
        let ms =
            |time: Option<Duration>| time.map(|time| rounded(time.as_secs_f64() * 1_000.0, 10.0));
        let weights = |weights: &Weights| -> Value {
            weights.iter().map(|(member, weight)| (member.clone(), json!(weight))).collect()
        };
        let pool = |of: Tally| json!({"requests": of.requests, "lost": of.failures});
        let reconnect = self.reconnect.as_ref().map(|reconnect| {
            let Reconnect { backend, due, after, .. } = reconnect;
            json!({"backend": backend, "due": due, "afterSeconds": after.as_secs()})
        });
        let faults = self.faults();
        let [helped, alone] = self.losses.map(pool);
        let [to_alert, to_write, to_clean, to_restored] = self.lengths();
        json!({
            "asTold": faults.is_empty(),
            "faults": faults,
            "seed": self.seed,
            "seconds": seconds(Some(self.took)),
            "failureToAlertSeconds": seconds(to_alert),
            "alertToWriteMilliseconds": ms(to_write),
            "writeToCleanMilliseconds": ms(to_clean),
            "resolveToRestoredSeconds": seconds(to_restored),
            "pools": {"helped": helped, "alone": alone},
            "writes": self.writes,
            "ramp": self.ramp,
            "weights": {
                "before": weights(&self.before),
                "after": weights(&self.after),
                "toTheLetter": self.to_the_letter,
            },
            "reconnect": reconnect,
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("\nWhat was measured\n\n");
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<36}{value}");
        };
        let [to_alert, to_write, to_clean, to_restored] = self.lengths();
        line("first failed request to alert", seconds(to_alert));
        line("alert to write received by Azure", milliseconds(to_write));
        line("write to last failed request", milliseconds(to_clean));
        let steps = RAMP_PERCENT.map(|percent| format!("{percent}%")).join(", ");
        let by = if self.restored.is_some() { format!(", by {steps}") } else { String::new() };
        line("end of alert to owner's weights", format!("{}{by}", seconds(to_restored)));
        line("writes to Azure", self.writes.to_string());
        let pools = ["requests lost, helped pool", "requests lost, pool without help"];
        for (name, of) in pools.into_iter().zip(self.losses) {
            let Tally { requests, failures } = of;
            let percent = tally::percent(of, 1).unwrap_or_default();
            line(name, format!("{failures} of {requests} ({percent:.1}%)"));
        }
        let letter = if self.to_the_letter { ", to the letter" } else { "" };
        line("weights before", weights(&self.before));
        line("weights after", format!("{}{letter}", weights(&self.after)));
        line(
            "reconnect",
            match &self.reconnect {
                None => "-".to_owned(),
                Some(reconnect) => format!("{}, accepted, {}", reconnect.backend, due(reconnect)),
            },
        );
        let faults = self.faults();
        let took = self.took.as_secs_f64();
        let verdict = if faults.is_empty() {
            format!("{GOOD}Everything happened as told, in {took:.0} s.{GOOD:#}")
        } else {
            let list: String = faults.iter().map(|fault| format!("\n  - {fault}")).collect();
            format!("{BAD}Not everything happened as told:{list}{BAD:#}")
        };
        let _ = write!(text, "\n{verdict}");
        text
    }
}

/// The weights that the broken member should have, step by step.
fn ramp_wanted() -> Vec<u32> {
    let whole = world::owners_weight(BREAKS).unwrap_or_default();
    RAMP_PERCENT.iter().map(|percent| whole * percent / 100).collect()
}

fn rounded(number: f64, to: f64) -> f64 {
    (number * to).round() / to
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
}

fn milliseconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.0} ms", time.as_secs_f64() * 1_000.0))
}

/// `eu 50, us 30, ap 20`.
pub(super) fn weights(weights: &Weights) -> String {
    let one = |(member, weight): &(String, Option<u32>)| format!("{member} {}", shown(*weight));
    weights.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// When a reconnect comes: `due at 07:05:09 UTC (in 120 s)`.
pub(super) fn due(reconnect: &Reconnect) -> String {
    let Reconnect { due, after, .. } = reconnect;
    format!("due at {} UTC (in {} s)", due.strftime("%H:%M:%S"), after.as_secs())
}

/// A weight; `null` where there is none.
pub(super) fn shown(weight: Option<u32>) -> String {
    weight.map_or_else(|| "null".to_owned(), |weight| weight.to_string())
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use expect_test::expect;

    use super::{super::world::MEMBERS, *};

    fn measured() -> Measured {
        let start = Instant::now();
        let at = |ms| Some(start + Duration::from_millis(ms));
        let weights: Weights =
            MEMBERS.iter().map(|(name, weight)| ((*name).to_owned(), Some(*weight))).collect();
        Measured {
            seed: 1,
            before: weights.clone(),
            after: weights,
            to_the_letter: true,
            lost_before: 0,
            failed: at(9_012),
            alerted: at(12_112),
            drained: at(12_126),
            clean: at(12_140),
            contrast: Some((0.0, 50.0)),
            resolved: at(36_000),
            ramp: vec![5, 25, 50],
            restored: at(48_020),
            reconnect: Some(Reconnect {
                backend: "helped-eu".into(),
                asked: "2026-03-01T07:03:09Z".parse().unwrap(),
                due: "2026-03-01T07:05:09Z".parse().unwrap(),
                after: Duration::from_secs(120),
                done: false,
            }),
            lost_after: Some(0),
            losses: [156, 1_201].map(|failures| Tally { requests: 5_600, failures }),
            writes: 4,
            missing: None,
            took: Duration::from_millis(56_040),
        }
    }

    #[test]
    fn what_happened_as_told() {
        expect![[r#"

            What was measured

              first failed request to alert       3.1 s
              alert to write received by Azure    14 ms
              write to last failed request        14 ms
              end of alert to owner's weights     12.0 s, by 10%, 50%, 100%
              writes to Azure                     4
              requests lost, helped pool          156 of 5600 (2.8%)
              requests lost, pool without help    1201 of 5600 (21.4%)
              weights before                      eu 50, us 30, ap 20
              weights after                       eu 50, us 30, ap 20, to the letter
              reconnect                           helped-eu, accepted, due at 07:05:09 UTC (in 120 s)

            Everything happened as told, in 56 s."#]].assert_eq(&strip_str(&measured().text()).to_string());
        expect![[r#"
            {
              "asTold": true,
              "faults": [],
              "seed": 1,
              "seconds": 56.04,
              "failureToAlertSeconds": 3.1,
              "alertToWriteMilliseconds": 14.0,
              "writeToCleanMilliseconds": 14.0,
              "resolveToRestoredSeconds": 12.02,
              "pools": {
                "helped": {
                  "requests": 5600,
                  "lost": 156
                },
                "alone": {
                  "requests": 5600,
                  "lost": 1201
                }
              },
              "writes": 4,
              "ramp": [
                5,
                25,
                50
              ],
              "weights": {
                "before": {
                  "eu": 50,
                  "us": 30,
                  "ap": 20
                },
                "after": {
                  "eu": 50,
                  "us": 30,
                  "ap": 20
                },
                "toTheLetter": true
              },
              "reconnect": {
                "backend": "helped-eu",
                "due": "2026-03-01T07:05:09Z",
                "afterSeconds": 120
              }
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&measured().json()).unwrap());
    }

    /// A story that differs in one thing is told by exactly one fault.
    fn check(change: impl FnOnce(&mut Measured), fault: &str) {
        let mut measured = measured();
        change(&mut measured);
        assert_eq!(measured.faults(), [fault]);
        assert_eq!(measured.json()["asTold"], false);
        assert!(measured.text().contains(fault));
    }

    #[test]
    fn each_thing_that_did_not_happen_is_told() {
        assert!(measured().faults().is_empty());
        check(|m| m.lost_before = 1, "requests were lost before anything broke");
        check(|m| m.failed = None, "no request failed when the member broke");
        check(|m| m.alerted = None, "no alert was sent");
        check(|m| m.drained = None, "the member was not drained");
        check(|m| m.clean = None, "the helped pool's error rate did not recover");
        let worse = "the helped pool did no better than the one that nobody helps";
        check(|m| m.contrast = Some((1.5, 50.0)), worse);
        check(|m| m.contrast = Some((0.0, 0.0)), worse);
        check(|m| m.contrast = None, worse);
        check(|m| m.resolved = None, "the alert did not end");
        let ramp = "the weight was not given back in the playbook's steps";
        check(|m| m.ramp = vec![5, 50], ramp);
        check(|m| m.ramp = vec![50], ramp);
        check(
            |m| m.to_the_letter = false,
            "the pools are not what their owner left, to the letter",
        );
        check(|m| m.reconnect = None, "no reconnect was accepted");
        check(|m| m.lost_after = Some(3), "requests were lost after the end, or it did not come");
        check(|m| m.lost_after = None, "requests were lost after the end, or it did not come");
        check(|m| m.missing = Some("the alert did not come".to_owned()), "the alert did not come");
    }
}
