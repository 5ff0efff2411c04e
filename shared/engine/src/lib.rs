//! The ports, and the shell that carries decisions out.
//!
//! One story for every kind of message: [`reconcile`] takes in what was heard, from the queue or directly
//! ([`direct`]), and saves it. A look at a
//! backend then loads its document, observes the backend, calls the core's `step`, saves what it decided,
//! does it, and takes in the answer: in `look` as a state machine without IO, in `drive` with it. Where the
//! backend is remembered as it was seen last, [`reconcile`] decides the first write already and saves it
//! with what was heard. The shell knows no rule of the domain; those are the core's.

pub mod azure;
pub mod direct;
mod drive;
pub mod engine;
pub mod health;
pub mod inspect;
mod look;
mod memory;
pub mod message;
pub mod metrics;
mod notices;
pub mod outbox;
mod pace;
pub mod pause;
pub mod plan;
pub mod ports;
pub mod reconcile;
pub mod sweep;
mod told;
mod unpublished;

pub use engine::{Engine, EngineError, Loaded};
pub use pointsman_core::mode::Mode;
