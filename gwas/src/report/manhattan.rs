//! −log10 p along the genome.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::association::{Association, Lead};
use super::axis::Axis;
use super::picture::{
    self, Area, BROAD, Drawn, FINE, INK, LABEL, Picture, Shape, both, placed, width,
};
use super::thin::thin;
use super::threshold::Threshold;
use crate::bench::chart::COLOURS;
use crate::error::Result;

/// Colours of odd and even chromosomes, dark enough for print.
const PAIR: [RGBColor; 2] = [COLOURS[0], RGBColor(95, 99, 104)];

/// Lead SNPs whose names are written.
const NAMED: usize = 8;

/// Where each SNP is drawn across the picture.
struct Genome {
    /// Start and width of each chromosome, in parts of the whole.
    parts: Vec<(f64, f64)>,
    /// Least position and span of each chromosome; `None` if all its SNPs have one position and
    /// are drawn in the order of the table.
    spans: Vec<Option<(u64, u64)>>,
    counts: Vec<usize>,
}

impl Genome {
    fn of(table: &Association) -> Genome {
        let k = table.chromosomes.len();
        let (mut ends, mut counts) = (vec![(u64::MAX, 0); k], vec![0; k]);
        for p in &table.points {
            let c = p.chromosome as usize;
            ends[c] = (ends[c].0.min(p.position), ends[c].1.max(p.position));
            counts[c] += 1;
        }
        let span = |c: usize| ends[c].1.saturating_sub(ends[c].0);
        let whole: f64 = (0..k).map(|c| span(c) as f64).sum();
        // Short ones stay visible; chromosomes without SNPs take no room.
        let weight = |c: usize| match counts[c] {
            0 => 0.0,
            _ if whole == 0.0 => 1.0,
            _ => (span(c) as f64).max(0.008 * whole),
        };
        let total: f64 = (0..k).map(weight).sum();
        let used = counts.iter().filter(|n| **n > 0).count().max(1);
        let gap = if used > 1 { 0.05 / used as f64 } else { 0.0 };
        let mut at = 0.0;
        let parts = (0..k).map(|c| {
            let part = (
                at,
                weight(c) / total.max(f64::MIN_POSITIVE) * (1.0 - gap * (used - 1) as f64),
            );
            at += part.1 + if counts[c] > 0 { gap } else { 0.0 };
            part
        });
        Genome {
            parts: parts.collect(),
            spans: (0..k)
                .map(|c| (span(c) > 0).then(|| (ends[c].0, span(c))))
                .collect(),
            counts,
        }
    }

    /// Place of the `nth` SNP of chromosome `c`, between 0 and 1.
    fn place(&self, c: usize, position: u64, nth: usize) -> f64 {
        let (start, width) = self.parts[c];
        let within = match self.spans[c] {
            Some((least, span)) => (position - least) as f64 / span as f64,
            None => (nth as f64 + 0.5) / self.counts[c].max(1) as f64,
        };
        start + width * within
    }
}

/// The picture; `leads` must be in order of p.
///
/// # Errors
/// If it cannot be drawn.
pub(super) fn manhattan(
    table: &Association,
    leads: &[Lead],
    threshold: &Threshold,
) -> Result<Picture> {
    let genome = Genome::of(table);
    let mut nth = vec![0; table.chromosomes.len()];
    let places: Vec<f64> = table
        .points
        .iter()
        .map(|p| {
            let c = p.chromosome as usize;
            nth[c] += 1;
            genome.place(c, p.position, nth[c] - 1)
        })
        .collect();
    let top = table.points.iter().map(|p| p.log10p).fold(0.0, f64::max);
    let line = threshold.log10p;
    let text = format!(
        "{} SNPs on {} chromosomes; the largest −log₁₀ p is {top:.2}{}. The tables beside it have \
         the lead SNPs and the best SNP of each chromosome.",
        table.points.len(),
        genome.counts.iter().filter(|n| **n > 0).count(),
        match leads.first() {
            Some(lead) => format!(
                ", of {} on chromosome {}",
                lead.cells[0],
                table.chromosome(&lead.point)
            ),
            None => String::new(),
        }
    );
    let names = [
        format!("{}.manhattan", table.name),
        format!("Manhattan plot of {}", table.name),
        text,
    ];
    both(names, BROAD, |area, size| {
        let left = 46;
        let across = size.0 as i32 - left - 16;
        let ticks = labels(table, &genome, across);
        let x = Axis::linear("chromosome", -0.008..1.008)
            .with_ticks(ticks)
            .without_grid();
        let y = Axis::log10p("−log₁₀ p", top.max(line));
        let mut chart = picture::plane(area, x, y.clone())?;
        let plane = chart.plotting_area().strip_coord_spec();
        let (w, h) = plane.dim_in_pixel();
        let (w, h) = (f64::from(w), f64::from(h));
        // Every other chromosome has a shade behind it.
        let used = (0..genome.parts.len()).filter(|&c| genome.counts[c] > 0);
        for c in used.skip(1).step_by(2) {
            let (start, width) = genome.parts[c];
            let corners = [(start - 0.001, 0.0), (start + width + 0.001, y.value(1.0))];
            chart.draw_series([Rectangle::new(corners, RGBColor(244, 245, 247).filled())])?;
        }
        let unit = f64::from(FINE) * 1.5;
        let down = |v: f64| h - y.place(v) * h;
        let along = |p: f64| (p + 0.008) / 1.016 * w;
        let mut order = vec![0; genome.parts.len()];
        for (rank, c) in (0..genome.parts.len())
            .filter(|&c| genome.counts[c] > 0)
            .enumerate()
        {
            order[c] = rank;
        }
        for (odd, colour) in PAIR.into_iter().enumerate() {
            let own = table.points.iter().zip(&places);
            let own = own.filter(|(p, _)| order[p.chromosome as usize] % 2 == odd);
            let marks = thin(own.map(|(p, x)| (along(*x) / unit, (h - down(p.log10p)) / unit)));
            for mark in marks {
                let at = |v: f64| {
                    (
                        (mark.x * unit).round() as i32,
                        (h - v * unit).round() as i32,
                    )
                };
                let dot = FINE * 7 / 4;
                if mark.low == mark.high {
                    plane.draw(&Circle::new(at(mark.low), dot, colour.filled()))?;
                } else {
                    let ends = [at(mark.low), at(mark.high)];
                    // As wide as a dot, and longer by its radius at both ends.
                    let ends = [(ends[0].0, ends[0].1 + dot), (ends[1].0, ends[1].1 - dot)];
                    plane.draw(&PathElement::new(ends, colour.stroke_width(2 * dot as u32)))?;
                }
            }
        }
        {
            let at = down(threshold.log10p).round() as i32;
            let style = COLOURS[4].stroke_width(FINE as u32 * 3 / 2);
            let dashes = (0..w as i32).step_by(10 * FINE as usize);
            for from in dashes {
                let to = (from + 6 * FINE).min(w as i32);
                plane.draw(&PathElement::new([(from, at), (to, at)], style))?;
            }
            let (right, size) = (w as i32 - 2 * FINE, LABEL - 1);
            let behind = [
                (
                    right - width(&threshold.short, size) * FINE,
                    at - (size + 4) * FINE,
                ),
                (right, at - 2 * FINE),
            ];
            plane.draw(&Rectangle::new(behind, WHITE.mix(0.8).filled()))?;
            let style = placed(size, HPos::Right, VPos::Bottom);
            plane.draw(&Text::new(
                threshold.short.clone(),
                (right, at - FINE),
                style,
            ))?;
        }
        let spot = |lead: &Lead| {
            let own = table.points.iter().position(|p| *p == lead.point);
            let x = own.map_or(0.0, |k| places[k]);
            (
                along(x).round() as i32,
                down(lead.point.log10p).round() as i32,
            )
        };
        let strong = leads.iter().filter(|l| l.point.log10p >= line);
        name_leads(&plane, strong.map(|l| (spot(l), l.cells[0].as_str())))
    })
}

/// Diamonds at lead SNPs with their names, the best first, where there is room.
fn name_leads<'a>(
    plane: &Area<'_>,
    leads: impl Iterator<Item = ((i32, i32), &'a str)>,
) -> Drawn<()> {
    let mut taken: Vec<[i32; 4]> = Vec::new();
    let (w, _) = plane.dim_in_pixel();
    let size = LABEL - 2;
    for (at, name) in leads {
        let half = width(name, size) * FINE / 2;
        let middle = at.0.clamp(half, (w as i32 - half).max(half));
        let low = at.1 - 6 * FINE;
        // From the name down to the diamond.
        let this = [
            middle - half,
            low - size * FINE,
            middle + half,
            at.1 + 5 * FINE,
        ];
        let apart =
            |o: &[i32; 4]| this[2] < o[0] || o[2] < this[0] || this[3] < o[1] || o[3] < this[1];
        let alone = taken
            .iter()
            .all(|o| (at.0 - (o[0] + o[2]) / 2).abs() > 12 * FINE);
        if taken.len() == NAMED {
            break;
        }
        if this[1] >= 0 && alone && taken.iter().all(apart) {
            Shape::Diamond.draw(plane, at, 4 * FINE, INK)?;
            Shape::Diamond.draw(plane, at, 2 * FINE, COLOURS[1])?;
            let style = placed(size, HPos::Center, VPos::Bottom);
            plane.draw(&Text::new(name.to_owned(), (middle, low), style))?;
            taken.push(this);
        }
    }
    Ok(())
}

/// Names of chromosomes in the middle of each, where there is room.
fn labels(table: &Association, genome: &Genome, across: i32) -> Vec<(f64, String)> {
    let mut ticks: Vec<(f64, String)> = Vec::new();
    let mut free = i32::MIN;
    for (c, name) in table.chromosomes.iter().enumerate() {
        if genome.counts[c] == 0 {
            continue;
        }
        let (start, part) = genome.parts[c];
        let at = start + part / 2.0;
        let (middle, half) = ((at * f64::from(across)) as i32, width(name, LABEL) / 2 + 2);
        if middle - half >= free {
            free = middle + half;
            ticks.push((at, name.clone()));
        }
    }
    ticks
}
