//! Why a signal leads to nothing, in the words that `history`, `status` and `plan` share.
//!
//! Whoever is told that an alert was taken can ask what became of it. Where it moves no traffic, a
//! notice of these kinds and words says why (see [`crate::notice`]).

use std::fmt;

use jiff::Timestamp;

use crate::{
    claim::Claim,
    document::Document,
    ledger::{InShadow, What},
    mode::Mode,
    names::BackendId,
    notice::Kind,
    overrides::{End, Held, Life, Override, Standing},
    playbook::Playbook,
    series::Series,
    shown::Named,
    signal::Signal,
};

/// How many of an alert's overrides are named.
const CLAIMS_MAX: usize = 3;

/// Why a signal leads to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// It fires, and no play is for it.
    Unmatched,
    /// It fires, and a play is for it that could not be carried out.
    Unresolvable,
    /// It fires, and all that it asks for was asked for before.
    Known,
    /// It fires, and asks in another way for what it asked for before: that leads to nothing where it was
    /// undone or has run out.
    Changed,
    /// It fires, and came after its end: what the ledger tells of that.
    Late(What),
    /// It has ended, and was not on, or no play was for it.
    Over,
}

/// What has become of something that an alert asked for.
enum Became<'a> {
    /// It is in force, or begins at the next look.
    Stands(&'a Override),
    /// A limit or a gate keeps it back.
    Held(&'a Held),
    /// An operator undid it: when; who and why, as long as that is known.
    Undone(Timestamp, Option<(&'a str, &'a str)>),
    /// It has ended by itself, though the alert goes on: why, as long as that is known.
    RanOut(&'a End),
}

impl<'a> Became<'a> {
    fn of(claim: &Claim, document: Option<&'a Document>) -> Self {
        let over = document.and_then(|document| document.overrides.get(&claim.id));
        let undone = document.and_then(|document| document.undone.get(&claim.id));
        if let Some(at) = undone.filter(|undone| claim.asked.since <= **undone) {
            let by = match over.map(|over| &over.life) {
                Some(Life::Ended { why: End::Undone { by, reason }, .. }) => {
                    Some((&**by, &**reason))
                }
                Some(Life::Claimed { .. } | Life::Begun { .. } | Life::Ended { .. }) | None => None,
            };
            return Self::Undone(*at, by);
        }
        match over.map(|over| (over, &over.life, &over.standing)) {
            None => Self::RanOut(&End::Expired),
            Some((over, Life::Ended { why, .. }, _)) if !over.is_asked_again() => Self::RanOut(why),
            Some((_, _, Standing::Held(why))) => Self::Held(why),
            Some((over, ..)) => Self::Stands(over),
        }
    }

    const fn kind(&self) -> Kind {
        match self {
            Self::Stands(_) => Kind::Repeated,
            Self::Held(_) => Kind::Held,
            Self::Undone(..) => Kind::Undone,
            Self::RanOut(_) => Kind::RanOut,
        }
    }
}

/// The same in words, as who acts tells it, or a shadow.
struct Told<'a>(&'a Became<'a>, Mode);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(became, mode) = self;
        match became {
            Became::Stands(over) => match (over.begun(), &over.standing) {
                (_, Standing::Yielded) => f.write_str(mode.tells(
                    "gave way to someone else's write",
                    "would have given way to someone else's write",
                )),
                (Some(begun), _) => {
                    let be = mode.tells("", "would be ");
                    write!(f, "{be}in force since {begun:.0}")
                }
                (None, _) => f.write_str(mode.tells("about to begin", "would be about to begin")),
            },
            Became::Held(why) => f.write_str(&why.says(mode.tells("", "would be "))),
            Became::Undone(at, by) => {
                write!(f, "undone at {at:.0}")?;
                if let Some((by, reason)) = by {
                    write!(f, " by {by} ({reason})")?;
                }
                f.write_str(", until the alert ends and fires anew")
            }
            Became::RanOut(why) => {
                let over = mode.tells("over", "would be over");
                write!(f, "{over}, though the alert goes on: {why}")
            }
        }
    }
}

impl Nothing {
    /// Whether what became of earlier signals decides what is told.
    #[must_use]
    pub const fn is_of_before(&self) -> bool {
        matches!(self, Self::Known | Self::Changed)
    }

    /// Which kind of notice it is; none where something comes of it after all. The series is as it is after the signal, and so is what `document`
    /// gives of the backends that it asks something of.
    pub fn kind<'d>(
        &self,
        series: &Series,
        document: impl Fn(&BackendId) -> Option<&'d Document>,
    ) -> Option<Kind> {
        // Before the others the one that a person can do something about.
        let first_of = |wanted: &[Kind]| {
            let became = became(series, document);
            let kinds: Vec<Kind> = became.iter().map(|(_, became)| became.kind()).collect();
            wanted.iter().copied().find(|kind| kinds.contains(kind))
        };
        match self {
            Self::Unmatched => Some(Kind::Unmatched),
            Self::Unresolvable => Some(Kind::Unresolvable),
            Self::Late(_) => Some(Kind::Late),
            Self::Over => Some(Kind::Over),
            Self::Changed => first_of(&[Kind::RanOut, Kind::Undone]),
            Self::Known => {
                let first = first_of(&[Kind::Held, Kind::RanOut, Kind::Undone]);
                Some(first.unwrap_or(Kind::Repeated))
            }
        }
    }

    /// The same in words, by the playbook that the series was held against.
    pub fn says<'d>(
        &self,
        signal: &Signal,
        series: &Series,
        (playbook, mode): (&Playbook, Mode),
        document: impl Fn(&BackendId) -> Option<&'d Document>,
    ) -> String {
        // What counts is what the latest of the firings says.
        let said = series.said().unwrap_or(signal);
        let claims = series.running.iter().flat_map(|running| &running.claims);
        let known = claims.map(|claim| &claim.asked.alert).find(|alert| !alert.is_empty());
        let alert = known.cloned().unwrap_or_else(|| playbook.shown(said));
        let (who, id) = Named(&series.id, &alert).around();
        match self {
            Self::Unmatched => format!("{who}: {}{id}", playbook.why_no_play(said)),
            Self::Unresolvable => {
                let failed = playbook.plays_for(said).failed;
                let why: Vec<String> = failed.iter().map(ToString::to_string).collect();
                // As the ledger tells it.
                format!("{who} could not be acted upon: {}{id}", why.join("; "))
            }
            Self::Late(what) => match mode {
                Mode::Live => what.to_string(),
                Mode::Shadow => InShadow(what).to_string(),
            },
            Self::Over => match signal.end() {
                Some(end) => {
                    format!("{who} resolved at {:.0}, and nothing was done for it{id}", end.at)
                }
                None => format!("nothing was done for {who}{id}"),
            },
            Self::Known | Self::Changed => {
                let became = became(series, document);
                let mut said: Vec<String> =
                    became.iter().take(CLAIMS_MAX).map(|it| one(it, mode)).collect();
                if let Some(more @ 1..) = became.len().checked_sub(CLAIMS_MAX) {
                    said.push(format!("and {more} more"));
                }
                format!("{who} is known already: {}{id}", said.join("; "))
            }
        }
    }
}

fn one((claim, became): &(&Claim, Became<'_>), mode: Mode) -> String {
    let (effect, backend) = (&claim.asked.effect, claim.backend.short());
    format!("{effect} in {backend} (play {}): {}", claim.play, Told(became, mode))
}

/// What has become of all that a series asks for.
fn became<'s, 'd>(
    series: &'s Series,
    document: impl Fn(&BackendId) -> Option<&'d Document>,
) -> Vec<(&'s Claim, Became<'d>)> {
    let claims = series.running.iter().flat_map(|running| &running.claims);
    claims.map(|claim| (claim, Became::of(claim, document(&claim.backend)))).collect()
}
