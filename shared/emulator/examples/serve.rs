//! Serves an emulated Azure, by options from a file, until its input ends.
//!
//! `cargo run -p pointsman-emulator --example serve -- options.json`
//!
//! It prints where it listens, as one line of JSON, so that a script of any language can go on
//! from there. What can be chosen is in the documentation of `Options`; `{}` is a fresh service on
//! free ports.

use pointsman_emulator::{Emulator, Options};
use serde_json::json;
use std::{error::Error, io::Read as _};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = match std::env::args().nth(1) {
        Some(file) => {
            let text = std::fs::read(&file).map_err(|error| format!("{file}: {error}"))?;
            serde_json::from_slice(&text).map_err(|error| format!("{file}: {error}"))?
        }
        None => Options::default(),
    };
    let azure = Emulator::start(options).await?;
    let listens = json!({
        "arm": azure.arm_url(),
        "gateway": azure.gateway_url(),
        "identity": azure.identity_url(),
        "service": azure.service().id(),
    });
    println!("{listens}");
    // The input ends when whoever started this closes it, or ends too.
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    ended.await??;
    azure.stop().await;
    Ok(())
}
