//! What a test, or `dev`, does to the emulated service by hand: the foreign writer, and the
//! landing of late writes.

use crate::{
    address::{Address, Operation},
    answer::Answer,
    record::{Origin, Outcome, Received},
    state::{Call, Shared, State},
    store::Effect,
    target::Target,
    version::LATEST,
};
use bytes::Bytes;
use http::Method;
use std::time::Instant;

/// Writes as someone else does, Terraform or a person at the portal: without If-Match, and without
/// tokens, limits and faults. It is on record as foreign.
pub(crate) fn foreign(
    shared: &Shared,
    operation: Operation,
    backend: &Address,
    body: Bytes,
) -> Answer {
    let mut state = shared.lock();
    let done = foreign_within(&mut state, shared, operation, backend, body);
    drop(state);
    shared.due_changed();
    shared.changed();
    done
}

/// [`foreign`], under a lock that is held already.
pub(crate) fn foreign_within(
    state: &mut State,
    shared: &Shared,
    operation: Operation,
    backend: &Address,
    body: Bytes,
) -> Answer {
    let (verb, if_match) = match operation {
        Operation::Put => (Method::PUT, None),
        Operation::Patch => (Method::PATCH, Some("*".to_owned())),
        Operation::Delete => (Method::DELETE, Some("*".to_owned())),
        Operation::Reconnect => (Method::POST, None),
        Operation::List
        | Operation::Head
        | Operation::Get
        | Operation::Token
        | Operation::Unknown => (Method::GET, None),
    };
    let backend = &shared.services.home(backend.clone());
    let received = Received {
        number: 0,
        at: shared.clock.now(),
        instant: Instant::now(),
        origin: Origin::Foreign,
        operation,
        verb,
        path: shared.options.service.backend_id(backend),
        query: String::new(),
        backend: Some(backend.clone()),
        if_match,
        client_request_id: None,
        body,
        outcome: Outcome::Pending,
        effect: Effect::None,
    };
    let target = Target::Backend(operation, backend.clone());
    let call = Call { received, host: String::new(), target, version: LATEST };
    let number = state.record.receive(call.received.clone());
    let answer = state.execute(&call, 0, call.received.at);
    state.record.outcome(number, Outcome::Answered(answer.status));
    state.record.effect(number, Some(backend), answer.effect.clone());
    answer
}

/// Lands every write that is late, whether its time has come or not, in the order in which they
/// were sent; gives the effect of each.
pub(crate) fn land(shared: &Shared) -> Vec<(u64, Effect)> {
    let mut state = shared.lock();
    let now = shared.clock.now();
    let mut landed = Vec::new();
    while !state.late.is_empty() {
        landed.push(state.land(0, now));
    }
    drop(state);
    shared.due_changed();
    shared.changed();
    landed
}
