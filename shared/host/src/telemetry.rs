//! What the process tells those who watch it.
//!
//! Lines for people where a terminal is, JSON elsewhere; `POINTSMAN_LOG` filters as `RUST_LOG` does
//! elsewhere. Everything goes to standard error: standard output is for what a command was asked.
//!
//! What is told holds others' words, as labels and Azure's messages. Whatever they are, a line is one
//! line, and nothing in it moves the cursor: see [`text`].

use std::io::{self, IsTerminal as _, Write};

use pointsman_core::text::{self, OneLine};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, field::MakeExt as _, fmt, fmt::format::debug_fn, layer::SubscriberExt as _,
    registry::LookupSpan, util::SubscriberInitExt as _,
};

/// The variable that filters what is told: `info`, `pointsman_engine=debug,warn`.
pub const FILTER_VARIABLE: &str = "POINTSMAN_LOG";

/// Starts telling, once in a process: with `json`, one JSON object a line also on a terminal.
/// `otherwise` is the filter where the variable is not set.
///
/// # Errors
/// When the variable cannot be understood.
pub fn start(json: bool, otherwise: &str) -> Result<(), String> {
    let filter = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| otherwise.to_owned());
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| format!("{FILTER_VARIABLE}={filter} cannot be understood: {error}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    // A second start, as in a test, keeps the first.
    let _ = if json || !io::stderr().is_terminal() {
        registry.with(objects(io::stderr)).try_init()
    } else {
        registry.with(lines(io::stderr, io::stderr().is_terminal())).try_init()
    };
    Ok(())
}

/// Lines for people.
fn lines<S, W>(
    writer: impl Fn() -> W + Send + Sync + 'static,
    colours: bool,
) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + 'static,
{
    let fields = debug_fn(|writer, field, value| {
        let value = OneLine(format_args!("{value:?}"));
        match field.name() {
            "message" => write!(writer, "{value}"),
            name => write!(writer, "{name}={value}"),
        }
    });
    let lines = fmt::layer().with_writer(writer).with_target(false).with_ansi(colours);
    lines.fmt_fields(fields.delimited(" "))
}

/// Lines for programs.
fn objects<S, W>(writer: impl Fn() -> W + Send + Sync + 'static) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + 'static,
{
    let writer = move || Json(writer());
    fmt::layer().with_writer(writer).with_target(false).json().flatten_event(true)
}

/// Writes whole lines of JSON, with what JSON lets pass escaped.
struct Json<W>(W);

impl<W: Write> Write for Json<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let line_of_text = String::from_utf8_lossy(line);
        self.0.write_all(text::json(&line_of_text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const EVIL: &str = "eu\n2026-01-01 ours\u{2028}\u{1b}[2J\u{85}\u{202e}";

    fn told(layer: impl Layer<tracing_subscriber::Registry> + Send + Sync, kept: &Kept) -> String {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("look", backend = %EVIL);
            let _in = span.enter();
            tracing::warn!(label = %EVIL, quoted = EVIL, "refused: {EVIL}");
        });
        let told = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let line = told.strip_suffix('\n').expect("a whole line").to_owned();
        assert!(!line.contains(text::acts), "{line:?}");
        line
    }

    #[test]
    fn whatever_others_wrote_a_line_of_the_log_is_one_line() {
        let kept = Kept::default();
        let writer = kept.clone();
        let line = told(lines(move || writer.clone(), false), &kept);
        let shown = r"eu\n2026-01-01 ours\u{2028}\u{1b}[2J\u{85}\u{202e}";
        assert!(line.contains(&format!("refused: {shown} label={shown}")), "{line}");
        assert!(line.contains(&format!("look{{backend={shown}}}")), "{line}");
    }

    #[test]
    fn an_object_of_the_log_is_one_line_that_says_the_same() {
        let kept = Kept::default();
        let writer = kept.clone();
        let line = told(objects(move || writer.clone()), &kept);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["message"], format!("refused: {EVIL}"));
        assert_eq!(object["quoted"], EVIL);
        assert_eq!(object["span"]["backend"], EVIL);
    }
}
