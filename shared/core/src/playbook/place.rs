//! Places within a scalar: from a byte of the text that YAML makes of it, back to the file.

use std::ops::Range;

/// The bytes of the file for the bytes `at` of `text`, which is what YAML makes of the scalar at
/// `scalar`: with quotes, escapes, folding and indentation undone. Where they cannot be told, the
/// whole scalar.
pub(super) fn within(
    source: &str,
    scalar: &Range<usize>,
    text: &str,
    at: &Range<usize>,
) -> Range<usize> {
    let Some(aligned) = align(&source[scalar.clone()], text) else { return scalar.clone() };
    let start = match aligned.iter().find(|(byte, _)| *byte >= at.start) {
        Some((_, raw)) => raw.start,
        None => aligned.last().map_or(0, |(_, raw)| raw.end),
    };
    let end = aligned.iter().rfind(|(byte, _)| *byte < at.end).map_or(start, |(_, raw)| raw.end);
    scalar.start + start..scalar.start + end.max(start)
}

/// For each character of the text: its byte there, and its bytes in the raw scalar.
fn align(raw: &str, text: &str) -> Option<Vec<(usize, Range<usize>)>> {
    let quote = raw.chars().next().filter(|char| "\"'".contains(*char));
    let mut at = match raw.chars().next() {
        Some('"' | '\'') => 1,
        Some('|' | '>') => raw.find('\n')? + 1,
        _ => 0,
    };
    let mut aligned = Vec::with_capacity(text.len());
    for (byte, char) in text.char_indices() {
        if !char.is_whitespace() || quote == Some('"') && raw[at..].starts_with('\\') {
            // The indentation of a line, or a line break that an escape joins.
            while let Some(skipped) = skippable(&raw[at..], quote) {
                at += skipped;
            }
        }
        let next = raw[at..].chars().next()?;
        let len = if quote == Some('"') && next == '\\' {
            escape_len(&raw[at..])?
        } else if quote == Some('\'') && raw[at..].starts_with("''") && char == '\'' {
            2
        } else if next == char && !(char == ' ' && ends_line(&raw[at..])) {
            char.len_utf8()
        } else if char.is_whitespace() && next.is_whitespace() {
            raw[at..].find(|char: char| !char.is_whitespace()).unwrap_or(raw.len() - at)
        } else {
            return None;
        };
        aligned.push((byte, at..at + len));
        at += len;
    }
    Some(aligned)
}

fn skippable(raw: &str, quote: Option<char>) -> Option<usize> {
    let next = raw.chars().next()?;
    if next.is_whitespace() {
        return Some(next.len_utf8());
    }
    let joined = quote == Some('"') && (raw.starts_with("\\\n") || raw.starts_with("\\\r\n"));
    joined.then_some(1)
}

fn ends_line(raw: &str) -> bool {
    let rest = raw.trim_start_matches([' ', '\t', '\r']);
    rest.starts_with('\n')
}

fn escape_len(raw: &str) -> Option<usize> {
    let kind = raw[1..].chars().next()?;
    let len = match kind {
        'x' => 4,
        'u' => 6,
        'U' => 10,
        _ => 1 + kind.len_utf8(),
    };
    raw.is_char_boundary(len).then_some(len).filter(|len| *len <= raw.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_scalar_is_found_in_the_file() {
        for (raw, text) in [
            ("a WORD b", "a WORD b"),
            ("'it''s a WORD'", "it's a WORD"),
            (r#""\"q\" \u00e9 WORD""#, "\"q\" é WORD"),
            ("\"a \\\n   b WORD\"", "a b WORD"),
            ("|\n    a &&\n      b WORD\n", "a &&\n  b WORD\n"),
            (">-\n    a &&\n    b\n    WORD", "a && b WORD"),
            ("a\n   b   \n   WORD c", "a b WORD c"),
        ] {
            let source = format!("é: {raw} # end");
            let scalar = 4..4 + raw.len();
            let found = text.find("WORD").unwrap();
            let at = within(&source, &scalar, text, &(found..found + 4));
            assert_eq!(&source[at], "WORD", "{raw}");
        }
    }
}
