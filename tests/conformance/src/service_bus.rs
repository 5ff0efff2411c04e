//! A client of Service Bus, run once from its first message to its last.

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use crate::{
    azure::{Azure, BOUND},
    installed::installed,
};

/// The key that the queue's policy has.
const KEY: &str = "emulated-key";

/// What the Python package azure-servicebus finds at an emulator of its own.
///
/// # Panics
/// When it is not installed, or does not end well.
pub async fn python() -> Value {
    let azure =
        Azure::with(&format!("serviceBus: {{policies: {{RootManageSharedAccessKey: {KEY}}}}}\n"))
            .await;
    let home = installed("python-service-bus-0.21.1", "requirements.txt");
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/service_bus.py");
    let running = Command::new(home.join("bin/python"))
        .arg(driver)
        .env("SERVICE_BUS", azure.service_bus())
        .env("KEY", KEY)
        .envs([("NO_PROXY", "*"), ("no_proxy", "*")])
        .env_remove("PYTHONPATH")
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(BOUND, running).await.expect("it ends in time");
    let ended = ended.expect("it can be started");
    let log = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{}\n{log}", ended.status);
    serde_json::from_slice(&ended.stdout).expect("what it found is JSON")
}
