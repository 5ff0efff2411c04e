//! What an expression alone shows to be wrong: names that nothing has, and comparisons that can
//! never hold.
//!
//! CEL finds these when it evaluates, which is during the incident. Here they are found when the
//! playbook is read: `signal.sevrity` would otherwise be a missing key, hence a condition that
//! quietly never holds, and `signal.severity == "critical"` would never be equal.

use std::ops::Range;

use cel::{
    IdedExpr, Program,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr},
};

use super::{
    bounds::LOOPS_MAX,
    environment::{check_pattern, is_type},
    kind::{Kind, Wanted},
    strings::{FORMS, Form},
};
use crate::form::{Wrong, meant, nearest};

/// How deep loops may be within one another.
const LOOPS_WITHIN_MAX: usize = 2;

const VARIABLES: [&str; 5] = ["signal", "info", "warning", "error", "critical"];
const SEVERITIES: &str = "info, warning, error or critical";
const FIELDS: [(&str, Kind); 6] = [
    ("source", Kind::Text),
    ("fingerprint", Kind::Text),
    ("severity", Kind::Severity),
    ("started", Kind::Text),
    ("labels", Kind::Map),
    ("annotations", Kind::Map),
];
/// CEL's own functions, by what they give.
const FUNCTIONS: [(Kind, &[&str]); 4] = [
    (Kind::Truth, &["contains", "startsWith", "endsWith", "matches", "bool", "hasValue"]),
    (Kind::Number, &["size", "int", "uint", "double"]),
    (Kind::Text, &["string"]),
    (Kind::Unknown, &["bytes", "type", "dyn", "value", "orValue", "or"]),
];
/// The macros, with how they are called: left as calls, they were called otherwise.
const MACROS: [(&str, &str); 7] = [
    ("has", "has(signal.labels.name)"),
    ("all", "list.all(each, condition)"),
    ("exists", "list.exists(each, condition)"),
    ("exists_one", "list.exists_one(each, condition)"),
    ("existsOne", "list.existsOne(each, condition)"),
    ("map", "list.map(each, value)"),
    ("filter", "list.filter(each, condition)"),
];

/// All that is wrong with the program as far as it shows, in the order of its text.
pub(super) fn vet(program: &Program, wanted: Wanted) -> Vec<Wrong> {
    let mut vetting = Vetting { program, scope: Vec::new(), loops: 0, within: 0, wrongs: vec![] };
    let root = program.expression();
    let kind = vetting.walk(root);
    if vetting.wrongs.is_empty() {
        vetting.wants(root, kind, wanted);
    }
    vetting.wrongs.sort_by_key(|wrong| wrong.at.start);
    vetting.wrongs
}

struct Vetting<'p> {
    program: &'p Program,
    /// The names that the loops around here have given.
    scope: Vec<&'p str>,
    loops: usize,
    within: usize,
    wrongs: Vec<Wrong>,
}

impl<'p> Vetting<'p> {
    /// Says what is wrong; what it gives is then not known.
    fn wrong(&mut self, at: Range<usize>, message: String, help: impl Into<String>) -> Kind {
        self.wrongs.push(Wrong::new(at, message, help));
        Kind::Unknown
    }

    fn misused(&mut self, node: &IdedExpr, name: &str, written: &str) -> Kind {
        let at = self.at_function(node, name);
        self.wrong(at, format!("`{name}` is not used like this"), format!("write {written}"))
    }

    fn wants(&mut self, root: &IdedExpr, kind: Kind, wanted: Wanted) {
        let source = &self.program.source_info().source;
        let gives = kind.name();
        let (message, help) = match (wanted, kind) {
            (_, Kind::Unknown)
            | (Wanted::Truth, Kind::Truth)
            | (Wanted::TextOrNumber, Kind::Text | Kind::Number | Kind::Severity) => return,
            (Wanted::Truth, _) => {
                let help = if matches!(root.expr, Expr::Select(_)) {
                    format!("compare it: {} == \"…\"", source.trim())
                } else {
                    "a condition must give true or false: compare it with something".to_owned()
                };
                (format!("this gives {gives}, not true or false"), help)
            }
            (Wanted::TextOrNumber, _) => (
                format!("this gives {gives}, and a value must be text or a number"),
                "write a value, such as ${signal.labels.backend}".to_owned(),
            ),
        };
        self.wrong(0..source.trim_end().len(), message, help);
    }

    /// The bytes of one node: a name with what it is selected from, or the sign that makes it.
    fn at(&self, node: &IdedExpr) -> Range<usize> {
        if let Expr::Select(select) = &node.expr {
            return self.at(&select.operand).start..self.at_word(node, &select.field).end;
        }
        self.sign(node)
    }

    fn sign(&self, node: &IdedExpr) -> Range<usize> {
        let source = &self.program.source_info().source;
        let (start, stop) = self.program.source_info().offset_for(node.id).unwrap_or((0, 0));
        let byte = |at: u32| usize::try_from(at).unwrap_or(0);
        let start = source.floor_char_boundary(byte(start));
        start..source.ceil_char_boundary(byte(stop).saturating_add(1)).max(start)
    }

    /// The bytes of `word`, from the node's sign on.
    fn at_word(&self, node: &IdedExpr, word: &str) -> Range<usize> {
        let at = self.sign(node);
        match self.program.source_info().source[at.start..].find(word) {
            Some(found) => at.start + found..at.start + found + word.len(),
            None => at,
        }
    }

    /// The bytes of a function's name: a call stands at its bracket, and the name just before it.
    fn at_function(&self, call: &IdedExpr, name: &str) -> Range<usize> {
        let before = self.program.source_info().source[..self.sign(call).start].trim_end();
        if before.ends_with(name) {
            before.len() - name.len()..before.len()
        } else {
            self.at_word(call, name)
        }
    }

    fn walk(&mut self, node: &'p IdedExpr) -> Kind {
        match &node.expr {
            Expr::Unspecified => Kind::Unknown,
            Expr::Literal(literal) => literal_kind(literal),
            Expr::Ident(name) => self.name(node, name),
            Expr::Select(select) => self.select(node, select),
            Expr::Call(call) => self.call(node, call),
            Expr::Comprehension(comprehension) => self.comprehension(node, comprehension),
            Expr::List(list) => {
                for element in &list.elements {
                    self.walk(element);
                }
                Kind::List
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.walk(&entry.key);
                        self.walk(&entry.value);
                    }
                }
                Kind::Map
            }
            Expr::Struct(made) => self.wrong(
                self.at(node),
                format!("there is no type `{}`", made.type_name),
                "an expression cannot make structures",
            ),
        }
    }

    fn name(&mut self, node: &IdedExpr, name: &str) -> Kind {
        let name = name.trim_start_matches('.');
        if name.starts_with('@') || self.scope.contains(&name) {
            return Kind::Unknown;
        }
        match name {
            "signal" => return Kind::Unknown,
            _ if VARIABLES.contains(&name) => return Kind::Severity,
            _ if is_type(name) => return Kind::Unknown,
            _ => {}
        }
        let help = if FIELDS.iter().any(|(field, _)| *field == name) {
            format!("did you mean `signal.{name}`?")
        } else {
            match nearest(name, VARIABLES.into_iter().chain(self.scope.iter().copied())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("for text, write \"{name}\"; for a label, signal.labels.{name}"),
            }
        };
        self.wrong(self.at(node), format!("there is no variable `{name}`"), help)
    }

    fn is_signal(&self, node: &IdedExpr) -> bool {
        matches!(&node.expr, Expr::Ident(name) if name.trim_start_matches('.') == "signal")
            && !self.scope.contains(&"signal")
    }

    fn select(&mut self, node: &'p IdedExpr, select: &'p SelectExpr) -> Kind {
        let kind = self.member(node, &select.operand, &select.field);
        if select.test { Kind::Truth } else { kind }
    }

    /// `of.field` or `of["field"]`.
    fn member(&mut self, node: &IdedExpr, of: &'p IdedExpr, field: &str) -> Kind {
        if self.is_signal(of) {
            if let Some((_, kind)) = FIELDS.iter().find(|(name, _)| *name == field) {
                return *kind;
            }
            let fields = FIELDS.map(|(name, _)| name);
            let help = match nearest(field, fields) {
                Some(_) => meant(field, "fields", fields),
                None => format!("for a label, write signal.labels.{field}"),
            };
            let at = self.at_word(node, field);
            return self.wrong(at, format!("a signal has no `{field}`"), help);
        }
        match self.walk(of) {
            // The only maps whose values are known to be text are the signal's.
            Kind::Map if matches!(&of.expr, Expr::Select(_) | Expr::Call(_)) => Kind::Text,
            Kind::Map | Kind::List | Kind::Unknown => Kind::Unknown,
            kind @ (Kind::Truth | Kind::Text | Kind::Number | Kind::Severity) => self.wrong(
                self.at_word(node, field),
                format!("{} has no `{field}`", kind.name()),
                "a label whose name is not a plain word is written signal.labels[\"its.name\"]",
            ),
        }
    }

    fn call(&mut self, node: &'p IdedExpr, call: &'p CallExpr) -> Kind {
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            ("_[_]" | "_[?_]" | "_?._", [of, key]) => {
                let Expr::Literal(LiteralValue::String(text)) = &key.expr else {
                    self.walk(key);
                    let of = self.walk(of);
                    return if of == Kind::Map { Kind::Text } else { Kind::Unknown };
                };
                let kind = self.member(key, of, text.inner());
                if name == "_[_]" { kind } else { Kind::Unknown }
            }
            ("_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_", [left, right]) => {
                self.comparison(node, left, right);
                Kind::Truth
            }
            ("_?_:_", [condition, yes, no]) => {
                self.walk(condition);
                let (yes, no) = (self.walk(yes), self.walk(no));
                if yes == no { yes } else { Kind::Unknown }
            }
            ("_&&_" | "_||_" | "!_", args) => {
                for arg in args {
                    let kind = self.walk(arg);
                    if !kind.comparable(Kind::Truth) {
                        self.wrong(
                            self.at(arg),
                            format!("this is {}, not true or false", kind.name()),
                            "compare it with something",
                        );
                    }
                }
                Kind::Truth
            }
            ("_+_", [left, right]) => {
                let (left, right) = (self.walk(left), self.walk(right));
                if left == right { left } else { Kind::Unknown }
            }
            (_, args) => {
                if let Some((_, written)) = MACROS.iter().find(|(known, _)| *known == name) {
                    return self.misused(node, name, written);
                }
                let target = call.target.as_ref().map(|target| self.walk(target));
                let args: Vec<Kind> = args.iter().map(|arg| self.walk(arg)).collect();
                match FORMS.iter().find(|form| form.name == name) {
                    Some(form) => self.of_text(node, form, target, &args),
                    None => self.function(node, call),
                }
            }
        }
    }

    fn function(&mut self, node: &IdedExpr, call: &CallExpr) -> Kind {
        let name = call.func_name.as_str();
        if matches!(name, "@in" | "@not_strictly_false") {
            return Kind::Truth;
        }
        if name.starts_with(['_', '-']) {
            return Kind::Unknown;
        }
        let Some((kind, _)) = FUNCTIONS.iter().find(|(_, names)| names.contains(&name)) else {
            let own = FUNCTIONS.iter().flat_map(|(_, names)| names.iter().copied());
            let known = own.chain(["exists"]).chain(FORMS.iter().map(|form| form.name));
            let at = self.at_function(node, name);
            let help = meant(name, "functions", known);
            return self.wrong(at, format!("there is no function `{name}`"), help);
        };
        if name == "matches" {
            self.in_one_loop(node, name, "a regular expression");
        }
        if let ("matches", Some(pattern)) = (name, call.args.last())
            && let Expr::Literal(LiteralValue::String(text)) = &pattern.expr
            && let Err(why) = check_pattern(text.inner())
        {
            self.wrong(
                self.at(pattern),
                format!("this is not a regular expression: {why}"),
                "the patterns are those of Rust's regex crate",
            );
        }
        *kind
    }

    /// A function of text, called on `target` with `args`.
    fn of_text(
        &mut self,
        node: &IdedExpr,
        form: &Form,
        target: Option<Kind>,
        args: &[Kind],
    ) -> Kind {
        let fits = target.is_some_and(|target| target.comparable(form.of))
            && (form.least..=form.takes.len()).contains(&args.len())
            && args.iter().zip(form.takes).all(|(arg, wanted)| arg.comparable(*wanted));
        if fits {
            self.in_one_loop(node, form.name, &format!("`{}`", form.name));
        } else {
            self.misused(node, form.name, form.written);
        }
        form.gives
    }

    fn in_one_loop(&mut self, node: &IdedExpr, name: &str, what: &str) {
        if self.within > 1 {
            self.wrong(
                self.at_function(node, name),
                format!("{what} in a loop within a loop may take minutes"),
                "compare with == or startsWith there, or make two plays of it",
            );
        }
    }

    fn comparison(&mut self, node: &IdedExpr, left: &'p IdedExpr, right: &'p IdedExpr) {
        let (left_kind, right_kind) = (self.walk(left), self.walk(right));
        if left_kind.comparable(right_kind) {
            return;
        }
        let (at, message, help) = match (left_kind, right_kind) {
            (Kind::Severity, Kind::Text) => (
                self.at(right),
                "a severity is not text".to_owned(),
                format!("write {SEVERITIES} without quotes"),
            ),
            (Kind::Text, Kind::Severity) => (
                self.at(left),
                "a severity is not text".to_owned(),
                format!("compare signal.severity with {SEVERITIES}, without quotes"),
            ),
            (Kind::Text, Kind::Number) => (
                self.at(right),
                "text is never equal to a number".to_owned(),
                "labels are text: put the number in quotes, or use int(…)".to_owned(),
            ),
            (left, right) => (
                self.at(node),
                format!("{} cannot be compared with {}", left.name(), right.name()),
                "both sides of a comparison must be of one kind".to_owned(),
            ),
        };
        self.wrong(at, message, help);
    }

    fn comprehension(&mut self, node: &IdedExpr, of: &'p ComprehensionExpr) -> Kind {
        self.loops += 1;
        self.within += 1;
        if self.loops == LOOPS_MAX + 1 {
            self.wrong(
                self.at(node),
                format!("the expression has more than {LOOPS_MAX} loops"),
                "make two plays of it",
            );
        } else if self.within > LOOPS_WITHIN_MAX {
            self.wrong(
                self.at(node),
                format!("loops may be at most {LOOPS_WITHIN_MAX} deep within one another"),
                "make two plays of it",
            );
        }
        self.within -= 1;
        self.walk(&of.iter_range);
        self.walk(&of.accu_init);
        let outside = self.scope.len();
        self.scope.push(&of.iter_var);
        self.scope.extend(of.iter_var2.as_deref());
        self.scope.push(&of.accu_var);
        self.within += 1;
        self.walk(&of.loop_cond);
        self.walk(&of.loop_step);
        self.within -= 1;
        let result = self.walk(&of.result);
        self.scope.truncate(outside);
        result
    }
}

fn literal_kind(literal: &LiteralValue) -> Kind {
    match literal {
        LiteralValue::Boolean(_) => Kind::Truth,
        LiteralValue::String(_) => Kind::Text,
        LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_) => Kind::Number,
        LiteralValue::Bytes(_) | LiteralValue::Null => Kind::Unknown,
    }
}
