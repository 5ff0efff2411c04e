//! Whether a client did as the list says, and as ours did.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{
    client::Name,
    list::{List, Operation, Otherwise, Step},
    report::{Answer, Outcome, Report},
};

/// Everything that is not as it has to be, step by step, in words; empty when all is well.
#[must_use]
pub fn judge(name: Name, list: &List, reports: &[Report], ours: &[Report]) -> String {
    let mut told = String::new();
    let mut general: Vec<(&Otherwise, bool)> = list
        .otherwise
        .iter()
        .filter(|otherwise| otherwise.clients.contains(&name))
        .map(|otherwise| (otherwise, false))
        .collect();
    let mut steps = 0;
    for (((chapter, level, step), report), ours) in list.steps().zip(reports).zip(ours) {
        steps += 1;
        let excepted = |(otherwise, _): &&mut (&Otherwise, bool)| {
            step.call.r#do != Operation::Look
                && otherwise.concerns(name, level)
                && otherwise.answer.iter().all(|it| it.missed_by(report, &step.call).is_empty())
        };
        if let Some((_, used)) = general.iter_mut().find(excepted) {
            *used = true;
            continue;
        }
        let exception = step.otherwise.iter().find(|otherwise| otherwise.concerns(name, level));
        let wrong = wrong(step, exception, report, ours);
        if !wrong.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(told, "{} ({level:?}): {}", chapter.chapter, step.step);
            for line in wrong {
                let _ = writeln!(told, "    {line}");
            }
        }
    }
    assert!(steps == reports.len() && steps == ours.len(), "each step has its report");
    for (Otherwise { because, .. }, used) in general {
        if !used {
            let _ = writeln!(told, "it is no exception any more that {because}");
        }
    }
    told
}

fn wrong(
    step: &Step,
    exception: Option<&Otherwise>,
    report: &Report,
    ours: &Report,
) -> Vec<String> {
    let missed = step.answer.missed_by(report, &step.call);
    let instead = exception.and_then(|it| Some((it.answer.as_ref()?, &it.because)));
    let mut wrong = match instead {
        None => missed,
        Some((_, because)) if missed.is_empty() => {
            vec![format!("it is no exception any more that {because}")]
        }
        Some((instead, _)) => instead.missed_by(report, &step.call),
    };
    let known = exception.map(|it| it.apart.as_slice()).unwrap_or_default();
    // Where one of the two is an exception, there is nothing to compare.
    if let (Outcome::Answered(theirs), Outcome::Answered(ours)) = (&report.outcome, &ours.outcome)
        && theirs.status == ours.status
    {
        wrong.extend(apart(theirs, ours, known));
    }
    if !wrong.is_empty() {
        wrong.push(format!("it came to this: {report}"));
    }
    wrong
}

/// Where a client shows a backend other than ours does, but for what is known.
fn apart(theirs: &Answer, ours: &Answer, known: &[String]) -> Vec<String> {
    let mut told = Vec::new();
    let of = |answer: &Answer| -> Vec<Value> {
        let listed = answer.pages.iter().flatten().flatten();
        answer.backend.iter().chain(listed).cloned().collect()
    };
    let (mut theirs, mut ours) = (of(theirs), of(ours));
    for pointer in known {
        let pointer = format!("/properties{pointer}");
        let taken = |backends: &mut Vec<Value>| -> Vec<Option<Value>> {
            backends.iter_mut().map(|backend| take(backend, &pointer)).collect()
        };
        if taken(&mut theirs) == taken(&mut ours) {
            told.push(format!("{pointer} is no exception any more"));
        }
    }
    if theirs.len() != ours.len() {
        told.push(format!("it shows {} backends, and ours {}", theirs.len(), ours.len()));
    }
    for (theirs, ours) in theirs.iter().zip(&ours) {
        differences("", theirs, ours, &mut told);
    }
    told
}

/// Takes out what a pointer leads to.
fn take(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, key) = pointer.rsplit_once('/')?;
    value.pointer_mut(parent)?.as_object_mut()?.shift_remove(key)
}

/// Every place where two values differ.
fn differences(at: &str, theirs: &Value, ours: &Value, told: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let added = theirs.keys().filter(|key| !ours.contains_key(*key));
            for key in ours.keys().chain(added) {
                let of = |fields: &serde_json::Map<String, Value>| {
                    fields.get(key).cloned().unwrap_or_default()
                };
                differences(&format!("{at}/{key}"), &of(theirs), &of(ours), told);
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                differences(&format!("{at}/{index}"), theirs, ours, told);
            }
        }
        // Some leave out what is empty.
        (Value::Object(empty), Value::Null) | (Value::Null, Value::Object(empty))
            if empty.is_empty() => {}
        (theirs, ours) if theirs != ours => {
            told.push(format!("{at}: it shows {theirs}, and ours {ours}"));
        }
        (_, _) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(theirs: &Value, ours: &Value, known: &[&str]) -> String {
        let answer = |backend: &Value| Answer {
            status: 200,
            code: None,
            targets: Vec::new(),
            etag: None,
            backend: Some(json!({"properties": backend})),
            pages: None,
        };
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        apart(&answer(theirs), &answer(ours), &known).join("\n")
    }

    #[test]
    fn differences_are_named_by_their_place() {
        let ours = json!({"title": "a", "pool": {"services": [{"id": "x", "weight": 1}]}});
        assert_eq!(told(&ours, &ours, &[]), "");
        let theirs = json!({"title": "b", "pool": {"services": [{"id": "x"}]}, "url": "u"});
        assert_eq!(
            told(&theirs, &ours, &[]),
            "/properties/title: it shows \"b\", and ours \"a\"\n\
             /properties/pool/services/0/weight: it shows null, and ours 1\n\
             /properties/url: it shows \"u\", and ours null"
        );
    }

    #[test]
    fn what_is_known_to_differ_must_differ() {
        let (all, part) = (json!({"a": 1, "b": {"c": 2}}), json!({"a": 1, "b": {}}));
        assert_eq!(told(&part, &all, &["/b/c"]), "");
        assert_eq!(told(&all, &part, &["/b/c"]), "");
        assert_eq!(told(&json!({"a": 2, "b": {"c": 2}}), &all, &["/a"]), "");
        let stale = "/properties/b/c is no exception any more";
        assert_eq!(told(&all, &all, &["/b/c"]), stale);
        assert_eq!(told(&part, &part, &["/b/c"]), stale);
    }
}
