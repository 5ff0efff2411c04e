//! A typed client of Azure API Management's backend operations.
//!
//! It stands alone: requests are built and answers are read by pure functions
//! ([`request`], [`response`]), and [`Client`] is the thin part that sends the one and hands over
//! the other. What it is careful about:
//!
//! - **Nothing is changed unseen.** Every change carries the [`ETag`] of the state that it was
//!   planned from, by type; `*` cannot be made into one.
//! - **Nothing unknown is lost.** A [`Backend`] keeps the body to the letter, with typed views
//!   over it, and a [`Patch`] is cut from it: fields that no published model has survive.
//! - **An [`Error`] says what it means**: whether it was done, whether and when to try again, what
//!   the caller may know, what the operator needs.
//! - **Secrets are not shown**, though the service answers with them in clear.
//! - **Reconnect exists at service level only**, and so does [`ServiceBackendId`], which it takes.
//!
//! # Operations
//!
//! | operation | level | function | page | tests |
//! |---|---|---|---|---|
//! | [Get][p1] | service | [`Client::get`] | Backend - Get | `request::tests::get_at_both_levels`, `response::tests::a_backend_with_its_mark`, `client::tests::every_operation_over_one_warm_connection` |
//! | [Get][p2] | workspace | [`Client::get`] | Workspace Backend - Get | the same |
//! | [Update][p3] | service | [`Client::update`] | Backend - Update | `request::tests::update_at_both_levels_carries_the_etag`, `pool::tests::a_read_modify_write_changes_only_what_was_edited`, `client::tests::a_write_is_sent_once_however_its_connection_breaks` |
//! | [Update][p4] | workspace | [`Client::update`] | Workspace Backend - Update | the same |
//! | [Reconnect][p5] | service | [`Client::reconnect`] | Backend - Reconnect | `request::tests::reconnect_always_says_when`, `duration::tests::a_reconnect_waits_two_minutes_at_least`, `response::tests::a_reconnect_is_accepted_without_a_body` |
//!
//! [p1]: https://learn.microsoft.com/rest/api/apimanagement/backend/get
//! [p2]: https://learn.microsoft.com/rest/api/apimanagement/workspace-backend/get
//! [p3]: https://learn.microsoft.com/rest/api/apimanagement/backend/update
//! [p4]: https://learn.microsoft.com/rest/api/apimanagement/workspace-backend/update
//! [p5]: https://learn.microsoft.com/rest/api/apimanagement/backend/reconnect
//!
//! # Draining a member
//!
//! ```no_run
//! use pointsman_apim::pool::{Edit, Edited};
//! use pointsman_apim::{BackendId, Client, Credential, Endpoint, Options, RequestId, Setting};
//!
//! # async fn drain(call: RequestId) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Endpoint::default(), Credential::Auto, Options::default())?;
//! let pool: BackendId = "/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1\
//!     /providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool"
//!     .parse()?;
//! let seen = client.get(&pool, call).await?;
//! let mut edit = Edit::of(&seen)?;
//! edit.weight(&"eu".parse()?, Setting::Number(0))?;
//! if let Edited::Changed(patch) = edit.finish() {
//!     client.update(&pool, seen.etag(), &patch, call).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What a type forbids does not compile:
//!
//! ```compile_fail,E0308
//! # use pointsman_apim::{After, Endpoint, RequestId, WorkspaceBackendId, request};
//! # fn refused(endpoint: &Endpoint, id: &WorkspaceBackendId, call: RequestId) {
//! request::reconnect(endpoint, id, After::MIN, call);
//! # }
//! ```

pub mod answer;
pub mod backend;
pub mod client;
pub mod credential;
pub mod diff;
pub mod document;
pub mod duration;
pub mod endpoint;
pub mod error;
pub mod etag;
#[cfg(test)]
#[path = "examples_tests.rs"]
mod examples;
pub mod id;
pub mod list;
pub mod meta;
pub mod model;
pub mod name;
pub mod patch;
pub mod pool;
pub mod put;
mod raw;
pub mod request;
pub mod response;
pub mod retry;
pub mod secret;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod throttle;
pub mod timer;
pub mod token;
mod transport;
pub mod version;

pub use backend::Backend;
pub use client::{Client, Options};
pub use credential::Credential;
pub use document::Document;
pub use duration::After;
pub use endpoint::Endpoint;
pub use error::Error;
pub use etag::ETag;
pub use id::{BackendId, Scope, ServiceBackendId, ServiceId, WorkspaceBackendId, WorkspaceId};
pub use patch::Patch;
pub use pool::Setting;
pub use put::Draft;
pub use request::RequestId;
pub use secret::Secret;
