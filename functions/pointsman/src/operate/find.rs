//! Finding what a person means: a backend, or an override.

use std::collections::BTreeMap;

use pointsman_core::{
    document::Document,
    field::Field,
    group::Scope,
    id::OverrideId,
    names::{BackendId, BackendName},
    overrides::Override,
};
use pointsman_engine::engine::load;
use pointsman_host::Records;
use pointsman_view::{About, ID_CHARS_MIN, Over};

use crate::failed::Failed;

/// How many names an error lists.
const NAMES_MAX: usize = 20;

/// How many lines are looked through for those that are asked for.
pub(super) const LINES_LOOKED_THROUGH_MAX: usize = 20_000;

/// Finds the backend that is called so: a pool of the playbook, a backend's name, `service/name`,
/// or its whole path in Azure.
pub(crate) async fn backend(records: &Records, text: &str) -> Result<BackendId, Failed> {
    if let Ok(id) = text.parse::<BackendId>() {
        return Ok(id);
    }
    let mut known: Vec<(BackendId, Option<String>)> = Vec::new();
    let mut named = text.to_owned();
    if let Some(published) = records.store.published().await?
        && let Ok(loaded) = load(&published)
    {
        let managed = loaded.playbook.managed();
        known.extend(managed.map(|(alias, backend)| (backend.clone(), Some(alias.to_owned()))));
        // A service, too, is called what the playbook calls it.
        let called = text.split_once('/').and_then(|(alias, name)| {
            let mut services = loaded.playbook.services.iter();
            let (_, service) = services.find(|(known, _)| known.as_str() == alias)?;
            Some(format!("{}/{name}", service.name))
        });
        named = called.unwrap_or(named);
    }
    for document in records.store.documents().await? {
        let Document { backend, reconnects, .. } = document.body;
        let targets = reconnects.into_values().map(|reconnect| reconnect.target);
        for backend in std::iter::once(backend).chain(targets) {
            if !known.iter().any(|(seen, _)| *seen == backend) {
                known.push((backend, None));
            }
        }
    }
    pick(&known, &named)
}

/// Picks the one that is called so. What the playbook calls it goes before what Azure does.
fn pick(known: &[(BackendId, Option<String>)], text: &str) -> Result<BackendId, Failed> {
    if let Some((backend, _)) = known.iter().find(|(_, alias)| alias.as_deref() == Some(text)) {
        return Ok(backend.clone());
    }
    let mut means: Vec<&BackendId> = known
        .iter()
        .map(|(backend, _)| backend)
        .filter(|backend| {
            backend.name.as_str().eq_ignore_ascii_case(text)
                || backend.short().eq_ignore_ascii_case(text)
        })
        .collect();
    means.dedup();
    match means.as_slice() {
        [one] => Ok((*one).clone()),
        [] if known.is_empty() => Err(Failed::new(format_args!(
            "no backend is called `{text}`; none is known before a playbook is published"
        ))),
        [] => {
            let named = known
                .iter()
                .map(|(backend, alias)| alias.clone().unwrap_or_else(|| backend.short()));
            let mut names: Vec<String> = named.take(NAMES_MAX).collect();
            if known.len() > NAMES_MAX {
                names.push("…".to_owned());
            }
            Err(Failed::new(format_args!(
                "no backend is called `{text}`; known are: {}",
                names.join(", ")
            )))
        }
        several => {
            let doubt = Failed::new(format_args!("{text} could be any of these; name one:"));
            Err(several.iter().fold(doubt, |doubt, name| doubt.and(format_args!("  {name}"))))
        }
    }
}

/// What `explain` was asked about: a backend, or a member or an override of one.
pub(super) async fn anything(
    records: &Records,
    documents: &[Document],
    text: &str,
) -> Result<(BackendId, Option<About>), Failed> {
    let found = backend(records, text).await;
    // A backend at which nothing is going on says less than the pool that it is a member of.
    let is_busy = |backend: &BackendId| {
        documents.iter().any(|document| document.backend == *backend && !document.is_at_rest())
    };
    if let Ok(backend) = &found
        && (text.contains('/') || is_busy(backend) || pools_of(documents, text).is_empty())
    {
        return Ok((backend.clone(), None));
    }
    let listed = if found.is_err() { listed_by(records, text).await? } else { Vec::new() };
    let mut pools = pools_of(documents, text);
    if pools.is_empty() {
        pools.extend(&listed);
    }
    match (pools.as_slice(), found) {
        ([pool], _) => {
            let member = text.to_lowercase();
            Ok(((*pool).clone(), Some(About::Member { member })))
        }
        ([], Ok(backend)) => Ok((backend, None)),
        ([], Err(unknown)) => match begun_so(documents, text)?.pop() {
            Some((backend, over)) => {
                Ok((backend, Some(About::Override { id: over.id.to_string() })))
            }
            None => {
                if let Some((backend, id)) = over_by_now(records, documents, text).await? {
                    return Ok((backend, Some(About::Override { id: id.to_string() })));
                }
                let unknown = unknown.and("a member is known once `serve` has looked at its pool");
                Err(match text.len() < ID_CHARS_MIN {
                    true => unknown.and(format_args!(
                        "an override is named by at least {ID_CHARS_MIN} characters of its id"
                    )),
                    false => unknown,
                })
            }
        },
        (several, _) => {
            let doubt = format_args!("{text} is a member of several pools; name one of them:");
            Err(several.iter().fold(Failed::new(doubt), |doubt, pool| {
                doubt.and(format_args!("  {}", pool.short()))
            }))
        }
    }
}

/// The pools that are known to list a member of this name: those at which something is going on, where there
/// are such.
pub(super) fn pools_of<'a>(documents: &'a [Document], text: &str) -> Vec<&'a BackendId> {
    let Ok(name) = text.parse::<BackendName>() else { return Vec::new() };
    let (weight, priority) = (Field::weight(&name), Field::priority(&name));
    let lists = |document: &&Document| {
        let seen = document.sight.as_ref().and_then(|sight| sight.body.get(&weight));
        seen.is_some()
            || [&weight, &priority].iter().any(|field| document.owned.contains_key(field))
    };
    let (at_rest, busy): (Vec<&Document>, Vec<&Document>) =
        documents.iter().filter(lists).partition(|document| document.is_at_rest());
    let meant = if busy.is_empty() { at_rest } else { busy };
    meant.into_iter().map(|document| &document.backend).collect()
}

/// The pools of the playbook that listed a member of this name when `serve` last looked at them.
async fn listed_by(records: &Records, text: &str) -> Result<Vec<BackendId>, Failed> {
    let (Ok(name), Some(published)) =
        (text.parse::<BackendName>(), records.store.published().await?)
    else {
        return Ok(Vec::new());
    };
    let Ok(loaded) = load(&published) else { return Ok(Vec::new()) };
    let pools = loaded.playbook.pools.values().map(|pool| Scope::Members(pool.backend.clone()));
    let groups = records.store.groups(&pools.collect()).await?;
    let lists = |pool: &BackendId| {
        let known = groups.get(&Scope::Members(pool.clone()));
        known.is_some_and(|known| known.body.members.contains(&name))
    };
    let pools = loaded.playbook.pools.values().map(|pool| pool.backend.clone());
    Ok(pools.filter(lists).collect())
}

/// The override whose id begins so and that is over, as the documents or the newest lines of the ledger know
/// it.
pub(super) async fn over_by_now(
    records: &Records,
    documents: &[Document],
    text: &str,
) -> Result<Option<(BackendId, OverrideId)>, Failed> {
    if text.len() < ID_CHARS_MIN {
        return Ok(None);
    }
    let lines = records.store.history(None, LINES_LOOKED_THROUGH_MAX).await?;
    let undone = documents.iter().flat_map(|document| {
        let ids = document.undone.keys().filter(|id| id.as_str().starts_with(text));
        ids.map(|id| (id, &document.backend))
    });
    let found: BTreeMap<_, _> = Over::begun_so(&lines, text).into_iter().chain(undone).collect();
    if found.len() > 1 {
        let ids = found.keys().take(NAMES_MAX).map(ToString::to_string).collect::<Vec<_>>();
        let ids = ids.join(", ");
        return Err(Failed::new(format_args!("{text} could be any of {ids}; type more of it")));
    }
    Ok(found.into_iter().next().map(|(id, backend)| (backend.clone(), id.clone())))
}

/// Finds the override whose id begins so: one that is claimed, in force or ramping out.
pub(crate) fn over(
    documents: &[Document],
    text: &str,
) -> Result<Option<(BackendId, Override)>, Failed> {
    Ok(begun_so(documents, text)?.pop())
}

/// The overrides whose id begins so: one, or none.
fn begun_so(documents: &[Document], text: &str) -> Result<Vec<(BackendId, Override)>, Failed> {
    if text.len() < ID_CHARS_MIN {
        return Ok(Vec::new());
    }
    let overrides = documents.iter().flat_map(|document| {
        document.overrides.values().map(|over| (document.backend.clone(), over.clone()))
    });
    let found: Vec<_> = overrides.filter(|(_, over)| over.id.as_str().starts_with(text)).collect();
    if found.len() > 1 {
        let each: Vec<String> =
            found.iter().map(|(_, over)| format!("{} ({})", over.id, over.effect)).collect();
        let each = each.join(", ");
        return Err(Failed::new(format_args!("{text} could be any of {each}; type more of it")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(service: &str, name: &str) -> BackendId {
        format!(
            "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/\
             Microsoft.ApiManagement/service/{service}/backends/{name}"
        )
        .parse()
        .unwrap()
    }

    #[test]
    fn a_backend_is_found_by_each_of_its_names_and_doubt_is_said() {
        let known = [
            (id("one", "chat-pool"), Some("chat".to_owned())),
            (id("two", "chat-pool"), None),
            (id("two", "chat"), None),
        ];
        assert_eq!(pick(&known, "chat").unwrap(), known[0].0, "the playbook's name goes first");
        assert_eq!(pick(&known, "ONE/chat-pool").unwrap(), known[0].0);
        assert_eq!(pick(&known, "two/chat").unwrap(), known[2].0);
        let doubt = pick(&known, "chat-pool").unwrap_err().to_string();
        assert!(doubt.contains("service/one/") && doubt.contains("service/two/"), "{doubt}");
        let unknown = pick(&known, "nope").unwrap_err().to_string();
        assert_eq!(
            unknown,
            "no backend is called `nope`; known are: chat, two/chat-pool, two/chat"
        );
    }
}
