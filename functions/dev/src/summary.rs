//! What was measured, and whether everything happened as told.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use pointsman_emulator::{Reconnect, Tally};
use serde_json::{Value, json};

use super::{
    functions::{RAMP_PERCENT, TIGHTENED_COUNT},
    screen::{BAD, BOLD, GOOD},
    tally,
    world::{self, BREAKS, OWNERS_COUNT, Weights},
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
    /// Whether all bodies at the end are those at the start, to the letter.
    pub(super) to_the_letter: bool,
    /// What was lost in either pool before anything broke.
    pub(super) lost_before: u64,
    pub(super) window: Window,
    pub(super) failure: Failure,
    pub(super) breaker: Breaker,
    /// What was lost in either pool when all was over.
    pub(super) lost_after: Option<u64>,
    /// All that was answered and lost: the helped pool, the other one.
    pub(super) losses: [Tally; 2],
    /// How many writes to the helped pool and its members Azure has done.
    pub(super) writes: usize,
    /// What did not come in time.
    pub(super) missing: Option<String>,
    /// How long it took.
    pub(super) took: Duration,
}

/// Of the maintenance window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Window {
    pub(super) opens: Option<Instant>,
    /// When Azure received the write that drains.
    pub(super) drained: Option<Instant>,
    /// When it received the one that gives back.
    pub(super) restored: Option<Instant>,
    /// The requests that the member got between the two, and those of the same member of the other pool.
    pub(super) got: [u64; 2],
}

/// Of the member that fails.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Failure {
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
    /// What was answered and lost from the failure to the reconnect, in either pool.
    pub(super) losses: [Tally; 2],
}

/// Of the member that fails now and then, and its circuit breaker.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Breaker {
    /// When the alert arrived at the functions.
    pub(super) alerted: Option<Instant>,
    /// When Azure received the write that tightens the breaker.
    pub(super) tightened: Option<Instant>,
    /// How often it has tripped.
    pub(super) trips: usize,
    /// The requests that the member got meanwhile, and those of the same member of the other pool.
    pub(super) got: [u64; 2],
    /// What was answered and lost meanwhile, in either pool.
    pub(super) losses: [Tally; 2],
    /// When the alert's end arrived there.
    pub(super) resolved: Option<Instant>,
    /// When Azure received the write that gives the owner's breaker back.
    pub(super) restored: Option<Instant>,
}

/// How long it was between the two, where both came.
fn between(from: Option<Instant>, to: Option<Instant>) -> Option<Duration> {
    Some(to?.duration_since(from?))
}

impl Window {
    /// That it kept new requests off its member: what was under way when it opened is no matter.
    fn holds(&self) -> bool {
        let [got, beside] = self.got;
        self.drained.is_some() && self.restored.is_some() && got * 10 < beside
    }
}

impl Failure {
    fn helps(&self) -> bool {
        self.contrast
            .is_some_and(|(helped, alone)| helped < HELPED_PERCENT_MAX && alone > ALONE_PERCENT_MIN)
    }
}

impl Breaker {
    /// How many requests it kept off its member.
    fn kept_off(&self) -> u64 {
        let [got, beside] = self.got;
        beside.saturating_sub(got)
    }

    /// That callers lost less by it, and the member had a rest.
    fn helps(&self) -> bool {
        let [helped, alone] = self.losses.map(|of| of.failures);
        self.trips > 0 && helped * 2 < alone && self.kept_off() > self.got[0]
    }
}

impl Measured {
    /// What did not happen as told; empty when everything did.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.missing.iter().cloned().collect();
        let Self { window, failure, breaker, .. } = self;
        let told = [
            (window.holds(), "the maintenance window did not drain its member and give it back"),
            (self.lost_before == 0, "requests were lost before anything broke"),
            (failure.failed.is_some(), "no request failed when the member broke"),
            (failure.alerted.is_some(), "no alert was sent"),
            (failure.drained.is_some(), "the member was not drained"),
            (failure.clean.is_some(), "the helped pool's error rate did not recover"),
            (failure.helps(), "the helped pool did no better than the one that nobody helps"),
            (failure.resolved.is_some(), "the alert did not end"),
            (
                failure.ramp == ramp_wanted(),
                "the weight was not given back in the playbook's steps",
            ),
            (failure.reconnect.is_some(), "no reconnect was accepted"),
            (breaker.tightened.is_some(), "the circuit breaker was not tightened"),
            (breaker.helps(), "the tightened circuit breaker kept too little off its member"),
            (breaker.restored.is_some(), "the circuit breaker was not given back"),
            (self.to_the_letter, "the backends are not what their owner left, to the letter"),
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
        let pools = |losses: [Tally; 2]| {
            let [helped, alone] =
                losses.map(|of| json!({"requests": of.requests, "lost": of.failures}));
            json!({"helped": helped, "alone": alone})
        };
        let got = |[helped, alone]: [u64; 2]| json!({"helped": helped, "alone": alone});
        let Self { window, failure, breaker, .. } = self;
        let reconnect = failure.reconnect.as_ref().map(|reconnect| {
            let Reconnect { backend, due, after, .. } = reconnect;
            json!({"backend": backend, "due": due, "afterSeconds": after.as_secs()})
        });
        let faults = self.faults();
        json!({
            "asTold": faults.is_empty(),
            "faults": faults,
            "seed": self.seed,
            "seconds": seconds(Some(self.took)),
            "window": {
                "openToWriteMilliseconds": ms(between(window.opens, window.drained)),
                "drainedSeconds": seconds(between(window.drained, window.restored)),
                "requestsToMember": got(window.got),
                "lost": self.lost_before,
            },
            "failure": {
                "failureToAlertSeconds": seconds(between(failure.failed, failure.alerted)),
                "alertToWriteMilliseconds": ms(between(failure.alerted, failure.drained)),
                "writeToCleanMilliseconds": ms(between(failure.drained, failure.clean)),
                "resolveToRestoredSeconds": seconds(between(failure.resolved, failure.restored)),
                "ramp": failure.ramp,
                "pools": pools(failure.losses),
                "reconnect": reconnect,
            },
            "breaker": {
                "alertToWriteMilliseconds": ms(between(breaker.alerted, breaker.tightened)),
                "trips": breaker.trips,
                "requestsToMember": got(breaker.got),
                "keptOff": breaker.kept_off(),
                "pools": pools(breaker.losses),
                "resolveToRestoredMilliseconds": ms(between(breaker.resolved, breaker.restored)),
            },
            "pools": pools(self.losses),
            "writes": self.writes,
            "weights": {
                "before": weights(&self.before),
                "after": weights(&self.after),
                "toTheLetter": self.to_the_letter,
            },
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("\n{BOLD}What was measured{BOLD:#}\n");
        self.sections(&mut text);
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

    fn sections(&self, text: &mut String) {
        let mut section = |title: &str, lines: &[(&str, String)]| {
            let _ = writeln!(text, "\n  {title}");
            for (name, value) in lines {
                let _ = writeln!(text, "    {name:<34}{value}");
            }
        };
        let of = |[helped, alone]: [u64; 2]| format!("{helped}, in the other pool {alone}");
        let lost = |of: Tally| {
            let percent = tally::percent(of, 1).unwrap_or_default();
            format!("{} of {} ({percent:.1}%)", of.failures, of.requests)
        };
        let Self { window, failure, breaker, .. } = self;
        section(
            "1  The maintenance window",
            &[
                ("opening to write at Azure", ms(between(window.opens, window.drained))),
                ("time drained", seconds(between(window.drained, window.restored))),
                ("requests to its member meanwhile", of(window.got)),
                ("requests lost", self.lost_before.to_string()),
            ],
        );
        let steps = RAMP_PERCENT.map(|percent| format!("{percent}%")).join(", ");
        let by = if failure.restored.is_some() { format!(", by {steps}") } else { String::new() };
        let restored = seconds(between(failure.resolved, failure.restored));
        let reconnect = failure.reconnect.as_ref().map_or_else(
            || "-".to_owned(),
            |reconnect| format!("{}, {}", reconnect.backend, due(reconnect)),
        );
        section(
            "2  The member that failed",
            &[
                (
                    "first failed request to alert",
                    seconds(between(failure.failed, failure.alerted)),
                ),
                ("alert to write at Azure", ms(between(failure.alerted, failure.drained))),
                ("write to last failed request", ms(between(failure.drained, failure.clean))),
                ("end of alert to owner's weights", format!("{restored}{by}")),
                ("requests lost", lost(failure.losses[0])),
                ("requests lost without help", lost(failure.losses[1])),
                ("reconnect", reconnect),
            ],
        );
        section(
            "3  The member that failed now and then",
            &[
                ("alert to write at Azure", ms(between(breaker.alerted, breaker.tightened))),
                ("breaker, failures that trip it", format!("{OWNERS_COUNT} → {TIGHTENED_COUNT}")),
                ("times that it tripped", breaker.trips.to_string()),
                ("requests to its member meanwhile", of(breaker.got)),
                ("requests kept off it", breaker.kept_off().to_string()),
                ("requests lost", lost(breaker.losses[0])),
                ("requests lost without help", lost(breaker.losses[1])),
                (
                    "end of alert to owner's breaker",
                    ms(between(breaker.resolved, breaker.restored)),
                ),
            ],
        );
        let letter = if self.to_the_letter { ", all to the letter" } else { "" };
        section(
            "All in all",
            &[
                ("writes to Azure", self.writes.to_string()),
                ("weights before", weights(&self.before)),
                ("weights after", format!("{}{letter}", weights(&self.after))),
            ],
        );
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

fn ms(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.0} ms", time.as_secs_f64() * 1_000.0))
}

/// `eu 50, us 30, ap 20`.
pub(super) fn weights(weights: &Weights) -> String {
    let one = |(member, weight): &(String, Option<u32>)| format!("{member} {}", shown(*weight));
    weights.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What either pool has lost within so long, beside the other.
pub(super) fn compared(within: Duration, [helped, alone]: [Tally; 2]) -> String {
    format!(
        "compare   in {} s helped lost {} of {} requests, alone {} of {}",
        within.as_secs(),
        helped.failures,
        helped.requests,
        alone.failures,
        alone.requests
    )
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
        let lost = |requests, failures| Tally { requests, failures };
        Measured {
            seed: 1,
            before: weights.clone(),
            after: weights,
            to_the_letter: true,
            lost_before: 0,
            window: Window {
                opens: at(5_000),
                drained: at(5_012),
                restored: at(11_015),
                got: [1, 118],
            },
            failure: Failure {
                failed: at(13_012),
                alerted: at(16_112),
                drained: at(16_126),
                clean: at(16_140),
                contrast: Some((0.0, 50.0)),
                resolved: at(31_000),
                ramp: vec![5, 25, 50],
                restored: at(39_020),
                reconnect: Some(Reconnect {
                    backend: "helped-eu".into(),
                    asked: "2026-03-01T07:03:09Z".parse().unwrap(),
                    due: "2026-03-01T07:05:09Z".parse().unwrap(),
                    after: Duration::from_secs(120),
                    done: false,
                }),
                losses: [lost(2_600, 156), lost(2_600, 801)],
            },
            breaker: Breaker {
                alerted: at(45_000),
                tightened: at(45_011),
                trips: 2,
                got: [24, 270],
                losses: [lost(900, 6), lost(900, 67)],
                resolved: at(58_000),
                restored: at(58_012),
            },
            lost_after: Some(0),
            losses: [lost(6_000, 180), lost(6_000, 930)],
            writes: 8,
            missing: None,
            took: Duration::from_millis(66_040),
        }
    }

    #[test]
    fn what_happened_as_told() {
        expect![[r#"

            What was measured

              1  The maintenance window
                opening to write at Azure         12 ms
                time drained                      6.0 s
                requests to its member meanwhile  1, in the other pool 118
                requests lost                     0

              2  The member that failed
                first failed request to alert     3.1 s
                alert to write at Azure           14 ms
                write to last failed request      14 ms
                end of alert to owner's weights   8.0 s, by 10%, 50%, 100%
                requests lost                     156 of 2600 (6.0%)
                requests lost without help        801 of 2600 (30.8%)
                reconnect                         helped-eu, due at 07:05:09 UTC (in 120 s)

              3  The member that failed now and then
                alert to write at Azure           11 ms
                breaker, failures that trip it    1000 → 3
                times that it tripped             2
                requests to its member meanwhile  24, in the other pool 270
                requests kept off it              246
                requests lost                     6 of 900 (0.7%)
                requests lost without help        67 of 900 (7.4%)
                end of alert to owner's breaker   12 ms

              All in all
                writes to Azure                   8
                weights before                    eu 50, us 30, ap 20
                weights after                     eu 50, us 30, ap 20, all to the letter

            Everything happened as told, in 66 s."#]]
        .assert_eq(&strip_str(&measured().text()).to_string());
        expect![[r#"
            {
              "asTold": true,
              "faults": [],
              "seed": 1,
              "seconds": 66.04,
              "window": {
                "openToWriteMilliseconds": 12.0,
                "drainedSeconds": 6.003,
                "requestsToMember": {
                  "helped": 1,
                  "alone": 118
                },
                "lost": 0
              },
              "failure": {
                "failureToAlertSeconds": 3.1,
                "alertToWriteMilliseconds": 14.0,
                "writeToCleanMilliseconds": 14.0,
                "resolveToRestoredSeconds": 8.02,
                "ramp": [
                  5,
                  25,
                  50
                ],
                "pools": {
                  "helped": {
                    "requests": 2600,
                    "lost": 156
                  },
                  "alone": {
                    "requests": 2600,
                    "lost": 801
                  }
                },
                "reconnect": {
                  "backend": "helped-eu",
                  "due": "2026-03-01T07:05:09Z",
                  "afterSeconds": 120
                }
              },
              "breaker": {
                "alertToWriteMilliseconds": 11.0,
                "trips": 2,
                "requestsToMember": {
                  "helped": 24,
                  "alone": 270
                },
                "keptOff": 246,
                "pools": {
                  "helped": {
                    "requests": 900,
                    "lost": 6
                  },
                  "alone": {
                    "requests": 900,
                    "lost": 67
                  }
                },
                "resolveToRestoredMilliseconds": 12.0
              },
              "pools": {
                "helped": {
                  "requests": 6000,
                  "lost": 180
                },
                "alone": {
                  "requests": 6000,
                  "lost": 930
                }
              },
              "writes": 8,
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
        let window = "the maintenance window did not drain its member and give it back";
        check(|m| m.window.drained = None, window);
        check(|m| m.window.restored = None, window);
        check(|m| m.window.got = [60, 118], window);
        check(|m| m.lost_before = 1, "requests were lost before anything broke");
        check(|m| m.failure.failed = None, "no request failed when the member broke");
        check(|m| m.failure.alerted = None, "no alert was sent");
        check(|m| m.failure.drained = None, "the member was not drained");
        check(|m| m.failure.clean = None, "the helped pool's error rate did not recover");
        let worse = "the helped pool did no better than the one that nobody helps";
        check(|m| m.failure.contrast = Some((1.5, 50.0)), worse);
        check(|m| m.failure.contrast = Some((0.0, 0.0)), worse);
        check(|m| m.failure.contrast = None, worse);
        check(|m| m.failure.resolved = None, "the alert did not end");
        let ramp = "the weight was not given back in the playbook's steps";
        check(|m| m.failure.ramp = vec![5, 50], ramp);
        check(|m| m.failure.ramp = vec![50], ramp);
        check(|m| m.failure.reconnect = None, "no reconnect was accepted");
        check(|m| m.breaker.tightened = None, "the circuit breaker was not tightened");
        let little = "the tightened circuit breaker kept too little off its member";
        check(|m| m.breaker.trips = 0, little);
        check(|m| m.breaker.got = [200, 270], little);
        check(|m| m.breaker.losses[0].failures = 60, little);
        check(|m| m.breaker.restored = None, "the circuit breaker was not given back");
        check(
            |m| m.to_the_letter = false,
            "the backends are not what their owner left, to the letter",
        );
        check(|m| m.lost_after = Some(3), "requests were lost after the end, or it did not come");
        check(|m| m.lost_after = None, "requests were lost after the end, or it did not come");
        check(|m| m.missing = Some("the alert did not come".to_owned()), "the alert did not come");
    }
}
