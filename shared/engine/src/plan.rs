//! What would happen, were something heard now: the same decisions, and nothing stored or written.

use std::collections::BTreeMap;

use pointsman_core::{
    document::{Change, Document},
    group::{Group, Pause},
    hear::hear,
    ledger::What,
    names::BackendId,
    overrides::{End, Life, Standing},
    series::Series,
    signal::Signal,
    step::Next,
};
use serde::Serialize;

use crate::{
    decide::Decision,
    engine::{Engine, Loaded},
    ports::{StoreError, Versioned},
};

/// What would happen.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The pause that is on, if one is: nothing would be written under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// What each signal would mean: whether it is heard, late, or nothing new.
    pub heard: Vec<String>,
    /// What would become of each backend that it concerns.
    pub backends: Vec<BackendPlan>,
}

/// What would become of one backend.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendPlan {
    /// Which.
    pub backend: BackendId,
    /// Why it could not be read, if it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
    /// The fields that would be written.
    pub changes: Vec<Change>,
    /// The overrides that it would have, each with its verdict.
    pub overrides: Vec<OverridePlan>,
    /// What the ledger would say.
    pub lines: Vec<String>,
}

/// What would become of one override.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OverridePlan {
    /// Its id.
    pub id: String,
    /// The play that makes it.
    pub play: String,
    /// What it does.
    pub effect: String,
    /// Whether it takes part, or why it does not.
    pub verdict: String,
}

impl Engine {
    /// Says what `signals` would mean, heard now, under `playbook`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn plan(&self, signals: &[Signal], playbook: &Loaded) -> Result<Plan, StoreError> {
        let now = self.now();
        let ids: Vec<_> = signals.iter().map(|signal| signal.series.clone()).collect();
        let stored = self.inner.store.series(&ids).await?;
        let mut series: BTreeMap<_, Series> =
            stored.into_iter().map(|one| (one.body.id.clone(), one.body)).collect();
        let mut documents: BTreeMap<BackendId, (Document, Vec<What>)> = BTreeMap::new();
        let mut heard = Vec::new();
        for signal in signals {
            let series = series
                .entry(signal.series.clone())
                .or_insert_with(|| Series::new(signal.series.clone()));
            let hearing = hear(series, signal, playbook.generation(), now);
            heard.extend(hearing.lines.iter().map(|line| line.what.to_string()));
            let mut concerned = hearing.edits;
            if hearing.lines.is_empty() {
                heard.push(format!("{} says nothing new", signal.series));
                // What it once said may be in force, held, or on its way out, and that is what is asked
                // for.
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
        }
        let group = self.inner.store.group().await?.body;
        let mut backends = Vec::new();
        for (backend, (document, said)) in documents {
            backends.push(self.plan_backend(&backend, document, said, playbook, &group).await?);
        }
        Ok(Plan { paused: group.paused, heard, backends })
    }

    async fn plan_backend(
        &self,
        backend: &BackendId,
        document: Document,
        said: Vec<What>,
        playbook: &Loaded,
        group: &Group,
    ) -> Result<BackendPlan, StoreError> {
        let mut plan = BackendPlan {
            backend: backend.clone(),
            unseen: None,
            changes: Vec::new(),
            overrides: overrides(&document),
            lines: said.iter().map(ToString::to_string).collect(),
        };
        let Decision { step, .. } = match self.decision(&document, None, playbook, group).await? {
            Ok(decision) => decision,
            Err(unread) => {
                plan.unseen = Some(unread.why());
                return Ok(plan);
            }
        };
        if let Next::Write(intent) = step.next {
            plan.changes = intent.changes;
        }
        plan.overrides = overrides(&step.document);
        plan.lines.extend(step.lines.iter().map(|line| line.what.to_string()));
        Ok(plan)
    }
}

fn overrides(document: &Document) -> Vec<OverridePlan> {
    let plan = |over: &pointsman_core::overrides::Override| OverridePlan {
        id: over.id.to_string(),
        play: over.play.to_string(),
        effect: over.effect.to_string(),
        verdict: match (&over.life, &over.standing) {
            (Life::Ended { why, .. }, _) => format!("ending: {why}"),
            (_, Standing::Unseen) => "not judged".to_owned(),
            (Life::Begun { .. }, Standing::Admitted) => match over.ends() {
                Some((at, why @ End::Resolved)) => format!("ends at {at:.0}: {why}"),
                _ => "within the limits".to_owned(),
            },
            (_, Standing::Admitted) => "within the limits".to_owned(),
            (_, Standing::Held(why)) => format!("held: {why}"),
            (_, Standing::Yielded) => "yielded to someone else's write".to_owned(),
        },
    };
    document.overrides.values().map(plan).collect()
}
