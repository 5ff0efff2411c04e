//! What an operator asks for by hand: an override like any other, with an operator's authority.
//!
//! A command is a series of its own, with one occurrence that no source ends: it lasts for as long as the
//! operator said. The next command about the same target and field takes its place, whoever gives it: the last
//! word counts, so that a drain can be made a shift, or be prolonged.

use jiff::{SignedDuration, Timestamp};

use super::Document;
use crate::{
    claim::Asked,
    effect::Effect,
    field::Field,
    id::{MessageId, OverrideId},
    lease::{Lease, Until, later},
    ledger::What,
    names::BackendId,
    origin::{Authority, Origin},
    overrides::End,
    shown::Shown,
    signal::{SeriesId, Severity},
};

/// An operator's command to change a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// The message that it came by.
    pub id: &'a MessageId,
    /// Who gave it.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
    /// What is to be done.
    pub effect: &'a Effect,
    /// For how long, once it has begun.
    pub lasts: SignedDuration,
    /// Whether it may pass a limit.
    pub force: bool,
    /// When it was given.
    pub given: Timestamp,
    /// The generation of the playbook that is in force.
    pub generation: u64,
}

/// The id of the override that an operator's command makes: of what it changes, never of how, so that the
/// next command about the same changes that override and does not make a second.
#[must_use]
pub fn id(backend: &BackendId, effect: &Effect) -> OverrideId {
    let place = match effect.fields().first() {
        Some(Field::Priority(_)) => "priority",
        Some(Field::Weight(_)) | None => "weight",
        Some(Field::Membership(_)) => "membership",
        Some(Field::Existence) => "existence",
        Some(Field::Property(_)) => "property",
    };
    let word = Authority::Operator.word();
    OverrideId::derive(&[word, place, &backend.to_string(), &effect.target()])
}

impl Command<'_> {
    fn told(&self, id: &OverrideId) -> What {
        What::Commanded {
            id: id.clone(),
            by: self.by.to_owned(),
            reason: self.reason.to_owned(),
            effect: self.effect.clone(),
            lasts: self.lasts,
            force: self.force,
        }
    }

    /// What is told of it, where it has waited for as long as it was to last: then it does nothing.
    #[must_use]
    pub fn lapsed(&self, backend: &BackendId, now: Timestamp) -> Option<[What; 2]> {
        let id = id(backend, self.effect);
        let is_late = later(self.given, self.lasts) <= now;
        is_late.then(|| [self.told(&id), What::NeverBegan { id, why: End::Expired }])
    }
}

impl Document {
    /// Takes in an operator's command. Whoever calls this knows which were taken in before
    /// ([`crate::group::Group::note_command`]).
    pub fn command(&mut self, command: &Command<'_>, said: &mut Vec<What>) {
        let Command { by, reason, effect, lasts, force, generation, .. } = *command;
        let id = id(&self.backend, effect);
        let asked = Asked {
            generation,
            effect: effect.clone(),
            lease: Lease {
                until: Until::For(lasts),
                hold: SignedDuration::ZERO,
                ramp: Vec::new(),
                every: SignedDuration::ZERO,
            },
            after: Vec::new(),
            alert: Shown::by(by, reason),
            severity: Severity::Info,
            started: self.now,
            silent: None,
            since: self.claimed_from(&id),
        };
        let series = SeriesId::of_command(command.id);
        said.push(command.told(&id));
        if force {
            self.forced.insert(id.clone(), None);
        } else {
            self.forced.remove(&id);
        }
        self.ask_by_one(&id, &Origin::Operator, &series, asked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fraction::Fraction;

    #[test]
    fn what_is_done_to_the_same_fields_is_one_override() {
        let backend: BackendId =
            "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/\
             Microsoft.ApiManagement/service/contoso/backends/pool"
                .parse()
                .unwrap();
        let member: crate::names::BackendName = "eu".parse().unwrap();
        let ids = [
            Effect::Drain { member: member.clone() },
            Effect::Shift { member: member.clone(), to: Fraction::percent(30) },
            Effect::Promote { member: member.clone(), weight: None },
            Effect::Split { weights: [(member, 20), ("us".parse().unwrap(), 80)].into() },
        ]
        .map(|effect| id(&backend, &effect));
        assert_eq!(ids[0], ids[1]);
        assert!(ids[2] != ids[0] && ids[3] != ids[0] && ids[3] != ids[2]);
        // Stored for ever: a change of this value would make a second of each that is in force.
        assert_eq!(ids[0].as_str(), "qdgdd5mw7pluiqgx");
    }
}
