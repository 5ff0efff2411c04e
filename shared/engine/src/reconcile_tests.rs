//! What a change of a document leads to.

use super::*;
use crate::look::tests::{at, document};

fn changed(document: &Versioned<Document>, reason: Option<&str>) -> (bool, Draft) {
    let mut draft = Draft::default();
    let is_saved = draft.change(document.clone(), at(1), &mut |document, said| {
        if let Some(reason) = reason {
            document.release("ann", reason, said);
        }
    });
    (is_saved, draft)
}

#[test]
fn what_is_changed_is_saved_and_looked_at_and_what_only_has_to_conflict_is_saved() {
    let known = document();
    let backend = known.body.backend.clone();
    let (is_saved, draft) = changed(&known, None);
    assert!(!is_saved && draft.documents.is_empty() && draft.looks.is_empty());

    let (is_saved, draft) = changed(&known, Some("enough"));
    assert!(is_saved && draft.documents.contains_key(&backend));
    assert_eq!(draft.looks, std::slice::from_ref(&backend));

    // A look that has asked the store for occurrences meets a new version, and asks again.
    let mut recalling = known;
    recalling.body.overrides.values_mut().for_each(|over| over.behind.forget());
    let before = recalling.body.wake;
    let (is_saved, draft) = changed(&recalling, None);
    let drafted = &draft.documents[&backend];
    assert!(is_saved && draft.looks.is_empty());
    assert_eq!((drafted.version, drafted.body.wake), (3, before));
}
