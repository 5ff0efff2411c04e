//! Maintenance windows where the clocks change: whatever the zone, a window is open when its zone's own clock says
//! so.

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use pointsman_core::{field::Value, lease::later};
use proptest::{prelude::*, sample::select};

use crate::{
    azure::pool,
    case::config,
    world::{World, book, weight_of},
};

/// Zones, each with a moment at which its clocks change: by an hour or half of one, in spring and autumn; all of
/// them are on a Sunday there.
const CHANGES: [(&str, &str); 6] = [
    ("Europe/Paris", "2026-03-29T01:00:00Z"),
    ("Europe/Paris", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
];

/// All windows open, and all clocks change, on a multiple of so many minutes.
const GRID: i64 = 15;

/// A window that opens at a time, every day or on Sundays, for so many minutes.
#[derive(Clone, Copy, Debug)]
struct Opens {
    hour: i8,
    minute: i8,
    on_sundays: bool,
    lasts: i64,
}

fn opens() -> impl Strategy<Value = Opens> {
    let minute = select(vec![0_i8, 15, 30, 45]);
    let lasts = select(vec![15_i64, 30, 60, 90, 200, 360]);
    (0_i8..5, minute, any::<bool>(), lasts).prop_map(|(hour, minute, on_sundays, lasts)| Opens {
        hour,
        minute,
        on_sundays,
        lasts,
    })
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// A change of the clocks, with a window in its zone, which drains a member.
#[derive(Clone, Debug)]
struct Change {
    zone: &'static str,
    at: Timestamp,
    opens: Opens,
}

fn change() -> impl Strategy<Value = Change> {
    (select(CHANGES.to_vec()), opens()).prop_map(|((zone, at), opens)| Change {
        zone,
        at: at.parse().unwrap(),
        opens,
    })
}

impl Change {
    /// A world that begins so many minutes before the change, half a minute off every boundary.
    fn world(&self, before: i64) -> World {
        let Opens { hour, minute, on_sundays, lasts } = self.opens;
        let days = if on_sundays { "0" } else { "*" };
        let window = format!(
            "  - name: w0\n    cron: {{dialect: unix, at: \"{minute} {hour} * * {days}\", zone: {}}}\n    \
             lasts: {lasts}m\n    do: [{{drain: {{pool: pool, member: m0}}}}]\n",
            self.zone
        );
        let pools = "pools:\n  pool: {service: main, backend: pool}\nplays: []\n";
        let playbook = book(&format!("{pools}windows:\n{window}"));
        let mut world =
            World::new(pool("m0 50, m1 50, m2 50, m3 50"), playbook).with_clocks(&[0, 0]);
        world.now = later(self.at, SignedDuration::from_secs(30) - minutes(before));
        world.begin();
        world
    }

    /// When a window opens and closes, found by looking at the zone's clock: it opens once on each of its days, when
    /// that clock first shows its time, or a later one where its time is left out.
    fn spans(&self) -> Vec<(Timestamp, Timestamp)> {
        let Opens { hour, minute, on_sundays, lasts } = self.opens;
        let zone = TimeZone::get(self.zone).unwrap();
        let (mut day, mut spans) = (None, Vec::new());
        for step in -3 * 24 * 60 / GRID..3 * 24 * 60 / GRID {
            let now = later(self.at, minutes(step * GRID));
            let clock = zone.to_datetime(now);
            let is_due = (clock.hour(), clock.minute()) >= (hour, minute);
            if is_due && day.replace(clock.date()) != Some(clock.date()) {
                let is_its_day = !on_sundays || clock.weekday() == Weekday::Sunday;
                spans.extend(is_its_day.then(|| (now, later(now, minutes(lasts)))));
            }
        }
        spans
    }
}

proptest! {
    #![proptest_config(config(48))]

    /// Each write is in the second in which a window opens or closes, and the last leaves all as it was.
    #[test]
    fn a_window_opens_and_closes_when_its_zones_clock_says_so(
        change in change(), before in 0_i64..1_440, after in 0_i64..1_440,
    ) {
        let mut world = change.world(before);
        let (begun, mut right) = (world.now, Vec::new());
        world.pass((before + after) * 60);
        for (opens, closes) in change.spans() {
            // What is open at the beginning is caught up at once.
            if begun < closes && opens <= world.now {
                right.push((opens.max(begun), 0));
                right.extend((closes <= world.now).then_some((closes, 50)));
            }
        }
        let writes = world.azure.received.iter().filter_map(|received| {
            let weight = weight_of(received.done.as_ref()?.after.pool()?, "m0");
            Some((received.at, weight))
        });
        let writes: Vec<_> = writes.collect();
        let right: Vec<_> =
            right.into_iter().map(|(at, weight)| (at, Value::Number(weight))).collect();
        prop_assert_eq!(writes, right, "{}", world.story());
        let is_open = change.spans().iter().any(|(opens, closes)| (*opens..*closes).contains(&world.now));
        prop_assert!(is_open || world.azure.pool() == Some(&pool("m0 50, m1 50, m2 50, m3 50")));
        world.check(&["I3", "I4", "I5", "I6", "I9"]).map_err(TestCaseError::fail)?;
    }
}
