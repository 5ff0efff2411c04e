//! What the emulated gateways know: the configuration as each has it, whose turn it is in a pool,
//! circuit breakers, connections and counters. [`crate::proxy`] routes requests by it.

pub(crate) mod balance;
pub(crate) mod breaker;
pub(crate) mod forward;
pub(crate) mod routes;
pub(crate) mod traffic;
