//! What expressions give.

/// What an expression is to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    /// `true` or `false`.
    Truth,
    /// Text or a number.
    TextOrNumber,
}

/// What an expression gives, as far as its form shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Truth,
    Text,
    Number,
    /// A number that has names.
    Severity,
    Map,
    List,
    Unknown,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Truth => "true or false",
            Self::Text => "text",
            Self::Number => "a number",
            Self::Severity => "a severity",
            Self::Map => "a map",
            Self::List => "a list",
            Self::Unknown => "something",
        }
    }

    /// Whether the two can be equal at all.
    pub(super) fn comparable(self, other: Self) -> bool {
        let number = |kind| matches!(kind, Self::Number | Self::Severity);
        self == other
            || self == Self::Unknown
            || other == Self::Unknown
            || (number(self) && number(other))
    }
}
