//! Horizontal bars: parts of the variance with standard errors, times of phases.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::picture::{self, FINE, LABEL, Picture, both, placed, width};
use crate::bench::chart::COLOURS;
use crate::error::Result;

/// One bar.
pub(super) struct Bar {
    /// What it is.
    pub(super) name: String,
    /// Its length.
    pub(super) value: f64,
    /// Standard error, if there is one.
    pub(super) error: Option<f64>,
    /// The number as it is written at its end.
    pub(super) text: String,
}

/// The picture; `names` are its file name, title and text.
///
/// # Errors
/// If it cannot be drawn.
pub(super) fn bars(names: [String; 3], axis: &str, bars: &[Bar]) -> Result<Picture> {
    let longest = bars
        .iter()
        .map(|b| width(&b.name, LABEL))
        .max()
        .unwrap_or(0);
    let rows = bars.len() as u32;
    let sizes = [(480, 70 + 36 * rows), (360, 70 + 36 * rows)];
    let reach = |b: &Bar| {
        (
            b.value - b.error.unwrap_or(0.0),
            b.value + b.error.unwrap_or(0.0),
        )
    };
    let low = bars.iter().map(|b| reach(b).0).fold(0.0, f64::min);
    let high = bars
        .iter()
        .map(|b| reach(b).1)
        .fold(f64::MIN_POSITIVE, f64::max);
    both(names, sizes, |area, size| {
        let left = (longest + 14).min(size.0 as i32 / 2);
        // Room for the numbers at the ends.
        let written = bars
            .iter()
            .map(|b| width(&b.text, LABEL))
            .max()
            .unwrap_or(0)
            + 14;
        let across = (size.0 as i32 - left - 16 - written).max(40);
        let end = high + (high - low) * f64::from(written) / f64::from(across);
        let x = Axis::linear(axis, low..end);
        let count = bars.len() as f64;
        let y = Axis::linear("", -0.5..count - 0.5).with_ticks(Vec::new());
        let mut chart = picture::plane_from(area, x, y, left)?;
        for (k, bar) in bars.iter().enumerate() {
            let middle = count - 1.0 - k as f64;
            let corners = [(0.0, middle - 0.3), (bar.value, middle + 0.3)];
            chart.draw_series([Rectangle::new(corners, COLOURS[0].filled())])?;
            let line = picture::INK.stroke_width(FINE as u32 * 3 / 2);
            if let Some(error) = bar.error {
                let (low, high) = (bar.value - error, bar.value + error);
                for ends in [
                    [(low, middle), (high, middle)],
                    [(low, middle - 0.12), (low, middle + 0.12)],
                    [(high, middle - 0.12), (high, middle + 0.12)],
                ] {
                    chart.draw_series([PathElement::new(ends, line)])?;
                }
            }
            let (w, _) = chart.plotting_area().dim_in_pixel();
            let at = chart.backend_coord(&(reach(bar).1.max(0.0), middle));
            let style = placed(LABEL, HPos::Left, VPos::Center);
            area.draw(&Text::new(bar.text.clone(), (at.0 + 5 * FINE, at.1), style))?;
            let style = placed(LABEL, HPos::Right, VPos::Center);
            let edge = area.dim_in_pixel().0 as i32 - 12 * FINE - w as i32 - 6 * FINE;
            area.draw(&Text::new(
                shortened(&bar.name, left - 10),
                (edge, at.1),
                style,
            ))?;
        }
        Ok(())
    })
}

/// A name that takes at most so many pixels.
fn shortened(name: &str, pixels: i32) -> String {
    if width(name, LABEL) <= pixels {
        return name.to_owned();
    }
    let mut text = name.to_owned();
    while !text.is_empty() && width(&text, LABEL) + LABEL > pixels {
        text.pop();
    }
    text + "…"
}
