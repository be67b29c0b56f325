//! The marginal test of epistasis on traits of its null model.

use epitile::dense::combine;
use epitile::epistasis::EpistasisData;
use epitile::epistasis::marginal::{MarginalOptions, marginal};
use epitile::error::Result;
use epitile::settings::Gammas;
use epitile::tails::log10p;
use epitile_core::kernel::Kernel;
use epitile_cpu::{Cpu, Rayon};

use crate::lab::{Lab, Model, silent, traits};
use crate::sizes::{HEADS, line};
use crate::study::{Section, Study};
use crate::testing::fixed;

/// Shares of variance that are additive, and of all pairs of SNPs.
const LINES: [(f64, f64); 2] = [(0.6, 0.0), (0.3, 0.3)];

/// Draws traits of the null model and tests every SNP for interactions with the others.
pub(crate) fn run(study: &Study) -> Result<Section> {
    let text = format!(
        "Traits drawn from the additive kernel `linear:std` and, where pairs have a share, from \
         `grm^2`, which is then in the null model. Sibs: {0:?} individuals and SNPs, families of 2; \
         relatives: {1:?}, all of eight haplotypes. Each SNP is tested for interactions with all \
         others, p below 0.05 by eigenvalues.",
        study.marginal, study.relatives
    );
    let header = [&["cohort", "additive, pairs"][..], &HEADS].concat();
    let mut section = Section::new("Marginal test of epistasis", text, &header);
    let cohorts = [
        (
            "sibs",
            Lab::new(study, "marginal", study.marginal, Some(2))?,
        ),
        (
            "relatives",
            Lab::relatives(study, "relatives", study.relatives)?,
        ),
    ];
    for (name, lab) in &cohorts {
        for (stream, shares) in (7..).zip(LINES) {
            let p = tested(study, lab, stream, shares)?;
            let (cells, outside) = line(study, &p);
            let names = [(*name).into(), format!("{}, {}", shares.0, shares.1)];
            section.rows.push([&names[..], &cells].concat());
            let failed = |level| format!("marginal test, {name}, {shares:?}: size at {level}");
            section.failures.extend(outside.into_iter().map(failed));
        }
    }
    Ok(section)
}

/// −log₁₀ p of traits with these shares, drawn from a stream of random numbers.
fn tested(
    study: &Study,
    lab: &Lab,
    stream: u32,
    (additive, pairs): (f64, f64),
) -> Result<Vec<Vec<f64>>> {
    let n = lab.samples();
    let (k, e) = (
        lab.kernel(Kernel::Standardised, None)?,
        lab.kernel(Kernel::GrmSquared, None)?,
    );
    let genetic = combine(&[(additive, &k), (pairs, &e)], 0.0, n);
    let model = Model::new(vec![0.0; n], &genetic, (1.0, 1.0 - additive - pairs))?;
    let drawn = traits(model.draw(study, stream, study.traits));
    let data = EpistasisData {
        traits: &drawn,
        fixed: &fixed(n, &[])?,
        complete: &vec![true; n],
    };
    let options = MarginalOptions {
        loco: false,
        exact_limit: n,
        seed: study.seed,
        further: match pairs > 0.0 {
            true => vec![Kernel::GrmSquared],
            false => Vec::new(),
        },
        gamma: Gammas::Scales(vec![1.0]),
    };
    let tables = marginal(&Cpu::MEMORY, &Rayon, &lab.cohort, data, &options, &silent())?;
    let p = tables
        .iter()
        .map(|table| table.tested().map(|p| log10p(p.ln_p)).collect());
    Ok(p.collect())
}
