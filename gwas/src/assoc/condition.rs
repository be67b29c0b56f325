//! SNPs whose effects are taken out first: they are covariates.

use crate::cohort::Choice;
use crate::error::{Error, Result};
use crate::io::text::{first_few, quoted};
use crate::training::FixedEffects;

/// `fixed` with the dosages of the SNPs `ids` of the file, filtered or not, for the individuals of
/// `tested`; a missing call is NaN: see [`FixedEffects::with`].
///
/// # Errors
/// `Inconsistent` for an ID that no SNP or more than one has; those of the file.
pub fn condition(
    mut fixed: FixedEffects,
    ids: &[String],
    tested: &mut Choice,
) -> Result<FixedEffects> {
    let bim = &tested.files.snps;
    let mut places = Vec::with_capacity(ids.len());
    for id in ids {
        let mut hits = (0..).zip(bim).filter(|(_, snp)| snp.id == *id);
        let place = match (hits.next(), hits.count()) {
            (Some((place, _)), 0) => place,
            (found, more) => {
                let what = match found {
                    None => "found no SNP".to_owned(),
                    Some(_) => format!("found {} SNPs", more + 1),
                };
                return Err(Error::inconsistent(format!(
                    "--condition: {what} of ID {} in the .bim, expected one; IDs must agree \
                     letter by letter",
                    quoted(id)
                )));
            }
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let names: Vec<String> = places
        .iter()
        .map(|&p: &u32| bim[p as usize].id.clone())
        .collect();
    let mut columns = vec![Vec::new(); places.len()];
    let samples = &tested.samples;
    tested.bed.visit(&places, |k, calls| {
        let dosage = |&i: &u32| calls.call(i as usize).map_or(f64::NAN, f64::from);
        columns[k] = samples.iter().map(dosage).collect();
        Ok(())
    })?;
    let empty = |(name, column): (&String, &Vec<f64>)| {
        column
            .iter()
            .all(|v: &f64| v.is_nan())
            .then(|| name.clone())
    };
    let empty: Vec<String> = names.iter().zip(&columns).filter_map(empty).collect();
    if !empty.is_empty() {
        return Err(Error::inconsistent(format!(
            "--condition: {} has no call in any individual; leave it out",
            first_few(&empty)
        )));
    }
    for (name, column) in names.into_iter().zip(columns) {
        fixed = fixed.with(name, column);
    }
    Ok(fixed)
}
