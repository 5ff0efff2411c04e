//! What the names in a path may be, by the bounds and patterns of 2024-05-01, and what is said of
//! one that is none. The words are assumed; those of Pointsman's client are the same.

/// A service's pattern.
const SERVICE: &str = "^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$";
/// A workspace's pattern.
const WORKSPACE: &str = "^[^*#&+:<>?]+$";
const SERVICE_CHARS_MAX: usize = 50;
const RESOURCE_GROUP_CHARS_MAX: usize = 90;
const WORKSPACE_CHARS_MAX: usize = 80;
const BACKEND_CHARS_MAX: usize = 80;
/// How much of a name is repeated, in characters.
const SHOWN_CHARS_MAX: usize = 100;

/// A UUID with its hyphens.
pub(crate) fn subscription(text: &str) -> Result<(), String> {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    let is = groups == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    if is { Ok(()) } else { Err(words("subscription id", text, "it must be a UUID")) }
}

/// 1-90 characters that can stand in a path.
pub(crate) fn resource_group(text: &str) -> Result<(), String> {
    let what = "resource group";
    length(what, text, RESOURCE_GROUP_CHARS_MAX)?;
    characters(what, text, None, in_a_path)
}

/// 1-50 characters of its pattern.
pub(crate) fn service(text: &str) -> Result<(), String> {
    let what = "service name";
    length(what, text, SERVICE_CHARS_MAX)?;
    characters(what, text, Some(SERVICE), |at, c| match at {
        1 => c.is_ascii_alphabetic(),
        _ => c.is_ascii_alphanumeric() || (c == '-' && at < text.len()),
    })
}

/// 1-80 characters of its pattern.
pub(crate) fn workspace(text: &str) -> Result<(), String> {
    let what = "workspace name";
    length(what, text, WORKSPACE_CHARS_MAX)?;
    let refused = ['*', '#', '&', '+', ':', '<', '>', '?'];
    characters(what, text, Some(WORKSPACE), |at, c| in_a_path(at, c) && !refused.contains(&c))
}

/// 1-80 characters that can stand in a path.
pub(crate) fn backend(text: &str) -> Result<(), String> {
    let what = "backend name";
    length(what, text, BACKEND_CHARS_MAX)?;
    characters(what, text, None, in_a_path)
}

/// What can be in one segment of a path.
fn in_a_path(_: usize, c: char) -> bool {
    !c.is_control() && !matches!(c, '/' | '\\' | '?' | '#')
}

fn length(what: &str, text: &str, most: usize) -> Result<(), String> {
    match text.chars().count() {
        0 => Err(words(what, text, "it is empty")),
        found if found > most => {
            let why = format!("it has {found} characters, at most {most} are allowed");
            Err(words(what, text, &why))
        }
        _ if matches!(text, "." | "..") => {
            Err(words(what, text, "it would be read as a step in a path"))
        }
        _ => Ok(()),
    }
}

/// Places are counted from 1.
fn characters(
    what: &str,
    text: &str,
    pattern: Option<&str>,
    fits: impl Fn(usize, char) -> bool,
) -> Result<(), String> {
    match (1..).zip(text.chars()).find(|(at, c)| !fits(*at, *c)) {
        None => Ok(()),
        Some((at, c)) => {
            let rule =
                pattern.map(|pattern| format!("; it must match {pattern}")).unwrap_or_default();
            Err(words(what, text, &format!("{c:?} may not stand at character {at}{rule}")))
        }
    }
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
