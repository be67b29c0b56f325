//! Genotypes: linkage, families, frequencies, missing calls.

use epitile::simulate::{SimulateOptions, simulate_genotypes};
use epitile_core::genotypes::{Counts, Genotypes};

use super::{mean_product, small, standardised};

/// σ²_d = Σ D² / Σ p(1 − p)q(1 − q) of SNPs `gap` apart: the mean r², weighted by the variances of
/// both. Pairs within chromosomes of `each` SNPs if `within`, across their borders else.
fn ld(genotypes: &Genotypes, each: usize, gap: usize, within: bool) -> f64 {
    let (z, counts) = (standardised(genotypes), genotypes.counts());
    let pairs = (0..z.len() - gap).filter(|m| (m / each == (m + gap) / each) == within);
    let (d, v) = pairs.fold((0.0, 0.0), |(d, v), m| {
        let weight = counts[m].variance() * counts[m + gap].variance();
        (
            d + weight * mean_product(&z[m], &z[m + gap]).powi(2),
            v + weight,
        )
    });
    d / v
}

#[test]
fn linkage_disequilibrium_decays_with_distance_and_ends_with_the_chromosome() {
    let options = SimulateOptions {
        snps: 6000,
        recombination: 0.02,
        ..small()
    };
    let g = simulate_genotypes(&options).unwrap().genotypes;
    let [near, middle, far] = [1, 20, 300].map(|gap| ld(&g, 2000, gap, true));
    let across = ld(&g, 2000, 2000, false);
    println!("σ²_d: neighbours {near}, 20 apart {middle}, 300 apart {far}, unlinked {across}");
    // Ohta & Kimura (1971): σ²_d = (10 + ρ)/(22 + 13ρ + ρ²), averaged over the exponential gaps,
    // of mean ρ = 60 founders · 0.02; the copying takes another e^{−2·0.02} on the average gap.
    let steps = 10_000;
    let expected: f64 = (0..steps)
        .map(|k| -((f64::from(k) + 0.5) / f64::from(steps)).ln())
        .map(|gap| (gap * 1.2, (-0.04 * gap).exp()))
        .map(|(rho, copied)| copied * (10.0 + rho) / (22.0 + 13.0 * rho + rho * rho))
        .sum::<f64>()
        / f64::from(steps);
    println!("expected of neighbours {expected}");
    // Trees are independent over some 20 SNPs only, so the mean is one of about 300 terms with
    // deviations as large as itself; and alleles below maf_min, which lack LD, are left out.
    assert!((near / expected - 1.0).abs() < 0.3);
    assert!(near > 3.0 * middle && middle > 3.0 * far);
    // Unlinked loci are copied from founders independently: 1/N is left.
    let chance = 1.0 / options.samples as f64;
    assert!((across / chance - 1.0).abs() < 0.2 && far < 2.0 * chance);
}

#[test]
fn sibs_are_related_by_half_and_strangers_are_not() {
    let options = SimulateOptions {
        families: Some(3),
        founders: 400,
        recombination: 0.1,
        ..small()
    };
    let cohort = simulate_genotypes(&options).unwrap();
    assert_eq!(cohort.samples[0].fid, cohort.samples[2].fid);
    assert_ne!(cohort.samples[2].fid, cohort.samples[3].fid);
    let z = standardised(&cohort.genotypes);
    let n = options.samples;
    let related = |i: usize, j: usize| z.iter().map(|z| z[i] * z[j]).sum::<f64>() / z.len() as f64;
    let (mut sibs, mut strangers) = (Vec::new(), Vec::new());
    for i in 0..n {
        for j in 0..i {
            let group = if i / 3 == j / 3 {
                &mut sibs
            } else {
                &mut strangers
            };
            group.push(related(i, j));
        }
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    println!("sibs {}, strangers {}", mean(&sibs), mean(&strangers));
    // 300 sib pairs; one deviates by 0.2 or so, as only three Morgan segregate.
    assert!((mean(&sibs) - 0.5).abs() < 4.0 * 0.2 / 300f64.sqrt());
    assert!(mean(&strangers).abs() < 0.01);
}

#[test]
fn all_snps_reach_the_minimal_allele_frequency() {
    for (families, missing_rate) in [(None, 0.0), (Some(4), 0.1)] {
        let options = SimulateOptions {
            maf_min: 0.05,
            families,
            missing_rate,
            ..small()
        };
        let cohort = simulate_genotypes(&options).unwrap();
        assert_eq!(cohort.below_maf, 0);
        assert!(
            cohort
                .genotypes
                .counts()
                .iter()
                .all(|c| (0.05..=0.95).contains(&c.frequency()))
        );
    }
    // Among two samples an allele frequency above 0.4 is ½: a founder allele on two of four
    // haplotypes. Where all four copy alike, no redraw helps, and it is said.
    let options = SimulateOptions {
        samples: 2,
        founders: 2,
        recombination: 0.0,
        mutation: 0.0,
        maf_min: 0.4,
        ..small()
    };
    let cohort = simulate_genotypes(&options).unwrap();
    let counts = cohort.genotypes.counts().iter();
    let rare = counts
        .filter(|c| !(0.4..=0.6).contains(&c.frequency()))
        .count();
    assert_eq!(cohort.below_maf, rare);
}

#[test]
fn rare_alleles_are_commoner_than_common_ones() {
    let options = SimulateOptions {
        snps: 4000,
        maf_min: 0.05,
        ..small()
    };
    let cohort = simulate_genotypes(&options).unwrap();
    let maf = |c: &Counts| c.frequency().min(1.0 - c.frequency());
    let count = |low: f64, high: f64| {
        let inside = |c: &&_| (low..high).contains(&maf(c));
        cohort.genotypes.counts().iter().filter(inside).count() as f64
    };
    // Neutral: density 1/f + 1/(1 − f); its integral is ln(f/(1 − f)).
    let logit = |f: f64| (f / (1.0 - f)).ln();
    let expected = (logit(0.2) - logit(0.05)) / (logit(0.5) - logit(0.05));
    let observed = count(0.05, 0.2) / count(0.05, 0.51);
    println!("share of MAF below 0.2: {observed}, expected {expected}");
    // SNPs on one tree are not independent; with as few as 200 trees in 4000 SNPs (at ρ = 0.6
    // there are more) the deviation of the share is ½/√200.
    assert!((observed - expected).abs() < 3.0 * 0.5 / 200f64.sqrt());
}

#[test]
fn calls_go_missing_at_the_stated_rate_and_leave_the_others_alone() {
    let options = SimulateOptions {
        maf_min: 0.0,
        ..small()
    };
    let whole = simulate_genotypes(&options).unwrap().genotypes;
    let p = 0.05;
    let holes = SimulateOptions {
        missing_rate: p,
        ..options
    };
    let holes = simulate_genotypes(&holes).unwrap().genotypes;
    let mut missing = 0.0;
    for m in 0..whole.snps() {
        for i in 0..whole.samples() {
            match holes.dosage(i, m) {
                Some(x) => assert_eq!(whole.dosage(i, m), Some(x)),
                None => missing += 1.0,
            }
        }
    }
    let calls = (whole.snps() * whole.samples()) as f64;
    assert!((missing - calls * p).abs() < 6.0 * (calls * p * (1.0 - p)).sqrt());
}
