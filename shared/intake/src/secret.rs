//! A text that must never be shown.

use std::{fmt, str::FromStr};

/// A secret of the configuration: prints as `***`, cannot be serialised, and is never empty.
///
/// [`Secret::expose`] is the only way to its characters, so that every place that needs them
/// can be found by that name.
#[derive(Clone)]
pub struct Secret(Box<str>);

/// Why a text is not a secret. Shows nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It has no characters: anyone who sends none would be let in.
    #[error("a secret must not be empty")]
    Empty,
    /// It begins or ends with a space or a line end, which no HTTP header carries, so that it
    /// could never match. Mostly the last line end of the file that it was read from.
    #[error("a secret must not begin or end with white space; is there a line end after it?")]
    Surrounded,
    /// It holds a control character, which no HTTP header carries.
    #[error("a secret must not hold control characters")]
    Control,
}

impl Secret {
    /// The secret's characters.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        if text.is_empty() {
            Err(SecretError::Empty)
        } else if text.trim() != text {
            Err(SecretError::Surrounded)
        } else if text.contains(|char: char| char.is_control()) {
            Err(SecretError::Control)
        } else {
            Ok(Self(text.into()))
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret: Secret = "hunter2".parse().unwrap();
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn what_could_never_match_or_would_match_nothing_is_refused() {
        for (text, wanted) in [
            ("", SecretError::Empty),
            ("hunter2\n", SecretError::Surrounded),
            (" hunter2", SecretError::Surrounded),
            ("   ", SecretError::Surrounded),
            ("hun\rter2", SecretError::Control),
        ] {
            let error = text.parse::<Secret>().unwrap_err();
            assert_eq!(error, wanted, "{text:?}");
            assert!(!error.to_string().contains("hun"), "{error}");
        }
    }
}
