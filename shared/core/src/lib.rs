//! The pure heart of Pointsman: what was heard, what should be, and what to do about the difference.
//!
//! Nothing here does IO, waits, or asks what time it is: time, and everything read from
//! elsewhere, is an argument. That is what lets the invariants be tested by brute force.
//!
//! Read in this order: [`signal`] (one thing heard), [`series`] (what its source calls the same
//! alert), [`playbook`] (what the user wants done), [`claim`] (what an alert asks for by it), [`overrides`]
//! (a leased change), [`gate`] (whether it may begin), [`lay`] (baseline and overrides make the desired
//! pool), [`document`] (all that is remembered of one backend) and [`step`] (what to do next, and the one
//! place that decides it).

pub mod answer;
pub mod body;
pub mod breaker;
pub mod claim;
pub mod declared;
pub mod document;
pub mod drift;
pub mod effect;
pub mod etag;
pub mod field;
pub mod form;
pub mod fraction;
pub mod gate;
pub mod group;
pub mod hear;
pub mod id;
pub mod json;
pub mod lay;
pub mod lease;
pub mod ledger;
pub mod limits;
pub mod mode;
pub mod names;
pub mod nothing;
pub mod notice;
pub mod occurred;
pub mod origin;
pub mod overrides;
pub mod playbook;
pub mod pool;
pub mod recent;
pub mod reconnect;
pub mod series;
pub mod shadow;
pub mod shown;
pub mod signal;
pub mod step;
pub mod text;
pub mod unpublished;
pub mod wake;
mod zone;
