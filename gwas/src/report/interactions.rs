//! Tables of SNP pairs (`.pairs.tsv`): those with the smallest adjusted p.

use std::path::Path;

use super::grid::{Grid, digits, p_value};
use super::page::Figure;
use super::sheet::Sheet;
use crate::error::Result;

/// Names of the columns by which such a table is known.
pub(super) const COLUMNS: [&str; 4] = ["ID1", "ID2", "SCORE", "LOG10P_ADJ"];

/// The `most` pairs of the table `path` with the smallest p, in that order; ties in the order of
/// the table.
///
/// # Errors
/// `Open`, `Read`, `Malformed`.
pub(super) fn interactions(path: &Path, most: usize) -> Result<Figure> {
    let mut sheet = Sheet::open(path)?;
    let names = ["ID1", "CHROM1", "GENPOS1", "ID2", "CHROM2", "GENPOS2"];
    let names = names.map(|name| sheet.need(&[name]));
    let names = names.into_iter().collect::<Result<Vec<usize>>>()?;
    let numbers = ["SCORE", "BETA", "SE", "LOG10P", "LOG10P_ADJ"].map(|name| sheet.need(&[name]));
    let numbers = numbers.into_iter().collect::<Result<Vec<usize>>>()?;
    let (mut rows, mut all) = (Vec::new(), 0);
    while let Some(row) = sheet.next_row()? {
        all += 1;
        let values = numbers.iter().map(|&k| row.number(k));
        let values: Vec<Option<f64>> = values.collect::<Result<_>>()?;
        if let Some(p) = values[3] {
            let text: Vec<String> = names.iter().map(|&k| row.text(k).to_owned()).collect();
            rows.push((p, text, values));
        }
    }
    // Stable: ties stay.
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let tested = rows.len();
    let head = [
        "SNP 1",
        "chr",
        "position",
        "SNP 2",
        "chr",
        "position",
        "score",
        "effect size",
        "SE",
        "p",
        "adjusted p",
    ];
    let mut grid = Grid::new("Pairs of SNPs; bold: adjusted p at most 0.05", &head);
    for (_, mut cells, values) in rows.into_iter().take(most) {
        let known = |k: usize| values[k].unwrap_or(f64::NAN);
        cells.extend((0..3).map(|k| digits(known(k), 4)));
        cells.extend((3..5).map(|k| p_value(known(k))));
        match known(4) >= -0.05_f64.log10() {
            true => grid.bold(cells),
            false => grid.row(cells),
        }
    }
    let caption = format!(
        "{all} nominated pairs, {tested} tested, of {}; at most {most} are shown. The adjusted p is \
         for all tests that count.",
        path.display()
    );
    Ok(Figure::new("Interactions", caption, None, vec![grid]))
}
