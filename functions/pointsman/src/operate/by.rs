//! Who asks, and why.

use clap::Args;

/// Who asks.
#[derive(Clone, Debug, Args)]
pub(crate) struct By {
    /// Who it is that asks, for the ledger; who called sudo or else $USER, if it is not said.
    #[arg(
        long,
        default_value_t = caller(),
        value_name = "NAME",
        value_parser = said,
        hide_default_value = true
    )]
    pub(super) by: String,
}

/// Who calls. With sudo that is not the user that `serve` runs as, whose store it is.
fn caller() -> String {
    let named = |name| std::env::var(name).ok().filter(|user| !user.trim().is_empty());
    ["SUDO_USER", "USER"].into_iter().find_map(named).unwrap_or_else(|| "operator".to_owned())
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
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) by: By,
}
