//! Traits with known truth.

use std::path::PathBuf;
use std::sync::Arc;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::dense::{Factor, combine};
use epitile::io::fam::Sample;
use epitile::null::matrix::{kernel_matrix, normalise};
use epitile::similarity::{Extras, Similarity};
use epitile_core::engine::InOrder;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;
use epitile_cpu::Cpu;
use faer::Mat;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::lab::Lab;

/// `count` traits drawn from an additive model of the cohort `s`, as a table; the SNP `large` adds
/// so much times its dosage to each.
pub(crate) fn additive_traits(
    lab: &Lab,
    count: usize,
    heritability: f64,
    large: Option<(usize, f64)>,
) -> String {
    let cohort = Cohort::load(&CohortOptions::new(lab.path("s"))).unwrap();
    let genotypes = Arc::new(cohort.genotypes);
    let k = kernel(&genotypes, Kernel::Standardised);
    let parts = [(heritability, &k)];
    let drawn = draw(&parts, 1.0 - heritability, count, |y| {
        if let Some((m, effect)) = large {
            let dosage = |i: usize| genotypes.dosage(i, m).map_or(0.0, f64::from);
            (0..y.len()).for_each(|i| y[i] += effect * dosage(i));
        }
    });
    table(&cohort.samples, &drawn)
}

/// `count` traits with so much additive variance of all SNPs of a cohort, and so much of all pairs of
/// SNPs: of the list `extract`, or of all.
pub(crate) fn epistatic_traits(
    of: &CohortOptions,
    count: usize,
    (additive, epistatic): (f64, f64),
    extract: Option<PathBuf>,
) -> String {
    let cohort = Cohort::load(of).unwrap();
    let some = CohortOptions {
        extract: extract.or(of.extract.clone()),
        ..of.clone()
    };
    let some = Cohort::load(&some).unwrap();
    let k = kernel(&Arc::new(cohort.genotypes), Kernel::Standardised);
    let e = kernel(&Arc::new(some.genotypes), Kernel::GrmSquared);
    let parts = [(additive, &k), (epistatic, &e)];
    let drawn = draw(&parts, 1.0 - additive - epistatic, count, |_| {});
    table(&cohort.samples, &drawn)
}

/// A kernel of all individuals, centred, with mean diagonal 1.
fn kernel(genotypes: &Arc<Genotypes>, of: Kernel) -> Mat<f64> {
    let cpu = Cpu::MEMORY;
    let similarity = Similarity::new(&cpu, &InOrder, genotypes, &[of], Extras::default()).unwrap();
    let map = similarity.map(of, f64::NAN);
    let rows: Vec<u32> = (0..genotypes.samples() as u32).collect();
    let mut k = kernel_matrix(&cpu, &InOrder, similarity.pairs(of), &map, &rows).unwrap();
    normalise(&mut k, &of.to_string()).unwrap();
    k
}

/// Draws with the covariance of these kernels and a residual, each passed through `change`.
fn draw(
    parts: &[(f64, &Mat<f64>)],
    residual: f64,
    count: usize,
    change: impl Fn(&mut [f64]),
) -> Vec<Vec<f64>> {
    let n = parts[0].1.nrows();
    let v = Factor::new(&combine(parts, residual, n)).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let one = |_| {
        let z: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut rng)).collect();
        let mut y = v.colour(&z);
        change(&mut y);
        y
    };
    (0..count).map(one).collect()
}

/// A table of the traits t0, t1, ….
fn table(samples: &[Sample], drawn: &[Vec<f64>]) -> String {
    let names: Vec<String> = (0..drawn.len()).map(|t| format!("t{t}")).collect();
    let mut text = format!("FID IID {}\n", names.join(" "));
    for (i, sample) in samples.iter().enumerate() {
        let values: Vec<String> = drawn.iter().map(|y| y[i].to_string()).collect();
        text += &format!("{} {} {}\n", sample.fid, sample.iid, values.join(" "));
    }
    text
}
