//! Gates: nothing begins under one that is closed, and under a pause nothing is written.
//!
//! What is closed is worked out here from what was told and saved, and not by what decides.

use pointsman_core::{
    document::Document,
    group::Paused,
    ledger::{Line, What},
};

use crate::outside::Outside;

impl Outside {
    /// Holds a document that was saved against the gates: what has begun by it, what it is about to write, and
    /// what it asks for.
    pub(crate) fn gated(&mut self, before: Option<&Document>, document: &Document, lines: &[Line]) {
        let Document { backend, now, .. } = document;
        let paused = |world: &Self, of: &Paused| {
            let group = world.store.groups.get(&of.scope());
            let pause = group.and_then(|group| group.body.paused.as_ref());
            pause.is_some_and(|pause| pause.until.is_none_or(|until| *now < until))
        };
        let is_new = |id| before.is_none_or(|one| one.intents.iter().all(|known| known.id != id));
        let writes = document.intents.iter().any(|intent| is_new(intent.id.clone()));
        let of_it = |line: &&Line| line.backend.as_ref() == Some(backend);
        let asks = lines
            .iter()
            .filter(of_it)
            .any(|line| matches!(line.what, What::ReconnectAsked { .. } | What::Stepped { .. }));
        let is_stopped = Paused::of(backend).iter().any(|of| paused(self, of));
        if is_stopped && (writes || asks) {
            self.violation("gates", &format!("{} is written to under a pause", backend.short()));
        }
        for line in lines.iter().filter(of_it) {
            let What::Began { id } = &line.what else { continue };
            // One that begins and ends in the same moment is over already.
            let Some(over) = document.overrides.get(id) else { continue };
            let play = over.origin.play().cloned().map(Paused::Play);
            if is_stopped || play.is_some_and(|play| paused(self, &play)) {
                self.violation("gates", &format!("{id} began under a pause"));
            }
        }
    }
}
