//! Traits with causal SNPs on other chromosomes than those that are tested.

use epitile::assoc::oof::OutOfFold;
use epitile::error::Result;
use epitile::folds::Folds;
use rand::RngExt;

use crate::lab::{Lab, normal, stream, traits};
use crate::sizes::{HEADS, line};
use crate::study::{Section, Study};
use crate::testing::{FORMS, fixed, log10p, mixed, out_of_fold};

/// Share of variance that they explain.
const SHARE: f64 = 0.5;

/// The chromosome that is tested.
const TESTED: &str = "1";

/// A trait with its own causal SNPs, none of them among the first `spared`. Effects are per allele, as
/// the `linear` kernel has them: beside a kernel that weights SNPs otherwise than the trait, families
/// reject too often.
pub(crate) fn polygenic(lab: &Lab, study: &Study, t: usize, spared: usize) -> Vec<f64> {
    let mut rng = stream(study, 3, t);
    let effects = normal(&mut rng, study.causal);
    let mut genetic = vec![0.0; lab.samples()];
    for effect in effects {
        let m = rng.random_range(spared..lab.cohort.snps.len());
        let x = lab.centred(m);
        genetic
            .iter_mut()
            .zip(x)
            .for_each(|(g, x)| *g += effect * x);
    }
    let n = lab.samples() as f64;
    let variance = genetic.iter().map(|g| g * g).sum::<f64>() / n;
    let scale = (SHARE / variance).sqrt();
    let noise = normal(&mut rng, lab.samples());
    let value = |(g, e): (f64, f64)| scale * g + (1.0 - SHARE).sqrt() * e;
    genetic.into_iter().zip(noise).map(value).collect()
}

/// Tests every form with the chromosome left out of the kernel.
pub(crate) fn run(study: &Study) -> Result<Section> {
    let text = format!(
        "{} causal SNPs a trait, drawn anew for each, on chromosomes 2 to {}; normal effects per \
         allele, as the kernel has them, explain {SHARE} of its variance. Tested are the SNPs of \
         chromosome {TESTED} (`--loco`). `oof` is no test of related individuals: what is left of a trait is still alike in relatives, \
         and its line for families is told, not judged.",
        study.causal,
        Study::CHROMOSOMES
    );
    let header = [&["cohort", "test"][..], &HEADS].concat();
    let mut section = Section::new("Causal SNPs on other chromosomes", text, &header);
    for (name, families) in [("unrelated", None), ("families", Some(Study::FAMILY))] {
        let lab = Lab::new(study, name, (study.samples, study.snps), families)?;
        let snps = &lab.cohort.snps;
        let spared = snps.iter().filter(|s| s.chromosome == TESTED).count();
        let drawn = (0..study.traits).map(|t| polygenic(&lab, study, t, spared));
        let drawn = traits(drawn.collect());
        let fixed = fixed(lab.samples(), &[])?;
        let folds = match families {
            None => Folds::random(lab.samples(), 10, study.seed)?,
            Some(_) => Folds::families(&lab.cohort.samples, 10, study.seed)?,
        };
        let two_steps = out_of_fold(OutOfFold { lambda: 1.0, folds });
        let mut tests: Vec<_> = FORMS.map(|f| (f.to_string(), mixed(f, true))).into();
        tests.push(("oof".into(), two_steps));
        for (test, options) in tests {
            let found = log10p(&lab, TESTED, &drawn, &fixed, &options)?;
            let (cells, outside) = line(study, &found);
            section
                .rows
                .push([&[name.into(), test.clone()][..], &cells].concat());
            if test != "oof" || families.is_none() {
                let failed = |level| format!("other chromosomes, {name}, {test}: size at {level}");
                section.failures.extend(outside.into_iter().map(failed));
            }
        }
    }
    Ok(section)
}
