//! Why a call failed, and what may be done about it.
//!
//! Three questions are answered by every error itself:
//! - **Was it done?** [`Error::done`]. A transport error after sending, a timeout and a 5xx leave
//!   it open, and the caller of a write must read before it writes again.
//! - **May it be tried again, and when?** [`Error::retry`].
//! - **Who may see what?** `Display` is for the caller: what happened, without names.
//!   [`Error::full`] is for the operator: all that was said, with ids and causes. Neither holds a
//!   secret: texts of others are cut and scrubbed, and bodies of backends are never repeated.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::answer::Answer;
use crate::list::{NextLinkError, PAGES_MAX};
use crate::meta::{Ids, RetryAfter};
use crate::version::NotOffered;

/// Why a call failed. The words are what the caller may know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 429: too many requests. Not done; trying sooner than it says fails again.
    #[error("Azure takes no more requests for now ({})", .0.short())]
    Throttled(Box<Answer>),
    /// 412: it is no longer in the state that the change was planned from. Not done.
    #[error("the backend was changed meanwhile ({})", .0.short())]
    PreconditionFailed(Box<Answer>),
    /// 404 from the service itself: there is no such backend, service or group. Not done.
    #[error("it is not there ({})", .0.short())]
    NotFound(Box<Answer>),
    /// 409 `PessimisticConcurrencyConflict`: the service is busy with another change. Not done.
    #[error("Azure is busy with another change of it ({})", .0.short())]
    Busy(Box<Answer>),
    /// 401 or 403: the token was not taken, or a right is missing. Not done.
    #[error("Azure does not allow it ({})", .0.short())]
    Unauthorized(Box<Answer>),
    /// Any other answer that says no. Not done, and the same again would be refused again.
    #[error("Azure refused it ({})", .0.short())]
    Refused(Box<Answer>),
    /// No usable answer. A write may have been done or not, as [`Error::done`] says; who asked for
    /// one adds that to the words, which are the same for a read.
    #[error("{cause}")]
    Unknown {
        /// Why that is not known.
        cause: Uncertainty,
        /// The ids of the request.
        ids: Ids,
    },
    /// No connection could be made. Not done.
    #[error("Azure could not be reached")]
    NotSent {
        /// Why, in plain words.
        plain: String,
        /// The causes, as the libraries below said them, scrubbed.
        cause: String,
        /// The ids of the request.
        ids: Ids,
    },
    /// No token could be obtained, so nothing was sent. Not done.
    #[error("no token for Azure could be obtained")]
    Credential {
        /// What went wrong.
        failure: CredentialFailure,
        /// The ids of the request.
        ids: Ids,
    },
    /// It was held back here, and nothing was sent. Not done.
    #[error("{}", reason.in_short())]
    Withheld {
        /// Why.
        reason: Withheld,
        /// The ids of the request.
        ids: Ids,
    },
    /// The status says that it was done, and the rest cannot be read. It may have been done or
    /// not, for something in between may have answered.
    #[error("Azure's answer cannot be read ({})", status.as_u16())]
    Unreadable {
        /// Its status.
        status: StatusCode,
        /// What is wrong with it.
        reason: Garbled,
        /// The ids of the request.
        ids: Ids,
    },
}

/// Why a request was not sent, though it could have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// The version that is asked for does not have it.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
    /// Azure Resource Manager would answer 429, by what is known here of its bucket.
    #[error(
        "too many requests of its kind were made; there is room for another in {} s",
        wait.as_secs_f32().ceil()
    )]
    Paced {
        /// When there is room for it.
        wait: Duration,
    },
    /// A list has more pages than are followed.
    #[error("the list has more than {PAGES_MAX} pages, or repeats itself")]
    Endless,
}

impl Withheld {
    /// What the caller may know of it.
    fn in_short(&self) -> &'static str {
        match self {
            Self::NotOffered(_) => "the api-version does not have it",
            Self::Paced { .. } => "Azure takes no more requests for now",
            Self::Endless => "Azure's list does not end",
        }
    }
}

/// Why it is not known whether something was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Uncertainty {
    /// The service or something before it failed: 5xx, or 408.
    #[error("Azure failed ({})", .0.short())]
    Answer(Box<Answer>),
    /// No answer came in time.
    #[error("no answer came in time")]
    Timeout,
    /// The connection broke; the cause is scrubbed.
    #[error("the connection broke")]
    Broken(String),
}

/// What is wrong with an answer whose status is a success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// It has no body, as api-versions before 2021-08-01 answer an Update.
    #[error("it has no body")]
    Empty,
    /// Its body is not a JSON object.
    #[error("its body is not a JSON object (line {line}, column {column})")]
    NotJson {
        /// Where, counted from 1.
        line: usize,
        /// Where, counted from 1.
        column: usize,
    },
    /// It has no ETag, or none that could be sent back.
    #[error("its ETag is missing or not valid")]
    NoEtag,
    /// Its body is larger than [`DOCUMENT_BYTES_MAX`](crate::document::DOCUMENT_BYTES_MAX).
    #[error("its body is larger than {max} bytes")]
    TooLarge {
        /// The bound.
        max: usize,
    },
    /// It is a page of a list, and not as the published model has it.
    #[error("{0}")]
    Page(&'static str),
    /// It is a page of a list, and its next page must not be followed.
    #[error(transparent)]
    NextLink(#[from] NextLinkError),
    /// Its status is not one that the operation has.
    #[error("its status is not one of this operation")]
    Status,
}

/// Why no token could be obtained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CredentialFailure {
    /// What was said, scrubbed.
    pub message: String,
    /// Whether another try may help: the identity endpoint did not answer, or failed.
    pub passing: bool,
}

/// Whether what was asked for was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was not.
    No,
    /// It is not known: look before asking again.
    Unknown,
}

/// What may be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same again, not before the time that the service named; where it named none, after a
    /// pause of the caller's choice.
    Again {
        /// The time that the service named.
        after: Option<RetryAfter>,
    },
    /// Read the backend again, and decide again by what is there.
    Look {
        /// The time that the service named.
        after: Option<RetryAfter>,
    },
    /// Nothing, until a person has changed something.
    Never,
}

impl Error {
    /// Whether what was asked for was done.
    pub fn done(&self) -> Done {
        match self {
            Self::Throttled(_)
            | Self::PreconditionFailed(_)
            | Self::NotFound(_)
            | Self::Busy(_)
            | Self::Unauthorized(_)
            | Self::Refused(_)
            | Self::NotSent { .. }
            | Self::Credential { .. }
            | Self::Withheld { .. } => Done::No,
            // The login page of a proxy is a success too, and cannot be read: it proves nothing.
            Self::Unknown { .. } | Self::Unreadable { .. } => Done::Unknown,
        }
    }

    /// What may be done next.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Throttled(answer) | Self::Busy(answer) => {
                Retry::Again { after: answer.retry_after }
            }
            Self::NotSent { .. } => Retry::Again { after: None },
            Self::PreconditionFailed(_) => Retry::Look { after: None },
            Self::Unknown { cause: Uncertainty::Answer(answer), .. } => {
                Retry::Look { after: answer.retry_after }
            }
            Self::Unknown { cause: Uncertainty::Timeout | Uncertainty::Broken(_), .. }
            | Self::Unreadable { .. } => Retry::Look { after: None },
            // The token is dropped on a 401, so that the next try is made with a new one.
            Self::Unauthorized(answer) if answer.status == StatusCode::UNAUTHORIZED => {
                Retry::Again { after: answer.retry_after }
            }
            Self::Credential { failure, .. } if failure.passing => Retry::Again { after: None },
            Self::Withheld { reason: Withheld::Paced { wait }, .. } => {
                Retry::Again { after: Some(RetryAfter::In(*wait)) }
            }
            Self::Withheld { reason: Withheld::NotOffered(_) | Withheld::Endless, .. }
            | Self::Unauthorized(_)
            | Self::Credential { .. }
            | Self::NotFound(_)
            | Self::Refused(_) => Retry::Never,
        }
    }

    /// The answer, or why there is none with something to say and the ids of the request.
    fn parts(&self) -> Result<&Answer, (&dyn fmt::Display, &Ids)> {
        match self {
            Self::Throttled(answer)
            | Self::PreconditionFailed(answer)
            | Self::NotFound(answer)
            | Self::Busy(answer)
            | Self::Unauthorized(answer)
            | Self::Refused(answer)
            | Self::Unknown { cause: Uncertainty::Answer(answer), .. } => Ok(answer),
            Self::Unknown { cause: Uncertainty::Timeout, ids } => Err((&"timeout", ids)),
            Self::Unknown { cause: Uncertainty::Broken(cause), ids }
            | Self::NotSent { cause, ids, .. } => Err((cause, ids)),
            Self::Credential { failure, ids } => Err((failure, ids)),
            Self::Withheld { reason, ids } => Err((reason, ids)),
            Self::Unreadable { reason, ids, .. } => Err((reason, ids)),
        }
    }

    /// The answer, if there was one with something to say.
    pub fn answer(&self) -> Option<&Answer> {
        self.parts().ok()
    }

    /// The ids of the request.
    pub fn ids(&self) -> &Ids {
        self.parts().map_or_else(|(_, ids)| ids, |answer| &answer.ids)
    }

    /// What the operator needs: all that was said, with ids and causes, and no secret.
    pub fn full(&self) -> String {
        match self.parts() {
            Ok(answer) => format!("{self}: {}", answer.rest()),
            Err((cause, ids)) => format!("{self}: {cause} ({ids})"),
        }
    }

    /// What is shown to people again and again: all that was said, in plain words where no answer came,
    /// and without the ids of the one request, so that a trouble that goes on is the same trouble.
    pub fn plain(&self) -> String {
        match self {
            Self::NotSent { plain, .. } => format!("{self}: {plain}"),
            Self::Unknown { cause: Uncertainty::Timeout | Uncertainty::Broken(_), .. } => {
                self.to_string()
            }
            Self::Throttled(_)
            | Self::PreconditionFailed(_)
            | Self::NotFound(_)
            | Self::Busy(_)
            | Self::Unauthorized(_)
            | Self::Refused(_)
            | Self::Unknown { cause: Uncertainty::Answer(_), .. }
            | Self::Credential { .. }
            | Self::Withheld { .. }
            | Self::Unreadable { .. } => {
                let full = self.full();
                let ids = format!(" ({})", self.ids());
                full.strip_suffix(&ids).unwrap_or(&full).to_owned()
            }
        }
    }
}

/// Sorts an answer that is not a success.
pub(crate) fn of_answer(answer: Answer) -> Error {
    let answer = Box::new(answer);
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Unauthorized(answer),
        // The page of a proxy that knows no such path says nothing about the backend.
        StatusCode::NOT_FOUND if !answer.code().is_empty() => Error::NotFound(answer),
        StatusCode::CONFLICT if answer.code() == "PessimisticConcurrencyConflict" => {
            Error::Busy(answer)
        }
        StatusCode::PRECONDITION_FAILED => Error::PreconditionFailed(answer),
        StatusCode::TOO_MANY_REQUESTS => Error::Throttled(answer),
        // 408 may come from something in between, which may have passed the request on before.
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            let ids = answer.ids.clone();
            Error::Unknown { cause: Uncertainty::Answer(answer), ids }
        }
        _ => Error::Refused(answer),
    }
}
