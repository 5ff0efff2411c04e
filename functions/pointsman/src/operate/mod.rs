//! What operators ask and tell.
//!
//! [`ask`] reads the store: status, explain, history, letters. It needs neither Azure nor a secret,
//! and works whatever else is broken. [`tell`] changes something: pause, resume, undo, release.

pub(crate) mod ask;
pub(crate) mod find;
pub(crate) mod tell;

use clap::{Args, builder::NonEmptyStringValueParser};

/// Who asks.
#[derive(Clone, Debug, Args)]
pub(crate) struct By {
    /// Who it is that asks, for the ledger; $USER, if it is not said.
    #[arg(
        long,
        env = "USER",
        default_value = "operator",
        value_name = "NAME",
        hide_env = true,
        hide_default_value = true
    )]
    by: String,
}

impl By {
    pub(crate) fn name(&self) -> String {
        self.by.clone()
    }
}

/// Who asks, and why.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reason {
    /// Why, for the ledger and for whoever comes next.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    #[command(flatten)]
    by: By,
}
