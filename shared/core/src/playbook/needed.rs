//! The fields that a playbook must have, with what to write where one is missing.

/// What effects on pools need in one of several forms.
pub(super) const MEMBER: &str =
    "name a member: `member: eu-1`, or `member: ${signal.labels.backend}`";
pub(super) const TO: &str = "say how much of its weight the member keeps: `to: 30%`";
/// Also said where there is none in the list.
pub(super) const EFFECTS: &str = "say what it does: `do: [{drain: {pool: …, member: …}}]`";
pub(super) const STEPS: &str = "say how much is given back at each step: `steps: [10%, 50%, 100%]`";
/// Also said where a reconnect has `at` without it.
pub(super) const ZONE: &str = "say where that is meant: `zone: Europe/Paris`, or `zone: UTC`";
/// Of effects on pools, which may be on all of them instead.
pub(super) const POOL: &str = "name one of the `pools`";
/// Of a breaker, which may be that of a pool's members instead.
pub(super) const BREAKER: &str =
    "name one of the `backends`, or a pool for those of its members: `pool: chat`";
const BACKEND: &str = "name one of the `backends`";
const SERVICE: &str = "name one of the `services`";

/// The wire type, its field, and what to write. What else a `Shift` needs depends on what it has.
pub(super) const NEEDED: [(&str, &str, &str); 41] = [
    ("Playbook", "version", "begin the playbook with `version: 1`"),
    (
        "Playbook",
        "services",
        "name the services: `services: {main: {subscription: …, resourceGroup: …, name: …}}`",
    ),
    ("Playbook", "pools", "name the pools: `pools: {chat: {service: main, backend: chat-pool}}`"),
    ("Playbook", "plays", "write at least `plays: []`; see the example"),
    ("Service", "subscription", "it is the UUID that `az account show` calls id"),
    ("Service", "resourceGroup", "it is the name of the service's resource group"),
    ("Service", "name", "it is NAME in https://NAME.azure-api.net"),
    ("Pool", "service", SERVICE),
    ("Pool", "backend", "name the pool as API Management has it"),
    ("Backend", "service", SERVICE),
    ("Play", "name", "give the play a name"),
    ("Play", "when", "say which signals the play is for: `when: signal.labels.alertname == \"…\"`"),
    ("Play", "do", EFFECTS),
    ("Window", "name", "give the window a name"),
    ("Window", "lasts", "say how long it is open: `lasts: 2h`"),
    ("Window", "do", EFFECTS),
    ("Cron", "dialect", "name the language of `at`: `dialect: unix`, `ncrontab` or `eventbridge`"),
    ("Cron", "at", "say when: `at: 0 2 * * 0`"),
    ("Cron", "zone", ZONE),
    ("Once", "at", "say when: `at: 2026-12-24T22:00`"),
    ("Once", "zone", ZONE),
    ("Freeze", "name", "give the freeze a name"),
    ("Hours", "from", "say from which time of day on: `from: \"09:00\"`"),
    ("Hours", "to", "say until which time of day: `to: \"17:00\"`"),
    ("Hours", "zone", ZONE),
    ("Budget", "most", "say how many overrides of the play may begin: `most: 3`"),
    ("Budget", "per", "say within how long: `per: 1h`"),
    ("Set", "backend", BACKEND),
    ("Ensure", "backend", BACKEND),
    ("Is", "url", "say its address: `url: https://eu-2.example.com`"),
    ("Authorization", "scheme", "say which: `scheme: Bearer`"),
    ("Authorization", "parameter", "name a named value: `parameter: \"{{chat-token}}\"`"),
    ("SetProxy", "url", "say which: `url: http://proxy.example.com:8080`"),
    ("Ramp", "every", "say how long each step lasts: `every: 2m`"),
    ("Ramp", "steps", STEPS),
    ("Damping", "within", "say how far back earlier alerts count: `within: 1h`"),
    ("Damping", "most", "say how long `hold` becomes at most: `most: 30m`"),
    ("Stale", "repeats", "say how often the source repeats an alert: `repeats: 5m`"),
    ("Stale", "after", "say after how long an alert counts as silent: `after: 15m`"),
    ("AfterReconnect", "backend", "name a member: `backend: ${signal.labels.backend}`"),
    ("Reconnect", "backend", BACKEND),
];
