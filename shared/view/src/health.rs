//! Whether all is well, though nothing is in force: what `status` says first, and exits by.

use std::{cmp::Reverse, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    notice::{About, Kind, NO_SOURCE, Notice, Notices, SERVE, Sort},
    text::clipped,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    backend::Backend,
    words::{Reader, count, length},
};

/// How long a message may wait until it is taken in, before that is trouble.
const TAKEN_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// How much of each reason for a refusal is shown, in characters.
const REASON_CHARS_MAX: usize = 120;

/// For how long it is told that no resolve came.
const UNRESOLVED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What is known of a Pointsman, apart from its backends.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Whether a `serve` runs on the store.
    pub served: bool,
    /// What was noticed.
    pub notices: &'a Notices,
    /// The sources that send a sign of life, each with how long it may be silent.
    pub watchdogs: &'a [(String, SignedDuration)],
    /// How many dead letters there are.
    pub dead_letters: u64,
    /// When the latest of them was put away.
    pub dead_letter: Option<Timestamp>,
    /// When the oldest of the messages that wait was sent.
    pub oldest: Option<Timestamp>,
}

/// Whether all is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Whether there is no trouble.
    pub is_well: bool,
    /// What there is to say, trouble first.
    pub matters: Vec<Matter>,
}

/// One thing that there is to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Matter {
    /// What it is.
    pub kind: MatterKind,
    /// Whether it is trouble.
    pub is_trouble: bool,
    /// The source, service or backend that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How often, or how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// In words.
    pub says: String,
    /// What that means, or what can be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What it is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MatterKind {
    /// No `serve` runs.
    Unserved,
    /// A `serve` runs, and takes nothing in.
    Stuck,
    /// A service of Azure cannot be read.
    Blind,
    /// Azure does not answer for a backend, or refuses, or keeps another value.
    Backend,
    /// A pool is in panic.
    Panic,
    /// A source's sign of life.
    Watchdog,
    /// Deliveries were refused.
    Refused,
    /// No resolve came of an alert.
    Unresolved,
    /// What could not be used.
    DeadLetters,
    /// The heartbeat's address could not be called.
    Heartbeat,
    /// A service of Azure is to be read later: it asks to wait, or our own pace does.
    Waits,
}

impl Health {
    /// What these facts come to.
    #[must_use]
    pub fn of(facts: &Facts<'_>, backends: &[Backend], reader: &Reader) -> Self {
        let mut matters = Vec::new();
        if !facts.served {
            let says = "no `serve` is running on this store: alerts are not taken";
            let hint = reader.tells(
                "nothing is changed in Azure, and no override ends, until one is started",
                "nothing is decided until one is started",
            );
            matters.push(Matter::trouble(MatterKind::Unserved, says).hinting(hint));
        }
        let waits = |oldest: &Timestamp| reader.now().duration_since(*oldest) > TAKEN_WITHIN;
        if let Some(oldest) = facts.oldest.filter(|oldest| facts.served && waits(oldest)) {
            let says = "a `serve` runs on this store, and takes no message in";
            let hint = "it hangs, or cannot work through them: look at its log, or restart it";
            let matter = Matter::trouble(MatterKind::Stuck, says).hinting(hint);
            matters.push(Matter { since: Some(oldest), ..matter });
        }
        let mut refused: BTreeMap<&str, Vec<(Kind, &Notice)>> = BTreeMap::new();
        for (About { kind, subject, .. }, notice) in facts.notices.iter() {
            if kind.sort() == Sort::Refusal {
                refused.entry(subject).or_default().push((*kind, notice));
            }
            matters.extend(of_notice(*kind, subject, notice, reader));
        }
        matters.extend(refused.iter().filter_map(|(subject, of)| of_refusals(subject, of, reader)));
        matters.extend(backends.iter().flat_map(of_backend));
        matters.extend(backends.iter().filter_map(|backend| in_panic(backend, reader)));
        // Where none runs, none is heard, and that is said.
        if facts.served {
            let started = facts.notices.get(Kind::Started, SERVE).map(|started| started.latest);
            let heard = |source: &str| facts.notices.get(Kind::Watchdog, source);
            matters.extend(facts.watchdogs.iter().map(|(source, within)| {
                of_watchdog(source, *within, heard(source).map(|it| it.latest), started, reader)
            }));
        }
        if facts.dead_letters > 0 {
            let mut says =
                format!("{} could not be used", count(facts.dead_letters, "dead letter"));
            if let Some(latest) = facts.dead_letter {
                let the = if facts.dead_letters == 1 { "" } else { "the latest " };
                says.push_str(&format!(", {the}put away at {}", reader.time(latest)));
            }
            let mut matter = Matter::trouble(MatterKind::DeadLetters, &says)
                .hinting("`pointsman dead-letters list` shows them; `retry` or `drop` them");
            matter.count = Some(facts.dead_letters);
            matters.push(matter);
        }
        matters.sort_by_key(|matter| (!matter.is_trouble, matter.kind));
        Self { is_well: !matters.iter().any(|matter| matter.is_trouble), matters }
    }

    /// What there is to say that is not said with a backend.
    pub fn apart(&self) -> impl Iterator<Item = &Matter> {
        self.matters.iter().filter(|matter| matter.kind != MatterKind::Backend)
    }
}

impl Matter {
    fn trouble(kind: MatterKind, says: &str) -> Self {
        let says = says.to_owned();
        Self { kind, is_trouble: true, subject: None, since: None, count: None, says, hint: None }
    }

    fn hinting(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }

    fn about(self, subject: &str, since: Timestamp) -> Self {
        Self { subject: Some(subject.to_owned()), since: Some(since), ..self }
    }

    /// What follows the word TROUBLE, where it is trouble; else all that is said, without a hint.
    #[must_use]
    pub fn line(&self, reader: &Reader) -> String {
        let Self { is_trouble, since, says, .. } = self;
        match (is_trouble, since) {
            (true, Some(since)) => format!(" since {}: {says}", reader.time(*since)),
            (true, None) => format!(": {says}"),
            (false, _) => says.clone(),
        }
    }
}

fn of_notice(kind: Kind, subject: &str, notice: &Notice, reader: &Reader) -> Option<Matter> {
    let Notice { first, latest, count: many, says } = notice;
    let sort = kind.sort();
    let is_trouble = sort.is_trouble(reader.now().duration_since(*latest));
    let matter = match sort {
        Sort::Blindness => {
            let says = format!("service {subject} of Azure cannot be read: {says}");
            Matter::trouble(MatterKind::Blind, &says).hinting(reader.tells(
                "alerts are taken and kept; they are acted on once it can be read again",
                "alerts are taken and kept; they are decided on once it can be read again",
            ))
        }
        Sort::Wait => {
            let says = format!("service {subject} of Azure {says}");
            Matter::trouble(MatterKind::Waits, &says)
        }
        Sort::Silence => {
            let says = format!("the heartbeat's address could not be called: {says}");
            Matter::trouble(MatterKind::Heartbeat, &says)
        }
        Sort::Unresolved => {
            if reader.now().duration_since(*latest) > UNRESOLVED_FOR {
                return None;
            }
            let says = format!(
                "source {subject} has sent no resolve of {says}; if that alert is over, its resolve was \
                 lost, or the sender sends none (`send_resolved: true` in Alertmanager)"
            );
            Matter::trouble(MatterKind::Unresolved, &says)
        }
        // What plays make of alerts is said elsewhere, of a sign of life its age counts, and the refusals of
        // a source are told together.
        Sort::Alert { .. } | Sort::Life | Sort::Refusal => return None,
    };
    Some(Matter { is_trouble, count: Some(*many), ..matter.about(subject, *first) })
}

/// What was refused of one source, whatever for: on one line, the latest reason first.
fn of_refusals(subject: &str, of: &[(Kind, &Notice)], reader: &Reader) -> Option<Matter> {
    let first = of.iter().map(|(_, notice)| notice.first).min()?;
    let latest = of.iter().map(|(_, notice)| notice.latest).max()?;
    let many: u64 = of.iter().map(|(_, notice)| notice.count).sum();
    let is_trouble = |(kind, notice): &(Kind, &Notice)| {
        kind.sort().is_trouble(reader.now().duration_since(notice.latest))
    };
    let sent = match subject {
        NO_SOURCE => "what was sent to no source".to_owned(),
        source => format!("what source {source} sent"),
    };
    let at = reader.clock(latest);
    let when = match many {
        1 => format!("at {at}"),
        _ => {
            let (times, since) = (count(many, "time"), reader.clock(first));
            format!("{times} since {since}, the latest at {at}")
        }
    };
    let mut newest: Vec<&Notice> = of.iter().map(|(_, notice)| *notice).collect();
    newest.sort_by_key(|notice| Reverse(notice.latest));
    let why = newest.iter().map(|notice| clipped(&notice.says, REASON_CHARS_MAX));
    let why = why.collect::<Vec<_>>().join("; ");
    let matter = Matter::trouble(MatterKind::Refused, &format!("{sent} was refused {when}: {why}"));
    let is_denied = of.iter().any(|one| one.0 == Kind::Denied && is_trouble(one));
    let hint = is_denied.then(|| {
        format!(
            "it must send what `sources` names for {subject} as `bearer` or `basic`: \
             Alertmanager does as the receiver's `http_config` says"
        )
    });
    let is_trouble = of.iter().any(is_trouble);
    Some(Matter { is_trouble, hint, count: Some(many), ..matter.about(subject, first) })
}

/// A sign of life that was heard then, or never since `serve` started; neither is kept for ever.
fn of_watchdog(
    source: &str,
    within: SignedDuration,
    heard: Option<Timestamp>,
    started: Option<Timestamp>,
    reader: &Reader,
) -> Matter {
    let counts_from = heard.max(started);
    let is_trouble = counts_from.is_none_or(|from| reader.now().duration_since(from) > within);
    let when = match (heard, started) {
        (Some(heard), _) => format!("was last heard at {}", reader.clock(heard)),
        (None, Some(started)) => {
            format!("was not heard since `serve` started at {}", reader.clock(started))
        }
        (None, None) => "was never heard".to_owned(),
    };
    let mut says = format!("source {source}: its watchdog {when}");
    if is_trouble {
        if counts_from.is_some() {
            says.push_str(&format!(", more than {} ago", length(within)));
        }
        says.push_str(": alerts may not arrive");
    }
    Matter {
        is_trouble,
        subject: Some(source.to_owned()),
        since: counts_from.and_then(|from| from.checked_add(within).ok()).filter(|_| is_trouble),
        ..Matter::trouble(MatterKind::Watchdog, &says)
    }
}

/// That a pool is in panic, where it is.
fn in_panic(backend: &Backend, reader: &Reader) -> Option<Matter> {
    let panic = backend.panic.as_ref()?;
    let says = format!("PANIC in {}: {}", backend.name, panic.asks());
    let hint = reader.tells(
        "their cause is taken for a common one: nothing is drained for alerts, and what was is given back, until \
         fewer are asked for; what a person asks for by hand is done",
        "their cause is taken for a common one: nothing would be drained for alerts, and what was would be given \
         back, until fewer are asked for",
    );
    let matter = Matter::trouble(MatterKind::Panic, &says).hinting(hint);
    Some(matter.about(&backend.name, panic.since))
}

/// What `status` says with a backend.
fn of_backend(backend: &Backend) -> Vec<Matter> {
    let trouble = backend.trouble.iter().map(|trouble| (trouble.since, trouble.why.clone()));
    let unmet = backend
        .fields
        .iter()
        .filter_map(|field| Some((field.unmet.as_ref()?.since, field.kept()?)));
    let matter = |(since, why): (Timestamp, String)| {
        let says = format!("{}: {why}", backend.name);
        Matter::trouble(MatterKind::Backend, &says).about(&backend.name, since)
    };
    trouble.chain(unmet).map(matter).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-03-01T{time}:00Z").parse().unwrap()
    }

    /// All that was noticed, at 12:00, by a `serve` that has a watchdog of 10 minutes.
    fn check(notices: &[(Kind, &str, &[&str], &str)], wanted: &Expect) {
        let mut all = Notices::default();
        for (kind, subject, times, says) in notices {
            times.iter().for_each(|time| all.note(*kind, subject, at(time), says));
        }
        let watchdogs = [("prometheus".to_owned(), SignedDuration::from_mins(10))];
        let facts = Facts {
            served: true,
            notices: &all,
            watchdogs: &watchdogs,
            dead_letters: 0,
            dead_letter: None,
            oldest: None,
        };
        let reader = Reader::utc(at("12:00"));
        let health = Health::of(&facts, &[], &reader);
        let mut said = format!("well: {}\n", health.is_well);
        for matter in &health.matters {
            let trouble = if matter.is_trouble { "TROUBLE" } else { "" };
            said += &format!("{trouble}{}\n", matter.line(&reader));
            said += &matter.hint.iter().map(|hint| format!("  {hint}\n")).collect::<String>();
        }
        wanted.assert_eq(&said);
    }

    #[test]
    fn a_serve_that_takes_nothing_in_is_trouble_after_a_minute() {
        let stuck = |served, oldest: Option<Timestamp>| {
            let notices = Notices::default();
            let facts = Facts {
                served,
                notices: &notices,
                watchdogs: &[],
                dead_letters: 0,
                dead_letter: None,
                oldest,
            };
            let health = Health::of(&facts, &[], &Reader::utc(at("12:00")));
            health.matters.iter().any(|matter| matter.kind == MatterKind::Stuck)
        };
        assert!(stuck(true, Some(at("11:58"))));
        assert!(!stuck(true, Some(at("11:59"))) && !stuck(true, None));
        assert!(!stuck(false, Some(at("11:00"))), "that none runs is said instead");
    }

    #[test]
    fn a_watchdog_is_silent_from_when_it_was_heard_or_serve_started() {
        let (heard, started) = (Kind::Watchdog, Kind::Started);
        check(
            &[(heard, "prometheus", &["11:51"], "")],
            &expect![[r#"
                well: true
                source prometheus: its watchdog was last heard at 11:51Z
            "#]],
        );
        check(
            &[(heard, "prometheus", &["07:31"], ""), (started, SERVE, &["07:00"], "")],
            &expect![[r#"
                well: false
                TROUBLE since 07:41Z (4 h 19 min ago): source prometheus: its watchdog was last heard at 07:31Z, more than 10m ago: alerts may not arrive
            "#]],
        );
        // Who has just started waits as long.
        check(
            &[(heard, "prometheus", &["07:31"], ""), (started, SERVE, &["11:55"], "")],
            &expect![[r#"
                well: true
                source prometheus: its watchdog was last heard at 07:31Z
            "#]],
        );
        check(
            &[(heard, "other", &["11:59"], ""), (started, SERVE, &["11:30"], "")],
            &expect![[r#"
                well: false
                TROUBLE since 11:40Z (20 min ago): source prometheus: its watchdog was not heard since `serve` started at 11:30Z, more than 10m ago: alerts may not arrive
            "#]],
        );
        check(
            &[],
            &expect![[r#"
                well: false
                TROUBLE: source prometheus: its watchdog was never heard: alerts may not arrive
            "#]],
        );
    }

    const ALIVE: (Kind, &str, &[&str], &str) = (Kind::Watchdog, "prometheus", &["11:59"], "");

    #[test]
    fn blindness_is_trouble_as_long_as_it_is_there() {
        check(
            &[
                ALIVE,
                (Kind::Blind, "main", &["11:48", "11:59"], "no token for Azure could be obtained"),
                (Kind::Heartbeat, SERVE, &["11:57", "11:58"], "it answered 404"),
                (Kind::Waits, "west", &["11:59"], "waits until 2026-03-01T12:00:30Z: 429"),
            ],
            &expect![[r#"
                well: false
                TROUBLE since 11:48Z (12 min ago): service main of Azure cannot be read: no token for Azure could be obtained
                  alerts are taken and kept; they are acted on once it can be read again
                TROUBLE since 11:57Z (3 min ago): the heartbeat's address could not be called: it answered 404
                source prometheus: its watchdog was last heard at 11:59Z
                service west of Azure waits until 2026-03-01T12:00:30Z: 429
            "#]],
        );
    }

    #[test]
    fn refusals_are_trouble_for_a_quarter_of_an_hour_and_shown_after_it() {
        let denied = (Kind::Denied, "prometheus", ["11:40", "11:45"], "403: forbidden");
        check(
            &[
                ALIVE,
                (denied.0, denied.1, &denied.2, denied.3),
                (Kind::TooLarge, "prometheus", &["11:44"], "413: a body has 2 MiB at most"),
                (Kind::Refused, NO_SOURCE, &["11:46"], "404: no source has the path /alert"),
            ],
            &expect![[r#"
                well: false
                TROUBLE since 11:46Z (14 min ago): what was sent to no source was refused at 11:46Z: 404: no source has the path /alert
                TROUBLE since 11:40Z (20 min ago): what source prometheus sent was refused 3 times since 11:40Z, the latest at 11:45Z: 403: forbidden; 413: a body has 2 MiB at most
                  it must send what `sources` names for prometheus as `bearer` or `basic`: Alertmanager does as the receiver's `http_config` says
                source prometheus: its watchdog was last heard at 11:59Z
            "#]],
        );
    }

    #[test]
    fn a_source_that_sends_no_resolve_is_told_for_a_day() {
        let says = "prometheus/f00d (BackendErrors): `atMost` ends drain eu at 12:15Z";
        let alive = (Kind::Watchdog, "prometheus", &["11:59"][..], "");
        check(
            &[alive, (Kind::Unresolved, "prometheus", &["11:45"], says)],
            &expect![[r#"
            well: true
            source prometheus: its watchdog was last heard at 11:59Z
            source prometheus has sent no resolve of prometheus/f00d (BackendErrors): `atMost` ends drain eu at 12:15Z; if that alert is over, its resolve was lost, or the sender sends none (`send_resolved: true` in Alertmanager)
        "#]],
        );
        let day_before =
            Notice::new(at("11:45") - UNRESOLVED_FOR - SignedDuration::from_mins(16), says);
        let reader = Reader::utc(at("12:00"));
        assert_eq!(of_notice(Kind::Unresolved, "prometheus", &day_before, &reader), None);
    }

    #[test]
    fn without_a_serve_nothing_is_well() {
        let notices = Notices::default();
        let watchdogs = [("prometheus".to_owned(), SignedDuration::from_mins(10))];
        let facts = Facts {
            served: false,
            notices: &notices,
            watchdogs: &watchdogs,
            dead_letters: 2,
            dead_letter: Some(at("11:50")),
            oldest: None,
        };
        let health = Health::of(&facts, &[], &Reader::utc(at("12:00")));
        let kinds: Vec<MatterKind> = health.matters.iter().map(|matter| matter.kind).collect();
        assert!(!health.is_well);
        assert_eq!(kinds, [MatterKind::Unserved, MatterKind::DeadLetters]);
    }
}
