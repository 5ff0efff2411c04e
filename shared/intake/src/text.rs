//! Text of others, quoted in messages.

use pointsman_core::text::one_line;

/// How much of a value an error quotes, in bytes.
const QUOTE_BYTES_MAX: usize = 200;

/// What an error quotes of a value: its beginning, on one line. Errors end in logs and on
/// terminals, where what a sender wrote may move nothing.
pub(crate) fn quote(text: &str) -> String {
    // Cut before too, so that its cost is bounded.
    cut(&one_line(&cut(text, QUOTE_BYTES_MAX)), QUOTE_BYTES_MAX)
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
    fn what_is_quoted_is_short_and_on_one_line() {
        assert_eq!(quote("eu\n2026\u{2028}\u{1b}[2J"), r"eu\n2026\u{2028}\u{1b}[2J");
        let long = quote(&"\u{2028}".repeat(100_000));
        assert!(long.len() <= QUOTE_BYTES_MAX && long.ends_with('…'), "{long}");
    }
}
