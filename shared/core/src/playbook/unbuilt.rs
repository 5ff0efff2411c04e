//! What the language has room for and this version does not do yet.
//!
//! Each is an error that names it. To ignore one would be to promise a playbook's author what
//! then does not happen; to call it unknown would send the author looking for a typing error.

/// A construct, and what can be done without it.
const UNBUILT: [(&str, &str); 30] = [
    (
        "windows",
        "for planned work, change the weight in Azure by hand: it is taken for the baseline",
    ),
    ("approve", "a play without it acts at once; leave the play out where it must not"),
    ("unless", "say it in `when`, with `&&` and `!`"),
    ("mute", "narrow `when`"),
    ("damping", "a longer `hold` calms an alert that comes and goes"),
    ("stale", "`atMost` ends overrides whose source has gone silent"),
    ("gates", "a pause holds back everything: `pointsman pause`"),
    ("budget", "the limits of each pool hold in any case"),
    ("budgets", "the limits of each pool hold in any case"),
    ("freeze", "`pointsman pause` holds back all writes"),
    ("freezes", "`pointsman pause` holds back all writes"),
    ("groups", "each pool keeps its limits by itself"),
    (
        "schedule",
        "for planned work, change the weight in Azure by hand: it is taken for the baseline",
    ),
    ("authority", "every play has that of an alert"),
    ("before", "a reconnect follows a play's end: `after`"),
    ("notify", "the ledger has everything: `pointsman history`"),
    ("verify", "the ledger says what each write found: `pointsman history`"),
    ("drift", "a change by someone else is always yielded to"),
    ("assert", "a change by someone else is always yielded to"),
    ("capacity", "use `leastMembers` and `leastShare`"),
    ("mostOut", "use `leastMembers`"),
    ("mostOutAtOnce", "use `leastMembers`"),
    ("zones", "use `leastMembers` of each pool"),
    ("zone", "use `leastMembers` of each pool"),
    ("neverTogether", "use `leastMembers` of each pool"),
    ("breaker", "drain or shift the member"),
    ("set", "drain or shift the member"),
    ("ensure", "declare the backend where you declare the others, then `promote` it"),
    ("reconnect", "under `after`, it follows the play's end"),
    ("at", "write `after`, counted from the play's end"),
];

/// What to say of `name` where it is not a field or effect of this version.
pub(super) fn unbuilt(name: &str) -> Option<(String, String)> {
    UNBUILT.iter().find(|(known, _)| *known == name).map(|(name, instead)| {
        (format!("`{name}` is not built yet in this version"), format!("remove it; {instead}"))
    })
}
