//! `epitile verify`.

use std::collections::BTreeMap;

use clap::Args as ClapArgs;
use epitile::backend::{BackendChoice, Job, dispatch};
use epitile::error::{Error, Result};
use epitile::run::RunLog;
use epitile_core::backend::Backend;
use epitile_core::conformance::roundoff::measured;
use epitile_core::conformance::{Formats, outcomes};
use epitile_core::engine::Engine;
use epitile_core::precision::Precision;

use super::program::Run;
use super::screen::show;

/// Flags of `epitile verify`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Runs the conformance suite on this machine: conversions and pair statistics \
bit by bit against the definitions, linear algebra against derived error bounds, in every number \
format. Tells what sums of products lost at most, beside what the error bounds rest on. Exit code 16 if
a check fails.

Example:
  epitile verify --backend cpu"
)]
pub(crate) struct Args {
    /// Backend to check: cpu or cuda
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    backend: BackendChoice,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

impl Run for Args {
    fn run(&self, _: &RunLog) -> Result<()> {
        dispatch(self.backend, self.threads, (None, None), Verification)
    }
}

struct Verification;

impl Job for Verification {
    type Output = ();

    fn run<B: Backend, E: Engine>(self, backend: &B, _: &E) -> Result<()> {
        let mut rows: Vec<(&str, BTreeMap<Precision, bool>)> = Vec::new();
        let mut failures = Vec::new();
        for (name, precision, outcome) in outcomes(backend) {
            if rows.iter().all(|(n, _)| *n != name) {
                rows.push((name, BTreeMap::new()));
            }
            if let Some((_, cells)) = rows.iter_mut().find(|(n, _)| *n == name) {
                cells.insert(precision, outcome.is_ok());
            }
            failures.extend(outcome.err().map(|f| format!("{name} ({precision}): {f}")));
        }
        let losses: Vec<(Precision, f64, f64)> = Precision::ALL
            .into_iter()
            .filter(|&p| Formats::Every.contain(p) && backend.supports(p))
            .filter_map(|p| {
                let to = p.accumulator();
                let lost = measured(backend, p, to).ok()?;
                Some((p, lost, backend.accumulator_roundoff([p; 2], to)))
            })
            .collect();
        let formats: Vec<Precision> = Precision::ALL
            .into_iter()
            .filter(|&p| backend.supports(p))
            .collect();
        let width = rows.iter().map(|(n, _)| n.len()).max().unwrap_or(0);
        let checked: usize = rows.iter().map(|(_, cells)| cells.len()).sum();
        show(|out| {
            write!(out, "{:<width$}", format!("backend {}", backend.name()))?;
            for p in &formats {
                write!(out, " {p:>7}")?;
            }
            writeln!(out)?;
            for (name, cells) in &rows {
                write!(out, "{:<width$}", name.replace('_', " "))?;
                for p in &formats {
                    let text = match cells.get(p) {
                        Some(true) => "ok",
                        Some(false) => "FAILED",
                        None => "–",
                    };
                    write!(out, " {text:>7}")?;
                }
                writeln!(out)?;
            }
            for (p, lost, stated) in &losses {
                writeln!(
                    out,
                    "sums of products of {p:<7} lost {lost:.2e} of each, {stated:.2e} is promised"
                )?;
            }
            writeln!(out, "{} of {checked} checks hold", checked - failures.len())
        })?;
        match failures.is_empty() {
            true => Ok(()),
            false => Err(Error::device(format!(
                "this machine's arithmetic does not keep the promises:\n{}",
                failures.join("\n")
            ))),
        }
    }
}
