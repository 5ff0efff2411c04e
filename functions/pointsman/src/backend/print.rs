//! How backends and what became of them are printed. Nothing secret gets this far: documents come
//! redacted, and the lines of a diff hide what is.

use std::{fmt::Write as _, process::ExitCode};

use pointsman_apim::{
    Backend, BackendId, Document, ETag,
    backend::Kind,
    diff::{self, Change, Line},
};
use serde_json::{Value, json};

use super::Output;
use crate::{cli::Failed, show};

/// Prints a value for programs, or a text for people.
pub(super) fn either(output: Output, value: &Value, text: &str) -> Result<ExitCode, Failed> {
    match output {
        Output::Table => show::text(text),
        Output::Json => show::json(value),
        Output::Yaml => show::text(&yaml(value)?),
    }
}

/// YAML with every text on a line of its own, as people edit it.
pub(super) fn yaml(value: &Value) -> Result<String, Failed> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    Ok(serde_saphyr::to_string_with_options(value, options)?)
}

/// A list: a line a backend.
pub(super) fn list(output: Output, backends: &[Document]) -> Result<ExitCode, Failed> {
    let all: Value = backends.iter().map(Document::redacted).collect();
    if backends.is_empty() {
        return either(output, &all, "there are no backends\n");
    }
    let mut table = show::table(&["name", "type", "goes to", "title"]);
    for backend in backends {
        let shown = backend.redacted();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let properties = &shown["properties"];
        let (kind, to) = match backend.kind() {
            Ok(Kind::Single) => ("Single", text(&properties["url"])),
            Ok(Kind::Pool) => ("Pool", members(backend)),
            Err(_) => ("?", String::new()),
        };
        let name = text(&shown["name"]);
        table.add_row([name, kind.to_owned(), to, text(&properties["title"])]);
    }
    let lines: Vec<String> =
        table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    either(output, &all, &format!("{}\n", lines.join("\n")))
}

/// The members of a pool in short: `eu 50, us 30, ap 20 at 2`.
fn members(pool: &Document) -> String {
    let Ok(pool) = pool.pool() else { return "?".to_owned() };
    let each = pool.members().iter().map(|member| {
        let mut text = member.name.to_string();
        if let Some(weight) = member.weight.number() {
            let _ = write!(text, " {weight}");
        }
        if let Some(priority) = member.priority.number() {
            let _ = write!(text, " at {priority}");
        }
        text
    });
    each.collect::<Vec<_>>().join(", ")
}

/// One backend: its fields, line by line. For files and programs, its body with the ETag in it.
pub(super) fn backend(output: Output, backend: &Backend) -> Result<ExitCode, Failed> {
    let mut whole = backend.redacted();
    if let Value::Object(fields) = &mut whole {
        fields.shift_insert(0, "etag".to_owned(), json!(backend.etag().as_str()));
    }
    let mut table = show::table(&["field", "value"]);
    table.add_row(["etag", backend.etag().as_str()]);
    for Line { path, change } in diff::added(backend.raw()) {
        let value = match change {
            Change::Added(shown) | Change::Removed(shown) => shown.to_string(),
            Change::Changed { to, .. } => to.to_string(),
            Change::Reordered => String::new(),
        };
        table.add_row([path, value]);
    }
    let lines: Vec<String> =
        table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    either(output, &whole, &format!("{}\n", lines.join("\n")))
}

/// What became of a change.
pub(super) struct Outcome<'a> {
    /// Of what.
    pub(super) backend: &'a BackendId,
    /// What was done, or would be: `updated`.
    pub(super) what: &'a str,
    /// What differs by it.
    pub(super) lines: &'a [Line],
    /// Whether it was written.
    pub(super) written: bool,
    /// The mark of what is there now.
    pub(super) etag: Option<&'a ETag>,
}

impl Outcome<'_> {
    pub(super) fn print(&self, output: Output) -> Result<ExitCode, Failed> {
        let Self { backend, what, lines, written, etag } = self;
        let short = short(backend);
        let diff: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let value = json!({
            "backend": backend.to_string(), "what": what, "diff": diff, "written": written,
            "etag": etag.map(ETag::as_str),
        });
        let mut text = String::new();
        for line in &diff {
            let _ = writeln!(text, "  {line}");
        }
        let _ = match (written, etag) {
            (false, _) if diff.is_empty() => {
                writeln!(text, "{short} is so already: nothing to do")
            }
            (false, _) => writeln!(text, "{short} would be {what}; nothing was written"),
            (true, None) => writeln!(text, "{short} is {what}"),
            (true, Some(etag)) => writeln!(text, "{short} is {what}; its ETag is {etag}"),
        };
        either(output, &value, &text)
    }
}

/// The short form for people: `service/name` or `service/workspace/name`.
pub(super) fn short(id: &BackendId) -> String {
    let service = &id.service().service;
    match id.workspace() {
        None => format!("{service}/{}", id.backend()),
        Some(workspace) => format!("{service}/{workspace}/{}", id.backend()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_read_as_what_it_was() {
        let long = "two  words and a colon: in a text ".repeat(9);
        let value = json!({
            "long": long, "id": format!("/{}", "x".repeat(200)), "lines": "a\n  b\n\n", "no": "no",
            "null": "null", "number": "1.0", "empty": ["", {}, [], null, 0, 1.5, true], "date": "2026-01-01",
            "etag": "\"AAAA\"", "hash": "a # b", "tab": "\t", "star": "***",
        });
        let text = yaml(&value).unwrap();
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), value, "{text}");
        assert!(text.contains("id: /xxx"), "{text}");
    }
}
