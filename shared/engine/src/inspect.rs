//! A look at a playbook's backends before anything happens to them.
//!
//! That a name is misspelt, that it may not be read, or that a write would take away what nobody
//! here sees: each is better heard by day than together with the first alert.

use std::fmt;

use pointsman_core::{
    body::Body,
    form::meant,
    group::{Group, Scope},
    names::{BackendId, BackendName},
    playbook::Playbook,
    step::Observed,
};
use serde::Serialize;

use crate::{
    engine::Engine,
    ports::{Commit, ManagementApi, Newest, Sight, StoreError, Unseen, Versioned},
};

/// What was found about a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What the playbook calls it.
    pub alias: String,
    /// Whether the playbook takes it for a pool.
    pub is_pool: bool,
    /// Which backend it is.
    pub backend: BackendId,
    /// What is the matter.
    #[serde(flatten)]
    pub matter: Matter,
}

/// What may be the matter with a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "matter", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Matter {
    /// There is no such backend.
    Missing,
    /// It is a backend of its own.
    NoPool,
    /// It is a pool.
    NoSingle,
    /// Its body is not understood.
    Unreadable {
        /// Why.
        why: String,
    },
    /// It could not be read.
    Unseen {
        /// Why, without secrets.
        why: String,
    },
    /// Plays name members that it does not list.
    NoMembers {
        /// Those.
        members: Vec<BackendName>,
        /// The members that it lists.
        listed: Vec<BackendName>,
    },
    /// Members, or rules of the breaker, have fields that only a later version of the interface shows. A
    /// write replaces all of them as they were read, and so takes these away.
    Hidden {
        /// Their paths: `services[eu].preferredCarbonEmission`.
        fields: Vec<String>,
    },
    /// Whether members have such fields could not be found out.
    Uncompared {
        /// Why, without secrets.
        why: String,
    },
    /// It has something of which nobody has published what Azure makes of it.
    Unpublished {
        /// Its paths: `pool.sessionAffinity`.
        fields: Vec<String>,
        /// What is not known.
        what: String,
    },
}

impl Matter {
    /// Whether it may be gone at the next look.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Missing
            | Self::NoMembers { .. }
            | Self::Unseen { .. }
            | Self::Uncompared { .. } => true,
            Self::NoPool
            | Self::NoSingle
            | Self::Unreadable { .. }
            | Self::Hidden { .. }
            | Self::Unpublished { .. } => false,
        }
    }

    /// Whether nothing can be done to the backend as it is.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        match self {
            Self::Missing
            | Self::NoPool
            | Self::NoSingle
            | Self::NoMembers { .. }
            | Self::Unreadable { .. }
            | Self::Unseen { .. } => true,
            Self::Hidden { .. } | Self::Uncompared { .. } | Self::Unpublished { .. } => false,
        }
    }
}

impl fmt::Display for Matter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("Azure has no backend of this name"),
            Self::NoPool => f.write_str("it is a backend of its own, and no pool"),
            Self::NoSingle => f.write_str("it is a pool: put it under `pools`"),
            Self::Unreadable { why } => write!(f, "it is not understood: {why}"),
            Self::Unseen { why } => write!(f, "it cannot be read: {why}"),
            Self::NoMembers { members, listed } => {
                let listed = || listed.iter().map(BackendName::as_str);
                let name = |name: &BackendName| {
                    format!("{name} ({})", meant(name.as_str(), "members", listed()))
                };
                let names: Vec<String> = members.iter().map(name).collect();
                write!(f, "plays name what it does not list as a member: {}", names.join(", "))
            }
            Self::Hidden { fields } => write!(
                f,
                "a write would take away what only a later version of Azure's interface shows: {}; \
                 set such a version as `azure.apiVersion` to keep it",
                fields.join(", ")
            ),
            Self::Uncompared { why } => write!(
                f,
                "whether a write would take away what only a later version of Azure's interface shows is \
                 not known: {why}"
            ),
            Self::Unpublished { what, .. } => f.write_str(what),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_pool { "pool" } else { "backend" };
        write!(f, "{kind} {} ({}): {}", self.alias, self.backend.short(), self.matter)
    }
}

impl Engine {
    /// Looks at one backend of a playbook, which takes one read or two, and writes nothing. What it shows is
    /// remembered, so that the first write to it need not read it.
    pub async fn inspect(
        &self,
        playbook: &Playbook,
        (alias, backend): (&str, &BackendId),
    ) -> Vec<Finding> {
        let management = &*self.inner.management;
        let seen = management.get(backend).await;
        if let Ok(seen) = &seen {
            // That the clocks differ is told there, and says nothing about the backend.
            let _ = self.note(backend, seen);
            if let Err(error) = self.keep_members(backend, seen).await {
                tracing::debug!("the members of {backend} could not be kept: {error}");
            }
        }
        findings(management, playbook, (alias, backend), seen).await
    }
}

impl Engine {
    /// Keeps the names of a pool's members for those who type them, where they are others than before.
    async fn keep_members(&self, pool: &BackendId, seen: &Sight) -> Result<(), StoreError> {
        let Observed::Shown { body: Body::Pool(shown), .. } = &seen.observed else {
            return Ok(());
        };
        let members = shown.members().iter().map(|it| it.name.clone()).collect();
        let (store, scope) = (&*self.inner.store, Scope::Members(pool.clone()));
        let known = store.groups(&[scope.clone()].into()).await?.remove(&scope);
        let mut group = known.unwrap_or_else(|| Versioned::new(Group::default()));
        if group.body.members == members {
            return Ok(());
        }
        group.body.members = members;
        let commit = Commit { groups: [(scope, group)].into(), ..Commit::default() };
        store.commit(&commit).await.map(|_| ())
    }
}

/// Looks at one backend of a playbook, which takes one read or two, and writes nothing.
pub async fn inspect(
    management: &dyn ManagementApi,
    playbook: &Playbook,
    (alias, backend): (&str, &BackendId),
) -> Vec<Finding> {
    findings(management, playbook, (alias, backend), management.get(backend).await).await
}

async fn findings(
    management: &dyn ManagementApi,
    playbook: &Playbook,
    (alias, backend): (&str, &BackendId),
    seen: Result<Sight, Unseen>,
) -> Vec<Finding> {
    let matters = match seen {
        Ok(seen) => match fault(playbook, backend, &seen) {
            Some(fault) => vec![fault],
            None => compared(management, backend, &seen).await,
        },
        Err(unseen) => vec![Matter::Unseen { why: unseen.why }],
    };
    let is_pool = playbook.pool_of(backend).is_some();
    let finding =
        |matter| Finding { alias: alias.to_owned(), is_pool, backend: backend.clone(), matter };
    matters.into_iter().map(finding).collect()
}

/// Why nothing can be done to a backend as it is.
fn fault(playbook: &Playbook, id: &BackendId, seen: &Sight) -> Option<Matter> {
    match &seen.observed {
        Observed::Missing | Observed::Shown { body: Body::Missing, .. } => {
            let declared = playbook.single_of(id).is_some_and(|(_, one)| one.is.is_some());
            // What is declared is made when it is wanted.
            (!declared).then_some(Matter::Missing)
        }
        Observed::Unreadable { why, .. } => Some(Matter::Unreadable { why: why.clone() }),
        Observed::Shown { body: Body::Single(_), .. } => {
            playbook.pool_of(id).map(|_| Matter::NoPool)
        }
        Observed::Shown { body: Body::Pool(pool), .. } => {
            let Some((alias, _)) = playbook.pool_of(id) else { return Some(Matter::NoSingle) };
            let named = playbook.members_named(alias);
            let is_listed = |name: &BackendName| pool.members().iter().any(|it| it.name == *name);
            let members: Vec<_> = named.into_iter().filter(|name| !is_listed(name)).collect();
            let listed = || pool.members().iter().map(|it| it.name.clone()).collect();
            (!members.is_empty()).then(|| Matter::NoMembers { members, listed: listed() })
        }
    }
}

/// What a write would take away unseen, and what nobody has published of what is there.
async fn compared(management: &dyn ManagementApi, id: &BackendId, seen: &Sight) -> Vec<Matter> {
    if !matches!(seen.observed, Observed::Shown { body: Body::Pool(_) | Body::Single(_), .. }) {
        return Vec::new();
    }
    let shown = seen.raw.as_ref().map(|raw| raw.unpublished()).unwrap_or_default();
    let (first, unpublished) = match management.newest(id, seen).await {
        Ok(Newest { hidden, unpublished }) => {
            ((!hidden.is_empty()).then_some(Matter::Hidden { fields: hidden }), unpublished)
        }
        Err(unseen) => (Some(Matter::Uncompared { why: unseen.why }), shown.clone()),
    };
    let told = unpublished.iter().map(|one| Matter::unpublished(one, shown.contains(one)));
    first.into_iter().chain(told).collect()
}
