//! The test for variance beside an additive model.

use std::sync::Arc;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::dense::{Factor, combine};
use epitile::null::matrix::{kernel_matrix, normalise};
use epitile::similarity::Similarity;
use epitile_core::engine::InOrder;
use epitile_core::kernel::Kernel;
use epitile_cpu::Cpu;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::common::data;
use crate::lab::Lab;

#[test]
fn epistatic_traits_are_found_and_additive_ones_are_not() {
    let Some(set) = data("sim_epi") else { return };
    let lab = Lab::new();
    let prefix = set.join("sim_epi");
    lab.succeeds(&format!(
        "epistasis --global --bfile {0} --pheno {0}.pheno.txt --kernel grm^2,gaussian --out e",
        prefix.display()
    ));
    for (name, found) in [
        ("y_addepi", true),
        ("y_epi", true),
        ("y_addonly", false),
        ("y_noise", false),
    ] {
        let rows = lab.rows(&format!("e_{name}.global.tsv"));
        for row in &rows[1..] {
            let log10p: f64 = row[5].parse().unwrap();
            eprintln!("{name} {}: {log10p} {}", row[0], row[6]);
            match found {
                true => assert!(log10p > 6.0, "{name} {row:?}"),
                false => assert!(log10p < -0.05_f64.log10(), "{name} {row:?}"),
            }
        }
    }
}

/// Traits drawn from an additive model of the cohort `s`, as a table.
fn additive_traits(lab: &Lab, count: usize, heritability: f64) -> String {
    let cohort = Cohort::load(&CohortOptions::new(lab.path("s"))).unwrap();
    let genotypes = Arc::new(cohort.genotypes);
    let (cpu, of) = (Cpu::MEMORY, [Kernel::Standardised]);
    let similarity = Similarity::new(&cpu, &InOrder, &genotypes, &of, None).unwrap();
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
            v.colour(&z)
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

#[test]
fn p_values_of_additive_traits_are_uniform() {
    let lab = Lab::with_cohort("--samples 500 --snps 900 --families 5 --seed 4");
    let count = 200;
    lab.write("t", additive_traits(&lab, count, 0.5));
    lab.succeeds("epistasis --global --bfile s --pheno t --out e");
    let mut p: Vec<f64> = (0..count)
        .map(|t| {
            let rows = lab.rows(&format!("e_t{t}.global.tsv"));
            10_f64.powf(-rows[1][5].parse::<f64>().unwrap())
        })
        .collect();
    p.sort_by(f64::total_cmp);
    // Kolmogorov and Smirnov: the largest distance from the diagonal.
    let n = count as f64;
    let distance = p.iter().enumerate().fold(0.0, |d: f64, (i, p)| {
        d.max((p - i as f64 / n).abs())
            .max(((i + 1) as f64 / n - p).abs())
    });
    let below = p.iter().filter(|p| **p <= 0.05).count();
    eprintln!("distance {distance:.4}, {below} of {count} at 5 %");
    // Above 1.628/√n with probability 1 %.
    assert!(distance < 1.628 / n.sqrt(), "{distance}");
}
