//! What a person wrote into a file: a whole backend, or the changes to one.

use std::path::Path;

use pointsman_apim::{BackendId, Document, ETag, document::DOCUMENT_BYTES_MAX, secret::HIDDEN};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{print::short, template};
use crate::{failed::Failed, input};

/// The keys that only Azure sets.
pub(super) const AZURES: [&str; 3] = ["id", "name", "type"];

/// What a file says.
#[derive(Debug)]
pub(super) struct File {
    /// What the backend shall be, without the keys that only Azure sets. JSON that has none of them is
    /// kept to the letter.
    pub(super) document: Document,
    /// The ETag that `get` has put there, and that Azure's bodies do not have.
    pub(super) etag: Option<ETag>,
    /// The id and the name of the backend that it was taken from.
    id: Option<String>,
    name: Option<String>,
}

impl File {
    /// Says so where it was taken from another backend than this.
    pub(super) fn of_another(&self, id: &BackendId) -> Option<String> {
        let other = match (&self.id, &self.name) {
            (Some(text), _) => match text.parse::<BackendId>() {
                Ok(other) if other == *id => None,
                // Of the same name in another subscription or resource group.
                Ok(other) if short(&other).eq_ignore_ascii_case(&short(id)) => Some(text.clone()),
                Ok(other) => Some(short(&other)),
                Err(_) => Some(text.clone()),
            },
            (None, _) => None,
        };
        let renamed = self.name.as_ref().filter(|name| *id.backend() != *name.as_str());
        let other = other.or_else(|| renamed.cloned())?;
        let this = if other.contains('/') { short(id) } else { id.backend().to_string() };
        Some(format!(
            "the file is of {other}, not of {this}; remove its `id` and its `name` if it is meant for both"
        ))
    }
}

/// Reads a file of JSON or YAML; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<File, Failed> {
    let text = input::read_or_typed(path, DOCUMENT_BYTES_MAX)?;
    let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    of(&text, is_json).map_err(|why| Failed::new(format_args!("{}: {why}", path.display())))
}

fn of(text: &str, is_json: bool) -> Result<File, String> {
    let is_json = is_json || serde_json::from_str::<IgnoredAny>(text).is_ok();
    let body = if is_json { text.to_owned() } else { of_yaml(text)?.to_string() };
    let mut document = Document::parse(body).map_err(|error| error.to_string())?;
    if let Some(told) = template::whole(document.raw()) {
        return Err(told);
    }
    let mut rest = document.raw().clone();
    let filled = template::literal(&mut rest, "")?;
    let Some(fields) = rest.as_object_mut() else { return Err("it is not an object".to_owned()) };
    let etag = fields.shift_remove("etag");
    // That of the form of `get`; Azure's bodies have none.
    let version = fields.shift_remove("version");
    let said = AZURES.map(|key| fields.shift_remove(key));
    if filled || etag.is_some() || version.is_some() || said.iter().any(Option::is_some) {
        document = Document::parse(rest.to_string()).map_err(|error| error.to_string())?;
    }
    let [id, name, _] = said;
    let etag = match etag {
        None => None,
        Some(found) => Some(found.as_str().and_then(|text| text.parse().ok()).ok_or(
            "its `etag` is not an ETag: copy it from `pointsman backend get`, or leave it out",
        )?),
    };
    template::texts(&mut rest, "", &mut |at, text| shown_in_full(at, text))?;
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    Ok(File { document, etag, id: text(id), name: text(name) })
}

/// An error names only the place: the line may hold a secret.
fn of_yaml(text: &str) -> Result<Value, String> {
    serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location().map_or_else(String::new, |at| {
            format!(" (line {}, column {})", at.line(), at.column())
        });
        format!("it is not valid JSON or YAML, or it has a key twice{place}")
    })
}

/// Refuses a text that was hidden when it was shown.
fn shown_in_full(at: &str, text: &str) -> Result<(), String> {
    if text == HIDDEN || (text.contains("://") && text.contains(HIDDEN)) {
        return Err(format!(
            "{at} is {HIDDEN}, which stands for a secret that was not shown: write the secret itself \
             there, or change the other fields alone with `pointsman backend set`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let shown = match of(text, false) {
            Ok(File { document, etag, .. }) => {
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
            &expect![
                "its `etag` is not an ETag: copy it from `pointsman backend get`, or leave it out"
            ],
        );
    }

    #[test]
    fn what_is_wrong_is_told_without_what_stands_there() {
        check(
            "a: 1\na: s3cret\n",
            &expect!["it is not valid JSON or YAML, or it has a key twice (line 2, column 1)"],
        );
        check(
            "a: [s3cret\n",
            &expect!["it is not valid JSON or YAML, or it has a key twice (line 1, column 4)"],
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
        assert!(of("properties: {description: '*** hands off ***'}", false).is_ok());
    }

    #[test]
    fn what_azure_alone_says_is_left_out_and_a_template_is_refused() {
        check(
            "id: /x\nname: ord-north\ntype: Microsoft.ApiManagement/service/backends\nproperties: {}\n",
            &expect![[r#"{"properties":{}} "#]],
        );
        check(
            r#"{"properties":{"title":"$${x}"}}"#,
            &expect![[r#"{"properties":{"title":"${x}"}} "#]],
        );
        check(
            r#"{"properties":{"url":"[parameters('ordersUrl')]"}}"#,
            &expect![
                "properties.url is an expression of an ARM template, which a deployment would fill in; Azure would store it as it is: write the value itself, or begin it with `[[` if this text is meant"
            ],
        );
        check(
            r#"{"$schema": "x", "resources": [{"type": "Microsoft.ApiManagement/service/backends"}]}"#,
            &expect![
                "it is a whole ARM template: take one backend out of it, with its `properties` (`resources[0]`)"
            ],
        );
    }

    #[test]
    fn a_file_of_another_backend_is_told_from_one_of_this_and_one_of_none() {
        let id = |service: &str, name: &str| {
            format!(
                "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/\
                 Microsoft.ApiManagement/service/{service}/backends/{name}"
            )
        };
        let south = id("lumen", "ord-south").parse().unwrap();
        let of = |text: String| of(&text, false).unwrap().of_another(&south);
        let told = |text: String| of(text).unwrap();
        let north = "the file is of lumen/ord-north, not of lumen/ord-south; remove";
        assert!(told(format!("id: {}", id("lumen", "ord-north"))).starts_with(north));
        let other = "the file is of other/ord-south, not of lumen/ord-south; remove";
        assert!(told(format!("id: {}", id("other", "ord-south"))).starts_with(other));
        let named = "the file is of ord-north, not of ord-south; remove";
        assert!(
            told(format!("{{id: {}, name: ord-north}}", id("lumen", "ord-south")))
                .starts_with(named)
        );
        assert!(told("name: ord-north".to_owned()).starts_with(named));
        assert!(told("id: ord-south".to_owned()).starts_with("the file is of ord-south"));
        // Azure has no regard for case.
        let upper =
            id("LUMEN", "Ord-South").to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions");
        assert_eq!(of(format!("id: {upper}\nname: ORD-SOUTH")), None);
        assert_eq!(of("properties: {}".to_owned()), None);
    }
}
