//! The files that commands are given: text, in UTF-8 with or without a byte order mark, within a
//! bound.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use pointsman_core::text::utf8;

use crate::failed::Failed;

/// Reads a file.
pub(crate) fn read(path: &Path, bytes_max: usize) -> Result<String, Failed> {
    let read = fs::File::open(path).map_err(|error| error.to_string());
    let read = read.and_then(|file| bounded(file, bytes_max));
    read.map_err(|why| Failed::new(format_args!("{}: {why}", path.display())))
}

/// Reads a file; `-` is standard input.
pub(crate) fn read_or_typed(path: &Path, bytes_max: usize) -> Result<String, Failed> {
    if !is_typed(path) {
        return read(path, bytes_max);
    }
    bounded(io::stdin().lock(), bytes_max)
        .map_err(|why| Failed::new(format_args!("standard input: {why}")))
}

/// Whether it is standard input.
pub(crate) fn is_typed(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Not by what a file says of its length: a device or a pipe says nothing.
fn bounded(from: impl Read, bytes_max: usize) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = from.take(bytes_max as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    if bytes.len() > bytes_max {
        return Err(format!("it is longer than {bytes_max} bytes, which is the most"));
    }
    Ok(utf8(&bytes).map_err(|error| error.to_string())?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_windows_writes_them_files_are_read_or_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file.json");
        let of = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            read(&file, 8).map_err(|why| why.to_string().rsplit_once(": ").unwrap().1.to_owned())
        };
        assert_eq!(of("\u{feff}{}".as_bytes()).as_deref(), Ok("{}"));
        let wide = Err("it is UTF-16; save or send it as UTF-8".to_owned());
        assert_eq!(of(b"\xff\xfe{\0}\0"), wide);
        assert_eq!(of(b"{\0}\0"), wide);
        assert_eq!(of(b"\xfc"), Err("it is not text in UTF-8".to_owned()));
        let long = Err("it is longer than 8 bytes, which is the most".to_owned());
        assert_eq!(of(b"123456789"), long);
    }
}
