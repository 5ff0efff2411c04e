//! The files that a person writes: text, in UTF-8 with or without a byte order mark, within a bound.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use pointsman_core::text::utf8;

/// Reads a file of at most `bytes_max` bytes.
///
/// # Errors
/// When it cannot be read, is longer, or is not text in UTF-8; says which.
pub fn read(path: &Path, bytes_max: usize) -> io::Result<String> {
    read_from(fs::File::open(path)?, bytes_max)
}

/// Reads at most `bytes_max` bytes. Not by what a file says of its length: a device or a pipe says
/// nothing.
///
/// # Errors
/// As [`read`].
pub fn read_from(from: impl Read, bytes_max: usize) -> io::Result<String> {
    let unusable = |why| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut bytes = Vec::new();
    from.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(unusable(format!("it is longer than {bytes_max} bytes, which is the most")));
    }
    Ok(utf8(&bytes).map_err(|error| unusable(error.to_string()))?.to_owned())
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
            read(&file, 8).map_err(|why| why.to_string())
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
