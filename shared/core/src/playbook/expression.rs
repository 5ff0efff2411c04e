//! Conditions and values in CEL, the Common Expression Language.
//!
//! What an expression may ask for:
//!
//! | name | is |
//! |---|---|
//! | `signal.source`, `signal.fingerprint` | text |
//! | `signal.severity` | one of `info`, `warning`, `error`, `critical`, which are ordered |
//! | `signal.started` | text, RFC 3339 in UTC: when this run of the alert began |
//! | `signal.labels`, `signal.annotations` | maps from text to text |
//!
//! Beside CEL's own functions it has those of [`super::strings`].
//!
//! An expression is compiled when the playbook is read. Its evaluation is bounded: no recursion,
//! loops only over what the expression or the signal lists, at most [`LOOPS_MAX`] of them and at
//! most two within one another, and regular expressions and functions of text that take time linear
//! in their text, in one loop at most.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use cel::{Context, ExecutionError, IdedExpr, Program, Value, common::ast::Expr};

use super::{
    bounds::EXPRESSION_BYTES_MAX,
    environment::FUNCTIONS,
    guard::{self, skip_text},
    kind::Wanted,
    possible, vet,
};
use crate::{
    form::Wrong,
    signal::{Severity, Signal},
};

/// How much of an evaluation's error is kept, in characters: it quotes the values it was given.
const MESSAGE_CHARS_MAX: usize = 300;

/// Why an expression gave no value that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A map has no such key: the signal has no such label.
    #[error("{}", missing(label, expression))]
    Missing {
        /// What it lacks.
        label: String,
        /// The expression that asked for it.
        expression: String,
    },
    /// The evaluation failed, or gave something of no use here.
    #[error("`{expression}` {message}")]
    Failed {
        /// What happened.
        message: String,
        /// The expression.
        expression: String,
    },
}

fn missing(label: &str, expression: &str) -> String {
    if expression.contains('{') {
        return format!("neither the signal nor the map has `{label}`, which `{expression}` needs");
    }
    format!("the signal has no label or annotation `{label}`, which `{expression}` needs")
}

/// The expressions of one playbook: what is written in many plays is compiled once, for compiling
/// is most of the time that reading takes.
#[derive(Default)]
pub(super) struct Expressions(HashMap<(Wanted, String), Expression>);

impl Expressions {
    /// Compiles an expression, and finds what the expression alone shows to be wrong.
    pub(super) fn read(&mut self, source: &str, wanted: Wanted) -> Result<Expression, Vec<Wrong>> {
        let key = (wanted, source.to_owned());
        if let Some(known) = self.0.get(&key) {
            return Ok(known.clone());
        }
        let read = Expression::read(source, wanted)?;
        self.0.insert(key, read.clone());
        Ok(read)
    }
}

/// A compiled expression. Cheap to clone; two are equal when they were written alike.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
    program: Arc<Program>,
}

impl Expression {
    fn read(source: &str, wanted: Wanted) -> Result<Self, Vec<Wrong>> {
        let whole = 0..source.len();
        if source.trim().is_empty() {
            return Err(vec![Wrong::new(whole, "the expression is empty", example(wanted))]);
        }
        if source.len() > EXPRESSION_BYTES_MAX {
            return Err(vec![Wrong::new(
                whole,
                format!("the expression has {} bytes", source.len()),
                format!("an expression has at most {EXPRESSION_BYTES_MAX}; make two plays of it"),
            )]);
        }
        if let Some(at) = guard::too_deep(source) {
            return Err(vec![Wrong::new(
                at..at + 1,
                "the expression is too deep here",
                "use fewer brackets within brackets, or make two plays of it",
            )]);
        }
        let program = FUNCTIONS.compile(source).map_err(|errors| {
            // The first one only: it causes those that follow.
            let first = errors.errors.into_iter().next();
            vec![first.map_or_else(
                || Wrong::new(whole, "the expression cannot be read", example(wanted)),
                |error| unreadable(source, error.pos, &error.msg, wanted),
            )]
        })?;
        let wrongs = vet::vet(&program, wanted);
        if wrongs.is_empty() {
            Ok(Self { source: source.trim().into(), program: Arc::new(program) })
        } else {
            Err(wrongs)
        }
    }

    /// What its topmost `&&` join, in its order: the whole, where none do.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let whole = self.program.expression();
        let written = &self.program.source_info().source;
        let (mut nodes, mut cuts) = (Vec::new(), Vec::new());
        self.split(whole, &mut nodes, &mut cuts);
        // Where the signs do not stand as they are written, the whole is one part.
        if cuts.iter().any(|cut| !written.get(*cut..).is_some_and(|rest| rest.starts_with("&&"))) {
            return vec![Part { node: whole, source: self.source.to_string() }];
        }
        let starts = [0].into_iter().chain(cuts.iter().map(|cut| cut + 2));
        let ends = cuts.iter().copied().chain([written.len()]);
        let places = starts.zip(ends);
        let part = |(node, (start, end)): (_, (usize, usize))| Part {
            node,
            source: balanced(&written[start..end]).to_owned(),
        };
        nodes.into_iter().zip(places).map(part).collect()
    }

    /// What its topmost `&&` join, as parsed.
    pub(super) fn conjuncts(&self) -> Vec<&IdedExpr> {
        let mut nodes = Vec::new();
        self.split(self.program.expression(), &mut nodes, &mut Vec::new());
        nodes
    }

    fn split<'p>(&self, node: &'p IdedExpr, nodes: &mut Vec<&'p IdedExpr>, cuts: &mut Vec<usize>) {
        if let Expr::Call(call) = &node.expr
            && call.func_name == "_&&_"
            && let [left, right] = call.args.as_slice()
        {
            self.split(left, nodes, cuts);
            let sign = self.program.source_info().offset_for(node.id);
            cuts.push(sign.and_then(|(at, _)| usize::try_from(at).ok()).unwrap_or(usize::MAX));
            self.split(right, nodes, cuts);
        } else {
            nodes.push(node);
        }
    }

    /// Whether one of its parts holds of the signal of `scene`.
    pub(super) fn part_holds(&self, part: &Part<'_>, scene: &Scene) -> Result<bool, Fault> {
        let value = self.value_of(part.node, scene)?;
        if let Value::Bool(truth) = value {
            return Ok(truth);
        }
        Err(self.failed(&format!("gave {}", value.type_of())))
    }

    fn value(&self, scene: &Scene) -> Result<Value, Fault> {
        self.value_of(self.program.expression(), scene)
    }

    fn value_of(&self, node: &IdedExpr, scene: &Scene) -> Result<Value, Fault> {
        Value::resolve(node, &scene.context).map_err(|error| {
            if let ExecutionError::NoSuchKey(label) = error {
                let expression = self.source.to_string();
                return Fault::Missing { label: label.to_string(), expression };
            }
            if let ExecutionError::FunctionError { function, message } = error {
                return self.failed(&format!("failed in `{function}`: {message}"));
            }
            if let ExecutionError::IndexOutOfBounds(Value::Int(place)) = error {
                return self.failed(&format!("failed: the list has nothing at [{place}]"));
            }
            self.failed(&format!("failed: {error}"))
        })
    }

    /// Whether it holds of the signal of `scene`; what asks for a label that is not there does not.
    pub(super) fn holds(&self, scene: &Scene) -> Result<bool, Fault> {
        let value = match self.value(scene) {
            Err(Fault::Missing { .. }) => return Ok(false),
            value => value?,
        };
        if let Value::Bool(truth) = value {
            return Ok(truth);
        }
        let kind = value.type_of();
        Err(self.failed(&format!("gave {kind}, and a condition must give true or false")))
    }

    /// The text or number that it gives for the signal of `scene`.
    pub(super) fn text(&self, scene: &Scene) -> Result<String, Fault> {
        let value = self.value(scene)?;
        if let Value::String(text) = value {
            return Ok(text.to_string());
        }
        if let Value::Int(number) = value {
            return Ok(number.to_string());
        }
        if let Value::UInt(number) = value {
            return Ok(number.to_string());
        }
        if let Value::Float(number) = value {
            return Ok(number.to_string());
        }
        let kind = value.type_of();
        Err(self.failed(&format!("gave {kind}, and a value must be text or a number")))
    }

    /// Every text that it can give, where its form alone shows them.
    pub(super) fn texts(&self) -> Option<BTreeSet<String>> {
        possible::texts(self.program.expression())
    }

    /// Every text that `value` can give where this condition holds, where the form of both alone shows them.
    pub(super) fn texts_of(&self, value: &Self) -> Option<BTreeSet<String>> {
        let value = value.program.expression();
        self.parts().iter().find_map(|part| possible::texts_where(part.node, value))
    }

    fn failed(&self, message: &str) -> Fault {
        let message = message
            .chars()
            .take(MESSAGE_CHARS_MAX)
            .map(|char| if char.is_control() { ' ' } else { char })
            .collect();
        Fault::Failed { message, expression: self.source.to_string() }
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

/// A part of a condition: one side of an `&&` that is not within anything else.
pub(super) struct Part<'p> {
    pub(super) node: &'p IdedExpr,
    /// As it is written.
    pub(super) source: String,
}

/// The text of a part without the brackets that are closed or opened in another part.
fn balanced(text: &str) -> &str {
    let (mut open, mut unopened) = (0_usize, 0_usize);
    let mut bytes = text.bytes().enumerate();
    while let Some((_, byte)) = bytes.next() {
        match byte {
            b'"' | b'\'' => skip_text(byte, &mut bytes),
            b'(' => open += 1,
            b')' if open == 0 => unopened += 1,
            b')' => open -= 1,
            _ => {}
        }
    }
    let mut text = text.trim();
    for _ in 0..open {
        text = text.strip_prefix('(').unwrap_or(text).trim_start();
    }
    for _ in 0..unopened {
        text = text.strip_suffix(')').unwrap_or(text).trim_end();
    }
    text
}

/// A signal made ready for expressions; built once and asked by every play.
pub(super) struct Scene {
    context: Context<'static, 'static>,
}

impl Scene {
    pub(super) fn of(signal: &Signal) -> Self {
        let mut context = Context::with_env(Arc::clone(&FUNCTIONS));
        for (name, severity) in Severity::ALL {
            context.add_variable_from_value(name, i64::from(severity.rank()));
        }
        let fields: HashMap<&str, Value> = HashMap::from([
            ("source", signal.series.source().as_str().into()),
            ("fingerprint", signal.series.fingerprint().into()),
            ("severity", i64::from(signal.severity.rank()).into()),
            ("started", signal.started.to_string().into()),
            ("labels", texts(&signal.labels)),
            ("annotations", texts(&signal.annotations)),
        ]);
        context.add_variable_from_value("signal", fields);
        Self { context }
    }
}

fn texts(map: &BTreeMap<String, String>) -> Value {
    map.iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect::<HashMap<&str, &str>>()
        .into()
}

fn example(wanted: Wanted) -> String {
    match wanted {
        Wanted::Truth => "write a condition, such as signal.labels.alertname == \"BackendErrors\"",
        Wanted::TextOrNumber => "write a value, such as ${signal.labels.backend}",
    }
    .to_owned()
}

/// Says in our words what the parser says in its own.
fn unreadable(source: &str, pos: (isize, isize), said: &str, wanted: Wanted) -> Wrong {
    let start = byte_at(source, pos).min(source.trim_end().len());
    let quoted = said.split_once('\'').map(|(_, rest)| rest);
    let said_text = |end: &str| quoted.and_then(|text| text.split_once(end)).map(|(text, _)| text);
    let at = |text: &str| start..(start + text.len().max(1)).min(source.len().max(start));
    if said.contains("<EOF>")
        && !said.contains("expecting <EOF>")
        && start >= source.trim_end().len()
    {
        return Wrong::new(
            source.trim_end().len()..source.trim_end().len(),
            "the expression ends too early",
            "something is missing after this: a value, an operator or a closing bracket",
        );
    }
    if let Some(word) = said.strip_prefix("reserved identifier: ") {
        return Wrong::new(
            at(word),
            format!("`{word}` is a reserved word"),
            "a name cannot be a reserved word; text goes in quotes",
        );
    }
    let rest = &source[start..];
    if rest.starts_with(['"', '\'']) && said.contains("token recognition") {
        return Wrong::new(
            start..source.len(),
            "the text that begins here is not closed",
            "end it with the quote that it begins with",
        );
    }
    let token = said_text("' expecting").or_else(|| said_text("'")).unwrap_or_default().trim();
    let token = if token.is_empty() || !rest.starts_with(token) {
        rest.split_inclusive(|char: char| !char.is_alphanumeric()).next().unwrap_or_default().trim()
    } else {
        token
    };
    let before = source[..start].trim_end().rsplit(' ').next().unwrap_or_default();
    let help = match (before, token) {
        (_, "=") => "to compare, write `==`".to_owned(),
        (_, "and" | "AND") => "write `&&`".to_owned(),
        (_, "or" | "OR") => "write `||`".to_owned(),
        ("not" | "NOT", _) => "write `!` in front of what must not be".to_owned(),
        (_, "$") => "`${…}` is for values; a condition is an expression as it stands".to_owned(),
        (_, "=~" | "~") => "write signal.labels.name.matches(\"pattern\")".to_owned(),
        _ => example(wanted),
    };
    Wrong::new(at(token), format!("`{token}` is not expected here"), help)
}

/// The byte at a line and column in characters, both from 1.
fn byte_at(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or(0);
    let column = usize::try_from(column - 1).unwrap_or(0);
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &source[start..];
    start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}
