//! Expressions that would be too much: refused when read, without a word from the stack.

use std::{fmt::Write, thread};

use proptest::prelude::*;

use crate::{
    playbook::{
        EXPRESSION_BYTES_MAX, Template,
        expression::{Expressions, Scene},
        kind::Wanted,
    },
    signal::Severity,
};

/// The stack of a thread of the standard library, and of tokio.
const STACK_BYTES: usize = 2 << 20;

/// Reads `source` with the stack that a thread has, asks it of a signal where it was taken, and
/// says whether it was. What goes wrong in that ends the test: a panic, or the process's stack.
fn read(source: &str) -> bool {
    let source = source.to_owned();
    thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let signal = super::signal(Severity::Info, [("a", "1")]);
            let scene = Scene::of(&signal);
            let condition = Expressions::default()
                .read(&source, Wanted::Truth)
                .map(|condition| condition.holds(&scene));
            let template = Template::read(&format!("a${{{source}}}"), &mut Expressions::default())
                .map(|template| template.fill(&scene));
            condition.is_ok() || template.is_ok()
        })
        .unwrap()
        .join()
        .unwrap()
}

/// An expression of a height.
type Tower = fn(usize) -> String;

#[test]
fn towers_are_refused_at_every_height() {
    let towers: [(&str, Tower); 18] = [
        ("parentheses", |n| "(".repeat(n) + "true" + &")".repeat(n)),
        ("open", |n| "(".repeat(n)),
        ("lists", |n| "[".repeat(n)),
        ("maps", |n| "{1:".repeat(n)),
        ("not", |n| "!".repeat(n) + "true"),
        ("minus", |n| "- ".repeat(n) + "1"),
        ("plus", |n| "1+".repeat(n) + "1"),
        ("and", |n| "true&&".repeat(n) + "true"),
        ("fields", |n| "signal".to_owned() + &".labels".repeat(n)),
        ("indices", |n| "signal".to_owned() + &"[1]".repeat(n)),
        ("indices in indices", |n| "signal[".repeat(n) + "1" + &"]".repeat(n)),
        ("conditionals", |n| "true?1:".repeat(n) + "1"),
        ("calls", |n| "int(".repeat(n) + "1" + &")".repeat(n)),
        ("methods", |n| "1".to_owned() + &".int()".repeat(n)),
        ("functions of text", |n| "''".to_owned() + &".trim().split('')[0]".repeat(n)),
        ("replacements", |n| "signal.labels.a".to_owned() + &".replace('','a')".repeat(n)),
        ("loops", |n| "[0].all(a,".repeat(n) + "true" + &")".repeat(n)),
        ("in", |n| "1 in ".repeat(n) + "1"),
    ];
    for (name, tower) in towers {
        for height in (1..40).chain([50, 99, 200, 1_999]) {
            let source = tower(height);
            let taken = read(&source);
            assert!(!taken || source.len() <= EXPRESSION_BYTES_MAX, "{name} {height}");
        }
    }
}

#[test]
fn what_passes_the_guard_can_be_read_and_asked_with_an_ordinary_stack() {
    // The heaviest that passes: brackets, and a chain in the innermost.
    let mut heaviest = 0;
    for brackets in 0..8 {
        for operators in 0..40 {
            let mut source = "(".repeat(brackets);
            source.push('1');
            for _ in 0..operators {
                source.push_str("+1");
            }
            source.push_str(&")".repeat(brackets));
            write!(source, " == {}", operators + 1).unwrap();
            let taken = thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn(move || {
                    let Ok(condition) = Expressions::default().read(&source, Wanted::Truth) else {
                        return false;
                    };
                    let signal = super::signal(Severity::Info, []);
                    let scene = Scene::of(&signal);
                    assert_eq!(condition.holds(&scene), Ok(true));
                    true
                })
                .unwrap()
                .join()
                .unwrap();
            heaviest = heaviest.max(usize::from(taken) * (brackets * 5 + operators));
        }
    }
    assert!(heaviest >= 30, "the guard takes what people write");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_upsets_the_parser(source in any::<String>()) {
        read(&source);
    }

    #[test]
    fn no_mixture_of_signs_upsets_the_parser(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "signal", ".", "labels", "a", "(", ")", "[", "]", "{", "}", "'", "\"", "\\", "==",
                "&&", "||", "!", "-", "+", "?", ":", ",", " ", "1", "0x", "1e9", "u", "b", "r",
                "in", "has", "exists", "map", "é", "😀", "\n", "$", "`", "\u{0}", "null", "true",
            ]),
            0..60,
        ),
    ) {
        read(&parts.concat());
    }
}
