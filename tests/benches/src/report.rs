//! The figures, as a table or as JSON.

use std::fmt;

use serde_json::{Value, json};

use crate::machine::Machine;

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// The value, at most.
    ValueMax(f64),
    /// The ratio to the forwarder, at most.
    RatioMax(f64),
}

/// One thing that was measured.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    ratio: Option<f64>,
    goal: Option<Goal>,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, ratio: None, goal: None }
    }

    /// Beside the same figure of the forwarder.
    pub(crate) fn beside(mut self, forwarder: f64) -> Self {
        self.ratio = Some(self.value / forwarder);
        self
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Whether it is what it should be; none where nothing was asked of it.
    fn met(&self) -> Option<bool> {
        match self.goal? {
            Goal::ValueMax(max) => Some(self.value <= max),
            Goal::RatioMax(max) => Some(self.ratio? <= max),
        }
    }

    fn json(&self) -> Value {
        let goal = self.goal.map(|goal| match goal {
            Goal::ValueMax(max) => json!({"valueMax": max}),
            Goal::RatioMax(max) => json!({"ratioMax": max}),
        });
        json!({
            "figure": self.name,
            "value": self.value,
            "unit": self.unit,
            "ratio": self.ratio,
            "goal": goal,
            "met": self.met(),
        })
    }

    fn cells(&self) -> [String; 6] {
        let goal = self.goal.map(|goal| match goal {
            Goal::ValueMax(max) => format!("≤ {max} {}", self.unit),
            Goal::RatioMax(max) => format!("≤ {max:.2} ×"),
        });
        let met = self.met().map(|met| if met { "met" } else { "MISSED" });
        [
            self.name.clone(),
            number(self.value),
            self.unit.to_owned(),
            self.ratio.map(|ratio| format!("{ratio:.2} ×")).unwrap_or_default(),
            goal.unwrap_or_default(),
            met.unwrap_or_default().to_owned(),
        ]
    }
}

/// Three digits that matter, and no more.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// All that was measured in a run.
pub(crate) struct Report {
    machine: Machine,
    figures: Vec<Figure>,
}

const HEADINGS: [&str; 6] = ["figure", "value", "unit", "to the forwarder", "goal", ""];

/// The columns that are aligned to the right.
const NUMBERS: [bool; 6] = [false, true, false, true, false, false];

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, figures: Vec::new() }
    }

    pub(crate) fn add(&mut self, figures: Vec<Figure>) {
        self.figures.extend(figures);
    }

    pub(crate) fn json(&self) -> Value {
        let figures: Vec<Value> = self.figures.iter().map(Figure::json).collect();
        json!({"machine": self.machine.json(), "figures": figures})
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.machine)?;
        table(f, &self.figures)
    }
}

fn table(f: &mut impl fmt::Write, figures: &[Figure]) -> fmt::Result {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(figures.iter().map(Figure::cells));
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    for row in &rows {
        let mut line = String::new();
        for ((cell, width), right) in row.iter().zip(widths).zip(NUMBERS) {
            let cell =
                if right { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
            line.push_str(&cell);
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_held_against_its_goal() {
        let ratio = Figure::new("p50", 3.0, "ms").beside(2.0);
        assert_eq!(ratio.met(), None);
        assert_eq!(ratio.clone().goal(Goal::RatioMax(1.5)).met(), Some(true));
        assert_eq!(ratio.goal(Goal::RatioMax(1.4)).met(), Some(false));
        let memory = Figure::new("memory", 31.0, "MB");
        assert_eq!(memory.clone().goal(Goal::ValueMax(30.0)).met(), Some(false));
        assert_eq!(memory.goal(Goal::RatioMax(1.0)).met(), None, "there is no ratio");
    }

    #[test]
    fn the_table_is_aligned() {
        let figures = [
            Figure::new("webhook to PATCH, p50", 1.5, "ms").beside(1.2).goal(Goal::RatioMax(1.5)),
            Figure::new("memory at rest", 123.4, "MB").goal(Goal::ValueMax(30.0)),
        ];
        let mut text = String::new();
        table(&mut text, &figures).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "figure                 value  unit  to the forwarder  goal",
                "webhook to PATCH, p50   1.50  ms              1.25 ×  ≤ 1.50 ×  met",
                "memory at rest           123  MB                      ≤ 30 MB   MISSED",
            ]
        );
    }
}
