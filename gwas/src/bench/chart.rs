//! A benchmark as a picture: times of the phases, and how they shrink with threads.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::record::{BenchRecord, PHASES, PhaseTimes, Scaling};
use crate::error::{Error, Result};

/// Colours that differ for everybody (Okabe and Ito, 2008), one per phase.
pub(crate) const COLOURS: [RGBColor; PHASES.len()] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
];

/// Whatever the viewer has: a chart brings no font.
pub(crate) const FONT: &str = "sans-serif";
const HEIGHT: u32 = 480;
/// Of what is not data.
pub(crate) const GREY: RGBColor = RGBColor(110, 110, 110);

/// The chart of a record as SVG: median times with their ranges, and, of several numbers of
/// threads, the speed-up of each phase beside the ideal one.
///
/// # Errors
/// If it cannot be drawn.
pub fn chart(record: &BenchRecord) -> Result<String> {
    draw(record).map_err(|e| Error::inconsistent(format!("the chart cannot be drawn: {e}")))
}

type Drawn<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn draw(record: &BenchRecord) -> Drawn<String> {
    let mut text = String::new();
    let several = record.scaling.len() > 1;
    let width = if several { 1080 } else { 640 };
    {
        let area = SVGBackend::with_string(&mut text, (width, HEIGHT)).into_drawing_area();
        area.fill(&WHITE)?;
        let (n, m) = (record.samples, record.snps);
        let head = format!("epitile bench, N = {n}, M = {m}, {}", record.factor.policy);
        let area = area.titled(&head, (FONT, 20))?;
        let area = area.titled(&record.machine, (FONT, 13).into_font().color(&GREY))?;
        if several {
            let (left, right) = area.split_horizontally(580);
            times(&left, &record.scaling)?;
            speedups(&right, &record.scaling)?;
        } else {
            times(&area, &record.scaling)?;
        }
        area.present()?;
    }
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Bars of the median times, their ranges as lines.
fn times(area: &Area<'_>, scaling: &[Scaling]) -> Drawn<()> {
    let bars = scaling.len() as f64;
    let all = scaling.iter().flat_map(|s| s.phases.values());
    let top = 1.12 * all.map(|p| p.max_s).fold(f64::MIN_POSITIVE, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(-0.5..PHASES.len() as f64 - 0.5, 0.0..top)?;
    let threads: Vec<String> = scaling.iter().map(|s| s.threads.to_string()).collect();
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_labels(PHASES.len())
        .x_label_formatter(&|x| phase(*x).unwrap_or_default())
        .x_desc(format!(
            "bars from left to right: {} thread{}",
            threads.join(", "),
            if threads == ["1"] { "" } else { "s" }
        ))
        .y_desc("seconds (median; line: least to most)")
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 13))
        .draw()?;
    let width = 0.8 / bars;
    for (k, run) in scaling.iter().enumerate() {
        // The more threads, the darker.
        let shade = 0.45 + 0.55 * (k as f64 + 1.0) / bars;
        for (place, (colour, p)) in COLOURS.iter().zip(in_order(run)).enumerate() {
            let left = place as f64 - 0.4 + width * k as f64;
            let middle = left + width / 2.0;
            let corners = [(left + 0.01, 0.0), (left + width - 0.01, p.median_s)];
            let label = ("sans-serif", 11).into_font().color(&GREY);
            let label = label.pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Center,
                plotters::style::text_anchor::VPos::Bottom,
            ));
            chart.draw_series([Rectangle::new(corners, colour.mix(shade).filled())])?;
            let range = [(middle, p.min_s), (middle, p.max_s)];
            chart.draw_series([PathElement::new(range, BLACK)])?;
            let above = (middle, p.max_s + 0.01 * top);
            chart.draw_series([Text::new(format!("{:.3}", p.median_s), above, label)])?;
        }
    }
    Ok(())
}

/// Lines of the speed-ups against the first number of threads.
fn speedups(area: &Area<'_>, scaling: &[Scaling]) -> Drawn<()> {
    let first = &scaling[0];
    let least = scaling.iter().map(|s| s.threads).min().unwrap_or(1) as f64;
    let most = scaling.iter().map(|s| s.threads).max().unwrap_or(1) as f64;
    let base = first.threads as f64;
    let gains = |name: &str| {
        let time = |s: &Scaling| s.phases.get(name).map_or(f64::NAN, |p| p.median_s);
        let points = scaling
            .iter()
            .map(|s| (s.threads as f64, time(first) / time(s)));
        let mut points: Vec<(f64, f64)> = points.filter(|p| p.1.is_finite()).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    };
    // What is loaded is loaded by one thread.
    let phases = || PHASES.iter().zip(COLOURS).skip(1);
    let measured = phases().flat_map(|(name, _)| gains(name)).map(|p| p.1);
    let top = 1.1 * measured.fold(most / base, f64::max);
    let pad = 0.06 * (most - least).max(1.0);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(least - pad..most + pad, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(scaling.len().clamp(2, 10))
        .x_label_formatter(&|x| match x.fract() {
            0.0 => format!("{x}"),
            _ => String::new(),
        })
        .x_desc("threads")
        .y_desc(format!("times as fast as with {base}"))
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 13))
        .draw()?;
    let ideal = [(least, least / base), (most, most / base)];
    chart
        .draw_series(DashedLineSeries::new(ideal, 6, 4, GREY.stroke_width(2)))?
        .label("ideal")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], GREY));
    for (name, colour) in phases() {
        let points = gains(name);
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(
            points
                .into_iter()
                .map(|at| Circle::new(at, 3, colour.filled())),
        )?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(GREY)
        .label_font((FONT, 13))
        .draw()?;
    Ok(())
}

/// Phases of a run in the order of [`PHASES`].
fn in_order(run: &Scaling) -> impl Iterator<Item = &PhaseTimes> {
    PHASES.iter().filter_map(|name| run.phases.get(name))
}

/// Name of the phase at `x`, if it is a whole number.
fn phase(x: f64) -> Option<String> {
    let whole = x.round();
    let near = (x - whole).abs() < 1e-6 && whole >= 0.0;
    let name = PHASES.get(whole as usize).filter(|_| near)?;
    Some((*name).to_owned())
}
