//! What the real binary printed, beside these tests, with what differs from run to run made equal.

use std::path::PathBuf;

use expect_test::expect_file;
use regex::Regex;

/// What a command printed, with each time and each age made equal.
fn same(text: &str) -> String {
    let rules = [
        (r"\d{4}-\d\d-\d\d ", ""),
        (r"\d\d:\d\d(:\d\d)?(\.\d+)?Z?", "HH:MM"),
        (r"\((now|\d+ (s|min) ago)\)", "(AGE)"),
        (r"\(in [^)]+\)", "(in AGE)"),
        (r"for (\d+[hms] ?)+", "for AGE"),
        (r"at most (\d+[hms] ?)+ more", "at most AGE more"),
        (r"claimed \d+[ms] ago", "claimed AGE ago"),
        (r"[a-z2-7]{16}", "ID"),
        (r"fires since \S+", "fires since TIME"),
        (r"127\.0\.0\.1:\d+", "HOST"),
    ];
    rules.iter().fold(text.to_owned(), |text, (rule, put)| {
        Regex::new(rule).expect("a rule").replace_all(&text, *put).into_owned()
    })
}

/// What is checked in under this name must be what was printed.
pub(crate) fn transcript(name: &str, text: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    expect_file![folder.join(name)].assert_eq(&same(text));
}
