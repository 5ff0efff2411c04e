//! Texts that a tool would have filled in, in a file that is meant for that tool.
//!
//! A deployment fills in an ARM template's `[parameters('x')]`; Terraform, Bicep and shells fill in
//! `${x}`. Azure's own interface does neither: it would store the text as it is, and traffic would
//! go to something that is not an address. So they are refused, unless they are escaped as their tools
//! do.

use serde_json::Value;

/// Goes through each text of a tree, with its place: `properties.tls[0].url`.
///
/// # Errors
/// The first that one of them makes.
pub(super) fn texts(
    value: &mut Value,
    at: &str,
    each: &mut impl FnMut(&str, &mut String) -> Result<(), String>,
) -> Result<(), String> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::String(text) => each(at, text),
        Value::Array(items) => {
            let mut items = items.iter_mut().enumerate();
            items.try_for_each(|(index, item)| texts(item, &format!("{at}[{index}]"), each))
        }
        Value::Object(fields) => {
            let dot = if at.is_empty() { "" } else { "." };
            let mut fields = fields.iter_mut();
            fields.try_for_each(|(key, field)| texts(field, &format!("{at}{dot}{key}"), each))
        }
    }
}

/// Takes the escapes away, and says whether there were any.
///
/// # Errors
/// Where something is to be filled in: says where, and never what stands there.
pub(super) fn literal(value: &mut Value, at: &str) -> Result<bool, String> {
    let mut some = false;
    let mut each = |at: &str, text: &mut String| {
        if let Some(read) = unescaped(text).map_err(|why| format!("{at} {why}"))? {
            *text = read;
            some = true;
        }
        Ok(())
    };
    texts(value, at, &mut each)?;
    Ok(some)
}

const EXPRESSION: &str = "is an expression of an ARM template, which a deployment would fill in; Azure \
    would store it as it is: write the value itself, or begin it with `[[` if this text is meant";

const PLACEHOLDER: &str = "has a `${...}`, which Terraform, Bicep or a shell would fill in; Azure \
    would store it as it is: write the value itself, or `$${...}` if this text is meant";

/// The text that an escaped one stands for; none where nothing is escaped.
fn unescaped(text: &str) -> Result<Option<String>, &'static str> {
    if is_expression(text) {
        return Err(EXPRESSION);
    }
    let bare = text.strip_prefix('[').filter(|bare| is_expression(bare)).unwrap_or(text);
    let (mut read, mut rest) = (String::new(), bare);
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        let name =
            after[2..].starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        read.push_str(match (name && after.contains('}'), before.strip_suffix('$')) {
            (true, None) => return Err(PLACEHOLDER),
            (true, Some(escaped)) => escaped,
            (false, _) => before,
        });
        read.push_str("${");
        rest = &after[2..];
    }
    read.push_str(rest);
    Ok((read != text).then_some(read))
}

/// Whether it is a call of a function in brackets, as every expression of a template is.
fn is_expression(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return false;
    };
    let named = |char: char| char.is_ascii_alphanumeric() || "_.".contains(char);
    let call = inner.trim_start().trim_start_matches(named);
    call.len() < inner.trim_start().len() && call.trim_start().starts_with('(')
}

/// Says so where a document is a whole ARM template, and which part of it is a backend.
pub(super) fn whole(document: &Value) -> Option<String> {
    let resources = document.get("resources").filter(|_| document.get("properties").is_none())?;
    let named: Vec<(String, &Value)> = match resources {
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| (format!("resources[{at}]"), item)).collect()
        }
        Value::Object(items) => {
            items.iter().map(|(name, item)| (format!("resources.{name}"), item)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    let is_backend = |item: &Value| {
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        kind.to_ascii_lowercase().ends_with("/backends")
    };
    let backends: Vec<String> = named
        .into_iter()
        .filter(|(_, item)| is_backend(item))
        .map(|(at, _)| format!("`{at}`"))
        .collect();
    Some(match backends.as_slice() {
        [] => "it is a whole ARM template, and none of its `resources` is a backend".to_owned(),
        backends => format!(
            "it is a whole ARM template: take one backend out of it, with its `properties` ({})",
            backends.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_tool_would_fill_in_is_refused_by_its_place() {
        for (text, why) in [
            ("[parameters('ordersUrl')]", EXPRESSION),
            ("[concat('https://', variables('host'))]", EXPRESSION),
            ("[ resourceGroup().location ]", EXPRESSION),
            ("[contoso.url('x')]", EXPRESSION),
            ("https://${var.host}", PLACEHOLDER),
            ("${ORDERS_URL}", PLACEHOLDER),
            ("$${a} and ${b}", PLACEHOLDER),
        ] {
            let mut file = json!({"properties": {"tls": [{"url": text}]}});
            let told = literal(&mut file, "").unwrap_err();
            assert_eq!(told, format!("properties.tls[0].url {why}"), "{text}");
        }
    }

    #[test]
    fn what_is_meant_to_the_letter_stays_or_is_unescaped() {
        let same = [
            "https://ord.example",
            "[prod] orders",
            "[prod]",
            "[]",
            "[(x)]",
            "[a(b)] c",
            "[[prod]]",
            "{{named-value}}",
            "a$b{c}",
            "${}",
            "${1}",
            "${open",
            "$$",
            "^[a-z](x)$",
            "[::1]",
        ];
        for text in same {
            assert_eq!(unescaped(text), Ok(None), "{text}");
        }
        let read = |text: &str| unescaped(text).unwrap().unwrap();
        assert_eq!(read("[[parameters('x')]"), "[parameters('x')]");
        assert_eq!(read("a $${b} $${c} $${"), "a ${b} ${c} $${");
        let mut file = json!({"a": ["$${x}"], "b": 1});
        assert_eq!(literal(&mut file, ""), Ok(true));
        assert_eq!(file, json!({"a": ["${x}"], "b": 1}));
    }

    #[test]
    fn of_a_whole_template_it_is_said_which_part_is_a_backend() {
        let backend = json!({"type": "Microsoft.ApiManagement/service/backends", "properties": {}});
        let other = json!({"type": "Microsoft.ApiManagement/service/apis"});
        let told =
            |resources: Value| whole(&json!({"$schema": "", "resources": resources})).unwrap();
        assert!(told(json!([other, backend])).ends_with("`properties` (`resources[1]`)"));
        assert!(told(json!({"ord": backend, "api": other})).ends_with("(`resources.ord`)"));
        assert!(told(json!([])).ends_with("none of its `resources` is a backend"));
        assert_eq!(whole(&backend), None);
    }
}
