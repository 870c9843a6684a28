//! Figures as shades: a row for each series, a column for each place along the bottom. A shade is
//! an interval between two ticks of the scale that bars would have, so the legend can say what it
//! means.

use super::labels::{Label, TEXT_EM_MAX, shortened, text_em};
use super::marks::{Place, Plot, mark};
use super::scale::{Ladder, Scale, Tick, Unit};
use super::series::{Point, Series};
use super::x_axis::XAxis;
use super::{
    Area, Canvas, Drawing, EM_NARROW, GAP, Group, Key, KeyKind, Mark, PLOT_HEIGHT, RIGHT, Shape,
    TOP, WIDTH, rounded,
};

/// The style sheet's shades, from low to high: as many as a scale has intervals at most.
const SHADES: &[&str] =
    &["heat-1", "heat-2", "heat-3", "heat-4", "heat-5", "heat-6", "heat-7", "heat-8"];
/// Rows no higher than this, and no lower than text.
const ROW_HEIGHT_MAX: f64 = 40.0;

pub(super) fn draw(canvas: &Canvas<'_>, rows: &[Series], axis: &XAxis) -> Drawing {
    let unit = rows.first().map_or(Unit::Number, |row| row.unit);
    let scale = Scale::of(unit, rows.iter().flat_map(Series::figures), Ladder::Allowed);
    let row_height = (PLOT_HEIGHT / rows.len().max(1) as f64).clamp(EM_NARROW, ROW_HEIGHT_MAX);
    let area = area(rows, axis, row_height);
    let plot = Plot { canvas, axis, area: &area };
    let top_of = |nth: usize| area.top + row_height * nth as f64;
    let mut labels = axis.labels(&area);
    let rows_are = canvas.chart.series.as_deref().map_or("", |series| series).replace('_', " ");
    let caption = format!("{rows_are} by {}", axis.caption());
    labels.push(Label::caption(caption));
    labels.extend(rows.iter().enumerate().map(|(nth, row)| {
        let text = shortened(&row.name, TEXT_EM_MAX);
        Label::left(area.left - GAP, top_of(nth) + row_height / 2.0, text)
    }));
    let group = |(nth, row): (usize, &Series)| Group {
        class: "heat".to_string(),
        marks: cells(&plot, row, &scale, (top_of(nth), row_height)),
        ..Group::default()
    };
    Drawing {
        legend: legend(&scale),
        height: rounded(area.bottom() + axis.height(area.width())),
        is_dense: axis.is_dense(),
        labels,
        groups: rows.iter().enumerate().map(group).collect(),
        ..Drawing::default()
    }
}

fn area(rows: &[Series], axis: &XAxis, row_height: f64) -> Area {
    let names = rows.iter().map(|row| text_em(&shortened(&row.name, TEXT_EM_MAX)));
    let left = names.fold(0.0, f64::max) * EM_NARROW + GAP;
    let right = WIDTH - RIGHT;
    let left = left.max(axis.left(right - left) + GAP);
    Area { left: rounded(left), right, top: TOP, height: rounded(row_height * rows.len() as f64) }
}

/// A row's figures; where there is none, there is no cell.
fn cells(plot: &Plot<'_>, row: &Series, scale: &Scale, place: (f64, f64)) -> Vec<Mark> {
    let (top, height) = place;
    let (axis, area) = (plot.axis, plot.area);
    let width = axis.slot() * area.width();
    let cell = |point: &Point| {
        let index = axis.index(&point.x)?;
        let figure = point.y?;
        let shape = Shape::Bar {
            x: rounded(area.x(axis.share(index)) - width / 2.0),
            y: rounded(top),
            width: rounded(width),
            height: rounded(height),
        };
        Some(mark(plot, &Place { series: row, index, point }, shade(scale, figure), shape))
    };
    row.points.iter().filter_map(cell).collect()
}

/// The shade of a figure's interval between ticks; the highest tick belongs to the last.
fn shade(scale: &Scale, figure: f64) -> &'static str {
    let above = scale.ticks.iter().skip(1).take_while(|tick| tick.value <= figure).count();
    shade_of(above, intervals(scale))
}

/// The shade of the `nth` of `count` intervals: however few they are, the last is the darkest.
fn shade_of(nth: usize, count: usize) -> &'static str {
    SHADES[((nth + 1) * SHADES.len() / count).clamp(1, SHADES.len()) - 1]
}

fn intervals(scale: &Scale) -> usize {
    scale.ticks.len().saturating_sub(1).max(1)
}

fn legend(scale: &Scale) -> Vec<Key> {
    let key = |(nth, ends): (usize, &[Tick])| Key {
        class: format!("heat {}", shade_of(nth, intervals(scale))),
        style: 1,
        kind: KeyKind::Shade,
        name: format!("{} – {}", ends[0].text, ends[1].text),
    };
    scale.ticks.windows(2).enumerate().map(key).collect()
}
