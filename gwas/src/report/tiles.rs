//! Formats and norms of the tiles of a factor.

use std::collections::BTreeMap;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::grid::{Grid, digits};
use super::picture::{self, FINE, LABEL, Picture, both, font, placed, width};
use crate::bench::chart::GREY;
use crate::error::{Error, Place, Result};
use crate::plan::TilePlan;
use epitile_core::precision::Precision;
use epitile_core::sym::SymTiles;

/// Most squares along an edge of the picture; beyond, neighbouring tiles share one.
const SQUARES: usize = 64;

/// A tile of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Square {
    format: Precision,
    norm: f64,
}

/// A plan as it is drawn.
pub(super) struct Tiles<'a> {
    plan: &'a TilePlan,
    tiles: SymTiles<Square>,
}

/// Letter and colour of a format: the wider, the darker, so that they differ in grey too.
fn look(format: Precision) -> (&'static str, RGBColor, RGBColor) {
    let (letter, colour) = match format {
        Precision::F64 => ("D", RGBColor(8, 48, 107)),
        Precision::F32 | Precision::Tf32 => ("S", RGBColor(33, 113, 181)),
        Precision::F16 => ("H", RGBColor(107, 174, 214)),
        Precision::Bf16 => ("B", RGBColor(158, 202, 225)),
        _ => ("8", RGBColor(222, 235, 247)),
    };
    let dark = matches!(letter, "D" | "S");
    (letter, colour, if dark { WHITE } else { picture::INK })
}

impl<'a> Tiles<'a> {
    /// The tiles of `plan`, which was read from `path`.
    ///
    /// # Errors
    /// `Malformed` if its rows are not those of a triangle of formats and norms.
    pub(super) fn of(plan: &'a TilePlan, path: &Path) -> Result<Tiles<'a>> {
        let order = plan.formats.len();
        let wrong = |found: String, expected: &str| {
            Error::malformed(path, Place::File, found, expected, "Run the fit again")
        };
        let mut tiles = Vec::new();
        for (i, row) in plan.formats.iter().enumerate() {
            let formats: Vec<&str> = row.split(' ').collect();
            let norms: Vec<&str> = plan
                .norms
                .get(i)
                .map_or_else(Vec::new, |r| r.split(' ').collect());
            let fits = formats.len() == i + 1 && (plan.norms.is_empty() || norms.len() == i + 1);
            if !fits {
                let found = format!(
                    "{} formats and {} norms in row {i}",
                    formats.len(),
                    norms.len()
                );
                return Err(wrong(found, "as many of both as tiles in the row"));
            }
            for (j, format) in formats.into_iter().enumerate() {
                let norm = norms.get(j).map_or(Ok(f64::NAN), |n| n.parse());
                let (Ok(format), Ok(norm)) = (format.parse(), norm) else {
                    return Err(wrong(
                        format!("'{format}' in row {i}"),
                        "a number format and a norm",
                    ));
                };
                tiles.push(Square { format, norm });
            }
        }
        let tiles = SymTiles::from_vec(order, tiles);
        let tiles = tiles.ok_or_else(|| wrong("no triangle".into(), "a triangle of tiles"))?;
        Ok(Tiles { plan, tiles })
    }

    /// The picture and its numbers. `name` is the run's.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub(super) fn figure(&self, name: &str) -> Result<(Picture, Grid)> {
        let (order, coarse) = (self.tiles.order(), self.coarse());
        let squares = coarse.order();
        let known = || {
            coarse
                .as_slice()
                .iter()
                .map(|s| s.norm)
                .filter(|n| *n > 0.0)
        };
        let (low, high) = known().fold((f64::MAX, f64::MIN_POSITIVE), |a, n| {
            (a.0.min(n), a.1.max(n))
        });
        let has_norms = low <= high;
        let mut formats: Vec<Precision> = coarse.as_slice().iter().map(|s| s.format).collect();
        formats.sort_by_key(|f| std::cmp::Reverse(f.bytes()));
        formats.dedup();
        let counts: Vec<String> = self
            .counts()
            .iter()
            .map(|(f, c)| format!("{} in {f}", c.tiles))
            .collect();
        let text = format!(
            "Map of {order} × {order} tiles of {} rows: formats below the diagonal{}. Tiles: {}.",
            self.plan.edge,
            if has_norms { ", norms above" } else { "" },
            counts.join(", ")
        );
        let names = [
            format!("{name}.tiles"),
            format!("Formats of the factor's tiles, {name}"),
            text,
        ];
        let legend = 30 + if has_norms { 26 } else { 0 };
        let sizes = [(480, 480 + legend), (360, 360 + legend)];
        let drawn = both(names, sizes, |area, size| {
            let edge = (size.0 as i32 - 20) * FINE;
            let start =
                |k: usize| 10 * FINE + (k as f64 / squares as f64 * f64::from(edge)).round() as i32;
            let corners = |i: usize, j: usize| [(start(j), start(i)), (start(j + 1), start(i + 1))];
            let letters = edge / squares as i32 / FINE >= 14;
            for ((i, j), square) in coarse.iter() {
                let (letter, colour, ink) = look(square.format);
                area.draw(&Rectangle::new(corners(i, j), colour.filled()))?;
                if letters {
                    let middle = ((start(j) + start(j + 1)) / 2, (start(i) + start(i + 1)) / 2);
                    let style = placed(LABEL - 2, HPos::Center, VPos::Center).color(&ink);
                    area.draw(&Text::new(letter, middle, style))?;
                }
                if i != j && has_norms {
                    area.draw(&Rectangle::new(
                        corners(j, i),
                        heat(square.norm, low, high).filled(),
                    ))?;
                }
            }
            if squares <= 40 {
                for k in 0..=squares {
                    let (a, z) = (start(0), start(squares));
                    let thin = WHITE.stroke_width(FINE as u32);
                    area.draw(&PathElement::new([(start(k), a), (start(k), z)], thin))?;
                    area.draw(&PathElement::new([(a, start(k)), (z, start(k))], thin))?;
                }
            }
            let frame = [(start(0), start(0)), (start(squares), start(squares))];
            area.draw(&Rectangle::new(frame, GREY.stroke_width(FINE as u32)))?;
            let mut at = (10 * FINE, start(squares) + 10 * FINE);
            let side = 15 * FINE;
            for &format in &formats {
                let (letter, colour, ink) = look(format);
                let square = [at, (at.0 + side, at.1 + side)];
                area.draw(&Rectangle::new(square, colour.filled()))?;
                area.draw(&Rectangle::new(square, GREY.stroke_width(FINE as u32)))?;
                let style = placed(LABEL - 2, HPos::Center, VPos::Center).color(&ink);
                area.draw(&Text::new(
                    letter,
                    (at.0 + side / 2, at.1 + side / 2),
                    style,
                ))?;
                let (text, left) = (format.to_string(), at.0 + side + 5 * FINE);
                let style = placed(LABEL - 1, HPos::Left, VPos::Center);
                at.0 = left + (width(&text, LABEL) + 14) * FINE;
                area.draw(&Text::new(text, (left, at.1 + side / 2), style))?;
            }
            if has_norms {
                let (from, down) = (10 * FINE, at.1 + 26 * FINE);
                let text = format!("‖R‖ {}", digits(low, 2));
                let next = from + (width(&text, LABEL - 1) + 8) * FINE;
                area.draw(&Text::new(text, (from, down), font(LABEL - 1)))?;
                let step = 4 * FINE;
                for k in 0..24 {
                    let value = low * (high / low).powf(f64::from(k) / 23.0);
                    let corners = [
                        (next + k * step, down),
                        (next + (k + 1) * step, down + 13 * FINE),
                    ];
                    area.draw(&Rectangle::new(corners, heat(value, low, high).filled()))?;
                }
                let end = (next + 24 * step + 6 * FINE, down);
                area.draw(&Text::new(digits(high, 2), end, font(LABEL - 1)))?;
            }
            Ok(())
        })?;
        Ok((drawn, self.grid()))
    }

    /// At most [`SQUARES`] along an edge: of tiles that share a square the widest format and the
    /// largest norm.
    fn coarse(&self) -> SymTiles<Square> {
        let order = self.tiles.order();
        let step = order.div_ceil(SQUARES).max(1);
        SymTiles::from_fn(order.div_ceil(step), |i, j| {
            let part = |k: usize| k * step..((k + 1) * step).min(order);
            let all = part(i).flat_map(|a| part(j).map(move |b| (a.max(b), a.min(b))));
            let tiles = all.map(|at| self.tiles[at]);
            let join = |a: Square, b: Square| Square {
                format: if b.format.bytes() > a.format.bytes() {
                    b.format
                } else {
                    a.format
                },
                norm: a.norm.max(b.norm),
            };
            tiles.reduce(join).unwrap_or(self.tiles[(i, j)])
        })
    }

    fn counts(&self) -> BTreeMap<String, Count> {
        let mut counts: BTreeMap<String, Count> = BTreeMap::new();
        let (n, edge) = (self.plan.individuals, self.plan.edge.max(1));
        let rows = |k: usize| edge.min(n.saturating_sub(k * edge));
        for ((i, j), square) in self.tiles.iter() {
            let count = counts.entry(square.format.to_string()).or_default();
            count.tiles += 1;
            count.bytes += rows(i) * rows(j) * square.format.bytes();
            count.norms.push(square.norm);
        }
        counts
    }

    fn grid(&self) -> Grid {
        let head = [
            "format",
            "tiles",
            "share",
            "MiB",
            "least ‖R‖",
            "median",
            "largest",
        ];
        let mut grid = Grid::new("Tiles by format", &head);
        let all = self.tiles.as_slice().len() as f64;
        for (format, mut count) in self.counts() {
            count.norms.sort_by(f64::total_cmp);
            let last = count.norms.len() - 1;
            let norm = |k: usize| digits(count.norms[k], 3);
            grid.row([
                format,
                count.tiles.to_string(),
                format!("{:.1} %", 100.0 * count.tiles as f64 / all),
                digits(count.bytes as f64 / f64::from(1 << 20), 3),
                norm(0),
                norm(last / 2),
                norm(last),
            ]);
        }
        grid
    }
}

/// Tiles of one format.
#[derive(Default)]
struct Count {
    tiles: usize,
    bytes: usize,
    norms: Vec<f64>,
}

/// From pale for the least norm to dark for the largest.
fn heat(norm: f64, low: f64, high: f64) -> RGBColor {
    let place = match high > low && norm > 0.0 {
        true => (norm / low).ln() / (high / low).ln(),
        false => 0.0,
    };
    let mix = |from: f64, to: f64| (from + (to - from) * place).round() as u8;
    RGBColor(mix(254.0, 127.0), mix(237.0, 39.0), mix(222.0, 4.0))
}
