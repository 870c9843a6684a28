//! An answer as a chart: SVG made on the server from a named query's chart header and its rows. Any
//! query with such a header charts the same way, a shop's own too.
//!
//! Rules: durations are drawn in the largest unit that keeps numbers small, or on a logarithmic
//! axis where they lie far apart; `percent` and columns named `…_rate` are shares between 0 and 1;
//! a `…_rate` column among bars is a line on an axis of its own; NULL is a gap.
//! Invariants: a chart has no script, no style and no colour of its own, only classes, so that the
//! style sheet decides and the pages' policy holds; text of outside origin is escaped, with hidden
//! characters shown; no two labels overlap.
//! It answers no clicks and does not zoom: the table under it holds every figure.
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
// Lines, bars beside and upon each other.
mod lines_and_bars;
// Figures as shades.
mod heat_map;
#[cfg(test)]
mod tests;

use askama::Template;
use askama::filters::HtmlSafe;

use self::labels::Label;
use self::x_axis::XAxis;
use super::grid::Grid;
use crate::sql::{Chart, ChartKind};

/// Units from left to right.
const WIDTH: f64 = 600.0;
/// Units from the highest tick to the lowest.
const PLOT_HEIGHT: f64 = 250.0;
/// Room above the highest tick: half a line of text.
const TOP: f64 = 14.0;
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

/// A chart as shapes. Renders itself escaped, so that templates need no `safe`.
#[derive(Debug, Template)]
#[template(path = "chart.html")]
pub(super) struct Drawing {
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
    name: String,
}

/// The marks of one series.
#[derive(Debug)]
struct Group {
    class: String,
    /// The line through the dots, as path data; empty among bars.
    line: String,
    marks: Vec<Mark>,
}

/// One figure.
#[derive(Debug)]
struct Mark {
    class: &'static str,
    shape: Shape,
    /// Name, label and figure as people read them.
    title: String,
}

#[derive(Debug)]
enum Shape {
    Bar { x: f64, y: f64, width: f64, height: f64 },
    Dot { x: f64, y: f64 },
}

/// The part of the picture inside the axes.
#[derive(Clone, Copy)]
struct Area {
    left: f64,
    right: f64,
    height: f64,
}

impl Area {
    fn width(&self) -> f64 {
        self.right - self.left
    }

    fn bottom(&self) -> f64 {
        TOP + self.height
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

/// The chart of an answer to the question `title`; `None` when the rows lack the columns it names
/// or there is nothing to draw.
pub(super) fn draw(chart: &Chart, grid: &Grid, title: &str) -> Option<Drawing> {
    let read = series::read(chart, grid)?;
    let axis = XAxis::of(&read.series, &chart.x)?;
    let drawing = match chart.kind {
        ChartKind::Heatmap => heat_map::draw(&read.series, &axis),
        ChartKind::Line | ChartKind::Bar | ChartKind::StackedBar => {
            lines_and_bars::draw(chart.kind, &read.series, &axis)
        }
    };
    let note = format!("{} {}", drawing.note, read.note).trim().to_string();
    Some(Drawing { title: title.to_string(), note, ..drawing })
}

/// A tenth of a unit is finer than any screen.
fn rounded(units: f64) -> f64 {
    (units * 10.0).round() / 10.0
}
