//! Whether all is well though nothing is to be done: above all, whether Azure can be reached.
//!
//! The first alert is a bad moment to hear that the identity lost its right, or that a firewall was
//! changed. So one pool of each service is read at an interval ([`Engine::check`]). A service that
//! cannot be read is *blind*: a notice says since when and why, and is gone once it is seen again. It is
//! stored, so that other processes see it; the ledger has a line for its beginning and one for its end.
//!
//! A service that asks to wait, or that our own pace keeps us from reading, is there, and says when it
//! can be read. It *waits*: a notice says until when, and it is not asked before that. It counts as
//! blind where it still cannot be read once the first time that was named is over, but not within a
//! minute of asking, nor later than five minutes after it ([`PATIENCE`]).
//!
//! An ordinary look that fares otherwise than the last check asks for the next one at once
//! ([`Engine::doubted`]). Only a check decides, so that one answer that got lost makes nobody blind.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    lease::later,
    ledger::{Line, What},
    names::{BackendId, ServiceAlias, ServiceId},
    notice::{About, Kind, Notice, Notices, Sort},
    playbook::Playbook,
};
use tokio::sync::Notify;

use crate::{
    engine::{Engine, EngineError},
    look::Unread,
    memory::locked,
    ports::{Commit, StoreError, Versioned},
};

/// How long a service is not asked that asks to wait, and names no time or a shorter one.
const UNNAMED: SignedDuration = SignedDuration::from_secs(1);

/// How long a service that asks to wait is not blind: at the least, and at the most.
const PATIENCE: (SignedDuration, SignedDuration) =
    (SignedDuration::from_mins(1), SignedDuration::from_mins(5));

/// What the latest check has found.
#[derive(Default)]
pub(crate) struct Checked {
    /// The services that cannot be read, since when and why; none before the first check has ended.
    blind: Option<Blind>,
    /// The services that are to be read later.
    waiting: BTreeMap<ServiceAlias, Waiting>,
    /// The services of which a pool was read or asked for.
    services: BTreeSet<ServiceId>,
}

/// The services that cannot be read, by what the playbook calls them: since when, and why.
pub type Blind = BTreeMap<ServiceAlias, (ServiceId, Notice)>;

/// That a service is to be read later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    /// It is not read before.
    until: Timestamp,
    /// When it is blind that cannot be read from then on.
    blind_from: Timestamp,
}

impl Waiting {
    /// How a service waits that asked to, until then if it said so; none where it is blind.
    fn of(named: Option<Timestamp>, before: Option<Self>, now: Timestamp) -> Option<Self> {
        let until = named.unwrap_or(now).max(later(now, UNNAMED));
        let patience = until.duration_since(now).clamp(PATIENCE.0, PATIENCE.1);
        let blind_from = before.map_or_else(|| later(now, patience), |before| before.blind_from);
        (now < blind_from).then_some(Self { until: until.min(blind_from), blind_from })
    }
}

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
        let pools = one_backend_each(&playbook.playbook);
        let mut waiting = locked(&self.inner.checks.checked).waiting.clone();
        waiting.retain(|alias, _| pools.contains_key(alias));
        let now = self.now();
        let due =
            pools.iter().filter(|(alias, _)| waiting.get(*alias).is_none_or(|it| it.until <= now));
        let reads = due.map(async |(alias, pool)| (*alias, self.read(pool).await.err()));
        let read: Vec<(&ServiceAlias, Option<Unread>)> = join_all(reads).await;
        let stored = self.inner.store.notices().await;
        let now = self.now();
        let mut blind = Blind::new();
        let (mut notices, mut lines) = (Notices::default(), Vec::new());
        for (alias, unread) in read {
            let waited = waiting.remove(alias);
            let Some(unread) = unread else { continue };
            let stored = stored.as_ref().ok();
            let known = stored.and_then(|stored| stored.get(Kind::Blind, alias.as_str()));
            let why = unread.why();
            let waits = unread.waits().and_then(|named| Waiting::of(named, waited, now));
            // One that was blind stays so until it is seen.
            if let Some(waits) = waits.filter(|_| known.is_none()) {
                let says = format!("waits until {:.0}: {why}", waits.until);
                notices.note(Kind::Waits, alias.as_str(), now, &says);
                waiting.insert(alias.clone(), waits);
                continue;
            }
            notices.note(Kind::Blind, alias.as_str(), now, why);
            let mut notice = Notice::new(now, why);
            if let Some(known) = known {
                let mut known = known.clone();
                known.add(notice);
                notice = known;
            } else {
                let what = What::WentBlind { service: alias.clone(), why: why.to_owned() };
                lines.push(Line::new(now, None, what));
            }
            blind.insert(alias.clone(), (pools[alias].service.clone(), notice));
        }
        let services = pools.values().map(|pool| pool.service.clone()).collect();
        let before = {
            let mut checked = locked(&self.inner.checks.checked);
            checked.services = services;
            checked.waiting.clone_from(&waiting);
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
        let (mut notices_over, mut seen_again) = (Vec::new(), BTreeSet::new());
        for (about, notice) in stored?.iter() {
            let is = |alias: &&ServiceAlias| alias.as_str() == about.subject;
            let is_over = match about.kind.sort() {
                Sort::Blindness => !blind.keys().any(|alias| is(&alias)),
                Sort::Wait => !waiting.keys().any(|alias| is(&alias)),
                Sort::Alert { .. }
                | Sort::Refusal
                | Sort::Unresolved
                | Sort::Silence
                | Sort::Life => false,
            };
            if !is_over {
                continue;
            }
            notices_over.push(about.clone());
            if let Some(alias) = pools.keys().find(|alias| is(alias))
                && about.kind == Kind::Blind
            {
                seen_again.insert(&pools[*alias].service);
                let what = What::SeesAgain { service: (*alias).clone(), blind_since: notice.first };
                lines.push(Line::new(now, None, what));
            }
        }
        if !(notices.is_empty() && notices_over.is_empty()) {
            self.commit(Commit { notices, notices_over, lines, ..Commit::default() }).await?;
        }
        self.look_at_all_of(&seen_again).await
    }

    /// Has the backends of these services looked at that wait until Azure is tried again: it answers now.
    async fn look_at_all_of(&self, services: &BTreeSet<&ServiceId>) -> Result<(), EngineError> {
        if services.is_empty() {
            return Ok(());
        }
        for Versioned { version, mut body } in self.inner.store.documents().await? {
            if !services.contains(&body.backend.service) || body.trouble.is_none() {
                continue;
            }
            let backend = body.backend.clone();
            body.advance(self.now());
            body.insist();
            let documents = vec![Versioned { version, body }];
            match self.commit(Commit { documents, ..Commit::default() }).await {
                // Whoever was faster has looked at it.
                Ok(()) | Err(StoreError::Conflict) => self.look(&backend),
                Err(error) => return Err(error.into()),
            }
        }
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

    /// When the first of the services that wait is to be read.
    #[must_use]
    pub fn waits_until(&self) -> Option<Timestamp> {
        locked(&self.inner.checks.checked).waiting.values().map(|it| it.until).min()
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

/// One backend of each service that has one.
fn one_backend_each(playbook: &Playbook) -> BTreeMap<&ServiceAlias, &BackendId> {
    let one = |(alias, service): (_, &ServiceId)| {
        let mut managed = playbook.managed().map(|(_, backend)| backend);
        Some((alias, managed.find(|backend| backend.service == *service)?))
    };
    playbook.services.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_asks_to_wait_is_blind_where_it_lasts_beyond_what_was_named() {
        let at = |second| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let of = |named: Option<i64>, before, now| Waiting::of(named.map(at), before, at(now));
        let waiting = |until, blind_from| Waiting { until: at(until), blind_from: at(blind_from) };

        // For a minute in any case, however short what it names, and however often it names it.
        let first = of(Some(10), None, 0);
        assert_eq!(first, Some(waiting(10, 60)));
        let again = of(Some(55), first, 45);
        assert_eq!(again, Some(waiting(55, 60)));
        assert_eq!(of(Some(90), again, 55), Some(waiting(60, 60)), "it is read when that is over");
        assert_eq!(of(Some(90), again, 60), None);
        // As long as the first that it names.
        let long = of(Some(200), None, 0);
        assert_eq!(long, Some(waiting(200, 200)));
        assert_eq!(of(Some(400), long, 200), None);
        // But not for as long as anybody names.
        assert_eq!(of(Some(86_400), None, 0), Some(waiting(300, 300)));
        // Without a time, or with one that is over.
        assert_eq!(of(None, None, 0), Some(waiting(1, 60)));
        assert_eq!(of(Some(3), None, 7), Some(waiting(8, 67)));
    }
}
