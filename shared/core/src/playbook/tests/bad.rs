//! A table of bad playbooks, with what their authors read.

mod ensure;
mod expressions;
mod form;
mod gates;
mod inventory;
mod left_out;
mod reconnects;
mod values;
mod when;
mod windows;

use expect_test::Expect;

use super::{super::render, HEAD};
use crate::playbook::read;

fn check(text: &str, expected: &Expect) {
    let problems = read(text).expect_err("this playbook is bad");
    expected.assert_eq(&render(&problems, "playbook.yaml", text));
}

/// The same, of plays below [`HEAD`].
fn check_plays(plays: &str, expected: &Expect) {
    check(&format!("{HEAD}plays:\n{plays}"), expected);
}

mod singles;
