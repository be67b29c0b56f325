//! What a Build costs beyond that of complete calls in one segment: with missing calls, in
//! segments, with covariates inside the kernel, with weights of SNPs.
//!
//!     RAYON_NUM_THREADS=1 cargo run --release -p epitile-cpu --example cost -- 4096 10240 9
//!
//! Individuals, SNPs, rounds, and a case to be timed alone, such as `"2 % missing"`. Every round times
//! all of them in turn; the least time of each is told.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Instant;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::{GenotypeBuilder, Genotypes};
use epitile_core::kernel::{Kernel, KernelCovariates, KernelMap};
use epitile_core::pairs::{PairKind, PairStatistic};
use epitile_core::precision::Precision;
use epitile_core::sym::SymTiles;
use epitile_core::system::{System, default_edge};
use epitile_cpu::{Cpu, Rayon};

static CPU: Cpu = Cpu::MEMORY;

/// A Build to be timed.
struct Case {
    name: &'static str,
    genotypes: Arc<Genotypes>,
    covariates: usize,
    /// How often a SNP counts, by its place; `None` for once.
    weights: Option<fn(usize) -> f64>,
}

/// One of four.
fn few(m: usize) -> f64 {
    [1.0, 0.5, 2.0, 3.0][m / 7 % 4]
}

/// One for each SNP.
fn many(m: usize) -> f64 {
    0.1 + ((m * m) as f64 * 0.618_033_988_75).fract()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (sizes, only) = args.split_at(args.len().min(3));
    let sizes = sizes.iter().map(|arg| arg.parse());
    let sizes: Vec<usize> = sizes.collect::<Result<_, _>>().expect("numbers");
    let [n, snps, rounds] = sizes[..] else {
        panic!("individuals, SNPs, rounds");
    };
    let case = |name, (segments, missing), covariates, weights| {
        only.iter().all(|only| only == name).then(|| Case {
            name,
            genotypes: genotypes(n, snps, segments, missing),
            covariates,
            weights,
        })
    };
    let cases = [
        case("complete", (1, 0), 0, None),
        case("0.1 % missing", (1, 1), 0, None),
        case("2 % missing", (1, 20), 0, None),
        case("22 segments", (22, 0), 0, None),
        case("3 covariates", (1, 0), 3, None),
        case("4 weights", (1, 0), 0, Some(few)),
        case("all weights", (1, 0), 0, Some(many)),
    ];
    let cases: Vec<Case> = cases.into_iter().flatten().collect();
    let mut least = vec![[f64::INFINITY; 3]; cases.len()];
    for round in 0..=rounds {
        for (case, least) in cases.iter().zip(&mut least) {
            let [pairs, tiles] = build(case);
            // The first is not counted.
            if round > 0 {
                for (least, now) in least.iter_mut().zip([pairs + tiles, pairs, tiles]) {
                    *least = least.min(now);
                }
            }
        }
    }
    for (case, [all, pairs, tiles]) in cases.iter().zip(&least) {
        println!(
            "{:14} {all:.4} s (pairs {pairs:.4}, tiles {tiles:.4}) {:+.1} %",
            case.name,
            100.0 * (all / least[0][0] - 1.0)
        );
    }
}

/// Calls that look random, `missing` of 1,000 without one.
fn genotypes(n: usize, snps: usize, segments: usize, missing: u64) -> Arc<Genotypes> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        // xorshift64*, Vigna 2016.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    };
    let mut builder = GenotypeBuilder::new(n);
    for segment in 0..segments {
        builder.segment(format!("{segment}"));
        for _ in snps * segment / segments..snps * (segment + 1) / segments {
            let frequency = next() % 1024;
            builder.push((0..n).map(|_| {
                let random = next();
                let alleles = [0, 10].map(|at| u8::from(random >> at & 1023 < frequency));
                ((random >> 20) % 1000 >= missing).then_some(alleles[0] + alleles[1])
            }));
        }
    }
    Arc::new(builder.finish())
}

/// Seconds of pair statistics and of all tiles in F32.
fn build(case: &Case) -> [f64; 2] {
    let n = case.genotypes.samples();
    let start = Instant::now();
    let (kind, counts) = (PairKind::Squared, case.genotypes.counts());
    let statistic = match case.weights {
        None => PairStatistic::new(kind, counts),
        Some(of) => {
            let weights: Vec<f64> = (0..counts.len()).map(of).collect();
            PairStatistic::weighted(kind, counts, &weights).expect("squares take weights")
        }
    };
    let panel = CPU.panel(case.genotypes.clone()).expect("a panel");
    let pairs = CPU.pairs(&statistic, &panel, None).expect("pairs");
    let counted = start.elapsed().as_secs_f64();
    let values = || -> Vec<f64> {
        (0..n * case.covariates)
            .map(|i| (i * 7919 % 1000) as f64 / 1000.0)
            .collect()
    };
    let map = KernelMap {
        kernel: Kernel::Gaussian,
        gamma: 1.0 / case.genotypes.snps() as f64,
        scale: 1.0,
        rows: Vec::new(),
        cols: Vec::new(),
        covariates: (case.covariates > 0).then(|| KernelCovariates {
            count: case.covariates,
            rows: values(),
            cols: values(),
        }),
    };
    let index = Vec::from_iter(0..n as u32);
    let system = System {
        backend: &CPU,
        engine: &Rayon,
        pairs: &pairs,
        map: &map,
        index: &index,
        edge: default_edge(n, CPU.largest_edge()),
    };
    let mut tiles = SymTiles::from_fn(system.blocks().count(), |i, j| ((i, j), None));
    let start = Instant::now();
    let made = Rayon.for_each(tiles.as_mut_slice(), |_, (at, tile)| {
        *tile = Some(system.tile(at.0, at.1, Precision::F32)?);
        Ok::<(), <Cpu as Backend>::Error>(())
    });
    made.expect("kernel tiles");
    [counted, start.elapsed().as_secs_f64()]
}
