//! How many tests passed, failed and were skipped, by Cargo's own word for it.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// Numbers of tests, summed over all that was run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

impl Tally {
    /// Adds what a line of Cargo's output tells, if it is one that does.
    ///
    /// Such a line is `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered
    /// out; finished in 0.01s`, one for each test binary and each crate's examples in
    /// documentation.
    pub(crate) fn hear(&self, line: &str) {
        let Some((_, numbers)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in numbers.split("; ") {
            let Some((number, word)) = part.split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            let sum = match word {
                "passed" => &self.passed,
                "failed" => &self.failed,
                "ignored" => &self.skipped,
                _ => continue,
            };
            sum.fetch_add(number, Ordering::Relaxed);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [passed, failed, skipped] = [&self.passed, &self.failed, &self.skipped]
            .map(|number| number.load(Ordering::Relaxed));
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, wanted: &str) {
        let tally = Tally::default();
        output.lines().for_each(|line| tally.hear(line));
        assert_eq!(tally.to_string(), wanted);
    }

    #[test]
    fn results_are_summed_and_other_lines_are_not() {
        check("", "0 passed, 0 failed, 0 skipped");
        check(
            "running 3 tests\n\
             test a ... ok\n\
             test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             \n\
             test result: FAILED. 40 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.24s\r\n\
             test results: 9 passed\n\
             the test result: ok. 9 passed; 9 failed; 9 ignored",
            "43 passed, 2 failed, 1 skipped",
        );
    }
}
