//! Derived ids: a hash of what a thing is, never a random number.
//!
//! Two instances, or one instance before and after a crash, that learn the same thing give it
//! the same id, so storing it a second time changes nothing.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

/// How many characters an id has: 80 bits in base 32, short enough to be typed by hand.
pub const ID_CHARS: usize = 16;

/// Hashes the parts of a thing to [`ID_CHARS`] characters of `a-z2-7`.
///
/// Each part is preceded by its length, so that `("ab", "c")` and `("a", "bc")` differ.
#[must_use]
pub fn derive(kind: &str, parts: &[&str]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut hash = Sha256::new();
    for part in std::iter::once(&kind).chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut bits = 0_u128;
    for byte in &digest[..10] {
        bits = bits << 8 | u128::from(*byte);
    }
    (0..ID_CHARS)
        .map(|place| char::from(ALPHABET[(bits >> (75 - 5 * place)) as usize & 31]))
        .collect()
}

macro_rules! derived_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(SmolStr);

        impl $name {
            /// Derives the id from the parts that make this thing what it is.
            #[must_use]
            pub fn derive(parts: &[&str]) -> Self {
                Self(derive($kind, parts).into())
            }

            /// The id's characters.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

derived_id!(
    /// Names an override: (kind of origin, play, the effect's place in it, target).
    OverrideId, "override"
);
derived_id!(
    /// Names an intent: (backend, the `ETag` it was planned from, what it writes, when).
    IntentId, "intent"
);
derived_id!(
    /// Names a reconnect: (its cause, target).
    ReconnectId, "reconnect"
);
derived_id!(
    /// Names a ledger line by what it says, so that it is written once.
    LineId, "line"
);
derived_id!(
    /// Names a queue message by its content.
    MessageId, "message"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_parts_apart_and_never_change() {
        assert_ne!(derive("k", &["ab", "c"]), derive("k", &["a", "bc"]));
        assert_ne!(derive("k", &["ab"]), derive("l", &["ab"]));
        // Stored for ever: a change of this value would orphan every stored override.
        assert_eq!(OverrideId::derive(&["a", "b"]).as_str(), "uhhgywv5kvl5neqt");
        assert_eq!(OverrideId::derive(&["a", "b"]).as_str().len(), ID_CHARS);
    }
}
