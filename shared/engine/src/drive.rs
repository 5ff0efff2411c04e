//! Looks at backends, carried out: what a [`Look`] needs is had from the store and from Azure.
//!
//! Whoever comes to a backend that is being looked at asks for one more look and leaves, so that a
//! thousand alerts of one pool cost a handful of looks.

use futures_util::future::BoxFuture;
use pointsman_core::{
    answer::{Answer, ReconnectAnswer},
    document::Document,
    mode::Mode,
    names::BackendId,
    shadow,
    wake::SKEW_MAX,
};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{
    engine::{Engine, EngineError, Looking, meanwhile},
    look::{Fact, Learnt, Look, Needs, Todo, Unread, is_ahead},
    memory::Seen,
    metrics,
    ports::{Sight, StoreError, Writing},
    told::tell,
};

/// How often one look may save before it leaves the rest to the next.
const SAVES_MAX: usize = 128;

/// A look that has saved what it decided, and what is to be done, ready to be begun.
pub(crate) struct Decided {
    pub(crate) look: Look,
    pub(crate) ready: Option<Ready>,
}

/// What is to be done, ready to be begun: nothing is, before it is polled.
pub(crate) type Ready = BoxFuture<'static, Learnt>;

impl Engine {
    /// Has a backend looked at, in the background.
    pub fn look(&self, backend: &BackendId) {
        if let Some(looking) = self.begin_look_or_ask(backend) {
            tokio::spawn(self.clone().looks(looking, None));
        }
    }

    /// Looks at a backend, and again for as long as someone asks for it. What was decided already is
    /// done first.
    pub(crate) async fn looks(self, mut looking: Looking, mut decided: Option<Decided>) {
        loop {
            let span = tracing::info_span!("backend", id = %looking.backend.short());
            let look = self.look_once(&looking, decided.take()).instrument(span);
            if let Err(left) = look.await {
                tracing::error!(backend = %looking.backend, "left to a later look: {left}");
            }
            if !looking.again() {
                return;
            }
        }
    }

    /// The story of one look.
    async fn look_once(
        &self,
        looking: &Looking,
        decided: Option<Decided>,
    ) -> Result<(), EngineError> {
        let backend = &looking.backend;
        let begin =
            || Decided { look: Look::new(self.inner.mode, self.inner.look_every), ready: None };
        let Decided { mut look, mut ready } = decided.unwrap_or_else(begin);
        let mut saves = 0;
        loop {
            // More to do than one look may: another goes on, so that none starves the rest.
            if saves >= SAVES_MAX && look.is_deciding() {
                tracing::warn!("more than {SAVES_MAX} saves in one look");
                self.look(backend);
                return Ok(());
            }
            match look.next(self.now(), self.inner.pace.wait(backend, Instant::now())) {
                Needs::Nothing => return Ok(()),
                Needs::Wait(until) => tokio::time::sleep_until(until).await,
                Needs::Document => {
                    looking.load();
                    look.load(self.inner.store.document(backend).await?, self.now());
                }
                Needs::Save(save) => {
                    let (commit, todo) = *save;
                    let lines = commit.lines.clone();
                    let prepare = || self.prepare(backend, todo);
                    let (saved, prepared) = meanwhile(self.commit(commit), prepare).await;
                    if saved.is_ok() {
                        lines.iter().for_each(|line| tell(self.inner.mode, line));
                    }
                    ready = prepared;
                    saves += 1;
                    look.saved(saved, self.now())?;
                }
                Needs::Answer => {
                    let Some(ready) = ready.take() else { return Ok(()) };
                    let learnt = ready.await;
                    if let (Mode::Live, Learnt::Written(intent, answer, _)) =
                        (self.inner.mode, &learnt)
                    {
                        metrics::answered(answer, look.document(), intent, self.now());
                    }
                    look.learn(learnt);
                }
                Needs::Playbook(since) => look.read_playbook(self.playbook_since(since).await?),
                Needs::Groups(scopes) => look.load_groups(self.groups(&scopes).await?),
                Needs::Fact(fact) => self.give(&mut look, backend, fact).await?,
            }
        }
    }

    /// Gives a look a fact that it needs to decide.
    ///
    /// # Errors
    /// When the store is not to be had.
    pub(crate) async fn give(
        &self,
        look: &mut Look,
        backend: &BackendId,
        fact: Fact,
    ) -> Result<(), StoreError> {
        let remembered = match fact {
            Fact::Claims(recall) => {
                let found = self.inner.store.claims(&recall).await?;
                look.recall(recall, found);
                return Ok(());
            }
            Fact::Sight => look.document().and_then(|document| self.remembered(document)),
            Fact::Read => None,
        };
        match remembered {
            Some(seen) => look.saw(seen),
            None => {
                let read = self.read(backend).await;
                self.looked(backend, read.is_ok());
                match read {
                    Ok(sight) => look.saw(Seen::now(sight)),
                    Err(unread) => look.learn(Learnt::Unread(unread)),
                }
            }
        }
        Ok(())
    }

    /// What a backend has shown, where a write may be decided from it without reading the backend again.
    /// In shadow nothing is, for no write is refused where it is out of date.
    pub(crate) fn remembered(&self, document: &Document) -> Option<Seen> {
        let now = self.now();
        let live = self.inner.mode == Mode::Live;
        let in_time = self.skew().is_none() && !is_ahead(document, now);
        (live && in_time).then(|| self.inner.memory.seen(document, now)).flatten()
    }

    /// What is to be done, ready to be begun.
    pub(crate) fn prepare(&self, backend: &BackendId, todo: Todo) -> Option<Ready> {
        let engine = self.clone();
        match todo {
            Todo::Nothing => None,
            Todo::Write { intent, sight, shown, old } => {
                let writing: Writing = match self.inner.mode {
                    Mode::Live => self.inner.management.write(backend, &sight, &intent),
                    Mode::Shadow => {
                        let answer = shadow::answer(&intent, &shown);
                        Box::pin(std::future::ready((answer, Some(sight))))
                    }
                };
                let backend = backend.clone();
                Some(Box::pin(async move {
                    let (answer, after) = engine.write(&backend, writing).await;
                    let overtaken = old && answer == Answer::Outrun;
                    let answer = if overtaken { Answer::Overtaken } else { answer };
                    Learnt::Written(intent.id, answer, after)
                }))
            }
            Todo::Reconnect { id, target, after } => Some(Box::pin(async move {
                let answer = match engine.inner.mode {
                    Mode::Live => engine.inner.management.reconnect(&target, after).await,
                    Mode::Shadow => ReconnectAnswer::Accepted { after },
                };
                Learnt::Reconnected(id, answer)
            })),
        }
    }

    /// Makes a write, and remembers what its answer shows.
    async fn write(&self, backend: &BackendId, writing: Writing) -> (Answer, Option<Sight>) {
        let sent = Instant::now();
        let (answer, after) = writing.await;
        if matches!(answer, Answer::Written { .. }) {
            self.inner.pace.sent(backend, sent);
        }
        // Whatever else was answered speaks against what was seen before.
        let after = after.filter(|after| self.note(backend, after).is_ok());
        if after.is_none() {
            self.inner.memory.forget_sight(backend);
        }
        (answer, after)
    }

    /// Reads a backend, and compares the clocks while the answer is fresh: what is decided from it
    /// may wait for a save, or for the answer to something else.
    pub(crate) async fn read(&self, backend: &BackendId) -> Result<Sight, Unread> {
        let seen = self.inner.management.get(backend).await?;
        self.note(backend, &seen)?;
        Ok(seen)
    }

    /// Remembers what a backend shows, unless it was shown to a clock that is too far off Azure's.
    pub(crate) fn note(&self, backend: &BackendId, seen: &Sight) -> Result<(), Unread> {
        let in_time = self.in_time(seen);
        match &in_time {
            Ok(()) => self.inner.memory.saw(backend, seen, self.now()),
            Err(_) => self.inner.memory.forget_sight(backend),
        }
        in_time
    }

    /// Refuses to act on a clock that is too far off Azure's.
    fn in_time(&self, seen: &Sight) -> Result<(), Unread> {
        let Some(date) = seen.date else { return Ok(()) };
        let skew = self.now().duration_since(date);
        if skew.abs() <= SKEW_MAX {
            self.note_skew(None);
            return Ok(());
        }
        let side = if skew.is_negative() { "behind" } else { "ahead of" };
        // Once, and not for each pool that is looked at.
        if self.skew().is_none() {
            tracing::error!("this machine's clock is {} s {side} Azure's", skew.abs().as_secs());
        }
        self.note_skew(Some(skew));
        // Without how much: a trouble that goes on is the same trouble.
        let why = format!(
            "this machine's clock is more than {} s {side} Azure's, and nothing is done until it is set right",
            SKEW_MAX.as_secs()
        );
        Err(Unread::Untimely { why, date })
    }
}
