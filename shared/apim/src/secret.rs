//! What must not be shown, and how what may be shown is made safe.
//!
//! Two kinds of text pass through here. Bodies of backends have known places for secrets and are
//! redacted by field: everything under `credentials`, every password, key and token wherever it
//! stands (fields that nobody has published included), and what URLs carry beside their path.
//! Texts of other people's errors have no such places; they are cut to a bound and scrubbed of what
//! looks like a secret.

use std::fmt;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::Value;

/// What replaces a secret.
pub const HIDDEN: &str = "***";

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Keeps that text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// A copy of a body with everything secret replaced; nulls stay, for they tell nothing.
pub(crate) fn redacted(value: &Value) -> Value {
    copied(value, false)
}

fn copied(value: &Value, secret: bool) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) | Value::Number(_) | Value::String(_) if secret => Value::from(HIDDEN),
        Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => Value::String(scrub_urls(text)),
        Value::Array(items) => items.iter().map(|item| copied(item, secret)).collect(),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                (key.clone(), copied(value, secret || is_secret_key(key)))
            };
            Value::Object(fields.iter().map(field).collect())
        }
    }
}

/// Names of fields whose content is secret, in lower case.
const SECRET_WORDS: [&str; 9] = [
    "credential",
    "authorization",
    "password",
    "passphrase",
    "passwd",
    "secret",
    "token",
    "signature",
    "connectionstring",
];

pub(crate) fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.ends_with("key")
        || key.ends_with("keys")
        || key == "pwd"
        || key.starts_with("sas")
        || SECRET_WORDS.iter().any(|word| key.contains(word))
}

/// Text from outside, as it can be shown: what would move a cursor is replaced.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Makes another's text fit to be shown: one line, at most `chars_max` characters, without what
/// looks like a secret.
pub(crate) fn scrubbed(text: &str, chars_max: usize) -> String {
    // Cut before the work, so that its cost is bounded, and again after, so that its result is.
    let cut: String = text.chars().take(chars_max.saturating_mul(4)).collect();
    let line: String = cut.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let safe = hide(&TEXTS, &scrub_urls(&line));
    if safe.chars().count() <= chars_max {
        return safe.trim().to_owned();
    }
    let mut short: String = safe.chars().take(chars_max).collect();
    short.push('…');
    short
}

/// Takes user and query out of whatever is an address.
pub(crate) fn scrub_urls(text: &str) -> String {
    hide(&URLS, text)
}

/// What is hidden: all that a pattern matches behind its first group.
fn hide(patterns: &[Regex], text: &str) -> String {
    patterns.iter().fold(text.to_owned(), |text, pattern| {
        pattern.replace_all(&text, format!("${{1}}{HIDDEN}${{2}}")).into_owned()
    })
}

fn patterns<const N: usize>(patterns: [&str; N]) -> Vec<Regex> {
    patterns.map(|pattern| Regex::new(pattern).expect("it is a pattern")).into()
}

/// What an address carries beside its path: a user, a query.
static URLS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns([r#"(://)[^\s"'<>`/?#]*(@)"#, r#"(://[^\s"'<>`?#]*[?#])[^\s"'<>`]*"#])
});

/// What looks like a secret in a text: a JSON web token, what follows a scheme of authorization, and
/// what follows a word that tells of a secret and `:` or `=`, in quotes or without.
static TEXTS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    const WORD: &str = r#"(?i)((?:password|parameter|secret|token|assertion|key|signature|sig|x-identity-header)["'\\ ]*[:=]["'\\:= ]*"#;
    patterns([
        r"()eyJ[A-Za-z0-9_.=-]{18,}",
        r#"(?i)((?:bearer|basic) )[^\s"',<]+"#,
        &format!(r#"{WORD}["'])[^"']+"#),
        &format!(r#"{WORD})[^\s"'\\:=,;&<}}][^\s"',;&<}}]*"#),
    ])
});

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: &Expect) {
        expected.assert_eq(&scrubbed(text, 200));
    }

    #[test]
    fn texts_of_others_are_scrubbed() {
        check("Backend not found.", &expect!["Backend not found."]);
        check("The access token has expired.", &expect!["The access token has expired."]);
        check(
            "GET / HTTP/1.1\r\nAuthorization: Bearer abc.def\r\nHost: x",
            &expect!["GET / HTTP/1.1  Authorization: Bearer ***  Host: x"],
        );
        check(
            r#"bad {"scheme":"Basic","parameter":"open sesame","x":1}"#,
            &expect![[r#"bad {"scheme":"Basic","parameter":"***","x":1}"#]],
        );
        check(r#"proxy: {"password" : "hunter2"}"#, &expect![[r#"proxy: {"password" : "***"}"#]]);
        check("client_secret=hunter2&grant_type=x", &expect!["client_secret=***&grant_type=x"]);
        check(
            "see https://me:hunter2@example.com/path?sig=abc#d for more",
            &expect!["see https://***@example.com/path?*** for more"],
        );
        check("got eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.c2ln here", &expect!["got *** here"]);
        check("password='hunter 2'", &expect!["password='***'"]);
    }

    #[test]
    fn a_long_text_is_cut() {
        expect![[r#""aaaaaaaaaa…""#]]
            .assert_eq(&format!("{:?}", scrubbed(&"a".repeat(10_000), 10)));
    }

    #[test]
    fn bodies_are_redacted_by_field() {
        let body = json!({"properties": {
            "url": "https://user:pw@contoso.example/api?code=hunter2",
            "credentials": {
                "authorization": {"scheme": "Basic", "parameter": "opensesame"},
                "header": {"x-my-1": ["val1", null]},
                "certificate": [],
                "managedIdentity": {"clientId": 7},
            },
            "proxy": {"url": "http://p:8080", "username": "me", "password": "hunter2"},
            "extra": [{"apiKey": "k", "weight": 1, "refreshToken": "t"}],
        }});
        expect![[r#"{"properties":{"url":"https://***@contoso.example/api?***","credentials":{"authorization":{"scheme":"***","parameter":"***"},"header":{"x-my-1":["***",null]},"certificate":[],"managedIdentity":{"clientId":"***"}},"proxy":{"url":"http://p:8080","username":"me","password":"***"},"extra":[{"apiKey":"***","weight":1,"refreshToken":"***"}]}}"#]].assert_eq(&redacted(&body).to_string());
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }

    proptest! {
        #[test]
        fn any_text_can_be_scrubbed(text in ".{0,300}", max in 0..100usize) {
            prop_assert!(scrubbed(&text, max).chars().count() <= max + 1);
        }

        #[test]
        fn what_follows_a_telling_word_never_shows(
            lead in "[a-z {]{0,20}",
            word in proptest::sample::select(vec![
                "\"password\":\"", "parameter=", "Authorization: Bearer ", "client_secret: ",
            ]),
            secret in "s3cr3t[A-Za-z0-9]{10,20}",
        ) {
            let text = format!("{lead} {word}{secret}\" and more");
            prop_assert!(!scrubbed(&text, 500).contains(&secret));
        }
    }
}
