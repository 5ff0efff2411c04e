//! What others wrote, as text: read where that is safe, quoted where it is told of.

/// How much of a value an error quotes, in bytes.
const QUOTE_BYTES_MAX: usize = 200;

/// Why bytes are not the text that they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUtf8 {
    /// Every character has two bytes or more, as some editors and shells on Windows write it.
    #[error("it is UTF-16; save or send it as UTF-8")]
    Utf16,
    /// A byte that no text in UTF-8 has there.
    #[error("not UTF-8")]
    At(
        /// How many bytes before it are right.
        usize,
    ),
}

/// Reads UTF-8, without the byte order mark that some programs write before it.
///
/// # Errors
/// When it is UTF-16, or no UTF-8.
pub fn utf8(bytes: &[u8]) -> Result<&str, NotUtf8> {
    match bytes {
        // Its byte order mark, or a first character of ASCII: a `{`, most likely.
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=0x7f, ..] | [1..=0x7f, 0, ..] => {
            Err(NotUtf8::Utf16)
        }
        _ => {
            let marked = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
            let skipped = bytes.len() - marked.len();
            str::from_utf8(marked).map_err(|error| NotUtf8::At(skipped + error.valid_up_to()))
        }
    }
}

/// What an error quotes of a value: its beginning, on one line. Errors end in logs and on
/// terminals, where what a sender wrote may move nothing.
pub(crate) fn quote(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    cut(text, QUOTE_BYTES_MAX).chars().map(plain).collect()
}

/// A text, or as much of it as has `bytes_max` bytes with the `…` that then ends it. Below the
/// mark's own three bytes, the mark alone.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub(MARK.len()));
    format!("{}{MARK}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_skipped_and_utf_16_is_named() {
        let wide = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(order).collect()
        };
        for (bytes, read) in [
            (b"".to_vec(), Ok("")),
            (b"{}".to_vec(), Ok("{}")),
            ("\u{feff}{}".into(), Ok("{}")),
            ("\u{feff}".into(), Ok("")),
            // Only the first is a mark.
            ("\u{feff}\u{feff}é".into(), Ok("\u{feff}é")),
            (wide("\u{feff}{}", u16::to_le_bytes), Err(NotUtf8::Utf16)),
            (wide("\u{feff}{}", u16::to_be_bytes), Err(NotUtf8::Utf16)),
            (wide("{}", u16::to_le_bytes), Err(NotUtf8::Utf16)),
            (wide("{}", u16::to_be_bytes), Err(NotUtf8::Utf16)),
            (b"{\xff}".to_vec(), Err(NotUtf8::At(1))),
            (b"\xef\xbb\xbf{\xff}".to_vec(), Err(NotUtf8::At(4))),
        ] {
            assert_eq!(utf8(&bytes), read, "{bytes:?}");
        }
    }
}
