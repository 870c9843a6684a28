//! Figures as shades: a row for each series, a column for each place along the bottom. A shade is
//! an interval between two ticks of the scale that bars would have, so the legend can say what it
//! means.

use super::labels::{Label, TEXT_EM_MAX, shortened, text_em};
use super::scale::{Ladder, Scale, Tick, Unit};
use super::series::{Point, Series};
use super::x_axis::XAxis;
use super::{
    Area, Drawing, EM_NARROW, GAP, Group, Key, Mark, PLOT_HEIGHT, RIGHT, Shape, TOP, WIDTH, rounded,
};

/// The style sheet's shades, from low to high: as many as a scale has intervals at most.
const SHADES: &[&str] =
    &["heat-1", "heat-2", "heat-3", "heat-4", "heat-5", "heat-6", "heat-7", "heat-8"];
/// Rows no higher than this, and no lower than text.
const ROW_HEIGHT_MAX: f64 = 40.0;

pub(super) fn draw(rows: &[Series], axis: &XAxis) -> Drawing {
    let unit = rows.first().map_or(Unit::Number, |row| row.unit);
    let scale = Scale::of(unit, rows.iter().flat_map(Series::figures), Ladder::Allowed);
    let row_height = (PLOT_HEIGHT / rows.len().max(1) as f64).clamp(EM_NARROW, ROW_HEIGHT_MAX);
    let area = area(rows, axis, row_height);
    let top_of = |nth: usize| TOP + row_height * nth as f64;
    let mut labels = axis.labels(&area);
    labels.extend(rows.iter().enumerate().map(|(nth, row)| {
        let text = shortened(&row.name, TEXT_EM_MAX);
        Label::left(area.left - GAP, top_of(nth) + row_height / 2.0, text)
    }));
    let group = |(nth, row): (usize, &Series)| Group {
        class: "heat".to_string(),
        line: String::new(),
        marks: cells(row, axis, &scale, &area, (top_of(nth), row_height)),
    };
    Drawing {
        title: String::new(),
        legend: legend(&scale),
        note: String::new(),
        height: rounded(area.bottom() + axis.height(area.width())),
        is_dense: axis.is_dense(),
        grid: String::new(),
        labels,
        groups: rows.iter().enumerate().map(group).collect(),
    }
}

fn area(rows: &[Series], axis: &XAxis, row_height: f64) -> Area {
    let names = rows.iter().map(|row| text_em(&shortened(&row.name, TEXT_EM_MAX)));
    let left = names.fold(0.0, f64::max) * EM_NARROW + GAP;
    let right = WIDTH - RIGHT;
    let left = left.max(axis.left(right - left) + GAP);
    Area { left: rounded(left), right, height: rounded(row_height * rows.len() as f64) }
}

/// A row's figures; where there is none, there is no cell.
fn cells(row: &Series, axis: &XAxis, scale: &Scale, area: &Area, place: (f64, f64)) -> Vec<Mark> {
    let (top, height) = place;
    let width = axis.slot() * area.width();
    let points = row.points.iter();
    let placed = points.filter_map(|point| Some((axis.index(&point.x)?, point.y?, point)));
    let cell = |(index, figure, point): (usize, f64, &Point)| Mark {
        class: shade(scale, figure),
        shape: Shape::Bar {
            x: rounded(area.x(axis.share(index)) - width / 2.0),
            y: rounded(top),
            width: rounded(width),
            height: rounded(height),
        },
        title: format!("{}, {}: {}", row.name, axis.name(index), point.figure),
    };
    placed.map(cell).collect()
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
        class: shade_of(nth, intervals(scale)).to_string(),
        name: format!("{} – {}", ends[0].text, ends[1].text),
    };
    scale.ticks.windows(2).enumerate().map(key).collect()
}
