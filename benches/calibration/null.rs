//! Traits drawn from the null model that was fitted to one of the cohort.

use epitile::error::Result;
use epitile_core::kernel::Kernel;

use crate::lab::{Lab, Model, normal, stream, traits};
use crate::sizes::{HEADS, line};
use crate::study::{Section, Study};
use crate::testing::{FORMS, fixed, log10p, mixed};

/// Chromosomes tested.
const TESTED: &str = "1,2";

/// Tests every form on unrelated individuals and on families, with a covariate.
pub(crate) fn run(study: &Study) -> Result<Section> {
    let text = format!(
        "Traits drawn from y = Xb + f + e (intercept and a covariate; kernel `linear` of all \
         chromosomes) as REML fitted it to a simulated trait; {} individuals, {} SNPs, those of \
         chromosomes {TESTED} tested with `--no-loco`. Shares of tests below a level, in brackets \
         the 99 % interval by drawing traits again: it should hold the level. λ_GC is no criterion.",
        study.samples, study.snps
    );
    let header = [&["cohort", "h² drawn", "test"][..], &HEADS].concat();
    let mut section = Section::new("Traits of the null model", text, &header);
    for (name, families) in [("unrelated", None), ("families", Some(Study::FAMILY))] {
        let lab = Lab::new(study, name, (study.samples, study.snps), families)?;
        let covariate = normal(&mut stream(study, 1, 0), lab.samples());
        let mut y = lab.additive.clone();
        y.iter_mut()
            .zip(&covariate)
            .for_each(|(y, c)| *y += 0.5 * c);
        let x = [vec![1.0; lab.samples()], covariate.clone()];
        let model = Model::fitted(&lab.kernel(Kernel::Linear, None)?, &x, &y)?;
        let drawn = traits(model.draw(study, 2, study.traits));
        let fixed = fixed(lab.samples(), &[covariate])?;
        for form in FORMS {
            let found = log10p(&lab, TESTED, &drawn, &fixed, &mixed(form, false))?;
            let (cells, outside) = line(study, &found);
            let names = [name.into(), format!("{:.2}", model.share), form.to_string()];
            section.rows.push([&names[..], &cells].concat());
            let failed = |level| format!("null model, {name}, {form}: size at {level}");
            section.failures.extend(outside.into_iter().map(failed));
        }
    }
    Ok(section)
}
