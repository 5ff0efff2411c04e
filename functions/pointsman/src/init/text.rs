//! What `init` writes and prints: a configuration, a playbook, and Alertmanager's part.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    net::SocketAddr,
    path::{Path, absolute},
};

use pointsman_apim::{ServiceId, Setting, pool::Member};
use pointsman_core::text::one_line;
use serde_json::json;

use super::{Options, PLAYBOOK_FILE, Pool, TOKEN_FILE};
use crate::failed::Failed;

/// How much of a pool's name is its name in the playbook, in characters: a play's name begins with more.
const ALIAS_CHARS_MAX: usize = 60;

/// The alert that the first play is for, and that the next steps send.
pub(super) const ALERT: &str = "BackendErrors";

/// What the configuration says of its credential.
const AS_WHOM: &str = "  \
  # As whom. `auto` takes the first that is present: a client secret in the environment, a
  # workload identity, the managed identity, the Azure CLI. For a service, say which one.
";

/// A name for a pool that no other has.
pub(super) fn alias(name: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    let word = name.chars().map(|char| if plain(char) { char } else { '-' });
    let word: String = word.take(ALIAS_CHARS_MAX).collect();
    let mut alias = word.clone();
    let mut number = 2;
    while !taken.insert(alias.clone()) {
        alias = format!("{word}-{number}");
        number += 1;
    }
    alias
}

/// A value in YAML: quoted where it could be taken for anything but a text.
fn yaml(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || "-_./".contains(char))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { json!(text).to_string() }
}

/// The members with their weights, as in `eu 50, us 30, ap 100 (priority 2)`.
pub(super) fn members(members: &[Member]) -> String {
    let one = |member: &Member| {
        let weight = match member.weight {
            Setting::Number(weight) => format!(" {weight}"),
            Setting::Null | Setting::Absent => " without a weight".to_owned(),
        };
        let priority = match member.priority.number() {
            Some(priority) if priority > 1 => format!(" (priority {priority})"),
            Some(_) | None => String::new(),
        };
        format!("{}{weight}{priority}", one_line(&member.id.name().to_string()))
    };
    members.iter().map(one).collect::<Vec<_>>().join(", ")
}

pub(super) fn config_text(options: &Options, config: &Path) -> Result<String, Failed> {
    let mut azure = String::new();
    if let Some(endpoint) = &options.endpoint {
        let _ = writeln!(azure, "  endpoint: {}", json!(endpoint));
    }
    if let Some(cloud) = &options.cloud {
        let _ = writeln!(azure, "  cloud: {cloud}");
    }
    match &options.token_file {
        Some(file) => {
            // What is relative in the configuration is relative to it, and not to who typed this.
            let folder = config.parent().is_none_or(|folder| folder.as_os_str().is_empty());
            let file = if folder { file.clone() } else { absolute(file)? };
            let file = file.to_str().ok_or_else(|| Failed::new("--token-file is not UTF-8"))?;
            let _ = write!(azure, "  credential: token\n  token: {{file: {}}}\n", json!(file));
        }
        None => {
            azure.push_str(AS_WHOM);
            let _ = writeln!(azure, "  credential: {}", options.credential);
        }
    }
    let bearer = match &options.webhook_env {
        Some(name) => format!("{{env: {}}}", yaml(name)),
        None => format!("{{file: {TOKEN_FILE}}}"),
    };
    Ok(format!(
        "\
# Written by `pointsman init`. Paths are relative to this file. It has no secret in it, only where
# to find each: {{env: NAME}} or {{file: PATH}}.

# `shadow`: everything is decided, recorded and shown, and nothing is written to Azure. Say `live`
# once `pointsman status` and `pointsman history` show what you would have done yourself.
mode: shadow

# Where `serve` listens for alerts. `127.0.0.1` is for this machine alone, `0.0.0.0` for others, too.
listen: {}

# What Pointsman knows. A shadow has its own beside it: `pointsman.shadow.db`.
store: pointsman.db

# What to do when an alert comes in. `serve` publishes it the first time; after a change,
# `pointsman playbook apply {PLAYBOOK_FILE}` does.
playbook: {PLAYBOOK_FILE}

azure:
{azure}
# Who may send alerts, and what proves it. The webhook of this one is /alerts/prometheus.
sources:
  - name: prometheus
    kind: alertmanager
    bearer: {bearer}
",
        options.listen
    ))
}

pub(super) fn playbook_text(service: &ServiceId, pools: &[Pool]) -> String {
    let ServiceId { subscription, resource_group, service } = service;
    let mut text = format!(
        "\
# Written by `pointsman init`. `pointsman playbook example` shows all that can stand here.
# Check it with `pointsman playbook check {PLAYBOOK_FILE} --azure`.
version: 1

services:
  main:
    subscription: {subscription}
    resourceGroup: {}
    name: {}

# The pools that may be changed. No other pool is ever touched: take out what is not yours.
pools:
",
        yaml(&resource_group.to_string()),
        yaml(&service.to_string()),
    );
    for Pool { scope, name, alias, members: all } in pools {
        let workspace = scope
            .workspace
            .as_ref()
            .map(|workspace| format!("    workspace: {}\n", yaml(&workspace.to_string())));
        let _ = write!(
            text,
            "  # {}\n  {}:\n    service: main\n{}    backend: {}\n    \
             limits: {{leastMembers: 1, leastShare: 50%}} # of the group that serves, at all times\n",
            members(all),
            yaml(alias),
            workspace.unwrap_or_default(),
            yaml(name),
        );
        let numbers = all.iter().filter(|member| member.weight.number().is_some()).count();
        if (1..all.len()).contains(&numbers) {
            text.push_str(
                "    # Some members have no weight. Say what that means, or the pool is left as it is:\n    \
                 # nullWeight: 50\n",
            );
        }
    }
    text.push_str(
        "
plays:
  # No new traffic to a member while its alert fires. The alert names the member in its label
  # `backend`, by its name in API Management.
",
    );
    for Pool { alias, members, .. } in pools {
        let name = match pools.len() {
            1 => "drain-failing-member".to_owned(),
            _ => format!("drain-in-{alias}"),
        };
        // An alert says which member, and not in which of several pools.
        let one_of = if pools.len() == 1 {
            String::new()
        } else {
            let names: Vec<String> = members
                .iter()
                .map(|member| json!(member.id.name().to_string()).to_string())
                .collect();
            format!("\n      && signal.labels.backend in [{}]", names.join(", "))
        };
        let _ = write!(
            text,
            "  - name: {name}
    when: >-
      signal.labels.alertname == \"{ALERT}\" && signal.severity >= warning{one_of}
    do:
      - drain: {{pool: {}, member: \"${{signal.labels.backend}}\"}}
    until: resolved
    atMost: 6h # in any case, because resolves get lost
    hold: 2m # at the least, so that an alert that comes and goes moves traffic once
    ramp: {{steps: [10%, 50%, 100%], every: 2m}} # how the weight comes back
",
            yaml(alias)
        );
    }
    text
}

/// Where Alertmanager sends alerts.
pub(super) fn webhook(listen: SocketAddr) -> String {
    let host =
        if listen.ip().is_unspecified() { "HOST".to_owned() } else { listen.ip().to_string() };
    format!("http://{host}:{}/alerts/prometheus", listen.port())
}

/// The part of Alertmanager's configuration that sends alerts here.
pub(super) fn snippet(listen: SocketAddr) -> String {
    format!(
        "\
# alertmanager.yml: this route and this receiver, beside your own
route:
  routes:
    - receiver: pointsman
      matchers: [alertname = {ALERT}]
      continue: true # whoever else is told of it still is
      group_by: [alertname, backend] # a member each: a second one that fails need not wait
      group_wait: 5s
      group_interval: 10s # 5m if not said: so late would a resolve come
receivers:
  - name: pointsman
    webhook_configs:
      - url: {}
        send_resolved: true # else overrides end by `atMost` only
        max_alerts: 500
        http_config:
          authorization: {{type: Bearer, credentials_file: {TOKEN_FILE}}} # a copy of it
",
        webhook(listen)
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use pointsman_apim::{Document, Scope};
    use pointsman_core::playbook;
    use serde_json::Value;

    use super::*;

    const SERVICE: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg\
                           /providers/Microsoft.ApiManagement/service/contoso";

    fn pool(name: &str, weights: &[(&str, Option<u8>)], aliases: &mut BTreeSet<String>) -> Pool {
        let one = |(member, weight): &(&str, Option<u8>)| json!({"id": format!("{SERVICE}/backends/{member}"), "weight": weight});
        let services: Value = weights.iter().map(one).collect();
        let body = json!({"properties": {"type": "Pool", "pool": {"services": services}}});
        let document = Document::parse(body.to_string()).unwrap();
        let scope = Scope { service: SERVICE.parse().unwrap(), workspace: None };
        let members = document.pool().unwrap().all().to_vec();
        Pool { scope, name: name.to_owned(), alias: alias(name, aliases), members }
    }

    #[test]
    fn whatever_pools_and_members_are_called_the_playbook_is_sound() {
        let mut aliases = BTreeSet::new();
        let long = "x".repeat(80);
        let pools: Vec<Pool> =
            ["12345", "null", "a'b", "a\"b", "a-b", &long, &format!("{}y", &long[1..])]
                .into_iter()
                .map(|name| pool(name, &[("true", Some(1)), ("e\"u'", Some(2))], &mut aliases))
                .collect();
        let text = playbook_text(&SERVICE.parse().unwrap(), &pools);
        let playbook = playbook::read(&text)
            .map_err(|problems| playbook::render(&problems, "playbook.yaml", &text))
            .unwrap();
        let named: Vec<String> =
            playbook.pools.values().map(|pool| pool.backend.name.to_string()).collect();
        assert_eq!((named.len(), playbook.plays.len()), (7, 7));
        assert!(named.contains(&"a\"b".to_owned()), "{named:?}");
    }

    #[test]
    fn one_pool_has_one_play_for_all_of_its_members_and_missing_weights_are_told() {
        let mixed = [("eu", Some(50)), ("us", None)];
        let pools = [pool("chat", &mixed, &mut BTreeSet::new())];
        let text = playbook_text(&SERVICE.parse().unwrap(), &pools);
        let pools = text.split("pools:\n").nth(1).unwrap();
        expect![[r#"
              # eu 50, us without a weight
              chat:
                service: main
                backend: chat
                limits: {leastMembers: 1, leastShare: 50%} # of the group that serves, at all times
                # Some members have no weight. Say what that means, or the pool is left as it is:
                # nullWeight: 50

            plays:
              # No new traffic to a member while its alert fires. The alert names the member in its label
              # `backend`, by its name in API Management.
              - name: drain-failing-member
                when: >-
                  signal.labels.alertname == "BackendErrors" && signal.severity >= warning
                do:
                  - drain: {pool: chat, member: "${signal.labels.backend}"}
                until: resolved
                atMost: 6h # in any case, because resolves get lost
                hold: 2m # at the least, so that an alert that comes and goes moves traffic once
                ramp: {steps: [10%, 50%, 100%], every: 2m} # how the weight comes back
        "#]]
        .assert_eq(pools);
    }
}
