//! Permuted traits: exchangeable only among unrelated individuals without covariates.

use epitile::assoc::effect::Form;
use epitile::error::Result;
use rand::seq::SliceRandom;

use crate::lab::{Lab, stream, traits};
use crate::sizes::{HEADS, line};
use crate::study::{Section, Study};
use crate::testing::{FORMS, fixed, log10p, mixed, ordinary};

/// Chromosomes tested.
const TESTED: &str = "1,2";

/// Tests permutations of one trait with every form and by least squares.
pub(crate) fn run(study: &Study) -> Result<Section> {
    let text = format!(
        "One trait of {} unrelated individuals, half of its variance additive, permuted; no \
         covariates. With `--no-loco` a SNP is in its own kernel, whose variance is estimated above \
         zero though it is zero: conservative, told and not judged.",
        study.samples
    );
    let header = [&["test"][..], &HEADS].concat();
    let mut section = Section::new("Permuted traits", text, &header);
    let lab = Lab::new(study, "unrelated", (study.samples, study.snps), None)?;
    let permuted = |t: usize| {
        let mut y = lab.additive.clone();
        y.shuffle(&mut stream(study, 4, t));
        y
    };
    let drawn = traits((0..study.traits).map(permuted).collect());
    let fixed = fixed(lab.samples(), &[])?;
    let mut tests: Vec<_> = FORMS.map(|f| (f.to_string(), mixed(f, true), true)).into();
    let own = format!("{}, `--no-loco`", Form::Score);
    tests.push((own, mixed(Form::Score, false), false));
    tests.push(("least squares (`--kernel none`)".into(), ordinary(), true));
    for (test, options, judged) in tests {
        let found = log10p(&lab, TESTED, &drawn, &fixed, &options)?;
        let (cells, outside) = line(study, &found);
        section.rows.push([&[test.clone()][..], &cells].concat());
        if judged {
            let failed = |level| format!("permuted, {test}: size at {level}");
            section.failures.extend(outside.into_iter().map(failed));
        }
    }
    Ok(section)
}
