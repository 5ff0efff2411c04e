//! Whether what is decided is done: by a whole Pointsman, or by one play or window.

use schemars::JsonSchema;
use serde::Deserialize;

/// Whether decisions are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum Mode {
    /// What is decided is done.
    #[default]
    #[serde(rename = "act")]
    Live,
    /// What is decided is recorded and shown, and nothing of it is written to Azure.
    Shadow,
}

impl Mode {
    /// Which of two ways to tell of a change is true: what a shadow did not do, it would have done.
    #[must_use]
    pub const fn tells<'a>(self, done: &'a str, would: &'a str) -> &'a str {
        match self {
            Self::Live => done,
            Self::Shadow => would,
        }
    }
}
