//! Sections on how things were computed: formats of tiles, certificates, runs.

use super::grid::Grid;
use super::page::{Figure, Section};
use super::record::Record;
use super::tiles::Tiles;
use crate::error::Result;

/// Formats of tiles, certificates, and the runs themselves.
///
/// # Errors
/// `Malformed` for a plan that is none; if a picture cannot be drawn.
pub(super) fn runs(records: &[Record]) -> Result<[Section; 3]> {
    let [mut formats, mut accuracy, mut times] = [
        (
            "Precision of the factor",
            "The number formats in which tiles of the factor are stored. Refinement makes the \
             solutions accurate whatever they are.",
        ),
        (
            "Certificates",
            "Backward errors of the solutions, and bounds on the errors of weights and predictions \
             that follow from them.",
        ),
        ("Runs", ""),
    ]
    .map(|(title, text)| Section {
        title: title.into(),
        text: if text.is_empty() {
            Vec::new()
        } else {
            vec![text.into()]
        },
        figures: Vec::new(),
    });
    for record in records {
        let name = record.name();
        let plans = record.plans();
        for (k, plan) in plans.iter().enumerate() {
            let label = if plans.len() == 1 {
                name.clone()
            } else {
                format!("{name}-{}", k + 1)
            };
            let (picture, grid) = Tiles::of(plan, &record.path)?.figure(&label)?;
            let norms = match plan.norms.is_empty() {
                true => " The policy of this run does not look at norms.",
                false => " Above the diagonal: Frobenius norms of the same tiles, pale to dark.",
            };
            let caption = format!(
                "{} individuals, tiles of {} rows, λ = {}, {} columns taken out before, for {}. \
                 Below the diagonal: formats (D f64, S f32, H f16, B bf16, 8 eight bits).{norms}",
                plan.individuals,
                plan.edge,
                plan.lambda,
                plan.rank,
                plan.traits.join(", ")
            );
            let own = Figure::new(
                format!("Tile map: {label}"),
                caption,
                Some(picture),
                vec![grid],
            );
            formats.figures.push(own);
        }
        let grids = record.certificates();
        if !grids.is_empty() {
            accuracy.figures.push(Figure::new(
                format!("Certificate: {name}"),
                String::new(),
                None,
                grids,
            ));
        }
        let (picture, grid) = record.times()?;
        let mut grids = vec![grid, record.facts()];
        if !record.warnings.is_empty() {
            let mut grid = Grid::new("Warnings", &["warning"]);
            record.warnings.iter().for_each(|w| grid.row([w.clone()]));
            grids.push(grid);
        }
        let own = Figure::new(
            format!("Run {name}"),
            "Wall time of each phase.",
            picture,
            grids,
        );
        times.figures.push(own);
    }
    Ok([formats, accuracy, times])
}
