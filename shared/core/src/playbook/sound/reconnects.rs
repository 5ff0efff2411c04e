//! Reconnects: when each is due, or what is wrong with it.

use std::ops::Range;

use jiff::SignedDuration;

use super::{
    super::{
        bounds::{RECONNECT_AFTER_MIN, RECONNECTS_MAX},
        needed,
        play::ReconnectTemplate,
        play::Whom,
        value::{BackendText, Duration, TimeOfDay},
        wire,
    },
    Declared, Reach, Reading,
};
use crate::{
    effect::Effect,
    form::{At, clipped},
    names::{BackendId, BackendName},
    reconnect::After,
    reconnect::{Daily, Due, Rhythm},
};

/// What asks for an effect, and for how long it may last.
#[derive(Clone, Copy)]
pub(super) enum Asker {
    Play { longest: Option<SignedDuration> },
    Window { lasts: Option<SignedDuration> },
}

/// The longest that a time of day is away, on a day on which the clocks are put back.
const DAY_MAX: SignedDuration = SignedDuration::from_hours(25);

impl Reading<'_> {
    /// What follows a play.
    pub(super) fn after(
        &mut self,
        At { at, value }: At<Vec<At<wire::After>>>,
        first: Option<&(&Declared, Reach<&BackendId>)>,
    ) -> Vec<ReconnectTemplate> {
        let after = value.unwrap_or_default();
        self.bounded(&at, after.len(), RECONNECTS_MAX, "reconnects");
        let read = |after: At<_>| self.follows(after.value?, first);
        after.into_iter().take(RECONNECTS_MAX).filter_map(read).collect()
    }

    /// What follows a window, in which no signal says of which backend.
    pub(super) fn after_window(
        &mut self,
        after: At<Vec<At<wire::After>>>,
        first: Option<&(&Declared, Reach<&BackendId>)>,
    ) -> Vec<After> {
        let at = after.at.clone();
        let templates = self.after(after, first);
        let mut all = Vec::with_capacity(templates.len());
        for ReconnectTemplate { backend, due } in templates {
            let Some(name) = backend.fixed() else {
                let help = "no signal opens a window: name the backend as it is";
                self.wrong(&at, "`${…}` cannot stand in a window", help);
                continue;
            };
            let backend = first.and_then(|(_, first)| first.all.first());
            if let (Some(backend), Ok(name)) = (backend, name.parse()) {
                all.push(After { reconnect: backend.sibling(name), due });
            }
        }
        all
    }

    fn follows(
        &mut self,
        wire: wire::After,
        first: Option<&(&Declared, Reach<&BackendId>)>,
    ) -> Option<ReconnectTemplate> {
        let wire::After::Reconnect(At { at: holder, value }) = wire;
        let wire::AfterReconnect { backend, after, at: time, zone } = value?;
        self.not_of_workspace(&holder, first.map(|(_, first)| first));
        let at = backend.at.clone();
        let backend = self.member(backend);
        let fixed = backend.as_ref().and_then(|backend| backend.fixed()?.parse().ok());
        if let Some((name, (declared, first))) = fixed.zip(first) {
            let name: BackendName = name;
            let is_pool =
                |backend: &BackendId| declared.are_pools.contains(&backend.sibling(name.clone()));
            if first.shows(is_pool).is_some() {
                self.wrong(
                    &at,
                    format!("`{name}` is a pool, and a pool cannot be reconnected"),
                    "name one of its members",
                );
            }
        }
        let due = self.due(&holder, after, time, zone);
        Some(ReconnectTemplate { backend: backend?, due: due? })
    }

    /// Says where what is to be reconnected is in a workspace.
    pub(super) fn not_of_workspace(
        &mut self,
        at: &Range<usize>,
        reach: Option<&Reach<&BackendId>>,
    ) {
        let in_workspace = |backend: &BackendId| backend.workspace.is_some();
        if reach.is_some_and(|reach| reach.shows(in_workspace).is_some()) {
            self.wrong(
                at,
                "a backend of a workspace cannot be reconnected",
                "Azure has Reconnect at service level only: remove it",
            );
        }
    }

    /// What a `reconnect` does that follows a beginning.
    pub(super) fn reconnect(
        &mut self,
        wire: wire::Reconnect,
        holder: &Range<usize>,
        asker: Asker,
    ) -> (At<BackendText>, Option<Effect<Whom>>) {
        let wire::Reconnect { backend, after, at, zone, every } = wire;
        let (after_at, time_at) =
            (after.as_ref().map(|one| one.at.clone()), at.as_ref().map(|one| one.at.clone()));
        let every = every.map(|every| (every.at.clone(), self.long_enough(every)));
        let due = match (&every, &after, &at) {
            (Some((_, every)), None, None) => every.map(Due::After),
            (Some(_) | None, _, _) => self.due(holder, after, at, zone),
        };
        match asker {
            Asker::Play { longest } => {
                if let Some((at, _)) = &every {
                    let help = "a play reconnects once: remove it, or write a window";
                    self.wrong(at, "`every` stands in a window only", help);
                }
                self.comes_in_time(after_at, due.as_ref(), longest, "the play may last");
                if let (Some(at), Some(Due::At(_)), Some(longest)) = (&time_at, &due, longest)
                    && longest < DAY_MAX
                {
                    let help = "let it last 25h or more: `atMost: 25h`, or `for: 25h`";
                    self.wrong(at, "the play may be over before that time comes", help);
                }
            }
            Asker::Window { lasts } => {
                if let Some(at) = &time_at {
                    let help = "the window opens at a time itself: write `after`";
                    self.wrong(at, "`at` cannot stand in a window", help);
                }
                let at = after_at.or_else(|| every.as_ref().map(|(at, _)| at.clone()));
                self.comes_in_time(at, due.as_ref(), lasts, "the window is open");
            }
        }
        let effect = match (due, every) {
            (Some(first), None) => Some(Rhythm { first, every: None }),
            (Some(first), Some((_, Some(every)))) => Some(Rhythm { first, every: Some(every) }),
            (None, _) | (Some(_), Some((_, None))) => None,
        };
        (backend, effect.map(Effect::Reconnect))
    }

    /// Says where a reconnect would come when what asks for it is over.
    fn comes_in_time(
        &mut self,
        at: Option<Range<usize>>,
        due: Option<&Due>,
        longest: Option<SignedDuration>,
        what: &str,
    ) {
        if let (Some(at), Some(Due::After(after)), Some(longest)) = (at, due, longest)
            && *after >= longest
        {
            let message = format!("{after:#} is as long as {what}, or longer: it would never come");
            self.wrong(&at, message, format!("write less than {longest:#}"));
        }
    }

    /// When a reconnect is due.
    fn due(
        &mut self,
        holder: &Range<usize>,
        after: Option<At<Duration>>,
        time: Option<At<TimeOfDay>>,
        zone: Option<At<String>>,
    ) -> Option<Due> {
        match (after, time) {
            (None, None) => {
                let help = "write `after: PT5M`, or `at: \"03:00\"` and `zone: Europe/Paris`";
                self.wrong(holder, "this reconnect does not say when it comes", help);
                None
            }
            (Some(after), None) => {
                if let Some(zone) = zone {
                    let help = "remove it, or write `at` instead of `after`";
                    self.wrong(&zone.at, "`zone` says where `at` is meant", help);
                }
                self.long_enough(after).map(Due::After)
            }
            (Some(after), Some(_)) => {
                let help = "a reconnect is due once: keep one of the two";
                self.wrong(&after.at, "`after` and `at` exclude one another", help);
                None
            }
            (None, Some(time)) => {
                let Some(zone) = zone else {
                    self.wrong(&time.at, "`zone` is missing here", needed::ZONE);
                    return None;
                };
                let name = zone.value.clone();
                self.zone(zone)?;
                let zone = name?.trim().to_owned();
                Some(Due::At(Daily { time: time.given()?, zone }))
            }
        }
    }

    /// A time that Azure lets pass before a reconnect.
    fn long_enough(&mut self, length: At<Duration>) -> Option<SignedDuration> {
        let at = length.at.clone();
        let length: SignedDuration = length.given()?;
        if length < RECONNECT_AFTER_MIN {
            let text = clipped(self.source[at.clone()].trim_matches(['"', '\'']));
            let message = format!("`{text}` is too soon for a reconnect");
            self.wrong(&at, message, "Azure takes no less than PT2M");
        }
        Some(length)
    }
}
