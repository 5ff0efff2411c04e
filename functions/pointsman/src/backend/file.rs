//! What a person wrote into a file: all of a backend, or what shall change of one.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use pointsman_apim::{Document, ETag, document::DOCUMENT_BYTES_MAX, secret::HIDDEN};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::failed::Failed;

/// What a file says.
#[derive(Debug)]
pub(super) struct File {
    /// The document; what was written as JSON is kept to the letter.
    pub(super) document: Document,
    /// The ETag that `get` has put there, and that Azure's bodies do not have.
    pub(super) etag: Option<ETag>,
}

/// Reads a file of JSON or YAML; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<File, Failed> {
    let told = |why: String| Failed::new(format_args!("{}: {why}", path.display()));
    let text = bytes(path).map_err(|error| told(error.to_string()))?;
    let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    of(&text, is_json).map_err(told)
}

/// Whether it is standard input.
pub(super) fn is_typed(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let (mut text, most) = (Vec::new(), DOCUMENT_BYTES_MAX as u64 + 1);
    if is_typed(path) {
        io::stdin().lock().take(most).read_to_end(&mut text)?;
    } else {
        fs::File::open(path)?.take(most).read_to_end(&mut text)?;
    }
    Ok(text)
}

fn of(text: &[u8], is_json: bool) -> Result<File, String> {
    let is_json = is_json || serde_json::from_slice::<IgnoredAny>(text).is_ok();
    let mut body = text.to_vec();
    if !is_json && text.len() <= DOCUMENT_BYTES_MAX {
        body = of_yaml(text)?.to_string().into_bytes();
    }
    let mut document = Document::parse(body).map_err(|error| error.to_string())?;
    let mut etag = None;
    if let Some(found) = document.raw().get("etag") {
        let found = found.as_str().and_then(|text| text.parse().ok());
        etag =
            Some(found.ok_or("its `etag` is not one: take it as `get` shows it, or leave it out")?);
        let mut rest = document.raw().clone();
        if let Value::Object(fields) = &mut rest {
            fields.shift_remove("etag");
        }
        document = Document::parse(rest.to_string()).map_err(|error| error.to_string())?;
    }
    match hidden(document.raw(), "") {
        Some(at) => Err(format!(
            "{at} is {HIDDEN}, which stands for a secret that was not shown: write the secret itself \
             there, or change the other fields alone with `pointsman backend set`"
        )),
        None => Ok(File { document, etag }),
    }
}

/// What is wrong is told by its place alone: the line may have a secret in it.
fn of_yaml(text: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not text in UTF-8".to_owned())?;
    serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location().map_or_else(String::new, |at| {
            format!(" (line {}, column {})", at.line(), at.column())
        });
        format!("it is neither JSON nor YAML with every key once{place}")
    })
}

/// Where something stands that was hidden when it was shown.
fn hidden(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
        Value::String(text) => {
            let is_hidden = text == HIDDEN || (text.contains("://") && text.contains(HIDDEN));
            is_hidden.then(|| path.to_owned())
        }
        Value::Array(items) => {
            let mut each = items.iter().enumerate();
            each.find_map(|(at, item)| hidden(item, &format!("{path}[{at}]")))
        }
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            hidden(value, &format!("{path}{dot}{key}"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let shown = match of(text.as_bytes(), false) {
            Ok(File { document, etag }) => {
                let body = String::from_utf8(document.body().to_vec()).unwrap();
                format!("{body} {}", etag.map_or_else(String::new, |etag| etag.to_string()))
            }
            Err(why) => why,
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn json_is_kept_to_the_letter_and_yaml_is_made_into_it() {
        check(r#"{ "a": 1.0 }"#, &expect![[r#"{ "a": 1.0 } "#]]);
        check(
            "properties:\n  title: Europe\n  url: 'https://a'\n  x: [1, null, true]\n",
            &expect![[r#"{"properties":{"title":"Europe","url":"https://a","x":[1,null,true]}} "#]],
        );
        check("etag: '\"AAAA\"'\nproperties: {}\n", &expect![[r#"{"properties":{}} "AAAA""#]]);
        check(
            "etag: 5\n",
            &expect!["its `etag` is not one: take it as `get` shows it, or leave it out"],
        );
    }

    #[test]
    fn what_is_wrong_is_told_without_what_stands_there() {
        check(
            "a: 1\na: s3cret\n",
            &expect!["it is neither JSON nor YAML with every key once (line 2, column 1)"],
        );
        check(
            "a: [s3cret\n",
            &expect!["it is neither JSON nor YAML with every key once (line 1, column 4)"],
        );
        check("[1]", &expect!["it is not a JSON object"]);
        check(
            "properties: {credentials: {header: {x-key: ['***']}}}",
            &expect![
                "properties.credentials.header.x-key[0] is ***, which stands for a secret that was not shown: write the secret itself there, or change the other fields alone with `pointsman backend set`"
            ],
        );
        check(
            "properties: {url: 'https://***@a.example'}",
            &expect![
                "properties.url is ***, which stands for a secret that was not shown: write the secret itself there, or change the other fields alone with `pointsman backend set`"
            ],
        );
        assert!(of(b"properties: {description: '*** hands off ***'}", false).is_ok());
    }
}
