//! What is wrong with the file: where, and what would be right. Nothing that could be a secret is
//! ever shown.

use std::fmt::Display;

use pointsman_core::form::{self, At};

/// Keys beside which someone may have written a secret where its place belongs: their lines are
/// not shown.
const SECRET_KEYS: [&str; 5] = ["bearer", "basic", "passwords", "token", "url"];

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    wrong: form::Wrong,
    /// Whether what stands there may be shown.
    shown: bool,
}

/// All of it for people, in the order of the file.
pub(super) fn render(mut wrongs: Vec<Wrong>, file: &str, text: &str) -> String {
    wrongs.sort_by_key(|Wrong { wrong, .. }| wrong.at.start);
    // What an alias repeats is wrong once.
    wrongs.dedup();
    let rendered: Vec<String> = wrongs.into_iter().map(|wrong| wrong.render(file, text)).collect();
    rendered.join("\n")
}

impl Wrong {
    /// At a value.
    pub(super) fn at<T>(value: &At<T>, message: impl Display, help: &str) -> Self {
        let wrong = form::Wrong::new(value.at.clone(), message.to_string(), help);
        Self { wrong, shown: true }
    }

    /// At a value that is a secret, or may have one in it.
    pub(super) fn at_secret<T>(value: &At<T>, message: impl Display, help: &str) -> Self {
        Self { shown: false, ..Self::at(value, message, help) }
    }

    /// In the form of the file. A value of the wrong form may be a secret in the wrong place: only a key
    /// is shown, and what the message itself quotes.
    pub(super) fn form(wrong: form::Wrong, text: &str) -> Self {
        let there = text.get(wrong.at.clone()).unwrap_or_default();
        let rest = text.get(wrong.at.end..).unwrap_or_default();
        let is_key = rest.trim_start_matches([' ', '\t']).starts_with(':');
        let shown = is_key || wrong.message.contains(&format!("`{there}`"));
        Self { wrong, shown }
    }

    /// For people: the file, the line, what stands there, and what would be right.
    fn render(self, file: &str, text: &str) -> String {
        let problem = self.wrong.in_text(text);
        let line = text.lines().nth(problem.line - 1).unwrap_or_default();
        if !self.shown || line.is_empty() || SECRET_KEYS.iter().any(|key| line.contains(key)) {
            let form::Problem { line, column, message, help, .. } = problem;
            return format!("{file}:{line}:{column}: {message}\n  = {help}\n");
        }
        // What comes after it on the line may be a secret beside a key that is misspelt.
        let end = problem.column - 1 + problem.text.chars().count();
        let known = "\n".repeat(problem.line - 1) + &line.chars().take(end).collect::<String>();
        problem.render(file, &known)
    }
}
