//! What was measured, as a table and as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::times::Times;

#[derive(Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Figures(Vec<Group>);

/// Ways to the same end, ours first.
#[derive(Serialize)]
pub(crate) struct Group {
    what: &'static str,
    /// What ours is to come to, and what the others are to be to it.
    reach: Option<&'static str>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    who: &'static str,
    runs: usize,
    unit: Unit,
    p50: f64,
    /// None: what was measured is all runs together.
    p99: Option<f64>,
    /// How many times ours.
    ratio: f64,
}

#[derive(Clone, Copy, Serialize)]
enum Unit {
    #[serde(rename = "us")]
    Microseconds,
    #[serde(rename = "MiB")]
    Mebibytes,
}

impl Figures {
    pub(crate) fn group(&mut self, what: &'static str, reach: Option<&'static str>) -> &mut Group {
        self.0.push_mut(Group {
            what,
            reach,
            rows: Vec::new(),
        })
    }
}

impl Group {
    pub(crate) fn times(&mut self, who: &'static str, times: Times, warm_up: usize) {
        let runs = times.0.len() - warm_up;
        let (p50, p99) = times.p50_p99(warm_up);
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        self.row(who, runs, Unit::Microseconds, us(p50), Some(us(p99)));
    }

    pub(crate) fn mebibytes(&mut self, who: &'static str, runs: usize, each: f64) {
        self.row(who, runs, Unit::Mebibytes, each, None);
    }

    fn row(&mut self, who: &'static str, runs: usize, unit: Unit, p50: f64, p99: Option<f64>) {
        let ours = self.rows.first().map_or(p50, |ours| ours.p50);
        self.rows.push(Row {
            who,
            runs,
            unit,
            p50,
            p99,
            ratio: p50 / ours,
        });
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.0 {
            writeln!(f, "{group}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (runs, p50, p99, ratio) = ("runs", "p50", "p99", "ratio");
        writeln!(
            f,
            "{:<42} {runs:>6} {p50:>11} {p99:>11} {ratio:>7}",
            self.what
        )?;
        for row in &self.rows {
            let (who, runs, ratio) = (row.who, row.runs, row.ratio);
            let p50 = row.unit.text(row.p50);
            let p99 = row.p99.map_or_else(String::new, |p99| row.unit.text(p99));
            writeln!(f, "  {who:<40} {runs:>6} {p50:>11} {p99:>11} {ratio:>7.3}")?;
        }
        if let Some(reach) = self.reach {
            writeln!(f, "  to reach: {reach}")?;
        }
        Ok(())
    }
}

impl Unit {
    fn text(self, figure: f64) -> String {
        match self {
            Self::Microseconds if figure >= 1e4 => format!("{:.1} ms", figure / 1e3),
            Self::Microseconds => format!("{figure:.1} us"),
            Self::Mebibytes => format!("{figure:.2} MiB"),
        }
    }
}
