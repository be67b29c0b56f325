//! Axes with ticks at round numbers, linear, logarithmic, or linear with a logarithmic end.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// How values become places.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Linear,
    Log,
    /// Linear up to this value, logarithmic above: so that p = 10⁻³²⁰ does not flatten the rest.
    LogAbove(f64),
}

/// One axis of a picture.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// What it shows.
    pub(super) label: String,
    /// Whether a line is drawn at each tick.
    pub(super) grid: bool,
    scale: Scale,
    range: Range<f64>,
    ticks: Vec<(f64, String)>,
}

/// Values above which −log10 p is drawn on a logarithmic scale, if any is above [`TALL`].
const BREAK: f64 = 20.0;
const TALL: f64 = 60.0;

impl Axis {
    /// A linear axis.
    pub(super) fn linear(label: impl Into<String>, range: Range<f64>) -> Axis {
        let range = widened(range);
        let ticks = round_ticks(&range, 6);
        Axis {
            label: label.into(),
            grid: true,
            scale: Scale::Linear,
            range,
            ticks,
        }
    }

    /// A logarithmic axis with ticks at `values`; some are left out where there are many.
    ///
    /// # Panics
    /// If the range does not begin above 0.
    pub(super) fn log(label: impl Into<String>, range: Range<f64>, values: &[f64]) -> Axis {
        assert!(range.start > 0.0, "a logarithmic axis from {}", range.start);
        let step = values.len().div_ceil(8).max(1);
        let ticks = values.iter().step_by(step);
        Axis {
            label: label.into(),
            grid: true,
            scale: Scale::Log,
            range: if range.start < range.end {
                range
            } else {
                range.start / 2.0..range.start * 2.0
            },
            ticks: ticks.map(|&v| (v, short(v))).collect(),
        }
    }

    /// −log10 p from 0 to a little above `top`.
    pub(super) fn log10p(label: &str, top: f64) -> Axis {
        let mut axis = Axis::linear(label, 0.0..top.max(1.0));
        if top > TALL {
            axis.scale = Scale::LogAbove(BREAK);
            axis.label = format!("{label} (above {BREAK}: log scale)");
            let above = [50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6];
            let values = [0.0, 5.0, 10.0, 15.0, BREAK].into_iter().chain(above);
            axis.ticks = values.map(|v| (v, short(v))).collect();
        }
        // Room above for labels.
        let room = 1.12 * axis.warp(axis.range.end);
        axis.range.end = axis.unwarp(room);
        axis.ticks.retain(|t| t.0 <= axis.range.end);
        axis
    }

    /// With these ticks instead of its own.
    pub(super) fn with_ticks(mut self, ticks: Vec<(f64, String)>) -> Axis {
        self.ticks = ticks;
        self
    }

    /// Without lines at its ticks.
    pub(super) fn without_grid(mut self) -> Axis {
        self.grid = false;
        self
    }

    /// Without the ticks at whose place there is no room for the text.
    pub(super) fn with_room(mut self, room: impl Fn(f64, &str) -> bool) -> Axis {
        let ticks = std::mem::take(&mut self.ticks).into_iter();
        self.ticks = ticks.filter(|t| room(self.place(t.0), &t.1)).collect();
        self
    }

    /// Number of ticks.
    pub(super) fn ticks(&self) -> usize {
        self.ticks.len()
    }

    /// Characters of the longest tick.
    pub(super) fn widest(&self) -> usize {
        let lengths = self.ticks.iter().map(|t| t.1.chars().count());
        lengths.max().unwrap_or(0)
    }

    /// Place of `v` between 0 and 1.
    pub(super) fn place(&self, v: f64) -> f64 {
        let (low, high) = (self.warp(self.range.start), self.warp(self.range.end));
        (self.warp(v) - low) / (high - low)
    }

    /// The value at a place between 0 and 1.
    pub(super) fn value(&self, place: f64) -> f64 {
        let (low, high) = (self.warp(self.range.start), self.warp(self.range.end));
        self.unwarp(low + place * (high - low))
    }

    fn warp(&self, v: f64) -> f64 {
        match self.scale {
            Scale::Linear => v,
            Scale::Log => v.ln(),
            Scale::LogAbove(at) if v > at => at * (1.0 + 0.4 * (v / at).ln()),
            Scale::LogAbove(_) => v,
        }
    }

    fn unwarp(&self, w: f64) -> f64 {
        match self.scale {
            Scale::Linear => w,
            Scale::Log => w.exp(),
            Scale::LogAbove(at) if w > at => at * ((w / at - 1.0) / 0.4).exp(),
            Scale::LogAbove(_) => w,
        }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let length = f64::from(limit.1 - limit.0);
        limit.0 + (self.place(*value) * length).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight().allow_light_points() {
            true => Vec::new(),
            false => self.ticks.iter().map(|t| t.0).collect(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let at = self.ticks.iter().find(|t| t.0 == *value);
        at.map_or_else(String::new, |t| t.1.clone())
    }
}

/// The range, or one around it if it is empty.
fn widened(range: Range<f64>) -> Range<f64> {
    match range.end - range.start {
        d if d > 1e-12 * range.start.abs().max(range.end.abs()) => range,
        _ => {
            let pad = 0.5 * range.start.abs().max(1e-3);
            range.start - pad..range.end + pad
        }
    }
}

/// About `count` round numbers in the range, with their texts.
fn round_ticks(range: &Range<f64>, count: u32) -> Vec<(f64, String)> {
    let rough = (range.end - range.start) / f64::from(count);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|m| m * power)
        .into_iter()
        .find(|&s| s >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let first = (range.start / step - 1e-9).ceil() as i64;
    let last = (range.end / step + 1e-9).floor() as i64;
    let exact = |k: i64| {
        let v = k as f64 * step;
        // What 3 × 0.1 leaves behind.
        format!("{v:.12e}").parse().unwrap_or(v)
    };
    (first..=last)
        .map(exact)
        .map(|v: f64| (v, short(v)))
        .collect()
}

/// A tick's number in few characters, with a proper minus sign.
pub(super) fn short(v: f64) -> String {
    let text = match v.abs() {
        a if a == 0.0 || (1e-3..1e6).contains(&a) => format!("{v}"),
        _ => format!("{v:e}"),
    };
    let text = match text.len() {
        0..=8 => text,
        _ => format!("{v:.2e}"),
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        for (range, expected) in [
            (0.0..1.0, "0 0.2 0.4 0.6 0.8 1"),
            (0.47..0.53, "0.47 0.48 0.49 0.5 0.51 0.52 0.53"),
            (-3.2..4.1, "−2 0 2 4"),
            (0.0..9.3, "0 2 4 6 8"),
        ] {
            let axis = Axis::linear("x", range);
            let texts: Vec<&str> = axis.ticks.iter().map(|t| &*t.1).collect();
            assert_eq!(texts.join(" "), expected);
        }
    }

    #[test]
    fn an_axis_of_one_value_has_room_on_both_sides() {
        for v in [0.0, -2.0, 5e8] {
            let axis = Axis::linear("x", v..v);
            assert!((axis.place(v) - 0.5).abs() < 1e-9);
        }
        assert!((Axis::log("x", 3.0..3.0, &[3.0]).place(3.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn tiny_p_do_not_flatten_the_rest() {
        let axis = Axis::log10p("y", 323.7);
        assert!(axis.place(7.3) > 0.12 && axis.place(323.7) < 0.95);
        assert!(axis.ticks.iter().any(|t| t.1 == "200"));
        for v in [0.0, 3.0, 20.0, 320.0] {
            assert!((axis.value(axis.place(v)) - v).abs() < 1e-9 * (1.0 + v));
        }
        assert!(Axis::log10p("y", 9.0).label == "y");
    }
}
