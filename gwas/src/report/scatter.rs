//! Observed against predicted values.

use plotters::prelude::*;

use super::axis::Axis;
use super::grid::{Grid, digits};
use super::pairs::{Pair, Pairs};
use super::picture::{self, FINE, PLAIN, Picture, Shape, both};
use super::thin::thin;
use crate::bench::chart::{COLOURS, GREY};
use crate::error::Result;

/// Groups of individuals by their prediction.
const GROUPS: usize = 10;

/// Two-sided 5 % of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Most individuals whose intervals are drawn one by one.
const SINGLE: usize = 60;

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

/// Whether the observed value is within the 95 % interval.
fn inside(p: &Pair) -> bool {
    (p.observed - p.predicted).abs() <= Z * p.error
}

/// A group: mean prediction, mean observation, standard error of that.
struct Group<'a> {
    all: &'a [Pair],
    predicted: f64,
    observed: f64,
    error: f64,
}

fn groups(sorted: &[Pair]) -> Vec<Group<'_>> {
    let count = GROUPS.min(sorted.len() / 2).max(1);
    let part = |g: usize| &sorted[g * sorted.len() / count..(g + 1) * sorted.len() / count];
    let group = |g: usize| {
        let all = part(g);
        let observed = mean(all.iter().map(|p| p.observed));
        let squares = all.iter().map(|p| (p.observed - observed).powi(2));
        let n = all.len() as f64;
        Group {
            all,
            predicted: mean(all.iter().map(|p| p.predicted)),
            observed,
            error: (squares.sum::<f64>() / (n - 1.0) / n).sqrt(),
        }
    };
    (0..count).map(group).collect()
}

/// The picture and its numbers.
///
/// # Errors
/// If it cannot be drawn.
///
/// # Panics
/// Without individuals.
pub(super) fn scatter(pairs: &Pairs) -> Result<(Picture, Vec<Grid>)> {
    let mut sorted = pairs.all.clone();
    sorted.sort_by(|a, b| a.predicted.total_cmp(&b.predicted));
    let groups = groups(&sorted);
    let n = sorted.len();
    let (mp, mo) = (
        mean(sorted.iter().map(|p| p.predicted)),
        mean(sorted.iter().map(|p| p.observed)),
    );
    let sum = |f: &dyn Fn(&Pair) -> f64| sorted.iter().map(f).sum::<f64>();
    let spp = sum(&|p| (p.predicted - mp).powi(2));
    let soo = sum(&|p| (p.observed - mo).powi(2));
    let spo = sum(&|p| (p.predicted - mp) * (p.observed - mo));
    let error = (sum(&|p| (p.observed - p.predicted).powi(2)) / n as f64).sqrt();
    let (r, slope) = (spo / (spp * soo).sqrt(), spo / spp);
    let covered = sorted.iter().filter(|p| inside(p)).count() as f64 / n as f64;
    let text = format!(
        "Observed against predicted values of {n} individuals, {}: correlation {}, slope {}, root \
         mean squared error {}; {:.1} % are within their 95 % interval.",
        pairs.how,
        digits(r, 3),
        digits(slope, 3),
        digits(error, 3),
        100.0 * covered
    );
    let names = [
        format!("{}.{}.predicted", pairs.name, pairs.how),
        format!("Observed and predicted {}, {}", pairs.name, pairs.how),
        text,
    ];
    let wide = |a: (f64, f64), v: f64| (a.0.min(v), a.1.max(v));
    let none = (f64::MAX, f64::MIN);
    let (left, right) = sorted.iter().fold(none, |a, p| wide(a, p.predicted));
    let (low, high) = sorted.iter().fold(none, |a, p| wide(a, p.observed));
    let [low, high] = [low.min(left), high.max(right)];
    let (px, py) = (0.03 * (right - left), 0.03 * (high - low));
    let picture = both(names, PLAIN, |area, _| {
        let x = Axis::linear("predicted", left - px..right + px);
        let y = Axis::linear("observed", low - py..high + py);
        let mut chart = picture::plane(area, x.clone(), y.clone())?;
        let limits = |p: &Pair| (p.predicted - Z * p.error, p.predicted + Z * p.error);
        let clip = |v: f64| v.clamp(low - py, high + py);
        let pale = RGBColor(222, 226, 230);
        if n <= SINGLE {
            for p in &sorted {
                let (from, to) = limits(p);
                let ends = [(p.predicted, clip(from)), (p.predicted, clip(to))];
                chart.draw_series([PathElement::new(ends, pale.stroke_width(FINE as u32 * 3))])?;
            }
        } else {
            let at = |g: &Group<'_>| {
                let error = mean(g.all.iter().map(|p| p.error));
                (
                    g.predicted,
                    clip(g.predicted - Z * error),
                    clip(g.predicted + Z * error),
                )
            };
            let ends = [groups.first(), groups.last()]
                .map(|g| g.map_or(0.0, |g| mean(g.all.iter().map(|p| p.error))));
            let mut band = vec![(left, clip(left - Z * ends[0]), clip(left + Z * ends[0]))];
            band.extend(groups.iter().map(at));
            band.push((right, clip(right - Z * ends[1]), clip(right + Z * ends[1])));
            let mut outline: Vec<(f64, f64)> = band.iter().map(|b| (b.0, b.1)).collect();
            outline.extend(band.iter().rev().map(|b| (b.0, b.2)));
            chart.draw_series([Polygon::new(outline, pale.filled())])?;
        }
        let (from, to) = ((left - px).max(low - py), (right + px).min(high + py));
        let line = [(from, from), (to, to)];
        chart.draw_series([PathElement::new(
            line,
            GREY.stroke_width(FINE as u32 * 3 / 2),
        )])?;
        let plane = chart.plotting_area().strip_coord_spec();
        let (w, h) = plane.dim_in_pixel();
        let (w, h) = (f64::from(w), f64::from(h));
        let unit = f64::from(FINE);
        let at = |x: f64, y: f64| (x.round() as i32, (h - y).round() as i32);
        let spot = |p: &Pair| {
            (
                x.place(p.predicted) * w / unit,
                y.place(p.observed) * h / unit,
            )
        };
        for (within, colour) in [(true, COLOURS[0]), (false, COLOURS[4])] {
            let own = sorted.iter().filter(|p| inside(p) == within);
            for mark in thin(own.map(spot)) {
                let to = at(mark.x * unit, mark.high * unit);
                if mark.low < mark.high {
                    let ends = [at(mark.x * unit, mark.low * unit), to];
                    plane.draw(&PathElement::new(
                        ends,
                        colour.stroke_width(4 * FINE as u32),
                    ))?;
                } else if within {
                    plane.draw(&Circle::new(to, FINE * 2, colour.mix(0.8).filled()))?;
                } else {
                    Shape::Triangle.draw(&plane, to, FINE * 2, colour)?;
                }
            }
        }
        for g in &groups {
            let place = |v: f64| at(x.place(g.predicted) * w, y.place(v) * h);
            if g.error.is_finite() {
                let ends = [
                    place(g.observed - Z * g.error),
                    place(g.observed + Z * g.error),
                ];
                plane.draw(&PathElement::new(
                    ends,
                    picture::INK.stroke_width(FINE as u32 * 2),
                ))?;
            }
            Shape::Diamond.draw(&plane, place(g.observed), FINE * 5, picture::INK)?;
            Shape::Diamond.draw(&plane, place(g.observed), FINE * 3, COLOURS[1])?;
        }
        Ok(())
    })?;
    let head = ["individuals", "r", "slope", "RMSE", "within 95 % interval"];
    let mut whole = Grid::new("All individuals", &head);
    let percent = |x: f64| format!("{:.1} %", 100.0 * x);
    whole.row([
        n.to_string(),
        digits(r, 4),
        digits(slope, 3),
        digits(error, 4),
        percent(covered),
    ]);
    let head = ["group", "n", "predicted", "observed", "SE", "within 95 %"];
    let mut parts = Grid::new("Groups by prediction (means)", &head);
    for (k, g) in groups.iter().enumerate() {
        let within = g.all.iter().filter(|p| inside(p)).count() as f64;
        parts.row([
            (k + 1).to_string(),
            g.all.len().to_string(),
            digits(g.predicted, 4),
            digits(g.observed, 4),
            digits(g.error, 2),
            percent(within / g.all.len() as f64),
        ]);
    }
    Ok((picture, vec![whole, parts]))
}
