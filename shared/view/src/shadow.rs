//! `shadow report`: what a shadow would have done in a period, when, and for how long.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    effect,
    id::{IntentId, OverrideId},
    ledger::{Line, What},
    names::BackendId,
    shown::Named,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::value::{Effect, VERSION, Why};

/// What `shadow report` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShadowReport {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// When it was asked.
    pub at: Timestamp,
    /// From when on.
    pub since: Timestamp,
    /// How many writes Azure would have been sent.
    pub writes: u64,
    /// How many reconnects Azure would have been asked for.
    pub reconnects: u64,
    /// What each override would have done: every time that it began or was held, in the order in which
    /// that was.
    pub overrides: Vec<WouldHave>,
}

/// What one override would have done, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WouldHave {
    /// The path of its backend.
    pub backend: String,
    /// The short name of that.
    pub name: String,
    /// The override's id.
    pub id: String,
    /// The play that made it; left out where none did, or where it was claimed before the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub play: Option<String>,
    /// What it would have done; left out where it was claimed before the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// The alert that asked for it first; left out where none did, or where it was claimed before the
    /// period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// For what, in words: an alert and its play, a window, or who asked for it and why; left out where it
    /// was claimed before the period.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub what_for: Option<String>,
    /// When it would have begun; left out where it was held, or began before the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// When it would have been over; left out where it is still on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// What held it, where something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Why>,
}

impl WouldHave {
    fn new(backend: &BackendId, id: &OverrideId, claimed: Option<&Claimed>) -> Self {
        Self {
            backend: backend.to_string(),
            name: backend.short(),
            id: id.to_string(),
            play: claimed.and_then(|claimed| claimed.play.clone()),
            effect: claimed.map(|claimed| Effect::from(&claimed.effect)),
            series: claimed.and_then(|claimed| claimed.series.clone()),
            what_for: claimed.map(|claimed| claimed.what_for.clone()),
            from: None,
            to: None,
            held: None,
        }
    }

    /// For how long it would have been in force, where that is known.
    #[must_use]
    pub fn lasted(&self, now: Timestamp) -> Option<SignedDuration> {
        Some(self.to.unwrap_or(now).duration_since(self.from?))
    }
}

/// What is known of an override from the line that claimed it.
struct Claimed {
    play: Option<String>,
    effect: effect::Effect,
    series: Option<String>,
    what_for: String,
}

impl Claimed {
    /// What this line claims, if it does.
    fn of(what: &What) -> Option<(&OverrideId, Self)> {
        if let What::Claimed { id, play, effect, series, alert } = what {
            let what_for = format!("for {}, by play {play}", Named(series, alert));
            let (play, series) = (Some(play.to_string()), Some(series.to_string()));
            return Some((id, Self { play, effect: effect.clone(), series, what_for }));
        }
        let (id, effect, what_for) = if let What::Opened { id, window, effect, .. } = what {
            (id, effect, format!("by window {window}"))
        } else if let What::Commanded { id, by, reason, effect, .. } = what {
            (id, effect, format!("by {by}: {reason}"))
        } else {
            return None;
        };
        Some((id, Self { play: None, effect: effect.clone(), series: None, what_for }))
    }
}

impl ShadowReport {
    /// What the lines of a shadow's ledger since then come to, oldest first.
    #[must_use]
    pub fn of(lines: &[Line], since: Timestamp, now: Timestamp) -> Self {
        let mut claims: BTreeMap<&OverrideId, Claimed> = BTreeMap::new();
        // Where in the report each override that is on stands.
        let mut on: BTreeMap<&OverrideId, usize> = BTreeMap::new();
        let mut overrides: Vec<WouldHave> = Vec::new();
        let mut writes: BTreeSet<&IntentId> = BTreeSet::new();
        let mut reconnects = 0;
        for line in lines {
            if let What::Wrote { intent } = &line.what {
                writes.insert(intent);
            }
            if let What::ReconnectAccepted { .. } = &line.what {
                reconnects += 1;
            }
            let Some(backend) = &line.backend else { continue };
            claims.extend(Claimed::of(&line.what));
            let mut entry = |id| {
                *on.entry(id).or_insert_with(|| {
                    overrides.push(WouldHave::new(backend, id, claims.get(id)));
                    overrides.len() - 1
                })
            };
            if let What::Began { id } = &line.what {
                let at = entry(id);
                overrides[at].from = Some(line.at);
                overrides[at].held = None;
            } else if let What::Held { id, why } | What::Displaced { id, why, .. } = &line.what {
                let at = entry(id);
                overrides[at].held = Some(Why::of(why));
            } else if let What::Admitted { id } = &line.what {
                let at = entry(id);
                overrides[at].held = None;
            } else if let What::Finished { id } | What::NeverBegan { id, .. } = &line.what {
                let at = entry(id);
                overrides[at].to = Some(line.at);
                on.remove(id);
            }
        }
        let writes = writes.len() as u64;
        Self { version: VERSION, at: now, since, writes, reconnects, overrides }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_core::overrides::{End, Held};

    use pointsman_core::shown::Shown;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    /// The line of a minute.
    fn line(minute: i64, what: What) -> Line {
        let backend =
            "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers\
                       /Microsoft.ApiManagement/service/contoso/backends/chat"
                .parse()
                .unwrap();
        Line::new(at(minute), Some(&backend), what)
    }

    #[test]
    fn each_time_that_an_override_would_have_acted_is_told_with_how_long() {
        let id = |name: &str| OverrideId::derive(&[name]);
        let claimed = |name: &str, member: &str| What::Claimed {
            id: id(name),
            play: "drain".parse().unwrap(),
            effect: effect::Effect::Drain { member: member.parse().unwrap() },
            series: "am/f1".parse().unwrap(),
            alert: Shown::default(),
        };
        let by_hand = What::Commanded {
            force: false,
            id: id("ap"),
            by: "anna".to_owned(),
            reason: "INC-7".to_owned(),
            effect: effect::Effect::Drain { member: "ap".parse().unwrap() },
            lasts: SignedDuration::from_hours(1),
        };
        let intent = || IntentId::derive(&["write"]);
        let over = |name: &str| What::Finished { id: id(name) };
        let lines = [
            // It began before the period.
            line(0, over("old")),
            line(1, claimed("eu", "eu")),
            line(1, What::Began { id: id("eu") }),
            line(1, What::Wrote { intent: intent() }),
            line(2, claimed("us", "us")),
            line(2, What::Held { id: id("us"), why: Held::Emptied }),
            line(9, over("eu")),
            line(10, What::Began { id: id("us") }),
            line(12, What::NeverBegan { id: id("no"), why: End::Resolved }),
            // The same override again.
            line(20, What::Began { id: id("eu") }),
            // By hand.
            line(21, by_hand),
            line(22, What::Began { id: id("ap") }),
        ];
        let report = ShadowReport::of(&lines, at(0), at(30));
        assert_eq!((report.writes, report.reconnects), (1, 0));
        let told = report.overrides.iter().map(|one| {
            let effect = one.effect.as_ref().map_or("?", |effect| &effect.says);
            let lasted = one.lasted(at(30)).map(|lasted| lasted.as_mins());
            let what_for = one.what_for.as_deref().unwrap_or("?");
            (effect.to_owned(), what_for.to_owned(), lasted, one.to.is_some(), one.held.is_some())
        });
        let wanted = [
            ("?", "?", None, true, false),
            ("drain eu", "for am/f1, by play drain", Some(8), true, false),
            ("drain us", "for am/f1, by play drain", Some(20), false, false),
            ("?", "?", None, true, false),
            ("drain eu", "for am/f1, by play drain", Some(10), false, false),
            ("drain ap", "by anna: INC-7", Some(8), false, false),
        ];
        let wanted = wanted.map(|(effect, what_for, lasted, over, held)| {
            (effect.to_owned(), what_for.to_owned(), lasted, over, held)
        });
        assert_eq!(told.collect::<Vec<_>>(), wanted);
    }
}
