//! The global test of epistasis on traits that have none.

use epitile::epistasis::EpistasisData;
use epitile::epistasis::global::{GlobalOptions, global};
use epitile::error::{Error, Result};
use epitile::settings::Gammas;
use epitile_core::kernel::Kernel;
use epitile_cpu::{Cpu, Rayon};

use crate::lab::{Lab, Model, silent, traits};
use crate::sizes::{HEADS, inflation, kolmogorov, line};
use crate::study::{Section, Study};
use crate::testing::fixed;

/// Share of variance that is additive.
const SHARE: f64 = 0.5;

/// Draws additive traits and compares p with the uniform distribution.
pub(crate) fn run(study: &Study) -> Result<Section> {
    let (n, m) = study.dense;
    let text = format!(
        "Traits drawn from the additive kernel `linear:std` ({SHARE} of the variance) of {n} \
         individuals in families of {} and {m} SNPs; `grm^2` is tested beside it. Distance is that \
         of Kolmogorov and Smirnov from the uniform distribution.",
        Study::FAMILY
    );
    let header = [&["distance", "at most, with 99 %"][..], &HEADS].concat();
    let mut section = Section::new("Global test of epistasis", text, &header);
    let lab = Lab::new(study, "dense", study.dense, Some(Study::FAMILY))?;
    let k = lab.kernel(Kernel::Standardised, None)?;
    let model = Model::new(vec![0.0; n], &k, (SHARE, 1.0 - SHARE))?;
    let drawn = traits(model.draw(study, 6, study.traits));
    let data = EpistasisData {
        traits: &drawn,
        fixed: &fixed(n, &[])?,
        complete: &vec![true; n],
    };
    let options = GlobalOptions {
        null: vec![Kernel::Standardised],
        tested: vec![Kernel::GrmSquared],
        gamma: Gammas::Scales(vec![1.0]),
    };
    let cohort = lab.cohort.clone();
    let tables = global(&Cpu::MEMORY, &Rayon, cohort, data, &options, &silent())?;
    let p = tables.iter().map(|table| {
        let missing = || Error::degenerate(format!("{}: no p-value", table.name));
        table.rows[0].log10p.ok_or_else(missing)
    });
    let log10p: Vec<f64> = p.collect::<Result<_>>()?;
    // Of all traits together: each has one test.
    let inflation = inflation(std::slice::from_ref(&log10p));
    let (distance, most) = kolmogorov(log10p.iter().map(|p| 10_f64.powf(-p)).collect());
    let each: Vec<Vec<f64>> = log10p.into_iter().map(|p| vec![p]).collect();
    let (mut cells, outside) = line(study, &each);
    cells.pop();
    cells.push(format!("{inflation:.3}"));
    let names = [format!("{distance:.4}"), format!("{most:.4}")];
    section.rows.push([&names[..], &cells].concat());
    if distance > most {
        section
            .failures
            .push("global test: p is not uniform".into());
    }
    let failed = |level| format!("global test: size at {level}");
    section.failures.extend(outside.into_iter().map(failed));
    Ok(section)
}
