//! What every checked text has.

/// The text of a type that holds one: as such, and shown.
macro_rules! as_text {
    ($name:ident) => {
        impl $name {
            /// The text, as it was given and as it is sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use as_text;
