//! What is shown of the state, in words: the same ones wherever it is shown.

use std::error::Error;

use jiff::{SignedDuration, SignedDurationRound, Timestamp, Unit};
use pointsman_core::{
    document::Document,
    overrides::{End, Life, Override, Standing},
};

/// `1 pool`, `2 pools`.
#[must_use]
pub fn count(number: impl TryInto<u64>, of: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}

/// A time for people: to the second, in UTC.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A length for people: `2m 5s`.
#[must_use]
pub fn length(length: SignedDuration) -> String {
    let unit =
        if length.abs() >= SignedDuration::from_mins(10) { Unit::Minute } else { Unit::Second };
    let rounded = length.round(SignedDurationRound::new().smallest(unit)).unwrap_or(length);
    format!("{rounded:#}")
}

/// How an override stands, in a few words.
#[must_use]
pub fn standing(document: &Document, over: &Override, now: Timestamp) -> String {
    let ago = |at: Timestamp| length(now.duration_since(at));
    let fields = over.effect.fields();
    let stands = fields.iter().any(|field| document.owned.get(field).is_some_and(|one| one.stood));
    match (&over.life, &over.standing) {
        (Life::Claimed { .. }, Standing::Unseen) if document.trouble.is_some() => {
            "waits until the backend can be read".to_owned()
        }
        (Life::Begun { at, .. }, Standing::Admitted) if !stands => {
            format!("decided {} ago, not seen to be written yet", ago(*at))
        }
        (Life::Claimed { .. }, Standing::Held(why)) => format!("held: {why}"),
        (Life::Claimed { at }, _) => format!("claimed {} ago, not looked at yet", ago(*at)),
        (Life::Begun { .. }, Standing::Held(why)) => format!("displaced, held: {why}"),
        (Life::Begun { .. }, Standing::Yielded) => "yielded to someone else's write".to_owned(),
        (Life::Begun { at, .. }, Standing::Admitted | Standing::Unseen) => {
            let (ends, why) = over.ends().unwrap_or((now, End::Expired));
            let left = ends.duration_since(now);
            let left = if left.is_positive() { length(left) } else { "0s".to_owned() };
            match why {
                End::Resolved => format!("in force for {}, given back in {left}: {why}", ago(*at)),
                End::Expired | End::Undone { .. } | End::Dropped => {
                    format!("in force for {}, at most {left} more", ago(*at))
                }
            }
        }
        (Life::Ended { steps, why, .. }, _) => match steps.len().checked_sub(1) {
            Some(step) => format!("ending ({why}), {} given back", over.lease.given_back(step)),
            None => format!("ending ({why}), not given back yet"),
        },
    }
}

/// An error with its causes, each said once.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_rounded_to_what_a_person_wants_to_know() {
        assert_eq!(length(SignedDuration::from_millis(1_400)), "1s");
        assert_eq!(length(SignedDuration::from_secs(125)), "2m 5s");
        assert_eq!(length(SignedDuration::from_secs(3 * 3600 + 61)), "3h 1m");
        assert_eq!(count(1, "pool"), "1 pool");
        assert_eq!(count(0, "pool"), "0 pools");
    }
}
