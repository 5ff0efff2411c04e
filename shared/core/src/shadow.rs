//! Shadow mode: what would be, had our writes been sent.
//!
//! In shadow, nothing is written to Azure. The document goes on as if every write had been done;
//! what Azure shows is made to show it, field by field, for as long as its owner leaves the field
//! alone. Nothing but the document is needed for that, so a restart changes nothing.
//!
//! That is a shadow of everything. A play or a window that is in shadow by itself never begins: that is a gate.

use crate::{
    answer::Answer,
    body::Single,
    declared::Declared,
    document::{Document, Intent},
    etag::Etag,
    field::{Field, Property, Value},
    step::Observed,
};

/// The state of a backend that would have been made.
const MADE: &str = "\"shadow\"";

/// Whether a backend would have been made that is not there.
fn made(document: &Document) -> bool {
    let existence = document.owned.get(&Field::Existence);
    existence.is_some_and(|owned| owned.baseline.is_nothing() && !owned.written.is_nothing())
}

/// What Azure would show, had it done what the document believes it did.
#[must_use]
pub fn show(document: &Document, observed: Observed) -> Observed {
    let (etag, body) = match observed {
        Observed::Shown { etag, body } => (etag, body),
        Observed::Missing if made(document) => {
            let asked = document.overrides.values().find_map(|over| over.effect.declares());
            let asked = asked.map(Declared::properties).unwrap_or_default();
            let value = |one| asked.get(&one).cloned().map_or(Value::Absent, Value::Json);
            let single = Single::new(Property::ALL.map(|one| (one, value(one))));
            (Etag(MADE.to_owned()), single.into())
        }
        Observed::Unreadable { .. } | Observed::Missing => return observed,
    };
    let ours = document.owned.iter().filter_map(|(field, owned)| {
        let shown = body.get(field)?;
        shown.means(&owned.baseline).then(|| (field, owned.written.clone()))
    });
    Observed::Shown { etag, body: body.with(ours) }
}

/// The answer that a write would have had, on what was shown.
#[must_use]
pub fn answer(intent: &Intent, shown: &Observed) -> Answer {
    match shown {
        Observed::Shown { .. } if intent.deletes() => Answer::Deleted,
        Observed::Missing if intent.guard.is_absent() => {
            Answer::Written { etag: Etag(MADE.to_owned()), body: None }
        }
        Observed::Shown { etag, body } => {
            let after = intent.changes.iter().map(|change| (&change.field, change.after.clone()));
            Answer::Written { etag: etag.clone(), body: Some(body.with(after)) }
        }
        Observed::Unreadable { .. } | Observed::Missing => Answer::Outrun,
    }
}
