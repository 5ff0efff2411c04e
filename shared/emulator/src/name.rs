//! What the names in a path may be, by the bounds and patterns of 2024-05-01, and what is said of
//! a text that is not one. The words are assumed; those of Pointsman's client are the same.

use serde::{Deserialize, Serialize};
use std::{
    cmp::Ordering,
    hash::{Hash, Hasher},
    ops::Deref,
};
use uuid::Uuid;

/// How much of a name is repeated, in characters.
const SHOWN_CHARS_MAX: usize = 100;

/// A name, compared without case as Azure does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Name(String);

impl Name {
    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
        state.write_u8(0xff);
    }
}

/// What is looked at in the names of one kind.
struct Rule {
    what: &'static str,
    chars_max: usize,
    pattern: Option<&'static str>,
    /// What may be at a place, counted from 1, of so many.
    fits: fn(char, usize, usize) -> bool,
}

impl Rule {
    fn check(&self, text: &str) -> Result<(), String> {
        let (what, most, found) = (self.what, self.chars_max, text.chars().count());
        let wrong = (1..).zip(text.chars()).find(|(at, c)| !(self.fits)(*c, *at, found));
        let why = match wrong {
            _ if found == 0 => "it is empty".to_owned(),
            _ if found > most => format!("it has {found} characters, at most {most} are allowed"),
            _ if matches!(text, "." | "..") => "it would be read as a step in a path".to_owned(),
            Some((at, c)) => {
                let rule = self.pattern.map(|pattern| format!("; it must match {pattern}"));
                format!("{c:?} may not stand at character {at}{}", rule.unwrap_or_default())
            }
            None => return Ok(()),
        };
        Err(words(what, text, &why))
    }
}

/// A UUID with its hyphens.
pub(crate) fn subscription(text: &str) -> Result<(), String> {
    // Of its forms, that with hyphens alone.
    let is = text.len() == uuid::fmt::Hyphenated::LENGTH && Uuid::try_parse(text).is_ok();
    if is { Ok(()) } else { Err(words("subscription id", text, "it must be a UUID")) }
}

/// 1-90 characters that a path can have.
pub(crate) fn resource_group(text: &str) -> Result<(), String> {
    let fits = |c, _, _| in_a_path(c);
    Rule { what: "resource group", chars_max: 90, pattern: None, fits }.check(text)
}

/// 1-50 characters of its pattern.
pub(crate) fn service(text: &str) -> Result<(), String> {
    let pattern = Some("^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$");
    let fits = |c: char, at, found| match at {
        1 => c.is_ascii_alphabetic(),
        _ => c.is_ascii_alphanumeric() || (c == '-' && at < found),
    };
    Rule { what: "service name", chars_max: 50, pattern, fits }.check(text)
}

/// 1-80 characters of its pattern.
pub(crate) fn workspace(text: &str) -> Result<(), String> {
    let pattern = Some("^[^*#&+:<>?]+$");
    let fits = |c, _, _| in_a_path(c) && !matches!(c, '*' | '&' | '+' | ':' | '<' | '>');
    Rule { what: "workspace name", chars_max: 80, pattern, fits }.check(text)
}

/// 1-80 characters that a path can have.
pub(crate) fn backend(text: &str) -> Result<(), String> {
    let fits = |c, _, _| in_a_path(c);
    Rule { what: "backend name", chars_max: 80, pattern: None, fits }.check(text)
}

/// What can be in one segment of a path.
fn in_a_path(c: char) -> bool {
    !c.is_control() && !matches!(c, '/' | '\\' | '?' | '#')
}

fn words(what: &str, text: &str, why: &str) -> String {
    let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    format!("{shown:?} is not a {what}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[test]
    fn names_are_taken_just_inside_and_refused_just_outside() {
        let long = |n: usize| "é".repeat(n);
        for (is, inside, outside) in [
            (backend as fn(&str) -> Result<(), String>, long(80), long(81)),
            (workspace, long(80), long(81)),
            (resource_group, long(90), long(91)),
            (service, "a".repeat(50), "a".repeat(51)),
        ] {
            assert_eq!(is(&inside), Ok(()));
            assert!(is(&outside).is_err(), "{outside}");
            assert!(is("").is_err());
        }
        for good in ["a", "a-1", "A--b"] {
            assert_eq!(service(good), Ok(()));
        }
        for good in ["a b-c", "é", "a.b"] {
            assert_eq!(workspace(good), Ok(()));
        }
        assert_eq!(subscription("0AB0A7C6-0000-4000-8000-00000000000f"), Ok(()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |is: fn(&str) -> Result<(), String>, text: &str, want: Expect| {
            want.assert_eq(&is(text).unwrap_err());
        };
        check(
            subscription,
            "subid",
            expect![[r#""subid" is not a subscription id: it must be a UUID"#]],
        );
        check(
            service,
            "1a",
            expect![[
                r#""1a" is not a service name: '1' may not stand at character 1; it must match ^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$"#
            ]],
        );
        check(
            service,
            "a-",
            expect![[
                r#""a-" is not a service name: '-' may not stand at character 2; it must match ^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$"#
            ]],
        );
        check(
            workspace,
            "a:b",
            expect![[
                r#""a:b" is not a workspace name: ':' may not stand at character 2; it must match ^[^*#&+:<>?]+$"#
            ]],
        );
        check(
            backend,
            "a/b",
            expect![[r#""a/b" is not a backend name: '/' may not stand at character 2"#]],
        );
        check(
            resource_group,
            "..",
            expect![[r#"".." is not a resource group: it would be read as a step in a path"#]],
        );
    }
}
