//! What commands print, checked in and read: `tests/transcripts`, with times and ages made equal.

use std::path::PathBuf;

use expect_test::expect_file;
use regex::Regex;

/// What a command printed, with each time and each age made equal.
fn same(text: &str) -> String {
    let rules = [
        (r"\d{4}-\d\d-\d\dT\S+Z", "TIME"),
        (r"((Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?\d{4}-\d\d-\d\d ", ""),
        (r"\d\d:\d\d(:\d\d)?(\.\d+)?Z?", "HH:MM"),
        (r"([( ])(now|\d+ (s|min) ago)([):])", "${1}AGE${4}"),
        (r"\(in [^)]+\)", "(in AGE)"),
        (r"for (\d+[hms] ?)+", "for AGE"),
        (r"at most (\d+[hms] ?)+ more", "at most AGE more"),
        (r"(claimed|decided) (\d+[hms] ?)+ ago", "$1 AGE ago"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b([^/])", "UUID$2"),
        (r"[a-z2-7]{16}", "ID"),
        // The id of a write is another each time, also where it is cut.
        (r"write [a-z2-7]{4,15}( is| was| may| would|:|,)", "write ID$1"),
        (r"fires since \S+", "fires since TIME"),
        (r"127\.0\.0\.1:\d+", "HOST"),
    ];
    rules.iter().fold(text.to_owned(), |text, (rule, put)| {
        Regex::new(rule).expect("a rule").replace_all(&text, *put).into_owned()
    })
}

/// Holds that a command printed what is checked in, times and ages aside.
///
/// # Panics
/// When it did not.
pub(crate) fn transcript(name: &str, text: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    expect_file![folder.join(name)].assert_eq(&same(text));
}
