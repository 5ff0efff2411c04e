//! What happens meanwhile: deliveries, faults, foreign writes, commands.

use std::sync::Arc;

use jiff::SignedDuration;
use pointsman_core::{
    body::Body,
    effect::Effect as Does,
    field::{Field, Value},
    fraction::Fraction,
    lease::later,
    pool::Member,
    signal::Signal,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{Case, generated::priority};
use crate::{
    azure::{Foreign, ReadFault, ReconnectFault, WriteFault},
    single,
    world::{World, at},
};

/// How many reads in a row go wrong.
const READ_FAULTS_MAX: usize = 8;

/// What happens meanwhile.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Some of the case's signals are delivered together: the first, and how many.
    Deliver(usize, usize),
    /// A process does so many stages, and no more.
    Stages(usize, usize),
    /// Seconds pass, with their wakes.
    Pass(i64),
    /// Seconds pass in which nobody gets to do anything.
    Stall(i64),
    /// Someone else writes: the first to a pool, the second to a Single.
    Foreign(Change, single::Change),
    Read(ReadFault),
    Write(WriteFault),
    Reconnect(ReconnectFault),
    Crash(usize),
    /// Something is paused, perhaps for so many seconds.
    Pause(usize, Option<i64>),
    Resume(usize),
    Undo,
    Release,
    /// An operator has the first override that has begun stay for so many seconds.
    Extend(i64),
    /// An operator skips the instance of a window that is open, or the next.
    Skip(usize),
    /// An operator changes the backend by hand; a Single by the effect that is given.
    Change {
        of_single: Does,
        kind: usize,
        member: usize,
        part: u8,
        lasts: i64,
        force: bool,
    },
}

/// A foreign write to a pool, before the pool says to whom; from `Other` on, to any backend.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Weight(usize, Value),
    Priority(usize, Value),
    Remove(usize),
    Add(usize, Value, Value),
    /// A pipeline puts back what its owner had left.
    PutBack,
    Other,
    /// A pool becomes a Single, or the reverse, and back.
    Turn,
    Delete,
    Create,
}

fn foreign() -> impl Strategy<Value = Change> {
    let value = || {
        prop_oneof![
            5 => select(vec![7_u8, 13, 37, 41, 53, 77]).prop_map(Value::Number),
            1 => Just(Value::Number(0)),
            1 => Just(Value::Null),
            1 => Just(Value::Absent),
        ]
    };
    prop_oneof![
        6 => (0_usize..8, value()).prop_map(|(member, value)| Change::Weight(member, value)),
        2 => (0_usize..8, priority()).prop_map(|(member, value)| Change::Priority(member, value)),
        2 => Just(Change::Other),
        4 => Just(Change::PutBack),
        1 => (0_usize..8).prop_map(Change::Remove),
        1 => (0_usize..8, value(), priority())
            .prop_map(|(member, weight, priority)| Change::Add(member, weight, priority)),
        1 => Just(Change::Turn),
        1 => Just(Change::Delete),
        1 => Just(Change::Create),
    ]
}

/// How long Azure asks to wait, where it says so.
pub(crate) fn wait() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![Just(None), (0_i64..200).prop_map(Some)]
}

fn fault() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (1_usize..3).prop_map(|back| Event::Read(ReadFault::Stale(back))),
        1 => Just(Event::Read(ReadFault::Lost)),
        1 => Just(Event::Read(ReadFault::Missing)),
        1 => Just(Event::Read(ReadFault::Unreadable)),
        1 => (1_i64..100).prop_map(|wait| Event::Read(ReadFault::Throttled(wait))),
        3 => Just(Event::Write(WriteFault::LostAfter)),
        1 => Just(Event::Write(WriteFault::Resent)),
        2 => Just(Event::Write(WriteFault::LostBefore)),
        3 => (1_i64..240).prop_map(|wait| Event::Write(WriteFault::Late(wait))),
        1 => wait().prop_map(|wait| Event::Write(WriteFault::Throttled(wait))),
        1 => Just(Event::Write(WriteFault::Refused)),
        1 => Just(Event::Write(WriteFault::Outrun)),
        1 => Just(Event::Write(WriteFault::NotSent)),
        1 => Just(Event::Reconnect(ReconnectFault::LostAfter)),
        1 => Just(Event::Reconnect(ReconnectFault::LostBefore)),
        1 => Just(Event::Reconnect(ReconnectFault::Refused)),
        1 => Just(Event::Reconnect(ReconnectFault::NotSent)),
        1 => wait().prop_map(|wait| Event::Reconnect(ReconnectFault::Throttled(wait))),
    ]
}

/// Everything, in any order.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        8 => (0_usize..20, 1_usize..4).prop_map(|(first, count)| Event::Deliver(first, count)),
        5 => (0_usize..2, 1_usize..6).prop_map(|(place, count)| Event::Stages(place, count)),
        5 => (1_i64..150).prop_map(Event::Pass),
        1 => (1_i64..5).prop_map(Event::Stall),
        4 => (foreign(), single::foreign()).prop_map(|(of_pool, of_single)| Event::Foreign(of_pool, of_single)),
        6 => fault(),
        1 => (0_usize..2).prop_map(Event::Crash),
        1 => (0_usize..5, option::of(1_i64..600)).prop_map(|(of, lasts)| Event::Pause(of, lasts)),
        1 => (0_usize..5).prop_map(Event::Resume),
        1 => Just(Event::Undo),
        1 => Just(Event::Release),
        1 => (1_i64..1_000).prop_map(Event::Extend),
        1 => (0_usize..3).prop_map(Event::Skip),
        2 => (0_usize..4, 0_usize..8, 0_u8..=100, 1_i64..3_600, single::effect(), prop::bool::weighted(0.3)).prop_map(
            |(kind, member, part, lasts, of_single, force)| {
                Event::Change { of_single, kind, member, part, lasts, force }
            },
        ),
    ];
    vec(event, 1..40)
}

impl World {
    /// Lets an event happen. Signals come no sooner than they are sent.
    pub(crate) fn happen(&mut self, case: &Case, signals: &[(i64, Signal)], event: &Event) {
        let of = |place: usize| place % self.processes.len();
        match event {
            Event::Deliver(first, count) => {
                let process = of(*first);
                if signals.is_empty() {
                    return;
                }
                let some: Vec<Signal> = (0..*count)
                    .map(|more| &signals[(first + more) % signals.len()])
                    .filter(|(sent, _)| at(*sent) <= self.now)
                    .map(|(_, signal)| signal.clone())
                    .collect();
                self.deliver(process, &some);
            }
            Event::Stages(place, count) => {
                let process = of(*place);
                self.stages(process, *count);
            }
            Event::Pass(seconds) => self.pass(*seconds),
            Event::Stall(seconds) => self.stall(*seconds),
            Event::Foreign(of_pool, of_single) => {
                let foreign = self.foreign_of(case, of_pool, of_single);
                foreign.iter().for_each(|foreign| self.foreign(foreign));
            }
            // Caches lag for seconds, not for as long as it takes to be believed.
            Event::Read(_) if self.azure.reads.len() >= READ_FAULTS_MAX => {}
            Event::Read(fault) => self.azure.reads.push_back(*fault),
            Event::Write(fault) => self.azure.writes.push_back(*fault),
            Event::Reconnect(fault) => self.azure.reconnecting.push_back(*fault),
            Event::Crash(place) => {
                let process = of(*place);
                self.crash(process);
            }
            Event::Pause(of, lasts) => {
                self.handle(0, &crate::world::Message::Pause(case.paused(*of), *lasts));
            }
            Event::Resume(of) => self.handle(0, &crate::world::Message::Resume(case.paused(*of))),
            Event::Undo => self.handle(0, &crate::world::undo(self.backend.clone())),
            Event::Release => self.handle(0, &crate::world::release()),
            Event::Skip(place) => {
                let book = Arc::clone(self.generations.last().unwrap());
                let Some(window) = book.windows.get(*place) else { return };
                let open = window.last(self.now).filter(|last| self.now < last.end);
                if let Some(instance) = open.or_else(|| window.next(self.now)) {
                    self.handle(0, &crate::world::skip(&window.name, instance.start));
                }
            }
            Event::Extend(seconds) => {
                let begun = self.document().into_iter().flat_map(|one| one.overrides.values());
                let first = begun.filter(|over| over.begun().is_some()).map(|over| &over.id).next();
                if let Some(id) = first.cloned() {
                    let until = later(self.now, SignedDuration::from_secs(*seconds));
                    self.handle(0, &crate::world::extend(self.backend.clone(), id, until));
                }
            }
            Event::Change { of_single, kind, member, part, lasts, force } => {
                let (one, other) = (case.name(*member), case.name(member + 1));
                let weight = part % 101;
                let effect = match kind {
                    _ if case.body.pool().is_none() => of_single.clone(),
                    0 => Does::Drain { member: one },
                    1 => Does::Shift { member: one, to: Fraction::percent(*part) },
                    2 => Does::Promote { member: one, weight: (weight > 0).then_some(weight) },
                    _ => Does::Split { weights: [(other, 100 - weight), (one, weight)].into() },
                };
                // What tells it from every other.
                let reason = format!("no. {}", self.commanded.len());
                self.handle(
                    0,
                    &crate::world::change(self.backend.clone(), effect, *lasts, *force, &reason),
                );
            }
        }
    }

    /// What someone else does to the backend as it is.
    fn foreign_of(
        &self,
        case: &Case,
        of_pool: &Change,
        of_single: &single::Change,
    ) -> Option<Foreign> {
        let name = |member: &usize| case.name(*member);
        let is_first_kind = |body: &Body| body.pool().is_some() == case.body.pool().is_some();
        match of_pool {
            Change::Other => return Some(Foreign::Other),
            Change::PutBack => {
                let document = self.document()?;
                let mut owned = document.owned.iter();
                let (field, owned) = owned.find(|(_, one)| !one.written.means(&one.baseline))?;
                return Some(Foreign::Set(field.clone(), owned.baseline.clone()));
            }
            Change::Delete => return Some(Foreign::Delete),
            Change::Create => return Some(Foreign::Create(case.body.clone())),
            Change::Turn if !self.azure.body().is_some_and(is_first_kind) => {
                return Some(Foreign::Turn(case.body.clone()));
            }
            Change::Turn if case.body.pool().is_some() => {
                return Some(Foreign::Turn(single::plain()));
            }
            Change::Turn => {
                return Some(Foreign::Turn(crate::azure::pool("m0 50, m1 50, m2 -").into()));
            }
            Change::Weight(..) | Change::Priority(..) | Change::Remove(_) | Change::Add(..) => {}
        }
        let shown = self.azure.body()?;
        if shown.pool().is_none() {
            return of_single.of(shown);
        }
        match of_pool {
            Change::Weight(member, value) => {
                Some(Foreign::Set(Field::weight(&name(member)), value.clone()))
            }
            Change::Priority(member, value) => {
                Some(Foreign::Set(Field::priority(&name(member)), value.clone()))
            }
            Change::Remove(member) => Some(Foreign::Remove(name(member))),
            Change::Add(member, weight, priority) => Some(Foreign::Add(Member {
                name: name(member),
                weight: weight.clone(),
                priority: priority.clone(),
            })),
            Change::Turn | Change::Other | Change::PutBack | Change::Delete | Change::Create => {
                None
            }
        }
    }
}
