//! The store on real files.

mod contents;
mod file;
mod forms;
mod support;
