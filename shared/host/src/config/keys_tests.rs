//! The table of keys, in the page of this crate.

use super::{Needs, tests::parse};

/// Every key, as a path, with its meaning and its default: the table of this crate's README.
const KEYS: [(&str, &str, &str); 27] = [
    (
        "mode",
        "live",
        "`live`, or `shadow`: everything is decided, recorded and shown, and no command writes to \
         Azure. `--shadow` does the same for one command.",
    ),
    ("listen", "127.0.0.1:7433", "The address and port that `serve` listens on."),
    (
        "store",
        "pointsman.db",
        "The store's database file; a shadow has its own beside it, `*.shadow.db`.",
    ),
    (
        "playbook",
        "",
        "The playbook's file. Needed until one is published; `--publish` publishes it again.",
    ),
    ("azure.cloud", "public", "`public`, `usGovernment` or `china`."),
    (
        "azure.endpoint",
        "the cloud's",
        "The address of Azure Resource Manager, for a private link or an emulator.",
    ),
    ("azure.apiVersion", "2024-05-01", "The version of API Management's management interface."),
    (
        "azure.reconnectApiVersion",
        "the same",
        "The version in which reconnects are asked for, as `2022-08-01`, which brought them.",
    ),
    (
        "azure.paced",
        "true; false on this machine",
        "Whether a request waits for room in Azure's token buckets, instead of being refused.",
    ),
    (
        "azure.inspected",
        "true; false on this machine",
        "Whether `serve` checks the pools of each new generation of the playbook, and logs the \
         problems that it finds.",
    ),
    (
        "azure.checkEvery",
        "1m",
        "How often `serve` reads one pool of each service to see that Azure can be reached: `1s` to `1h`, or `never`.",
    ),
    (
        "azure.lookEvery",
        "1m",
        "How often a backend with overrides is read, so that a write of someone else is noticed: `5s` to \
         `1m`.",
    ),
    (
        "azure.credential",
        "auto",
        "`auto`, `managedIdentity`, `workloadIdentity`, `environment`, `azureCli` or `token`.",
    ),
    (
        "azure.clientId",
        "",
        "The client id of a user-assigned identity; with `managedIdentity` only.",
    ),
    ("azure.token", "", "The place of a ready-made token; with `credential: token` only."),
    (
        "heartbeat.url",
        "",
        "An address that `serve` calls (GET) for as long as all is well, or its place where it holds a \
         secret.",
    ),
    ("heartbeat.every", "1m", "How often: `10s` to `1h`."),
    (
        "operator.bearer",
        "",
        "Places of tokens with which an operator is shown `/windows.ics`; without this part, nobody is.",
    ),
    (
        "operator.basic.user",
        "",
        "A user's name, for basic authentication instead, as calendars have it.",
    ),
    ("operator.basic.passwords", "", "Places of that user's passwords."),
    ("sources[].name", "", "The source's name, as plays see it in `signal.source`."),
    ("sources[].kind", "", "What it speaks: `alertmanager`."),
    ("sources[].path", "/alerts/NAME", "The path of its webhook."),
    (
        "sources[].bearer",
        "",
        "Places of bearer tokens, any of which proves it; two while one is being replaced.",
    ),
    ("sources[].basic.user", "", "A user's name, for basic authentication instead."),
    ("sources[].basic.passwords", "", "Places of that user's passwords."),
    (
        "sources[].watchdog",
        "",
        "How long its alert `Watchdog` may be silent, `1s` to `24h`; as `{alert: NAME, within: 10m}` \
         for another alert. No play sees that alert.",
    ),
];

/// The table of keys names every key that can be read, and nothing else.
#[test]
fn the_table_of_keys_is_complete() {
    for (key, _, _) in KEYS {
        let (outer, inner) = key.rsplit_once('.').unwrap_or(("", key));
        let misspelt = format!("{inner}X: 1");
        let text = match outer {
            "" => misspelt,
            "azure" | "heartbeat" | "operator" => format!("{outer}: {{{misspelt}}}"),
            "sources[]" => format!("sources: [{{{misspelt}}}]"),
            "operator.basic" => format!("operator: {{basic: {{{misspelt}}}}}"),
            "sources[].basic" => format!("sources: [{{basic: {{{misspelt}}}}}]"),
            other => panic!("the test does not know {other}"),
        };
        // What was meant is the key, since the reader knows it.
        let problem = parse(&text, Needs::Everything).unwrap_err();
        assert!(problem.contains(&format!("did you mean `{inner}`?")), "{key}: {problem}");
    }
    let known = |text: &str| {
        let problem = parse(text, Needs::Everything).unwrap_err();
        let listed = problem.split("= the fields here are ").nth(1);
        let listed = listed.unwrap_or_else(|| panic!("{text}: {problem}")).lines().next();
        listed.unwrap_or_default().matches('`').count() / 2
    };
    let all = known("zz: 1")
        + known("azure: {zz: 1}")
        + known("heartbeat: {zz: 1}")
        + known("operator: {zz: 1}")
        + known("operator: {basic: {zz: 1}}")
        + known("sources: [{zz: 1}]")
        + known("sources: [{basic: {zz: 1}}]");
    // `azure`, `heartbeat`, `operator`, `sources` and `basic` hold others, and have no line of their own.
    assert_eq!(all - 6, KEYS.len());
}

/// The page's table of keys is the one that the code has.
#[test]
fn the_table_of_keys_is_in_its_page() {
    let shown = |default: &str| match default {
        "" => String::new(),
        said if said.contains([' ', '\'']) => said.to_owned(),
        value => format!("`{value}`"),
    };
    let row = |(key, default, means): &(&str, &str, &str)| {
        format!("| `{key}` | {} | {means} |\n", shown(default))
    };
    let rows: String = KEYS.iter().map(row).collect();
    let table = format!("| key | if not said | meaning |\n|---|---|---|\n{rows}\n");
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&table), "the table of README.md must be:\n{table}");
}
