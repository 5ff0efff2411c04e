//! rustfmt and clippy, which a toolchain can be installed without.

use crate::command::{cargo, on_path, program, run, succeeds};

/// Each with the subcommand of Cargo that it is.
const COMPONENTS: [(&str, &str); 2] = [("rustfmt", "fmt"), ("clippy", "clippy")];

/// Sees to it that both are there, through rustup where there is one.
pub(crate) fn ensure() -> Result<(), String> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    if on_path("rustup").is_some() {
        let mut arguments = vec!["component", "add"];
        arguments.extend(&missing);
        println!("installing {}", missing.join(", "));
        run(program("rustup", &arguments)).map_err(|error| lack(&missing, &error))?;
    }
    match self::missing() {
        missing if missing.is_empty() => Ok(()),
        missing => Err(lack(&missing, "there is no rustup here to install it with")),
    }
}

fn missing() -> Vec<&'static str> {
    COMPONENTS
        .into_iter()
        .filter(|(_, subcommand)| !succeeds(cargo(&[subcommand, "--version"])))
        .map(|(component, _)| component)
        .collect()
}

fn lack(missing: &[&str], why: &str) -> String {
    let missing = missing.join(" ");
    format!(
        "this toolchain lacks {missing}: {why}\n\
         With rustup: rustup component add {missing}\n\
         With a distribution's Rust, these are packages of their own, mostly of the same names."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_how_to_get_it() {
        let text = lack(&["rustfmt", "clippy"], "because");
        assert!(text.contains("rustup component add rustfmt clippy"), "{text}");
        assert!(text.contains("because"), "{text}");
    }
}
