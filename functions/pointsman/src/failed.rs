//! Why a command failed.

use std::{
    error::Error,
    fmt::{self, Display},
    process::ExitCode,
};

use pointsman_apim as apim;
use pointsman_view::with_causes;
use reqwest::StatusCode;

use crate::page::Page;

/// Why a command failed, in words for the caller.
#[derive(Debug)]
pub(crate) struct Failed {
    why: Page,
    kind: Kind,
}

/// What an exit code tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// That it failed.
    #[default]
    Failed = 1,
    /// That what was typed cannot be meant.
    Usage = 2,
    /// That Azure has no such backend.
    NotFound = 3,
    /// That someone else wrote first.
    Changed = 4,
}

impl Failed {
    /// Says it on one line.
    pub(crate) fn new(why: impl Display) -> Self {
        Page::of(why).into()
    }

    /// Says a text that has lines of its own, as the problems of a file have.
    pub(crate) fn of_text(why: &str) -> Self {
        Page::of_text(why).into()
    }

    /// Says on one line that what was typed cannot be meant.
    pub(crate) fn usage(why: impl Display) -> Self {
        Self { kind: Kind::Usage, why: Page::of(why) }
    }

    /// Says on one line that Azure has no such backend.
    pub(crate) fn not_found(why: impl Display) -> Self {
        Self { kind: Kind::NotFound, why: Page::of(why) }
    }

    /// Says on one line that someone else wrote first.
    pub(crate) fn changed(why: impl Display) -> Self {
        Self { kind: Kind::Changed, why: Page::of(why) }
    }

    /// Says one more line.
    pub(crate) fn and(mut self, line: impl Display) -> Self {
        self.why.line(line);
        self
    }

    /// Puts before it what it is about; on a line of its own where it has several lines.
    pub(crate) fn within(&self, what: impl Display) -> Self {
        let why = match self.to_string() {
            several if several.contains('\n') => self.why.clone().after(what),
            one => Page::of(format_args!("{what} {one}")),
        };
        Self { why, kind: self.kind }
    }

    /// What it says.
    pub(crate) fn page(&self) -> &Page {
        &self.why
    }

    /// Says that what was typed cannot be meant.
    pub(crate) fn of_usage(self) -> Self {
        Self { kind: Kind::Usage, ..self }
    }

    /// What the program ends with, as a number.
    pub(crate) const fn code(&self) -> u8 {
        self.kind as u8
    }

    /// What the program ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

impl From<Page> for Failed {
    fn from(why: Page) -> Self {
        Self { why, kind: Kind::default() }
    }
}

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

/// What to do where there is no token for Azure, and where Azure takes none.
const NO_TOKEN: &str = "`credential` under `azure` in the configuration says as whom Azure is asked; `azureCli` needs `az login`, and \
     `token` a `token` beside it";
const NOT_TAKEN: &str = "the token is not one that Azure takes: `credential` under `azure` in the configuration says as whom \
     Azure is asked, and with `credential: token`, `token` beside it says where the token is";

/// Whether Azure does not know whom a token is of: there is none in the request, or it is old or wrong.
pub(crate) fn is_not_taken(error: &apim::Error) -> bool {
    matches!(error, apim::Error::Unauthorized(answer) if answer.status == StatusCode::UNAUTHORIZED)
}

impl<E: Error + 'static> From<E> for Failed {
    fn from(error: E) -> Self {
        let error: &(dyn Error + 'static) = &error;
        match error.downcast_ref::<apim::Error>() {
            Some(error @ apim::Error::NotFound(_)) => Self::not_found(error.full()),
            Some(error @ apim::Error::PreconditionFailed(_)) => Self::changed(error.full()),
            Some(error @ apim::Error::Credential { .. }) => Self::new(error.full()).and(NO_TOKEN),
            Some(error) if is_not_taken(error) => Self::new(error.full()).and(NOT_TAKEN),
            Some(error) => Self::new(error.full()),
            None => Self::new(with_causes(error)),
        }
    }
}
