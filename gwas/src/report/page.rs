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
    let id = |title: &str| slug(&title.to_lowercase());
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
                            @for section in sections {
                                li { a href={ "#" (id(&section.title)) } { (section.title) } }
                            }
                        }
                    }
                }
                main {
                    @if let Some(grid) = summary {
                        section { h2 { (grid.caption) } (table(grid, false)) }
                    }
                    @for section in sections {
                        section id=(id(&section.title)) {
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
    let class = |k: usize| if numeric[k] { "number" } else { "text" };
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
