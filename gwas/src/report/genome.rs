//! What an association table gives: a line of the summary, the Manhattan and the QQ plot with their
//! tables.

use std::path::Path;

use super::ReportOptions;
use super::association::{Association, Lead};
use super::grid::{Grid, counted, digits, p_value};
use super::manhattan::manhattan;
use super::page::Figure;
use super::qq::qq;
use super::quantiles::{CHI2_MEDIAN, median};
use super::sheet::Sheet;
use super::threshold::Threshold;
use crate::error::Result;

/// Most lines of a table of loci that are shown.
const LOCI: usize = 200;

/// Columns of the summary.
pub(super) const SUMMARY: [&str; 7] = [
    "trait",
    "tested",
    "not tested",
    "λ_GC",
    "threshold",
    "loci above it",
    "best SNP",
];

/// The trait's line of the summary, and its figures.
///
/// # Errors
/// `Open`, `Read`, `Malformed`.
pub(super) fn genome(
    table: &Association,
    options: &ReportOptions,
) -> Result<([String; 7], Vec<Figure>)> {
    let tests = table.points.len();
    let untested: usize = table.untested.values().sum();
    let lambda = table
        .lambda
        .map_or_else(|| "NA".into(), |l| format!("{l:.3}"));
    let mut reasons = Grid::new("SNPs that could not be tested", &["reason", "SNPs"]);
    for (reason, n) in &table.untested {
        reasons.row([reason.clone(), n.to_string()]);
    }
    let Some(threshold) = Threshold::of(table, options.set) else {
        let none = || "none".to_owned();
        let summary = [
            table.name.clone(),
            "0".into(),
            untested.to_string(),
            lambda,
            none(),
            "0".into(),
            none(),
        ];
        let caption = format!("{} holds no SNP that was tested.", table.path.display());
        let grids = if untested > 0 {
            vec![reasons]
        } else {
            Vec::new()
        };
        return Ok((
            summary,
            vec![Figure::new("Association", caption, None, grids)],
        ));
    };
    let leads = table.leads(options.leads, options.window)?;
    let above = leads
        .iter()
        .filter(|l| l.point.log10p >= threshold.log10p)
        .count();
    let count = match above == options.leads {
        true => format!("{above} or more"),
        false => above.to_string(),
    };
    let best = leads.first().map_or_else(String::new, |lead| {
        format!("{}, p = {}", lead.cells[0], p_value(lead.point.log10p))
    });
    let summary = [
        table.name.clone(),
        tests.to_string(),
        untested.to_string(),
        lambda.clone(),
        threshold.short.clone(),
        count.clone(),
        best,
    ];
    let samples = match table.samples {
        Some((a, b)) if a == b => format!(" in {a} individuals"),
        Some((a, b)) => format!(" in {a} to {b} individuals"),
        None => String::new(),
    };
    let test = match &*table.test {
        "" => String::new(),
        test => format!(" (test {test})"),
    };
    let caption = format!(
        "{}{samples}{test}, from {}. Dashed line: {}; {}.",
        counted(tests, "SNP"),
        table.path.display(),
        threshold.long,
        match above {
            0 => "no SNP is above it".to_owned(),
            1 => "one lead SNP is above it, marked by a diamond".to_owned(),
            _ => format!("{count} lead SNPs are above it, marked by diamonds where there is room"),
        }
    );
    let mut grids = vec![lead_table(table, &leads, threshold.log10p, options.window)];
    grids.push(by_chromosome(table));
    if untested > 0 {
        grids.push(reasons);
    }
    let picture = manhattan(table, &leads, &threshold)?;
    let along = Figure {
        broad: true,
        ..Figure::new("Manhattan plot", caption, Some(picture), grids)
    };
    let (picture, grid) = qq(table)?;
    let caption = format!(
        "λ_GC = {lambda}: the median χ² (one degree of freedom) that belongs to the p-values, over \
         {CHI2_MEDIAN:.4}. Grey: where 95 % of the p-values of each rank would be if all SNPs were \
         independent and none associated; linked SNPs stray further."
    );
    let against = Figure::new("QQ plot", caption, Some(picture), vec![grid]);
    Ok((summary, vec![along, against]))
}

fn lead_table(table: &Association, leads: &[Lead], line: f64, window: u64) -> Grid {
    let head = [
        "SNP",
        "chr",
        "position",
        "other",
        "effect",
        "frequency",
        "N",
        "effect size",
        "SE",
        "−log₁₀ p",
        "p",
    ];
    let caption = format!(
        "Lead SNPs: the best within {} kb; bold above the threshold",
        window as f64 / 1000.0
    );
    let mut grid = Grid::new(caption, &head);
    for lead in leads {
        let [id, other, effect, frequency, n, beta, se] = lead.cells.clone();
        // As many digits as anybody reads; the table has all.
        let rounded = |text: String, most| match text.parse::<f64>() {
            Ok(x) => digits(x, most),
            Err(_) => text,
        };
        let cells = [
            id,
            table.chromosome(&lead.point).to_owned(),
            lead.point.position.to_string(),
            other,
            effect,
            rounded(frequency, 3),
            n,
            rounded(beta, 4),
            rounded(se, 4),
            format!("{:.3}", lead.point.log10p),
            p_value(lead.point.log10p),
        ];
        match lead.point.log10p >= line {
            true => grid.bold(cells),
            false => grid.row(cells),
        }
    }
    grid
}

/// The best SNP of each chromosome and the median, so that the picture can be checked.
fn by_chromosome(table: &Association) -> Grid {
    let head = [
        "chr",
        "SNPs tested",
        "from",
        "to",
        "median −log₁₀ p",
        "largest",
        "at",
    ];
    let mut grid = Grid::new("By chromosome", &head);
    for (c, name) in table.chromosomes.iter().enumerate() {
        let own = || table.points.iter().filter(|p| p.chromosome as usize == c);
        let Some(best) = own().rev().max_by(|a, b| a.log10p.total_cmp(&b.log10p)) else {
            continue;
        };
        let mut values: Vec<f64> = own().map(|p| p.log10p).collect();
        let ends = own().fold((u64::MAX, 0), |e, p| {
            (e.0.min(p.position), e.1.max(p.position))
        });
        let count = values.len().to_string();
        let median = median(&mut values).unwrap_or(f64::NAN);
        grid.row([
            name.clone(),
            count,
            ends.0.to_string(),
            ends.1.to_string(),
            format!("{median:.3}"),
            format!("{:.3}", best.log10p),
            best.position.to_string(),
        ]);
    }
    grid
}

/// The table of loci `path`, as it is.
///
/// # Errors
/// `Open`, `Read`, `Malformed`.
pub(super) fn loci(path: &Path) -> Result<Figure> {
    let mut sheet = Sheet::open(path)?;
    let names = sheet.names().to_vec();
    let head: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut grid = Grid::new("Loci", &head);
    let mut all = 0;
    while let Some(row) = sheet.next_row()? {
        all += 1;
        if all <= LOCI {
            grid.row((0..names.len()).map(|k| row.text(k).to_owned()));
        }
    }
    let caption = match all {
        0 => format!("{} lists none.", path.display()),
        _ if all > LOCI => format!("The first {LOCI} of {all} of {}.", path.display()),
        _ => format!("All {all} of {}.", path.display()),
    };
    Ok(Figure::new("Loci", caption, None, vec![grid]))
}
