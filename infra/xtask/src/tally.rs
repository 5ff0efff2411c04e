//! How many tests passed, failed and were skipped, by Cargo's own word for it.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Numbers of tests, summed over all that was run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Adds what a line of Cargo's output tells, if it is one that does.
    ///
    /// Such a line is `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered
    /// out; finished in 0.01s`, one for each test binary and each crate's examples in
    /// documentation.
    pub(crate) fn hear(&mut self, line: &str) {
        let Some((_, numbers)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in numbers.split("; ") {
            let Some((number, word)) = part.split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// The tally, also where its other holder has panicked: numbers cannot be half changed.
pub(crate) fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, wanted: &str) {
        let mut tally = Tally::default();
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
