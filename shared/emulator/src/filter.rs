//! `$filter` of a List: the part of OData that the service documents for backends.
//!
//! Of `name`, `title` and `url`: `ge le eq ne gt lt` against a string, and the functions
//! `substringof contains startswith endswith`. They combine by `and`, `or`, `not` and parentheses
//! (OData; the page shows single conditions only). Strings compare without case, and a field that
//! is not there is less than nothing: only `ne` holds of it (both assumed).

use crate::backend::Properties;

/// The longest filter that is read.
const FILTER_CHARS_MAX: usize = 2_000;
/// How deep parentheses and `not` may nest.
const DEPTH_MAX: usize = 32;

/// A filter that was read.
#[derive(Debug)]
pub(crate) enum Filter {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// What a field holds against a text, which is folded.
    Is(Field, Test, String),
}

/// A field of a backend, by its name and its properties.
type Field = for<'a> fn(&'a str, &'a Properties) -> Option<&'a str>;
/// Whether a text, or none, stands to another as it should; both are folded.
type Test = fn(Option<&str>, &str) -> bool;

const FIELDS: [(&str, Field); 3] = [
    ("name", |name, _| Some(name)),
    ("title", |_, properties| properties.get("title")?.as_str()),
    ("url", |_, properties| properties.get("url")?.as_str()),
];
const OPERATORS: [(&str, Test); 6] = [
    ("eq", |is, wanted| is == Some(wanted)),
    ("ne", |is, wanted| is != Some(wanted)),
    ("lt", |is, wanted| is.is_some_and(|is| is < wanted)),
    ("le", |is, wanted| is.is_some_and(|is| is <= wanted)),
    ("gt", |is, wanted| is.is_some_and(|is| is > wanted)),
    ("ge", |is, wanted| is.is_some_and(|is| is >= wanted)),
];
/// The first takes the text before the field.
const FUNCTIONS: [(&str, Test); 4] = [
    ("substringof", |is, wanted| is.is_some_and(|is| is.contains(wanted))),
    ("contains", |is, wanted| is.is_some_and(|is| is.contains(wanted))),
    ("startswith", |is, wanted| is.is_some_and(|is| is.starts_with(wanted))),
    ("endswith", |is, wanted| is.is_some_and(|is| is.ends_with(wanted))),
];

impl Filter {
    /// Reads a filter; an error says what is wrong with it, for the answer's detail.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.chars().count() > FILTER_CHARS_MAX {
            return Err(format!("The filter is longer than {FILTER_CHARS_MAX} characters."));
        }
        let tokens = tokens(text)?;
        let mut reader = Reader { tokens: &tokens, depth: 0 };
        let filter = reader.any()?;
        reader.tokens.first().map_or(Ok(filter), |more| Err(syntax(more)))
    }

    /// Whether a backend with this name and these properties is meant.
    pub(crate) fn holds(&self, name: &str, properties: &Properties) -> bool {
        match self {
            Self::All(all) => all.iter().all(|filter| filter.holds(name, properties)),
            Self::Any(any) => any.iter().any(|filter| filter.holds(name, properties)),
            Self::Not(filter) => !filter.holds(name, properties),
            Self::Is(field, test, wanted) => {
                test(field(name, properties).map(str::to_lowercase).as_deref(), wanted)
            }
        }
    }
}

/// The words, signs and strings of a filter. Strings keep their quotes, by which they are known.
fn tokens(text: &str) -> Result<Vec<&str>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | ',' => 1,
            '\'' => {
                // Two quotes are one within a string.
                let end = rest[1..].replace("''", "__").find('\'');
                end.ok_or("The filter has a string without an end.")? + 2
            }
            c if c.is_alphanumeric() => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            c => return Err(syntax(c.encode_utf8(&mut [0; 4]))),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

struct Reader<'a> {
    tokens: &'a [&'a str],
    depth: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Result<&'a str, String> {
        let (first, rest) =
            self.tokens.split_first().ok_or("The filter ends before it is complete.")?;
        self.tokens = rest;
        Ok(first)
    }

    fn take_if(&mut self, wanted: &str) -> bool {
        let found = self.tokens.first().is_some_and(|token| token.eq_ignore_ascii_case(wanted));
        self.tokens = &self.tokens[usize::from(found)..];
        found
    }

    fn want(&mut self, wanted: &str) -> Result<(), String> {
        let is = self.take()?;
        if is == wanted { Ok(()) } else { Err(syntax(is)) }
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut any = vec![self.all()?];
        while self.take_if("or") {
            any.push(self.all()?);
        }
        Ok(Filter::Any(any))
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut all = vec![self.one()?];
        while self.take_if("and") {
            all.push(self.one()?);
        }
        Ok(Filter::All(all))
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("The filter nests deeper than {DEPTH_MAX}."));
        }
        let filter = if self.take_if("(") {
            let filter = self.any()?;
            self.want(")")?;
            filter
        } else if self.take_if("not") {
            Filter::Not(Box::new(self.one()?))
        } else {
            match self.take()? {
                word if !word.starts_with(char::is_alphanumeric) => return Err(syntax(word)),
                word if self.take_if("(") => self.function(word)?,
                word => {
                    let field = named(&FIELDS, word, "field")?;
                    let test = named(&OPERATORS, self.take()?, "operator")?;
                    Filter::Is(field, test, self.literal()?)
                }
            }
        };
        self.depth -= 1;
        Ok(filter)
    }

    /// A function, after its name and its parenthesis; OData lets it be compared with a truth.
    fn function(&mut self, name: &str) -> Result<Filter, String> {
        let test = named(&FUNCTIONS, name, "function")?;
        let (field, wanted) = if name.eq_ignore_ascii_case(FUNCTIONS[0].0) {
            let wanted = self.literal()?;
            self.want(",")?;
            (self.field()?, wanted)
        } else {
            let field = self.field()?;
            self.want(",")?;
            (field, self.literal()?)
        };
        self.want(")")?;
        let has = Filter::Is(field, test, wanted);
        if !self.take_if("eq") || self.take_if("true") {
            return Ok(has);
        }
        if self.take_if("false") {
            return Ok(Filter::Not(Box::new(has)));
        }
        Err(syntax(self.take()?))
    }

    fn field(&mut self) -> Result<Field, String> {
        named(&FIELDS, self.take()?, "field")
    }

    fn literal(&mut self) -> Result<String, String> {
        let token = self.take()?;
        let text = token.strip_prefix('\'').and_then(|token| token.strip_suffix('\''));
        let text = text.map(|text| text.replace("''", "'").to_lowercase());
        text.ok_or_else(|| {
            format!("The filter compares with strings in single quotes, not '{token}'.")
        })
    }
}

fn named<T: Copy>(words: &[(&str, T)], word: &str, what: &str) -> Result<T, String> {
    let found = words.iter().find(|(is, _)| is.eq_ignore_ascii_case(word));
    let word = word.trim_matches('\'');
    found
        .map(|(_, found)| *found)
        .ok_or_else(|| format!("The filter does not support the {what} '{word}'."))
}

fn syntax(token: &str) -> String {
    format!("Syntax error in the filter at '{}'.", token.trim_matches('\''))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters() {
        let all = [
            ("eu-1", json!({"title": "Europe's", "url": "https://eu.example/api"})),
            ("EU-2", json!({"url": "https://eu2.example"})),
            ("us", json!({"title": "America", "url": null})),
        ];
        let check = |filter: &str, want: &str| {
            let filter = Filter::read(filter).unwrap();
            let found = all.iter().filter(|(n, p)| filter.holds(n, p.as_object().unwrap()));
            let names: Vec<_> = found.map(|(name, _)| *name).collect();
            assert_eq!(names.join(" "), want, "{filter:?}");
        };
        check("name eq 'EU-1'", "eu-1");
        check("name ne 'eu-1'", "EU-2 us");
        check("name gt 'eu-1'", "EU-2 us");
        check("name ge 'eu-2'", "EU-2 us");
        check("name lt 'eu-2'", "eu-1");
        check("name le 'eu-2'", "eu-1 EU-2");
        check("title eq 'europe''s'", "eu-1");
        check("title ne 'America'", "eu-1 EU-2");
        check("title lt 'z'", "eu-1 us");
        check("substringof('EXAMPLE', url)", "eu-1 EU-2");
        check("contains(url,'/api')", "eu-1");
        check("startswith(name,'eu')", "eu-1 EU-2");
        check("endswith(url,'example') eq true", "EU-2");
        check("startswith(name,'eu') eq false", "us");
        check("not startswith(name,'eu')", "us");
        check("name eq 'us' or name eq 'eu-1' and title eq 'x'", "us");
        check("(name eq 'us' or name eq 'eu-1') and contains(title,'r')", "eu-1 us");
        check("NAME EQ 'us'", "us");
    }

    #[test]
    fn what_is_no_filter_says_why() {
        let check = |filter: &str, want: &str| {
            assert_eq!(Filter::read(filter).unwrap_err(), want, "{filter}");
        };
        check("", "The filter ends before it is complete.");
        check("name eq", "The filter ends before it is complete.");
        check("name eq 'a", "The filter has a string without an end.");
        check("name eq a", "The filter compares with strings in single quotes, not 'a'.");
        check("name is 'a'", "The filter does not support the operator 'is'.");
        check("weight eq 'a'", "The filter does not support the field 'weight'.");
        check("length(name) eq 'a'", "The filter does not support the function 'length'.");
        check("name eq 'a' 'b'", "Syntax error in the filter at 'b'.");
        check("name eq 'a')", "Syntax error in the filter at ')'.");
        check("contains(name 'a')", "Syntax error in the filter at 'a'.");
        check("contains(name,'a') eq 1", "Syntax error in the filter at '1'.");
        check("name = 'a'", "Syntax error in the filter at '='.");
        let deep = format!("{}name eq 'a'{}", "(".repeat(40), ")".repeat(40));
        check(&deep, "The filter nests deeper than 32.");
        check(&"x".repeat(2_001), "The filter is longer than 2000 characters.");
    }
}
