//! The marginal test of epistasis on additive traits.

use epitile::epistasis::EpistasisData;
use epitile::epistasis::marginal::{MarginalOptions, marginal};
use epitile::error::Result;
use epitile::settings::Gammas;
use epitile_core::kernel::Kernel;
use epitile_cpu::{Cpu, Rayon};

use crate::lab::{Lab, Model, silent, traits};
use crate::sizes::{HEADS, line};
use crate::study::{Section, Study};
use crate::testing::fixed;
use epitile::tails::log10p;

/// Share of variance that is additive.
const SHARE: f64 = 0.5;

/// Draws additive traits and tests every SNP for interactions with the others.
pub(crate) fn run(study: &Study) -> Result<Section> {
    let (n, m) = study.marginal;
    let text = format!(
        "Traits drawn from the additive kernel `linear:std` ({SHARE} of the variance) of {n} \
         individuals in families of 2; each of the {m} SNPs is tested for interactions with all \
         others, p below 0.05 by eigenvalues."
    );
    let mut section = Section::new("Marginal test of epistasis", text, &HEADS);
    let lab = Lab::new(study, "marginal", study.marginal, Some(2))?;
    let k = lab.kernel(Kernel::Standardised, None)?;
    let model = Model::new(vec![0.0; n], &k, (SHARE, 1.0 - SHARE))?;
    let drawn = traits(model.draw(study, 7, study.traits));
    let data = EpistasisData {
        traits: &drawn,
        fixed: &fixed(n, &[])?,
        complete: &vec![true; n],
    };
    let options = MarginalOptions {
        loco: false,
        exact_limit: n,
        seed: study.seed,
        further: Vec::new(),
        gamma: Gammas::Scales(vec![1.0]),
    };
    let tables = marginal(&Cpu::MEMORY, &Rayon, &lab.cohort, data, &options, &silent())?;
    let p = tables
        .iter()
        .map(|table| table.tested().map(|p| log10p(p.ln_p)).collect());
    let (cells, outside) = line(study, &p.collect::<Vec<Vec<f64>>>());
    section.rows.push(cells);
    let failed = |level| format!("marginal test: size at {level}");
    section.failures.extend(outside.into_iter().map(failed));
    Ok(section)
}
