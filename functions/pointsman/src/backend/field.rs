//! `FIELD=VALUE`: a field and its new value, as a person types them.

use std::str::FromStr;

use pointsman_apim::{Setting, id::BackendName};
use pointsman_core::form::meant;
use serde_json::{Value, json};

use super::template;

/// A field and its new value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field {
    /// A property, by the keys that lead to it.
    Property(Vec<String>, Value),
    /// The weight or the priority of a member of a pool.
    Member(BackendName, Which, Setting),
}

/// Which field of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Its weight.
    Weight,
    /// Its priority.
    Priority,
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((path, value)) = text.split_once('=') else {
            return Err("it must be FIELD=VALUE".to_owned());
        };
        let path = path.strip_prefix("properties.").unwrap_or(path);
        if let Some(rest) = path.strip_prefix("pool.services[") {
            return member(rest, value);
        }
        if path.contains(['[', ']']) {
            return Err(
                "of what is in a list, only `pool.services[NAME].weight` and `.priority` can be \
                        set so; use a file for all else"
                    .to_owned(),
            );
        }
        let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
        if keys.iter().any(String::is_empty) {
            return Err("a field is named by keys with dots between them, as in `tls.validateCertificateName`"
                .to_owned());
        }
        let mut value =
            serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        template::literal(&mut value, path)?;
        Ok(Self::Property(keys, value))
    }
}

fn member(rest: &str, value: &str) -> Result<Field, String> {
    let (name, which) = rest.split_once("].").unwrap_or((rest, ""));
    let which = match which {
        "weight" => Which::Weight,
        "priority" => Which::Priority,
        _ => return Err("a member has `pool.services[NAME].weight` and `.priority`".to_owned()),
    };
    let name: BackendName =
        name.parse().map_err(|error: pointsman_apim::id::NameError| error.to_string())?;
    let to = match value {
        "null" => Setting::Null,
        _ => Setting::Number(value.parse().map_err(|_| "it must be 0 to 100, or null".to_owned())?),
    };
    Ok(Field::Member(name, which, to))
}

/// The fields of a backend and those within them, as the pages of Azure's interface name them up to the
/// version 2026-03-01-preview. Where none are named within one, any may be there.
const KNOWN: &[(&str, &[&str])] = &[
    ("url", &[]),
    ("protocol", &[]),
    ("title", &[]),
    ("description", &[]),
    ("resourceId", &[]),
    ("type", &[]),
    ("azureRegion", &[]),
    (
        "credentials",
        &["authorization", "certificate", "certificateIds", "header", "managedIdentity", "query"],
    ),
    ("proxy", &["url", "username", "password"]),
    ("tls", &["validateCertificateChain", "validateCertificateName"]),
    ("properties", &["serviceFabricCluster"]),
    ("circuitBreaker", &["rules", "failureResponse"]),
    ("pool", &["services", "sessionAffinity", "failureResponse"]),
];

/// What is likely meant by a field that neither Azure's pages name nor the backend has; none where one
/// of them does.
pub(super) fn unknown(keys: &[String], properties: &Value) -> Option<String> {
    let mut there = Some(properties);
    let mut names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    for (at, key) in keys.iter().enumerate() {
        there = there.and_then(|value| value.get(key));
        if there.is_none() && !names.is_empty() && !names.contains(&key.as_str()) {
            let path = keys[..=at].join(".");
            let meant = meant(key, "fields there", names.iter().copied());
            return Some(format!("`{path}` is a field that Azure's pages do not name: {meant}"));
        }
        let within = KNOWN.iter().find(|(name, _)| at == 0 && name == key);
        names = within.map(|(_, within)| within.to_vec()).unwrap_or_default();
    }
    None
}

/// Puts a value where the keys lead.
pub(super) fn put(into: &mut Value, keys: &[String], value: &Value) {
    let at = keys.iter().fold(into, |at, key| {
        if !at.is_object() {
            *at = json!({});
        }
        &mut at[key]
    });
    *at = value.clone();
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: &Expect) {
        let shown = match text.parse::<Field>() {
            Ok(Field::Property(keys, value)) => format!("{} is {value}", keys.join(">")),
            Ok(Field::Member(name, which, to)) => format!("{which:?} of {name} is {to}"),
            Err(why) => why,
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_field_that_nobody_knows_is_told_with_what_is_meant() {
        let there = serde_json::json!({"url": "https://a", "madeUp": {"x": 1}});
        let asked = |path: &str| {
            let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
            unknown(&keys, &there)
        };
        for path in [
            "url",
            "tls.validateCertificateName",
            "madeUp.x",
            "madeUp.y",
            "properties.serviceFabricCluster.x",
        ] {
            assert_eq!(asked(path), None, "{path}");
        }
        let wrong = asked("titel").unwrap();
        assert!(wrong.contains("`titel`") && wrong.ends_with("did you mean `title`?"), "{wrong}");
        let wrong = asked("tls.validateCertificateNames").unwrap();
        assert!(wrong.ends_with("did you mean `validateCertificateName`?"), "{wrong}");
        assert!(asked("weight").unwrap().contains("the fields there"));
    }

    #[test]
    fn fields_are_read_as_they_are_typed() {
        check("title=Europe", &expect![[r#"title is "Europe""#]]);
        check("properties.title=\"5\"", &expect![[r#"title is "5""#]]);
        check("title=", &expect![[r#"title is """#]]);
        check("description=null", &expect!["description is null"]);
        check("url=https://a.example/?b=c", &expect![[r#"url is "https://a.example/?b=c""#]]);
        check(
            "tls.validateCertificateName=false",
            &expect!["tls>validateCertificateName is false"],
        );
        check("pool.services[eu].weight=0", &expect!["Weight of eu is 0"]);
        check("properties.pool.services[eu].priority=null", &expect!["Priority of eu is null"]);
        check("pool.services[eu].weight=many", &expect!["it must be 0 to 100, or null"]);
        check(
            "pool.services[eu]=1",
            &expect!["a member has `pool.services[NAME].weight` and `.priority`"],
        );
        check("title=[[concat('a')]", &expect![[r#"title is "[concat('a')]""#]]);
        check(
            "url=${var.url}",
            &expect![
                "url has a `${...}`, which Terraform, Bicep or a shell would fill in; Azure would store it as it is: write the value itself, or `$${...}` if this text is meant"
            ],
        );
        check("title", &expect!["it must be FIELD=VALUE"]);
        check(
            "a..b=1",
            &expect![
                "a field is named by keys with dots between them, as in `tls.validateCertificateName`"
            ],
        );
        check(
            "=1",
            &expect![
                "a field is named by keys with dots between them, as in `tls.validateCertificateName`"
            ],
        );
        check(
            "circuitBreaker.rules[x].name=1",
            &expect![
                "of what is in a list, only `pool.services[NAME].weight` and `.priority` can be set so; use a file for all else"
            ],
        );
    }

    #[test]
    fn values_are_put_where_their_keys_lead() {
        let mut tree = json!({"a": {"b": 1}});
        let keys = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        put(&mut tree, &keys("a.c"), &json!(2));
        put(&mut tree, &keys("d.e.f"), &json!(null));
        assert_eq!(tree, json!({"a": {"b": 1, "c": 2}, "d": {"e": {"f": null}}}));
    }
}
