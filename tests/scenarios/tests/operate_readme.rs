//! The README: what it shows must be so.

use std::path::{Path, PathBuf};

use pointsman_scenarios::{World, world::DRAIN};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace").to_owned()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("there is a README")
}

/// The fenced blocks of a language, each with its first line.
fn blocks(readme: &str, language: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = readme;
    while let Some((_, after)) = rest.split_once(&format!("```{language}\n")) {
        let (block, after) = after.split_once("```").expect("it is closed");
        found.push((block.lines().next().unwrap_or_default().to_owned(), block.to_owned()));
        rest = after;
    }
    found
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = readme();
    assert!(readme.contains("cargo run -- dev") && readme.contains("cargo xtask test"));
}

#[tokio::test]
async fn its_yaml_is_what_it_says_it_is() {
    let world = World::new(DRAIN).await;
    let (mut playbooks, mut configurations) = (0, 0);
    for (first, block) in blocks(&readme(), "yaml") {
        std::fs::write(world.path("snippet.yaml"), &block).expect("it is written");
        match first.as_str() {
            "# playbook" => {
                playbooks += 1;
                let _ =
                    world.say(&["playbook", "check", "snippet.yaml"]).await.ended(0).says("sound");
            }
            "# pointsman.yaml" => {
                configurations += 1;
                // Where there is no store yet, this reads the configuration and makes nothing.
                let _ = world.say(&["status", "--config", "snippet.yaml"]).await.ended(0);
            }
            "# alertmanager.yml" => {
                for key in ["route:", "receivers:", "webhook_configs:", "send_resolved: true"] {
                    assert!(block.contains(key), "{key}");
                }
            }
            other => panic!("a block that begins with {other:?} is not known to be anything"),
        }
    }
    assert!(playbooks > 0 && configurations > 0);
    world.finish();
}

#[test]
fn its_role_is_json_and_has_what_is_used_and_no_more() {
    let readme = readme();
    let roles = blocks(&readme, "json");
    let [(_, role)] = roles.as_slice() else { panic!("one role") };
    let role: serde_json::Value = serde_json::from_str(role).expect("JSON");
    let actions: Vec<&str> = role["Actions"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(serde_json::Value::as_str)
        .collect();
    let service = "Microsoft.ApiManagement/service";
    let wanted = [
        format!("{service}/backends/read"),
        format!("{service}/backends/write"),
        format!("{service}/backends/reconnect/action"),
        format!("{service}/workspaces/backends/read"),
        format!("{service}/workspaces/backends/write"),
    ];
    assert_eq!(actions, wanted);
}

#[test]
fn the_files_and_folders_that_it_names_are_there() {
    let readme = readme();
    let named = readme.split('`').skip(1).step_by(2);
    let files = named.filter(|name| {
        ["tests/", "shared/", "functions/", "infra/"].iter().any(|place| name.starts_with(place))
    });
    let mut count = 0;
    for file in files {
        count += 1;
        assert!(root().join(file).exists(), "{file} is not there");
    }
    assert!(count > 10, "only {count} are named");
    // The map names every package, and nothing that is not one.
    let map = readme.split("## The workspace").nth(1).expect("a map");
    for place in ["functions", "shared", "infra", "tests"] {
        for entry in std::fs::read_dir(root().join(place)).expect("a folder") {
            let folder = entry.expect("an entry");
            if folder.path().join("Cargo.toml").exists() {
                let name = folder.file_name().into_string().expect("text");
                assert!(
                    map.contains(&format!("      {name}/ ")),
                    "{place}/{name} is not on the map"
                );
            }
        }
    }
    let (mut place, mut named) = (String::new(), 0);
    for line in map.lines().filter(|line| line.starts_with("    ")) {
        let name = line.split_whitespace().next().unwrap_or_default();
        if line.starts_with("      ") {
            assert!(root().join(&place).join(name).join("Cargo.toml").exists(), "{place}{name}");
            named += 1;
        } else {
            place = name.to_owned();
        }
    }
    assert!(named > 10, "only {named} packages are on the map");
}

/// Every command of the checked-in help is in the table of commands.
#[test]
fn every_command_is_in_its_table() {
    let readme = readme();
    let help =
        std::fs::read_to_string(root().join("functions/pointsman/help.txt")).expect("the help");
    let commands =
        help.split("Commands:\n").nth(1).expect("a list").split("\n\n").next().expect("its end");
    for line in commands.lines() {
        let name = line.split_whitespace().next().expect("a name");
        let listed = name == "help"
            || readme.contains(&format!("| `{name}"))
            || readme.contains(&format!(", `{name}"));
        assert!(listed, "{name} is not in the README's table of commands");
    }
}
