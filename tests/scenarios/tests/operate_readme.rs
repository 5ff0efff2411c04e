//! The README, and the pages that it leads to: what they show must be so.

use std::path::{Path, PathBuf};

use pointsman_scenarios::{World, world::DRAIN};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace").to_owned()
}

/// The start page, and the pages beside the code that they describe.
const PAGES: [&str; 6] = [
    "README.md",
    "functions/pointsman/README.md",
    "shared/core/README.md",
    "shared/host/README.md",
    "tests/README.md",
    "infra/README.md",
];

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("there is such a page")
}

fn readme() -> String {
    page("README.md")
}

fn pages() -> String {
    PAGES.map(page).concat()
}

#[test]
fn the_start_page_leads_to_every_page_and_every_link_leads_somewhere() {
    let start = readme();
    for path in &PAGES[1..] {
        assert!(start.contains(&format!("]({path})")), "the README does not lead to {path}");
    }
    let mut links = 0;
    for path in PAGES {
        let folder = root().join(path).parent().expect("a folder").to_owned();
        for link in page(path).split("](").skip(1) {
            let link = link.split([')', '#']).next().expect("its end");
            if link.starts_with("https://") || link.is_empty() {
                continue;
            }
            links += 1;
            assert!(folder.join(link).exists(), "{path} leads to {link}, which is not there");
        }
    }
    assert!(links >= PAGES.len(), "only {links} links");
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
    let (mut playbooks, mut configurations) = (String::new(), 0);
    for (first, block) in blocks(&pages(), "yaml") {
        std::fs::write(world.path("snippet.yaml"), &block).expect("it is written");
        match first.as_str() {
            // These are further parts of the playbook before them.
            "# playbook" | "backends:" | "windows:" | "gates:" => {
                let whole = if first == "# playbook" { block } else { playbooks + &block };
                std::fs::write(world.path("snippet.yaml"), &whole).expect("it is written");
                let _ =
                    world.say(&["playbook", "check", "snippet.yaml"]).await.ended(0).says("sound");
                playbooks = whole;
            }
            "# pointsman.yaml" => {
                configurations += 1;
                // Where there is no store yet, this reads the configuration and makes nothing.
                let _ = world.say(&["status", "--config", "snippet.yaml"]).await.ended(3);
            }
            "# alertmanager.yml" => {
                for key in [
                    "route:",
                    "group_by: [alertname, backend]",
                    "group_wait: 5s",
                    "group_interval: 10s",
                    "receivers:",
                    "webhook_configs:",
                    "send_resolved: true",
                ] {
                    assert!(block.contains(key), "{key}");
                }
            }
            other => panic!("a block that begins with {other:?} is not known to be anything"),
        }
    }
    assert!(!playbooks.is_empty() && configurations > 0);
    world.finish();
}

#[test]
fn its_role_is_json_and_has_what_is_used_and_no_more() {
    let roles = blocks(&pages(), "json");
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
    let mut count = 0;
    for page in PAGES.map(page) {
        let named = page.split('`').skip(1).step_by(2);
        let files = named.filter(|name| {
            let places = ["tests/", "shared/", "functions/", "infra/"];
            places.iter().any(|place| name.starts_with(place))
        });
        for file in files {
            count += 1;
            assert!(root().join(file).exists(), "{file} is not there");
        }
    }
    assert!(count > 10, "only {count} are named");
    let readme = readme();
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
    let readme = page("functions/pointsman/README.md");
    let help =
        std::fs::read_to_string(root().join("functions/pointsman/help.txt")).expect("the help");
    let commands =
        help.split("Commands:\n").nth(1).expect("a list").split("\n\n").next().expect("its end");
    // What goes on below a command's line is put in further.
    for line in commands.lines().filter(|line| !line.starts_with("   ")) {
        let name = line.split_whitespace().next().expect("a name");
        let listed = name == "help"
            || readme.contains(&format!("| `{name}"))
            || readme.contains(&format!(", `{name}"));
        assert!(listed, "{name} is not in the page's table of commands");
    }
}
