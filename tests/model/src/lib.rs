//! The invariants, by property and by crash: a simulated world in which the engine itself runs,
//! against an Azure whose answers are late, lost, stale and refused, while others write to the same
//! backend, processes die, and clocks disagree.
//!
//! Each simulated process is an engine on a runtime of its own, with one thread and a clock that
//! stands. All of its ports wait at a turnstile ([`turns`]); who goes next is said by the case, so
//! that anything may come between any two steps and the same case always goes the same way. The store and
//! the queue are one database, or apart ([`store::Pair`]), and all must hold with both; alerts come by the
//! queue or directly ([`case::ways`]). Nothing
//! here waits and nothing is random but the generated cases; what fails is shrunk, printed with all
//! that happened, and kept under `proptest-regressions` to be tried first from then on.

#[cfg(test)]
mod apart;
#[cfg(test)]
mod azure;
#[cfg(test)]
mod begins;
#[cfg(test)]
mod case;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod daylight;
#[cfg(test)]
mod direct;
#[cfg(test)]
mod ensure;
#[cfg(test)]
mod gates;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod liveness;
#[cfg(test)]
mod order;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod process;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod single;
#[cfg(test)]
mod store;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod time;
#[cfg(test)]
mod turns;
#[cfg(test)]
mod watch;
#[cfg(test)]
mod world;
#[cfg(test)]
mod zones;
