//! The invariants, by property and by crash: a simulated world, pure and fast, in which the core's
//! decisions are carried out against an Azure whose answers are late, lost, stale and refused,
//! while others write to the same pool, processes die, and clocks disagree.
//!
//! Nothing here waits and nothing is random but the generated cases; what fails is shrunk, printed
//! with all that happened, and kept under `proptest-regressions` to be tried first from then on.

#[cfg(test)]
mod azure;
#[cfg(test)]
mod case;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod order;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod time;
#[cfg(test)]
mod world;
