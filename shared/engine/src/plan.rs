//! What would happen, were something heard now: the same decisions, and nothing stored or written.

use std::{collections::BTreeMap, sync::Arc};

use pointsman_core::{
    document::Document,
    field::Change,
    group::{Group, Pause, Paused, Scope},
    hear::hear,
    ledger::What,
    names::BackendId,
    nothing::Nothing,
    notice::Kind,
    series::Series,
    signal::{SeriesId, Signal},
};

use crate::{
    engine::{Engine, Loaded},
    look::{Look, Needs, Todo},
    pause::paused,
    ports::{StoreError, Versioned},
};

/// What would happen.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The pauses that are on.
    pub paused: Vec<(Paused, Pause)>,
    /// What the ledger would tell of each signal.
    pub heard: Vec<What>,
    /// Of each signal that would lead to nothing, what would be noticed.
    pub noticed: Vec<(SeriesId, Kind, String)>,
    /// What would become of each backend that it concerns.
    pub backends: Vec<BackendPlan>,
}

/// What would become of one backend.
#[derive(Clone, Debug)]
pub struct BackendPlan {
    /// Its document, as it would be then.
    pub document: Document,
    /// Why the backend could not be read, if it could not.
    pub unseen: Option<String>,
    /// The fields that would be written.
    pub changes: Vec<Change>,
    /// What the ledger would tell.
    pub told: Vec<What>,
}

impl Engine {
    /// Says what `signals` would mean, heard now, under `playbook`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn plan(
        &self,
        signals: &[Signal],
        playbook: &Arc<Loaded>,
    ) -> Result<Plan, StoreError> {
        let now = self.now();
        let ids: Vec<_> = signals.iter().map(|signal| signal.series.clone()).collect();
        let stored = self.inner.store.series(&ids).await?;
        let mut series: BTreeMap<_, Series> =
            stored.into_iter().map(|one| (one.body.id.clone(), one.body)).collect();
        let mut documents: BTreeMap<BackendId, (Document, Vec<What>)> = BTreeMap::new();
        let (mut heard, mut noticed) = (Vec::new(), Vec::new());
        let mut groups: BTreeMap<Scope, Versioned<Group>> = BTreeMap::new();
        for signal in signals {
            let series = series
                .entry(signal.series.clone())
                .or_insert_with(|| Series::new(signal.series.clone()));
            let hearing = hear(series, signal, playbook.generation(), now);
            let mut concerned = hearing.edits;
            for (play, one) in hearing.keeps_back {
                let scope = Scope::Unless(play);
                if !groups.contains_key(&scope) {
                    groups.extend(self.inner.store.groups(&[scope.clone()].into()).await?);
                }
                let group = groups.entry(scope).or_insert_with(|| Versioned::new(Group::default()));
                for backend in group.body.note_in_force(&signal.series, one, now) {
                    concerned.entry(backend).or_default();
                }
            }
            if hearing.nothing.as_ref().is_some_and(Nothing::is_of_before) {
                // What it asks for may be in force, held, or on its way out, and that is what is asked.
                for backend in series.asks() {
                    concerned.entry(backend.clone()).or_default();
                }
            }
            if hearing.lines.is_empty() {
                // And so may what it once asked for.
                for Versioned { body, .. } in self.inner.store.documents().await? {
                    if body.overrides.values().any(|over| over.series == signal.series) {
                        concerned.entry(body.backend).or_default();
                    }
                }
            }
            for (backend, edits) in concerned {
                if !documents.contains_key(&backend) {
                    let stored = self.inner.store.document(&backend).await?;
                    let document = stored.map(|stored: Versioned<Document>| stored.body);
                    let document = document.unwrap_or_else(|| Document::new(backend.clone(), now));
                    documents.insert(backend.clone(), (document, Vec::new()));
                }
                if let Some((document, said)) = documents.get_mut(&backend) {
                    for mut edit in edits {
                        document.edit(&mut edit, said);
                    }
                }
            }
            heard.extend(hearing.lines.into_iter().map(|line| line.what));
            if let Some(why) = hearing.nothing {
                let document = |backend: &BackendId| Some(&documents.get(backend)?.0);
                let says =
                    why.says(signal, series, (&playbook.playbook, self.inner.mode), document);
                let kind = why.kind(series, document);
                noticed.extend(kind.map(|kind| (signal.series.clone(), kind, says)));
            }
        }
        let all = Paused::all(Some(&playbook.playbook));
        let paused = paused(&*self.inner.store, all, now).await?;
        let mut backends = Vec::new();
        for (document, said) in documents.into_values() {
            backends.push(self.plan_backend(document, said, playbook, &groups).await?);
        }
        Ok(Plan { paused, heard, noticed, backends })
    }

    /// A look up to where it would save.
    async fn plan_backend(
        &self,
        document: Document,
        said: Vec<What>,
        playbook: &Arc<Loaded>,
        groups: &BTreeMap<Scope, Versioned<Group>>,
    ) -> Result<BackendPlan, StoreError> {
        let backend = document.backend.clone();
        let mut plan = BackendPlan { document, unseen: None, changes: Vec::new(), told: said };
        let mut document = plan.document.clone();
        // It is planned by the playbook that is asked about, be it an older one.
        document.generation = document.generation.min(playbook.number);
        let look = Look::new(self.inner.mode, self.inner.look_every);
        let mut look = look.at(Versioned::new(document)).reading();
        let saves = loop {
            let needs = look.next(self.now(), None);
            if let Some(unread) = look.unread() {
                plan.unseen = Some(unread.why().to_owned());
                return Ok(plan);
            }
            match needs {
                Needs::Playbook(_) => look.read_playbook(Arc::clone(playbook)),
                Needs::Save(saves) => break *saves,
                Needs::Groups(scopes) => {
                    let mut stored = self.inner.store.groups(&scopes).await?;
                    stored.extend(groups.clone());
                    look.load_groups(stored);
                }
                Needs::Fact(fact) => self.give(&mut look, &backend, fact).await?,
                Needs::Document | Needs::Wait(_) | Needs::Answer | Needs::Nothing => {
                    return Ok(plan);
                }
            }
        };
        let (commit, todo) = saves;
        if let Todo::Write { intent, .. } = todo {
            plan.changes = intent.changes;
        }
        plan.told.extend(commit.lines.into_iter().map(|line| line.what));
        plan.document = commit.documents.into_iter().next().map_or(plan.document, |one| one.body);
        Ok(plan)
    }
}
