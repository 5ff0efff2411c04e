//! One target under libFuzzer: the one that the environment names.

#![no_main]

use std::sync::LazyLock;

use pointsman_fuzz::{TARGETS, Target, target};

/// Where the target's name is. libFuzzer reads the arguments itself.
const NAME: &str = "POINTSMAN_FUZZ_TARGET";

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var(NAME).unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let names = TARGETS.map(|target| target.name).join(", ");
        eprintln!("{NAME} is `{name}`: it must be one of {names}");
        std::process::exit(2);
    })
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
