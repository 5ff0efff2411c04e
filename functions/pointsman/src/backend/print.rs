//! How backends and changes of them are printed. Nothing secret gets this far: documents come
//! redacted, and the lines of a diff hide what is.

use std::process::ExitCode;

use clap::ValueEnum;
use pointsman_apim::{
    Backend, BackendId, Document, ETag,
    backend::Kind,
    diff::{self, Change, Line},
};
use pointsman_core::text;
use pointsman_view as view;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    failed::Failed,
    page::{Page, Table},
    show,
};

/// How things are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people; the default.
    Table,
    /// For programs.
    Json,
    /// For files that people edit.
    Yaml,
}

/// Prints a value for programs, or lines for people.
pub(super) fn either(
    output: Output,
    value: &impl Serialize,
    text: &Page,
) -> Result<ExitCode, Failed> {
    match output {
        Output::Table => show::page(text),
        Output::Json => show::json(value),
        Output::Yaml => show::page(&yaml(value)?),
    }
}

/// YAML with every text on a line of its own, as people edit it. Where a text has characters that
/// a terminal acts upon, JSON, which is YAML too: it has an escape for each of them everywhere.
pub(super) fn yaml(value: &impl Serialize) -> Result<Page, Failed> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let yaml = serde_saphyr::to_string_with_options(value, options)?;
    if yaml.lines().any(|line| line.contains(text::acts)) {
        return Ok(Page::of_text(&text::json(&serde_json::to_string_pretty(value)?)));
    }
    Ok(Page::of_text(&yaml))
}

/// A list: a line a backend.
pub(super) fn list(output: Output, backends: &[Document]) -> Result<ExitCode, Failed> {
    let all = backends.iter().map(Document::redacted).collect();
    let all = view::BackendList { version: view::VERSION, backends: all };
    if backends.is_empty() {
        return either(output, &all, &Page::of("there are no backends"));
    }
    let mut table = Table::new(&["name", "type", "goes to", "title"]);
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
        table.row([name, kind.to_owned(), to, text(&properties["title"])]);
    }
    let mut page = Page::default();
    page.table(&table);
    either(output, &all, &page)
}

/// The members of a pool in short: `eu 50, us 30, ap 20 at 2`.
fn members(pool: &Document) -> String {
    let Ok(pool) = pool.pool() else { return "?".to_owned() };
    let each = pool.all().iter().map(|member| {
        let mut text = member.id.name().to_string();
        if let Some(weight) = member.weight.number() {
            text += &format!(" {weight}");
        }
        if let Some(priority) = member.priority.number() {
            text += &format!(" at {priority}");
        }
        text
    });
    each.collect::<Vec<_>>().join(", ")
}

/// One backend: its fields, line by line. For files and programs, its body with the ETag in it.
pub(super) fn backend(output: Output, backend: &Backend) -> Result<ExitCode, Failed> {
    let etag = backend.etag().as_str().to_owned();
    let body = match backend.redacted() {
        Value::Object(body) => body,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    let whole = view::BackendBody { version: view::VERSION, etag, body };
    let mut table = Table::new(&["field", "value"]);
    table.row(["etag".to_owned(), backend.etag().as_str().to_owned()]);
    for Line { path, change } in diff::added(backend.raw()) {
        let value = match change {
            Change::Added(shown) | Change::Removed(shown) => shown.to_string(),
            Change::Changed { to, .. } => to.to_string(),
            Change::Reordered => String::new(),
        };
        table.row([path, value]);
    }
    let mut page = Page::default();
    page.table(&table);
    either(output, &whole, &page)
}

/// What was done of a change.
#[derive(Clone, Copy)]
pub(super) enum Done<'a> {
    /// Nothing was written.
    Nothing,
    /// It was written, and this is the ETag now.
    Written(&'a ETag),
    /// The backend was deleted.
    Deleted,
}

/// A change: what it was, or would be, as `updated`; what differs by it; and whether it was done.
pub(super) fn change(
    output: Output,
    backend: &BackendId,
    what: &str,
    lines: &[Line],
    done: Done<'_>,
) -> Result<ExitCode, Failed> {
    let short = short(backend);
    let diff: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let (written, etag, last) = match done {
        Done::Nothing if diff.is_empty() => {
            (false, None, format!("{short} is already as asked: nothing to do"))
        }
        Done::Nothing => (false, None, format!("{short} would be {what}; nothing was written")),
        Done::Written(etag) => (true, Some(etag), format!("{short} is {what}; its ETag is {etag}")),
        Done::Deleted => (true, None, format!("{short} is {what}")),
    };
    let mut text = Page::default();
    diff.iter().for_each(|line| text.line(format_args!("  {line}")));
    text.line(last);
    let value = view::BackendChange {
        version: view::VERSION,
        backend: backend.to_string(),
        what: what.to_owned(),
        diff,
        written,
        etag: etag.map(|etag| etag.as_str().to_owned()),
    };
    either(output, &value, &text)
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
    use serde_json::json;

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
        let text = text.as_str();
        assert_eq!(serde_saphyr::from_str::<Value>(text).unwrap(), value, "{text}");
        assert!(text.contains("id: /xxx"), "{text}");
    }
}
