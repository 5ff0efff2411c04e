//! Texts, numbers and times within their bounds.
//!
//! Bounds are those of the pages of 2024-05-01 and its published specification; what other
//! sources say is named where it is used. Characters are counted, not bytes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;

use super::part::{At, Part};
use crate::duration;
use crate::problem::{found, has, is};
use crate::secret::{Secret, scrub_urls};
use crate::text::as_text;

/// A value is out of its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {fault}")]
pub struct OutOfBounds {
    what: &'static str,
    fault: String,
}

impl OutOfBounds {
    pub(crate) fn new(what: &'static str, fault: String) -> Self {
        Self { what, fault }
    }

    /// A text that is not what it must be.
    pub(crate) fn text(what: &'static str, text: &str, must: &str) -> Self {
        Self::new(what, is(&found(&Value::from(text), false), must))
    }
}

/// A value that is a text in a document.
pub(crate) trait Text: Sized {
    fn of(text: &str) -> Result<Self, OutOfBounds>;
    fn shown(&self) -> &str;
}

/// A checked text is read by its parser.
macro_rules! parsed_text {
    ($name:ident) => {
        impl Text for $name {
            fn of(text: &str) -> Result<Self, OutOfBounds> {
                text.parse()
            }
            fn shown(&self) -> &str {
                self.as_str()
            }
        }
    };
}
pub(super) use parsed_text;

impl<T: Text> Part for T {
    fn read(at: &At<'_>) -> Option<Self> {
        T::of(at.text()?).map_or_else(|error| at.say(error.fault), Some)
    }
    fn value(&self) -> Value {
        self.shown().into()
    }
}

fn fits(what: &'static str, text: &str, least: usize, most: usize) -> Result<(), OutOfBounds> {
    let found = text.chars().count();
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(OutOfBounds::new(what, has(found, "characters", least, most)))
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $least:literal..=$most:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text. **An address may hold secrets** beside its path.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = OutOfBounds;
            fn from_str(text: &str) -> Result<Self, OutOfBounds> {
                fits($what, text, $least, $most)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            /// Fit to be shown: without what an address carries beside its path.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&scrub_urls(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), scrub_urls(&self.0))
            }
        }

        parsed_text!($name);
    };
}

text! {
    /// The title of a backend: 1-300 characters.
    Title, "a title", 1..=300
}
text! {
    /// The description of a backend: 1-2000 characters.
    Description, "a description", 1..=2000
}
text! {
    /// The address of a backend: 1-2000 characters. Not only `https:`: a service of Service
    /// Fabric has `fabric:/app/service`.
    Url, "a url", 1..=2000
}
text! {
    /// The management URI of a backend in another system: 1-2000 characters.
    ResourceId, "a resourceId", 1..=2000
}
text! {
    /// The address of a proxy: 1-2000 characters.
    ProxyUrl, "the url of a proxy", 1..=2000
}
text! {
    /// The scheme of an `Authorization` header: 1-100 characters.
    Scheme, "an authorization scheme", 1..=100
}
text! {
    /// A reason of errors that a breaker counts: at most 200 characters.
    ErrorReason, "an error reason", 0..=200
}

/// The parameter of an `Authorization` header: 1-300 characters, never printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter(Secret);

impl Parameter {
    /// The most characters it may have.
    pub const CHARS_MAX: usize = 300;

    /// Keeps that text.
    pub fn new(secret: Secret) -> Result<Self, OutOfBounds> {
        fits("an authorization parameter", secret.expose(), 1, Self::CHARS_MAX)?;
        Ok(Self(secret))
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl Text for Parameter {
    fn of(text: &str) -> Result<Self, OutOfBounds> {
        Self::new(Secret::new(text))
    }
    fn shown(&self) -> &str {
        self.expose()
    }
}

/// The name of a breaker's rule: 1-80 letters, digits and hyphens, without a hyphen at either end.
/// The pattern is another client's; no page has one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleName(String);

impl RuleName {
    /// The most characters it may have.
    pub const CHARS_MAX: usize = 80;
    const MUST: &str = "1 to 80 letters, digits and hyphens, beginning and ending with a letter \
                        or a digit";
}

impl FromStr for RuleName {
    type Err = OutOfBounds;
    fn from_str(text: &str) -> Result<Self, OutOfBounds> {
        let is_one = (1..=Self::CHARS_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        let refused = || OutOfBounds::text("the name of a rule", text, Self::MUST);
        is_one.then(|| Self(text.to_owned())).ok_or_else(refused)
    }
}

as_text!(RuleName);

parsed_text!(RuleName);

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $what:literal, $least:literal..=$most:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($inner);

        impl $name {
            /// The least it may be.
            pub const MIN: Self = Self($least);
            /// The most it may be.
            pub const MAX: Self = Self($most);

            /// The number.
            pub fn get(self) -> $inner {
                self.0
            }
        }

        impl TryFrom<$inner> for $name {
            type Error = OutOfBounds;
            fn try_from(number: $inner) -> Result<Self, OutOfBounds> {
                if ($least..=$most).contains(&number) {
                    return Ok(Self(number));
                }
                let must = concat!(stringify!($least), " to ", stringify!($most));
                Err(OutOfBounds::new($what, is(&number.to_string(), must)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Part for $name {
            fn read(at: &At<'_>) -> Option<Self> {
                let number = at.value().as_i64().and_then(|number| <$inner>::try_from(number).ok());
                let number = number.and_then(|number| Self::try_from(number).ok());
                number.or_else(|| {
                    at.wrong(concat!(stringify!($least), " to ", stringify!($most)))
                })
            }
            fn value(&self) -> Value {
                self.0.into()
            }
        }
    };
}

number! {
    /// How many failures open a breaker: 1-10000. The bound is another client's; no page has one.
    Count(u16), "a count", 1..=10000
}
number! {
    /// Which share of failures opens a breaker: 1-100. The bound is another client's.
    Percentage(u8), "a percentage", 1..=100
}
number! {
    /// An HTTP status that counts as a failure: 200-599.
    FailureStatus(u16), "a status", 200..=599
}

/// How long something is, in ISO 8601 with a fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period(pub Duration);

impl FromStr for Period {
    type Err = duration::DurationError;
    fn from_str(text: &str) -> Result<Self, duration::DurationError> {
        duration::parse(text).map(Self)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&duration::print(self.0))
    }
}

impl Part for Period {
    fn read(at: &At<'_>) -> Option<Self> {
        let text = at.text()?;
        match text.parse() {
            Ok(period) => Some(period),
            Err(_) => at.wrong("an ISO 8601 duration like PT1M or P1D"),
        }
    }
    fn value(&self) -> Value {
        self.to_string().into()
    }
}

impl Part for bool {
    fn read(at: &At<'_>) -> Option<Self> {
        at.value().as_bool().or_else(|| at.wrong("true or false"))
    }
    fn value(&self) -> Value {
        (*self).into()
    }
}

impl Part for i32 {
    fn read(at: &At<'_>) -> Option<Self> {
        let number = at.value().as_i64().and_then(|number| number.try_into().ok());
        number.or_else(|| at.wrong("an integer of 32 bits"))
    }
    fn value(&self) -> Value {
        (*self).into()
    }
}

/// A text without bounds.
impl Text for String {
    fn of(text: &str) -> Result<Self, OutOfBounds> {
        Ok(text.to_owned())
    }
    fn shown(&self) -> &str {
        self
    }
}

impl Text for Secret {
    fn of(text: &str) -> Result<Self, OutOfBounds> {
        Ok(Self::new(text))
    }
    fn shown(&self) -> &str {
        self.expose()
    }
}
