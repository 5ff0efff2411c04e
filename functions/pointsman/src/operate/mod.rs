//! What operators ask and tell.
//!
//! [`ask`] reads the store: status, explain, history, letters. It needs neither Azure nor a secret,
//! and works whatever else is broken. [`tell`] changes something: pause, resume, undo, release.

pub(crate) mod ask;
pub(crate) mod find;
pub(crate) mod tell;

use clap::Args;

/// Who asks.
#[derive(Clone, Debug, Args)]
pub(crate) struct By {
    /// Who it is that asks, for the ledger; $USER, if it is not said.
    #[arg(
        long,
        env = "USER",
        default_value = "operator",
        value_name = "NAME",
        value_parser = said,
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

/// A text for the ledger: something must be in it.
pub(crate) fn said(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say something".to_owned()),
        said => Ok(said.to_owned()),
    }
}

/// Who asks, and why.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reason {
    /// Why, for the ledger and for whoever comes next.
    #[arg(long, value_name = "TEXT", value_parser = said)]
    reason: String,
    #[command(flatten)]
    by: By,
}
