//! What a test, or `dev`, does to the emulated service by hand: the foreign writer, and the
//! landing of late writes.

use crate::{
    address::{Address, Operation},
    answer::Answer,
    record::{Origin, Outcome, Received},
    state::{Call, State},
    store::Effect,
    target::Target,
    version::LATEST,
};
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use std::iter;

impl State {
    /// Writes as someone else does, Terraform or a person at the portal: without If-Match, and
    /// without tokens, limits and faults. It is on record as foreign.
    pub(crate) fn foreign(
        &mut self,
        verb: Method,
        backend: &Address,
        body: Bytes,
        now: Timestamp,
    ) -> Answer {
        let backend = self.services.home(backend.clone());
        let path = self.services.of(&backend).backend_id(&backend);
        let target =
            Operation::of(&verb).map_or(Target::WrongVerb, |is| Target::Backend(is, backend));
        let if_match = (verb != Method::PUT).then(|| "*".to_owned());
        let received = Received::new(Origin::Foreign, &target, verb, &path, now, body);
        let received = Received { if_match, ..received };
        let call = Call { received, host: String::new(), target, version: LATEST };
        let number = self.record.receive(call.received.clone());
        let answer = self.execute(&call, 0, now);
        self.record.outcome(number, Outcome::Answered(answer.status));
        self.record.effect(number, call.target.backend(), answer.effect.clone());
        answer
    }

    /// Lands every write that is late, whether its time has come or not, in the order in which they
    /// were sent; gives the number and the effect of each.
    pub(crate) fn land_all(&mut self, now: Timestamp) -> Vec<(u64, Effect)> {
        iter::from_fn(|| (!self.late.is_empty()).then(|| self.land(0, now))).collect()
    }
}
