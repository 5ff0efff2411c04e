//! Examples for the help of every command. A test reads each of them as the command line would.

use clap::Command;

/// Of each command, by its path: its examples.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("", &["pointsman dev", "pointsman emulate --sample", "pointsman init"]),
    ("dev", &["pointsman dev", "pointsman dev --hold --state demo"]),
    (
        "init",
        &[
            "pointsman init",
            "pointsman init --resource-group rg1 --credential azureCli",
            "pointsman init --endpoint http://127.0.0.1:4000 --token-file emulator-token",
        ],
    ),
    (
        "serve",
        &[
            "pointsman serve",
            "pointsman serve --shadow --config trial.yaml",
            "pointsman serve --publish --config /etc/pointsman/pointsman.yaml",
        ],
    ),
    (
        "plan",
        &["pointsman plan --signal alert.json", "pointsman plan --signal - --playbook new.yaml"],
    ),
    (
        "playbook",
        &["pointsman playbook check playbook.yaml", "pointsman playbook apply playbook.yaml"],
    ),
    ("shadow", &["pointsman shadow report"]),
    (
        "shadow report",
        &[
            "pointsman shadow report --since 24h",
            "pointsman shadow report --since 2026-03-01 --json",
        ],
    ),
    (
        "playbook check",
        &[
            "pointsman playbook check playbook.yaml",
            "pointsman playbook check playbook.yaml --azure",
        ],
    ),
    (
        "playbook apply",
        &[
            "pointsman playbook apply playbook.yaml --dry-run",
            "pointsman playbook apply playbook.yaml --by anna",
        ],
    ),
    ("playbook example", &["pointsman playbook example > playbook.yaml"]),
    ("playbook schema", &["pointsman playbook schema > playbook.schema.json"]),
    ("playbook show", &["pointsman playbook show", "pointsman playbook show 3"]),
    ("playbook list", &["pointsman playbook list", "pointsman playbook list -n 5"]),
    (
        "playbook rollback",
        &["pointsman playbook rollback 3 --dry-run", "pointsman playbook rollback 3 --by anna"],
    ),
    ("signal", &["pointsman signal send --alert BackendErrors --label backend=eu"]),
    (
        "signal send",
        &[
            "pointsman signal send --alert BackendErrors --label backend=eu --for 2m",
            "pointsman signal send --alert BackendErrors --label backend=eu --resolved",
        ],
    ),
    ("status", &["pointsman status", "pointsman status --watch", "pointsman status --json"]),
    ("explain", &["pointsman explain chat", "pointsman explain eu", "pointsman explain sp7ezdxd"]),
    (
        "history",
        &[
            "pointsman history --since 2h",
            "pointsman history --follow",
            "pointsman history chat --json",
        ],
    ),
    ("dead-letters", &["pointsman dead-letters list"]),
    (
        "dead-letters list",
        &["pointsman dead-letters list", "pointsman dead-letters list -n 5 --json"],
    ),
    ("dead-letters retry", &["pointsman dead-letters retry --all"]),
    (
        "dead-letters drop",
        &[
            "pointsman dead-letters drop --older-than 7d",
            "pointsman dead-letters drop --from prometheus",
        ],
    ),
    ("pause", &["pointsman pause --reason 'Azure is being moved'"]),
    ("resume", &["pointsman resume"]),
    (
        "undo",
        &[
            "pointsman undo chat --reason 'it was the test, not the member'",
            "pointsman undo sp7ezdxd --reason 'eu is well'",
        ],
    ),
    ("release", &["pointsman release --all", "pointsman release --all --within 600"]),
    ("backend", &["pointsman backend list", "pointsman backend get chat --output yaml"]),
    (
        "backend list",
        &[
            "pointsman backend list --workspace team",
            "pointsman backend list --filter \"startswith(name,'eu-')\" --top 20",
        ],
    ),
    (
        "backend get",
        &["pointsman backend get chat", "pointsman backend get contoso/eu --output yaml"],
    ),
    (
        "backend set",
        &[
            "pointsman backend set chat 'pool.services[eu].weight=0' --dry-run",
            "pointsman backend set contoso/eu title=Europe",
        ],
    ),
    (
        "backend put",
        &[
            "pointsman backend put chat chat.yaml",
            "pointsman backend put contoso/new new.yaml --create",
        ],
    ),
    ("backend delete", &["pointsman backend delete contoso/old --dry-run"]),
    ("backend reconnect", &["pointsman backend reconnect eu --after PT5M"]),
    ("backend watch", &["pointsman backend watch chat --every 5"]),
    (
        "emulate",
        &["pointsman emulate --sample", "pointsman emulate --state azure.json --port 4000"],
    ),
    ("completions", &["source <(pointsman completions bash)"]),
    ("man", &["pointsman man | man -l -", "pointsman man /usr/local/share/man/man1"]),
];

/// Adds its examples to the help of every command.
pub(crate) fn added(command: Command) -> Command {
    add(command, "")
}

fn add(mut command: Command, path: &str) -> Command {
    if let Some((_, examples)) = EXAMPLES.iter().find(|(of, _)| *of == path) {
        let examples: String = examples.iter().map(|line| format!("\n  {line}")).collect();
        let after = command.get_after_help().map(|after| format!("\n\n{after}"));
        command = command.after_help(format!("Examples:{examples}{}", after.unwrap_or_default()));
    }
    let inner: Vec<String> =
        command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    inner.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}").trim_start().to_owned();
        command.mut_subcommand(name, |inner| add(inner, &path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a line, as a shell would have them, up to a pipe.
    pub(crate) fn words(line: &str) -> Vec<String> {
        let line = line.trim_start_matches("source <(").trim_end_matches(')');
        let mut words = vec![String::new()];
        let mut quote = None;
        for char in line.chars() {
            match (quote, char) {
                (None, '\'' | '"') => quote = Some(char),
                (Some(open), close) if open == close => quote = None,
                (None, ' ') => words.push(String::new()),
                (None, '|' | '>') => break,
                (_, other) => words.last_mut().unwrap().push(other),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    fn check(command: &Command, path: &str, whole: &Command) {
        let found = EXAMPLES.iter().find(|(of, _)| *of == path);
        let (_, examples) = found.unwrap_or_else(|| panic!("`{path}` has no example"));
        assert!((1..=3).contains(&examples.len()), "{path}");
        for line in *examples {
            let words = words(line);
            let read = whole.clone().try_get_matches_from(&words);
            assert!(read.is_ok(), "{line}: {:?}", read.err());
            let inner = words[1..].join(" ");
            assert!(inner.starts_with(path), "{line} is no example of `{path}`");
            // Two columns in, it is not broken on a terminal of 80 columns.
            assert!(line.chars().count() <= 78, "{line} is too long to be copied");
        }
        let shown = |inner: &&Command| !inner.is_hide_set() && inner.get_name() != "help";
        for inner in command.get_subcommands().filter(shown) {
            check(inner, format!("{path} {}", inner.get_name()).trim_start(), whole);
        }
    }

    #[test]
    fn every_command_has_examples_and_the_command_line_takes_them() {
        let whole = crate::cli::command();
        check(&whole, "", &whole);
    }
}
