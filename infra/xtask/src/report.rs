//! The stages of a run: each with its time, and a last line that a machine can read.

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::tally::Tally;

/// What has been done so far.
#[derive(Default)]
pub(crate) struct Report {
    stages: Vec<(&'static str, Duration)>,
    /// The tests' numbers; zeros until they have run.
    pub(crate) tally: Arc<Tally>,
}

impl Report {
    /// Runs a stage under its heading.
    pub(crate) fn stage(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), String> {
        println!("\n── {name} ──");
        let started = Instant::now();
        let outcome = work();
        self.stages.push((name, started.elapsed()));
        outcome
    }

    /// Prints what there is to say at the end. The numbers of the tests are the last line,
    /// alone on it, whatever happened.
    pub(crate) fn close(&self, outcome: &Result<(), String>) {
        print!("{}", self.closing(outcome));
    }

    fn closing(&self, outcome: &Result<(), String>) -> String {
        let mut text = String::from("\n");
        let mut row = |name: &str, time: Duration, remark: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<8}{:>9.1} s{remark}", time.as_secs_f64());
        };
        for (place, (name, time)) in self.stages.iter().enumerate() {
            let failed = outcome.is_err() && place + 1 == self.stages.len();
            row(name, *time, if failed { "  FAILED" } else { "" });
        }
        row("total", self.stages.iter().map(|(_, time)| *time).sum(), "");
        if let Err(error) = outcome {
            let _ = write!(text, "\n{}\n", error.trim_end());
        }
        let _ = write!(text, "\n{}\n", self.tally);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let tally = Arc::<Tally>::default();
        tally.hear("test result: ok. 12 passed; 1 failed; 2 ignored; 0 measured");
        let stages = vec![("build", Duration::from_secs(160)), ("test", Duration::from_millis(42))];
        Report { stages, tally }
    }

    #[test]
    fn the_last_line_is_the_numbers_alone_whatever_happened() {
        for outcome in [Ok(()), Err("the test failed\n".to_owned())] {
            let text = report().closing(&outcome);
            assert_eq!(text.lines().last(), Some("12 passed, 1 failed, 2 skipped"), "{text}");
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
        }
        let text = Report::default().closing(&Err("no tools".to_owned()));
        assert_eq!(text.lines().last(), Some("0 passed, 0 failed, 0 skipped"));
    }

    #[test]
    fn each_stage_has_its_time_and_the_failed_one_is_marked() {
        let text = report().closing(&Err("`cargo test`: exit status: 101".to_owned()));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "",
                "build       160.0 s",
                "test          0.0 s  FAILED",
                "total       160.0 s",
                "",
                "`cargo test`: exit status: 101",
                "",
                "12 passed, 1 failed, 2 skipped",
            ]
        );
    }

    #[test]
    fn a_failed_stage_is_recorded_and_handed_on() {
        let mut report = Report::default();
        assert_eq!(report.stage("fmt", || Ok(())), Ok(()));
        assert_eq!(report.stage("clippy", || Err("no".to_owned())), Err("no".to_owned()));
        let names: Vec<&str> = report.stages.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["fmt", "clippy"]);
    }
}
