//! What CEL knows: its own functions, and those of [`super::strings`].

use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program};

use super::strings;

/// All functions; declared once, for building them takes longer than evaluating.
pub(super) static FUNCTIONS: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let declared = env.add_extension(strings::extension);
    // Only where a later CEL has functions of the same names; a test then says so.
    debug_assert_eq!(declared, Ok(()));
    Arc::new(env)
});

/// Whether `pattern` is a regular expression that `matches` can use; if not, why.
pub(super) fn check_pattern(pattern: &str) -> Result<(), String> {
    static MATCHES: LazyLock<Option<Program>> =
        LazyLock::new(|| FUNCTIONS.compile("''.matches(pattern)").ok());
    let Some(matches) = MATCHES.as_ref() else { return Ok(()) };
    let mut context = Context::with_env(Arc::clone(&FUNCTIONS));
    context.add_variable_from_value("pattern", pattern);
    match matches.execute(&context) {
        Ok(_) => Ok(()),
        Err(error) => {
            let text = error.to_string();
            // The last line says what is wrong; the others draw the pattern.
            let last = text.lines().last().unwrap_or_default();
            Err(last.trim_start_matches("error: ").to_owned())
        }
    }
}

/// Whether CEL knows a type of this name, such as `int`.
pub(super) fn is_type(name: &str) -> bool {
    FUNCTIONS.types().find_type(name).is_some()
}
