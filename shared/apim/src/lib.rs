//! A typed client of Azure API Management's backend operations.
//!
//! It stands alone: requests are built and answers are read by pure functions
//! ([`request`], [`response`]), and [`Client`] is the thin part that sends the one and hands over
//! the other. What it is careful about:
//!
//! - **Nothing is changed unseen.** Every change carries the [`ETag`] of the state that it was
//!   planned from, by type; `*` cannot be made into one. Creating is another operation, and
//!   overwriting needs a permission by name ([`put`]).
//! - **Nothing unknown is lost.** A [`Backend`] keeps the body unchanged, with typed views
//!   over it ([`pool`], [`model`]), and what is sent is cut from it: fields that no published model
//!   has survive.
//!   What an older version does not even show is found by one more look ([`newer`]), and what nobody has published of
//!   what is shown is told apart ([`unpublished`]).
//! - **Nothing is sent that Azure would refuse for its bounds.** A [`Draft`] and a [`Patch`] are
//!   within every published one by type, and what is not is named in words: `properties.title has
//!   301 characters: it must have 1 to 300`. What a version of the API does not have is not asked
//!   of it ([`version`]).
//! - **An [`Error`] says what it means**: whether it was done, whether and when to try again, what
//!   the caller may know, what the operator needs. [`retry`] holds what may be made again, and
//!   [`throttle`] keeps within the limits; a client does either only where its options say so.
//! - **Secrets are not shown**, though the service answers with them in clear: not by `Debug`, not
//!   in errors, not in a [`diff`].
//! - **Reconnect exists at service level only**, and so does [`ServiceBackendId`], which it takes.
//!
//! # Operations
//!
//! At service level and in a workspace alike; both are in the tests that are named. All of them
//! are run over sockets too, by `client::tests::every_operation_over_one_warm_connection` and
//! `client::tests::a_backend_from_its_creation_to_its_end_at_both_levels`.
//!
//! | operation | function | page | tests |
//! |---|---|---|---|
//! | List | [`Client::pages`] | [Backend][p1], [Workspace Backend][w1] | `request::tests::list_at_both_levels_with_everything_that_can_be_asked`, `response::tests::a_page_keeps_the_letter_of_each_backend`, `list::tests::a_next_page_is_on_the_same_server`, `client::tests::lists::pages_are_followed_to_the_last` |
//! | GetEntityTag | [`Client::entity_tag`] | [Backend][p2], [Workspace Backend][w2] | `request::tests::entity_tag_at_both_levels`, `response::tests::the_mark_alone` |
//! | Get | [`Client::get`], [`Client::get_newest`] | [Backend][p3], [Workspace Backend][w3] | `request::tests::get_at_both_levels`, `response::tests::a_backend_with_its_mark`, `newer::tests::the_look_is_a_get_by_the_newest_version` |
//! | Create Or Update, of what is not there | [`Client::create`] | [Backend][p4], [Workspace Backend][w4] | `request::tests::create_says_nothing_of_a_state`, `response::tests::what_was_created_is_told_from_what_was_replaced`, `examples::workspace_create_or_update_of_a_backend_with_a_proxy`, `examples::workspace_create_or_update_of_a_service_of_service_fabric` |
//! | Create Or Update, of what was seen | [`Client::replace`] | the same | `request::tests::replace_carries_the_etag_and_overwrite_any`, `model::tests::letters::a_read_modify_write_changes_only_what_was_owned` |
//! | Create Or Update, unseen | [`Client::overwrite`] | the same | `request::tests::replace_carries_the_etag_and_overwrite_any` |
//! | Update | [`Client::update`] | [Backend][p5], [Workspace Backend][w5] | `request::tests::update_at_both_levels_carries_the_etag`, `pool::tests::a_read_modify_write_changes_only_what_was_edited`, `patch::tests::a_merge_changes_only_what_was_set`, `client::tests::a_write_is_sent_once_however_its_connection_breaks`, `examples::update` |
//! | Delete | [`Client::delete`] | [Backend][p6], [Workspace Backend][w6] | `request::tests::delete_at_both_levels_carries_the_etag`, `response::tests::what_was_deleted_is_gone` |
//! | Reconnect, at service level alone | [`Client::reconnect`] | [Backend][p7] | `request::tests::reconnect_always_says_when`, `request::tests::reconnect_below_the_minimum_is_asked_for_by_name`, `duration::tests::a_reconnect_waits_two_minutes_at_least`, `response::tests::a_reconnect_is_accepted_without_a_body`, `examples::reconnect` |
//!
//! [p1]: https://learn.microsoft.com/rest/api/apimanagement/backend/list-by-service
//! [p2]: https://learn.microsoft.com/rest/api/apimanagement/backend/get-entity-tag
//! [p3]: https://learn.microsoft.com/rest/api/apimanagement/backend/get
//! [p4]: https://learn.microsoft.com/rest/api/apimanagement/backend/create-or-update
//! [p5]: https://learn.microsoft.com/rest/api/apimanagement/backend/update
//! [p6]: https://learn.microsoft.com/rest/api/apimanagement/backend/delete
//! [p7]: https://learn.microsoft.com/rest/api/apimanagement/backend/reconnect
//! [w1]: https://learn.microsoft.com/rest/api/apimanagement/workspace-backend/list-by-workspace
//! [w2]: https://learn.microsoft.com/rest/api/apimanagement/workspace-backend/get-entity-tag
//! [w3]: https://learn.microsoft.com/rest/api/apimanagement/workspace-backend/get
//! [w4]: https://learn.microsoft.com/rest/api/apimanagement/workspace-backend/create-or-update
//! [w5]: https://learn.microsoft.com/rest/api/apimanagement/workspace-backend/update
//! [w6]: https://learn.microsoft.com/rest/api/apimanagement/workspace-backend/delete
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
//! # Replacing a backend, with everything unknown kept
//!
//! ```no_run
//! # use pointsman_apim::{BackendId, Client, Draft, RequestId, diff, model};
//! # async fn retitle(client: Client, id: BackendId, call: RequestId)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let seen = client.get(&id, call).await?;
//! let mut properties = model::read(seen.document())?;
//! properties.title = Some("Europe".parse()?);
//! let draft = Draft::over(&seen, &properties)?;
//! for line in diff::between(seen.raw(), draft.document().raw()) {
//!     println!("{line}");
//! }
//! client.replace(&id, seen.etag(), &draft, call).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What a type forbids does not compile. A workspace's backend has no Reconnect, so that an id of
//! either level is not taken for it:
//!
//! ```compile_fail,E0308
//! # use pointsman_apim::{After, BackendId, Endpoint, RequestId, request};
//! # fn refused(endpoint: &Endpoint, id: &BackendId, call: RequestId) {
//! request::reconnect(endpoint, id, After::MIN, call);
//! # }
//! ```
//!
//! What was not checked is not sent:
//!
//! ```compile_fail,E0308
//! # use pointsman_apim::{BackendId, Document, Endpoint, RequestId, request};
//! # fn refused(endpoint: &Endpoint, id: &BackendId, document: &Document, call: RequestId) {
//! request::create(endpoint, id, document, call);
//! # }
//! ```
//!
//! Nothing is deleted without the ETag of its state:
//!
//! ```compile_fail,E0061
//! # use pointsman_apim::{BackendId, Endpoint, RequestId, request};
//! # fn refused(endpoint: &Endpoint, id: &BackendId, call: RequestId) {
//! request::delete(endpoint, id, call);
//! # }
//! ```

pub mod answer;
pub mod backend;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
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
pub mod newer;
pub mod patch;
pub mod pool;
pub mod problem;
pub mod property;
pub mod put;
mod raw;
pub mod request;
pub mod response;
pub mod retry;
pub mod secret;
pub mod telemetry;
#[cfg(test)]
#[path = "testing_tests.rs"]
mod testing;
mod text;
pub mod throttle;
#[cfg(feature = "client")]
pub mod timer;
#[cfg(feature = "client")]
pub mod token;
#[cfg(feature = "client")]
mod transport;
pub mod unpublished;
pub mod version;

pub use backend::Backend;
#[cfg(feature = "client")]
pub use client::{Client, Options};
#[cfg(feature = "client")]
pub use credential::Credential;
pub use document::Document;
pub use duration::After;
pub use endpoint::Endpoint;
pub use error::Error;
pub use etag::ETag;
pub use id::{BackendId, Scope, ServiceBackendId, ServiceId};
pub use meta::RequestId;
pub use patch::Patch;
pub use pool::Setting;
pub use put::Draft;
pub use secret::Secret;
pub use unpublished::Unpublished;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// The names of all tests, by the files that they stand in.
    fn tests(folder: &Path, into: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                tests(&path, into);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                let lines: Vec<&str> = text.lines().map(str::trim).collect();
                for (at, line) in lines.iter().enumerate() {
                    let after = line.strip_prefix("#[test]").or(line.strip_prefix("#[tokio::test"));
                    let next = lines.get(at + 1).filter(|_| after.is_some());
                    let name = next.and_then(|line| {
                        let line = line.strip_prefix("async ").unwrap_or(line);
                        line.strip_prefix("fn ")?.split('(').next()
                    });
                    into.extend(name.map(str::to_owned));
                }
            }
        }
    }

    #[test]
    fn the_table_names_tests_that_there_are() {
        let mut all = BTreeSet::new();
        tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        let table = include_str!("lib.rs").lines().filter(|line| line.starts_with("//!"));
        let words = table.flat_map(|line| line.split('`').skip(1).step_by(2));
        let named: Vec<&str> = words
            .filter(|word| word.contains("tests::") || word.starts_with("examples::"))
            .collect();
        assert!(named.len() > 20, "{named:?}");
        for name in named {
            let last = name.rsplit("::").next().unwrap();
            assert!(all.contains(last), "{name} is in the table, and no test");
        }
    }
}
