//! The files that commands are given.

use std::{io, path::Path};

use pointsman_host::input;

use crate::failed::Failed;

/// Reads a file.
pub(crate) fn read(path: &Path, bytes_max: usize) -> Result<String, Failed> {
    input::read(path, bytes_max)
        .map_err(|why| Failed::new(format_args!("{}: {why}", path.display())))
}

/// Reads a file; `-` is standard input.
pub(crate) fn read_or_typed(path: &Path, bytes_max: usize) -> Result<String, Failed> {
    if !is_typed(path) {
        return read(path, bytes_max);
    }
    input::read_from(io::stdin().lock(), bytes_max)
        .map_err(|why| Failed::new(format_args!("standard input: {why}")))
}

/// Whether it is standard input.
pub(crate) fn is_typed(path: &Path) -> bool {
    path.as_os_str() == "-"
}
