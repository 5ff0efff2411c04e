//! Whatever is read, reading ends in a playbook or in problems that stand in the text.

use proptest::{prelude::*, sample::Index};

use crate::playbook::{EXAMPLE, PLAYBOOK_BYTES_MAX, read, render};

/// Reads, and holds what is true of every answer.
fn check(text: &str) {
    let Err(problems) = read(text) else { return };
    assert!(!problems.is_empty(), "a refusal says why");
    let lines: Vec<&str> = text.split('\n').collect();
    let mut last = (0, 0);
    for problem in &problems {
        assert!((1..=lines.len()).contains(&problem.line), "{problem}");
        let line = lines[problem.line - 1];
        assert!((1..=line.chars().count() + 1).contains(&problem.column), "{problem}");
        let from: String = line.chars().skip(problem.column - 1).collect();
        assert!(from.starts_with(&problem.text), "{problem}: {:?} in {from:?}", problem.text);
        assert!(last <= (problem.line, problem.column), "in the order of the text");
        last = (problem.line, problem.column);
        assert!(!problem.message.is_empty() && !problem.help.is_empty(), "{problem:?}");
    }
    let shown = render(&problems, "playbook.yaml", text);
    assert!(shown.chars().all(|char| char == '\n' || !char.is_control()), "{shown:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_yaml(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "version: 1\n", "plays:\n", "  - name: a\n", "    when: true\n", "    do:\n",
                "      - drain: {pool: chat, member: eu}\n", "pools: ", "{", "}", "[", "]", ": ",
                "- ", "\n", "  ", "\t", "&a ", "*a", "!!str ", "|\n", ">-\n", "\"", "'", "#", "${",
                "signal.labels.", "é", "\r\n", "---\n", "...\n", "%YAML 1.2\n", "? ", "<<: *a\n",
                "\u{feff}", "\u{85}", "\u{2028}",
            ]),
            0..40,
        ),
    ) {
        check(&parts.concat());
    }

    /// The example with something put in place of something.
    #[test]
    fn an_example_gone_wrong(from: Index, len in 0_usize..30, put in "[ -~é\\n]{0,12}") {
        let chars: Vec<char> = EXAMPLE.chars().collect();
        let from = from.index(chars.len());
        let mut text: String = chars[..from].iter().collect();
        text.push_str(&put);
        text.extend(chars.iter().skip(from + len));
        check(&text);
    }

    /// The example with a line taken out, doubled, or moved by a space.
    #[test]
    fn an_example_with_lines_amiss(at: Index, how in 0..3) {
        let mut lines: Vec<String> = EXAMPLE.lines().map(str::to_owned).collect();
        let at = at.index(lines.len());
        match how {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            _ => lines[at].insert(0, ' '),
        }
        check(&lines.join("\n"));
    }
}

#[test]
fn sizes_are_bounded() {
    let large = "#".repeat(PLAYBOOK_BYTES_MAX + 1);
    assert!(read(&large).unwrap_err()[0].message.contains("bytes"));
    for tower in ["[", "{a: ", "- ", "a:\n ", "? "] {
        check(&tower.repeat(10_000));
    }
    let plays: String = (0..=super::super::PLAYS_MAX)
        .map(|n| {
            format!("  - {{name: p{n}, when: true, do: [{{drain: {{pool: chat, member: eu}}}}]}}\n")
        })
        .collect();
    let text = format!("{}plays:\n{plays}", super::HEAD);
    let problems = read(&text).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].message, "there are 2001 plays here");
    let wrong = text.replace("member: eu", "member: e/u");
    assert_eq!(read(&wrong).unwrap_err().len(), crate::form::PROBLEMS_MAX);
}
