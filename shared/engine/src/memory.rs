//! What is known of the store without asking it.
//!
//! A read is a way to the store and back, on the path between an alert and its write. So the group
//! document is remembered as it was read last, and the documents of the backends that something was
//! going on at of late, as they were saved last.
//!
//! What is remembered may be out of date, for other processes save, too. So it only ever serves to
//! decide what is then saved on the condition that it is still so: a save compares the versions of
//! all that it was decided from. What would come to no save at all is decided again from the store.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pointsman_core::{document::Document, group::Group, names::BackendId};

use crate::ports::Versioned;

/// How many backends' documents are remembered.
const DOCUMENTS_MAX: usize = 128;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    group: Option<Versioned<Group>>,
    /// How often the group document was forgotten.
    forgotten: u64,
    documents: HashMap<BackendId, Versioned<Document>>,
}

/// What a read of the group document that begins now has to show when it has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupRead(u64);

impl Memory {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing is ever left half done under this lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group document, or what reading it takes.
    pub(crate) fn group(&self) -> Result<Versioned<Group>, GroupRead> {
        let known = self.known();
        known.group.clone().ok_or(GroupRead(known.forgotten))
    }

    /// Remembers the group document as it was read, unless a newer one is known by now, or it was
    /// forgotten since the read began: it may have been changed in between.
    pub(crate) fn read_group(&self, GroupRead(forgotten): GroupRead, group: &Versioned<Group>) {
        let mut known = self.known();
        let newer = known.group.as_ref().is_none_or(|last| last.version < group.version);
        if known.forgotten == forgotten && newer {
            known.group = Some(group.clone());
        }
    }

    /// Forgets the group document.
    pub(crate) fn forget_group(&self) {
        let mut known = self.known();
        known.group = None;
        known.forgotten += 1;
    }

    /// A backend's document.
    pub(crate) fn document(&self, backend: &BackendId) -> Option<Versioned<Document>> {
        self.known().documents.get(backend).cloned()
    }

    /// Remembers documents as they were saved, unless newer ones are known by now.
    pub(crate) fn saved(&self, documents: impl IntoIterator<Item = Versioned<Document>>) {
        let mut known = self.known();
        for document in documents {
            let backend = &document.body.backend;
            let room = known.documents.len() < DOCUMENTS_MAX;
            match known.documents.get_mut(backend) {
                Some(last) if last.version < document.version => *last = document,
                Some(_) => {}
                None => {
                    // Which are asked for next cannot be known; those that are come back.
                    if !room {
                        known.documents.clear();
                    }
                    known.documents.insert(backend.clone(), document);
                }
            }
        }
    }

    /// Forgets documents, of which one turned out to be out of date.
    pub(crate) fn forget_documents<'a>(&self, backends: impl IntoIterator<Item = &'a BackendId>) {
        let mut known = self.known();
        for backend in backends {
            known.documents.remove(backend);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn backend(number: usize) -> BackendId {
        format!(
            "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/\
             Microsoft.ApiManagement/service/contoso/backends/pool-{number}"
        )
        .parse()
        .unwrap()
    }

    fn document(number: usize, version: u64) -> Versioned<Document> {
        Versioned { version, body: Document::new(backend(number), Timestamp::UNIX_EPOCH) }
    }

    fn version(memory: &Memory, number: usize) -> Option<u64> {
        memory.document(&backend(number)).map(|document| document.version)
    }

    #[test]
    fn the_newest_save_is_remembered_in_whatever_order_they_are_told() {
        let memory = Memory::default();
        memory.saved([document(1, 5)]);
        memory.saved([document(1, 7), document(2, 1)]);
        memory.saved([document(1, 6)]);
        assert_eq!((version(&memory, 1), version(&memory, 2)), (Some(7), Some(1)));
        memory.forget_documents([&backend(1)]);
        assert_eq!((version(&memory, 1), version(&memory, 2)), (None, Some(1)));
    }

    #[test]
    fn the_memory_is_bounded() {
        let memory = Memory::default();
        for number in 0..3 * DOCUMENTS_MAX {
            memory.saved([document(number, 1)]);
            assert_eq!(version(&memory, number), Some(1));
        }
        assert!(memory.known().documents.len() <= DOCUMENTS_MAX);
    }

    #[test]
    fn what_was_read_before_it_was_forgotten_is_not_remembered() {
        let memory = Memory::default();
        let group = Versioned::new(Group::default());
        let late = memory.group().expect_err("nothing is known yet");
        memory.forget_group();
        let timely = memory.group().expect_err("nothing is known yet");
        memory.read_group(late, &group);
        assert!(memory.group().is_err(), "a resume may have come in between");
        memory.read_group(timely, &group);
        assert_eq!(memory.group().expect("known"), group);
    }
}
