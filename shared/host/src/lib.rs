//! Configuration, telemetry and wiring: where the parts are put together, and the only place that
//! owns a clock, an environment and a process.

pub mod clock;
pub mod config;
pub mod input;
pub mod server;
pub mod telemetry;
pub mod wiring;

pub use clock::SystemClock;
pub use config::Config;
pub use wiring::{Parts, Records};
