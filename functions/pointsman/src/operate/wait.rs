//! What an undo and a release wait for, told while they wait: silence looks like a hang.

use std::{collections::BTreeMap, time::Duration};

use pointsman_core::{document::Document, names::BackendId};
use pointsman_view::{self as view, Missing, Reader};
use tokio::time::Instant;

use crate::show;

/// After how long it is told what is waited for.
const SILENT_FOR: Duration = Duration::from_secs(2);

/// How many lines are told, however long it takes.
const LINES_MAX: usize = 60;

/// What is left to be done of a backend until it is restored, the most telling first.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Left {
    /// Azure does not answer for it, or refuses: why.
    Trouble(String),
    /// Azure keeps another value of a field.
    Kept(String),
    /// Azure shows no such backend.
    Missing(String),
    /// Something of it has not ended.
    Running,
    /// Fields are to be restored: how many.
    Fields(usize),
    /// A write may still land.
    Landing(String),
    /// Nothing but what others are to know.
    Closing,
}

impl Left {
    /// None where nothing is.
    fn of(document: &Document, reader: &Reader) -> Option<Self> {
        if document.is_at_rest() {
            return None;
        }
        let is_on = |over: &pointsman_core::overrides::Override| !over.has_ended();
        let kept = || {
            let mut unmet = document.owned.iter().filter(|(_, owned)| owned.unmet().is_some());
            let (field, owned) = unmet.next()?;
            let (wanted, kept) = (&owned.baseline, &owned.written);
            Some(format!("{field} should be {wanted} again, and Azure keeps {kept}"))
        };
        Some(if let Some(trouble) = &document.trouble {
            Self::Trouble(trouble.why.clone())
        } else if let Some(kept) = kept() {
            Self::Kept(kept)
        } else if let Some(missing) = Missing::of(document, reader.now()) {
            Self::Missing(missing.says(reader))
        } else if document.overrides.values().any(is_on) {
            Self::Running
        } else if !document.owned.is_empty() {
            Self::Fields(document.owned.len())
        } else if let Some(may_land) = view::may_land(document, reader) {
            Self::Landing(may_land)
        } else {
            Self::Closing
        })
    }

    /// Whether it is told as the same: each try may have another id in what Azure says of it.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fields(one), Self::Fields(other)) => one == other,
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }

    fn says(&self, reader: &Reader) -> String {
        match self {
            Self::Trouble(why) | Self::Kept(why) | Self::Missing(why) | Self::Landing(why) => {
                reader.retold(why, Reader::second)
            }
            Self::Running => reader
                .tells("its overrides have not ended yet", "its overrides would not have ended yet")
                .to_owned(),
            Self::Fields(many) => {
                let to = reader.tells("to restore", "that would still have to be restored");
                format!("{} {to}", view::count(*many, "field"))
            }
            Self::Closing => {
                let (is, is_not) =
                    (reader.tells("is", "would be"), reader.tells("is not", "would not be"));
                format!("it {is} restored, and what follows {is_not} done yet")
            }
        }
    }
}

/// What was told of what is waited for.
pub(super) struct Wait {
    from: Instant,
    told: BTreeMap<BackendId, Option<Left>>,
    lines: usize,
}

impl Wait {
    /// From now on.
    pub(super) fn new() -> Self {
        Self { from: Instant::now() + SILENT_FOR, told: BTreeMap::new(), lines: 0 }
    }

    /// Tells what is waited for, after a while: a line a backend, and another once that changes.
    pub(super) fn tell<'a>(
        &mut self,
        documents: impl IntoIterator<Item = &'a Document>,
        reader: &Reader,
    ) {
        if Instant::now() < self.from {
            return;
        }
        for document in documents {
            let left = Left::of(document, reader);
            let told = self.told.get(&document.backend);
            let is_told = match (told, &left) {
                (None | Some(None), None) => true,
                (Some(Some(told)), Some(left)) => told.is_like(left),
                (Some(Some(_)), None) | (None | Some(None), Some(_)) => false,
            };
            if is_told {
                continue;
            }
            let name = document.backend.short();
            self.line(match &left {
                Some(left) => format!("waiting for {name}: {}", left.says(reader)),
                None => format!("{name} {} restored", reader.tells("is", "would be")),
            });
            self.told.insert(document.backend.clone(), left);
        }
    }

    fn line(&mut self, line: String) {
        self.lines += 1;
        if self.lines < LINES_MAX {
            show::note(line);
        } else if self.lines == LINES_MAX {
            show::note("and so on: `pointsman status` shows all that is waited for");
        }
    }
}
