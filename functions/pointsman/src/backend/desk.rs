//! What each command on backends works with.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use pointsman_apim::{Client, RequestId};
use pointsman_engine::Mode;
use pointsman_host::config::Needs;
use uuid::Uuid;

use super::{names::Names, print::Output};
use crate::{
    common::{Common, azure},
    failed::Failed,
};

/// What a command works with.
pub(super) struct Desk {
    pub(super) client: Client,
    pub(super) names: Names,
    pub(super) output: Output,
    /// Whether nothing may be written.
    pub(super) shadow: bool,
    /// In which zone times are shown.
    pub(super) zone: TimeZone,
    /// The store's file, and whether it is there.
    pub(super) store: (PathBuf, bool),
}

impl Desk {
    pub(super) async fn open(common: &Common, output: Output) -> Result<Self, Failed> {
        let config = common.config(Needs::Azure)?;
        let names = Names::read(common, &config).await;
        let client = azure(&config)?;
        let store = common.store(&config)?;
        let (shadow, zone) = (common.mode() == Mode::Shadow, common.zone());
        Ok(Self { client, names, output, shadow, zone, store })
    }
}

/// The id of the next request.
pub(super) fn call() -> RequestId {
    Uuid::now_v7().into()
}
