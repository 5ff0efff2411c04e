//! Other people's clients, which nobody here wrote, against the emulator over plain HTTP; and our
//! own beside them.
//!
//! One list of steps (`steps.yaml`) says what each client is asked to do and what has to come of
//! it. A small driver in each language makes the calls, and says what its package made of the
//! answers; it neither knows the list nor decides anything. What is injected, what is counted and
//! what is compared is done here, the same for all.
//!
//! What it guarantees:
//! - Each client answers every step as the list says, or as one of the list's exceptions says,
//!   which names the client and the reason. An exception that has become untrue is a failure, too.
//! - What a client shows of a backend is what ours shows of it at the same version of the API, field
//!   by field.
//! - How many requests a call took is counted by the emulator, so that retries are seen, and so is
//!   a call that was refused before it was sent.
//!
//! Each run has an emulator of its own, a process as `pointsman emulate` starts it, and a driver of
//! its own; both end with it. The packages are where `cargo xtask clients` installs them, in
//! the build folder.

pub mod azure;
pub mod client;
pub mod installed;
pub mod judge;
pub mod list;
mod ours;
pub mod report;
pub mod run;
pub mod service_bus;
mod theirs;
