//! What the language has room for and this version does not do yet.
//!
//! Each is an error that names it. If it were ignored, the playbook would promise something that does
//! not happen; if it were called unknown, its author would look for a typing error.

/// Constructs, and what can be done without them.
const UNBUILT: [(&[&str], &str); 8] = [
    (&["schedule"], "write `cron` or `once` in a window"),
    (&["approve"], "a play without it acts at once; leave the play out where it must not"),
    (&["mute"], "`pointsman mute PLAY --for 2h` does it"),
    (&["groups"], "what spans pools is said by tag: `limits`"),
    (&["authority"], "every play has that of an alert"),
    (&["before"], "a reconnect follows a play's end: `after`"),
    (&["notify"], "the ledger has everything: `pointsman history`"),
    (&["verify"], "the ledger says what each write found: `pointsman history`"),
];

/// What to say of `name` where it is not a field or effect of this version.
pub(super) fn unbuilt(name: &str) -> Option<(String, String)> {
    let (_, instead) = UNBUILT.iter().find(|(names, _)| names.contains(&name))?;
    Some((format!("`{name}` is not built yet in this version"), format!("remove it; {instead}")))
}
