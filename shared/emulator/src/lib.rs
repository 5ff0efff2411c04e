//! Azure as far as Pointsman needs it: backend operations, a gateway that routes by them, an
//! identity endpoint; with faults and a clock of its own.
//!
//! An [`Emulator`] runs inside a test or inside `pointsman dev`; the program under test is another
//! process that talks plain HTTP to it. It shares no code with Pointsman's own client, so that a
//! fault of the client cannot hide in its own counterpart.
//!
//! What it guarantees:
//! - A request is executed whole or not at all, in one order for all, and is on record with what
//!   came of it, also when its client never got to know.
//! - Time is the emulator's own ([`Clock`]): what is due has happened for whoever looks after a
//!   step, and whoever waits is woken. Nothing needs a sleep.
//! - What goes wrong is injected as data ([`Fault`]) and is met in order; what is left over at the
//!   end of a test fails it ([`Emulator::finish`]).
//! - The gateway's choices are determined by the configuration and the seed, and short windows
//!   show the weights.
//!
//! Races thought of: a write that lands late comes between other requests like any other, its
//! If-Match honoured then; a client that gives up does not take back what it sent; a stale read
//! shows what really was, with the ETag it really had.
//!
//! Where the service's behaviour is not published, the choice is marked as assumed where it is
//! made, or is an option. Not emulated: circuit breakers (kept as data, without effect), and
//! everything of API Management but backends.
//!
//! ```
//! use pointsman_emulator::{Emulator, Options};
//!
//! # let runtime = tokio::runtime::Runtime::new().expect("a runtime");
//! # runtime.block_on(async {
//! let azure = Emulator::start(Options::default()).await.expect("free ports");
//! azure.put_single("eu", "http://127.0.0.1:9").expect("a valid backend");
//! azure.put_pool("chat", &[("eu", Some(100), None)]).expect("a valid pool");
//! assert_eq!(azure.view(|azure| azure.weight("chat", "eu")), Some(100));
//! azure.finish();
//! # });
//! ```

mod address;
mod admin;
mod answer;
mod arm;
mod backend;
mod clock;
mod duration;
mod emulator;
mod event_grid;
pub mod fault;
mod filter;
mod gateway;
mod hand;
mod identity;
mod keep;
pub mod member;
mod model;
mod options;
mod record;
mod serve;
mod service;
mod state;
mod store;
mod throttle;
mod token;
pub mod unpublished;
mod version;
mod view;

pub use address::{Address, Operation};
pub use clock::Clock;
pub use emulator::{Emulator, Leftovers, Refused, StartError, TimedOut};
pub use event_grid::{Delivery, Progress, Schema, SubscribeError, Subscription};
pub use fault::{Fault, FaultId, Match, Times};
pub use gateway::{
    forward::Connections,
    routes::BreakerState,
    traffic::{Count, Tally, Traffic},
};
pub use options::{Options, Ports, Throttling};
pub use record::{Origin, Outcome, Received};
pub use service::{Service, ServiceError};
pub use state::Reconnect;
pub use store::Effect;
pub use unpublished::Unpublished;
pub use view::{Seat, Stored, View};
