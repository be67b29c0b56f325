//! Pictures as SVG: one for wide places and, where that would be too small there, one for phones.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, TextStyle};

use super::axis::Axis;
use crate::bench::chart::{FONT, GREY};
use crate::error::{Error, Result};

/// Units of a drawing per pixel of its nominal size: places are rounded to whole units.
pub(super) const FINE: i32 = 4;

/// Font size of labels, in pixels.
pub(super) const LABEL: i32 = 13;

/// Text that is not an axis's.
pub(super) const INK: RGBColor = RGBColor(30, 30, 30);

/// A drawing in progress.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What drawing returns: libraries' errors, translated by [`draw`].
pub(super) type Drawn<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A coordinate system in progress.
pub(super) type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// A picture of a report.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Part of its file name, unique in a report.
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What is to be seen, for those who cannot see it.
    pub text: String,
    /// Nominal size and SVG for pages and files.
    pub wide: ((u32, u32), String),
    /// The same for phones.
    pub narrow: Option<((u32, u32), String)>,
}

impl Picture {
    /// The picture as a file.
    pub fn svg(&self) -> String {
        self.element(&self.wide, "")
    }

    /// The same as an element of a page, and the one for phones.
    pub(super) fn elements(&self) -> (String, Option<String>) {
        let narrow = self.narrow.as_ref();
        (
            self.element(&self.wide, "wide"),
            narrow.map(|drawing| self.element(drawing, "narrow")),
        )
    }

    /// Adds what screen readers read.
    fn element(&self, ((width, height), svg): &((u32, u32), String), place: &str) -> String {
        let body = svg.split_once('>').map_or("", |(_, body)| body);
        let id = format!("{}-{place}", self.name);
        let fine = FINE as u32;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-title {id}-text\">\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-text\">{}</desc>{body}",
            width * fine,
            height * fine,
            escape(&self.title),
            escape(&self.text),
        )
    }
}

/// Text as it may stand in XML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Draws a picture of `size` pixels.
///
/// # Errors
/// If it cannot be drawn.
pub(super) fn draw(
    size: (u32, u32),
    what: impl FnOnce(&Area<'_>) -> Drawn<()>,
) -> Result<((u32, u32), String)> {
    let mut text = String::new();
    let fine = FINE as u32;
    let paint = || {
        let units = (size.0 * fine, size.1 * fine);
        let area = SVGBackend::with_string(&mut text, units).into_drawing_area();
        area.fill(&WHITE)?;
        what(&area)?;
        area.present()?;
        Ok(())
    };
    let painted: Drawn<()> = paint();
    painted.map_err(|e| Error::inconsistent(format!("a picture cannot be drawn: {e}")))?;
    // What SVG takes for granted.
    for usual in [" opacity=\"1\"", " stroke=\"none\"", " stroke-width=\"1\""] {
        text = text.replace(usual, "");
    }
    Ok((size, text.replace("\n</text>", "</text>")))
}

/// Text in units of the drawing. (The library divides sizes by 1.24.)
pub(super) fn font(pixels: i32) -> TextStyle<'static> {
    let size = f64::from(pixels * FINE) * 1.24;
    (FONT, size).into_font().color(&INK)
}

/// The same, placed relative to a point.
pub(super) fn placed(pixels: i32, h: HPos, v: VPos) -> TextStyle<'static> {
    font(pixels).pos(Pos::new(h, v))
}

/// Pixels that text of this size takes, about.
pub(super) fn width(text: &str, pixels: i32) -> i32 {
    (text.chars().count() as f64 * f64::from(pixels) * 0.56).ceil() as i32
}

/// Draws both axes, with lines at the ticks, and returns the plane between them.
pub(super) fn plane<'a, 'b>(area: &'a Area<'b>, x: Axis, y: Axis) -> Drawn<Plane<'a, 'b>> {
    let left = LABEL + 14 + width(&"0".repeat(y.widest()), LABEL);
    plane_from(area, x, y, left)
}

/// The same with `left` pixels for the labels of `y`.
pub(super) fn plane_from<'a, 'b>(
    area: &'a Area<'b>,
    x: Axis,
    y: Axis,
    left: i32,
) -> Drawn<Plane<'a, 'b>> {
    // A tick at the end of the axis has half its text in the margin.
    let across = area.dim_in_pixel().0 as i32 / FINE - left - 16;
    let x = x.with_room(|place, text| {
        place * f64::from(across) + f64::from(width(text, LABEL)) / 2.0 <= f64::from(across + 9)
    });
    let (x_label, y_label) = (x.label.clone(), y.label.clone());
    let (grid_x, ticks) = (x.grid, x.ticks().max(y.ticks()));
    let bottom = if x_label.is_empty() { 24 } else { 44 };
    let mut chart = ChartBuilder::on(area)
        .margin_top(10 * FINE)
        .margin_right(12 * FINE)
        .margin_left(4 * FINE)
        .margin_bottom(4 * FINE)
        .x_label_area_size(bottom * FINE)
        .y_label_area_size(left * FINE)
        .build_cartesian_2d(x, y)?;
    {
        let mut mesh = chart.configure_mesh();
        if !grid_x {
            mesh.disable_x_mesh();
        }
        mesh.light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(226, 226, 226).stroke_width(FINE as u32))
            .axis_style(GREY.stroke_width(FINE as u32))
            .x_labels(ticks)
            .y_labels(ticks)
            .label_style(font(LABEL))
            .set_all_tick_mark_size(4 * FINE)
            .draw()?;
    }
    // The library sets the names of axes in the middle of their room; these are closer to the edge.
    let (w, h) = area.dim_in_pixel();
    let (w, h) = (w as i32, h as i32);
    let middle = placed(LABEL, HPos::Center, VPos::Bottom);
    let across = (left * FINE + w) / 2;
    if !x_label.is_empty() {
        area.draw(&Text::new(x_label, (across, h - 2 * FINE), middle))?;
    }
    let turned = placed(LABEL, HPos::Center, VPos::Top).transform(FontTransform::Rotate270);
    let down = (h - bottom * FINE) / 2;
    if !y_label.is_empty() {
        area.draw(&Text::new(y_label, (3 * FINE, down), turned))?;
    }
    Ok(chart)
}

/// A shape that marks a place, so that colour is not the only difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Disc,
    Square,
    Triangle,
    Diamond,
    Ring,
}

impl Shape {
    pub(super) const ALL: [Shape; 5] = [
        Shape::Disc,
        Shape::Square,
        Shape::Triangle,
        Shape::Diamond,
        Shape::Ring,
    ];

    /// Its corners around (0, 0), for a radius of `r` units; none for round shapes.
    fn corners(self, r: i32) -> Vec<(i32, i32)> {
        match self {
            Shape::Disc | Shape::Ring => Vec::new(),
            Shape::Square => vec![(-r, -r), (r, -r), (r, r), (-r, r)],
            Shape::Triangle => vec![(0, -r * 5 / 4), (r * 5 / 4, r), (-r * 5 / 4, r)],
            Shape::Diamond => vec![
                (0, -r * 4 / 3),
                (r * 4 / 3, 0),
                (0, r * 4 / 3),
                (-r * 4 / 3, 0),
            ],
        }
    }

    /// Draws it at `at` in units of the drawing.
    pub(super) fn draw(
        self,
        area: &Area<'_>,
        at: (i32, i32),
        r: i32,
        colour: RGBColor,
    ) -> Drawn<()> {
        let move_to = |p: (i32, i32)| (p.0 + at.0, p.1 + at.1);
        match self {
            Shape::Disc => area.draw(&Circle::new(at, r, colour.filled()))?,
            Shape::Ring => {
                let style = colour.stroke_width(FINE as u32 * 3 / 2);
                area.draw(&Circle::new(at, r, WHITE.filled()))?;
                area.draw(&Circle::new(at, r, style))?;
            }
            other => {
                let corners: Vec<_> = other.corners(r).into_iter().map(move_to).collect();
                area.draw(&Polygon::new(corners, colour.filled()))?;
            }
        }
        Ok(())
    }
}

/// Sizes of a picture that fills the page, and of the same on a phone.
pub(super) const BROAD: [(u32, u32); 2] = [(1040, 380), (360, 320)];

/// Sizes of a picture that has a table beside it, and of the same on a phone.
pub(super) const PLAIN: [(u32, u32); 2] = [(480, 400), (360, 320)];

/// Draws a picture at both sizes.
///
/// # Errors
/// If it cannot be drawn.
pub(super) fn both(
    [name, title, text]: [String; 3],
    [wide, narrow]: [(u32, u32); 2],
    what: impl Fn(&Area<'_>, (u32, u32)) -> Drawn<()>,
) -> Result<Picture> {
    Ok(Picture {
        name: slug(&name),
        title,
        text,
        wide: draw(wide, |area| what(area, wide))?,
        narrow: Some(draw(narrow, |area| what(area, narrow))?),
    })
}

/// A name that is one in files and pages: letters, digits, `.`, `-` and `_`.
pub(super) fn slug(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let name: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '-' })
        .collect();
    name.trim_start_matches('.').to_owned()
}
