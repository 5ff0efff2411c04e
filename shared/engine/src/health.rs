//! Whether all is well though nothing is to be done: above all, whether Azure can be reached.
//!
//! The first alert is a bad moment to hear that the identity lost its right, or that a firewall was
//! changed. So one pool of each service is read at an interval ([`Engine::check`]). A service that
//! cannot be read is *blind*: a notice says since when and why, and is gone once it is seen again. It is
//! stored, so that other processes see it.
//!
//! An ordinary look that fares otherwise than the last check asks for the next one at once
//! ([`Engine::doubted`]). Only a check decides, so that one answer that got lost makes nobody blind.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use pointsman_core::{
    names::{BackendId, ServiceAlias, ServiceId},
    notice::{About, Kind, Notice, Notices},
    playbook::Playbook,
};
use tokio::sync::Notify;

use crate::{
    engine::{Engine, EngineError},
    memory::locked,
    ports::{Commit, StoreError},
};

/// What the latest check has found.
#[derive(Default)]
pub(crate) struct Checked {
    /// The services that cannot be read, since when and why; none before the first check has ended.
    blind: Option<Blind>,
    /// The services of which a pool was read or asked for.
    services: BTreeSet<ServiceId>,
}

/// The services that cannot be read, by what the playbook calls them: since when, and why.
pub type Blind = BTreeMap<ServiceAlias, (ServiceId, Notice)>;

/// What the checks share with the looks.
#[derive(Default)]
pub(crate) struct Checks {
    checked: std::sync::Mutex<Checked>,
    doubted: Notify,
}

impl Engine {
    /// Reads one pool of each service of the playbook, and takes note of the services that cannot be read.
    ///
    /// # Errors
    /// When the store or the playbook is not to be had. What was found counts all the same.
    pub async fn check(&self) -> Result<(), EngineError> {
        let playbook = self.playbook().await?;
        let pools = one_pool_each(&playbook.playbook);
        let reads = pools.iter().map(async |(alias, pool)| {
            let read = self.read(pool).await;
            read.err()
                .map(|unread| ((*alias).clone(), (pool.service.clone(), unread.why().to_owned())))
        });
        let unread: Vec<_> = join_all(reads).await.into_iter().flatten().collect();
        let stored = self.inner.store.notices().await;
        let now = self.now();
        let mut blind = Blind::new();
        let mut notices = Notices::default();
        for (alias, (service, why)) in unread {
            notices.note(Kind::Blind, alias.as_str(), now, &why);
            let mut notice = Notice::new(now, &why);
            if let Ok(stored) = &stored
                && let Some(known) = stored.get(Kind::Blind, alias.as_str())
            {
                let mut known = known.clone();
                known.add(notice);
                notice = known;
            }
            blind.insert(alias, (service, notice));
        }
        let services = pools.values().map(|pool| pool.service.clone()).collect();
        let before = {
            let mut checked = locked(&self.inner.checks.checked);
            checked.services = services;
            checked.blind.replace(blind.clone()).unwrap_or_default()
        };
        for (alias, (_, notice)) in &blind {
            if !before.contains_key(alias) {
                tracing::warn!(service = %alias, "Azure cannot be used for it: {}", notice.says);
            }
        }
        for (alias, _) in before.iter().filter(|(alias, _)| !blind.contains_key(*alias)) {
            tracing::info!(service = %alias, "Azure can be used for it again");
        }
        let over = stored?
            .iter()
            .map(|(about, _)| about.clone())
            .filter(|About { kind, subject }| {
                *kind == Kind::Blind && !blind.keys().any(|alias| alias.as_str() == subject)
            })
            .collect();
        self.keep_notices(notices, over).await?;
        Ok(())
    }

    /// Saves notices, and forgets others; nothing where there are none.
    ///
    /// # Errors
    /// When the store is not to be had.
    pub async fn keep_notices(
        &self,
        notices: Notices,
        notices_over: Vec<About>,
    ) -> Result<(), StoreError> {
        if notices.is_empty() && notices_over.is_empty() {
            return Ok(());
        }
        self.commit(Commit { notices, notices_over, ..Commit::default() }).await
    }

    /// The services that cannot be read; none before the first check has ended.
    #[must_use]
    pub fn blind(&self) -> Option<Blind> {
        locked(&self.inner.checks.checked).blind.clone()
    }

    /// Waits until a look has fared otherwise than the last check of its service.
    pub async fn doubted(&self) {
        self.inner.checks.doubted.notified().await;
    }

    /// Takes in whether a look could read its backend.
    pub(crate) fn looked(&self, backend: &BackendId, read: bool) {
        let checked = locked(&self.inner.checks.checked);
        let Some(blind) = &checked.blind else { return };
        let service = &backend.service;
        let is_blind = blind.values().any(|(blind, _)| blind == service);
        if checked.services.contains(service) && is_blind == read {
            self.inner.checks.doubted.notify_one();
        }
    }

    /// What keeps it from acting on alerts, apart from the store and what the latest check has found.
    pub async fn unable(&self) -> Vec<String> {
        let mut unable = Vec::new();
        if let Err(error) = self.playbook().await {
            unable.push(error.to_string());
        }
        if let Some(skew) = self.skew() {
            unable.push(format!("this machine's clock is {} s off Azure's", skew.abs().as_secs()));
        }
        unable
    }
}

/// One pool of each service that has one.
fn one_pool_each(playbook: &Playbook) -> BTreeMap<&ServiceAlias, &BackendId> {
    let pool = |(alias, service): (_, &ServiceId)| {
        let mut pools = playbook.pools.values().map(|pool| &pool.backend);
        Some((alias, pools.find(|pool| pool.service == *service)?))
    };
    playbook.services.iter().filter_map(pool).collect()
}
