//! What operators' commands change: in the documents of backends, and in those of groups.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pointsman_core::{
    document::hand,
    group::{Group, Scope},
    id::{MessageId, OverrideId},
    ledger::{Line, What},
    names::{BackendId, WindowName},
};

use super::Draft;
use crate::{
    engine::{Engine, EngineError},
    message::Command,
    ports::{Delivery, StoreError, Versioned},
};

impl Engine {
    /// Notes an operator's command; false where it was taken in before, and is delivered again.
    pub(super) async fn note_command(
        &self,
        draft: &mut Draft,
        id: &MessageId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.group(draft, Scope::Commands).await?.note_command(id, now))
    }

    /// Carries out an operator's command.
    pub(super) async fn command(
        &self,
        draft: &mut Draft,
        delivery: &Delivery,
        by: &str,
        command: &Command,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        match command {
            Command::Change { backend, effect, lasts, force, reason } => {
                let (lasts, force, generation) =
                    (*lasts, *force, self.playbook_since(0).await?.number);
                let (id, given) = (&delivery.id, delivery.enqueued);
                let command =
                    hand::Command { id, by, reason, effect, lasts, force, given, generation };
                if let Some(lapsed) = command.lapsed(backend, now) {
                    let lines = lapsed.map(|what| Line::new(now, Some(backend), what));
                    draft.commit.lines.extend(lines);
                    return Ok(());
                }
                self.change(draft, backend, now, |document, said| {
                    document.command(&command, said);
                    document.insist();
                })
                .await?;
                Ok(())
            }
            Command::Extend { backend, id, until, reason } => {
                self.change(draft, backend, now, |document, said| {
                    document.extend(id, *until, (by, reason), said);
                })
                .await?;
                Ok(())
            }
            Command::Skip { window, start, reason } => {
                self.skip(draft, (window, *start), (by, reason), now).await
            }
            Command::UndoOverride { backend, id, reason } => {
                self.undo(draft, backend, Some(id), by, reason, now).await
            }
            Command::UndoBackend { backend, reason } => {
                self.undo(draft, backend, None, by, reason, now).await
            }
            Command::ReleaseAll { reason } => {
                let stored = self.inner.store.documents().await?;
                let stored = stored.into_iter().map(|document| document.body.backend);
                let backends: BTreeSet<_> = stored.chain(draft.documents.keys().cloned()).collect();
                for backend in backends {
                    self.undo(draft, &backend, None, by, reason, now).await?;
                }
                Ok(())
            }
        }
    }

    /// Notes that an instance of a window is skipped, and has the backends looked at that it would change.
    async fn skip(
        &self,
        draft: &mut Draft,
        (window, start): (&WindowName, Timestamp),
        (by, reason): (&str, &str),
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let playbook = self.playbook().await?;
        let group = self.group(draft, Scope::Window(window.clone())).await?;
        group.skip(start, now);
        let (by, reason) = (by.to_owned(), reason.to_owned());
        let what = What::Skipped { window: window.clone(), start, by, reason };
        draft.commit.lines.push(Line::new(now, None, what));
        let effects = playbook.playbook.window(window).into_iter().flat_map(|one| &one.effects);
        let backends: BTreeSet<&BackendId> = effects.map(|(_, backend, _)| backend).collect();
        backends.into_iter().for_each(|backend| draft.look(backend));
        Ok(())
    }

    /// A group document that is changed.
    pub(super) async fn group<'a>(
        &self,
        draft: &'a mut Draft,
        scope: Scope,
    ) -> Result<&'a mut Group, StoreError> {
        let groups = &mut draft.commit.groups;
        if !groups.contains_key(&scope) {
            groups.extend(self.inner.store.groups(&[scope.clone()].into()).await?);
        }
        Ok(&mut groups.entry(scope).or_insert_with(|| Versioned::new(Group::default())).body)
    }

    /// Ends one override, or all of a backend, and has it looked at now: who asks for an end wants to
    /// see it.
    async fn undo(
        &self,
        draft: &mut Draft,
        backend: &BackendId,
        id: Option<&OverrideId>,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        // An undo works without a playbook, too, or with one that cannot be read.
        let playbook = self.playbook().await.ok();
        self.change(draft, backend, now, |document, said| {
            match id {
                Some(id) => document.undo(id, by, reason, said),
                None => {
                    document.release(by, reason, said);
                    if let Some(playbook) = &playbook {
                        document.undo_windows(&playbook.playbook);
                    }
                }
            }
            document.insist();
        })
        .await?;
        Ok(())
    }
}
