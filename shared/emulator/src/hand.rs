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

/// Writes as someone else does, Terraform or a person at the portal: without If-Match, and without
/// tokens, limits and faults. It is on record as foreign.
pub(crate) fn foreign(shared: &Shared, verb: Method, backend: &Address, body: Bytes) -> Answer {
    let mut state = shared.lock();
    let done = foreign_within(&mut state, shared, verb, backend, body);
    drop(state);
    shared.changed();
    done
}

/// [`foreign`], under a lock that is held already.
pub(crate) fn foreign_within(
    state: &mut State,
    shared: &Shared,
    verb: Method,
    backend: &Address,
    body: Bytes,
) -> Answer {
    let backend = shared.services.home(backend.clone());
    let path = shared.options.service.backend_id(&backend);
    let target = Operation::of(&verb).map_or(Target::WrongVerb, |is| Target::Backend(is, backend));
    let if_match = (verb != Method::PUT).then(|| "*".to_owned());
    let at = shared.clock.now();
    let received = Received::new(Origin::Foreign, &target, verb, &path, at, body);
    let received = Received { if_match, ..received };
    let call = Call { received, host: String::new(), target, version: LATEST };
    let number = state.record.receive(call.received.clone());
    let answer = state.execute(&call, 0, at);
    state.record.outcome(number, Outcome::Answered(answer.status));
    state.record.effect(number, call.target.backend(), answer.effect.clone());
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
    shared.changed();
    landed
}
