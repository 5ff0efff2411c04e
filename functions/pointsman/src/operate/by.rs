//! Who asks, and why.

use clap::Args;

/// Who asks.
#[derive(Clone, Debug, Args)]
pub(crate) struct By {
    /// Your name, for the ledger; by default $SUDO_USER, or else $USER.
    #[arg(
        long,
        default_value_t = caller(),
        value_name = "NAME",
        value_parser = said,
        hide_default_value = true
    )]
    pub(crate) by: String,
}

/// Who calls. With sudo that is not the user that `serve` runs as, whose store it is.
fn caller() -> String {
    let named = |name| std::env::var(name).ok().filter(|user| !user.trim().is_empty());
    ["SUDO_USER", "USER"].into_iter().find_map(named).unwrap_or_else(|| "operator".to_owned())
}

/// A text for the ledger: something must be in it.
pub(crate) fn said(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it must not be empty".to_owned()),
        said => Ok(said.to_owned()),
    }
}

/// Who asks, and why.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reason {
    /// The reason, for the ledger and for the next person on call.
    #[arg(long, value_name = "TEXT", value_parser = said)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) by: By,
}
