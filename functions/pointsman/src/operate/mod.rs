//! What operators ask and tell.
//!
//! [`ask`] reads the store: status, explain, history; [`dead_letters`] shows and drops those. It needs
//! neither Azure nor a secret. [`tell`] and [`undo`] change something: pause, resume, release, undo;
//! the last two by way of [`dispatch`].

pub(crate) mod ask;
mod by;
pub(crate) mod dead_letters;
mod dispatch;
pub(crate) mod find;
pub(crate) mod tell;
pub(crate) mod undo;

pub(crate) use self::by::{By, Reason};
