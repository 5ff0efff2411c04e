//! The names that an ARM path is made of, each checked once.
//!
//! Bounds and patterns are those of the published path parameters (api-version 2024-05-01). Two
//! things are refused beyond them, because no service can take them in one path segment: a slash
//! of either kind and control characters. A parser that took `a/b` for a name would let one
//! backend's name reach into another's path.
//!
//! **Identity is without case**, as Azure's is: `RG1` and `rg1` are equal, hash alike and sort
//! alike, while each keeps the spelling that it was given, so that what is sent and shown is what
//! somebody wrote.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::text::as_text;

/// The longest name of a backend, in characters.
pub const BACKEND_NAME_CHARS_MAX: usize = 80;
/// The longest name of a workspace, in characters.
pub const WORKSPACE_NAME_CHARS_MAX: usize = 80;
/// The longest name of an API Management service, in characters.
pub const SERVICE_NAME_CHARS_MAX: usize = 50;
/// The longest name of a resource group, in characters.
pub const RESOURCE_GROUP_CHARS_MAX: usize = 90;
/// How much of a refused text an error repeats, in characters.
const SHOWN_CHARS_MAX: usize = 100;

/// Why a text is not such a name: what it should have been, what it is, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not a {kind}: {why}")]
pub struct NameError {
    kind: &'static str,
    shown: String,
    why: String,
}

impl NameError {
    fn new(kind: &'static str, text: &str, why: String) -> Self {
        Self { kind, shown: text.chars().take(SHOWN_CHARS_MAX).collect(), why }
    }
}

/// The fold that names are compared by. Full lower case rather than ASCII's alone, since resource
/// groups may have letters of any script.
fn fold(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// What a name of one kind may be.
struct Rule {
    kind: &'static str,
    chars_max: usize,
    /// The published pattern, where there is one.
    pattern: Option<&'static str>,
    /// Whether a character may be at that place, counted from 1, of a name of that length.
    allows: fn(char, usize, usize) -> bool,
}

impl Rule {
    fn check(&self, text: &str) -> Result<(), NameError> {
        let (len, max) = (text.chars().count(), self.chars_max);
        let why = match (1..).zip(text.chars()).find(|(at, c)| !(self.allows)(*c, *at, len)) {
            _ if len == 0 => "it is empty".to_owned(),
            _ if len > max => format!("it has {len} characters, at most {max} are allowed"),
            _ if text == "." || text == ".." => "it would be read as a step in a path".to_owned(),
            Some((at, found)) => {
                let rule = self.pattern.map(|pattern| format!("; it must match {pattern}"));
                format!("{found:?} may not stand at character {at}{}", rule.unwrap_or_default())
            }
            None => return Ok(()),
        };
        Err(NameError::new(self.kind, text, why))
    }
}

fn in_a_segment(c: char) -> bool {
    !c.is_control() && !matches!(c, '/' | '\\' | '?' | '#')
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Arc<str>);

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                $rule.check(text)?;
                Ok(Self(text.into()))
            }
        }

        as_text!($name);

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                *self == *other.0
            }
        }

        impl Eq for $name {}

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0.eq_ignore_ascii_case(other) || fold(&self.0).eq(fold(other))
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                fold(&self.0).for_each(|c| c.hash(state));
                state.write_u8(0xff);
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                fold(&self.0).cmp(fold(&other.0))
            }
        }
    };
}

name! {
    /// The name of a resource group: 1-90 characters, without case.
    ResourceGroup,
    Rule {
        kind: "resource group",
        chars_max: RESOURCE_GROUP_CHARS_MAX,
        pattern: None,
        allows: |c, _, _| in_a_segment(c),
    }
}
name! {
    /// The name of an API Management service: 1-50 characters,
    /// `^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$`, without case.
    ServiceName,
    Rule {
        kind: "service name",
        chars_max: SERVICE_NAME_CHARS_MAX,
        pattern: Some("^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$"),
        allows: |c, at, len| match at {
            1 => c.is_ascii_alphabetic(),
            _ => c.is_ascii_alphanumeric() || (c == '-' && at < len),
        },
    }
}
name! {
    /// The name of a workspace: 1-80 characters, `^[^*#&+:<>?]+$`, without case.
    WorkspaceName,
    Rule {
        kind: "workspace name",
        chars_max: WORKSPACE_NAME_CHARS_MAX,
        pattern: Some("^[^*#&+:<>?]+$"),
        allows: |c, _, _| in_a_segment(c) && !matches!(c, '*' | '&' | '+' | ':' | '<' | '>'),
    }
}
name! {
    /// The name of a backend: 1-80 characters, without case.
    BackendName,
    Rule {
        kind: "backend name",
        chars_max: BACKEND_NAME_CHARS_MAX,
        pattern: None,
        allows: |c, _, _| in_a_segment(c),
    }
}

/// The id of an Azure subscription: a UUID. The default, all zeros, is none's.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(Uuid);

impl FromStr for SubscriptionId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        // The UUID parser also takes braces, a URN and no hyphens; a path does not.
        let hyphened = text.len() == uuid::fmt::Hyphenated::LENGTH;
        match Uuid::try_parse(text) {
            Ok(id) if hyphened => Ok(Self(id)),
            Ok(_) | Err(_) => {
                Err(NameError::new("subscription id", text, "it must be a UUID".to_owned()))
            }
        }
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use expect_test::{Expect, expect};

    use super::*;

    fn check<N>(text: &str, expected: &Expect)
    where
        N: FromStr<Err = NameError> + fmt::Display,
    {
        let shown = match text.parse::<N>() {
            Ok(name) => format!("ok {name}"),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn subscriptions_are_uuids() {
        check::<SubscriptionId>(
            "0AB0A7C6-0000-4000-8000-00000000000F",
            &expect!["ok 0ab0a7c6-0000-4000-8000-00000000000f"],
        );
        check::<SubscriptionId>(
            "subid",
            &expect![[r#""subid" is not a subscription id: it must be a UUID"#]],
        );
        check::<SubscriptionId>(
            "0ab0a7c600004000800000000000000f",
            &expect![[
                r#""0ab0a7c600004000800000000000000f" is not a subscription id: it must be a UUID"#
            ]],
        );
    }

    #[test]
    fn services_match_their_pattern() {
        check::<ServiceName>("contoso-apim", &expect!["ok contoso-apim"]);
        check::<ServiceName>("a", &expect!["ok a"]);
        check::<ServiceName>("", &expect![[r#""" is not a service name: it is empty"#]]);
        check::<ServiceName>(
            "1a",
            &expect![[
                r#""1a" is not a service name: '1' may not stand at character 1; it must match ^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$"#
            ]],
        );
        check::<ServiceName>(
            "a-",
            &expect![[
                r#""a-" is not a service name: '-' may not stand at character 2; it must match ^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$"#
            ]],
        );
        check::<ServiceName>(
            "a_b",
            &expect![[
                r#""a_b" is not a service name: '_' may not stand at character 2; it must match ^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$"#
            ]],
        );
    }

    #[test]
    fn lengths_are_taken_to_the_bound_and_refused_beyond() {
        fn at<N: FromStr<Err = NameError>>(max: usize) {
            assert!("a".repeat(max).parse::<N>().is_ok());
            match "a".repeat(max + 1).parse::<N>() {
                Ok(_) => panic!("{} characters were taken", max + 1),
                Err(error) => {
                    let why = format!("it has {} characters, at most {max} are allowed", max + 1);
                    assert_eq!(error.why, why);
                }
            }
        }
        at::<BackendName>(80);
        at::<WorkspaceName>(80);
        at::<ServiceName>(50);
        at::<ResourceGroup>(90);
        // Characters are counted, not bytes.
        assert!("é".repeat(80).parse::<BackendName>().is_ok());
    }

    #[test]
    fn a_name_is_one_segment() {
        check::<BackendName>("eu-1", &expect!["ok eu-1"]);
        check::<BackendName>(
            "a/b",
            &expect![[r#""a/b" is not a backend name: '/' may not stand at character 2"#]],
        );
        check::<BackendName>(
            "..",
            &expect![[r#"".." is not a backend name: it would be read as a step in a path"#]],
        );
        check::<BackendName>(
            "a\nb",
            &expect![[r#""a\nb" is not a backend name: '\n' may not stand at character 2"#]],
        );
        check::<WorkspaceName>("wks 1", &expect!["ok wks 1"]);
        check::<WorkspaceName>(
            "a:b",
            &expect![[
                r#""a:b" is not a workspace name: ':' may not stand at character 2; it must match ^[^*#&+:<>?]+$"#
            ]],
        );
        check::<ResourceGroup>("rg(1)_é.x", &expect!["ok rg(1)_é.x"]);
        check::<ResourceGroup>(
            "rg/x",
            &expect![[r#""rg/x" is not a resource group: '/' may not stand at character 3"#]],
        );
    }

    #[test]
    fn identity_is_without_case_and_spelling_is_kept() {
        let upper: BackendName = "EU-É".parse().unwrap();
        let lower: BackendName = "eu-é".parse().unwrap();
        assert_eq!(upper, lower);
        assert_eq!(upper.cmp(&lower), Ordering::Equal);
        assert_eq!(HashSet::from([upper.clone(), lower]).len(), 1);
        assert_eq!(upper.as_str(), "EU-É");
    }
}
