//! Run records: what was run, how long it took, how accurate it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::bars::{Bar, bars};
use super::grid::{Grid, digits};
use super::picture::Picture;
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::io::text::open;
use crate::model::CertificateMeta;
use crate::plan::TilePlan;

/// A part of a run.
#[derive(Clone, Debug, Deserialize)]
struct Phase {
    name: String,
    seconds: f64,
}

/// What a report takes from `PREFIX.run.json`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Record {
    #[serde(skip)]
    pub(super) path: PathBuf,
    pub(super) version: String,
    pub(super) command: String,
    start: String,
    seconds: f64,
    pub(super) status: String,
    pub(super) error: Option<String>,
    threads: Option<usize>,
    peak_rss_bytes: Option<u64>,
    phases: Vec<Phase>,
    pub(super) warnings: Vec<String>,
    extra: BTreeMap<String, Value>,
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// `Open`, `Malformed`.
    pub(super) fn read(path: &Path) -> Result<Record> {
        let input = std::io::BufReader::new(open(path)?);
        let record: Result<Record, _> = serde_json::from_reader(input);
        let mut record = record.map_err(|e| {
            let what = "something that is no run record";
            let expected = "a record as epitile writes it";
            Error::malformed(
                path,
                e.line() as u64,
                what,
                expected,
                "Run the command again",
            )
        })?;
        record.path = path.to_owned();
        Ok(record)
    }

    /// Whether it is of a report, which has nothing to report.
    pub(super) fn is_report(&self) -> bool {
        self.extra.contains_key("report")
    }

    /// Name of the run: that of the file without its ending.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.trim_end_matches(".run.json").to_owned()
    }

    fn part<T: for<'de> Deserialize<'de>>(&self, key: &str) -> Option<T> {
        T::deserialize(self.extra.get(key)?).ok()
    }

    /// The plans of its factors.
    pub(super) fn plans(&self) -> Vec<TilePlan> {
        self.part("plans").unwrap_or_default()
    }

    /// Facts of the run as a table of two columns.
    pub(super) fn facts(&self) -> Grid {
        let mut grid = Grid::new("Run", &["", self.path.to_string_lossy().as_ref()]);
        let mut fact = |name: &str, value: String| grid.row([name.to_owned(), value]);
        fact("command", self.command.clone());
        fact("version", self.version.clone());
        fact("start", self.start.clone());
        fact(
            "status",
            match &self.error {
                Some(error) => format!("{}: {error}", self.status),
                None => self.status.clone(),
            },
        );
        if let Some(threads) = self.threads {
            fact("threads", threads.to_string());
        }
        if let Some(bytes) = self.peak_rss_bytes {
            fact("peak memory", format!("{} MiB", bytes.div_ceil(1 << 20)));
        }
        for (key, name) in [
            ("samples", "individuals"),
            ("snps", "SNPs"),
            ("precision", "precision"),
        ] {
            match self.extra.get(key) {
                Some(Value::String(text)) => fact(name, text.clone()),
                Some(value @ Value::Number(_)) => fact(name, value.to_string()),
                _ => {}
            }
        }
        grid
    }

    /// The picture of its phases, if it has any, and their table.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub(super) fn times(&self) -> Result<(Option<Picture>, Grid)> {
        // A phase that ran several times counts as one.
        let mut all: Vec<(String, f64)> = Vec::new();
        for phase in &self.phases {
            match all.iter_mut().find(|p| p.0 == phase.name) {
                Some(known) => known.1 += phase.seconds,
                None => all.push((phase.name.clone(), phase.seconds)),
            }
        }
        let mut grid = Grid::new("Times", &["phase", "seconds", "share of the run"]);
        let share = |s: f64| format!("{:.1} %", 100.0 * s / self.seconds.max(f64::MIN_POSITIVE));
        for (name, seconds) in &all {
            grid.row([name.clone(), digits(*seconds, 3), share(*seconds)]);
        }
        grid.bold([
            "whole run".into(),
            digits(self.seconds, 3),
            share(self.seconds),
        ]);
        if all.is_empty() {
            return Ok((None, grid));
        }
        let parts: Vec<String> = all
            .iter()
            .map(|p| format!("{} {}", p.0, digits(p.1, 3)))
            .collect();
        let names = [
            format!("{}.times", self.name()),
            format!("Times of the phases of {}", self.name()),
            format!("Seconds: {}.", parts.join(", ")),
        ];
        let bar = |(name, seconds): (String, f64)| Bar {
            text: digits(seconds, 3),
            name,
            value: seconds,
            error: None,
        };
        let all: Vec<Bar> = all.into_iter().map(bar).collect();
        Ok((Some(bars(names, "seconds", &all)?), grid))
    }

    /// Its certificates, of all solutions together and of each trait.
    pub(super) fn certificates(&self) -> Vec<Grid> {
        let mut grids = Vec::new();
        if let Some(e) = self.part::<Evidence>("certificate") {
            let mut grid = Grid::new("All solutions together", &["", "certificate"]);
            let mut fact = |name: &str, value: String| grid.row([name.to_owned(), value]);
            fact(
                "certified",
                format!("{} of {} solutions", e.certified, e.solutions),
            );
            fact(
                "backward error, factor alone",
                digits(e.backward_error_before, 3),
            );
            fact("backward error, refined", digits(e.backward_error_after, 3));
            fact(
                "in units of N·2⁻⁵³ (HPL-MxP: 16)",
                digits(e.backward_error_scaled, 3),
            );
            fact("most iterations", e.most_iterations.to_string());
            fact("‖Δα‖₂ at most", digits(e.weight_bound, 3));
            fact(
                "prediction error / √k(x,x) at most",
                digits(e.prediction_bound, 3),
            );
            for (format, tiles) in &e.tiles {
                fact(&format!("tiles in {format}"), tiles.to_string());
            }
            for (what, times) in &e.fallbacks {
                fact(what, format!("{times} times"));
            }
            grids.push(grid);
        }
        let each: Option<Vec<(String, CertificateMeta)>> = self.part("certificates");
        if let Some(each) = each.filter(|each| !each.is_empty()) {
            let head = [
                "trait",
                "certified",
                "backward error before",
                "after",
                "iterations",
                "stop",
                "‖Δα‖₂ at most",
                "prediction error at most",
            ];
            let mut grid = Grid::new("By trait", &head);
            for (name, c) in each {
                grid.row([
                    name,
                    if c.certified { "yes" } else { "no" }.into(),
                    digits(c.backward_error_before, 3),
                    digits(c.backward_error, 3),
                    c.iterations.to_string(),
                    c.stop,
                    digits(c.weight_error_bound, 3),
                    digits(c.prediction_error_bound, 3),
                ]);
            }
            grids.push(grid);
        }
        grids
    }
}
