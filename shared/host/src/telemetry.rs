//! What is told to whoever watches the process.
//!
//! Lines for people where a terminal is, JSON elsewhere; `POINTSMAN_LOG` filters as `RUST_LOG` does
//! elsewhere. Everything goes to standard error: standard output is for what a command was asked.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// The variable that filters what is told: `info`, `pointsman_engine=debug,warn`.
pub const FILTER_VARIABLE: &str = "POINTSMAN_LOG";

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// Starts telling, once in a process. `otherwise` is the filter where the variable is not set.
///
/// # Errors
/// When the variable cannot be understood.
pub fn start(format: Format, otherwise: &str) -> Result<(), String> {
    let filter = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| otherwise.to_owned());
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| format!("{FILTER_VARIABLE}={filter} cannot be understood: {error}"))?;
    let json = match format {
        Format::Auto => !io::stderr().is_terminal(),
        Format::Json => true,
        Format::Pretty => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    // A second start, as in a test, keeps the first.
    let _ = if json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        registry.with(lines.with_ansi(io::stderr().is_terminal())).try_init()
    };
    Ok(())
}
