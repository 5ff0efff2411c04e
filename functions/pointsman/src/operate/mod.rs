//! What operators ask and tell.
//!
//! [`ask`] reads the store: status, explain, history, letters, of which one can be dropped. It needs
//! neither Azure nor a secret. [`tell`] and [`undo`] change something: pause, resume, release, undo.

pub(crate) mod ask;
mod by;
pub(crate) mod find;
pub(crate) mod tell;
pub(crate) mod undo;

pub(crate) use self::by::{By, Reason};
