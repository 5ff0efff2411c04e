//! `explain`: one backend, and how it came to be so.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use pointsman_core::{
    document::Document,
    field, lay, ledger,
    names::BackendId,
    overrides::{Life, Override, Standing},
    playbook::Playbook,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    backend::{Backend, Reconnect, terms},
    ended::Over,
    history::{Line, What},
    pool::effects,
    status::Pauses,
    value::{Effect, VERSION, Value, Why},
    words::Reader,
};

/// What `explain` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Explain {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// When it was asked.
    pub at: Timestamp,
    /// Whether it is the shadow's: nothing of it is written to Azure.
    pub shadow: bool,
    /// The backend's path in Azure.
    pub backend: String,
    /// Its short name: `service/name`.
    pub name: String,
    /// The member or the override that was asked about, where it was not the backend as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// The pauses that are on and concern it.
    #[serde(flatten)]
    pub pauses: Pauses,
    /// The override that was asked about, where it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<Over>,
    /// What is going on; left out where no alert has ever concerned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Backend>,
    /// How its fields came about that are changed, or that something is asked of; where a member or an
    /// override was asked about, the fields of that.
    pub why: Vec<Explained>,
    /// Its reconnects that follow what was done to other backends.
    pub following: Vec<Following>,
    /// The newest lines of its ledger, oldest first; where a member or an override was asked about, those
    /// about it, and those about the backend as a whole.
    pub lines: Vec<Line>,
}

/// What was asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum About {
    /// A member of the backend.
    Member {
        /// Its name.
        member: String,
    },
    /// An override.
    Override {
        /// Its id.
        id: String,
    },
}

impl About {
    fn concerns(&self, field: &field::Field, why: &lay::Why) -> bool {
        match self {
            Self::Member { member } => match field {
                field::Field::Weight(name)
                | field::Field::Priority(name)
                | field::Field::Membership(name) => name.as_str() == member,
                field::Field::Existence | field::Field::Property(_) => false,
            },
            Self::Override { id } => why.asked.iter().any(|asked| asked.by.as_str() == id),
        }
    }

    /// Of these lines of its backend's ledger, those about it, and those about the backend as a whole.
    /// What cannot be told apart, because what it goes back to is older than all of them, is kept.
    #[must_use]
    pub fn lines(&self, state: Option<&Backend>, lines: Vec<ledger::Line>) -> Vec<ledger::Line> {
        let mut sorting = Sorting::new(self, state);
        lines.into_iter().filter(|line| sorting.is_about(&line.what)).collect()
    }
}

/// Which lines of a ledger are about a member or an override. It is shown them from the oldest on.
struct Sorting<'a> {
    about: &'a About,
    /// The members whose fields it is about.
    members: BTreeSet<String>,
    /// The ids of overrides, reconnects and writes that are known, each with whether it is about them.
    known: BTreeMap<String, bool>,
}

impl<'a> Sorting<'a> {
    fn new(about: &'a About, state: Option<&Backend>) -> Self {
        let mut sorting = Self { about, members: BTreeSet::new(), known: BTreeMap::new() };
        if let About::Member { member } = about {
            sorting.members.insert(member.clone());
        }
        for over in state.iter().flat_map(|state| &state.overrides) {
            sorting.learn(&over.id, &over.effect);
        }
        // A standby is promoted by what is done to others.
        let pool = state.and_then(|state| state.pool.as_ref());
        for row in pool.iter().flat_map(|pool| &pool.members) {
            if sorting.members.contains(&row.member) {
                let by = row.promoted.iter().flat_map(|promoted| &promoted.by);
                sorting.known.extend(by.map(|id| (id.clone(), true)));
            }
        }
        sorting
    }

    /// Takes in what an override does.
    fn learn(&mut self, id: &str, effect: &Effect) {
        let is_about = match self.about {
            About::Member { member } => effect.members.contains(member),
            About::Override { id: asked } => asked == id,
        };
        if is_about && matches!(self.about, About::Override { .. }) {
            self.members.extend(effect.members.iter().cloned());
        }
        // What is known of it already may be that it promoted this member.
        self.known.entry(id.to_owned()).or_insert(is_about);
    }

    fn is_about(&mut self, told: &ledger::What) -> bool {
        let what = What::from(told);
        if let ledger::What::Claimed { id, effect, .. }
        | ledger::What::Commanded { id, effect, .. }
        | ledger::What::Opened { id, effect, .. } = told
        {
            self.learn(id.as_str(), &Effect::from(effect));
        }
        let of_members = |field: &str| {
            let member = field.strip_prefix("members/").and_then(|rest| rest.split('/').next());
            member.is_some_and(|member| self.members.contains(member))
        };
        if let Some(target) = &what.target {
            return target.rsplit('/').next().is_some_and(|name| self.members.contains(name));
        }
        if what.field.is_some() || !what.changes.is_empty() {
            let fields = what.field.iter().chain(what.changes.iter().map(|change| &change.field));
            let is_about = fields.map(String::as_str).any(of_members);
            self.known.extend(what.intent.map(|intent| (intent, is_about)));
            return is_about;
        }
        let ids: Vec<&String> = what.id.iter().chain(&what.intent).chain(&what.overrides).collect();
        ids.is_empty() || ids.iter().any(|id| self.known.get(*id).copied().unwrap_or(true))
    }
}

/// How a field came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// Which: `members/eu/weight`.
    pub field: String,
    /// What its owner left there.
    pub baseline: Value,
    /// What stands there now, as it was written or seen last.
    pub now: Value,
    /// What it should be.
    pub wanted: Value,
    /// What is asked of it, in the order of rank: the strongest first.
    pub asked: Vec<Asked>,
    /// What was done to it that nobody asked for, in words, with the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<String>,
}

/// What one override asks of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Its id.
    pub id: String,
    /// The play that made it; left out where a window or an operator did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub play: Option<String>,
    /// What it does.
    pub effect: Effect,
    /// The weight that it asks for now, before rounding: `"1.5"`; left out where it asks that the member
    /// serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// What becomes of that.
    pub fate: Fate,
    /// The id of the override that decides instead, where it lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_to: Option<String>,
    /// What keeps it back, if something does, or why it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// The same in words.
    pub says: String,
}

/// What becomes of what an override asks of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// It decides.
    Decides,
    /// It asks for what is decided anyway.
    Agrees,
    /// Something stronger decides, or something that asks for less.
    Loses,
    /// A limit keeps it back.
    Held,
    /// It has ended, and what it asks for stands until it is given back.
    Ending,
}

impl Explained {
    /// How the fields of a document came about: all of them, or those that were asked about.
    #[must_use]
    pub fn all(
        document: &Document,
        playbook: Option<&Playbook>,
        about: Option<&About>,
        reader: &Reader,
    ) -> Vec<Self> {
        let laid = document.laid(&terms(document, playbook)).unwrap_or_default();
        let none = lay::Why::default();
        let fields: BTreeSet<_> = document.owned.keys().chain(laid.why.keys()).collect();
        let all = fields.into_iter().filter_map(|field| {
            let why = laid.why.get(field).unwrap_or(&none);
            about.is_none_or(|about| about.concerns(field, why)).then_some(())?;
            let shown = document.sight.as_ref().and_then(|sight| sight.body.get(field));
            let owned = document.owned.get(field);
            let baseline = owned.map(|owned| &owned.baseline).or(shown.as_ref())?;
            let asked = why.asked.iter();
            let asked = asked.filter_map(|asked| Asked::of((document, &laid), why, asked, reader));
            Some(Self {
                field: field.to_string(),
                baseline: baseline.into(),
                now: owned.map(|owned| &owned.written).or(shown.as_ref())?.into(),
                wanted: laid.values.get(field).unwrap_or(baseline).into(),
                asked: asked.collect(),
                also: why.also.map(|also| {
                    let by = laid.owners.get(field).into_iter().flatten();
                    format!("{}, because of {}", done(also, reader), effects(document, by))
                }),
            })
        });
        all.collect()
    }
}

/// What was done to a field that nobody asked for.
fn done(also: lay::Also, reader: &Reader) -> String {
    let (be, is) = (reader.tells("", "would be "), reader.tells("is", "would be"));
    match also {
        lay::Also::Promoted => format!("{be}promoted, so that the limits hold"),
        lay::Also::Weighted => format!("{be}given a weight, as it serves now and had none"),
        lay::Also::Times(factor) => {
            format!("its group {is} written times {factor}, so that the shares fit whole numbers")
        }
        lay::Also::Numbered => format!("its group has nulls, and {is} written in numbers"),
    }
}

impl Asked {
    fn of(
        (document, laid): (&Document, &lay::Laid),
        why: &lay::Why,
        asked: &lay::Asked,
        reader: &Reader,
    ) -> Option<Self> {
        let over: &Override = document.overrides.get(&asked.by)?;
        let (ended, held) = match (&over.life, &over.standing) {
            (Life::Ended { why, .. }, _) if !over.is_asked_again() => (Some(why), None),
            // As it was decided last, whatever has become of others since.
            (_, Standing::Held(why)) => (None, Some(why)),
            (_, Standing::Unseen | Standing::Admitted | Standing::Yielded) => {
                (None, laid.held.get(&asked.by))
            }
        };
        let decider = why.decider().and_then(|id| document.overrides.get(id));
        let loses = asked.fate == lay::Fate::Loses && ended.is_none() && held.is_none();
        let decider = decider.filter(|_| loses);
        let (fate, says) = match (asked.fate, ended, held) {
            (_, Some(why), _) => {
                let until = reader.tells("until it is given back", "until it would be given back");
                (Fate::Ending, format!("stands {until}: {why}"))
            }
            (_, None, Some(why)) => (Fate::Held, why.says(reader.tells("", "would be "))),
            (lay::Fate::Held, None, None) => (Fate::Held, "held".to_owned()),
            (lay::Fate::Decides, None, None) => (Fate::Decides, "decides".to_owned()),
            (lay::Fate::Agrees, None, None) => (Fate::Agrees, "asks for the same".to_owned()),
            (lay::Fate::Loses, None, None) => {
                let to = decider
                    .map_or_else(String::new, |to| format!(" to {} ({})", to.named(), to.id));
                (Fate::Loses, format!("lost{to}"))
            }
        };
        let effect = Effect::from(&over.effect);
        let (weight, wants) = match &asked.asks {
            lay::Asks::Weight(exact) => (Some(exact.to_string()), exact.to_string()),
            lay::Asks::Serve(_) => (None, "to serve".to_owned()),
            lay::Asks::Tighten(tighten) => (None, format!("at least as tight as {tighten}")),
            lay::Asks::Be(value) => (None, value.to_string()),
            lay::Asks::Exist => (None, "to be there".to_owned()),
            lay::Asks::Join => (None, "to be listed".to_owned()),
        };
        Some(Self {
            id: asked.by.to_string(),
            play: over.origin.play().map(ToString::to_string),
            weight,
            fate,
            lost_to: decider.map(|to| to.id.to_string()),
            why: ended.map(Why::of).or_else(|| held.map(Why::of)),
            says: format!("{effect}: {wants}, {says}"),
            effect,
        })
    }
}

/// A reconnect of a backend that follows what was done to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Following {
    /// The path of the other.
    pub after: String,
    /// Its short name.
    pub name: String,
    /// The reconnect.
    pub reconnect: Reconnect,
}

impl Following {
    /// The reconnects of `target` that follow other backends' overrides.
    #[must_use]
    pub fn of(documents: &[Document], target: &BackendId) -> Vec<Self> {
        let others = documents.iter().filter(|document| document.backend != *target);
        Self::all(others, |backend| backend == target)
    }

    /// The reconnects of a member of `pool` that follow what was done to any backend.
    #[must_use]
    pub fn of_member(documents: &[Document], pool: &BackendId, member: &str) -> Vec<Self> {
        Self::all(documents, |backend| {
            backend.name.as_str() == member && pool.sibling(backend.name.clone()) == *backend
        })
    }

    fn all<'a>(
        documents: impl IntoIterator<Item = &'a Document>,
        is_target: impl Fn(&BackendId) -> bool,
    ) -> Vec<Self> {
        let reconnects = documents.into_iter().flat_map(|document| {
            document.reconnects.values().map(|reconnect| (&document.backend, reconnect))
        });
        let of_target = reconnects.filter(|(_, reconnect)| is_target(&reconnect.target));
        let following = of_target.map(|(after, reconnect)| Self {
            after: after.to_string(),
            name: after.short(),
            reconnect: Reconnect::of(reconnect),
        });
        following.collect()
    }
}
