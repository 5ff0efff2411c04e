//! The live table: members with their weights and traffic, and the error rate of both pools over
//! the last minute.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    time::{Duration, Instant},
};

use anstyle::Style;
use jiff::Timestamp;
use pointsman_emulator::Tally;

use super::{
    screen::{BAD, DIM, GOOD, PLAIN},
    site::{FALTERS_EVERY, Health},
    tally::{self, Window},
    world::{Counted, Side, World},
};

/// How often it is drawn.
pub(super) const DRAW_EVERY: Duration = Duration::from_millis(500);

/// Over how long rates are taken.
const RATE_OVER: Duration = Duration::from_secs(2);

/// How many seconds the bars show.
const BARS_MAX: usize = 60;

/// The error rate, in percent, at which a bar is full.
const BAR_FULL_PERCENT: f64 = 60.0;

/// What is shown of one member.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) side: Side,
    pub(super) member: String,
    /// Its weight in Azure now.
    pub(super) weight: Option<u32>,
    /// Requests and errors in a second.
    pub(super) per_second: (f64, f64),
    pub(super) standing: String,
    pub(super) style: Style,
}

/// The gateway's counters of the last moments.
#[derive(Debug, Default)]
pub(super) struct Meter {
    sites: Window,
    /// Requests and errors in a second, of each of the world's sites.
    per_second: Vec<(f64, f64)>,
    /// The error rate in percent, a second each, for each pool; none where it had no traffic.
    bars: [VecDeque<Option<f64>>; 2],
    /// What was counted when the last bar was drawn.
    barred: Option<(Instant, [Tally; 2])>,
}

impl Meter {
    /// Takes in what was counted by `now`.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(super) fn take(&mut self, now: Instant, counted: Counted) {
        let (barred, before) = *self.barred.get_or_insert((now, counted.pools));
        if now.duration_since(barred) >= Duration::from_secs(1) {
            for ((bars, before), after) in self.bars.iter_mut().zip(before).zip(counted.pools) {
                bars.push_back(tally::percent(tally::since(before, after), 1));
                if bars.len() > BARS_MAX {
                    bars.pop_front();
                }
            }
            self.barred = Some((now, counted.pools));
        }
        let (over, sites) = self.sites.take(RATE_OVER, now, counted.sites);
        // At the first look, nothing has come yet.
        let seconds = over.max(DRAW_EVERY).as_secs_f64();
        let rates = |of: Tally| (of.requests as f64 / seconds, of.failures as f64 / seconds);
        self.per_second = sites.into_iter().map(rates).collect();
    }

    /// The error rate of a pool over the last second, in percent, and the bars before it.
    fn bars(&self, side: Side) -> (f64, String) {
        let bars = side.of(&self.bars);
        (bars.back().copied().flatten().unwrap_or_default(), sparkline(bars))
    }
}

/// A bar for each rate; what is not nothing is seen as such.
pub(super) fn sparkline<'a>(rates: impl IntoIterator<Item = &'a Option<f64>>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |rate: &Option<f64>| match *rate {
        None => ' ',
        Some(rate) if rate <= 0.0 => '·',
        Some(rate) => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8")]
            let eighths = (rate / BAR_FULL_PERCENT * 8.0).ceil().clamp(1.0, 8.0) as usize;
            BARS[eighths - 1]
        }
    };
    rates.into_iter().map(bar).collect()
}

/// The rows of all members, at this time.
pub(super) fn rows(
    world: &World,
    meter: &Meter,
    standings: &BTreeMap<String, String>,
    now: Timestamp,
) -> Vec<Row> {
    let weights = Side::ALL.map(|side| world.weights(side));
    let sites = world.sites.iter().zip(world.open_until()).enumerate();
    let rows = sites.map(|(at, (site, open_until))| {
        let weight = site.side.of(&weights).iter().find(|(name, _)| name == site.member);
        let (style, health) = match (site.health(), weight) {
            (Health::Fails, _) => (BAD, "answers 500".to_owned()),
            (Health::Falters, _) => (BAD, format!("fails 1 in {FALTERS_EVERY}")),
            (Health::Well, None) => (BAD, "not in the pool".to_owned()),
            (Health::Well, Some(_)) => (PLAIN, "serves".to_owned()),
        };
        let open = open_until.map(|until| until.duration_since(now).as_secs_f64().ceil().max(0.0));
        // What the gateway does now says more than what has led to it.
        let open = open.map(|left| format!("breaker open, {left}s"));
        let over = open.or_else(|| standings.get(&site.backend).cloned());
        let standing = match over {
            Some(over) if site.health() == Health::Well => over,
            Some(over) => format!("{health}; {over}"),
            None => health,
        };
        Row {
            side: site.side,
            member: site.member.to_owned(),
            weight: weight.and_then(|(_, weight)| *weight),
            per_second: meter.per_second.get(at).copied().unwrap_or_default(),
            standing,
            style,
        }
    });
    rows.collect()
}

/// The whole of what is drawn below the lines.
pub(super) fn frame(rows: &[Row], meter: &Meter) -> String {
    let mut text = format!(
        "\n{DIM}  {:<8}{:<8}{:>6}{:>12}{:>10}   {}{DIM:#}\n",
        "pool", "member", "weight", "requests/s", "errors/s", "standing"
    );
    let mut side = None;
    for row in rows {
        let Row { member, style, standing, .. } = row;
        let pool = if side == Some(row.side) { "" } else { row.side.name() };
        if side.is_some() && !pool.is_empty() {
            text.push('\n');
        }
        side = Some(row.side);
        let (requests, errors) = row.per_second;
        let weight = row.weight.map_or_else(|| "-".to_owned(), |weight| weight.to_string());
        let erring = if errors > 0.0 { BAD } else { PLAIN };
        let _ = writeln!(
            text,
            "  {pool:<8}{member:<8}{weight:>6}{requests:>12.0}{erring}{errors:>10.0}{erring:#}   \
             {style}{standing}{style:#}"
        );
    }
    text.push('\n');
    for side in Side::ALL {
        let (now, bars) = meter.bars(side);
        let erring = if now > 0.0 { BAD } else { GOOD };
        let label = if side == Side::Helped { "errors" } else { "" };
        let _ = writeln!(text, "  {label:<8}{side:<8}{erring}{now:>5.1}%{erring:#}  {bars}");
    }
    text
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use expect_test::expect;

    use super::*;

    fn tally(requests: u64, failures: u64) -> Tally {
        Tally { requests, failures }
    }

    #[test]
    fn sparklines_show_the_least_error_and_never_more_than_full() {
        let rates = [None, Some(0.0), Some(0.1), Some(15.0), Some(30.0), Some(50.0), Some(100.0)];
        expect![" ·▁▂▄▇█"].assert_eq(&sparkline(&rates));
    }

    #[test]
    fn a_frame() {
        let mut meter = Meter::default();
        let start = Instant::now();
        for (second, failed) in [(0, 0), (1, 0), (2, 25), (3, 75)] {
            let requests = second * 100;
            let counted = Counted {
                pools: [tally(requests, failed), tally(requests, failed * 2)],
                sites: vec![tally(requests, failed), tally(requests, 0)],
            };
            meter.take(start + Duration::from_secs(second), counted);
        }
        let row = |side, member: &str, weight, at, standing: &str, style| Row {
            side,
            member: member.to_owned(),
            weight,
            per_second: meter.per_second.get(at).copied().unwrap_or_default(),
            standing: standing.to_owned(),
            style,
        };
        let rows = [
            row(Side::Helped, "eu", Some(0), 0, "answers 500; drained for 3s", BAD),
            row(Side::Helped, "us", Some(30), 1, "serves", PLAIN),
            row(Side::Alone, "eu", None, 7, "not in the pool", BAD),
        ];
        let frame = frame(&rows, &meter);
        let frame = strip_str(&frame).to_string();
        let bordered: String = frame.lines().map(|line| format!("|{line}\n")).collect();
        expect![[r#"
            |
            |  pool    member  weight  requests/s  errors/s   standing
            |  helped  eu           0         100        38   answers 500; drained for 3s
            |          us          30         100         0   serves
            |
            |  alone   eu           -           0         0   not in the pool
            |
            |  errors  helped   50.0%  ·▄▇
            |          alone   100.0%  ·▇█
        "#]]
        .assert_eq(&bordered);
    }
}
