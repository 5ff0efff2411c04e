//! Percent-encoding, in paths, queries and forms.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What a query may not have as it is.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'$');

/// Undoes percent-encoding; none when it is not UTF-8 or an escape is broken.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let whole = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    text.split('%').skip(1).all(whole).then(|| decoded.into_owned())
}

/// Percent-encodes what a query may not have as it is.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The pairs of a query or a form, decoded; those without a name are left out.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    pairs.filter(|(key, _)| !key.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(
            pairs("a=1&b=x%2Fy+z&&c"),
            [("a", "1"), ("b", "x/y z"), ("c", "")].map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
    }
}
