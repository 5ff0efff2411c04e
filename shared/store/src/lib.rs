//! The store on SQLite: one file, durable when it answers.
//!
//! - [`Database`] is the file: one writer that commits what is waiting together, a few readers that
//!   it never blocks, migrations, and the bell that wakes the queue's consumer ([`Arrivals`]).
//! - [`SqliteStore`] is the engine's `Store` on it.
//! - [`messages`] is the table under the embedded queue, whose behaviour is its own crate's. It is
//!   here because messages are sent and completed in the same transaction as documents and lines.
//! - [`stored`] is the form of what is written: JSON with a version, read for ever.
//!
//! What is guaranteed: an answered write survives a power cut (WAL with `synchronous=FULL`, which
//! syncs the log in every commit); a write that was not answered was done whole or not at all; a
//! commit that finds another version than the one it was decided from leaves nothing.

mod arrivals;
mod commit;
mod connecting;
mod database;
mod dead_letters;
mod error;
mod glance;
mod location;
pub mod messages;
mod micros;
mod notices;
mod readers;
mod schema;
mod store;
pub mod stored;
mod writer;

pub use arrivals::Arrivals;
pub use database::{BUSY_TIMEOUT, Database, READERS};
pub use error::{JobError, OpenError};
pub use glance::{Glance, glance};
pub use location::make_file;
pub use micros::Micros;
pub use store::SqliteStore;
pub use writer::{GROUP_JOBS_MAX, JOBS_MAX};
