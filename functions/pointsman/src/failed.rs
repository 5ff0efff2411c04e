//! Why a command failed.

use std::fmt::{self, Display};

use pointsman_view::with_causes;

use crate::page::Page;

/// Why a command failed, in words for the caller.
#[derive(Debug)]
pub(crate) struct Failed(Page);

impl Failed {
    /// Says it on one line.
    pub(crate) fn new(why: impl Display) -> Self {
        Self(Page::of(why))
    }

    /// Says a text that has lines of its own, as the problems of a file have.
    pub(crate) fn of_text(why: &str) -> Self {
        Self(Page::of_text(why))
    }

    /// Says one more line.
    pub(crate) fn and(mut self, line: impl Display) -> Self {
        self.0.line(line);
        self
    }

    /// Puts before it what it is about; on a line of its own where it has several lines.
    pub(crate) fn within(&self, what: impl Display) -> Self {
        match self.to_string() {
            several if several.contains('\n') => Self(self.0.clone().after(what)),
            one => Self::new(format_args!("{what} {one}")),
        }
    }

    /// What it says.
    pub(crate) fn page(&self) -> &Page {
        &self.0
    }
}

impl From<Page> for Failed {
    fn from(why: Page) -> Self {
        Self(why)
    }
}

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::new(with_causes(&error))
    }
}
