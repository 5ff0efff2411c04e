//! The playbook as it is written. Its comments are what editors show while one is typed.
//!
//! What a field's type says of its value is found while it is decoded, and that a field is missing, too
//! (see [`super::needed`]); what several fields have to do with each other is for [`super::sound`].

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use super::{
    bounds::{
        EFFECTS_MAX, PLAYS_MAX, POOLS_MAX, RAMP_STEPS_MAX, RECONNECTS_MAX, SERVICES_MAX,
        SPLIT_MEMBERS_MAX, WINDOWS_MAX,
    },
    value::{
        Count, Duration, Expression, LabelName, LocalTime, Member, Members, Percent, PoolName,
        ServingWeight, Version, Weight,
    },
    window::Dialect,
};
use crate::{
    form::{At, Entries},
    limits::Failover,
    names::{
        BackendName, PlayName, ResourceGroup, ServiceName, SubscriptionId, WindowName,
        WorkspaceName,
    },
    shown::{SHOW_DEFAULT, SHOW_MAX},
};

/// What Pointsman does when it hears of trouble with the backends of Azure API Management.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(title = "Pointsman playbook")]
pub(super) struct Playbook {
    /// The version of this format. There is one: 1.
    pub(super) version: At<Version>,
    /// The API Management services, by the names that this playbook gives them.
    #[schemars(extend("maxProperties" = SERVICES_MAX))]
    pub(super) services: At<Entries<Service>>,
    /// The backend pools that may be changed, by the names that this playbook gives them, and
    /// what must hold of each at all times. No other pool is ever changed.
    #[schemars(extend("maxProperties" = POOLS_MAX))]
    pub(super) pools: At<Entries<Pool>>,
    /// What to do when what is heard.
    #[schemars(length(max = PLAYS_MAX))]
    pub(super) plays: At<Vec<At<Play>>>,
    /// What to do at which times: maintenance windows.
    #[schemars(length(max = WINDOWS_MAX))]
    pub(super) windows: Option<At<Vec<At<Window>>>>,
}

/// An API Management service: where Azure has it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Service {
    /// The id of the subscription, a UUID: 00000000-0000-0000-0000-000000000000.
    #[schemars(
        with = "String",
        regex(pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
    )]
    pub(super) subscription: At<SubscriptionId>,
    /// The resource group that the service is in.
    #[schemars(with = "String", length(min = 1, max = 90), example = &"rg1")]
    pub(super) resource_group: At<ResourceGroup>,
    /// The name of the service, as in https://NAME.azure-api.net.
    #[schemars(
        with = "String",
        regex(pattern = "^[a-zA-Z]([a-zA-Z0-9-]{0,48}[a-zA-Z0-9])?$"),
        example = &"contoso-apim"
    )]
    pub(super) name: At<ServiceName>,
}

/// A backend pool that may be changed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Pool {
    /// Which of the services the pool is in.
    pub(super) service: At<String>,
    /// The workspace that the pool is in; leave it out where it is in none.
    #[schemars(with = "Option<String>", length(min = 1, max = 80))]
    pub(super) workspace: Option<At<WorkspaceName>>,
    /// The name of the pool in API Management.
    #[schemars(with = "String", length(min = 1, max = 80), example = &"chat-pool")]
    pub(super) backend: At<BackendName>,
    /// What must hold of the pool at all times. Without it: at least one serving member, and at
    /// least half of them.
    pub(super) limits: Option<At<Limits>>,
    /// What happens when the serving group cannot keep the limits by itself: `promote` makes the
    /// next group serve as well, in the same write; `hold` holds back the effect. The default is
    /// `promote`.
    #[schemars(extend("default" = "promote"))]
    pub(super) failover: Option<At<Failover>>,
    /// What a member without a weight counts as beside members that have one. Without this,
    /// effects on such a group are held back.
    pub(super) null_weight: Option<At<Weight>>,
}

/// What must hold of a pool at all times, whatever is heard.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Limits {
    /// How many members of the serving group must keep serving: a whole number, 1 or more. Without
    /// it: one, and at least half.
    pub(super) least_members: Option<At<Members>>,
    /// How much of the serving group's weight must remain, such as 50%. Without it there is no
    /// such limit.
    pub(super) least_share: Option<At<Percent>>,
}

/// When this is heard, do that; undo it when the trouble is over.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = play_rules)]
pub(super) struct Play {
    /// The play's name, unlike that of any other.
    #[schemars(
        with = "String",
        regex(pattern = "^[a-zA-Z0-9_.-]{1,80}$"),
        example = &"drain-failing-member"
    )]
    pub(super) name: At<PlayName>,
    /// Which signals it is for: a condition in CEL over `signal`, which has `source`,
    /// `fingerprint`, `severity` (`info`, `warning`, `error` or `critical`, without quotes),
    /// `started`, `labels` and `annotations`. A label that is not there does not match. Beside CEL's
    /// own functions there are those of its strings extension (`charAt`, `indexOf`, `join`,
    /// `lastIndexOf`, `lowerAscii`, `replace`, `split`, `substring`, `trim`, `upperAscii`), and
    /// `lastSegment` for the end of an id.
    #[schemars(
        example = &"signal.labels.alertname == \"BackendErrors\" && signal.severity >= warning"
    )]
    pub(super) when: At<Expression>,
    /// A condition over `signal` as `when` is: while another alert is on for which it is true, nothing of
    /// this play begins. What has begun goes on.
    #[schemars(example = &"signal.labels.alertname == \"RegionDown\"")]
    pub(super) unless: Option<At<Expression>>,
    /// What it does.
    #[serde(rename = "do")]
    #[schemars(length(min = 1, max = EFFECTS_MAX))]
    pub(super) effects: At<Vec<At<Effect>>>,
    /// When it ends: `resolved`, which is the default, when the alert does, and after `atMost` in
    /// any case.
    #[schemars(extend("default" = "resolved"))]
    pub(super) until: Option<At<Until>>,
    /// The longest that it lasts where its alert never ends, because resolves get lost. The
    /// default is 24h.
    pub(super) at_most: Option<At<Duration>>,
    /// Ends it where its alert is not heard again, of a source that repeats what is on.
    pub(super) stale: Option<At<Stale>>,
    /// How long it lasts, whatever the alert does: instead of `until` and `atMost`.
    #[serde(rename = "for")]
    pub(super) lasts: Option<At<Duration>>,
    /// How long an alert must have been on before it begins, counted from the alert's start by its
    /// source's clock.
    pub(super) lasting: Option<At<Duration>>,
    /// How many alerts that ask for the same must have started `within` a time of each other before it
    /// begins, those that are over included: 2 or more.
    pub(super) count: Option<At<Count>>,
    /// Within what of each other `count` alerts must have started; 24h at most.
    pub(super) within: Option<At<Duration>>,
    /// The least that it lasts, so that an alert that comes and goes does not move traffic each
    /// time.
    pub(super) hold: Option<At<Duration>>,
    /// Doubles `hold` for each earlier alert that asked for the same, so that one that keeps coming and
    /// going moves traffic ever less often.
    pub(super) damping: Option<At<Damping>>,
    /// How weight is given back at the end. Without it: all at once.
    pub(super) ramp: Option<At<Ramp>>,
    /// What follows when it is over.
    #[schemars(length(max = RECONNECTS_MAX))]
    pub(super) after: Option<At<Vec<At<After>>>>,
    /// The labels and annotations that show what its alert is, beside each of its overrides. The default
    /// is `[alertname, summary]`.
    #[schemars(length(max = SHOW_MAX), extend("default" = SHOW_DEFAULT))]
    pub(super) show: Option<At<Vec<At<LabelName>>>>,
}

/// At these times, for so long, do that. What a window does goes before what alerts ask for, within the same
/// limits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = window_rules)]
pub(super) struct Window {
    /// The window's name, unlike that of any other.
    #[schemars(
        with = "String",
        regex(pattern = "^[a-zA-Z0-9_.-]{1,80}$"),
        example = &"eu-patching"
    )]
    pub(super) name: At<WindowName>,
    /// When it opens, again and again. Either this or `once`.
    pub(super) cron: Option<At<Cron>>,
    /// When it opens, once. Either this or `cron`.
    pub(super) once: Option<At<Once>>,
    /// How long it is open.
    pub(super) lasts: At<Duration>,
    /// What it does. There is no signal, and so no `${signal…}`.
    #[serde(rename = "do")]
    #[schemars(length(min = 1, max = EFFECTS_MAX))]
    pub(super) effects: At<Vec<At<Effect>>>,
    /// How weight is given back when it closes. Without it: all at once.
    pub(super) ramp: Option<At<Ramp>>,
}

/// When a window opens, again and again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Cron {
    /// The language of `at`: `unix` (minute hour day month weekday), `ncrontab` as Azure Functions has it
    /// (second minute hour day month weekday), or `eventbridge` as AWS has it (minute hour day month weekday
    /// year, with a `?`).
    pub(super) dialect: At<Dialect>,
    /// The expression, such as `0 2 * * 0`: Sundays at 02:00, in `unix`.
    #[schemars(with = "String", example = &"0 2 * * 0")]
    pub(super) at: At<String>,
    /// Where its times of day are meant, such as Europe/Paris or UTC.
    #[schemars(with = "String", example = &"Europe/Paris")]
    pub(super) zone: At<String>,
}

/// When a window opens, once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Once {
    /// The day and the time of day, such as 2026-12-24T22:00.
    pub(super) at: At<LocalTime>,
    /// Where that is meant, such as Europe/Paris or UTC.
    #[schemars(with = "String", example = &"Europe/Paris")]
    pub(super) zone: At<String>,
}

/// One thing that a play does.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum Effect {
    /// No new traffic to a member.
    Drain(At<Drain>),
    /// Less traffic to a member, or a split among members.
    Shift(At<Shift>),
    /// Makes a standby serve: a member of a group with a higher priority number joins the group
    /// that serves.
    Promote(At<Promote>),
}

/// No new traffic to a member: its weight becomes 0.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Drain {
    /// Which of the pools: a name under `pools`, or `${…}` that gives one. A signal for which it
    /// gives another name is not acted on.
    pub(super) pool: At<PoolName>,
    /// Which member of it. What stands in `${…}` has the functions that `when` has.
    pub(super) member: At<Member>,
}

/// Less traffic to a member (`member` and `to`), or weights for members (`split`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = shift_rules)]
pub(super) struct Shift {
    /// Which of the pools: a name under `pools`, or `${…}` that gives one. A signal for which it
    /// gives another name is not acted on.
    pub(super) pool: At<PoolName>,
    /// Which member of it. What stands in `${…}` has the functions that `when` has.
    pub(super) member: Option<At<Member>>,
    /// How much of its weight the member keeps, such as 30%.
    pub(super) to: Option<At<Percent>>,
    /// The weight of each member named, 0 to 100; weights are relative within their group.
    #[schemars(extend("minProperties" = 1, "maxProperties" = SPLIT_MEMBERS_MAX))]
    pub(super) split: Option<At<Entries<Weight>>>,
}

/// Makes a standby serve.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Promote {
    /// Which of the pools: a name under `pools`, or `${…}` that gives one. A signal for which it
    /// gives another name is not acted on.
    pub(super) pool: At<PoolName>,
    /// Which member of it. What stands in `${…}` has the functions that `when` has.
    pub(super) member: At<Member>,
    /// Its weight, where it has none or 0; without this, the median of the group that serves.
    pub(super) weight: Option<At<ServingWeight>>,
}

/// When a play ends.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum Until {
    /// When its alert ends.
    Resolved,
}

/// How weight is given back: in steps, each for a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Ramp {
    /// How much of what was taken is given back at each step, growing, such as 10%, 50%. The whole
    /// comes last by itself and may be written.
    #[schemars(length(min = 1, max = RAMP_STEPS_MAX))]
    pub(super) steps: At<Vec<At<Percent>>>,
    /// How long each step lasts before the next.
    pub(super) every: At<Duration>,
}

/// How `hold` grows where alerts come and go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Damping {
    /// How long before the latest start of an alert another counts that started earlier; 24h at most.
    pub(super) within: At<Duration>,
    /// The longest that `hold` becomes.
    pub(super) most: At<Duration>,
}

/// When the alert of a source that repeats counts as silent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Stale {
    /// How often the source repeats an alert that is on, such as Alertmanager's `repeat_interval`.
    pub(super) repeats: At<Duration>,
    /// After how long without being heard again it ends: at least twice `repeats`. A later repeat has it
    /// begin again.
    pub(super) after: At<Duration>,
}

/// What follows when a play is over.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum After {
    /// Makes API Management forget its connections to a backend and connect anew.
    Reconnect(At<Reconnect>),
}

/// Makes API Management forget its connections to a backend and connect anew.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Reconnect {
    /// Which backend: a member, not a pool, of the service of the play's first pool.
    pub(super) backend: At<Member>,
    /// How long after the play is over; 2 minutes or more, for Azure accepts no less.
    pub(super) after: At<Duration>,
}

/// `for` stands instead of `until` and `atMost`, and says how long it lasts: no `hold` that grows does, and no silence. What
/// goes together is written together.
fn play_rules(schema: &mut Schema) {
    let rule = serde_json::json!({
        "if": { "required": ["for"] },
        "then": { "properties": { "until": false, "atMost": false, "damping": false, "stale": false } }
    });
    schema.insert("allOf".to_owned(), serde_json::json!([rule]));
    let together =
        serde_json::json!({ "count": ["within"], "within": ["count"], "damping": ["hold"] });
    schema.insert("dependentRequired".to_owned(), together);
}

/// Either `cron` or `once`.
fn window_rules(schema: &mut Schema) {
    let forms = serde_json::json!([
        { "required": ["cron"], "properties": { "once": false } },
        { "required": ["once"], "properties": { "cron": false } }
    ]);
    schema.insert("oneOf".to_owned(), forms);
}

/// Either `member` and `to`, or `split`.
fn shift_rules(schema: &mut Schema) {
    let forms = serde_json::json!([
        { "required": ["member", "to"], "properties": { "split": false } },
        { "required": ["split"], "properties": { "member": false, "to": false } }
    ]);
    schema.insert("oneOf".to_owned(), forms);
}
