//! What nobody has published about the service, as switches.
//!
//! Each has a default, which the crate's documentation lists; a test that must hold either way
//! runs with both.

use serde::{Deserialize, Serialize};

/// How the service behaves where neither its documentation, its specification nor recorded
/// traffic says so. The crate's documentation has a table of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Unpublished {
    /// A reconnect that asks for less than PT2M.
    pub reconnect_below_minimum: BelowMinimum,
    /// A member of a pool with weight 0.
    pub zero_weight: ZeroWeight,
    /// A member of a pool whose weight is null or left out.
    pub null_weight: NullWeight,
    /// A member of a pool whose priority is null or left out.
    pub null_priority: NullPriority,
    /// A member of a pool that does not exist, when the pool is written.
    pub missing_member: Taken,
    /// A null in a PATCH.
    pub patch_null: PatchNull,
    /// An array in a PATCH.
    pub patch_array: PatchArray,
    /// A PUT of what exists, without If-Match. The page requires one; the service was seen to do
    /// without.
    pub put_without_if_match: Taken,
    /// Whether an api-version is shown the fields that only newer ones have.
    pub newer_fields: NewerFields,
    /// A write with a field that only newer api-versions have.
    pub field_ahead: Ahead,
    /// A write of a pool or a circuit breaker by an api-version that has neither.
    pub pool_ahead: Ahead,
    /// The shape of an error's details.
    pub error_details: ErrorDetails,
    /// How many requests a breaker that goes by percentage must have seen.
    pub percentage_requests_min: u32,
    /// How a breaker counts a request that got no answer from its backend.
    pub unanswered: Unanswered,
}

impl Default for Unpublished {
    fn default() -> Self {
        Self {
            reconnect_below_minimum: BelowMinimum::default(),
            zero_weight: ZeroWeight::default(),
            null_weight: NullWeight::default(),
            null_priority: NullPriority::default(),
            missing_member: Taken::Accepted,
            patch_null: PatchNull::default(),
            patch_array: PatchArray::default(),
            put_without_if_match: Taken::Accepted,
            newer_fields: NewerFields::default(),
            field_ahead: Ahead::Kept,
            pool_ahead: Ahead::Refused,
            error_details: ErrorDetails::default(),
            percentage_requests_min: 1,
            unanswered: Unanswered::default(),
        }
    }
}

/// How the service treats a reconnect's `after` below PT2M. The page that gives the minimum has
/// an example with PT3S.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BelowMinimum {
    /// 400 `ValidationError`.
    #[default]
    Refuse,
    /// 202, and PT2M is taken instead.
    Raise,
    /// 202, and it is done as asked.
    Accept,
}

/// What weight 0 means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ZeroWeight {
    /// No traffic at all.
    #[default]
    NoTraffic,
    /// No traffic while anyone else of its group can serve.
    LastResort,
    /// 1 is stored in its place, and answered with 200.
    Raised,
    /// 400 `ValidationError`.
    Refused,
}

/// What a weight of null means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NullWeight {
    /// 1: equal shares where all are null.
    #[default]
    One,
    /// 100: equal shares too, but the largest beside numbers.
    Hundred,
    /// 400 `ValidationError`.
    Refused,
}

/// What a priority of null means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NullPriority {
    /// 0: the first group.
    #[default]
    First,
    /// After every number.
    Last,
    /// 400 `ValidationError`.
    Refused,
}

/// Whether the service takes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Taken {
    /// It does.
    Accepted,
    /// 400 `ValidationError`.
    Refused,
}

/// What a null in a PATCH does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PatchNull {
    /// It deletes the field (RFC 7386).
    #[default]
    Deletes,
    /// Nothing: the field stays as it was.
    Ignored,
}

/// What an array in a PATCH does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PatchArray {
    /// It replaces the whole array (RFC 7386).
    #[default]
    Replaced,
    /// Items of the same `id` or `name` merge, others are added; nothing is taken away. Arrays
    /// without such items are replaced.
    Merged,
}

/// What an old api-version shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NewerFields {
    /// Everything.
    #[default]
    Shown,
    /// Only what that version has; fields that no version has, too. What it does not show, a PUT
    /// by that version loses and a PATCH keeps outside of arrays.
    Hidden,
}

/// What happens to a field that the api-version of the write does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ahead {
    /// It is kept, as any field that nobody knows.
    Kept,
    /// It is ignored.
    Ignored,
    /// 400 `ValidationError`.
    Refused,
}

/// How an error shows its details.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorDetails {
    /// `{code, target, message}` each, and null where there are none (recorded, 2021-08-01).
    #[default]
    Flat,
    /// As the page of 2024-05-01 has it, for that version and later ones: `target`, `details` and
    /// `additionalInfo` at every level.
    Nested,
}

/// How a breaker counts a timeout, or a backend that cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unanswered {
    /// Only `errorReasons` look at it.
    #[default]
    ByReason,
    /// The status that the caller gets counts as if the backend had answered it.
    ByStatusToo,
}
