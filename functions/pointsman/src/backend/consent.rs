//! What a change by hand does beside what it says: to an override, or to a pool. The user is told, and
//! asked whether that is meant.

use std::io::{self, IsTerminal as _, Write as _};

use pointsman_apim::{BackendId, diff::Line, list::Query};
use pointsman_core::{field::Field, overrides::Override};
use pointsman_host::Records;

use super::{
    desk::{Desk, call},
    print,
};
use crate::{failed::Failed, page::Page, show};

/// Tells `warning`, if there is something to tell, and says whether the change is to be made: only if that
/// is meant, and not if the change is only to be shown.
pub(super) fn given(
    desk: &Desk,
    warning: &Page,
    only_shown: bool,
    yes: bool,
) -> Result<bool, Failed> {
    show::notes(warning);
    if only_shown || desk.shadow {
        return Ok(false);
    }
    if warning.is_empty() || yes || (is_asked() && answered_yes()?) {
        return Ok(true);
    }
    Err(Failed::new("nothing was changed: add --yes if you mean it"))
}

/// Whether somebody is there to ask.
fn is_asked() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

fn answered_yes() -> Result<bool, Failed> {
    let mut prompt = io::stderr().lock();
    write!(prompt, "go on? [y/N] ")?;
    prompt.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// The overrides that hold what these lines change; all of the backend, where it is to be deleted.
pub(super) async fn overridden(
    desk: &Desk,
    id: &BackendId,
    lines: Option<&[Line]>,
) -> Result<Page, Failed> {
    let mut page = Page::default();
    let (file, is_there) = &desk.store;
    let Ok(backend) = id.to_string().parse() else { return Ok(page) };
    if !*is_there {
        return Ok(page);
    }
    let records = Records::open(file).await?;
    let document = records.store.document(&backend).await?;
    records.close().await;
    let Some(document) = document else { return Ok(page) };
    let document = document.body;
    let changes = |field: &Field| {
        let path = match field {
            Field::Weight(member) => format!("properties.pool.services[{member}].weight"),
            Field::Priority(member) => format!("properties.pool.services[{member}].priority"),
            Field::Membership(member) => format!("properties.pool.services[{member}]"),
            // Whoever deletes it names no field.
            Field::Existence => return lines.is_none(),
            Field::Property(property) => format!("properties.{property}"),
        };
        // The whole member, or the whole list, may be what changes.
        lines.is_none_or(|lines| {
            lines.iter().any(|line| path.starts_with(&line.path) || line.path.starts_with(&path))
        })
    };
    let changed: Vec<_> = document.owned.iter().filter(|(field, _)| changes(field)).collect();
    for (field, owned) in &changed {
        page.line(format_args!(
            "{field} is overridden: its owner left {}, and Pointsman wrote {}",
            owned.baseline, owned.written
        ));
    }
    if !page.is_empty() {
        let asks = |over: &&Override| changed.iter().any(|(field, _)| over.effect.touches(field));
        let all: Vec<_> = document.overrides.values().filter(|over| over.takes_part()).collect();
        let asking: Vec<_> = all.iter().copied().filter(asks).collect();
        // What a limit needs beside what is asked belongs to all of them.
        for over in if asking.is_empty() { all } else { asking } {
            page.line(format_args!("  {} ({}), by {}", over.effect, over.id, over.origin));
        }
        page.line(match lines {
            Some(_) => "what you write counts as its owner's new value, and the override gives way",
            None => "a deletion takes away what they are to give back to",
        });
        page.line("to end the override instead: `pointsman undo ID --reason TEXT`");
    }
    Ok(page)
}

/// The pools that list a backend.
pub(super) async fn listed(desk: &Desk, id: &BackendId) -> Result<Page, Failed> {
    let mut page = Page::default();
    let mut pages = desk.client.pages(id.scope(), &Query::default(), call());
    while let Some(some) = pages.next().await? {
        for backend in &some.backends {
            // One whose members cannot be read is told by Azure's own answer.
            let Ok(members) = backend.pool() else { continue };
            if let Some(member) = members.member(id.backend()) {
                let pool = backend.raw()["name"].as_str().unwrap_or_default();
                let (id, weight, priority) = (print::short(id), member.weight, member.priority);
                page.line(format_args!(
                    "the pool {pool} lists {id} as a member, with weight {weight} and priority {priority}"
                ));
            }
        }
    }
    Ok(page)
}
