//! The alerting rule of one member: when it fires and when it has ended.
//!
//! As one would write it for Prometheus: it fires once too many of the member's answers have been
//! errors for a while (`for`), and ends once all has been well for a while (`keep_firing_for`). As
//! a drained member gets no traffic by which to judge it, the rule that fires also asks a probe
//! that goes to the member directly, and does not end while that fails.

use std::time::{Duration, Instant};

/// How much of a member's answers may be errors, in percent.
pub(super) const PERCENT_MAX: f64 = 5.0;

/// For how long there are too many errors before the alert fires.
pub(super) const FOR: Duration = Duration::from_secs(2);

/// For how long all is well before the alert has ended.
pub(super) const KEEP_FIRING_FOR: Duration = Duration::from_secs(3);

/// What is known of a member at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    /// How much of what the gateway sent to it failed, in percent; none where it sent too little to
    /// tell.
    pub(super) percent: Option<f64>,
    /// Whether its own answer to a probe is an error, or there is none.
    pub(super) probe_fails: bool,
}

/// What a look has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Fires,
    Ends,
}

/// How the rule stands for one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rule {
    /// All is well.
    #[default]
    Quiet,
    /// Too many errors, not for long enough yet.
    Pending { since: Instant },
    /// It fires; all is well since a while, perhaps.
    Firing { well_since: Option<Instant> },
}

impl Rule {
    /// Takes a look in.
    pub(super) fn look(&mut self, now: Instant, look: Look) -> Option<Turn> {
        let too_many = look.percent.is_some_and(|percent| percent > PERCENT_MAX);
        let (next, turn) = match *self {
            Self::Quiet | Self::Pending { .. } if !too_many => (Self::Quiet, None),
            Self::Quiet => (Self::Pending { since: now }, None),
            Self::Pending { since } if now.duration_since(since) < FOR => (*self, None),
            Self::Pending { .. } => (Self::Firing { well_since: None }, Some(Turn::Fires)),
            Self::Firing { .. } if too_many || look.probe_fails => {
                (Self::Firing { well_since: None }, None)
            }
            Self::Firing { well_since: None } => (Self::Firing { well_since: Some(now) }, None),
            Self::Firing { well_since: Some(since) } => {
                let long = now.duration_since(since) >= KEEP_FIRING_FOR;
                if long { (Self::Quiet, Some(Turn::Ends)) } else { (*self, None) }
            }
        };
        *self = next;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks once a second; `e` too many errors, `p` only the probe fails, `.` all is well, `-` no
    /// traffic and a good probe. Gives when it fired (F) and ended (E).
    fn check(looks: &str, wanted: &str) {
        let start = Instant::now();
        let mut rule = Rule::default();
        let turns: String = (0..)
            .zip(looks.chars())
            .map(|(second, look)| {
                let (percent, probe_fails) = match look {
                    'e' => (Some(50.0), true),
                    'p' => (None, true),
                    '-' => (None, false),
                    _ => (Some(1.0), false),
                };
                match rule.look(start + Duration::from_secs(second), Look { percent, probe_fails })
                {
                    Some(Turn::Fires) => 'F',
                    Some(Turn::Ends) => 'E',
                    None => ' ',
                }
            })
            .collect();
        assert_eq!(turns.trim_end(), wanted, "{looks}");
    }

    #[test]
    fn it_fires_after_a_while_and_ends_after_a_while() {
        check("..eeeee....", "    F     E");
        check(".ee.ee.e...", "");
    }

    #[test]
    fn a_drained_member_is_judged_by_its_probe() {
        check("eeepppppp----", "  F         E");
        check("eeep---p---", "  F");
        check("eeep---p----", "  F        E");
    }

    #[test]
    fn a_probe_alone_does_not_make_it_fire() {
        check("pppppppp", "");
    }
}
