//! What a look decides, without IO: one and the same for a look, for what is decided while an alert
//! is taken in, and for a plan.

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    claim::Recall,
    document::Document,
    group::Group,
    overrides::later,
    shadow,
    step::{Generation, Next, Observed, Step, step},
    wake::SKEW_MAX,
};

use crate::{engine::Mode, ports::Sight};

/// How long what was read is as good as read now. Who meets a 412 after that takes what is there for
/// someone else's; before that, it may be our own write, which a gateway has sent twice.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(1);

/// What a backend showed, and when.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) sight: Sight,
    /// None where it was read for what is decided now; else when it was.
    remembered: Option<Timestamp>,
}

impl Seen {
    pub(crate) const fn now(sight: Sight) -> Self {
        Self { sight, remembered: None }
    }

    pub(crate) const fn remembered(sight: Sight, at: Timestamp) -> Self {
        Self { sight, remembered: Some(at) }
    }

    pub(crate) const fn is_remembered(&self) -> bool {
        self.remembered.is_some()
    }

    /// Whether it was seen so long ago that others may well have written since.
    pub(crate) fn is_old(&self, now: Timestamp) -> bool {
        self.remembered.is_some_and(|at| now >= later(at, FRESH_FOR))
    }
}

/// A decision under way: what it is made of, but for what the store is yet to be asked.
pub(crate) struct Deciding<'a> {
    body: Document,
    seen: &'a Seen,
    mode: Mode,
    now: Timestamp,
}

/// What was decided, and from what.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) seen: Seen,
    /// What Azure shows, or in shadow mode would show.
    pub(crate) shown: Observed,
    pub(crate) step: Step,
}

impl<'a> Deciding<'a> {
    pub(crate) fn new(mut body: Document, seen: &'a Seen, mode: Mode, now: Timestamp) -> Self {
        // Only an answer that has just come says what time it is.
        if let Some(date) = seen.sight.date.filter(|_| !seen.is_remembered()) {
            body.rewind(date.max(now));
        }
        body.advance(now);
        Self { body, seen, mode, now }
    }

    /// What the store is to be asked first; the answer goes to [`Deciding::recall`].
    pub(crate) fn wanting(&self) -> Option<Recall> {
        self.body.wanting()
    }

    pub(crate) fn recall(&mut self, recall: &Recall, found: Vec<Found>) {
        self.body.recall(recall, found);
    }

    /// Decides. None where that takes a read: what was seen is over, or it is only remembered and
    /// comes to no write, so that nothing would tell if it is over.
    pub(crate) fn decide(self, generation: Generation<'_>, group: &Group) -> Option<Decision> {
        let Self { body, seen, mode, now } = self;
        let shown = match mode {
            Mode::Live => seen.sight.observed.clone(),
            Mode::Shadow => shadow::show(&body, seen.sight.observed.clone()),
        };
        let step = step(&body, &shown, generation, group, now);
        let is_made = match &step.next {
            Next::ReadAgain => false,
            Next::Write(_) => true,
            Next::Rest | Next::Reconnect { .. } => !seen.is_remembered(),
        };
        is_made.then(|| Decision { seen: seen.clone(), shown, step })
    }
}

/// Whether a document's time lies so far ahead that it is not believed before Azure's is known.
pub(crate) fn is_ahead(document: &Document, now: Timestamp) -> bool {
    document.now > later(now, SKEW_MAX)
}

type Found = (pointsman_core::signal::SeriesId, pointsman_core::claim::Asked);
