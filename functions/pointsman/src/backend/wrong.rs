//! Why a command on backends failed.

use pointsman_apim::{Error, error::Done};

use crate::failed::Failed;

/// Why it was not done, by the exit code that says so.
#[derive(Debug)]
pub(super) enum Wrong {
    /// 1
    Failed(Failed),
    /// 2
    Usage(String),
    /// 3
    NotFound(String),
    /// 4
    Changed(String),
}

impl Wrong {
    /// What was typed cannot be meant.
    pub(super) fn usage(why: impl std::fmt::Display) -> Self {
        Self::Usage(why.to_string())
    }
}

impl From<Failed> for Wrong {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        let text = error.full();
        match error {
            Error::NotFound(_) => Self::NotFound(text),
            Error::PreconditionFailed(_) => Self::Changed(text),
            Error::Throttled(_)
            | Error::Busy(_)
            | Error::Unauthorized(_)
            | Error::Refused(_)
            | Error::Unknown { .. }
            | Error::NotSent { .. }
            | Error::Credential { .. }
            | Error::Withheld { .. }
            | Error::Unreadable { .. } => Self::Failed(Failed::new(text)),
        }
    }
}

/// Why a write failed, or why it is not known whether it was done.
pub(super) fn unwritten(error: Error) -> Wrong {
    let open = error.done() == Done::Unknown;
    match Wrong::from(error) {
        Wrong::Failed(failed) if open => Wrong::Failed(
            failed.and("it may have been done or not: `pointsman backend get` shows which"),
        ),
        wrong @ (Wrong::Failed(_) | Wrong::Usage(_) | Wrong::NotFound(_) | Wrong::Changed(_)) => {
            wrong
        }
    }
}
