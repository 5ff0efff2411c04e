//! What is logged and kept of refused deliveries.
//!
//! A sender whose token was rotated away does not send again what is answered with 4xx, so this side
//! has to say that something is wrong: in the log, and in `status`. Whoever can reach the port can be
//! refused as often as they like: of each source and status, one line a minute is told and one notice
//! saved, with how many there were since the last. Those that come after it wait for the end of that
//! minute, or of the process, so that all of them are counted.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use pointsman_core::notice::Kind;

/// How long it is between two lines of one source and status.
const EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How long after the first one that waits the rest is told.
pub(crate) const REST_AFTER: Duration = Duration::from_secs(61);

/// What was told last of each source and status.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<(String, StatusCode), Told>>);

#[derive(Debug)]
struct Told {
    at: Timestamp,
    /// How many were refused since then.
    since: u64,
    /// When the latest was, and why.
    latest: Timestamp,
    says: String,
}

/// Those that were refused since the last line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) many: u64,
    pub(crate) latest: Timestamp,
    pub(crate) says: String,
}

/// What is to be done about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    /// Tell now that there were so many since the last line, this one included.
    Now(u64),
    /// Tell the rest [`REST_AFTER`] this: it is the first that waits.
    Later,
    /// Nothing: another one that waits sees to it.
    Counted,
}

impl Refusals {
    /// Takes in a refusal, of a source by its name, and why it was refused.
    pub(crate) fn take_in(
        &self,
        (source, status): (&str, StatusCode),
        says: &str,
        now: Timestamp,
    ) -> Tell {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get_mut(&(source.to_owned(), status)) {
            Some(told) if told.is_fresh(now) => {
                (told.since, told.latest, told.says) = (told.since + 1, now, says.to_owned());
                if told.since == 1 { Tell::Later } else { Tell::Counted }
            }
            Some(told) => Tell::Now(told.tell(now).many + 1),
            None => {
                let new = Told { at: now, since: 0, latest: now, says: String::new() };
                told.insert((source.to_owned(), status), new);
                Tell::Now(1)
            }
        }
    }

    /// Those that wait to be told; none where a line was told meanwhile, and others see to the rest.
    pub(crate) fn rest(&self, source: &str, status: StatusCode, now: Timestamp) -> Option<Rest> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.get_mut(&(source.to_owned(), status))?;
        (told.since > 0 && !told.is_fresh(now)).then(|| told.tell(now))
    }

    /// All that wait to be told, by source and status.
    pub(crate) fn all(&self, now: Timestamp) -> Vec<(String, StatusCode, Rest)> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = told.iter_mut().filter(|(_, told)| told.since > 0);
        waiting.map(|((source, status), told)| (source.clone(), *status, told.tell(now))).collect()
    }
}

impl Told {
    /// A clock that was set back must not keep it silent.
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.at).abs() < EVERY
    }

    fn tell(&mut self, now: Timestamp) -> Rest {
        self.at = now;
        let (many, says) = (std::mem::take(&mut self.since), std::mem::take(&mut self.says));
        Rest { many, latest: self.latest, says }
    }
}

/// What a refusal is noticed as.
pub(crate) fn kind(status: StatusCode) -> Kind {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::Denied,
        StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
        _ => Kind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_stands_for_all_of_them() {
        let refused = Refusals::default();
        let (one, other) = ("one", "other");
        let (denied, large) = (StatusCode::FORBIDDEN, StatusCode::PAYLOAD_TOO_LARGE);
        let at = |second| Timestamp::from_second(second).unwrap();
        for (second, source, status, told) in [
            (100, one, denied, Tell::Now(1)),
            (101, one, denied, Tell::Later),
            (101, other, denied, Tell::Now(1)),
            (102, one, large, Tell::Now(1)),
            (159, one, denied, Tell::Counted),
            (160, one, denied, Tell::Now(3)),
            (161, one, denied, Tell::Later),
        ] {
            let now = at(second);
            let taken = refused.take_in((source, status), &second.to_string(), now);
            assert_eq!(taken, told, "{source} {status} {second}");
        }
        // The one of 101 comes back: a line was told at 160.
        assert_eq!(refused.rest(one, denied, at(162)), None);
        let rest = || Rest { many: 1, latest: at(161), says: "161".to_owned() };
        assert_eq!(refused.rest(one, denied, at(222)), Some(rest()), "when it was refused");
        assert_eq!(refused.rest(one, denied, at(300)), None, "it is told");
        assert_eq!(refused.rest(other, large, at(300)), None, "there was none");
        // At the end of the process nothing is waited for.
        assert_eq!(refused.take_in((one, denied), "230", at(230)), Tell::Later);
        let ended = Rest { many: 1, latest: at(230), says: "230".to_owned() };
        assert_eq!(refused.all(at(231)), [(one.to_owned(), denied, ended)]);
        assert_eq!(refused.all(at(231)), []);
        // The clock was set back.
        assert_eq!(refused.take_in((one, denied), "10", at(10)), Tell::Now(1));
    }
}
