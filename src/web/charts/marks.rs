//! The marks of a series: each a figure that leads to the rows behind it.

use super::scale::Scale;
use super::series::{Point, Series};
use super::x_axis::XAxis;
use super::{Area, Canvas, Group, Mark, Shape, rounded};

/// What marks are placed by.
pub(super) struct Plot<'a> {
    pub canvas: &'a Canvas<'a>,
    pub axis: &'a XAxis,
    pub area: &'a Area,
}

/// A point of a series, and where along the bottom it stands.
pub(super) struct Place<'a> {
    pub series: &'a Series,
    pub index: usize,
    pub point: &'a Point,
}

/// A figure as a shape.
pub(super) fn mark(plot: &Plot<'_>, place: &Place<'_>, class: &'static str, shape: Shape) -> Mark {
    let Place { series, index, point } = place;
    let address = |row| (plot.canvas.address)(row, &series.column);
    Mark {
        class,
        is_of_few: point.is_of_few,
        shape,
        title: format!("{}, {}: {}", series.name, plot.axis.name(*index), point.figure),
        address: point.row.map_or_else(String::new, address),
    }
}

/// A line with a dot at each figure, broken where there is none.
pub(super) fn line(plot: &Plot<'_>, series: &Series, scale: &Scale) -> Group {
    let (axis, area) = (plot.axis, plot.area);
    let mut points: Vec<(usize, &Point)> =
        series.points.iter().filter_map(|point| Some((axis.index(&point.x)?, point))).collect();
    points.sort_by_key(|(index, _)| *index);
    let at =
        |index, figure| (rounded(area.x(axis.share(index))), rounded(area.y(scale.share(figure))));
    let mut group = Group::of(series);
    let before = points.iter().map(|(index, point)| point.previous.map(|y| at(*index, y)));
    group.before = path(before);
    group.line = path(points.iter().map(|(index, point)| point.y.map(|y| at(*index, y))));
    let is_gap = |nth: Option<usize>| {
        nth.and_then(|nth| points.get(nth)).is_none_or(|(_, point)| point.y.is_none())
    };
    for (nth, &(index, point)) in points.iter().enumerate() {
        let Some((x, y)) = point.y.map(|y| at(index, y)) else { continue };
        // No line leads to it: seen as a dot or not at all.
        let is_lone = is_gap(nth.checked_sub(1)) && is_gap(Some(nth + 1));
        let class = if is_lone { "dot lone" } else { "dot" };
        group.marks.push(mark(plot, &Place { series, index, point }, class, Shape::Dot { x, y }));
    }
    group
}

/// A line through points, lifted where there is none.
fn path(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut path = String::new();
    let mut goes_on = false;
    for point in points {
        if let Some((x, y)) = point {
            path.push_str(&format!("{}{x} {y}", if goes_on { 'L' } else { 'M' }));
        }
        goes_on = point.is_some();
    }
    path
}
