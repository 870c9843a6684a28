//! An answer as a chart: SVG made on the server from a named query's chart header and its rows. Any
//! query with such a header charts the same way, a shop's own too.
//!
//! Rules: durations are drawn in the largest unit that keeps numbers small, or on a logarithmic
//! axis where they lie far apart, which the axis then says, and bars become dots; `percent` and columns
//! named `…_rate` are shares between 0 and 1; a `…_rate` column among bars is a line on an axis of its own;
//! `previous_X` beside `X` is drawn faintly; a figure of few (the column `n`) is hollow; NULL is a gap.
//! Invariants: a chart has no script, no style and no colour of its own, only classes, so that the
//! style sheet decides and the pages' policy holds; series differ in more than their colour; text of outside
//! origin is escaped, with hidden characters shown; no two labels overlap; every mark is a link, where
//! there are rows to be shown.
//! It does not zoom: the table under it holds every figure.
//!
//! Lengths are in units of the picture, [`WIDTH`] of them across. The style sheet sets text in
//! [`EM_NARROW`] to [`EM_WIDE`] units, depending on the room there is, so that it reads as about 12
//! pixels everywhere.

// Rows → named series of points.
mod series;
// Where along the bottom a point stands.
mod x_axis;
// How high a figure stands: units, round ticks, the ladder of durations.
mod scale;
// Which labels fit, and how much room they take.
mod labels;
// Figures as shapes that lead somewhere.
mod marks;
// Lines, bars beside and upon each other.
mod lines_and_bars;
// Figures as shades.
mod heat_map;
// A chart as a file of its own.
mod picture;
#[cfg(test)]
mod tests;

use askama::Template;
use askama::filters::HtmlSafe;

use self::labels::Label;
use self::series::Series;
use self::x_axis::XAxis;
use super::grid::Grid;
use super::wording::Wording;
use crate::sql::{Chart, ChartKind};

pub(super) use picture::Picture;

/// Units from left to right.
const WIDTH: f64 = 600.0;
/// Units from the highest tick to the lowest.
const PLOT_HEIGHT: f64 = 250.0;
/// Room above the highest tick: what the axis counts, and half a line of text.
const TOP: f64 = 40.0;
/// Room to the right of the last bar, where no axis stands.
const RIGHT: f64 = 8.0;
/// Between a label and what it labels.
const GAP: f64 = 8.0;
/// Between an axis and the labels under it: the lowest figure beside it reaches down into this.
const BELOW: f64 = 15.0;
/// Size of text on a telephone, where the picture is 340 pixels wide: the largest, so every margin
/// is made for it.
const EM_NARROW: f64 = 22.0;
/// Size of text where the picture is 560 pixels wide and more.
const EM_WIDE: f64 = 13.0;
/// From this many places on, bars and dots touch, and their outlines would be all that is seen.
const DENSE: usize = 60;

/// What a chart is made of.
pub(super) struct Canvas<'a> {
    pub chart: &'a Chart,
    pub grid: &'a Grid,
    pub title: &'a str,
    pub wording: &'a Wording,
    /// Where the figure of a column in a row of the answer leads; empty: nowhere.
    pub address: &'a dyn Fn(usize, &str) -> String,
    /// Tells its parts from those of other charts on a page: letters, digits, `_` and `-`.
    pub id: &'a str,
}

/// A chart as shapes. Renders itself escaped, so that templates need no `safe`.
#[derive(Debug, Default, Template)]
#[template(path = "chart.html")]
pub(super) struct Drawing {
    id: String,
    title: String,
    legend: Vec<Key>,
    /// What a reader has to know: how the axis is divided, what of the answer is not drawn.
    note: String,
    height: f64,
    is_dense: bool,
    /// Lines behind the figures, as path data.
    grid: String,
    labels: Vec<Label>,
    groups: Vec<Group>,
}

// Its template escapes what it shows.
impl HtmlSafe for Drawing {}

/// An entry of the legend.
#[derive(Debug)]
struct Key {
    class: String,
    /// Which dashes, dot and texture it has.
    style: usize,
    kind: KeyKind,
    name: String,
}

/// As what an entry of the legend is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    Line,
    Column,
    Shade,
    /// The period before.
    Before,
}

/// The marks of one series.
#[derive(Debug, Default)]
struct Group {
    class: String,
    style: usize,
    /// The line through the dots, as path data; empty among bars.
    line: String,
    /// What was a period before, as path data.
    before: String,
    marks: Vec<Mark>,
}

impl Group {
    fn of(series: &Series) -> Group {
        Group { class: series.class(), style: series.style, ..Group::default() }
    }
}

/// One figure.
#[derive(Debug)]
struct Mark {
    class: &'static str,
    is_of_few: bool,
    shape: Shape,
    /// Name, label and figure as people read them.
    title: String,
    /// Where its rows are shown; empty: nowhere.
    address: String,
}

#[derive(Debug)]
enum Shape {
    Bar { x: f64, y: f64, width: f64, height: f64 },
    Dot { x: f64, y: f64 },
}

/// A dot about (0, 0) for each style, as path data: told apart without colours.
const DOTS: [&str; 8] = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M-3.6-3.6h7.2v7.2h-7.2z",
    "M0-4.8L4.6 3.4h-9.2z",
    "M0-5.2L5.2 0L0 5.2L-5.2 0z",
    "M0 4.8L4.6-3.4h-9.2z",
    "M-1.6-4.8h3.2v3.2h3.2v3.2h-3.2v3.2h-3.2v-3.2h-3.2v-3.2h3.2z",
    "M-5 0L-2.5-4.4h5L5 0L2.5 4.4h-5z",
    "M-4.6-4.6L4.6-4.6L0 0L4.6 4.6L-4.6 4.6L0 0z",
];
/// Strokes on the columns of each style, in a square of [`TEXTURE`] units; the first has none.
const TEXTURES: [&str; 8] = [
    "",
    "M0 8L8 0",
    "M0 4h8",
    "M0 0L8 8",
    "M4 0v8",
    "M0 4h8M4 0v8",
    "M0 8L8 0M0 0L8 8",
    "M2 2h1.5v1.5h-1.5zM6 6h1.5v1.5h-1.5z",
];
const TEXTURE: f64 = 8.0;

fn of_style(all: &[&'static str; 8], style: usize) -> &'static str {
    all[style.saturating_sub(1) % all.len()]
}

impl Drawing {
    fn dot(&self, style: &usize) -> &'static str {
        of_style(&DOTS, *style)
    }

    fn texture(&self, style: &usize) -> &'static str {
        of_style(&TEXTURES, *style)
    }

    /// The styles whose columns have a texture here, each with the class of its colour.
    fn textured(&self) -> Vec<(usize, &str)> {
        let has_columns = |group: &&Group| {
            group.style > 1 && group.marks.iter().any(|mark| mark.class == "column")
        };
        let groups = self.groups.iter().filter(has_columns);
        groups.map(|group| (group.style, group.class.as_str())).collect()
    }

    /// What columns of a style are filled with, beside their colour.
    fn fill(&self, style: &usize) -> String {
        if *style > 1 { format!("url(#{}-{style})", self.id) } else { String::new() }
    }

    /// How many figures lead somewhere.
    fn links(&self) -> usize {
        let marks = self.groups.iter().flat_map(|group| &group.marks);
        marks.filter(|mark| !mark.address.is_empty()).count()
    }
}

/// The part of the picture inside the axes.
#[derive(Clone, Copy)]
struct Area {
    left: f64,
    right: f64,
    top: f64,
    height: f64,
}

impl Area {
    fn width(&self) -> f64 {
        self.right - self.left
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// From a share of the width.
    fn x(&self, share: f64) -> f64 {
        self.left + share * self.width()
    }

    /// From a share of the height, counted upwards.
    fn y(&self, share: f64) -> f64 {
        self.bottom() - share * self.height
    }
}

/// The chart of an answer; `None` when the rows lack the columns it names or there is nothing to draw.
pub(super) fn draw(canvas: &Canvas<'_>) -> Option<Drawing> {
    let read = series::read(canvas)?;
    let axis = XAxis::of(&read.series, &canvas.chart.x, canvas.wording)?;
    let drawing = match canvas.chart.kind {
        ChartKind::Heatmap => heat_map::draw(canvas, &read.series, &axis),
        ChartKind::Line | ChartKind::Bar | ChartKind::StackedBar => {
            lines_and_bars::draw(canvas, &read.series, &axis)
        }
    };
    let note = format!("{} {}", drawing.note, read.note).trim().to_string();
    let (id, title) = (canvas.id.to_string(), canvas.title.to_string());
    Some(Drawing { id, title, note, ..drawing })
}

/// A tenth of a unit is finer than any screen.
fn rounded(units: f64) -> f64 {
    (units * 10.0).round() / 10.0
}
