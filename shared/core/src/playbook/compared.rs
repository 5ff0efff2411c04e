//! What conditions compare, so that a signal is held only against the plays that it may be for.
//!
//! Most conditions join parts with `&&`, and one part compares a label with a text:
//! `signal.labels.alertname == "BackendErrors"`. A signal without that label, or with another text in it, makes
//! that part false, and so the whole. Each condition is filed under one such part, the one that the fewest
//! others share; those that have none are asked about every signal.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue},
};

use super::expression::Expression;
use crate::signal::Signal;

/// What of a signal is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Compared {
    Source,
    Label(String),
}

/// Places of conditions, by what they compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ByCompared {
    filed: BTreeMap<Compared, HashMap<String, Vec<usize>>>,
    /// Those that are asked about every signal.
    others: Vec<usize>,
}

impl ByCompared {
    /// Files conditions, each with its place.
    pub(super) fn new<'e>(conditions: impl IntoIterator<Item = (usize, &'e Expression)>) -> Self {
        let conditions: Vec<_> = conditions
            .into_iter()
            .map(|(place, condition)| {
                let parts = condition.conjuncts().into_iter();
                (place, parts.filter_map(comparison).collect::<Vec<_>>())
            })
            .collect();
        let mut shared: HashMap<(Compared, String), usize> = HashMap::new();
        for (compared, texts) in conditions.iter().flat_map(|(_, parts)| parts) {
            for text in texts {
                *shared.entry((compared.clone(), text.clone())).or_default() += 1;
            }
        }
        let mut by = Self::default();
        for (place, parts) in conditions {
            let others = |(compared, texts): &(Compared, BTreeSet<String>)| {
                let keys = texts.iter().map(|text| (compared.clone(), text.clone()));
                keys.filter_map(|key| shared.get(&key)).sum::<usize>()
            };
            match parts.into_iter().min_by_key(others) {
                None => by.others.push(place),
                Some((compared, texts)) => {
                    let filed = by.filed.entry(compared).or_default();
                    for text in texts {
                        filed.entry(text).or_default().push(place);
                    }
                }
            }
        }
        by
    }

    /// The places of the conditions that may hold of a signal, in their order.
    pub(super) fn places(&self, signal: &Signal) -> Vec<usize> {
        let filed = self.filed.iter().filter_map(|(compared, filed)| {
            let text = match compared {
                Compared::Source => signal.series.source().as_str(),
                Compared::Label(label) => signal.labels.get(label)?,
            };
            filed.get(text)
        });
        let mut places: Vec<usize> = filed.flatten().chain(&self.others).copied().collect();
        places.sort_unstable();
        places
    }
}

/// What a part compares, and with which texts; none where it is something else.
fn comparison(part: &IdedExpr) -> Option<(Compared, BTreeSet<String>)> {
    let Expr::Call(call) = &part.expr else { return None };
    let [left, right] = call.args.as_slice() else { return None };
    match call.func_name.as_str() {
        "_==_" => {
            let one = |of, text| Some((compared(of)?, [literal(text)?].into()));
            one(left, right).or_else(|| one(right, left))
        }
        "@in" => {
            let Expr::List(list) = &right.expr else { return None };
            let texts: Option<BTreeSet<String>> = list.elements.iter().map(literal).collect();
            Some((compared(left)?, texts?))
        }
        "_||_" => {
            let ((one, mut texts), (other, more)) = (comparison(left)?, comparison(right)?);
            texts.extend(more);
            (one == other).then_some((one, texts))
        }
        _ => None,
    }
}

/// Which part of the signal an expression is.
fn compared(node: &IdedExpr) -> Option<Compared> {
    if let Expr::Call(call) = &node.expr
        && call.func_name == "_[_]"
        && let [of, label] = call.args.as_slice()
    {
        return is_of_signal(of, "labels").then(|| literal(label)).flatten().map(Compared::Label);
    }
    if is_of_signal(node, "source") {
        return Some(Compared::Source);
    }
    let Expr::Select(select) = &node.expr else { return None };
    let is_label = !select.test && is_of_signal(&select.operand, "labels");
    is_label.then(|| Compared::Label(select.field.clone()))
}

/// Whether an expression is `signal.` and this field.
fn is_of_signal(node: &IdedExpr, field: &str) -> bool {
    let Expr::Select(select) = &node.expr else { return false };
    let of_signal = matches!(&select.operand.expr, Expr::Ident(name) if name == "signal");
    of_signal && !select.test && select.field == field
}

fn literal(node: &IdedExpr) -> Option<String> {
    let Expr::Literal(LiteralValue::String(text)) = &node.expr else { return None };
    Some(text.inner().to_owned())
}
