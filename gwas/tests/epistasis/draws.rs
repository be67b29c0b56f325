//! Traits with known truth.

use std::sync::Arc;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::dense::{Factor, combine};
use epitile::null::matrix::{kernel_matrix, normalise};
use epitile::similarity::{Extras, Similarity};
use epitile_core::engine::InOrder;
use epitile_core::kernel::Kernel;
use epitile_cpu::Cpu;
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
    let (cpu, of) = (Cpu::MEMORY, [Kernel::Standardised]);
    let similarity = Similarity::new(&cpu, &InOrder, &genotypes, &of, Extras::default()).unwrap();
    let map = similarity.map(of[0], f64::NAN);
    let n = genotypes.samples();
    let rows: Vec<u32> = (0..n as u32).collect();
    let mut k = kernel_matrix(&cpu, &InOrder, similarity.pairs(of[0]), &map, &rows).unwrap();
    normalise(&mut k, "linear:std").unwrap();
    let v = Factor::new(&combine(&[(heritability, &k)], 1.0 - heritability, n)).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let drawn: Vec<Vec<f64>> = (0..count)
        .map(|_| {
            let z: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut rng)).collect();
            let mut y = v.colour(&z);
            if let Some((m, effect)) = large {
                let dosage = |i: usize| genotypes.dosage(i, m).map_or(0.0, f64::from);
                (0..n).for_each(|i| y[i] += effect * dosage(i));
            }
            y
        })
        .collect();
    let names: Vec<String> = (0..count).map(|t| format!("t{t}")).collect();
    let mut text = format!("FID IID {}\n", names.join(" "));
    for (i, sample) in cohort.samples.iter().enumerate() {
        let values: Vec<String> = drawn.iter().map(|y| y[i].to_string()).collect();
        text += &format!("{} {} {}\n", sample.fid, sample.iid, values.join(" "));
    }
    text
}
