//! What xtask bench runs.
