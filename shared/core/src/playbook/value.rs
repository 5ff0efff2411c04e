//! Single values: durations, percentages and weights, with what to say of those that are wrong.

use jiff::SignedDuration;

use super::{DURATION_MAX, decode::clipped};
use crate::{
    effect::WEIGHT_MAX,
    fraction::{Fraction, FractionError},
};

/// What is wrong, and what would be right.
pub(super) type Bad = (String, String);

/// A length of time: `90s`, `1h30m` or `PT5M`; more than nothing, up to [`DURATION_MAX`].
pub(super) fn duration(text: &str) -> Result<SignedDuration, Bad> {
    const FORMS: &str = "write it as 90s, 2m, 1h30m or PT5M; a day is 24h";
    let shown = clipped(text);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err((
            format!("`{shown}` has no unit"),
            format!("did you mean `{shown}s` or `{shown}m`?"),
        ));
    }
    let parsed: SignedDuration =
        text.parse().map_err(|_| (format!("`{shown}` is no length of time"), FORMS.to_owned()))?;
    if parsed.is_zero() || parsed.is_negative() {
        let help = "it must be more than nothing; leave the field out where it is not wanted";
        return Err((format!("`{shown}` is no time at all"), help.to_owned()));
    }
    if parsed > DURATION_MAX {
        return Err((format!("`{shown}` is too long"), "at most 30 days, 720h".to_owned()));
    }
    Ok(parsed)
}

/// A percentage, 0% to 100%.
pub(super) fn percent(text: &str) -> Result<Fraction, Bad> {
    const FORMS: &str = "write it as 30% or 12.5%, from 0% to 100% with at most two decimals";
    let shown = clipped(text);
    text.parse().map_err(|error| match error {
        FractionError::TooLarge(_) => (format!("`{shown}` is more than 100%"), FORMS.to_owned()),
        FractionError::Form(_) if text.parse::<f64>().is_ok() => {
            (format!("`{shown}` has no %"), format!("did you mean `{shown}%`?"))
        }
        FractionError::Form(_) => (format!("`{shown}` is no percentage"), FORMS.to_owned()),
    })
}

/// A weight, `least` to [`WEIGHT_MAX`].
pub(super) fn weight(number: i64, least: u8) -> Result<u8, Bad> {
    match u8::try_from(number) {
        Ok(weight) if (least..=WEIGHT_MAX).contains(&weight) => Ok(weight),
        Ok(_) | Err(_) => Err((
            format!("a weight cannot be {number}"),
            format!("weights are whole numbers from {least} to {WEIGHT_MAX}"),
        )),
    }
}
