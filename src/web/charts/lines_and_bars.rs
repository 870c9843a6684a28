//! Lines, bars beside each other, bars upon each other; a `…_rate` column among bars as a line on
//! an axis of its own.

use super::labels::{Label, text_em};
use super::scale::{Ladder, Scale, Unit};
use super::series::{Point, Series};
use super::x_axis::XAxis;
use super::{
    Area, Drawing, EM_NARROW, GAP, Group, Key, Mark, PLOT_HEIGHT, RIGHT, Shape, WIDTH, rounded,
};
use crate::sql::ChartKind;

/// Bars on a logarithmic axis look more alike than they are.
const LADDER_NOTE: &str = "The scale is logarithmic: each line is several times the one below.";
/// How much of its slot a group of bars fills.
const BARS_SHARE: f64 = 0.8;
/// Widest bar: a chart of one day is no wall.
const BAR_WIDTH_MAX: f64 = 56.0;
/// Narrowest bar that is still seen.
const BAR_WIDTH_MIN: f64 = 0.5;

pub(super) fn draw(kind: ChartKind, all: &[Series], axis: &XAxis) -> Drawing {
    let (on_right, on_left) = sides(kind, all);
    let left = left_scale(kind, &on_left, axis);
    let right = (!on_right.is_empty()).then(|| {
        Scale::of(Unit::Share, on_right.iter().flat_map(|series| series.figures()), Ladder::Never)
    });
    let area = area(&left, right.as_ref(), axis);
    let mut groups = match kind {
        ChartKind::Line => on_left.iter().map(|series| line(series, axis, &left, &area)).collect(),
        ChartKind::StackedBar => stacked(&on_left, axis, &left, &area),
        ChartKind::Bar | ChartKind::Heatmap => grouped(&on_left, axis, &left, &area),
    };
    let mut labels = axis.labels(&area);
    labels.extend(figures(&left, &area, |y, text| Label::left(area.left - GAP, y, text)));
    if let Some(right) = &right {
        groups.extend(on_right.iter().map(|series| line(series, axis, right, &area)));
        labels.extend(figures(right, &area, |y, text| Label::right(area.right + GAP, y, text)));
    }
    let keys = on_left.iter().map(|series| (series, ""));
    let keys = keys.chain(on_right.iter().map(|series| (series, " (right axis)")));
    let key = |(series, side): (&&Series, &str)| Key {
        class: series.class(),
        name: format!("{}{side}", series.name),
    };
    Drawing {
        title: String::new(),
        legend: keys.map(key).collect(),
        note: if left.is_ladder { LADDER_NOTE.to_string() } else { String::new() },
        height: rounded(area.bottom() + axis.height(area.width())),
        is_dense: axis.is_dense(),
        grid: grid(&left, &area),
        labels,
        groups,
    }
}

/// Rates among bars stand on the right, all else on the left.
fn sides(kind: ChartKind, all: &[Series]) -> (Vec<&Series>, Vec<&Series>) {
    let among_bars = kind != ChartKind::Line && all.iter().any(|series| !series.is_rate);
    all.iter().partition(|series| among_bars && series.is_rate)
}

fn left_scale(kind: ChartKind, all: &[&Series], axis: &XAxis) -> Scale {
    let unit = all.first().map_or(Unit::Number, |series| series.unit);
    if kind == ChartKind::StackedBar {
        let mut stacks = Stacks::new(axis);
        let ends = all.iter().flat_map(|series| placed(series, axis));
        let ends: Vec<f64> = ends.map(|(index, y, _)| stacks.add(index, y).1).collect();
        return Scale::of(unit, ends.into_iter(), Ladder::Never);
    }
    Scale::of(unit, all.iter().flat_map(|series| series.figures()), Ladder::Allowed)
}

/// What remains of the picture between the labels.
fn area(left: &Scale, right: Option<&Scale>, axis: &XAxis) -> Area {
    let room = |scale: &Scale| {
        let widest = scale.ticks.iter().map(|tick| text_em(&tick.text)).fold(0.0, f64::max);
        widest * EM_NARROW + GAP
    };
    let right = WIDTH - right.map_or(RIGHT, room);
    let left = room(left);
    let left = left.max(axis.left(right - left) + GAP);
    Area { left: rounded(left), right: rounded(right), height: PLOT_HEIGHT }
}

/// The points that have a figure and a place: the place's index, the figure, the point.
fn placed<'a>(
    series: &'a Series,
    axis: &'a XAxis,
) -> impl Iterator<Item = (usize, f64, &'a Point)> {
    let points = series.points.iter();
    points.filter_map(|point| Some((axis.index(&point.x)?, point.y?, point)))
}

fn title(series: &Series, axis: &XAxis, index: usize, point: &Point) -> String {
    format!("{}, {}: {}", series.name, axis.name(index), point.figure)
}

fn line(series: &Series, axis: &XAxis, scale: &Scale, area: &Area) -> Group {
    let mut points: Vec<(usize, &Point)> =
        series.points.iter().filter_map(|point| Some((axis.index(&point.x)?, point))).collect();
    points.sort_by_key(|(index, _)| *index);
    let mut group = Group { class: series.class(), line: String::new(), marks: Vec::new() };
    let mut goes_on = false;
    for (nth, &(index, point)) in points.iter().enumerate() {
        let Some(figure) = point.y else {
            goes_on = false;
            continue;
        };
        let (x, y) = (rounded(area.x(axis.share(index))), rounded(area.y(scale.share(figure))));
        group.line.push_str(&format!("{}{x} {y}", if goes_on { 'L' } else { 'M' }));
        // No line leads to it: seen as a dot or not at all.
        let is_lone = !goes_on && points.get(nth + 1).is_none_or(|(_, next)| next.y.is_none());
        goes_on = true;
        let title = title(series, axis, index, point);
        group.marks.push(Mark {
            class: if is_lone { "dot lone" } else { "dot" },
            shape: Shape::Dot { x, y },
            title,
        });
    }
    group
}

fn grouped(all: &[&Series], axis: &XAxis, scale: &Scale, area: &Area) -> Vec<Group> {
    let width = bar_width(axis, area, all.len());
    let left_most = -width * all.len() as f64 / 2.0;
    let group = |(nth, series): (usize, &&Series)| {
        let marks = placed(series, axis).map(|(index, figure, point)| {
            let x = area.x(axis.share(index)) + left_most + width * nth as f64;
            let shape = bar(x, width, area, scale.base(), scale.share(figure));
            Mark { class: "column", shape, title: title(series, axis, index, point) }
        });
        Group { class: series.class(), line: String::new(), marks: marks.collect() }
    };
    all.iter().enumerate().map(group).collect()
}

fn stacked(all: &[&Series], axis: &XAxis, scale: &Scale, area: &Area) -> Vec<Group> {
    let width = bar_width(axis, area, 1);
    let mut stacks = Stacks::new(axis);
    let mut groups = Vec::new();
    for series in all {
        let marks = placed(series, axis).map(|(index, figure, point)| {
            let x = area.x(axis.share(index)) - width / 2.0;
            let (from, to) = stacks.add(index, figure);
            let shape = bar(x, width, area, scale.share(from), scale.share(to));
            Mark { class: "column", shape, title: title(series, axis, index, point) }
        });
        let marks = marks.collect();
        groups.push(Group { class: series.class(), line: String::new(), marks });
    }
    groups
}

/// How high each place is stacked, up from zero and down from it.
struct Stacks(Vec<(f64, f64)>);

impl Stacks {
    fn new(axis: &XAxis) -> Stacks {
        Stacks(vec![(0.0, 0.0); axis.len()])
    }

    /// Puts a figure on the stack of a place: from where to where it reaches.
    fn add(&mut self, index: usize, figure: f64) -> (f64, f64) {
        let (up, down) = &mut self.0[index];
        let end = if figure < 0.0 { down } else { up };
        let from = *end;
        *end += figure;
        (from, *end)
    }
}

fn bar_width(axis: &XAxis, area: &Area, beside: usize) -> f64 {
    let room = axis.slot() * area.width() * BARS_SHARE / beside.max(1) as f64;
    room.clamp(BAR_WIDTH_MIN, BAR_WIDTH_MAX)
}

/// A bar between two shares of the height, whichever is higher.
fn bar(x: f64, width: f64, area: &Area, one_end: f64, other_end: f64) -> Shape {
    let top = area.y(one_end.max(other_end));
    let height = area.y(one_end.min(other_end)) - top;
    Shape::Bar { x: rounded(x), y: rounded(top), width: rounded(width), height: rounded(height) }
}

fn figures(scale: &Scale, area: &Area, label: impl Fn(f64, String) -> Label) -> Vec<Label> {
    let ticks = scale.ticks.iter();
    ticks.map(|tick| label(area.y(scale.share(tick.value)), tick.text.clone())).collect()
}

/// A line across for each tick.
fn grid(scale: &Scale, area: &Area) -> String {
    let line = |y: f64| format!("M{} {}H{}", area.left, rounded(y), area.right);
    scale.ticks.iter().map(|tick| line(area.y(scale.share(tick.value)))).collect()
}
