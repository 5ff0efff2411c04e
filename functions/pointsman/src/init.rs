//! `pointsman init`: a configuration and a playbook for the pools that Azure shows, to begin with.
//!
//! It only reads from Azure. What it writes is a shadow's, so that nothing happens to any pool before a
//! person has seen what would; and it never writes over a file that is there, unless it is told to.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::Permissions,
    io::{ErrorKind, Write as _},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf, absolute},
    process::ExitCode,
};

use clap::{Args, builder::PossibleValuesParser};
use pointsman_apim::{
    Client, RequestId, Scope, ServiceId, Setting,
    document::Kind,
    id::{ResourceGroup, SubscriptionId, WorkspaceName},
    list::Query,
    pool::Member,
};
use pointsman_core::{playbook, text::one_line};
use pointsman_host::{Config, config::Needs};
use pointsman_view as view;
use serde_json::json;
use uuid::Uuid;

use crate::{
    common::{self, Common},
    failed::Failed,
    page::Page,
    show,
};

/// The file of the playbook, beside the configuration.
const PLAYBOOK_FILE: &str = "playbook.yaml";

/// The file with the token that proves who sends alerts, beside the configuration.
const TOKEN_FILE: &str = "alertmanager-token";

/// How many services an error lists.
const SERVICES_SHOWN_MAX: usize = 20;

/// How much of a pool's name is its name in the playbook, in characters: a play's name begins with more.
const ALIAS_CHARS_MAX: usize = 60;

/// The alert that the first play is for, and that the next steps send.
const ALERT: &str = "BackendErrors";

/// What the configuration says of its credential.
const AS_WHOM: &str = "  \
  # As whom. `auto` takes the first that is present: a client secret in the environment, a
  # workload identity, the managed identity, the Azure CLI. A service had better name its own.
";

/// What `init` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The API Management service, by its Azure path: /subscriptions/.../service/NAME; by default the
    /// only one that can be seen.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["subscription", "resource_group"])]
    service: Option<ServiceId>,
    /// Look for the service in this subscription only.
    #[arg(long, value_name = "ID")]
    subscription: Option<SubscriptionId>,
    /// Look for the service in this resource group only.
    #[arg(long, value_name = "NAME")]
    resource_group: Option<ResourceGroup>,
    /// Look for pools in this workspace of the service, too; may be repeated.
    #[arg(long, value_name = "NAME")]
    workspace: Vec<WorkspaceName>,
    /// The address of Azure Resource Manager, for a private link or an emulator.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Which cloud, for the configuration.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(["public", "usGovernment", "china"]))]
    cloud: Option<String>,
    /// As whom, for the configuration.
    #[arg(
        long,
        value_name = "KIND",
        default_value = "auto",
        value_parser = PossibleValuesParser::new([
            "auto", "managedIdentity", "workloadIdentity", "environment", "azureCli",
        ])
    )]
    credential: String,
    /// Use the ready-made token in this file instead of a credential.
    #[arg(long, value_name = "FILE", conflicts_with = "credential")]
    token_file: Option<PathBuf>,
    /// Where `serve` is to listen for alerts, for the configuration.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7433")]
    listen: SocketAddr,
    /// Read the webhook's token from this variable of the environment, and make no file with a random
    /// one.
    #[arg(long, value_name = "NAME")]
    webhook_env: Option<String>,
    /// Replace a configuration and a playbook that are there.
    #[arg(long)]
    force: bool,
}

/// A pool that Azure shows.
struct Pool {
    scope: Scope,
    name: String,
    /// What the playbook calls it.
    alias: String,
    members: Vec<Member>,
}

/// Where everything is written.
struct Files {
    config: PathBuf,
    playbook: PathBuf,
    token: PathBuf,
}

impl Files {
    fn beside(config: &Path) -> Self {
        let folder = config.parent().unwrap_or(Path::new(""));
        Self {
            config: config.to_owned(),
            playbook: folder.join(PLAYBOOK_FILE),
            token: folder.join(TOKEN_FILE),
        }
    }

    /// Fails where a file is there that may not be replaced.
    fn free(&self) -> Result<(), Failed> {
        for file in [&self.config, &self.playbook] {
            if file.symlink_metadata().is_ok() {
                return Err(exists(file));
            }
        }
        Ok(())
    }
}

fn exists(file: &Path) -> Failed {
    Failed::new(format_args!(
        "{} is there already, and stays as it is: --force replaces it, --config FILE writes elsewhere",
        file.display()
    ))
}

pub(crate) async fn command(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    let files = Files::beside(&common.config);
    if !options.force {
        files.free()?;
    }
    let text = config_text(options, &files.config)?;
    let read = Config::read_text(&text, &files.config, Needs::Azure);
    let config = read.map_err(|error| Failed::of_text(&error.to_string()))?;
    let client = common::azure(&config)?;
    let looked = async {
        let service = service(&client, options).await?;
        let pools = pools(&client, &service, &options.workspace).await?;
        Ok::<_, Failed>((service, pools))
    };
    let (service, pools) = show::patiently(show::AZURE, looked).await?;
    let book = playbook_text(&service, &pools);
    playbook::read(&book).map_err(|problems| {
        Failed::of_text(&playbook::render(&problems, PLAYBOOK_FILE, &book))
            .within("the playbook that would be written is not sound, which is a bug in Pointsman")
    })?;
    let made = options.webhook_env.is_none() && make_token(&files.token)?;
    write(&files.playbook, &book, options.force)?;
    write(&files.config, &text, options.force)?;
    let next = next(common, &files, &pools);
    let report = json!({
        "mode": "shadow",
        "configuration": files.config,
        "playbook": files.playbook,
        "token": options.webhook_env.is_none().then_some(&files.token),
        "service": service.to_string(),
        "pools": pools.iter().map(|pool| pool.alias.as_str()).collect::<Vec<_>>(),
        "webhook": webhook(config.listen),
        "next": next,
    });
    let mut out = Page::of(format_args!(
        "wrote {}: a shadow, so that nothing is written to Azure",
        files.config.display()
    ));
    let many = view::count(pools.len(), "pool");
    out.line(format_args!("wrote {}: {many} of {}", files.playbook.display(), service.service));
    for pool in &pools {
        out.line(format_args!("  {}: {}", pool.alias, members(&pool.members)));
    }
    match (&options.webhook_env, made) {
        (Some(_), _) => {}
        (None, true) => out.line(format_args!(
            "wrote {}: a random token for the webhook, which you alone can read",
            files.token.display()
        )),
        (None, false) => out.line(format_args!(
            "{} is there already: it is the webhook's token, and stays as it is",
            files.token.display()
        )),
    }
    out.line("");
    out.line("Next:");
    for step in &next {
        out.line(format_args!("  {step}"));
    }
    out.line("");
    out.line("The last two in another terminal, while `serve` runs. Alertmanager sends with this:");
    out.line("");
    for line in snippet(config.listen).lines() {
        out.line(format_args!("  {line}"));
    }
    common.print(&report, &out)
}

fn call() -> RequestId {
    Uuid::now_v7().into()
}

/// The service that is named, or the only one that can be seen.
async fn service(client: &Client, options: &Options) -> Result<ServiceId, Failed> {
    if let Some(service) = &options.service {
        return Ok(service.clone());
    }
    let hint = "name the service: --service /subscriptions/.../service/NAME";
    let listed = async {
        let subscriptions = match options.subscription {
            Some(one) => vec![one],
            None => client.subscriptions(call()).await?,
        };
        let mut services = Vec::new();
        for subscription in subscriptions {
            services.extend(client.services(subscription, call()).await?);
        }
        Ok::<_, pointsman_apim::Error>(services)
    };
    let mut services = listed.await.map_err(|error| {
        Failed::new(format_args!("the services cannot be listed: {}", error.full())).and(hint)
    })?;
    if let Some(group) = &options.resource_group {
        services.retain(|service| service.resource_group == *group);
    }
    match services.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failed::new("no API Management service can be seen with this credential")
            .and("it needs to read one, or")
            .and(hint)),
        several => {
            let many = format!("{} API Management services can be seen; name one:", several.len());
            let shown = several.iter().take(SERVICES_SHOWN_MAX);
            let why = shown
                .fold(Failed::new(many), |why, one| why.and(format_args!("  --service {one}")));
            let more = several.len().saturating_sub(SERVICES_SHOWN_MAX);
            Err(if more == 0 { why } else { why.and(format_args!("  and {more} more")) })
        }
    }
}

/// The pools of the service, and of these workspaces of it.
async fn pools(
    client: &Client,
    service: &ServiceId,
    workspaces: &[WorkspaceName],
) -> Result<Vec<Pool>, Failed> {
    let scope = |workspace| Scope { service: service.clone(), workspace };
    let scopes = [None].into_iter().chain(workspaces.iter().cloned().map(Some)).map(scope);
    let (mut pools, mut aliases, mut others) = (Vec::new(), BTreeSet::new(), 0);
    for scope in scopes {
        let mut pages = client.pages(&scope, &Query::default(), call());
        while let Some(page) = pages.next().await.map_err(|error| {
            Failed::new(format_args!("the backends of {scope} cannot be listed: {}", error.full()))
        })? {
            for backend in page.backends {
                let (Ok(name), Ok(Kind::Pool), Ok(members)) =
                    (backend.name(), backend.kind(), backend.pool())
                else {
                    others += 1;
                    continue;
                };
                let name = name.to_string();
                let alias = alias(&name, &mut aliases);
                let members = members.all().to_vec();
                pools.push(Pool { scope: scope.clone(), name, alias, members });
            }
        }
    }
    if pools.is_empty() {
        let others = view::count(others, "backend");
        return Err(Failed::new(format_args!(
            "{} has {others}, and no pool: Pointsman moves traffic between the members of a pool",
            service.service
        ))
        .and("make one, or look for pools in a workspace, too: --workspace NAME"));
    }
    Ok(pools)
}

/// A name for a pool that no other has.
fn alias(name: &str, taken: &mut BTreeSet<String>) -> String {
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
fn members(members: &[Member]) -> String {
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

fn config_text(options: &Options, config: &Path) -> Result<String, Failed> {
    let mut azure = String::new();
    if let Some(endpoint) = &options.endpoint {
        let _ = writeln!(azure, "  endpoint: {}", json!(endpoint));
        // One on this machine is not checked unless it is said.
        let _ = writeln!(azure, "  checkEvery: 1m # whether Azure can be reached");
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

fn playbook_text(service: &ServiceId, pools: &[Pool]) -> String {
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

/// The next commands, in their order.
fn next(common: &Common, files: &Files, pools: &[Pool]) -> Vec<String> {
    let member = pools.first().and_then(|pool| pool.members.first());
    let member = member.map_or_else(|| "NAME".to_owned(), |member| member.id.name().to_string());
    let with = if common.config == Path::new("pointsman.yaml") {
        String::new()
    } else {
        format!(" --config {}", common.config.display())
    };
    [
        format!("playbook check {} --azure", files.playbook.display()),
        "serve".to_owned(),
        format!(
            "signal send --alert {ALERT} --label backend={member} --severity critical --for 1m"
        ),
        "status".to_owned(),
    ]
    .map(|step| format!("pointsman {step}{with}"))
    .to_vec()
}

/// Where Alertmanager sends alerts.
fn webhook(listen: SocketAddr) -> String {
    let host =
        if listen.ip().is_unspecified() { "HOST".to_owned() } else { listen.ip().to_string() };
    format!("http://{host}:{}/alerts/prometheus", listen.port())
}

/// The part of Alertmanager's configuration that sends alerts here.
fn snippet(listen: SocketAddr) -> String {
    format!(
        "\
# alertmanager.yml
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

/// Makes a file with a random token, unless there is one: then the sender has it, too.
fn make_token(file: &Path) -> Result<bool, Failed> {
    let token = format!("{}{}\n", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    match put(file, &token, 0o600, false) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(unwritten(file, &error)),
    }
}

fn write(file: &Path, text: &str, force: bool) -> Result<(), Failed> {
    put(file, text, 0o644, force).map_err(|error| {
        let is_there = error.kind() == ErrorKind::AlreadyExists;
        if is_there { exists(file) } else { unwritten(file, &error) }
    })
}

fn unwritten(file: &Path, error: &std::io::Error) -> Failed {
    Failed::new(format_args!("{} cannot be written: {error}", file.display()))
}

/// Writes a file that is whole at any moment; over one that is there only where it may.
fn put(file: &Path, text: &str, mode: u32, over: bool) -> std::io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let mut new =
        tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    let kept = if over { new.persist(file) } else { new.persist_noclobber(file) };
    kept.map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use pointsman_apim::Document;
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
