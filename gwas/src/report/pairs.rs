//! Observed values beside predicted ones, with intervals.

use std::collections::HashMap;
use std::path::Path;

use super::sheet::Sheet;
use crate::error::{Error, Result};
use crate::io::number;
use crate::io::table::{Layout, Table};

/// An individual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    /// Predicted value.
    pub(super) predicted: f64,
    /// Observed value.
    pub(super) observed: f64,
    /// Standard error of a new observation.
    pub(super) error: f64,
}

/// All individuals of one trait and one way to predict it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pairs {
    /// The trait.
    pub(super) name: String,
    /// How it was predicted, such as the kernel.
    pub(super) how: String,
    /// Where the standard errors come from.
    pub(super) intervals: &'static str,
    /// The individuals.
    pub(super) all: Vec<Pair>,
}

/// Reads a `.cv_predictions.tsv`. The standard error is the root mean square of the held-out
/// errors, the same for everybody.
///
/// # Errors
/// `Open`, `Read`, `Malformed`.
pub(super) fn held_out(path: &Path) -> Result<Vec<Pairs>> {
    let mut sheet = Sheet::open(path)?;
    let [name, kernel, observed, predicted] =
        ["PHENO", "KERNEL", "OBSERVED", "PREDICTED"].map(|c| sheet.need(&[c]));
    let (name, kernel, observed, predicted) = (name?, kernel?, observed?, predicted?);
    let mut all: Vec<Pairs> = Vec::new();
    while let Some(row) = sheet.next_row()? {
        let (Some(observed), Some(predicted)) = (row.number(observed)?, row.number(predicted)?)
        else {
            continue;
        };
        let pair = Pair {
            predicted,
            observed,
            error: f64::NAN,
        };
        let (name, how) = (row.text(name), row.text(kernel));
        match all.iter_mut().find(|p| p.name == name && p.how == how) {
            Some(pairs) => pairs.all.push(pair),
            None => all.push(Pairs {
                name: name.to_owned(),
                how: how.to_owned(),
                intervals: "the held-out errors' root mean square",
                all: vec![pair],
            }),
        }
    }
    for pairs in &mut all {
        let squares = pairs.all.iter().map(|p| (p.observed - p.predicted).powi(2));
        let error = (squares.sum::<f64>() / pairs.all.len() as f64).sqrt();
        pairs.all.iter_mut().for_each(|p| p.error = error);
    }
    Ok(all)
}

/// Reads an `.sscore` of predict with `--interval` and joins it with the phenotypes of `observed`.
///
/// # Errors
/// `Open`, `Read`, `Malformed`; `Inconsistent` if no individual is in both.
pub(super) fn predicted(path: &Path, observed: &Path) -> Result<Vec<Pairs>> {
    let traits = Table::read(observed, Layout::Header)?;
    let key = |fid: &str, iid: &str| match traits.by_iid {
        true => iid.to_owned(),
        false => format!("{fid} {iid}"),
    };
    let known: HashMap<String, usize> = traits
        .rows
        .iter()
        .enumerate()
        .map(|(k, row)| (key(&row.fid, &row.iid), k))
        .collect();
    let mut sheet = Sheet::open(path)?;
    let (fid, iid) = (sheet.need(&["FID"])?, sheet.need(&["IID"])?);
    let mut all: Vec<(Pairs, [usize; 3])> = Vec::new();
    for (column, name) in traits.columns.iter().enumerate() {
        let of = |end: &str| sheet.find(&[&format!("{name}_{end}")]);
        if let (Some(value), Some(error)) = (of("PRED"), of("SE_NEW")) {
            let pairs = Pairs {
                name: name.clone(),
                how: "new individuals".into(),
                intervals: "the model's standard errors of a new observation",
                all: Vec::new(),
            };
            all.push((pairs, [column, value, error]));
        }
    }
    let mut common = 0;
    while let Some(row) = sheet.next_row()? {
        let Some(&at) = known.get(&key(row.text(fid), row.text(iid))) else {
            continue;
        };
        common += 1;
        let of = &traits.rows[at];
        let cells = of.cells();
        for (pairs, [column, value, error]) in &mut all {
            let observed = number::parse(cells[*column]).map_err(|_| {
                let found = crate::io::text::quoted(cells[*column]);
                Error::malformed(observed, of.line, found, "a number or NA", "")
            })?;
            let (value, error) = (row.number(*value)?, row.number(*error)?);
            if let (Some(observed), Some(predicted), Some(error)) = (observed.value(), value, error)
            {
                pairs.all.push(Pair {
                    predicted,
                    observed,
                    error,
                });
            }
        }
    }
    if common == 0 {
        return Err(Error::inconsistent(format!(
            "no individual of {} is in {}: IDs must be written in the same way",
            path.display(),
            observed.display()
        )));
    }
    let used = all.into_iter().map(|(pairs, _)| pairs);
    Ok(used.filter(|p| !p.all.is_empty()).collect())
}
