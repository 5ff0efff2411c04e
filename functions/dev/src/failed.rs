//! Why a run of `dev` failed.

use std::error::Error;

/// Why it failed.
pub type Failed = Box<dyn Error + Send + Sync>;
