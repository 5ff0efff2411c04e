//! What the operator's commands show: as data for programs, and in words.
//!
//! What is stored may change its form; what is shown keeps to the checked-in JSON Schema, and says which
//! version of it. Each view is made from core's data by a pure function. The words for people come with
//! the data, so that both always say the same. A view has the facts that programs look for; what else
//! belongs to a ledger line or a reason is in its words.
//!
//! In all of it, times are in UTC as RFC 3339 has them, fractions are text in percent as in the playbook
//! (`"12.5%"`), and a key is left out where there is nothing to say.

mod backend;
mod calendar;
mod ended;
mod explain;
mod generation;
mod health;
mod history;
mod ids;
mod notice;
mod over;
mod plan;
mod pool;
mod printed;
mod schema;
mod shadow;
mod status;
mod told;
mod value;
mod windows;
mod words;

#[cfg(test)]
mod tests;

pub use self::{
    backend::{
        Backend, Field, GivenUp, Missing, Outcome, Panic, Reconnect, Trouble, Unmet, Urgency,
        Waits, Write, may_land,
    },
    calendar::calendar,
    ended::Over,
    explain::{About, Asked, Explain, Explained, Fate, Following},
    generation::{
        Applied, ChangeKind, Changed, Checked, Edit, Finding, Generation, GenerationText,
        Generations, Kept, Problem,
    },
    health::{Facts, Health, Matter, MatterKind},
    history::{History, Line, What},
    ids::{ID_CHARS_MIN, Ids},
    notice::Notice,
    over::{Alert, Alerts, Override, Standing, StandingKind},
    plan::{BackendPlan, Noticed, OverridePlan, Plan, Verdict, VerdictKind},
    pool::{Member, NextStep, Pool, Promoted, SeenBy},
    printed::{
        BackendBody, BackendChange, BackendList, BackendReconnect, BackendSeen, Failure,
        Initialised, Listening, Note, Webhook,
    },
    schema::schema_text,
    shadow::{ShadowReport, WouldHave},
    status::{Known, Late, Pause, Pauses, Status},
    told::{
        ByHand, DeadLetter, DeadLetterPart, DeadLetters, Dropped, Released, Retried, Sent,
        SentOverride, Switched, Undone, UndoneBefore, still_firing,
    },
    value::{Absent, Change, Effect, VERSION, Value, Why},
    windows::{Does, Opening, Skipped, SkippedInstance, Windows},
    words::{Reader, count, length, with_causes},
};
