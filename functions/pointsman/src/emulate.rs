//! `pointsman emulate`: an emulated Azure alone, for people who want to try a client, a playbook or a
//! pipeline against it.
//!
//! It is on this machine only, and asks for tokens as Azure does; its own identity endpoint gives
//! them out, so that a client's managed identity works as it is.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use pointsman_core::form::meant;
use pointsman_emulator::{Emulator, Options as Emulated, member::Member};
use pointsman_host::server::Stop;
use serde_json::{Value, json};

use crate::{common::Common, failed::Failed, input, page::Page, show};

/// How long the file with the options may be, in bytes.
const OPTIONS_BYTES_MAX: usize = 1 << 20;

/// A member of a pool of the sample: its name, its weight and its priority.
type Seat = (&'static str, u32, u32);

/// The pools of the sample.
const SAMPLE: [(&str, [Seat; 3]); 2] = [
    ("chat", [("chat-eu", 50, 1), ("chat-us", 30, 1), ("chat-ap", 20, 1)]),
    ("search", [("search-eu", 60, 1), ("search-us", 40, 1), ("search-standby", 100, 2)]),
];

/// What `emulate` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// How it behaves, as JSON or YAML; a new service without faults by default.
    #[arg(long, value_name = "FILE")]
    options: Option<PathBuf>,
    /// Begin with two pools, `chat` and `search`, whose members answer through the gateway.
    #[arg(long)]
    sample: bool,
    /// Keep the state in this file, so that the next run continues with it; by default it is not kept.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The port of Azure Resource Manager; a free one by default.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The port of the gateway.
    #[arg(long, value_name = "PORT")]
    gateway_port: Option<u16>,
    /// The port of the identity endpoints.
    #[arg(long, value_name = "PORT")]
    identity_port: Option<u16>,
}

impl Options {
    /// The options of the file, with those of the command line over them.
    fn read(&self) -> Result<Emulated, Failed> {
        let mut read = match &self.options {
            Some(file) => {
                let text = input::read(file, OPTIONS_BYTES_MAX)?;
                // What is JSON is YAML too.
                serde_saphyr::from_str(&text).map_err(|error| unreadable(&error, file))?
            }
            None => Emulated::default(),
        };
        read.state_file = self.state.clone().or(read.state_file);
        let ports = &mut read.ports;
        ports.arm = self.port.unwrap_or(ports.arm);
        ports.gateway = self.gateway_port.unwrap_or(ports.gateway);
        ports.identity = self.identity_port.unwrap_or(ports.identity);
        Ok(read)
    }
}

/// Where the options of an emulator are wrong, and what would be right.
fn unreadable(error: &serde_saphyr::Error, file: &Path) -> Failed {
    let error = error.without_snippet();
    let place = error.location().map(|at| format!(":{}:{}", at.line(), at.column()));
    let said = if let serde_saphyr::Error::SerdeUnknownField { field, expected, .. } = error {
        let meant = meant(field, "keys here", expected.iter().copied());
        format!("there is no `{field}` here; {meant}")
    } else {
        error.to_string().lines().next().unwrap_or_default().to_owned()
    };
    Failed::new(format_args!("{}{}: {said}", file.display(), place.unwrap_or_default()))
}

pub(crate) async fn command(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    let emulated = options.read()?;
    let keeps = emulated.state_file.is_some();
    // Registered before it says that it is up, so that a stop right after that is not missed.
    let signalled = Stop::signals()?;
    let azure = Emulator::start(emulated).await?;
    let members = if options.sample { sample(&azure).await? } else { Vec::new() };
    if common.json {
        show::json_line(&places(&azure))?;
    } else {
        show::page(&Page::of_text(&hints(&azure, options.sample)))?;
    }
    signalled.await;
    azure.stop().await;
    for member in members {
        member.stop().await;
    }
    if keeps && !azure.saved().await {
        return Err(Failed::new("the state could not be written into its file"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the pools of the sample, and starts a server for each member. What is there from an earlier
/// run stays as it is, but for the addresses of the members, whose servers are new.
async fn sample(azure: &Emulator) -> Result<Vec<Member>, Failed> {
    let mut members = Vec::new();
    for (pool, seats) in SAMPLE {
        for (name, _, _) in seats {
            let member = Member::start(name).await?;
            azure.put_single(name, &member.url())?;
            members.push(member);
        }
        if azure.backend(pool).is_none() {
            let seats = seats.map(|(name, weight, priority)| (name, Some(weight), Some(priority)));
            azure.put_pool(pool, &seats)?;
        }
    }
    Ok(members)
}

/// Where everything is, for programs.
fn places(azure: &Emulator) -> Value {
    let environment: BTreeMap<_, _> = azure.identity_env().into_iter().collect();
    json!({
        "arm": azure.arm_url(),
        "gateway": azure.gateway_url(),
        "identity": azure.identity_url(),
        "serviceBus": azure.service_bus_url(),
        "service": azure.service().id(),
        "environment": environment,
    })
}

/// Where everything is, and what to try.
fn hints(azure: &Emulator, sample: bool) -> String {
    let (arm, gateway, identities) = (azure.arm_url(), azure.gateway_url(), azure.identity_url());
    let service = azure.service().id();
    let bus = azure.service_bus_url();
    let bus = bus.map_or_else(String::new, |bus| format!("\nService Bus             {bus}"));
    let exports = azure.identity_env().map(|(key, value)| format!("  export {key}={value}\n"));
    let exports = exports.concat();
    let next = if sample {
        format!(
            r#"  curl {gateway}/chat/anything
  pointsman init --endpoint {arm}
"#
        )
    } else {
        format!(
            r#"  echo "azure: {{endpoint: '{arm}', credential: managedIdentity}}" > emulated.yaml
  export POINTSMAN_CONFIG=emulated.yaml SERVICE={service}

  echo '{{"properties": {{"url": "https://eu.example", "protocol": "http"}}}}' > eu.json
  pointsman backend put $SERVICE/backends/eu eu.json --create
  pointsman backend set $SERVICE/backends/eu title=Europe --dry-run
  pointsman backend get $SERVICE/backends/eu
  curl {arm}/emulator/requests
"#
        )
    };
    format!(
        r#"Azure Resource Manager  {arm}
the gateway             {gateway}
identities              {identities}{bus}
the service             {service}

It stays up until ctrl-c. In another terminal, with its managed identity:

{exports}
{next}"#
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn options(file: Option<PathBuf>) -> Options {
        Options {
            options: file,
            sample: false,
            state: None,
            port: None,
            gateway_port: None,
            identity_port: Some(9),
        }
    }

    #[test]
    fn what_is_said_goes_before_what_the_file_says() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("options.yaml");
        fs::write(&file, "ports: {arm: 7, identity: 8}\ngatewayDelay: PT10S\n").unwrap();
        let read = options(Some(file.clone())).read().unwrap();
        assert_eq!((read.ports.arm, read.ports.gateway, read.ports.identity), (7, 0, 9));
        assert_eq!(read.gateway_delay.as_secs(), 10);
        fs::write(&file, r#"{"gateways": 2}"#).unwrap();
        assert_eq!(options(Some(file.clone())).read().unwrap().gateways, 2);
        fs::write(&file, "gatways: 2\n").unwrap();
        let why = options(Some(file)).read().unwrap_err().to_string();
        assert!(why.contains("gatways"), "{why}");
        let why = options(Some(folder.path().join("none"))).read().unwrap_err().to_string();
        assert!(why.contains("none: No such file"), "{why}");
    }
}
