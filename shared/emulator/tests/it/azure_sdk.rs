//! The Azure SDK's own credential against the identity endpoint.
//!
//! It reads its environment from the process, so it runs in a child: this test binary again, with
//! the one test that is ignored otherwise.

use crate::client::World;
use azure_core::credentials::TokenCredential as _;
use azure_identity::ManagedIdentityCredential;
use pointsman_emulator::Operation;

const CHILD: &str = "azure_sdk::child_asks_for_a_token";
const MARK: &str = "token=";

#[tokio::test(flavor = "multi_thread")]
async fn the_azure_sdk_gets_a_token_that_is_good() {
    let world = World::chat().await;
    let env = world.azure.identity_env();
    let output = tokio::task::spawn_blocking(move || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD, "--ignored", "--nocapture"])
            .env("NO_PROXY", "127.0.0.1")
            .envs(env)
            .output()
            .unwrap()
    })
    .await
    .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let token = text.lines().find_map(|line| line.split_once(MARK));
    let (_, token) = token.unwrap_or_else(|| {
        panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
    });
    let read = world.http.get(world.url("chat")).bearer_auth(token);
    assert_eq!(read.send().await.unwrap().status(), 200);
    assert_eq!(world.azure.view(|azure| azure.total(Operation::Token)), 1);
    world.azure.finish();
}

#[tokio::test]
#[ignore = "the other half of the_azure_sdk_gets_a_token_that_is_good, which runs it"]
async fn child_asks_for_a_token() {
    let credential = ManagedIdentityCredential::new(None).unwrap();
    let scopes = &["https://management.azure.com/.default"];
    let token = credential.get_token(scopes, None).await.unwrap();
    println!("\n{MARK}{}", token.token.secret());
}
