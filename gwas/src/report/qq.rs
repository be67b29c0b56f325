//! Observed against expected p-values.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::association::Association;
use super::axis::Axis;
use super::grid::Grid;
use super::picture::{self, FINE, LABEL, PLAIN, Picture, both, placed};
use super::quantiles::ordered;
use super::thin::thin;
use crate::bench::chart::{COLOURS, GREY};
use crate::error::Result;

/// Fractions of the SNPs in the table of quantiles.
const FRACTIONS: [f64; 7] = [0.9, 0.5, 0.1, 0.01, 1e-3, 1e-4, 1e-5];

/// −log10 p that is expected for the `i`-th smallest (from 1) of `n`.
fn expected(i: usize, n: usize) -> f64 {
    -((i as f64 - 0.5) / n as f64).log10()
}

/// The picture and its numbers.
///
/// # Errors
/// If it cannot be drawn.
pub(super) fn qq(table: &Association) -> Result<(Picture, Grid)> {
    let mut observed: Vec<f64> = table.points.iter().map(|p| p.log10p).collect();
    observed.sort_unstable_by(|a, b| b.total_cmp(a));
    let n = observed.len();
    // Ranks at which the band is computed, close together where it is wide.
    let mut ranks: Vec<usize> = (0..=80)
        .map(|k| (n as f64).powf(f64::from(k) / 80.0).round() as usize)
        .collect();
    ranks.dedup();
    let band: Vec<(f64, f64, f64)> = ranks
        .iter()
        .map(|&i| {
            let of = |q| ordered(i as f64, n as f64, q);
            (expected(i, n), of(0.975), of(0.025))
        })
        .collect();
    let top = observed.first().copied().unwrap_or(0.0);
    let right = expected(1, n);
    let reach = band.iter().map(|b| b.2).fold(top, f64::max);
    let lambda = table
        .lambda
        .map_or_else(String::new, |l| format!("λ_GC = {l:.3}"));
    let text = format!(
        "Observed against expected −log₁₀ p of {n} SNPs. {lambda}. The largest observed is {top:.2} \
         where {right:.2} is expected. The table beside it has quantiles."
    );
    let names = [
        format!("{}.qq", table.name),
        format!("QQ plot of {}", table.name),
        text,
    ];
    let drawn = both(names, PLAIN, |area, _| {
        let x = Axis::linear("expected −log₁₀ p", 0.0..right * 1.03);
        let y = Axis::log10p("observed −log₁₀ p", reach);
        let mut chart = picture::plane(area, x.clone(), y.clone())?;
        let mut outline: Vec<(f64, f64)> = band.iter().map(|b| (b.0, b.1)).collect();
        outline.extend(band.iter().rev().map(|b| (b.0, b.2)));
        chart.draw_series([Polygon::new(outline, RGBColor(222, 226, 230).filled())])?;
        // A curve where the axis bends.
        let steps = (0..=40).map(|k| f64::from(k) / 40.0 * right);
        let diagonal = steps.map(|v| (v, v));
        chart.draw_series(LineSeries::new(
            diagonal,
            GREY.stroke_width(FINE as u32 * 3 / 2),
        ))?;
        let plane = chart.plotting_area().strip_coord_spec();
        let (w, h) = plane.dim_in_pixel();
        let (w, h) = (f64::from(w), f64::from(h));
        let unit = f64::from(FINE);
        let place = |(i, v): (usize, &f64)| {
            (
                x.place(expected(i + 1, n)) * w / unit,
                y.place(*v) * h / unit,
            )
        };
        for mark in thin(observed.iter().enumerate().map(place)) {
            for v in [mark.low, mark.high] {
                let at = (
                    (mark.x * unit).round() as i32,
                    (h - v * unit).round() as i32,
                );
                plane.draw(&Circle::new(at, FINE * 2, COLOURS[0].filled()))?;
                if mark.low == mark.high {
                    break;
                }
            }
        }
        let style = placed(LABEL + 1, HPos::Left, VPos::Top);
        plane.draw(&Text::new(lambda.clone(), (10 * FINE, 6 * FINE), style))?;
        Ok(())
    })?;
    let mut grid = Grid::new(
        "Quantiles of −log₁₀ p",
        &["fraction", "rank", "expected", "observed", "95 % range"],
    );
    let mut row = |fraction: String, i: usize| {
        let of = |q| ordered(i as f64, n as f64, q);
        grid.row([
            fraction,
            i.to_string(),
            format!("{:.3}", expected(i, n)),
            format!("{:.3}", observed[i - 1]),
            format!("{:.3} … {:.3}", of(0.975), of(0.025)),
        ]);
    };
    for fraction in FRACTIONS {
        let i = (fraction * n as f64).round() as usize;
        if i > 1 {
            row(format!("{}", fraction), i);
        }
    }
    if n > 0 {
        row("smallest p".into(), 1);
    }
    Ok((drawn, grid))
}
