//! What sources call their severities, in our words.

use pointsman_core::signal::Severity;

/// What an alert counts as that names no severity, or an unknown one.
///
/// The second least: a play that asks for `>= warning` hears it, for it is worse to leave
/// traffic on a broken member because a rule lacks a label than to move it once too often; and
/// it outranks nothing that says how bad it is.
pub(crate) const DEFAULT: Severity = Severity::Warning;

/// Words that are in use for each severity, in lower case: those of the mixins of Prometheus,
/// of syslog, of the usual tracker priorities. `sev0` to `sev4` are left out, since houses do
/// not agree on where they begin.
const SPELLINGS: [(Severity, &str); 4] = [
    (Severity::Info, "info informational information none notice debug ok low p4 p5"),
    (Severity::Warning, "warning warn minor medium moderate ticket p3"),
    (Severity::Error, "error err major high p2"),
    (Severity::Critical, "critical crit page fatal emergency emerg disaster highest p0 p1"),
];

/// Reads a severity, without case and without the spaces around it.
pub(crate) fn read(text: Option<&str>) -> Severity {
    let text = text.unwrap_or_default().trim();
    SPELLINGS
        .into_iter()
        .find(|(_, words)| words.split(' ').any(|word| word.eq_ignore_ascii_case(text)))
        .map_or(DEFAULT, |(severity, _)| severity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_read_as_people_spell_them() {
        use Severity::{Critical, Error, Info, Warning};
        for (text, wanted) in [
            (Some("critical"), Critical),
            (Some("CRITICAL"), Critical),
            (Some("page"), Critical),
            (Some("Crit"), Critical),
            (Some("error"), Error),
            (Some("major"), Error),
            (Some(" warn "), Warning),
            (Some("none"), Info),
            (Some("info"), Info),
            (Some("banana"), Warning),
            (Some(""), Warning),
            (None, Warning),
        ] {
            assert_eq!(read(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn the_readme_says_which_word_is_which_severity() {
        let readme = include_str!("../../host/README.md");
        for (severity, words) in SPELLINGS {
            let words = format!("`{}`", words.split(' ').collect::<Vec<_>>().join("`, `"));
            let rest = if severity == DEFAULT { "; none, or any other word" } else { "" };
            let row = format!("| `{severity}` | {words}{rest} |");
            assert!(readme.contains(&row), "the README lacks: {row}");
        }
    }

    #[test]
    fn our_own_names_are_among_the_spellings_and_no_word_has_two_meanings() {
        for (name, severity) in Severity::ALL {
            assert_eq!(read(Some(name)), severity);
        }
        let mut words: Vec<&str> =
            SPELLINGS.iter().flat_map(|(_, words)| words.split(' ')).collect();
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
    }
}
