//! Single values that have a form of their own: how each is written, and what is said of one that is
//! wrong. An error says what is wrong, and behind its last colon what would be right.

use std::borrow::Cow;

use jiff::{
    SignedDuration,
    civil::{DateTime, Time},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::bounds::{
    BACKENDS_MAX, BUDGET_MAX, CAPACITY_MAX, COUNT_MAX, DURATION_MAX, EXPRESSION_BYTES_MAX,
    FAILURES_MAX, LABEL_NAME_BYTES_MAX, SPLIT_MEMBERS_MAX, TAG_VALUE_CHARS_MAX, TEXT_CHARS_MAX,
    TITLE_CHARS_MAX,
};
use super::host::host_of;
use crate::{
    effect::WEIGHT_MAX,
    form::{SECRET, clipped},
    fraction::{Fraction, FractionError},
    limits::LeastMembers,
};

/// Declares a value: what it is written as, what it becomes, how, and what the schema says of it.
macro_rules! value {
    ($(#[$doc:meta])* $name:ident: $written:ty => $value:ty, $read:expr, $schema:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(super) struct $name(pub(super) $value);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read: fn($written) -> Result<$value, String> = $read;
                read(<$written>::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
            }
        }

        impl From<$name> for $value {
            fn from($name(value): $name) -> Self {
                value
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

value!(
    /// The version of the format.
    Version: i64 => (),
    |number| match number {
        1 => Ok(()),
        _ => Err(format!("there is no version {number} of playbooks: write 1")),
    },
    { "type": "integer", "minimum": 1, "maximum": 1 }
);
value!(
    /// A weight that a member has or counts as.
    Weight: i64 => u8,
    |number| weight(number, 0),
    { "type": "integer", "minimum": 0, "maximum": WEIGHT_MAX }
);
value!(
    /// A weight with which a member serves.
    ServingWeight: i64 => u8,
    |number| weight(number, 1),
    { "type": "integer", "minimum": 1, "maximum": WEIGHT_MAX }
);
value!(
    /// How many members must serve.
    Members: i64 => LeastMembers,
    |number| match u8::try_from(number) {
        Ok(count @ 1..) if usize::from(count) <= SPLIT_MEMBERS_MAX => Ok(LeastMembers::Count(count)),
        Ok(_) | Err(_) => Err(format!(
            "`leastMembers` cannot be {number}: 1 to {SPLIT_MEMBERS_MAX}; without it, at least half \
             must serve"
        )),
    },
    { "type": "integer", "minimum": 1, "maximum": SPLIT_MEMBERS_MAX }
);
value!(
    /// How many may be out at once.
    MostOut: i64 => usize,
    |number| match usize::try_from(number) {
        Ok(most @ 1..=BACKENDS_MAX) => Ok(most),
        Ok(_) | Err(_) => Err(format!(
            "`mostOut` cannot be {number}: 1 to {BACKENDS_MAX}; without it, the other limits alone decide"
        )),
    },
    { "type": "integer", "minimum": 1, "maximum": BACKENDS_MAX }
);
value!(
    /// That something never is.
    Never: bool => (),
    |yes| match yes {
        true => Ok(()),
        false => Err("without it, they may be out together: leave this out".to_owned()),
    },
    { "type": "boolean", "const": true }
);
value!(
    /// What a backend can carry, or how much must remain of that.
    Capacity: i64 => u32,
    |number| match u32::try_from(number) {
        Ok(units @ 1..=CAPACITY_MAX) => Ok(units),
        Ok(_) | Err(_) => Err(format!("a capacity cannot be {number}: 1 to {CAPACITY_MAX}, in units of your own")),
    },
    { "type": "integer", "minimum": 1, "maximum": CAPACITY_MAX }
);
value!(
    /// Every pool.
    Pools: String => (),
    |text| match text.as_str() {
        "all" => Ok(()),
        _ => Err(format!("`pools` cannot be `{}`: it is `all`, for every pool; one is named with `pool`", clipped(&text))),
    },
    { "type": "string", "const": "all" }
);
value!(
    /// The value of a tag, perhaps with `${...}` in it.
    TagText: String => String,
    Ok,
    {
        "type": "string",
        "description": "The value of a tag, in which ${…} stands for a value in CEL.",
        "minLength": 1,
        "examples": ["eu", "${signal.labels.region}"]
    }
);
value!(
    /// A host or an address, perhaps with `${...}` in it.
    HostText: String => String,
    Ok,
    {
        "type": "string",
        "description": "A host, or an address of which the host counts; ${…} stands for a value in CEL.",
        "minLength": 1,
        "examples": ["${signal.labels.instance}", "eu-1.example.com"]
    }
);
value!(
    /// The name of a host.
    HostName: String => String,
    |text| {
        let host = host_of(&text);
        let is_one = text.trim().eq_ignore_ascii_case(&host)
            && (1..=253).contains(&host.len())
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte));
        if is_one {
            Ok(host)
        } else {
            Err(format!(
                "`{}` is not the name of a host: write it without scheme, port and path, such as eu-1.example.com",
                clipped(&text)
            ))
        }
    },
    {
        "type": "string",
        "description": "The name of a host, without scheme, port and path.",
        "pattern": "^[a-zA-Z0-9._:\\[\\]-]{1,253}$",
        "examples": ["eu-1.example.com"]
    }
);
value!(
    /// The value of a tag.
    TagValue: String => String,
    |text| match text.chars().count() {
        1..=TAG_VALUE_CHARS_MAX if !text.chars().any(char::is_control) => Ok(text),
        _ => Err(format!("this is not the value of a tag: it has 1 to {TAG_VALUE_CHARS_MAX} characters in one line")),
    },
    { "type": "string", "minLength": 1, "maxLength": TAG_VALUE_CHARS_MAX, "examples": ["eu", "1"] }
);
value!(
    /// A length of time: more than nothing, up to [`DURATION_MAX`].
    Duration: String => SignedDuration,
    |text| duration(&text),
    {
        "type": "string",
        "description": "A length of time: 90s, 2m, 1h30m, or ISO 8601, PT5M. More than nothing, at \
                        most 30 days (720h).",
        "pattern": "^\\s*([0-9]+([.,][0-9]+)?\\s*[A-Za-z]+[\\s,]*)+$|^[Pp][Tt]?[0-9.,A-Za-z]+$",
        "examples": ["90s", "2m", "1h30m", "PT5M"]
    }
);
value!(
    /// A percentage.
    Percent: String => Fraction,
    |text| clipped(&text).parse().map_err(|error: FractionError| error.to_string()),
    {
        "type": "string",
        "description": "A percentage from 0% to 100%, with at most two decimals.",
        "pattern": "^(100(\\.0{1,2})?|[0-9]{1,2}(\\.[0-9]{1,2})?) ?%$",
        "examples": ["30%", "12.5%"]
    }
);
value!(
    /// A condition.
    Expression: String => String,
    Ok,
    {
        "type": ["string", "boolean"],
        "description": "A condition in CEL, the Common Expression Language, of at most 2,000 bytes.",
        "minLength": 1,
        "maxLength": EXPRESSION_BYTES_MAX
    }
);
value!(
    /// A pool's name, perhaps with `${...}` in it.
    PoolName: String => String,
    Ok,
    {
        "type": "string",
        "description": "The name of a pool in this playbook, in which ${…} stands for a value in CEL.",
        "minLength": 1,
        "examples": ["chat", "${signal.labels.pool}"]
    }
);
value!(
    /// How many occurrences there must have been.
    Count: i64 => usize,
    |number| match usize::try_from(number) {
        Ok(1) => Err("one alert is enough in any case: write 2 or more, or leave `count` out".to_owned()),
        Ok(count @ 2..=COUNT_MAX) => Ok(count),
        Ok(_) | Err(_) => Err(format!("`count` cannot be {number}: 2 to {COUNT_MAX}")),
    },
    { "type": "integer", "minimum": 2, "maximum": COUNT_MAX }
);
value!(
    /// The name of a Single, perhaps with `${...}` in it.
    BackendText: String => String,
    Ok,
    {
        "type": "string",
        "description": "The name of a backend in this playbook, in which ${…} stands for a value in CEL.",
        "minLength": 1,
        "examples": ["chat-eu", "${signal.labels.backend}"]
    }
);
value!(
    /// How many failures trip a breaker.
    FailureCount: i64 => u16,
    |number| match u16::try_from(number) {
        Ok(count @ 1..=FAILURES_MAX) => Ok(count),
        Ok(_) | Err(_) => Err(format!("`count` cannot be {number}: 1 to {FAILURES_MAX}")),
    },
    { "type": "integer", "minimum": 1, "maximum": FAILURES_MAX }
);
value!(
    /// At which percentage of failures a breaker trips.
    FailurePercentage: i64 => u8,
    |number| match u8::try_from(number) {
        Ok(percentage @ 1..=100) => Ok(percentage),
        Ok(_) | Err(_) => Err(format!("`percentage` cannot be {number}: a whole number from 1 to 100")),
    },
    { "type": "integer", "minimum": 1, "maximum": 100 }
);
value!(
    /// That something is so.
    Yes: bool => (),
    |yes| match yes {
        true => Ok(()),
        false => Err("a breaker is only tightened: leave this out".to_owned()),
    },
    { "type": "boolean", "const": true }
);
value!(
    /// The address of a backend.
    Url: String => String,
    |text| address(text),
    {
        "type": "string",
        "description": "An address, without a user, a password or a query: a playbook holds no secret.",
        "pattern": "^https?://[^/?#@\\s]+(/[^?#@\\s]*)?$",
        "maxLength": TEXT_CHARS_MAX,
        "examples": ["https://eu-2.example.com/chat"]
    }
);
value!(
    /// The address of a proxy.
    ProxyUrl: String => String,
    |text| address(text),
    {
        "type": "string",
        "description": "An address, without a user, a password or a query: a playbook holds no secret.",
        "pattern": "^https?://[^/?#@\\s]+(/[^?#@\\s]*)?$",
        "maxLength": TEXT_CHARS_MAX,
        "examples": ["http://proxy.example.com:8080"]
    }
);
value!(
    /// A backend's title.
    Title: String => String,
    |text| at_most(text, "title", TITLE_CHARS_MAX),
    { "type": "string", "minLength": 1, "maxLength": TITLE_CHARS_MAX }
);
value!(
    /// A backend's description.
    Description: String => String,
    |text| at_most(text, "description", TEXT_CHARS_MAX),
    { "type": "string", "minLength": 1, "maxLength": TEXT_CHARS_MAX }
);
value!(
    /// The name of a named value, which holds a secret.
    NamedValue: String => String,
    |text| {
        let name = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        let is_name = |name: &str| {
            let letter = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_');
            (1..=256).contains(&name.len()) && name.chars().all(letter)
        };
        // What stands there may be a secret, and is not said.
        name.is_some_and(is_name).then_some(()).ok_or_else(|| {
            format!("{SECRET}: name one of the service's named values, as in \"{{{{chat-key}}}}\"")
        })?;
        Ok(text)
    },
    {
        "type": "string",
        "description": "A named value of the service, such as {{chat-key}}: a playbook holds no secret.",
        "pattern": "^\\{\\{[a-zA-Z0-9._-]{1,256}\\}\\}$",
        "examples": ["{{chat-key}}"]
    }
);
value!(
    /// The id of a certificate of the service.
    CertificateId: String => String,
    |text| match (1..=80).contains(&text.len()) && !text.contains(|char: char| char.is_whitespace() || char == '/' ) {
        true => Ok(text),
        false => Err("this is not the id of a certificate: it has 1 to 80 characters, and no blank or slash".to_owned()),
    },
    { "type": "string", "minLength": 1, "maxLength": 80, "examples": ["chat-client"] }
);
value!(
    /// The scheme of an authorization.
    Scheme: String => String,
    |text| match (1..=100).contains(&text.len()) && text.chars().all(|char| char.is_ascii_alphanumeric() || char == '-') {
        true => Ok(text),
        false => Err("this is not a scheme: write `Bearer`, and the secret as `parameter`".to_owned()),
    },
    { "type": "string", "pattern": "^[a-zA-Z0-9-]{1,100}$", "examples": ["Bearer"] }
);
value!(
    /// A priority.
    Priority: i64 => u8,
    |number| match u8::try_from(number) {
        Ok(priority @ 0..=WEIGHT_MAX) => Ok(priority),
        Ok(_) | Err(_) => Err(format!("`priority` cannot be {number}: a whole number from 0 to {WEIGHT_MAX}")),
    },
    { "type": "integer", "minimum": 0, "maximum": WEIGHT_MAX }
);
value!(
    /// A backend's name, perhaps with `${...}` in it.
    Member: String => String,
    Ok,
    {
        "type": "string",
        "description": "The name of a backend in API Management, such as eu-1, in which ${…} stands \
                        for a value in CEL: ${signal.labels.backend}.",
        "minLength": 1,
        "examples": ["eu-1", "${signal.labels.backend}", "${signal.labels.host.split('.')[0]}"]
    }
);
value!(
    /// The name of a label or an annotation.
    LabelName: String => String,
    |text| if text.is_empty() || text.len() > LABEL_NAME_BYTES_MAX {
        Err(format!("this is not the name of a label: it has 1 to {LABEL_NAME_BYTES_MAX} bytes"))
    } else {
        Ok(text)
    },
    { "type": "string", "minLength": 1, "maxLength": LABEL_NAME_BYTES_MAX }
);

value!(
    /// A time of day, wherever that is.
    TimeOfDay: String => Time,
    |text| text.parse::<Time>().ok().filter(|_| text.contains(':')).ok_or_else(|| {
        format!("`{}` is not a time of day: write it as \"09:00\"", clipped(&text))
    }),
    {
        "type": "string",
        "description": "A time of day, from 00:00 to 23:59.",
        "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$",
        "examples": ["09:00"]
    }
);
value!(
    /// How many may be.
    Most: i64 => usize,
    |number| match usize::try_from(number) {
        Ok(count @ 1..=BUDGET_MAX) => Ok(count),
        Ok(_) | Err(_) => Err(format!("this cannot be {number}: 1 to {BUDGET_MAX}")),
    },
    { "type": "integer", "minimum": 1, "maximum": BUDGET_MAX }
);
value!(
    /// A day and a time of day, wherever that is.
    LocalTime: String => DateTime,
    |text| text.parse::<DateTime>().map_err(|_| {
        format!("`{}` is not a day with a time of day: write it as 2026-12-24T22:00", clipped(&text))
    }),
    {
        "type": "string",
        "description": "A day and a time of day, such as 2026-12-24T22:00.",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2})?$",
        "examples": ["2026-12-24T22:00"]
    }
);

fn at_most(text: String, what: &str, max: usize) -> Result<String, String> {
    if (1..=max).contains(&text.chars().count()) {
        return Ok(text);
    }
    Err(format!("this is no {what} that Azure takes: it has 1 to {max} characters"))
}

/// An address that holds no secret, as far as its form shows.
fn address(text: String) -> Result<String, String> {
    let shown = clipped(&text);
    let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let form = || format!("`{shown}` is not an address: write https://eu-2.example.com/chat");
    let rest = rest.ok_or_else(form)?;
    let is_bad = |char: char| char.is_whitespace() || char.is_control() || char == '#';
    if rest.is_empty() || rest.starts_with('/') || rest.contains(is_bad) || rest.contains("${") {
        return Err(form());
    }
    if rest.contains(['@', '?']) {
        return Err(
            "this address may hold a secret: write it without a user, a password and a query"
                .to_owned(),
        );
    }
    at_most(text, "address", TEXT_CHARS_MAX)
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    const FORMS: &str = "write it as 90s, 2m, 1h30m or PT5M; a day is 24h";
    let shown = clipped(text);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{shown}` has no unit: did you mean `{shown}s` or `{shown}m`?"));
    }
    let parsed: SignedDuration =
        text.parse().map_err(|_| format!("`{shown}` is not a length of time: {FORMS}"))?;
    if parsed.is_zero() || parsed.is_negative() {
        let help = "write a longer time, or leave the field out";
        return Err(format!("`{shown}` is not longer than zero: {help}"));
    }
    if parsed > DURATION_MAX {
        return Err(format!("`{shown}` is too long: at most 30 days, 720h"));
    }
    Ok(parsed)
}

fn weight(number: i64, least: u8) -> Result<u8, String> {
    match u8::try_from(number) {
        Ok(weight) if (least..=WEIGHT_MAX).contains(&weight) => Ok(weight),
        Ok(_) | Err(_) => Err(format!(
            "a weight cannot be {number}: weights are whole numbers from {least} to {WEIGHT_MAX}"
        )),
    }
}
