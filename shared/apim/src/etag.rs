//! ETags: each names one state of a backend.
//!
//! Every change carries the ETag of the state that it was planned from (`If-Match`), so that what
//! someone else wrote in between is never overwritten unseen. The unconditional `*` cannot be
//! made into an [`ETag`], nor can a list of ETags.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;

use crate::text::as_text;

/// The longest ETag, in bytes with its quotes. Azure's have 14.
pub const ETAG_BYTES_MAX: usize = 256;

/// The ETag of one state, opaque, with its quotes: `"AAAAAAAADCE="`. Compared exactly.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ETag(String);

/// Why a text is not the ETag of one state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ETagError {
    /// It means every state.
    #[error("* is not an ETag: it would change whatever is there")]
    Wildcard,
    /// It has not the form of RFC 9110, section 8.8.3.
    #[error("it is not one quoted ETag")]
    Form,
    /// It is longer than anything that is looked at.
    #[error("it is {0} bytes long, more than {ETAG_BYTES_MAX}")]
    TooLong(usize),
}

impl ETag {
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an ETag is visible ASCII")
    }
}

impl FromStr for ETag {
    type Err = ETagError;
    fn from_str(text: &str) -> Result<Self, ETagError> {
        if text == "*" {
            return Err(ETagError::Wildcard);
        }
        if text.len() > ETAG_BYTES_MAX {
            return Err(ETagError::TooLong(text.len()));
        }
        // Weak ETags are taken as they are: the service decides whether one may be matched.
        let opaque = text
            .strip_prefix("W/")
            .unwrap_or(text)
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .ok_or(ETagError::Form)?;
        if opaque.bytes().all(|b| b == 0x21 || (0x23..=0x7e).contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ETagError::Form)
        }
    }
}

as_text!(ETag);

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ETag({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_quoted_mark_and_nothing_else() {
        for good in ["\"AAAAAAAADCE=\"", "W/\"x\"", "\"\""] {
            assert_eq!(good.parse::<ETag>().unwrap().as_str(), good);
        }
        assert_eq!("*".parse::<ETag>(), Err(ETagError::Wildcard));
        for bad in ["", "\"", "x", "\"*", "\"a\", \"b\"", "\"a\r\n\"", "\"a b\"", " \"a\""] {
            assert_eq!(bad.parse::<ETag>(), Err(ETagError::Form), "{bad}");
        }
        assert_eq!(
            format!("\"{}\"", "a".repeat(255)).parse::<ETag>(),
            Err(ETagError::TooLong(257))
        );
    }

    proptest! {
        #[test]
        fn what_is_taken_can_be_sent(text in "(W/)?\"?[ -~]{0,20}\"?") {
            if let Ok(etag) = text.parse::<ETag>() {
                let header = etag.header();
                prop_assert_eq!(header.to_str().unwrap(), etag.as_str());
                prop_assert_ne!(etag.as_str(), "*");
            }
        }
    }
}
