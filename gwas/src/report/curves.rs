//! Cross-validation over γ and λ.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, short};
use super::grid::{Grid, digits};
use super::picture::{self, Area, Drawn, FINE, LABEL, Picture, Shape, both, placed};
use super::sheet::Sheet;
use crate::bench::chart::{COLOURS, GREY};
use crate::error::Result;

/// One setting of a cross-validation.
#[derive(Clone, Debug)]
struct Setting {
    kernel: String,
    gamma: Option<f64>,
    lambda: f64,
    best: bool,
    error: Option<f64>,
    spread: Option<f64>,
    pearson: Option<f64>,
    pearson_spread: Option<f64>,
    r2: Option<f64>,
}

/// All settings of one trait.
#[derive(Clone, Debug)]
pub(super) struct Curves {
    /// The trait.
    pub(super) name: String,
    settings: Vec<Setting>,
}

/// Reads a `.cv_summary.tsv`.
///
/// # Errors
/// `Open`, `Read`, `Malformed`.
pub(super) fn read(path: &Path) -> Result<Vec<Curves>> {
    let mut sheet = Sheet::open(path)?;
    let [name, kernel, gamma, lambda, best] =
        ["PHENO", "KERNEL", "GAMMA", "LAMBDA", "BEST"].map(|c| sheet.need(&[c]));
    let (name, kernel, gamma, lambda, best) = (name?, kernel?, gamma?, lambda?, best?);
    let [error, spread, pearson, pearson_spread, r2] =
        ["MSPE", "SE_MSPE", "PEARSON", "SE_PEARSON", "R2"].map(|c| sheet.need(&[c]));
    let numbers = [error?, spread?, pearson?, pearson_spread?, r2?];
    let mut all: Vec<Curves> = Vec::new();
    while let Some(row) = sheet.next_row()? {
        let Some(ridge) = row.number(lambda)?.filter(|x| *x > 0.0) else {
            return Err(row.wrong(lambda, "a ridge above 0"));
        };
        let mut values = [None; 5];
        for (value, &k) in values.iter_mut().zip(&numbers) {
            *value = row.number(k)?;
        }
        let [error, spread, pearson, pearson_spread, r2] = values;
        let setting = Setting {
            kernel: row.text(kernel).to_owned(),
            gamma: row.number(gamma)?,
            lambda: ridge,
            best: row.text(best) == "1",
            error,
            spread,
            pearson,
            pearson_spread,
            r2,
        };
        match all.iter_mut().find(|c| c.name == row.text(name)) {
            Some(curves) => curves.settings.push(setting),
            None => all.push(Curves {
                name: row.text(name).to_owned(),
                settings: vec![setting],
            }),
        }
    }
    Ok(all)
}

/// Colours of γ from the smallest to the largest; grey for kernels without.
const SHADES: [RGBColor; 5] = [COLOURS[1], COLOURS[2], COLOURS[0], COLOURS[3], COLOURS[4]];

/// A line of the picture: settings that differ in λ only.
struct Line<'a> {
    label: String,
    colour: RGBColor,
    shape: Shape,
    settings: Vec<&'a Setting>,
}

impl Curves {
    fn lines(&self) -> Vec<Line<'_>> {
        let mut keys: Vec<(&str, Option<f64>)> = Vec::new();
        for s in &self.settings {
            if !keys.contains(&(&s.kernel, s.gamma)) {
                keys.push((&s.kernel, s.gamma));
            }
        }
        let line = |(at, &(kernel, gamma)): (usize, &(&str, Option<f64>))| {
            let own = |s: &&Setting| s.kernel == kernel && s.gamma == gamma;
            let mut settings: Vec<&Setting> = self.settings.iter().filter(own).collect();
            settings.sort_by(|a, b| a.lambda.total_cmp(&b.lambda));
            let rank = keys[..at].iter().filter(|k| k.1.is_some()).count();
            Line {
                label: match gamma {
                    Some(gamma) => format!("{kernel}, γ = {}", digits(gamma, 3)),
                    None => kernel.to_owned(),
                },
                colour: match gamma {
                    Some(_) => SHADES[rank % SHADES.len()],
                    None => GREY,
                },
                shape: match gamma {
                    Some(_) => Shape::ALL[rank % (Shape::ALL.len() - 1)],
                    None => Shape::Ring,
                },
                settings,
            }
        };
        keys.iter().enumerate().map(line).collect()
    }

    /// The picture and its numbers.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub(super) fn figure(&self) -> Result<(Picture, Grid)> {
        let lines = self.lines();
        let known = |s: &&Setting| s.error.is_some();
        let ends = |s: &Setting| {
            let (e, d) = (s.error.unwrap_or(0.0), s.spread.unwrap_or(0.0));
            (e - d, e + d)
        };
        let bounds = self.settings.iter().filter(known).map(ends);
        let (low, high) = bounds.fold((f64::MAX, f64::MIN), |a, b| (a.0.min(b.0), a.1.max(b.1)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let mut ridges: Vec<f64> = self.settings.iter().map(|s| s.lambda).collect();
        ridges.sort_by(f64::total_cmp);
        ridges.dedup();
        let (first, last) = (ridges[0], ridges[ridges.len() - 1]);
        let best = |s: &&Setting| s.best;
        let chosen: Vec<String> = self.settings.iter().filter(best).map(describe).collect();
        let text = format!(
            "Mean squared error of prediction over λ, one line for each kernel and γ, with \
             standard errors. Best of each kernel: {}.",
            chosen.join("; ")
        );
        let names = [
            format!("{}.cv", self.name),
            format!("Cross-validation of {}", self.name),
            text,
        ];
        let row = 18;
        let legend = lines.len() as i32 * row + 6;
        let sizes = picture::PLAIN.map(|(w, h)| (w, h + legend as u32));
        let pad = 0.06 * (high - low);
        let drawn = both(names, sizes, |area, size| {
            let (above, below) = area.split_vertically(size.1 as i32 * FINE - legend * FINE);
            let range = first / 1.25..last * 1.25;
            let x = Axis::log("λ", range, &ridges);
            let y = Axis::linear("MSPE ± SE", low - pad..high + pad);
            let chart = picture::plane(&above, x.clone(), y.clone())?;
            let plane = chart.plotting_area().strip_coord_spec();
            let (w, h) = plane.dim_in_pixel();
            let at = |l: f64, v: f64| {
                let place = |p: f64, of: u32| (p * f64::from(of)).round() as i32;
                (place(x.place(l), w), h as i32 - place(y.place(v), h))
            };
            for (k, line) in lines.iter().enumerate() {
                // Bars of different lines stand side by side.
                let shift = (2 * k as i32 + 1 - lines.len() as i32) * FINE;
                draw_line(&plane, line, |l, v| (at(l, v).0 + shift, at(l, v).1))?;
                let middle = k as i32 * row * FINE + row * FINE / 2;
                let left = 66 * FINE;
                let dash = [(left, middle), (left + 24 * FINE, middle)];
                below.draw(&PathElement::new(
                    dash,
                    line.colour.stroke_width(FINE as u32 * 2),
                ))?;
                line.shape
                    .draw(&below, (left + 12 * FINE, middle), 4 * FINE, line.colour)?;
                let style = placed(LABEL - 1, HPos::Left, VPos::Center);
                below.draw(&Text::new(
                    line.label.clone(),
                    (left + 32 * FINE, middle),
                    style,
                ))?;
            }
            Ok(())
        })?;
        Ok((drawn, self.grid()))
    }

    fn grid(&self) -> Grid {
        let head = ["kernel", "γ", "λ", "MSPE", "SE", "r", "SE of r", "R²"];
        let mut grid = Grid::new("Settings; bold: the best of each kernel", &head);
        for s in &self.settings {
            let number = |x: Option<f64>, n| x.map_or_else(|| "NA".into(), |x| digits(x, n));
            let cells = [
                match s.best {
                    true => format!("{} (best)", s.kernel),
                    false => s.kernel.clone(),
                },
                number(s.gamma, 3),
                digits(s.lambda, 3),
                number(s.error, 4),
                number(s.spread, 2),
                number(s.pearson, 3),
                number(s.pearson_spread, 2),
                number(s.r2, 3),
            ];
            if s.best {
                grid.bold(cells)
            } else {
                grid.row(cells)
            }
        }
        grid
    }
}

fn describe(setting: &Setting) -> String {
    let gamma = setting
        .gamma
        .map_or_else(String::new, |g| format!(", γ = {}", digits(g, 3)));
    let error = setting.error.map_or_else(|| "NA".into(), |e| digits(e, 4));
    format!(
        "{}{gamma}, λ = {}: {error}",
        setting.kernel,
        short(setting.lambda)
    )
}

/// The line, its error bars and its marks; the best setting is ringed.
fn draw_line(plane: &Area<'_>, line: &Line<'_>, at: impl Fn(f64, f64) -> (i32, i32)) -> Drawn<()> {
    let style = line.colour.stroke_width(FINE as u32 * 3 / 2);
    let known: Vec<(&Setting, f64)> = line
        .settings
        .iter()
        .filter_map(|s| Some((*s, s.error?)))
        .collect();
    let points: Vec<(i32, i32)> = known.iter().map(|(s, e)| at(s.lambda, *e)).collect();
    plane.draw(&PathElement::new(points.clone(), style))?;
    for ((s, e), point) in known.iter().zip(points) {
        if let Some(d) = s.spread {
            let ends = [at(s.lambda, e - d), at(s.lambda, e + d)];
            plane.draw(&PathElement::new(
                ends,
                line.colour.stroke_width(FINE as u32),
            ))?;
        }
        if s.best {
            plane.draw(&Circle::new(
                point,
                8 * FINE,
                picture::INK.stroke_width(FINE as u32),
            ))?;
        }
        line.shape.draw(plane, point, 4 * FINE, line.colour)?;
    }
    Ok(())
}
