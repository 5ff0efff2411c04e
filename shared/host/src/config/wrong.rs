//! What is wrong with the file: where, and what would be right. Nothing that could be a secret is
//! ever shown.

use std::fmt::Display;

use pointsman_core::playbook::{Problem, meant, not_yaml};
use serde_saphyr::{Error, Location, Spanned};

/// Keys beside which someone may have written a secret where its place belongs: their lines are
/// not shown.
const SECRET_KEYS: [&str; 5] = ["bearer", "basic", "passwords", "token", "url"];

/// One thing that is wrong.
#[derive(Debug)]
pub(super) struct Wrong {
    at: Option<Location>,
    message: String,
    help: String,
    /// Whether what stands there may be shown.
    shown: bool,
}

/// The right way to name a secret's place.
pub(super) const PLACE: &str =
    "name its place: `{env: NAME}` for a variable of the environment, or `{file: PATH}`";

/// What is right; what is wrong is put with the rest.
pub(super) fn put<T>(wrongs: &mut Vec<Wrong>, read: Result<T, Wrong>) -> Option<T> {
    read.map_err(|wrong| wrongs.push(wrong)).ok()
}

/// All of it for people, in the order of the file.
pub(super) fn render(mut wrongs: Vec<Wrong>, file: &str, text: &str) -> String {
    wrongs.sort_by_key(|wrong| wrong.at.map(|at| (at.line(), at.column())));
    let rendered: Vec<String> = wrongs.into_iter().map(|wrong| wrong.render(file, text)).collect();
    rendered.join("\n")
}

impl Wrong {
    /// At a value.
    pub(super) fn at<T>(value: &Spanned<T>, message: impl Display, help: &str) -> Self {
        let (message, help) = (message.to_string(), help.to_owned());
        Self { at: Some(value.defined), message, help, shown: true }
    }

    /// At a value that is a secret, or may have one in it.
    pub(super) fn at_secret<T>(value: &Spanned<T>, message: impl Display, help: &str) -> Self {
        Self { shown: false, ..Self::at(value, message, help) }
    }

    /// What the reader of YAML stumbled upon.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the list of a YAML reader's errors is its own"
    )]
    pub(super) fn form(error: &Error) -> Self {
        let error = error.without_snippet();
        // Only a key is sure to be none. A value of the wrong form may be a secret in the wrong place.
        let shown = matches!(
            error,
            Error::SerdeUnknownField { .. }
                | Error::SerdeUnknownVariant { .. }
                | Error::SerdeMissingField { .. }
                | Error::DuplicateMappingKey { .. }
        );
        let (message, help) = match error {
            Error::SerdeUnknownField { field, expected, .. } => (
                format!("there is no `{field}` here"),
                meant(field, "keys here", expected.iter().copied()),
            ),
            Error::SerdeUnknownVariant { variant, expected, .. } => (
                format!("`{variant}` cannot stand here"),
                meant(variant, "possibilities", expected.iter().copied()),
            ),
            Error::SerdeMissingField { field, .. } => {
                (format!("`{field}` is missing"), format!("say what it is: `{field}: …`"))
            }
            // The value itself is not quoted.
            Error::SerdeInvalidType { expected, .. }
            | Error::SerdeInvalidValue { expected, .. } => {
                ("this cannot stand here".to_owned(), format!("it must be {expected}"))
            }
            Error::Unexpected { expected, .. } => {
                ("this cannot stand here".to_owned(), format!("it must be {}", form_of(expected)))
            }
            Error::DuplicateMappingKey { key, .. } => {
                let key = key.as_deref().unwrap_or("a key");
                (format!("`{key}` stands here twice"), "keep one of them".to_owned())
            }
            Error::Message { msg, .. } if msg.contains("where a secret is") => {
                (msg.clone(), PLACE.to_owned())
            }
            // What the parser says of the form quotes nothing.
            Error::ExternalMessage { msg, .. } => not_yaml(msg),
            other => ("this cannot be read".to_owned(), plain(&other.to_string())),
        };
        Self { at: error.location(), message, help, shown }
    }

    /// For people: the file, the line, what stands there, and what would be right.
    pub(super) fn render(self, file: &str, text: &str) -> String {
        let Self { at, message, help, shown: may_be_shown } = self;
        let Some(at) = at.filter(|at| at.line() > 0) else {
            return format!("{file}: {message}\n  = {help}\n");
        };
        let line = usize::try_from(at.line()).unwrap_or(usize::MAX);
        let column = usize::try_from(at.column()).unwrap_or(1).max(1);
        let shown = text.lines().nth(line - 1).unwrap_or_default();
        if !may_be_shown || shown.is_empty() || SECRET_KEYS.iter().any(|key| shown.contains(key)) {
            return format!("{file}:{line}:{column}: {message}\n  = {help}\n");
        }
        let rest: String = shown.chars().skip(column - 1).collect();
        let word = word(&rest);
        // What comes after it on the line may be a secret beside a key that is misspelt.
        let end = column - 1 + word.chars().count();
        let source = "\n".repeat(line - 1) + &shown.chars().take(end).collect::<String>();
        Problem { line, column, text: word, message, help }.render(file, &source)
    }
}

/// What stands at the beginning of the rest of a line: a key, or a value up to what ends it.
fn word(rest: &str) -> String {
    if let Some(quote) = rest.chars().next().filter(|first| "'\"".contains(*first)) {
        return rest.split_inclusive(quote).take(2).collect();
    }
    let ends = [",", "]", "}", ": ", " #"].iter().filter_map(|end| rest.find(end)).min();
    let word = &rest[..ends.unwrap_or(rest.len())];
    word.trim_end().trim_end_matches(':').to_owned()
}

/// What the reader of YAML calls a form, in words for people.
fn form_of(expected: &str) -> String {
    match expected {
        "mapping start" => "lines of `key: value`, or `{key: value}`".to_owned(),
        "sequence start" => "a list: lines that begin with `- `, or `[…]`".to_owned(),
        "string scalar" | "scalar" => "one value".to_owned(),
        other => other.to_owned(),
    }
}

/// The first line of what the reader of YAML says, without where: that is said already.
fn plain(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    match first.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
        Some((_, said)) => said.to_owned(),
        None => first.to_owned(),
    }
}
