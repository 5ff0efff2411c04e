//! How a document takes in what came of what was asked of Azure.

use jiff::{SignedDuration, Timestamp};

use crate::{
    document::{Change, Document, Intent, Outcome, RETRY, Trouble},
    etag::Etag,
    id::{IntentId, ReconnectId},
    ledger::What,
    overrides::later,
    pool::Pool,
};

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Written {
        /// The state it made.
        etag: Etag,
        /// The pool as the answer shows it; none where it could not be read.
        pool: Option<Pool>,
    },
    /// It was not done: the backend has another state by now (412).
    Outrun,
    /// It was not done, and will not be: Azure refuses it.
    Refused {
        /// What Azure said.
        why: String,
    },
    /// It was not done: Azure asks to wait.
    Throttled {
        /// Until when, where it said so.
        until: Option<Timestamp>,
    },
    /// It was not sent.
    NotSent {
        /// Why.
        why: String,
    },
    /// It may or may not have been done, or may still be.
    Unknown {
        /// Why.
        why: String,
        /// When Azure would be asked again, where it said so.
        until: Option<Timestamp>,
    },
}

/// What came of asking for a reconnect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconnectAnswer {
    /// 202.
    Accepted {
        /// After how long the connections are made anew.
        after: SignedDuration,
    },
    /// 4xx: it was not taken.
    Refused {
        /// What Azure said.
        why: String,
    },
    /// 429: it was not taken; ask again then.
    Throttled {
        /// Until when, where Azure said so.
        until: Option<Timestamp>,
    },
    /// It was not sent.
    NotSent {
        /// Why.
        why: String,
    },
    /// 5xx or a broken connection: it may have been taken.
    Unknown {
        /// Why.
        why: String,
    },
}

impl Document {
    /// Takes in what came of a write.
    pub fn answer(&mut self, id: &IntentId, answer: &Answer, now: Timestamp, said: &mut Vec<What>) {
        self.advance(now);
        let Some(place) = self.intents.iter().position(|intent| intent.id == *id) else { return };
        let intent = id.clone();
        match answer {
            Answer::Written { etag, pool } => {
                let intent = self.intents.remove(place);
                said.push(What::Wrote { intent: intent.id.clone() });
                self.trouble = None;
                self.etags.gone(&intent.etag);
                self.etags.seen(etag);
                for change in &intent.changes {
                    let shown = pool.as_ref().and_then(|pool| pool.get(&change.field));
                    if let Some(shown) = shown.filter(|shown| !shown.means(change.after)) {
                        let (field, asked) = (change.field.clone(), change.after);
                        said.push(What::Answered { field, asked, shown });
                    }
                }
                self.done(&intent, None, said);
                self.retire_gone(etag, None, said);
            }
            Answer::Outrun => {
                let outrun = &mut self.intents[place];
                outrun.outrun = true;
                self.etags.gone(&outrun.etag);
                said.push(What::Outrun { intent });
            }
            Answer::Refused { why } => {
                self.intents.remove(place);
                said.push(What::Refused { intent, why: why.clone() });
                self.troubled(why, None);
            }
            Answer::Throttled { until } => {
                self.intents.remove(place);
                let until = self.troubled("Azure asks to wait", *until);
                said.push(What::Throttled { until });
            }
            Answer::NotSent { why } => {
                self.intents.remove(place);
                said.push(What::Refused { intent, why: why.clone() });
                self.troubled(why, None);
            }
            Answer::Unknown { why, until } => {
                said.push(What::Unanswered { intent, why: why.clone() });
                self.troubled(why, *until);
            }
        }
        self.look_on();
    }

    /// What a write that was done makes true: of the fields that `shown`, where it was read, still
    /// shows it of. What someone else wrote over it since then is theirs.
    fn done(&mut self, intent: &Intent, shown: Option<&Pool>, said: &mut Vec<What>) {
        for change in &intent.changes {
            let theirs = shown
                .and_then(|pool| pool.get(&change.field))
                .is_some_and(|shown| !shown.means(change.after));
            if let Some(owned) = self.owned.get_mut(&change.field).filter(|_| !theirs) {
                owned.written = change.after;
                owned.stood = true;
            }
        }
        for (id, step) in &intent.steps {
            self.stepped(id, *step, said);
        }
    }

    /// Retires the intents that can never be done any more, now that the backend has this `ETag`,
    /// and takes in those of them that were. `shown` is the pool of that state, where it was read.
    pub(crate) fn retire_gone(&mut self, etag: &Etag, shown: Option<&Pool>, said: &mut Vec<What>) {
        let (open, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.intents).into_iter().partition(|intent| intent.etag == *etag);
        self.intents = open;
        for intent in gone {
            let landed = shown.is_some_and(|pool| {
                let mut changes =
                    intent.changes.iter().filter(|change| !change.before.means(change.after));
                let shows = |change: &Change| {
                    pool.get(&change.field).is_some_and(|shown| shown.means(change.after))
                };
                // Of one that was answered with 412, some of it may be someone else's.
                if intent.outrun { changes.all(shows) } else { changes.any(shows) }
            });
            if landed {
                said.push(What::Landed { intent: intent.id.clone() });
                self.done(&intent, shown, said);
            } else {
                said.extend(intent.not_landed());
            }
        }
    }

    /// Takes in that Azure could not be asked.
    pub fn unreachable(
        &mut self,
        why: &str,
        until: Option<Timestamp>,
        now: Timestamp,
        said: &mut Vec<What>,
    ) {
        self.advance(now);
        let known = self.trouble.as_ref().is_some_and(|trouble| trouble.why == why);
        self.troubled(why, until);
        if let Some(trouble) = self.trouble.as_ref().filter(|_| !known) {
            said.push(What::Unreachable { why: why.to_owned(), until: trouble.until });
        }
        self.plan_wake();
    }

    /// Takes in that nothing may be decided, as the clock of who looks is not Azure's: `date` is.
    /// Its time does not move, and nothing is waited for, so that the next look finds it as it is.
    pub fn untimely(&mut self, why: &str, date: Timestamp, said: &mut Vec<What>) {
        let known = self.trouble.take();
        self.rewind(date);
        let now = self.now;
        if known.as_ref().is_none_or(|known| known.why != why) {
            said.push(What::Unreachable { why: why.to_owned(), until: now });
        }
        let since = known.map_or(now, |known| known.since);
        self.trouble = Some(Trouble { since, until: now, why: why.to_owned(), named: false });
    }

    /// Waits until the time that Azure named, or about as long as the trouble has lasted; gives
    /// until when.
    fn troubled(&mut self, why: &str, until: Option<Timestamp>) -> Timestamp {
        let now = self.now;
        let since = self.trouble.as_ref().map_or(now, |trouble| trouble.since);
        let wait = now.duration_since(since).clamp(RETRY.0, RETRY.1);
        let named = until.is_some();
        // However short a wait Azure names, it is not asked without a pause.
        let until = until.unwrap_or_else(|| later(now, wait)).max(later(now, RETRY.0));
        self.trouble = Some(Trouble { since, until, why: why.to_owned(), named });
        until
    }

    /// Takes in what came of asking for a reconnect.
    pub fn reconnect_answer(
        &mut self,
        id: &ReconnectId,
        answer: &ReconnectAnswer,
        now: Timestamp,
        said: &mut Vec<What>,
    ) {
        let now = self.advance(now);
        let Some(reconnect) = self.reconnects.get_mut(id) else { return };
        if reconnect.outcome.is_some() {
            return;
        }
        let (id, target) = (id.clone(), reconnect.target.clone());
        match answer {
            ReconnectAnswer::Accepted { after } => {
                let due = later(now, *after);
                reconnect.outcome = Some(Outcome::Accepted { at: now, due });
                said.push(What::ReconnectAccepted { id, target, due });
            }
            ReconnectAnswer::Refused { why } => {
                reconnect.outcome = Some(Outcome::Refused { at: now, why: why.clone() });
                said.push(What::ReconnectRefused { id, target, why: why.clone() });
            }
            ReconnectAnswer::Throttled { until } => {
                reconnect.asked.pop();
                let until = self.troubled("Azure asks to wait", *until);
                said.push(What::Throttled { until });
            }
            ReconnectAnswer::NotSent { why } => {
                reconnect.asked.pop();
                said.push(What::ReconnectUnanswered { id, target, why: why.clone() });
                self.troubled(why, None);
            }
            ReconnectAnswer::Unknown { why } => {
                said.push(What::ReconnectUnanswered { id, target, why: why.clone() });
                self.troubled(why, None);
            }
        }
        self.look_on();
    }
}
