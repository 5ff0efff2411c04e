//! What the shell needs of the world, each as a trait: a store, a queue, Azure, and a clock.
//!
//! Each port's error says itself whether to try again, and why.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use pointsman_apim as apim;
use pointsman_core::{
    answer::{Answer, ReconnectAnswer},
    claim::{Asked, Occurrences, Recall},
    document::{Document, Intent},
    group::{Group, Scope},
    id::MessageId,
    ledger::Line,
    names::BackendId,
    notice::{About, Notices},
    series::Series,
    signal::SeriesId,
    step::Observed,
};
use serde::{Deserialize, Serialize};

use crate::message::{Message, Outgoing};

/// What the newest version of Azure's interface shows of a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newest {
    /// What its members, or the rules of its breaker, have besides, as paths: a write takes it away.
    pub hidden: Vec<String>,
    /// What nobody has published what Azure makes of it.
    pub unpublished: Vec<apim::Unpublished>,
}

/// What time it is. Only the host owns one.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Something stored, and which version of it; version 0 is not stored yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// Grows by one with each save.
    pub version: u64,
    /// What is stored.
    pub body: T,
}

impl<T> Versioned<T> {
    /// Something that is not stored yet.
    pub const fn new(body: T) -> Self {
        Self { version: 0, body }
    }

    /// The same, once it was saved.
    #[must_use]
    pub fn saved(self) -> Self {
        Self { version: self.version + 1, body: self.body }
    }
}

/// A generation of the playbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Counted from 1.
    pub number: u64,
    /// The file's text, as it was published.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// How many bytes one dead letter keeps of what it is.
pub const DEAD_LETTER_BYTES_MAX: usize = 32 << 10;

/// How many parts one dead letter keeps.
pub const DEAD_LETTER_PARTS_MAX: usize = 50;

/// How many dead letters are kept: 64 MiB of them. Beyond that, the oldest are dropped.
pub const DEAD_LETTERS_MAX: usize = 2_000;

/// How long a dead letter is kept.
pub const DEAD_LETTER_AGE_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Something that could not be used, kept with its reason until a person decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Derived from what it holds, so that it is kept once.
    pub id: String,
    /// When it was put away.
    pub at: Timestamp,
    /// Where it came from: a source's name, or `queue`.
    pub from: String,
    /// Why it could not be used.
    pub reason: String,
    /// What it is, or its beginning; empty where its parts say that.
    pub body: String,
    /// Its parts, where it has several.
    #[serde(flatten)]
    pub parts: DeadLetterParts,
}

/// The parts of a dead letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterParts {
    /// Those that are kept.
    #[serde(rename = "parts", default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<DeadLetterPart>,
    /// How many there were besides.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

/// A part of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterPart {
    /// Why it could not be used.
    pub reason: String,
    /// What it is.
    pub body: String,
}

const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl DeadLetter {
    /// One thing that could not be used; its id comes from where it is from and what it holds.
    #[must_use]
    pub fn new(at: Timestamp, from: &str, reason: &str, mut body: String) -> Self {
        let id = pointsman_core::id::derive("letter", &[from, &body]);
        if body.len() > DEAD_LETTER_BYTES_MAX {
            body.truncate(body.floor_char_boundary(DEAD_LETTER_BYTES_MAX));
            body.push('…');
        }
        let (from, reason) = (from.to_owned(), reason.to_owned());
        Self { id, at, from, reason, body, parts: DeadLetterParts::default() }
    }

    /// Some `things` that came together, such as the alerts of a delivery, of which none could be
    /// used; nothing where there are none. As many as there is room for are kept.
    #[must_use]
    pub fn of(
        at: Timestamp,
        from: &str,
        things: &str,
        mut parts: Vec<DeadLetterPart>,
    ) -> Option<Self> {
        if parts.len() <= 1 {
            let DeadLetterPart { reason, body } = parts.pop()?;
            return Some(Self::new(at, from, &reason, body));
        }
        let many = parts.len();
        let mut room = DEAD_LETTER_BYTES_MAX;
        let mut fits = |part: &DeadLetterPart| {
            let left = room.checked_sub(part.reason.len() + part.body.len());
            room = left.unwrap_or(0);
            left.is_some()
        };
        let bodies: Vec<&str> =
            [from].into_iter().chain(parts.iter().map(|part| part.body.as_str())).collect();
        let id = pointsman_core::id::derive("letter", &bodies);
        let reason = format!("{many} {things} cannot be used; the first: {}", parts[0].reason);
        let fitting = parts.iter().take(DEAD_LETTER_PARTS_MAX).take_while(|part| fits(part));
        let kept = fitting.count();
        parts.truncate(kept);
        let parts = DeadLetterParts { kept: parts, left_out: many - kept };
        Some(Self { id, at, from: from.to_owned(), reason, body: String::new(), parts })
    }
}

/// Which dead letters: those of which all holds that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The one of this id.
    pub id: Option<String>,
    /// Those from there.
    pub from: Option<String>,
    /// Those that were put away before then.
    pub before: Option<Timestamp>,
}

/// Proof that a message was received and is locked to us. Only the queue that gave it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt(String);

impl Receipt {
    /// A queue's receipt, in its own words.
    #[must_use]
    pub const fn new(token: String) -> Self {
        Self(token)
    }

    /// What the queue that gave it has put into it.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.0
    }
}

/// A message received: where a queue has it, it comes again unless it is completed before its lock runs
/// out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which message, as it was sent.
    pub id: MessageId,
    /// The proof; none where no queue has it, and nothing is to be completed.
    pub receipt: Option<Receipt>,
    /// How often it was delivered, this time included.
    pub deliveries: u32,
    /// When it was first stored.
    pub enqueued: Timestamp,
    /// What it says.
    pub message: Message,
}

/// What is saved together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Series, each only if it is still the version given.
    pub series: Vec<Versioned<Series>>,
    /// Documents, each only if it is still the version given.
    pub documents: Vec<Versioned<Document>>,
    /// Group documents, each only if it is still the version given.
    pub groups: BTreeMap<Scope, Versioned<Group>>,
    /// The versions of the group documents that this was decided by without changing them; the commit
    /// fails if one is another by now.
    pub groups_seen: BTreeMap<Scope, u64>,
    /// The versions of documents that this was decided by without changing them; the commit fails if
    /// one is another by now.
    pub documents_seen: Vec<(BackendId, u64)>,
    /// Ledger lines; one that is there already stays as it is.
    pub lines: Vec<Line>,
    /// Dead letters; one that is there already only gets the newest reason. Beyond [`DEAD_LETTERS_MAX`], the
    /// oldest are dropped.
    pub dead_letters: Vec<DeadLetter>,
    /// What was noticed; each is added to what is stored of its kind and subject.
    pub notices: Notices,
    /// The notices that are over, and are forgotten.
    pub notices_over: Vec<About>,
    /// The outbox: messages to send once all is saved; one that is waiting already is not sent again.
    pub send: Vec<Outgoing>,
    /// The messages that this was decided from, which are done with once all is saved.
    pub complete: Vec<Receipt>,
}

/// What a commit leaves to be done with the queue.
///
/// Nothing, where the queue's messages are in the store's own database: there they are sent and
/// completed in the same transaction. Any other store keeps what is to be sent in a table of its own, in
/// that transaction, and leaves both to whoever asked for the commit ([`crate::outbox`]). If that one
/// dies first, what was to be sent is in [`Store::outbox`], and what was to be completed is delivered
/// again, which changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsettled {
    /// Messages of [`Commit::send`], to be given to the queue.
    pub relay: Vec<Relay>,
    /// Receipts of [`Commit::complete`], to be given to the queue.
    pub complete: Vec<Receipt>,
}

/// A message in a store's outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// The entry, which no other has or had: the same message sent again is another.
    pub entry: u64,
    /// What is to be sent.
    pub outgoing: Outgoing,
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone else saved first: load again and decide again, at once.
    #[error("someone else saved first")]
    Conflict,
    /// A message that was to be completed is not locked any more: it comes again by itself, and
    /// whatever was to be saved with it is decided again then. Only a store that completes says so.
    #[error("a message's lock has run out; it comes again by itself")]
    LockLost,
    /// The store cannot be used at present: try again later.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
    /// What is stored cannot be read, or was written by a newer version of Pointsman.
    #[error("what is stored cannot be read: {0}")]
    Corrupt(String),
}

/// The store: series, documents, group documents, playbook generations, ledger, dead
/// letters.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The series of these names that are stored.
    async fn series(&self, ids: &[SeriesId]) -> Result<Vec<Versioned<Series>>, StoreError>;
    /// The occurrences behind an override that are on, the strongest first:
    /// [`pointsman_core::claim::RECALLED_MAX`] at most.
    async fn claims(&self, recall: &Recall) -> Result<Vec<(SeriesId, Asked)>, StoreError>;
    /// How many occurrences that are, whatever their number.
    async fn occurrences(&self, recall: &Recall) -> Result<Occurrences, StoreError>;
    /// A backend's document, where there is one.
    async fn document(
        &self,
        backend: &BackendId,
    ) -> Result<Option<Versioned<Document>>, StoreError>;
    /// All documents.
    async fn documents(&self) -> Result<Vec<Versioned<Document>>, StoreError>;
    /// The backends whose next look was due before `before`: their wake was lost.
    async fn overdue(&self, before: Timestamp, most: usize) -> Result<Vec<BackendId>, StoreError>;
    /// Group documents: of each of these scopes, an empty one where none is stored.
    async fn groups(
        &self,
        scopes: &BTreeSet<Scope>,
    ) -> Result<BTreeMap<Scope, Versioned<Group>>, StoreError>;
    /// The newest generation of the playbook.
    async fn published(&self) -> Result<Option<Published>, StoreError>;
    /// A generation of the playbook.
    async fn generation(&self, number: u64) -> Result<Option<Published>, StoreError>;
    /// The newest generations, oldest first.
    async fn generations(&self, most: usize) -> Result<Vec<Published>, StoreError>;
    /// Stores the next generation, if `number` is still the next.
    async fn publish(&self, published: &Published, lines: &[Line]) -> Result<(), StoreError>;
    /// Saves all of it in one transaction, durably, or nothing; gives what is left to be done with the
    /// queue.
    async fn commit(&self, commit: &Commit) -> Result<Unsettled, StoreError>;
    /// Messages that commits have left to be relayed, the oldest first. Those of which a commit was
    /// answered moments ago may be left out: whoever asked for it is at them.
    async fn outbox(&self, most: usize) -> Result<Vec<Relay>, StoreError>;
    /// Takes entries out of the outbox: the queue has their messages, or will never take them.
    async fn relayed(&self, entries: &[u64]) -> Result<(), StoreError>;
    /// The newest lines, of one backend or of all, oldest first.
    async fn history(
        &self,
        backend: Option<&BackendId>,
        most: usize,
    ) -> Result<Vec<Line>, StoreError>;
    /// The newest dead letters, oldest first.
    async fn dead_letters(&self, most: usize) -> Result<Vec<DeadLetter>, StoreError>;
    /// How many dead letters there are.
    async fn count_dead_letters(&self) -> Result<u64, StoreError>;
    /// Drops dead letters, and says how many.
    async fn drop_dead_letters(&self, chosen: &Chosen) -> Result<u64, StoreError>;
    /// What was noticed.
    async fn notices(&self) -> Result<Notices, StoreError>;
    /// Forgets the notices whose latest was before `before`.
    async fn forget_notices(&self, before: Timestamp) -> Result<u64, StoreError>;
    /// Forgets the series that are over and ended before `before`.
    async fn forget_series(&self, before: Timestamp) -> Result<u64, StoreError>;
    /// Whether it can store.
    async fn ready(&self) -> Result<(), StoreError>;
}

/// Why the queue did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The queue cannot be used at present: try again later; a sender is answered 503.
    #[error("the queue cannot be used: {0}")]
    Unavailable(String),
    /// The queue will never take this message: it is too large for it, for one.
    #[error("the queue does not take the message: {0}")]
    Refused(String),
    /// The lock ran out and the message is someone else's by now.
    #[error("the message's lock was lost")]
    LockLost,
}

/// Whether a message was stored now, or one of its id was waiting already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is durably stored.
    Stored,
    /// The same message is being worked on; it is durably stored that it comes once more.
    Again,
    /// The same message is waiting already, durably.
    Duplicate,
}

/// The queue: the durable inbox. A message is delivered at least once, until it is completed, and taking
/// it in again changes nothing. The same message sent while one waits may be dropped; sent while it is
/// being worked on, it comes once more.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Stores a message durably before it returns.
    async fn send(&self, outgoing: Outgoing) -> Result<Sent, QueueError>;
    /// Waits for messages that are due, and locks up to `most` of them.
    async fn receive(&self, most: usize) -> Result<Vec<Delivery>, QueueError>;
    /// Makes the lock last longer.
    async fn renew(&self, receipt: &Receipt) -> Result<(), QueueError>;
    /// Gives a message back, to be delivered again no sooner than `due`.
    async fn abandon(&self, receipt: &Receipt, due: Timestamp) -> Result<(), QueueError>;
    /// Is done with messages, after what they led to was saved. Where a lock was lost, that message
    /// comes again, and the others may.
    async fn complete(&self, receipts: &[Receipt]) -> Result<(), QueueError>;
    /// How many messages that tell or ask for something wait to be taken in, are being, or could not be
    /// and are tried again; wakes are not counted.
    async fn depth(&self) -> Result<u64, QueueError>;
    /// When the oldest of those was stored, where there is one.
    async fn oldest(&self) -> Result<Option<Timestamp>, QueueError>;
}

/// What a read of a backend showed.
#[derive(Clone, Debug)]
pub struct Sight {
    /// What it means to the core.
    pub observed: Observed,
    /// When Azure answered, by its own clock.
    pub date: Option<Timestamp>,
    /// The body to the letter, which a write keeps all of but what it changes.
    pub raw: Option<Arc<apim::Backend>>,
}

/// Why a backend could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unseen {
    /// Why, without secrets.
    pub why: String,
    /// When Azure would be asked again, where it said so.
    pub until: Option<Timestamp>,
    /// Whether nothing is wrong but that it is to be asked later: it answered 429, or would.
    pub waits: bool,
}

impl Unseen {
    /// What is no matter of waiting, and names no time.
    #[must_use]
    pub const fn new(why: String) -> Self {
        Self { why, until: None, waits: false }
    }
}

/// A write, ready to be sent. With the answer comes what it shows, where it could be read.
pub type Writing = BoxFuture<'static, (Answer, Option<Sight>)>;

/// Azure API Management, as far as the shell needs it.
#[async_trait]
pub trait ManagementApi: fmt::Debug + Send + Sync + 'static {
    /// Reads a backend.
    async fn get(&self, backend: &BackendId) -> Result<Sight, Unseen>;
    /// What the newest version of Azure's interface that is known shows of the same state.
    async fn newest(&self, backend: &BackendId, sight: &Sight) -> Result<Newest, Unseen>;
    /// Makes a write that was planned from what `sight` shows. Nothing is sent before it is polled.
    fn write(&self, backend: &BackendId, sight: &Sight, intent: &Intent) -> Writing;
    /// Asks for a reconnect.
    async fn reconnect(&self, backend: &BackendId, after: SignedDuration) -> ReconnectAnswer;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bodies: &[usize]) -> Option<DeadLetter> {
        let part = |(at, bytes): (usize, &usize)| DeadLetterPart {
            reason: format!("reason {at}"),
            body: "é".repeat(bytes / 2),
        };
        let parts = bodies.iter().enumerate().map(part).collect();
        DeadLetter::of(Timestamp::UNIX_EPOCH, "am", "alerts", parts)
    }

    #[test]
    fn a_dead_letter_of_parts_keeps_as_many_as_there_is_room_for() {
        assert_eq!(of(&[]), None);
        let one = of(&[4]).unwrap();
        assert_eq!((&*one.reason, &*one.body, one.parts), ("reason 0", "éé", Default::default()));
        for (bodies, kept, left_out) in [
            (vec![4, 4], 2, 0),
            (vec![4; DEAD_LETTER_PARTS_MAX], DEAD_LETTER_PARTS_MAX, 0),
            (vec![4; DEAD_LETTER_PARTS_MAX + 7], DEAD_LETTER_PARTS_MAX, 7),
            (vec![DEAD_LETTER_BYTES_MAX / 3; 5], 2, 3),
            (vec![4, DEAD_LETTER_BYTES_MAX, 4], 1, 2),
        ] {
            let DeadLetter { reason, body, parts, .. } = of(&bodies).unwrap();
            let many = bodies.len();
            assert_eq!(reason, format!("{many} alerts cannot be used; the first: reason 0"));
            assert_eq!((body.len(), parts.kept.len(), parts.left_out), (0, kept, left_out));
        }
        assert_ne!(of(&[4, 4]).unwrap().id, of(&[4, 6]).unwrap().id);
    }

    #[test]
    fn a_dead_letter_is_bounded_and_named_by_all_that_it_was() {
        let of = |bytes: usize| of(&[bytes]).unwrap();
        assert_eq!(of(DEAD_LETTER_BYTES_MAX).body.len(), DEAD_LETTER_BYTES_MAX);
        let long = of(DEAD_LETTER_BYTES_MAX + 2);
        assert!(long.body.ends_with("é…") && long.body.len() == DEAD_LETTER_BYTES_MAX + 3);
        assert_ne!(long.id, of(DEAD_LETTER_BYTES_MAX + 4).id);
    }
}
