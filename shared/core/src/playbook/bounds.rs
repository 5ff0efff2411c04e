//! How much of everything a playbook may have.

use jiff::SignedDuration;

/// How long an override lasts at most where the playbook says nothing, because resolves get lost.
pub const AT_MOST_DEFAULT: SignedDuration = SignedDuration::from_hours(24);

pub use crate::reconnect::RECONNECT_AFTER_MIN;

/// The longest that anything in a playbook may last: 30 days.
///
/// Longer is a typing error or a change that belongs in the pool's own definition.
pub const DURATION_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How far back a play looks at occurrences at most.
pub const WITHIN_MAX: SignedDuration = SignedDuration::from_hours(24);

/// How many occurrences a play may wait for.
pub const COUNT_MAX: usize = 20;

/// How large a playbook may be, in bytes.
pub const PLAYBOOK_BYTES_MAX: usize = 4 << 20;

/// How many services a playbook may name.
pub const SERVICES_MAX: usize = 50;

/// How many pools a playbook may name.
pub const POOLS_MAX: usize = 2_000;

/// How many Singles a playbook may have.
pub const BACKENDS_MAX: usize = 10_000;

/// How many plays a playbook may have; each is asked of every signal.
pub const PLAYS_MAX: usize = 2_000;

/// How many windows a playbook may have.
pub const WINDOWS_MAX: usize = 500;

/// How many freezes a playbook may have; each is asked about at every look that may begin something.
pub const FREEZES_MAX: usize = 100;

/// How many overrides a budget may let begin, and how many writes an hour may have: more is no bound.
pub const BUDGET_MAX: usize = 1_000;

/// How many effects one play may have.
pub const EFFECTS_MAX: usize = 16;

/// How many members one effect may select where it does not say.
pub(super) const SELECTED_DEFAULT: usize = 50;

/// How many tags one backend may have.
pub(super) const TAGS_MAX: usize = 20;

/// How many tags may have limits.
pub(super) const TAG_LIMITS_MAX: usize = 20;

/// How long the value of a tag may be.
pub(super) const TAG_VALUE_CHARS_MAX: usize = 80;

/// How much one backend can carry at most.
pub(super) const CAPACITY_MAX: u32 = 1_000_000_000;

/// How many steps a ramp may have.
pub const RAMP_STEPS_MAX: usize = 20;

/// How many reconnects may follow one play.
pub const RECONNECTS_MAX: usize = 16;

/// How many members one split may name: as many as Azure allows a pool (page of Backends).
pub const SPLIT_MEMBERS_MAX: usize = 30;

/// How long the name of a label that a play shows may be, in bytes.
pub(super) const LABEL_NAME_BYTES_MAX: usize = 200;

/// How long one expression may be, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 2_000;

/// How many loops (`all`, `exists`, `exists_one`, `filter`, `map`) one expression may have.
pub const LOOPS_MAX: usize = 4;

/// How many failures a breaker may count before it trips.
pub(super) const FAILURES_MAX: u16 = 10_000;

/// How many certificates, headers or parameters the credentials of a backend may have (page of Backends).
pub(super) const CERTIFICATES_MAX: usize = 32;

/// How long a backend's title may be.
pub(super) const TITLE_CHARS_MAX: usize = 300;

/// How long a backend's address or description may be.
pub(super) const TEXT_CHARS_MAX: usize = 2_000;
