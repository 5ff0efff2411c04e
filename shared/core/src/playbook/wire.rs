//! The playbook as it is written. Its comments are what editors show while one is typed.
//!
//! What a field's type says of its value is found while it is decoded, and that a field is missing, too
//! (see [`super::needed`]); what several fields have to do with each other is for [`super::sound`].

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use super::{
    bounds::{
        BACKENDS_MAX, CERTIFICATES_MAX, EFFECTS_MAX, FREEZES_MAX, PLAYS_MAX, POOLS_MAX,
        RAMP_STEPS_MAX, RECONNECTS_MAX, SELECTED_DEFAULT, SERVICES_MAX, SPLIT_MEMBERS_MAX,
        TAG_LIMITS_MAX, TAGS_MAX, WINDOWS_MAX,
    },
    value::{
        BackendText, Capacity, CertificateId, Count, Description, Duration, Expression,
        FailureCount, FailurePercentage, HostName, HostText, LabelName, LocalTime, Member, Members,
        Most, MostOut, NamedValue, Never, Percent, PoolName, Pools, Priority, ProxyUrl, Scheme,
        ServingWeight, TagText, TagValue, TimeOfDay, Title, Url, Version, Weight, Yes,
    },
    window::Dialect,
};
use crate::{
    drift::Drift,
    field::Property,
    form::{At, Entries},
    limits::Failover,
    mode::Mode,
    names::{
        BackendName, FreezeName, PlayName, ResourceGroup, ServiceName, SubscriptionId, WindowName,
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
    /// The backends other than pools (Singles) whose breaker may be tightened and whose properties
    /// may be set, by the names that this playbook gives them. No other one is ever changed.
    #[schemars(extend("maxProperties" = BACKENDS_MAX))]
    pub(super) backends: Option<At<Entries<Backend>>>,
    /// What to do when what is heard.
    #[schemars(length(max = PLAYS_MAX))]
    pub(super) plays: At<Vec<At<Play>>>,
    /// What to do at which times: maintenance windows.
    #[schemars(length(max = WINDOWS_MAX))]
    pub(super) windows: Option<At<Vec<At<Window>>>>,
    /// What must be open for anything to begin.
    pub(super) gates: Option<At<Gates>>,
    /// What must hold of all backends with a tag together, over all pools: by the tag's name.
    #[schemars(extend("maxProperties" = TAG_LIMITS_MAX))]
    pub(super) limits: Option<At<Entries<TagLimit>>>,
}

/// What must hold of all backends with a tag together, over all pools.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("anyOf" = [{"required": ["mostOut"]}, {"required": ["neverTogether"]}]))]
pub(super) struct TagLimit {
    /// How many backends with the same value of the tag may be out at once. One that is out of several pools
    /// counts once.
    pub(super) most_out: Option<At<MostOut>>,
    /// Backends with different values of the tag are never out together: never two zones at once.
    pub(super) never_together: Option<At<Never>>,
}

/// What must be open for anything to begin. What has begun stays and ends as it would, and what is asked for by
/// hand begins all the same.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Gates {
    /// When nothing begins, neither by an alert nor by a window.
    #[schemars(length(max = FREEZES_MAX))]
    pub(super) freeze: Option<At<Vec<At<Freeze>>>>,
}

/// A span in which nothing begins: once (`from`, `to` and `zone`), or again and again (`cron` and `lasts`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = freeze_rules)]
pub(super) struct Freeze {
    /// The freeze's name, unlike that of any other.
    #[schemars(
        with = "String",
        regex(pattern = "^[a-zA-Z0-9_.-]{1,80}$"),
        example = &"year-end"
    )]
    pub(super) name: At<FreezeName>,
    /// When it begins, such as 2026-12-20T00:00.
    pub(super) from: Option<At<LocalTime>>,
    /// When it ends, such as 2027-01-02T00:00.
    pub(super) to: Option<At<LocalTime>>,
    /// Where these two are meant, such as Europe/Paris or UTC.
    #[schemars(with = "Option<String>", example = &"Europe/Paris")]
    pub(super) zone: Option<At<String>>,
    /// When it begins, again and again.
    pub(super) cron: Option<At<Cron>>,
    /// How long it lasts each time.
    pub(super) lasts: Option<At<Duration>>,
}

/// When a play begins anything.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Hours {
    /// On which days. Without it: on each.
    #[schemars(length(min = 1, max = 7))]
    pub(super) days: Option<At<Vec<At<Day>>>>,
    /// From which time of day on.
    pub(super) from: At<TimeOfDay>,
    /// Until which time of day; of the next day, where it is not later than `from`.
    pub(super) to: At<TimeOfDay>,
    /// Where that is meant, such as Europe/Paris or UTC.
    #[schemars(with = "String", example = &"Europe/Paris")]
    pub(super) zone: At<String>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// How many overrides of a play may begin, over all pools; the others wait.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Budget {
    /// How many.
    pub(super) most: At<Most>,
    /// In any span of this length.
    pub(super) per: At<Duration>,
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
    /// After how many writes in an hour nothing more begins on the pool, until some of them are an hour old. What
    /// has begun is given back all the same.
    pub(super) writes_per_hour: Option<At<Most>>,
    /// Its members, by their names under `backends`, which has their tags and what they can carry.
    #[schemars(length(min = 1, max = SPLIT_MEMBERS_MAX))]
    pub(super) members: Option<At<Vec<At<String>>>>,
}

/// A backend other than a pool that may be changed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Backend {
    /// Which of the services the backend is in.
    pub(super) service: At<String>,
    /// The workspace that the backend is in; leave it out where it is in none.
    #[schemars(with = "Option<String>", length(min = 1, max = 80))]
    pub(super) workspace: Option<At<WorkspaceName>>,
    /// The name of the backend in API Management. Without this, the name that it has here.
    #[schemars(with = "Option<String>", length(min = 1, max = 80), example = &"chat-eu")]
    pub(super) backend: Option<At<BackendName>>,
    /// What a `set` may set of it. Without this, nothing. Its breaker may be tightened in any case.
    pub(super) may: Option<At<Vec<At<May>>>>,
    /// What the backend is to be, where an `ensure` may make it. No secret stands here: a credential is the
    /// name of a named value, or the id of a certificate.
    pub(super) is: Option<At<Is>>,
    /// What it is told apart by, such as its region and its zone.
    #[schemars(extend("maxProperties" = TAGS_MAX))]
    pub(super) tags: Option<At<Entries<TagValue>>>,
    /// What it can carry, in units of your own: those of the pools' `leastCapacity`.
    pub(super) capacity: Option<At<Capacity>>,
    /// The host of its address, by which an effect finds it.
    pub(super) host: Option<At<HostName>>,
}

/// What a backend is to be. One that is made has all of it. One that is there already is held to its `url`,
/// `title`, `description`, `tls` and `proxy.url` for as long, and is never deleted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Is {
    /// Its address.
    pub(super) url: At<Url>,
    /// What is spoken with it. The default is `http`.
    #[schemars(extend("default" = "http"))]
    pub(super) protocol: Option<At<Protocol>>,
    /// Its title.
    pub(super) title: Option<At<Title>>,
    /// Its description.
    pub(super) description: Option<At<Description>>,
    /// The address of the Azure resource that it is.
    pub(super) resource_id: Option<At<Url>>,
    /// How its certificate is checked.
    pub(super) tls: Option<At<SetTls>>,
    /// The proxy before it.
    pub(super) proxy: Option<At<SetProxy>>,
    /// What API Management shows it to be let in.
    pub(super) credentials: Option<At<Credentials>>,
    /// Its circuit breaker.
    pub(super) circuit_breaker: Option<At<IsBreaker>>,
}

/// What is spoken with a backend.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum Protocol {
    Http,
    Soap,
}

/// What API Management shows a backend to be let in. Each secret is a named value of the service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Credentials {
    /// The header Authorization.
    pub(super) authorization: Option<At<Authorization>>,
    /// The ids of certificates of the service.
    #[schemars(length(min = 1, max = CERTIFICATES_MAX))]
    pub(super) certificate_ids: Option<At<Vec<At<CertificateId>>>>,
    /// Headers, each with a named value: `{x-functions-key: "{{functions-key}}"}`.
    #[schemars(extend("maxProperties" = CERTIFICATES_MAX))]
    pub(super) header: Option<At<Entries<NamedValue>>>,
    /// Parameters of the query, each with a named value.
    #[schemars(extend("maxProperties" = CERTIFICATES_MAX))]
    pub(super) query: Option<At<Entries<NamedValue>>>,
}

/// The header Authorization.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Authorization {
    /// Its scheme, such as Bearer.
    pub(super) scheme: At<Scheme>,
    /// What follows it: a named value, such as `"{{chat-token}}"`.
    pub(super) parameter: At<NamedValue>,
}

/// The circuit breaker of a backend that is made, for statuses 500 to 599.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{"required": ["count"]}, {"required": ["percentage"]}]))]
pub(super) struct IsBreaker {
    /// After how many failures it trips.
    pub(super) count: Option<At<FailureCount>>,
    /// At which percentage of failures it trips.
    pub(super) percentage: Option<At<FailurePercentage>>,
    /// The time in which failures are counted. The default is 1m.
    pub(super) interval: Option<At<Duration>>,
    /// How long the backend is out then. The default is 1m.
    pub(super) trip: Option<At<Duration>>,
    /// The backend's own Retry-After says for how long instead.
    pub(super) accept_retry_after: Option<At<Yes>>,
}

/// What may be set of a backend.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum May {
    #[serde(rename = "url")]
    Url,
    #[serde(rename = "tls")]
    Tls,
    #[serde(rename = "proxy.url")]
    ProxyUrl,
    #[serde(rename = "title")]
    Title,
    #[serde(rename = "description")]
    Description,
}

impl May {
    /// What it allows to set.
    pub(super) fn properties(self) -> Vec<Property> {
        Property::ALL.into_iter().filter(|one| Self::of(*one) == self.word()).collect()
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Tls => "tls",
            Self::ProxyUrl => "proxy.url",
            Self::Title => "title",
            Self::Description => "description",
        }
    }

    /// The word that allows to set a property.
    pub(super) const fn of(property: Property) -> &'static str {
        match property {
            Property::ValidateCertificateChain | Property::ValidateCertificateName => "tls",
            Property::CircuitBreaker
            | Property::Url
            | Property::ProxyUrl
            | Property::Title
            | Property::Description => property.path(),
        }
    }
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
    /// How much of what the serving members can carry must remain, in the units of their `capacity`. A member
    /// counts with as much of it as it keeps of its weight. It needs the pool's `members`.
    pub(super) least_capacity: Option<At<Capacity>>,
    /// How many members may be out at once: have no weight left, though they serve otherwise.
    pub(super) most_out: Option<At<MostOut>>,
    /// When alerts ask for more than this share of the serving members to be out, their cause is taken for a
    /// common one: nothing more is drained for alerts, and what was is given back by its ramp.
    pub(super) panic: Option<At<Percent>>,
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
    /// `act`, which is the default, or `shadow`: then it never begins, and `status`, `explain`, `plan` and
    /// the ledger say what it would do.
    #[schemars(extend("default" = "act"))]
    pub(super) mode: Option<At<Mode>>,
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
    /// How long it lasts, counted from when it began or from the latest alert that asks for it, whatever
    /// the alerts do then: instead of `until` and `atMost`. What has not begun by then, or by the end of
    /// its alerts, never does.
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
    /// When it begins anything. Without it: at any time.
    pub(super) hours: Option<At<Hours>>,
    /// How many of its overrides may begin. Without it: any number, within the limits.
    pub(super) budget: Option<At<Budget>>,
    /// What it does where someone else writes over what it has changed: `yield` gives way, `assert` writes it
    /// again, 3 times within 24h at most, and `auto`, which is the default, does that only where just what was
    /// there before is put back, as a pipeline does. In the end, what they wrote is given back.
    #[schemars(extend("default" = "auto"))]
    pub(super) drift: Option<At<Drift>>,
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
    /// `act`, which is the default, or `shadow`: then nothing of it begins, and `status`, `explain` and the
    /// ledger say what it would do.
    #[schemars(extend("default" = "act"))]
    pub(super) mode: Option<At<Mode>>,
    /// When it opens, again and again. Either this or `once`.
    pub(super) cron: Option<At<Cron>>,
    /// When it opens, once. Either this or `cron`.
    pub(super) once: Option<At<Once>>,
    /// How long it is open.
    pub(super) lasts: At<Duration>,
    /// How long before it opens the ledger tells of it. Without this, it does not.
    pub(super) announce: Option<At<Duration>>,
    /// What it does. There is no signal, and so no `${signal…}`.
    #[serde(rename = "do")]
    #[schemars(length(min = 1, max = EFFECTS_MAX))]
    pub(super) effects: At<Vec<At<Effect>>>,
    /// How weight is given back when it closes. Without it: all at once.
    pub(super) ramp: Option<At<Ramp>>,
    /// What follows when it is closed, and all weight is given back.
    #[schemars(length(max = RECONNECTS_MAX))]
    pub(super) after: Option<At<Vec<At<After>>>>,
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
    /// The circuit breaker of a backend trips sooner, or for longer.
    Breaker(At<Breaker>),
    /// A backend gets another address, or other settings.
    Set(At<Set>),
    /// A backend is there, and a pool lists it.
    Ensure(At<Ensure>),
    /// API Management forgets its connections to a backend and connects anew.
    Reconnect(At<Reconnect>),
}

/// No new traffic to a member: its weight becomes 0.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = select_rules)]
pub(super) struct Drain {
    /// Which of the pools: a name under `pools`, or `${…}` that gives one. A signal for which it
    /// gives another name is not acted on.
    pub(super) pool: Option<At<PoolName>>,
    /// Every pool that lists such a member under its `members`, instead of `pool`.
    pub(super) pools: Option<At<Pools>>,
    /// Which member of it. What stands in `${…}` has the functions that `when` has.
    pub(super) member: Option<At<Member>>,
    /// Those of its `members` that have all of these tags, instead of `member`. Each is an override of its own.
    #[schemars(extend("minProperties" = 1, "maxProperties" = TAGS_MAX))]
    pub(super) tags: Option<At<Entries<TagText>>>,
    /// Those of its `members` whose backend has this `host`, instead of `member`: a name, or an address of which
    /// the host counts.
    pub(super) host: Option<At<HostText>>,
    /// How many may be selected at most, over all pools; of more, nothing is done to any. Without this, 50.
    #[schemars(extend("default" = SELECTED_DEFAULT))]
    pub(super) most: Option<At<Most>>,
}

/// Less traffic to a member (`member` and `to`), or weights for members (`split`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = shift_rules)]
pub(super) struct Shift {
    /// Which of the pools: a name under `pools`, or `${…}` that gives one. A signal for which it
    /// gives another name is not acted on.
    pub(super) pool: Option<At<PoolName>>,
    /// Every pool that lists such a member under its `members`, instead of `pool`.
    pub(super) pools: Option<At<Pools>>,
    /// Which member of it. What stands in `${…}` has the functions that `when` has.
    pub(super) member: Option<At<Member>>,
    /// Those of its `members` that have all of these tags, instead of `member`. Each is an override of its own.
    #[schemars(extend("minProperties" = 1, "maxProperties" = TAGS_MAX))]
    pub(super) tags: Option<At<Entries<TagText>>>,
    /// Those of its `members` whose backend has this `host`, instead of `member`: a name, or an address of which
    /// the host counts.
    pub(super) host: Option<At<HostText>>,
    /// How many may be selected at most, over all pools; of more, nothing is done to any. Without this, 50.
    #[schemars(extend("default" = SELECTED_DEFAULT))]
    pub(super) most: Option<At<Most>>,
    /// How much of its weight the member keeps, such as 30%.
    pub(super) to: Option<At<Percent>>,
    /// The weight of each member named, 0 to 100; weights are relative within their group.
    #[schemars(extend("minProperties" = 1, "maxProperties" = SPLIT_MEMBERS_MAX))]
    pub(super) split: Option<At<Entries<Weight>>>,
}

/// Makes a standby serve.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = select_rules)]
pub(super) struct Promote {
    /// Which of the pools: a name under `pools`, or `${…}` that gives one. A signal for which it
    /// gives another name is not acted on.
    pub(super) pool: Option<At<PoolName>>,
    /// Every pool that lists such a member under its `members`, instead of `pool`.
    pub(super) pools: Option<At<Pools>>,
    /// Which member of it. What stands in `${…}` has the functions that `when` has.
    pub(super) member: Option<At<Member>>,
    /// Those of its `members` that have all of these tags, instead of `member`. Each is an override of its own.
    #[schemars(extend("minProperties" = 1, "maxProperties" = TAGS_MAX))]
    pub(super) tags: Option<At<Entries<TagText>>>,
    /// Those of its `members` whose backend has this `host`, instead of `member`: a name, or an address of which
    /// the host counts.
    pub(super) host: Option<At<HostText>>,
    /// How many may be selected at most, over all pools; of more, nothing is done to any. Without this, 50.
    #[schemars(extend("default" = SELECTED_DEFAULT))]
    pub(super) most: Option<At<Most>>,
    /// Its weight, where it has none or 0; without this, the median of the group that serves.
    pub(super) weight: Option<At<ServingWeight>>,
}

/// The circuit breaker of a backend trips sooner, or for longer. Where it has no rule, one is made, for
/// statuses 500 to 599. Where its owner has one, its name and conditions stay, and nothing of it is loosened.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("anyOf" = [{"required": ["count"]}, {"required": ["percentage"]}]), transform = breaker_rules)]
pub(super) struct Breaker {
    /// Which of the backends: a name under `backends`, or `${…}` that gives one. A signal for which it
    /// gives another name is not acted on.
    pub(super) backend: Option<At<BackendText>>,
    /// The backends that this pool lists under its `members`, instead of `backend`: a pool has no breaker of its own.
    pub(super) pool: Option<At<PoolName>>,
    /// It trips after at most so many failures, where it counts them.
    pub(super) count: Option<At<FailureCount>>,
    /// It trips at a percentage of failures of at most this, where it takes that.
    pub(super) percentage: Option<At<FailurePercentage>>,
    /// The time in which failures are counted: at least this. A rule that is made has 1m without it.
    pub(super) interval: Option<At<Duration>>,
    /// How long the backend is out then: at least this. A rule that is made has 1m without it.
    pub(super) trip: Option<At<Duration>>,
    /// The backend's own Retry-After says for how long instead.
    pub(super) accept_retry_after: Option<At<Yes>>,
}

/// A backend gets another address, or other settings: those that its `may` lists.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Set {
    /// Which of the backends: a name under `backends`, or `${…}` that gives one. A signal for which it
    /// gives another name is not acted on.
    pub(super) backend: At<BackendText>,
    /// Its address.
    pub(super) url: Option<At<Url>>,
    /// How its certificate is checked.
    pub(super) tls: Option<At<SetTls>>,
    /// The proxy before it. It must have one.
    pub(super) proxy: Option<At<SetProxy>>,
    /// Its title.
    pub(super) title: Option<At<Title>>,
    /// Its description.
    pub(super) description: Option<At<Description>>,
}

/// A backend that is declared with `is` is there: it is made where it is not, and deleted at the end if it was
/// made here and nobody else has written to it since. A pool lists it meanwhile, where `in` names one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("dependentRequired" = {"weight": ["in"], "priority": ["in"]}))]
pub(super) struct Ensure {
    /// Which of the backends: a name under `backends` that has `is`.
    pub(super) backend: At<String>,
    /// Which of the pools lists it: a name under `pools`, of the same service and workspace.
    #[serde(rename = "in")]
    pub(super) pool: Option<At<String>>,
    /// Its weight there. Without it: the median of its group, and none where that has none.
    pub(super) weight: Option<At<ServingWeight>>,
    /// Its priority there. Without it: that of the group that serves.
    pub(super) priority: Option<At<Priority>>,
}

/// API Management forgets its connections to a backend and connects anew, once this begins; nothing of the
/// backend is changed. Azure cannot recall a reconnect, so that it is asked for as late as can be: what ends
/// before that calls it off. A backend of a workspace cannot be reconnected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = reconnect_rules)]
pub(super) struct Reconnect {
    /// Which of the backends: a name under `backends`, or `${…}` that gives one. A signal for which it
    /// gives another name is not acted on.
    pub(super) backend: At<BackendText>,
    /// How long after the beginning; 2 minutes or more, for Azure accepts no less.
    pub(super) after: Option<At<Duration>>,
    /// At which time of day instead, in a play: the first one after the beginning.
    pub(super) at: Option<At<TimeOfDay>>,
    /// Where that is meant, such as Europe/Paris or UTC.
    #[schemars(with = "Option<String>", example = &"Europe/Paris")]
    pub(super) zone: Option<At<String>>,
    /// In a window: how long after each there is another, for as long as the window is open; 2 minutes or
    /// more. Without `after`, the first comes so long after the window opens.
    pub(super) every: Option<At<Duration>>,
}

/// How a backend's certificate is checked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SetTls {
    /// Whether its chain is checked.
    pub(super) validate_certificate_chain: Option<At<bool>>,
    /// Whether the name in it is checked.
    pub(super) validate_certificate_name: Option<At<bool>>,
}

/// The proxy before a backend.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SetProxy {
    /// The proxy's address.
    pub(super) url: At<ProxyUrl>,
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
    Reconnect(At<AfterReconnect>),
}

/// Makes API Management forget its connections to a backend and connect anew.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = after_reconnect_rules)]
pub(super) struct AfterReconnect {
    /// Which backend: a member, not a pool, of the service of the first backend under `do`.
    pub(super) backend: At<Member>,
    /// How long after the end; 2 minutes or more, for Azure accepts no less.
    pub(super) after: Option<At<Duration>>,
    /// At which time of day instead: the first one after the end.
    pub(super) at: Option<At<TimeOfDay>>,
    /// Where that is meant, such as Europe/Paris or UTC.
    #[schemars(with = "Option<String>", example = &"Europe/Paris")]
    pub(super) zone: Option<At<String>>,
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

/// Either `after`, or `at` and `zone`.
fn after_reconnect_rules(schema: &mut Schema) {
    let forms = serde_json::json!([
        { "required": ["after"], "properties": { "at": false, "zone": false } },
        { "required": ["at", "zone"], "properties": { "after": false } }
    ]);
    schema.insert("oneOf".to_owned(), forms);
}

/// The same, or `every` alone or beside `after`.
fn reconnect_rules(schema: &mut Schema) {
    let forms = serde_json::json!([
        { "anyOf": [{ "required": ["after"] }, { "required": ["every"] }], "properties": { "at": false, "zone": false } },
        { "required": ["at", "zone"], "properties": { "after": false, "every": false } }
    ]);
    schema.insert("oneOf".to_owned(), forms);
}

/// Either `from`, `to` and `zone`, or `cron` and `lasts`.
fn freeze_rules(schema: &mut Schema) {
    let forms = serde_json::json!([
        { "required": ["from", "to", "zone"], "properties": { "cron": false, "lasts": false } },
        { "required": ["cron", "lasts"], "properties": { "from": false, "to": false, "zone": false } }
    ]);
    schema.insert("oneOf".to_owned(), forms);
}

/// Each list has names of which one is written, and no other.
fn one_of(lists: &[&[&str]]) -> serde_json::Value {
    let form = |names: &[&str], name: &str| {
        let others = names.iter().filter(|other| **other != name);
        let others: serde_json::Map<_, _> =
            others.map(|other| ((*other).to_owned(), false.into())).collect();
        serde_json::json!({ "required": [name], "properties": others })
    };
    let forms = |names: &&[&str]| -> serde_json::Value {
        let forms: Vec<_> = names.iter().map(|name| form(names, name)).collect();
        serde_json::json!({ "oneOf": forms })
    };
    lists.iter().map(forms).collect()
}

/// One pool or all, and one way to say which members.
fn select_rules(schema: &mut Schema) {
    schema.insert("allOf".to_owned(), one_of(&[&["pool", "pools"], &["member", "tags", "host"]]));
}

/// Either `backend` or `pool`.
fn breaker_rules(schema: &mut Schema) {
    schema.insert("allOf".to_owned(), one_of(&[&["backend", "pool"]]));
}

/// Members, in one way, and `to`, or `split`.
fn shift_rules(schema: &mut Schema) {
    let members = one_of(&[&["member", "tags", "host"]]);
    let none = serde_json::json!({ "member": false, "tags": false, "host": false, "to": false, "pools": false });
    let forms = serde_json::json!([
        { "required": ["to"], "properties": { "split": false }, "allOf": members },
        { "required": ["split"], "properties": none }
    ]);
    schema.insert("oneOf".to_owned(), forms);
    schema.insert("allOf".to_owned(), one_of(&[&["pool", "pools"]]));
}
