//! Variance components.

use std::path::Path;

use super::bars::{Bar, bars};
use super::grid::{Grid, digits};
use super::picture::Picture;
use super::sheet::Sheet;
use crate::error::Result;

/// The picture of the components' proportions and their table. `name` is the run's.
///
/// # Errors
/// `Open`, `Read`, `Malformed`.
pub(super) fn variance(name: &str, path: &Path) -> Result<(Option<Picture>, Grid)> {
    let mut sheet = Sheet::open(path)?;
    let source = sheet.need(&["SOURCE"])?;
    let of = sheet.find(&["PHENO", "TRAIT"]);
    let columns = ["VARIANCE", "SE", "PROPORTION", "SE_PROPORTION"].map(|c| sheet.need(&[c]));
    let [variance, error, share, share_error] = columns;
    let columns = [variance?, error?, share?, share_error?];
    let mut grid = Grid::new(
        "Variance components",
        &["source", "variance", "SE", "proportion", "SE of proportion"],
    );
    let mut all = Vec::new();
    while let Some(row) = sheet.next_row()? {
        let what = match of {
            Some(of) => format!("{}: {}", row.text(of), row.text(source)),
            None => row.text(source).to_owned(),
        };
        let mut values = [None; 4];
        for (value, &k) in values.iter_mut().zip(&columns) {
            *value = row.number(k)?;
        }
        let text = |x: Option<f64>| x.map_or_else(|| "NA".into(), |x| digits(x, 4));
        grid.row([vec![what.clone()], values.map(text).to_vec()].concat());
        if let (Some(value), false) = (values[2], row.text(source).eq_ignore_ascii_case("total")) {
            all.push(Bar {
                text: match values[3] {
                    Some(e) => format!("{value:.3} ± {e:.3}"),
                    None => format!("{value:.3}"),
                },
                name: what,
                value,
                error: values[3],
            });
        }
    }
    if all.is_empty() {
        return Ok((None, grid));
    }
    let parts: Vec<String> = all
        .iter()
        .map(|b| format!("{} {}", b.name, b.text))
        .collect();
    let names = [
        format!("{name}.variance"),
        format!("Variance components of {name}"),
        format!(
            "Proportion of the variance, with standard errors: {}.",
            parts.join("; ")
        ),
    ];
    let picture = bars(names, "proportion of the variance ± SE", &all)?;
    Ok((Some(picture), grid))
}
