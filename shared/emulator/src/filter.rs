//! `$filter` of a List: the part of OData that the service documents for backends.
//!
//! Of `name`, `title` and `url`: `ge le eq ne gt lt` against a string, and the functions
//! `substringof contains startswith endswith`. They combine by `and`, `or`, `not` and parentheses
//! (OData; the page shows single conditions only). Strings compare without case, and a field that
//! is not there is less than nothing: only `ne` holds of it (both assumed).

use serde_json::Value;

/// The longest filter that is read.
const FILTER_CHARS_MAX: usize = 2_000;
/// How deep parentheses and `not` may nest.
const DEPTH_MAX: usize = 32;

/// A filter that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    /// What a field holds against a text, which is folded.
    Is(Subject, Test, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Name,
    Title,
    Url,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Contains,
    StartsWith,
    EndsWith,
}

/// The operators, and what each tests.
const OPERATORS: [(&str, Test); 6] = [
    ("eq", Test::Eq),
    ("ne", Test::Ne),
    ("lt", Test::Lt),
    ("le", Test::Le),
    ("gt", Test::Gt),
    ("ge", Test::Ge),
];
/// The functions likewise. The first takes the text before the field.
const FUNCTIONS: [(&str, Test); 4] = [
    ("substringof", Test::Contains),
    ("contains", Test::Contains),
    ("startswith", Test::StartsWith),
    ("endswith", Test::EndsWith),
];
const SUBJECTS: [(&str, Subject); 3] =
    [("name", Subject::Name), ("title", Subject::Title), ("url", Subject::Url)];

fn named<T: Copy>(words: &[(&'static str, T)], word: &str, what: &str) -> Result<T, String> {
    let found = words.iter().find(|(is, _)| is.eq_ignore_ascii_case(word));
    found
        .map(|(_, found)| *found)
        .ok_or_else(|| format!("The filter does not support the {what} '{word}'."))
}

impl Filter {
    /// Reads a filter; an error says what is wrong with it, for the answer's detail.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.chars().count() > FILTER_CHARS_MAX {
            return Err(format!("The filter is longer than {FILTER_CHARS_MAX} characters."));
        }
        let tokens = tokens(text)?;
        let mut reader = Reader { tokens: &tokens, depth: 0 };
        let filter = reader.either()?;
        match reader.tokens {
            [] => Ok(filter),
            [more, ..] => Err(format!("Syntax error in the filter at '{}'.", more.text())),
        }
    }

    /// Whether a backend with this name and these properties is meant.
    pub(crate) fn holds(&self, name: &str, properties: &crate::backend::Properties) -> bool {
        match self {
            Self::And(a, b) => a.holds(name, properties) && b.holds(name, properties),
            Self::Or(a, b) => a.holds(name, properties) || b.holds(name, properties),
            Self::Not(a) => !a.holds(name, properties),
            Self::Is(subject, test, wanted) => match subject.of(name, properties) {
                Some(is) => test.holds(&is, wanted),
                None => *test == Test::Ne,
            },
        }
    }
}

impl Subject {
    fn of(self, name: &str, properties: &crate::backend::Properties) -> Option<String> {
        let text = |key: &str| properties.get(key).and_then(Value::as_str);
        match self {
            Self::Name => Some(name),
            Self::Title => text("title"),
            Self::Url => text("url"),
        }
        .map(folded)
    }
}

impl Test {
    fn holds(self, is: &str, wanted: &str) -> bool {
        match self {
            Self::Eq => is == wanted,
            Self::Ne => is != wanted,
            Self::Lt => is < wanted,
            Self::Le => is <= wanted,
            Self::Gt => is > wanted,
            Self::Ge => is >= wanted,
            Self::Contains => is.contains(wanted),
            Self::StartsWith => is.starts_with(wanted),
            Self::EndsWith => is.ends_with(wanted),
        }
    }
}

fn folded(text: &str) -> String {
    text.to_lowercase()
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Text(text) => text,
            Self::Open => "(",
            Self::Close => ")",
            Self::Comma => ",",
        }
    }

    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(is) if is.eq_ignore_ascii_case(word))
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            ',' => tokens.push(Token::Comma),
            '\'' => {
                let mut literal = String::new();
                loop {
                    match chars.next() {
                        // Two quotes are one within a string.
                        Some('\'') if chars.next_if_eq(&'\'').is_some() => literal.push('\''),
                        Some('\'') => break,
                        Some(c) => literal.push(c),
                        None => return Err("The filter has a string without an end.".to_owned()),
                    }
                }
                tokens.push(Token::Text(literal));
            }
            c if c.is_alphanumeric() => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            c => return Err(format!("Syntax error in the filter at '{c}'.")),
        }
    }
    Ok(tokens)
}

struct Reader<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Result<&'a Token, String> {
        let (first, rest) =
            self.tokens.split_first().ok_or("The filter ends before it is complete.")?;
        self.tokens = rest;
        Ok(first)
    }

    fn take_if(&mut self, wanted: impl Fn(&Token) -> bool) -> bool {
        let found = self.tokens.first().is_some_and(wanted);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn want(&mut self, wanted: &Token) -> Result<(), String> {
        let is = self.take()?;
        if is == wanted { Ok(()) } else { Err(syntax(is)) }
    }

    fn either(&mut self) -> Result<Filter, String> {
        let mut filter = self.both()?;
        while self.take_if(|token| token.is("or")) {
            filter = Filter::Or(Box::new(filter), Box::new(self.both()?));
        }
        Ok(filter)
    }

    fn both(&mut self) -> Result<Filter, String> {
        let mut filter = self.one()?;
        while self.take_if(|token| token.is("and")) {
            filter = Filter::And(Box::new(filter), Box::new(self.one()?));
        }
        Ok(filter)
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("The filter nests deeper than {DEPTH_MAX}."));
        }
        let filter = match self.take()? {
            Token::Open => {
                let filter = self.either()?;
                self.want(&Token::Close)?;
                filter
            }
            Token::Word(word) if word.eq_ignore_ascii_case("not") => {
                Filter::Not(Box::new(self.one()?))
            }
            Token::Word(word) if self.take_if(|token| *token == Token::Open) => {
                self.function(word)?
            }
            Token::Word(word) => {
                let subject = named(&SUBJECTS, word, "field")?;
                let test = named(&OPERATORS, self.take()?.text(), "operator")?;
                Filter::Is(subject, test, self.literal()?)
            }
            other @ (Token::Text(_) | Token::Close | Token::Comma) => return Err(syntax(other)),
        };
        self.depth -= 1;
        Ok(filter)
    }

    /// A function, after its name and its parenthesis; OData lets it be compared with a truth.
    fn function(&mut self, name: &str) -> Result<Filter, String> {
        let test = named(&FUNCTIONS, name, "function")?;
        let (subject, wanted) = if name.eq_ignore_ascii_case(FUNCTIONS[0].0) {
            let wanted = self.literal()?;
            self.want(&Token::Comma)?;
            (self.subject()?, wanted)
        } else {
            let subject = self.subject()?;
            self.want(&Token::Comma)?;
            (subject, self.literal()?)
        };
        self.want(&Token::Close)?;
        let has = Filter::Is(subject, test, wanted);
        if !self.take_if(|token| token.is("eq")) {
            return Ok(has);
        }
        let truth = self.take()?;
        if truth.is("true") {
            Ok(has)
        } else if truth.is("false") {
            Ok(Filter::Not(Box::new(has)))
        } else {
            Err(syntax(truth))
        }
    }

    fn subject(&mut self) -> Result<Subject, String> {
        named(&SUBJECTS, self.take()?.text(), "field")
    }

    fn literal(&mut self) -> Result<String, String> {
        match self.take()? {
            Token::Text(text) => Ok(folded(text)),
            other @ (Token::Word(_) | Token::Open | Token::Close | Token::Comma) => Err(format!(
                "The filter compares with strings in single quotes, not '{}'.",
                other.text()
            )),
        }
    }
}

fn syntax(token: &Token) -> String {
    format!("Syntax error in the filter at '{}'.", token.text())
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
