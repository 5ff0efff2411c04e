//! Examples for the help of every command. A test reads each of them as the command line would.

use clap::Command;

/// A block for each command, with a blank line between them: the command, and its examples.
const EXAMPLES: &str = include_str!("../examples.txt");

/// The examples of a command, a line each, as its help shows them.
fn of(command: &str) -> Option<&'static str> {
    let block = |block: &'static str| block.strip_prefix(command)?.strip_prefix(":\n");
    EXAMPLES.split("\n\n").find_map(block).map(str::trim_end)
}

/// Adds its examples to the help of every command.
pub(crate) fn added(command: Command) -> Command {
    let name = command.get_name().to_owned();
    add(command, &name)
}

fn add(mut command: Command, name: &str) -> Command {
    if let Some(examples) = of(name) {
        let after = command.get_after_help().map(|after| format!("\n\n{after}"));
        command = command.after_help(format!("Examples:\n{examples}{}", after.unwrap_or_default()));
    }
    command.mut_subcommands(|inner| {
        let name = format!("{name} {}", inner.get_name());
        add(inner, &name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a line, as a shell would have them, up to a pipe.
    pub(crate) fn words(line: &str) -> Vec<String> {
        let line = line.trim().trim_start_matches("source <(").trim_end_matches(')');
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

    fn check(command: &Command, name: &str, whole: &Command) {
        let examples = of(name).unwrap_or_else(|| panic!("`{name}` has no example"));
        assert!((1..=3).contains(&examples.lines().count()), "{name}");
        for line in examples.lines() {
            let words = words(line);
            let read = whole.clone().try_get_matches_from(&words);
            assert!(read.is_ok(), "{line}: {:?}", read.err());
            assert!(words.join(" ").starts_with(name), "{line} is no example of `{name}`");
        }
        let shown = |inner: &&Command| !inner.is_hide_set() && inner.get_name() != "help";
        for inner in command.get_subcommands().filter(shown) {
            check(inner, &format!("{name} {}", inner.get_name()), whole);
        }
    }

    #[test]
    fn every_command_has_examples_and_the_command_line_takes_them() {
        let whole = crate::cli::command();
        check(&whole, "pointsman", &whole);
    }
}
