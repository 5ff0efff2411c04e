//! Others' text: how it is read, and how it becomes part of lines of ours.
//!
//! Labels, reasons and messages of Azure are written by others, and can hold anything: a line break
//! that begins a line which looks like one of ours, a code that moves the cursor, a mark that shows
//! text in another order than it is read in. Where such text becomes part of a line, those
//! characters are written as escapes, as `\n` and `\u{2028}`, so that a line of ours stays one line
//! and shows all that it holds. A backslash stays as it is: it can do no harm, and paths and
//! expressions are full of them.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write},
};

/// Why bytes are not the text that they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUtf8 {
    /// Every character has two bytes or more, as some editors and shells on Windows write it.
    #[error("it is UTF-16; save or send it as UTF-8")]
    Utf16,
    /// A byte that no text in UTF-8 has there.
    #[error("it is not text in UTF-8")]
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
            let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
            let skipped = bytes.len() - text.len();
            str::from_utf8(text).map_err(|error| NotUtf8::At(skipped + error.valid_up_to()))
        }
    }
}

/// Whether a character does something other than be read: it breaks the line,
/// controls a terminal, cannot be seen, or changes the order of others.
#[must_use]
pub const fn acts(char: char) -> bool {
    matches!(
        char,
        // C0, DEL and C1, which has a line break of its own.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Without width, and marks of direction.
        | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        // The separators of lines and paragraphs, and what turns text around.
        | '\u{2028}'..='\u{202e}'
        // Annotations and tags, which no one sees.
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// The text on one line, with an escape for every character that [`acts`].
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(acts) { Cow::Owned(OneLine(text).to_string()) } else { Cow::Borrowed(text) }
}

/// Shows what it holds on one line, as [`one_line`] does.
#[derive(Clone, Copy, Debug)]
pub struct OneLine<T>(pub T);

impl<T: Display> Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// Writes on with an escape for every character that [`acts`].
#[derive(Debug)]
pub struct Escaping<W>(pub W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, char)) = rest.char_indices().find(|(_, char)| acts(*char)) {
            write!(self.0, "{}{}", &rest[..at], char.escape_default())?;
            rest = &rest[at + char.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

/// The text, or its beginning of so many characters and a mark.
#[must_use]
pub fn clipped(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// JSON that says the same, where what JSON itself lets pass is escaped too. Its own line breaks
/// stay: outside of its texts, JSON has nothing else that [`acts`].
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    let passes = |char: char| !char.is_ascii_control() && acts(char) || char == '\u{7f}';
    if !text.contains(passes) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        if passes(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(char);
        }
    }
    Cow::Owned(safe)
}

/// Makes a type that is parsed from a text and displayed as it be stored as that text, too, and shown
/// as it by `Debug`.
macro_rules! stored_as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(crate) use stored_as_text;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_skipped_and_utf_16_is_named() {
        let wide =
            |order: fn(u16) -> [u8; 2]| "\u{feff}{}".encode_utf16().flat_map(order).collect();
        let (little, big): (Vec<u8>, Vec<u8>) = (wide(u16::to_le_bytes), wide(u16::to_be_bytes));
        for bytes in [&little[..], &big[..], &little[2..], &big[2..]] {
            assert_eq!(utf8(bytes), Err(NotUtf8::Utf16), "{bytes:?}");
        }
        assert_eq!(utf8("\u{feff}{}".as_bytes()), Ok("{}"));
        // Only the first is a mark.
        assert_eq!(utf8("\u{feff}\u{feff}é".as_bytes()), Ok("\u{feff}é"));
        assert_eq!(utf8(b""), Ok(""));
        assert_eq!(utf8(b"\xef\xbb\xbf{\xff}"), Err(NotUtf8::At(4)));
    }

    #[test]
    fn what_acts_is_escaped_and_what_is_read_stays() {
        let line = |text: &str| one_line(text).into_owned();
        assert_eq!(line("eu\n2026-01-01  ours\r\t"), r"eu\n2026-01-01  ours\r\t");
        assert_eq!(line("a\u{1b}[2Jb\u{7f}\u{85}c"), r"a\u{1b}[2Jb\u{7f}\u{85}c");
        assert_eq!(line("\u{2028}\u{2029}\u{202e}"), r"\u{2028}\u{2029}\u{202e}");
        assert_eq!(line("\u{feff}\u{200b}x\u{2066}"), r"\u{feff}\u{200b}x\u{2066}");
        assert_eq!(line(r"C:\new"), r"C:\new");
        assert_eq!(OneLine(format_args!("{}-{}", "\n", 'ü')).to_string(), r"\n-ü");
        assert!(matches!(one_line("größer ≥ 東京 🚂"), Cow::Borrowed("größer ≥ 東京 🚂")));
    }

    #[test]
    fn no_character_that_breaks_a_line_or_is_a_control_is_left() {
        for char in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = format!("a{char}b");
            let shown = one_line(&text);
            let breaks = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
            assert!(!shown.contains(|char: char| char.is_control() || breaks.contains(&char)));
            assert!(char.is_control() || acts(char) || shown == text, "{shown}");
        }
    }

    #[test]
    fn json_says_the_same_with_what_acts_escaped() {
        let value = serde_json::json!({"a\u{2028}": "\n\u{7f}\u{85}\u{202e}\u{e0041} 🚂"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let safe = json(&text);
        assert_eq!(safe, "{\n  \"a\\u2028\": \"\\n\\u007f\\u0085\\u202e\\udb40\\udc41 🚂\"\n}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        assert!(matches!(json("{\n}"), Cow::Borrowed("{\n}")));
    }
}
