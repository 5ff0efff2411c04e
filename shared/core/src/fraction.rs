//! Fractions of a weight or of a pool, exact to a hundredth of a percent.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A fraction from 0% to 100%, held in basis points (hundredths of a percent).
///
/// Written `30%` or `12.5%`. Whole numbers inside, so that equal inputs give equal weights on
/// every machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Fraction(u16);

/// Basis points in the whole.
pub const WHOLE_BASIS_POINTS: u16 = 10_000;

impl Fraction {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Everything.
    pub const WHOLE: Self = Self(WHOLE_BASIS_POINTS);

    /// A fraction of whole percents; above 100 it is the whole.
    #[must_use]
    pub const fn percent(percent: u8) -> Self {
        if percent >= 100 { Self::WHOLE } else { Self(percent as u16 * 100) }
    }

    /// The fraction in hundredths of a percent, 0 to 10,000.
    #[must_use]
    pub const fn basis_points(self) -> u16 {
        self.0
    }
}

/// Why a text or number is not a fraction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FractionError {
    /// Not of the form `30%` or `12.5%`.
    #[error("`{0}` is not a percentage: {FORMS}")]
    Form(String),
    /// A number alone. From 0 to 1 it is taken for the part of a whole.
    #[error("`{text}` has no %: did you mean `{meant}`?")]
    NoSign {
        /// The number.
        text: String,
        /// The percentage that is meant, most likely.
        meant: String,
    },
    /// Above 100%.
    #[error("`{0}` is more than 100%: {FORMS}")]
    TooLarge(String),
}

const FORMS: &str = "write it as 30% or 12.5%, from 0% to 100% with at most two decimals";

impl TryFrom<u16> for Fraction {
    type Error = FractionError;

    fn try_from(basis_points: u16) -> Result<Self, FractionError> {
        if basis_points > WHOLE_BASIS_POINTS {
            return Err(FractionError::TooLarge(format!("{basis_points} basis points")));
        }
        Ok(Self(basis_points))
    }
}

impl From<Fraction> for u16 {
    fn from(fraction: Fraction) -> Self {
        fraction.0
    }
}

impl FromStr for Fraction {
    type Err = FractionError;

    fn from_str(text: &str) -> Result<Self, FractionError> {
        let form = || FractionError::Form(text.to_owned());
        let number = text.trim().strip_suffix('%').ok_or_else(|| {
            let Ok(number) = text.trim().parse::<f64>() else { return form() };
            let text = text.trim().to_owned();
            // `0.5` is half, and hardly ever half a percent.
            let is_part = text.contains('.') && (0.0..=1.0).contains(&number);
            let meant = if is_part { format!("{}%", whole_of(number)) } else { format!("{text}%") };
            FractionError::NoSign { text, meant }
        })?;
        let number = number.trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || decimals.len() > 2 || !digits(whole) || !digits(decimals) {
            return Err(form());
        }
        let too_large = || FractionError::TooLarge(text.to_owned());
        let whole: u32 = whole.parse().map_err(|_| too_large())?;
        let decimals: u32 = format!("{decimals:0<2}").parse().map_err(|_| form())?;
        let basis_points = whole.checked_mul(100).map(|bp| bp + decimals).ok_or_else(too_large)?;
        u16::try_from(basis_points)
            .ok()
            .and_then(|bp| Self::try_from(bp).ok())
            .ok_or_else(too_large)
    }
}

/// A part of a whole in percent, with at most two decimals.
fn whole_of(part: f64) -> f64 {
    (part * 10_000.0).round() / 100.0
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        match rest {
            0 => write!(f, "{whole}%"),
            _ if rest % 10 == 0 => write!(f, "{whole}.{}%", rest / 10),
            _ => write!(f, "{whole}.{rest:02}%"),
        }
    }
}

impl fmt::Debug for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_sign_is_told_what_it_most_likely_means() {
        for (text, meant) in [("0.5", "50%"), ("0.125", "12.5%"), ("1.0", "100%"), ("50", "50%")] {
            let error = text.parse::<Fraction>().unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` has no %: did you mean `{meant}`?"));
        }
    }

    #[test]
    fn percentages_are_read_exactly_and_printed_as_written() {
        for text in ["0%", "12.5%", "33.33%", "0.05%", "100%"] {
            assert_eq!(text.parse::<Fraction>().unwrap().to_string(), text);
        }
        assert_eq!("10 %".parse::<Fraction>().unwrap(), Fraction::percent(10));
        for bad in ["", "%", "10", "-1%", "1.234%", "1e1%", "101%", "100.01%", "99999999999%"] {
            assert!(bad.parse::<Fraction>().is_err(), "{bad}");
        }
    }
}
