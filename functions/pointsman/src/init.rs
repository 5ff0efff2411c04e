//! `pointsman init`: a configuration and a playbook for the pools that Azure shows, to begin with.
//!
//! It only reads from Azure. What it writes is a shadow's, so that nothing happens to any pool before a
//! person has seen what would; and it never writes over a file that is there, unless it is told to.

mod text;

use std::{
    collections::BTreeSet,
    fs::Permissions,
    io::{ErrorKind, Write as _},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, builder::PossibleValuesParser};
use pointsman_apim::{
    Client, RequestId, Scope, ServiceId,
    document::Kind,
    id::{ResourceGroup, SubscriptionId, WorkspaceName},
    list::Query,
    pool::Member,
};
use pointsman_core::playbook;
use pointsman_host::{Config, config::Needs};
use pointsman_view as view;
use uuid::Uuid;

use self::text::{ALERT, alias, config_text, members, playbook_text, snippet, webhook};
use crate::{
    common::{self, Common},
    failed::{Failed, is_not_taken},
    page::Page,
    show,
};

/// The file of the playbook, beside the configuration.
const PLAYBOOK_FILE: &str = "playbook.yaml";

/// The file with the token that proves who sends alerts, beside the configuration.
const TOKEN_FILE: &str = "alertmanager-token";

/// How many services an error lists.
const SERVICES_SHOWN_MAX: usize = 20;

/// What to do where no token can be obtained.
const NO_LOGIN: &str = "log in with `az login`, or say as whom it is: --credential or --token-file";
const NO_IDENTITY: &str =
    "an emulator prints two `export` lines for its identity: they belong in this terminal, too";
const NOT_TAKEN: &str = "the token is not one that Azure takes: put another into --token-file, or say as whom with --credential";

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
    let file = |path: &Path| path.display().to_string();
    let report = view::Initialised {
        version: view::VERSION,
        mode: "shadow".to_owned(),
        configuration: file(&files.config),
        playbook: file(&files.playbook),
        token: options.webhook_env.is_none().then(|| file(&files.token)),
        service: service.to_string(),
        pools: pools.iter().map(|pool| pool.alias.clone()).collect(),
        webhook: webhook(config.listen),
        next: next.clone(),
    };
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
        let is_nobody = matches!(error, pointsman_apim::Error::Credential { .. });
        let hint = match (is_nobody, &options.endpoint) {
            (true, None) => NO_LOGIN,
            (true, Some(_)) => NO_IDENTITY,
            (false, _) if is_not_taken(&error) => NOT_TAKEN,
            (false, _) => hint,
        };
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
