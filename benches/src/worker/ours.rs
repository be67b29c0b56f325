//! epitile's part of the comparison, through its library.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::time::Instant;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::similarity::{Extras, Similarity};
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::{PairKind, PairStatistic};
use epitile_core::precision::Precision;
use epitile_core::solver::{SolveOptions, Solver};
use epitile_core::sym::SymTiles;
use epitile_core::system::{System, default_edge};
use epitile_cpu::{Cpu, Rayon};
use serde_json::{Map, Value, json};

use crate::{Answer, Worker, numbers, unknown};

static CPU: Cpu = Cpu::MEMORY;

/// A cohort with the kernel exp(−d² / median d²).
struct Data {
    genotypes: Arc<Genotypes>,
    pairs: <Cpu as Backend>::Pairs,
    map: KernelMap,
    index: Vec<u32>,
}

impl Data {
    fn system(&self) -> System<'_, Cpu, Rayon> {
        System {
            backend: &CPU,
            engine: &Rayon,
            pairs: &self.pairs,
            map: &self.map,
            index: &self.index,
            edge: default_edge(self.index.len(), CPU.largest_edge()),
        }
    }
}

/// Requests, after `load PREFIX`:
///
/// * `build`: pair statistics, then all kernel tiles in F32;
/// * `matrix LAMBDA FILE`: K + λI to a file, N × N FP64, for the peers (not timed);
/// * `factor POLICY LAMBDA`: plan and deflation (`prepare`), then the factor;
/// * `solve POLICY LAMBDA FILE`: the same, then all right-hand sides of the file, refined.
///
/// Any time: `ceilings`.
#[derive(Default)]
pub(crate) struct Ours {
    data: Option<Data>,
}

impl Worker for Ours {
    fn answer(&mut self, words: &[&str]) -> Answer {
        let data = || {
            self.data
                .as_ref()
                .ok_or("no genotypes are loaded".to_owned())
        };
        match *words {
            ["load", prefix] => self.load(prefix),
            ["ceilings"] => Ok(ceilings()),
            ["build"] => build(data()?),
            ["matrix", lambda, file] => matrix(data()?, number(lambda)?, file),
            ["factor", policy, lambda] => solve(data()?, policy, number(lambda)?, &[]),
            ["solve", policy, lambda, file] => {
                let right = numbers(file)?;
                solve(data()?, policy, number(lambda)?, &right)
            }
            _ => unknown(words),
        }
    }
}

impl Ours {
    fn load(&mut self, prefix: &str) -> Answer {
        self.data = None;
        let cohort = Cohort::load(&CohortOptions::new(prefix)).map_err(said)?;
        let genotypes = Arc::new(cohort.genotypes);
        let kernel = Kernel::Gaussian;
        let similarity = Similarity::new(&CPU, &Rayon, &genotypes, &[kernel], Extras::default())
            .map_err(said)?;
        let gamma = similarity.gamma(kernel, 1.0).map_err(said)?;
        let map = similarity.map(kernel, gamma);
        let n = genotypes.samples();
        let answer = json!({ "samples": n, "snps": genotypes.snps(), "gamma": gamma });
        self.data = Some(Data {
            pairs: pairs(&genotypes)?,
            genotypes,
            map,
            index: (0..n as u32).collect(),
        });
        Ok(answer)
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("'{text}' is no number"))
}

fn pairs(genotypes: &Arc<Genotypes>) -> Result<<Cpu as Backend>::Pairs, String> {
    let statistic = PairStatistic::new(PairKind::Squared, genotypes.counts());
    let panel = CPU.panel(genotypes.clone()).map_err(said)?;
    CPU.pairs(&statistic, &panel, None).map_err(said)
}

fn build(data: &Data) -> Answer {
    let start = Instant::now();
    let pairs = pairs(&data.genotypes)?;
    let counted = start.elapsed().as_secs_f64();
    let system = System {
        pairs: &pairs,
        ..data.system()
    };
    let mut tiles = SymTiles::from_fn(system.blocks().count(), |i, j| ((i, j), None));
    Rayon
        .for_each(tiles.as_mut_slice(), |_, (at, tile)| {
            *tile = Some(system.tile(at.0, at.1, Precision::F32)?);
            Ok(())
        })
        .map_err(|e: <Cpu as Backend>::Error| said(e))?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(json!({ "seconds": seconds, "pairs": counted, "tiles": seconds - counted }))
}

fn matrix(data: &Data, lambda: f64, file: &str) -> Answer {
    let n = data.index.len();
    let io = |e| format!("{file}: {e}");
    let mut out = BufWriter::new(File::create(file).map_err(io)?);
    for row in &data.index {
        let tile = CPU.kernel_tile(&data.map, &data.pairs, &data.index, &[*row], Precision::F64);
        let mut column = CPU.download(&tile.map_err(said)?).map_err(said)?.to_f64();
        column[*row as usize] += lambda;
        out.write_all(bytemuck::cast_slice(&column)).map_err(io)?;
    }
    out.flush().map_err(io)?;
    Ok(json!({ "samples": n }))
}

/// Factors, then solves for the columns of `right`, if there are any.
fn solve(data: &Data, policy: &str, lambda: f64, right: &[f64]) -> Answer {
    let options = SolveOptions {
        policy: policy.parse().map_err(said)?,
        ..SolveOptions::default()
    };
    let system = data.system();
    let columns: Vec<&[f64]> = right.chunks_exact(data.index.len()).collect();
    let start = Instant::now();
    let prepared = system.prepare(&options).map_err(said)?;
    let mut solver = Solver::new(system, &prepared, lambda, options);
    let prepare = start.elapsed().as_secs_f64();
    solver.factorise().map_err(said)?;
    let factored = start.elapsed().as_secs_f64();
    let solved = match columns.is_empty() {
        true => Vec::new(),
        false => solver.solve(&columns, None).map_err(said)?,
    };
    let seconds = start.elapsed().as_secs_f64();
    let mut plan = Map::new();
    for p in solver.plan().as_slice() {
        let count = plan.entry(p.to_string()).or_insert(json!(0));
        *count = json!(count.as_u64().unwrap_or(0) + 1);
    }
    let worst = |of: fn(&(Vec<f64>, epitile_core::certificate::Certificate)) -> f64| {
        solved.iter().map(of).fold(0.0, f64::max)
    };
    Ok(json!({
        "seconds": seconds,
        "prepare": prepare,
        "factor": factored - prepare,
        "solve": seconds - factored,
        "rank": prepared.rank(),
        "steps": solver.steps().count(),
        "tiles": plan,
        "before": worst(|s| s.1.before),
        "after": worst(|s| s.1.after),
        "iterations": worst(|s| f64::from(s.1.iterations)),
        "passes": worst(|s| f64::from(s.1.passes)),
    }))
}

fn ceilings() -> Value {
    let all = epitile_cpu::ceilings();
    let row = |c: &epitile_cpu::Ceiling| json!({ "work": c.work, "isa": c.isa, "one": c.one, "all": c.all });
    json!(all.iter().map(row).collect::<Vec<_>>())
}
