//! What the ledger of this machine's store is told of a change by hand, where there is a store: who made it. A
//! running `serve` sees only that somebody wrote, and takes what it sees as the new baseline.

use pointsman_apim::{BackendId, diff::Line};
use pointsman_core::{
    ledger::{self, What},
    text::clipped,
};
use pointsman_engine::ports::Commit;
use pointsman_host::Records;

use super::desk::Desk;
use crate::{failed::Failed, operate::By, show};

/// How many changes a line tells, and how much of each, in characters.
const CHANGES_MAX: usize = 20;
const CHANGE_CHARS_MAX: usize = 200;

/// Tells that `command` was carried out. Where that cannot be told, it is done all the same.
pub(super) async fn tell(desk: &Desk, id: &BackendId, command: &str, by: &By, lines: &[Line]) {
    if let Err(why) = told(desk, id, command, by, lines).await {
        show::note(format_args!("it is done, and the ledger could not be told by whom: {why}"));
    }
}

async fn told(
    desk: &Desk,
    id: &BackendId,
    command: &str,
    By { by }: &By,
    lines: &[Line],
) -> Result<(), Failed> {
    let (file, is_there) = &desk.store;
    if !*is_there {
        return Ok(());
    }
    let backend = id.to_string().parse()?;
    let shown = lines.iter().take(CHANGES_MAX);
    let mut changes: Vec<String> =
        shown.map(|line| clipped(&line.to_string(), CHANGE_CHARS_MAX)).collect();
    let more = lines.len().saturating_sub(CHANGES_MAX);
    changes.extend((more > 0).then(|| format!("and {more} more")));
    let what = What::ByHand { command: format!("backend {command}"), by: by.clone(), changes };
    let records = Records::open(file).await?;
    let line = ledger::Line::new(records.clock.now(), Some(&backend), what);
    let commit = Commit { lines: vec![line], ..Commit::default() };
    let saved = records.store.commit(&commit).await;
    records.close().await;
    saved?;
    Ok(())
}
