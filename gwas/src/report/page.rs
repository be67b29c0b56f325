//! The page: sections of pictures, each with its numbers beside it, in one HTML file.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::grid::Grid;
use super::picture::{Picture, slug};

/// Everything that the page needs besides its text.
const STYLE: &str = include_str!("style.css");

/// A picture with its numbers, or numbers alone.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    /// Its heading.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// The picture, if there is anything to draw.
    pub picture: Option<Picture>,
    /// Its numbers.
    pub grids: Vec<Grid>,
    /// Whether the picture takes the whole width.
    pub broad: bool,
}

impl Figure {
    /// A figure beside its numbers.
    pub fn new(
        title: impl Into<String>,
        caption: impl Into<String>,
        picture: Option<Picture>,
        grids: Vec<Grid>,
    ) -> Figure {
        Figure {
            title: title.into(),
            caption: caption.into(),
            picture,
            grids,
            broad: false,
        }
    }
}

/// A part of the page with a heading.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What is to be said before the figures.
    pub text: Vec<String>,
    /// Its figures.
    pub figures: Vec<Figure>,
}

/// The page as HTML. It holds everything it needs; browsers are told to load nothing.
pub(super) fn page(
    title: &str,
    lead: &[String],
    summary: Option<&Grid>,
    sections: &[Section],
) -> String {
    let ids = ids(sections);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                meta name="generator" content=(concat!("epitile ", env!("CARGO_PKG_VERSION")));
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    @for line in lead { p { (line) } }
                    nav aria-label="Contents" {
                        ul {
                            @for (section, id) in sections.iter().zip(&ids) {
                                li { a href={ "#" (id) } { (section.title) } }
                            }
                        }
                    }
                }
                main {
                    @if let Some(grid) = summary {
                        section { h2 { (grid.caption) } (table(grid, false)) }
                    }
                    @for (section, id) in sections.iter().zip(&ids) {
                        section id=(id) {
                            h2 { (section.title) }
                            @for line in &section.text { p { (line) } }
                            @for figure in &section.figures { (figure_of(figure)) }
                        }
                    }
                }
            }
        }
    }
    .into_string()
}

/// Names of the sections' places in the page: titles that differ may have the same letters.
fn ids(sections: &[Section]) -> Vec<String> {
    let id = |(k, s): (usize, &Section)| format!("{}-{}", slug(&s.title.to_lowercase()), k + 1);
    sections.iter().enumerate().map(id).collect()
}

fn figure_of(figure: &Figure) -> Markup {
    let class = match (&figure.picture, figure.broad) {
        (None, _) => "figure plain",
        (Some(_), true) => "figure broad",
        (Some(_), false) => "figure",
    };
    html! {
        article class=(class) {
            h3 { (figure.title) }
            @if let Some(picture) = &figure.picture {
                @let (wide, narrow) = picture.elements();
                figure {
                    div class=(if narrow.is_some() { "wide" } else { "any" }) { (PreEscaped(wide)) }
                    @if let Some(narrow) = narrow { div class="narrow" { (PreEscaped(narrow)) } }
                    @if !figure.caption.is_empty() { figcaption { (figure.caption) } }
                }
            } @else if !figure.caption.is_empty() {
                p { (figure.caption) }
            }
            div class="numbers" {
                @for grid in &figure.grids { (table(grid, true)) }
            }
        }
    }
}

fn table(grid: &Grid, caption: bool) -> Markup {
    let numeric: Vec<bool> = (0..grid.head.len()).map(|k| grid.is_numeric(k)).collect();
    // A command line breaks over lines, a name does not.
    let long = |k: usize| grid.rows.iter().any(|row| row[k].chars().count() > 40);
    let class = |k: usize| match (numeric[k], long(k)) {
        (true, _) => "number",
        (false, false) => "text",
        (false, true) => "text long",
    };
    // What scrolls must be reached by keyboard too.
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(grid.caption) {
            table {
                @if caption { caption { (grid.caption) } }
                thead { tr { @for (k, name) in grid.head.iter().enumerate() {
                    th scope="col" class=(class(k)) { (name) }
                } } }
                tbody { @for (line, row) in grid.rows.iter().enumerate() {
                    tr class=[grid.bold.contains(&line).then_some("bold")] {
                        @for (k, cell) in row.iter().enumerate() {
                            @if k == 0 { th scope="row" class=(class(k)) { (cell) } }
                            @else { td class=(class(k)) { (cell) } }
                        }
                    }
                } }
            }
        }
    }
}
