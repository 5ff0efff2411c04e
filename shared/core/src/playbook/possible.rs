//! What an expression can come out as, where its form alone shows it.
//!
//! A value that picks among texts which stand in the file, by a condition or out of a map, can be
//! judged when the playbook is read. One that a signal gives cannot.

use std::collections::BTreeSet;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, EntryExpr, Expr, LiteralValue},
};

/// Every text that `node` can give; none where a signal decides more than which of them.
pub(super) fn texts(node: &IdedExpr) -> Option<BTreeSet<String>> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some([text.inner().to_owned()].into()),
        Expr::Literal(LiteralValue::Int(number)) => Some([number.inner().to_string()].into()),
        Expr::Call(call) => of_call(call),
        Expr::Literal(_)
        | Expr::Unspecified
        | Expr::Comprehension(_)
        | Expr::Ident(_)
        | Expr::List(_)
        | Expr::Map(_)
        | Expr::Select(_)
        | Expr::Struct(_) => None,
    }
}

/// Every text that `value` can give where a condition holds: one that it is compared with, or one of a list.
pub(super) fn texts_where(condition: &IdedExpr, value: &IdedExpr) -> Option<BTreeSet<String>> {
    let Expr::Call(call) = &condition.expr else { return None };
    let [left, right] = call.args.as_slice() else { return None };
    let is_value = |node: &IdedExpr| path(node).is_some_and(|it| Some(it) == path(value));
    match call.func_name.as_str() {
        "@in" if is_value(left) => entries(right),
        "_==_" if is_value(left) => texts(right),
        "_==_" if is_value(right) => texts(left),
        _ => None,
    }
}

/// What a value is asked of the signal, however that is written: `signal.labels.x`, `signal.labels["x"]`.
fn path(node: &IdedExpr) -> Option<Vec<&str>> {
    match &node.expr {
        Expr::Ident(name) => Some(vec![name]),
        Expr::Select(select) => {
            let mut path = path(&select.operand)?;
            path.push(&select.field);
            Some(path)
        }
        Expr::Call(call) if call.func_name == "_[_]" => {
            let [of, IdedExpr { expr: Expr::Literal(LiteralValue::String(name)), .. }] =
                call.args.as_slice()
            else {
                return None;
            };
            let mut path = path(of)?;
            path.push(name.inner());
            Some(path)
        }
        Expr::Call(_)
        | Expr::Literal(_)
        | Expr::Unspecified
        | Expr::Comprehension(_)
        | Expr::List(_)
        | Expr::Map(_)
        | Expr::Struct(_) => None,
    }
}

fn of_call(call: &CallExpr) -> Option<BTreeSet<String>> {
    match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
        ("_?_:_", _, [_, yes, no]) => all([yes, no]),
        ("_[_]", _, [of, _]) => entries(of),
        // What an optional lookup gives counts only with what stands in for it.
        ("orValue", Some(IdedExpr { expr: Expr::Call(lookup), .. }), [otherwise])
            if lookup.func_name == "_[?_]" =>
        {
            Some(&entries(lookup.args.first()?)? | &texts(otherwise)?)
        }
        _ => None,
    }
}

/// What can be looked up in a map or list that the expression writes.
fn entries(of: &IdedExpr) -> Option<BTreeSet<String>> {
    if let Expr::Map(map) = &of.expr {
        let value = |entry: &'_ _| match entry {
            EntryExpr::MapEntry(entry) => texts(&entry.value),
            EntryExpr::StructField(_) => None,
        };
        let sets: Option<Vec<_>> = map.entries.iter().map(|entry| value(&entry.expr)).collect();
        return Some(sets?.into_iter().flatten().collect());
    }
    if let Expr::List(list) = &of.expr {
        return all(&list.elements);
    }
    None
}

fn all<'a>(nodes: impl IntoIterator<Item = &'a IdedExpr>) -> Option<BTreeSet<String>> {
    let sets: Option<Vec<_>> = nodes.into_iter().map(texts).collect();
    Some(sets?.into_iter().flatten().collect())
}
