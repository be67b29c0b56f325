//! Traits: variances and effects.

use epitile::error::Kind;
use epitile::simulate::{SimulateOptions, Simulation, simulate};

use super::{mean_product, near, small, standardised};

#[test]
fn variance_fractions_are_as_stated() {
    for (additive, epistatic) in [(0.3, 0.3), (0.0, 0.6), (0.6, 0.0), (0.3, 0.7), (0.0, 0.0)] {
        let options = SimulateOptions {
            additive,
            epistatic,
            traits: 2,
            ..small()
        };
        let simulation = simulate(&options).unwrap();
        assert_eq!(simulation.traits.len(), 2);
        for t in &simulation.traits {
            let v = t.variances();
            near(v.additive, additive);
            near(v.epistatic, epistatic);
            near(v.environment, 1.0 - additive - epistatic);
            near(mean_product(&t.additive, &t.epistatic), 0.0);
            // The environment is independent: its correlation with the rest is about 1/√301.
            assert!(
                (v.total - 1.0).abs() < 5.0 / 301f64.sqrt(),
                "total {}",
                v.total
            );
            assert_eq!(t.snps.len(), if additive > 0.0 { 30 } else { 0 });
            assert_eq!(t.pairs.len(), if epistatic > 0.0 { 40 } else { 0 });
        }
        if additive > 0.0 {
            assert_ne!(simulation.traits[0].snps, simulation.traits[1].snps);
        }
    }
}

#[test]
fn the_truth_reproduces_the_genetic_values() {
    let Simulation { cohort, traits, .. } = simulate(&small()).unwrap();
    let (t, g) = (&traits[0], &cohort.genotypes);
    let score = |i: usize| -> f64 {
        let terms = t.snps.iter().map(|s| {
            let centred = f64::from(g.dosage(i, s.snp).unwrap()) - g.counts()[s.snp].mean();
            s.effect * centred
        });
        terms.sum()
    };
    for i in 0..g.samples() {
        near(score(i), t.additive[i]);
    }
    let chromosome = |m: usize| &cohort.snps[m].chromosome;
    assert!(
        t.pairs
            .iter()
            .all(|p| chromosome(p.snps[0]) != chromosome(p.snps[1]))
    );
    // Orthogonal only to the additive part as a whole: the products were residualised on their
    // own SNPs, so that no single causal SNP tells more of the epistatic part than chance.
    let z = standardised(g);
    let r2: f64 = t
        .pairs
        .iter()
        .flat_map(|p| p.snps)
        .map(|m| mean_product(&z[m], &t.epistatic).powi(2) / 0.3)
        .sum::<f64>()
        / (2.0 * t.pairs.len() as f64);
    println!("mean r² of a pair's SNP with the epistatic part: {r2}");
    assert!(r2 < 0.05);
}

#[test]
fn a_trait_that_cannot_vary_is_degenerate() {
    // One pair, two samples: the product residualised on its SNPs is nothing.
    let options = SimulateOptions {
        samples: 2,
        additive: 0.0,
        pairs: 1,
        ..small()
    };
    let error = simulate(&options).unwrap_err();
    assert_eq!(error.kind(), Kind::Degenerate);
    assert!(
        error
            .to_string()
            .contains("y1: the epistatic part does not vary"),
        "{error}"
    );
}
