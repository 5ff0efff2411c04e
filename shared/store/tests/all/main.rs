//! The store on real files.

#![expect(clippy::unwrap_used, reason = "a test fails where it stops")]

mod contents;
mod file;
mod forms;
mod support;
