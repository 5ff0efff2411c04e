//! Azure as far as Pointsman needs it: backend operations, a gateway that routes by them, an
//! identity endpoint, and the queues of Service Bus ([`ServiceBus`]); with faults and a clock of its own.
//!
//! An [`Emulator`] runs inside a test or inside `pointsman dev`; the program under test is another
//! process that talks plain HTTP to it. It shares no code with Pointsman's own client, so that a
//! fault of the client cannot hide in its own counterpart. [`Options`] can be read from a file, so
//! that a process of its own needs no more than one.
//!
//! What it guarantees:
//! - A request is executed whole or not at all, in one order for all, and is on record with its
//!   result, also when its client never saw it.
//! - Time is the emulator's own ([`Clock`]): what is due has happened for anyone who looks after a
//!   step, and all who wait are woken. Nothing needs a sleep.
//! - What goes wrong is injected as data ([`Fault`]) and is met in order; what is left over at the
//!   end of a test fails it ([`Emulator::finish`]).
//! - The gateway's choices are determined by the configuration and the seed, and short windows
//!   show the weights.
//! - With a state file, what a client was answered survives any end of the process.
//!
//! Races considered: a write that lands late comes between other requests like any other, its
//! If-Match honoured then; a client that gives up does not take back what it sent; a stale read
//! shows what really was, with the ETag it really had; a breaker counts nothing of what was under
//! way when it opened.
//!
//! # The operations
//!
//! At service level and in workspaces, as the page of that name has them, by the api-versions from
//! 2021-08-01 to 2026-03-01-preview; workspaces, pools and breakers by those that have them. Each
//! line names a test that shows it, in `tests/it`.
//!
//! | operation | page | test |
//! |---|---|---|
//! | List | Backend - List By Service | `lists_have_pages` |
//! | GetEntityTag | Backend - Get Entity Tag | `head_shows_the_etag_only` |
//! | Get | Backend - Get | `a_put_creates_then_replaces` |
//! | Create Or Update | Backend - Create Or Update | `a_put_creates_then_replaces` |
//! | Update | Backend - Update | `a_patch_merges_and_an_etag_guards_it` |
//! | Delete | Backend - Delete | `a_delete_needs_its_etag` |
//! | Reconnect | Backend - Reconnect | `a_reconnect_is_accepted_and_done_when_it_is_due` |
//! | List | Workspace Backend - List By Workspace | `every_operation_exists_in_workspaces` |
//! | GetEntityTag | Workspace Backend - Get Entity Tag | `every_operation_exists_in_workspaces` |
//! | Get | Workspace Backend - Get | `every_operation_exists_in_workspaces` |
//! | Create Or Update | Workspace Backend - Create Or Update | `the_examples_of_the_page_of_create_or_update` |
//! | Update | Workspace Backend - Update | `every_operation_exists_in_workspaces` |
//! | Delete | Workspace Backend - Delete | `every_operation_exists_in_workspaces` |
//!
//! Beside these, for who looks for a service: Subscriptions - List and Api Management Service - List,
//! each on one page and with no more than ids (`subscriptions_and_their_services_are_listed`).
//!
//! # What nobody has published
//!
//! is chosen by [`Unpublished`], the default first:
//!
//! | switch | values | about |
//! |---|---|---|
//! | `reconnectBelowMinimum` | `refuse`, `raise`, `accept` | a reconnect that asks for less than PT2M: 400, taken as PT2M, or done as asked |
//! | `zeroWeight` | `noTraffic`, `lastResort`, `raised`, `refused` | a member of weight 0: no traffic at all, none while anyone else of its group can serve, stored as 1, or 400 |
//! | `nullWeight` | `one`, `hundred`, `refused` | a weight of null counts as that, or 400 |
//! | `nullPriority` | `first`, `last`, `refused` | a priority of null comes before or after all numbers, or 400 |
//! | `missingMember` | `accepted`, `refused` | a pool with a member that does not exist |
//! | `patchNull` | `deletes`, `ignored` | a null in a PATCH |
//! | `patchArray` | `replaced`, `merged` | an array in a PATCH: taken whole, or merged by `id` or `name` |
//! | `putWithoutIfMatch` | `accepted`, `refused` | a PUT of what exists, without If-Match |
//! | `newerFields` | `shown`, `hidden` | whether an api-version is shown the fields that only newer ones have |
//! | `fieldAhead` | `kept`, `ignored`, `refused` | a write with a field that only newer api-versions have |
//! | `poolAhead` | `refused`, `ignored`, `kept` | a pool or a breaker, written by an api-version that has neither |
//! | `errorDetails` | `flat`, `nested` | errors as recorded, or as the page of 2024-05-01 has them |
//! | `percentageRequestsMin` | `1` | how many requests a breaker by percentage must have seen |
//! | `unanswered` | `byReason`, `byStatusToo` | whether a timeout counts for a breaker by its status too |
//!
//! Other guesses are marked as assumed where they are made. Not emulated: session affinity (kept as
//! data, without effect), and everything of API Management but backends.
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
mod courier;
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
mod name;
mod options;
mod proxy;
mod query;
mod reconnect;
mod record;
mod serve;
mod service;
mod service_bus;
mod services;
mod state;
mod store;
mod target;
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
    balance::Seat,
    forward::Connections,
    routes::BreakerState,
    traffic::{Count, Tally, Traffic},
};
pub use options::{Options, Ports, Throttling};
pub use reconnect::Reconnect;
pub use record::{Origin, Outcome, Received};
pub use service::{Service, ServiceError};
pub use service_bus::{Queue, ServiceBus};
pub use store::Effect;
pub use unpublished::Unpublished;
pub use view::{Stored, View};
