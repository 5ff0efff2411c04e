//! The files that a run writes, as they are checked in, with `<name>` where the run fills something in.
//!
//! They are what anyone would write for a real Azure and a real gateway, so that they can be read and
//! copied as they are; only that seconds stand where minutes would, so that one can watch.

use std::path::Path;

use super::{Failed, folder};

/// The configuration, by the name that every command looks for.
pub(super) const CONFIG: File =
    File::new("pointsman.yaml", include_str!("../files/pointsman.yaml"));

/// The playbook that helps one of the pools.
pub(super) const PLAYBOOK: File =
    File::new("playbook.yaml", include_str!("../files/playbook.yaml"));

/// A fault by which the emulated Azure asks the next writer to wait, for `--hold`.
pub(super) const FAULT: File = File::new("throttle.json", include_str!("../files/throttle.json"));

/// Who is told of alerts by Alertmanager, and how soon.
pub(super) const ALERTMANAGER: File =
    File::new("alertmanager.yml", include_str!("../files/alertmanager.yml"));

/// What Prometheus scrapes, and who is told of alerts.
pub(super) const PROMETHEUS: File =
    File::new("prometheus.yml", include_str!("../files/prometheus.yml"));

/// When an alert fires, and until when: a member that is drained gets no traffic to be judged by, so
/// the alert goes on while the probe of the member fails, and is over once it has been good for a while.
pub(super) const RULES: File = File::new("rules.yml", include_str!("../files/rules.yml"));

/// What to try while everything is up, as lines that can be copied into another terminal.
pub(super) const TRY: File = File::new("try.txt", include_str!("../files/try.txt"));

/// Where the pages of Prometheus and Alertmanager are.
pub(super) const PAGES: File = File::new("pages.txt", include_str!("../files/pages.txt"));

/// One of them.
pub(super) struct File {
    pub(super) name: &'static str,
    text: &'static str,
}

impl File {
    const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }

    /// The text, with what stands for each of these names.
    pub(super) fn filled(&self, with: &[(&str, &str)]) -> String {
        let fill =
            |text: String, (name, value): &(&str, &str)| text.replace(&format!("<{name}>"), value);
        with.iter().fold(self.text.to_owned(), fill)
    }

    /// Writes it into a folder.
    pub(super) fn write(&self, folder: &Path, with: &[(&str, &str)]) -> Result<(), Failed> {
        folder::write_text(folder, self.name, &self.filled(with))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::watcher::ALERT, *};

    #[test]
    fn each_name_is_filled_in_and_the_files_name_each_other_as_they_are_called() {
        let filled = TRY.filled(&[("azure", "http://a:1"), ("folder", "/tmp/dev")]);
        assert!(filled.contains("\n  cd /tmp/dev\n"), "{filled}");
        assert!(
            filled.contains("-X POST http://a:1/emulator/faults -d @throttle.json\n"),
            "{filled}"
        );
        assert_eq!(FAULT.name, "throttle.json");
        assert!(PROMETHEUS.text.contains(&format!("rule_files: [{}]", RULES.name)));
        assert!(RULES.text.contains(&format!("- alert: {ALERT}\n")));
        assert!(CONFIG.text.contains(&format!("playbook: {}", PLAYBOOK.name)));
        let folder = tempfile::tempdir().unwrap();
        ALERTMANAGER
            .write(folder.path(), &[("webhook", "http://f:2/alerts/alertmanager")])
            .unwrap();
        let text = fs::read_to_string(folder.path().join("alertmanager.yml")).unwrap();
        assert!(text.contains("- url: http://f:2/alerts/alertmanager\n"), "{text}");
    }
}
