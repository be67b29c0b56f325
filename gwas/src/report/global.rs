//! Tables of global tests for epistasis (`.global.tsv`).

use std::path::Path;

use super::grid::{Grid, digits, p_value};
use super::page::Figure;
use super::sheet::Sheet;
use crate::error::Result;

/// Names of the columns by which such a table is known.
pub(super) const COLUMNS: [&str; 5] = ["KERNEL", "NULL", "Q", "SD", "LOG10P"];

/// All tests of the table `path`, in its order.
///
/// # Errors
/// `Open`, `Read`, `Malformed`.
pub(super) fn global(path: &Path) -> Result<Figure> {
    let mut sheet = Sheet::open(path)?;
    let texts = ["KERNEL", "NULL", "N", "METHOD", "EXTRA"].map(|name| sheet.need(&[name]));
    let texts = texts.into_iter().collect::<Result<Vec<usize>>>()?;
    let numbers = ["Q", "SD", "LOG10P"].map(|name| sheet.need(&[name]));
    let numbers = numbers.into_iter().collect::<Result<Vec<usize>>>()?;
    let head = [
        "tested kernel",
        "beside",
        "individuals",
        "Q",
        "SD without it",
        "p",
        "method",
    ];
    let mut grid = Grid::new("Is there variance beside the null model's?", &head);
    while let Some(row) = sheet.next_row()? {
        let values = numbers.iter().map(|&k| row.number(k));
        let values: Vec<Option<f64>> = values.collect::<Result<_>>()?;
        let known = |k: usize| values[k].unwrap_or(f64::NAN);
        let text = |k: usize| row.text(texts[k]).to_owned();
        // Why there is no test stands where its method would.
        let method = text(if values[2].is_some() { 3 } else { 4 });
        let p = values[2].map_or_else(|| "NA".into(), p_value);
        let ends = [digits(known(0), 4), digits(known(1), 4), p, method];
        grid.row([text(0), text(1), text(2)].into_iter().chain(ends));
    }
    let caption = format!(
        "Score tests of kernels beside those of the null model, from {}.",
        path.display()
    );
    let title = "Tests for epistasis";
    Ok(Figure::new(title, caption, None, vec![grid]))
}
