//! What reads foreign bytes, against any bytes.
//!
//! A target is a plain function of bytes. It feeds them to one reader and asserts what must hold
//! of whatever comes out: it never panics, what was read obeys its bounds, printing and reading
//! again give the same, and an error says something. It is run in two ways:
//!
//! - **Every test run replays what is kept**: `corpus/`, a few small inputs a target that reach
//!   its corners, and `found/`, every input that ever failed. `tests/replay.rs` does it.
//! - **libFuzzer looks for more**, guided by the coverage of what it has tried: two minutes for
//!   all targets in `cargo xtask test`, as long as one likes with `cargo xtask fuzz`. What it
//!   finds it writes to `found/`, where it stays.
//!
//! Inputs that are more than a body are text like the rest, so that a person can write one: see
//! each target.

mod alertmanager;
mod document;
mod duration;
mod id;
mod playbook;
mod response;
mod stored;

/// One reader of foreign bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What it is called, which is also the name of its folders.
    pub name: &'static str,
    /// Panics when something that must hold does not.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 7] = [
    Target { name: "alertmanager", run: alertmanager::run },
    Target { name: "document", run: document::run },
    Target { name: "duration", run: duration::run },
    Target { name: "id", run: id::run },
    Target { name: "playbook", run: playbook::run },
    Target { name: "response", run: response::run },
    Target { name: "stored", run: stored::run },
];

/// The target of that name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Asserts that an error has words, and that they move no cursor.
fn says(words: &impl std::fmt::Display) {
    let words = words.to_string();
    assert!(!words.trim().is_empty(), "an error says nothing");
    let control = words.chars().find(|c| c.is_control());
    assert_eq!(control, None, "an error has a control character: {words:?}");
}
