//! What is known of the store without asking it.
//!
//! A read is a way to the store and back, on the path between an alert and its write. So group documents
//! are remembered as they were read or saved last, and the documents of backends and the series that
//! something was saved of lately, as they were saved last.
//!
//! What is remembered may be out of date, for other processes save, too. So it only ever serves to
//! decide what is then saved on the condition that it is still so: a save compares the versions of
//! all that it was decided from. What would come to no save at all is decided again from the store.
//!
//! Of Azure, each backend's last body is remembered, as a read or the answer to our own write showed it:
//! a write carries its `ETag`, and is refused where it is out of date. Only writes are decided from it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use pointsman_core::{
    document::Document,
    group::{Group, Scope},
    names::BackendId,
    series::Series,
    signal::{SeriesId, Signal},
    step::Observed,
    wake::SKEW_MAX,
};
use tokio::time::Instant;

use crate::ports::{Commit, Sight, Versioned};

/// What lies under a lock. Nothing is ever left half done there, so that one who dies harms nobody.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a backend showed, and when.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) sight: Sight,
    /// None where it was read for what is decided now; else when it was.
    pub(crate) remembered: Option<Timestamp>,
}

impl Seen {
    pub(crate) const fn now(sight: Sight) -> Self {
        Self { sight, remembered: None }
    }

    pub(crate) const fn remembered(sight: Sight, at: Timestamp) -> Self {
        Self { sight, remembered: Some(at) }
    }
}

/// How many backends' documents are remembered.
const DOCUMENTS_MAX: usize = 128;

/// How many backends' bodies are remembered. They are larger than documents are, and are had for nothing.
const SIGHTS_MAX: usize = 256;

/// How many group documents are remembered.
const GROUPS_MAX: usize = 256;

/// How many series are remembered.
const SERIES_MAX: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    groups: HashMap<Scope, Versioned<Group>>,
    /// How often group documents were forgotten.
    forgotten: u64,
    documents: HashMap<BackendId, Versioned<Document>>,
    series: HashMap<SeriesId, Versioned<Series>>,
    sights: HashMap<BackendId, Noted>,
}

/// What a backend showed.
#[derive(Debug)]
struct Noted {
    sight: Sight,
    /// When, by the host's clock, and by one that nobody sets.
    at: (Timestamp, Instant),
}

impl Known {
    fn forget_groups(&mut self) {
        self.groups.clear();
        self.forgotten += 1;
    }
}

/// Remembers what was saved, unless something newer is known by now.
fn put<K: Eq + Hash, T>(
    known: &mut HashMap<K, Versioned<T>>,
    most: usize,
    name: K,
    saved: Versioned<T>,
) {
    if known.get(&name).is_none_or(|last| last.version < saved.version) {
        put_bounded(known, most, name, saved);
    }
}

/// Remembers something, with so many others at most.
fn put_bounded<K: Eq + Hash, T>(known: &mut HashMap<K, T>, most: usize, name: K, thing: T) {
    // Which are asked for next cannot be known; those that are come back.
    if known.len() >= most && !known.contains_key(&name) {
        known.clear();
    }
    known.insert(name, thing);
}

/// What a read of group documents that begins now has to show when it has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupRead(u64);

impl Memory {
    fn known(&self) -> MutexGuard<'_, Known> {
        locked(&self.known)
    }

    /// The group documents of these scopes that are known, the scopes of the others, and what reading
    /// those takes.
    pub(crate) fn groups(
        &self,
        scopes: &BTreeSet<Scope>,
    ) -> (BTreeMap<Scope, Versioned<Group>>, BTreeSet<Scope>, GroupRead) {
        let known = self.known();
        let one = |scope: &Scope| Some((scope.clone(), known.groups.get(scope)?.clone()));
        let groups: BTreeMap<_, _> = scopes.iter().filter_map(one).collect();
        let unknown = scopes.iter().filter(|scope| !groups.contains_key(scope)).cloned().collect();
        (groups, unknown, GroupRead(known.forgotten))
    }

    /// Remembers group documents as they were read, unless newer ones are known by now, or they were
    /// forgotten since the read began: they may have been changed in between.
    pub(crate) fn read_groups(
        &self,
        GroupRead(forgotten): GroupRead,
        groups: &BTreeMap<Scope, Versioned<Group>>,
    ) {
        let mut known = self.known();
        if known.forgotten == forgotten {
            for (scope, group) in groups {
                put(&mut known.groups, GROUPS_MAX, scope.clone(), group.clone());
            }
        }
    }

    /// Forgets the group documents.
    pub(crate) fn forget_groups(&self) {
        self.known().forget_groups();
    }

    /// A backend's document.
    pub(crate) fn document(&self, backend: &BackendId) -> Option<Versioned<Document>> {
        self.known().documents.get(backend).cloned()
    }

    /// A signal's series, if the signal is news to what is known of it: it will be saved then.
    pub(crate) fn series_to_save(&self, signal: &Signal) -> Option<Versioned<Series>> {
        let known = self.known();
        known.series.get(&signal.series).filter(|known| known.body.is_news(signal)).cloned()
    }

    /// Remembers what was saved.
    pub(crate) fn saved(&self, commit: Commit) {
        let mut known = self.known();
        for document in commit.documents {
            let backend = document.body.backend.clone();
            put(&mut known.documents, DOCUMENTS_MAX, backend, document.saved());
        }
        for series in commit.series {
            put(&mut known.series, SERIES_MAX, series.body.id.clone(), series.saved());
        }
        for (scope, group) in commit.groups {
            put(&mut known.groups, GROUPS_MAX, scope, group.saved());
        }
    }

    /// Forgets what was not saved: some of it turned out to be out of date.
    pub(crate) fn not_saved(&self, commit: &Commit) {
        let mut known = self.known();
        for document in &commit.documents {
            known.documents.remove(&document.body.backend);
        }
        for series in &commit.series {
            known.series.remove(&series.body.id);
        }
        known.forget_groups();
    }

    /// Remembers what a backend shows, where it can be written to.
    pub(crate) fn saw(&self, backend: &BackendId, sight: &Sight, now: Timestamp) {
        if !matches!(sight.observed, Observed::Shown { .. }) {
            return self.forget_sight(backend);
        }
        let noted = Noted { sight: sight.clone(), at: (now, Instant::now()) };
        put_bounded(&mut self.known().sights, SIGHTS_MAX, backend.clone(), noted);
    }

    /// Forgets what a backend has shown.
    pub(crate) fn forget_sight(&self, backend: &BackendId) {
        self.known().sights.remove(backend);
    }

    /// What a backend has shown, where a write may be decided from it by a document. Where the host's
    /// clock was set since then, it is to be compared with Azure's first.
    pub(crate) fn seen(&self, document: &Document, now: Timestamp) -> Option<Seen> {
        let known = self.known();
        let Noted { sight, at: (at, noted) } = known.sights.get(&document.backend)?;
        let Observed::Shown { etag, .. } = &sight.observed else { return None };
        let passed = noted.elapsed().try_into().ok()?;
        let is_set = (now.duration_since(*at) - passed).abs() > SKEW_MAX;
        (!is_set && document.may_trust(etag)).then(|| Seen::remembered(sight.clone(), *at))
    }

    /// Forgets all series. One that the store forgets and hears of again has its first version again.
    pub(crate) fn forget_series(&self) {
        self.known().series.clear();
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use pointsman_core::{
        etag::Etag,
        group::{RunId, RunOf},
        lease::later,
        pool::Pool,
        signal::{Heard, Severity},
    };

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

    fn series(number: usize, version: u64) -> Versioned<Series> {
        Versioned { version, body: Series::new(signal(number).series) }
    }

    fn signal(number: usize) -> Signal {
        Signal {
            series: format!("prometheus/{number:016x}").parse().unwrap(),
            heard: Heard::Resolved { stated: Some(Timestamp::UNIX_EPOCH) },
            started: Timestamp::UNIX_EPOCH,
            severity: Severity::Warning,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            received: Timestamp::UNIX_EPOCH,
        }
    }

    fn saving(
        documents: impl IntoIterator<Item = Versioned<Document>>,
        series: impl IntoIterator<Item = Versioned<Series>>,
    ) -> Commit {
        let (documents, series) = (documents.into_iter().collect(), series.into_iter().collect());
        Commit { documents, series, ..Commit::default() }
    }

    fn version(memory: &Memory, number: usize) -> Option<u64> {
        memory.document(&backend(number)).map(|document| document.version)
    }

    #[test]
    fn the_newest_save_is_remembered_in_whatever_order_they_are_told() {
        let memory = Memory::default();
        memory.saved(saving([document(1, 5)], []));
        memory.saved(saving([document(1, 7), document(2, 1)], []));
        memory.saved(saving([document(1, 6)], []));
        assert_eq!((version(&memory, 1), version(&memory, 2)), (Some(8), Some(2)));
        memory.not_saved(&saving([document(1, 7)], []));
        assert_eq!((version(&memory, 1), version(&memory, 2)), (None, Some(2)));
    }

    #[test]
    fn a_series_is_had_from_memory_only_where_it_will_be_saved() {
        let memory = Memory::default();
        let news = signal(1);
        assert_eq!(memory.series_to_save(&news), None, "nothing is known of it");
        memory.saved(saving([], [series(1, 2)]));
        assert_eq!(memory.series_to_save(&news), Some(series(1, 3)));
        let mut told = series(1, 3);
        told.body.merge(&news, Timestamp::UNIX_EPOCH);
        memory.saved(saving([], [told]));
        assert_eq!(memory.series_to_save(&news), None, "it would not be changed");
        memory.saved(saving([], [series(2, 1)]));
        memory.forget_series();
        assert_eq!(memory.series_to_save(&signal(2)), None);
    }

    fn sight(etag: &str) -> Sight {
        let observed =
            Observed::Shown { etag: Etag(etag.to_owned()), body: Pool::default().into() };
        Sight { observed, date: None, raw: None }
    }

    #[test]
    fn what_was_seen_is_had_for_as_long_as_nothing_speaks_against_it() {
        let (memory, now) = (Memory::default(), Timestamp::UNIX_EPOCH);
        let body = document(1, 0).body;
        let known = |body: &Document, now| memory.seen(body, now).is_some();
        assert!(!known(&body, now));
        memory.saw(&backend(1), &sight("\"1\""), now);
        assert!(known(&body, now));
        for set in [1, -1].map(SignedDuration::from_hours) {
            assert!(!known(&body, later(now, set)), "the clock was set by {set:#}");
        }
        let mut newer = body.clone();
        newer.etags.seen(&Etag("\"2\"".to_owned()));
        assert!(!known(&newer, now), "someone has seen more");
        memory.saw(&backend(1), &Sight { observed: Observed::Missing, ..sight("") }, now);
        assert!(!known(&body, now));
        memory.saw(&backend(1), &sight("\"1\""), now);
        memory.forget_sight(&backend(1));
        assert!(!known(&body, now));
    }

    #[test]
    fn the_memory_is_bounded() {
        let memory = Memory::default();
        for number in 0..3 * SERIES_MAX {
            memory.saved(saving([document(number, 0)], [series(number, 0)]));
            memory.saw(&backend(number), &sight("\"1\""), Timestamp::UNIX_EPOCH);
            let run = RunId { of: RunOf::Play("drain".parse().unwrap()), target: backend(number) };
            let groups = [(Scope::Run(run), Versioned::new(Group::default()))].into();
            memory.saved(Commit { groups, ..Commit::default() });
            assert_eq!(version(&memory, number), Some(1));
            assert_eq!(memory.series_to_save(&signal(number)), Some(series(number, 1)));
        }
        assert!(memory.known().documents.len() <= DOCUMENTS_MAX);
        assert!(memory.known().series.len() <= SERIES_MAX);
        assert!(memory.known().groups.len() <= GROUPS_MAX);
        assert!(memory.known().sights.len() <= SIGHTS_MAX);
    }

    #[test]
    fn what_was_read_before_it_was_forgotten_is_not_remembered() {
        let (memory, scope) = (Memory::default(), Scope::Everything);
        let group = Versioned::new(Group::default());
        let known = || memory.groups(&[scope.clone()].into());
        let read = BTreeMap::from([(scope.clone(), group.clone())]);
        let (_, unknown, late) = known();
        assert_eq!(unknown, [scope.clone()].into(), "nothing is known yet");
        memory.forget_groups();
        let (_, _, timely) = known();
        memory.read_groups(late, &read);
        assert!(known().0.is_empty(), "a resume may have come in between");
        memory.read_groups(timely, &read);
        assert_eq!(known().0, read);
        let commit = Commit { groups: read, ..Commit::default() };
        memory.saved(commit.clone());
        assert_eq!(known().0[&scope], group.saved());
        memory.not_saved(&commit);
        assert!(known().0.is_empty(), "it turned out to be out of date");
    }
}
