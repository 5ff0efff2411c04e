//! What Azure may answer to a write, and to asking for a reconnect.

use jiff::{SignedDuration, Timestamp};

use crate::{body::Body, etag::Etag};

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Written {
        /// The state it made.
        etag: Etag,
        /// The backend as the answer shows it; none where it could not be read.
        body: Option<Body>,
    },
    /// The backend was to be made, and someone else had made it by then: what they had made is replaced.
    CameFirst {
        /// The state it made.
        etag: Etag,
        /// The backend as the answer shows it; none where it could not be read.
        body: Option<Body>,
    },
    /// The backend is taken away.
    Deleted,
    /// It was not done: the backend has another state by now (412).
    Outrun,
    /// The same, and it was planned from what was read some time ago. What the backend shows by now is
    /// someone else's, also where it is just what was to be written.
    Overtaken,
    /// It was not done, and will not be: Azure refuses it.
    Refused {
        /// What Azure said.
        why: String,
    },
    /// It was not done: Azure asks to wait.
    Throttled {
        /// Until when, where it said so.
        until: Option<Timestamp>,
    },
    /// It was not sent.
    NotSent {
        /// Why.
        why: String,
    },
    /// It may or may not have been done, or may still be.
    Unknown {
        /// Why.
        why: String,
        /// When Azure would be asked again, where it said so.
        until: Option<Timestamp>,
    },
}

/// What came of asking for a reconnect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconnectAnswer {
    /// 202.
    Accepted {
        /// After how long the connections are made anew.
        after: SignedDuration,
    },
    /// 4xx: it was not taken.
    Refused {
        /// What Azure said.
        why: String,
    },
    /// 429: it was not taken; ask again then.
    Throttled {
        /// Until when, where Azure said so.
        until: Option<Timestamp>,
    },
    /// It was not sent.
    NotSent {
        /// Why.
        why: String,
    },
    /// 5xx or a broken connection: it may have been taken.
    Unknown {
        /// Why.
        why: String,
    },
}
