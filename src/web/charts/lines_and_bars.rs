//! Lines, bars beside each other, bars upon each other; a `…_rate` column among bars as a line on
//! an axis of its own; what was a period before, faintly.

use super::labels::{Label, text_em};
use super::marks::{Place, Plot, line, mark};
use super::scale::{Ladder, Scale, Unit};
use super::series::{Point, Series};
use super::x_axis::XAxis;
use super::{
    Area, Canvas, Drawing, EM_NARROW, GAP, Group, Key, KeyKind, PLOT_HEIGHT, RIGHT, Shape, TOP,
    WIDTH, rounded,
};
use crate::sql::ChartKind;

/// Two points on a logarithmic axis look more alike than they are.
const LADDER_NOTE: &str = "Logarithmic: each line is several times the one below.";
/// How much of its slot a group of bars fills.
const BARS_SHARE: f64 = 0.8;
/// Widest bar: a chart of one day is no wall.
const BAR_WIDTH_MAX: f64 = 56.0;
/// Narrowest bar that is still seen.
const BAR_WIDTH_MIN: f64 = 0.5;

pub(super) fn draw(canvas: &Canvas<'_>, all: &[Series], axis: &XAxis) -> Drawing {
    let kind = canvas.chart.kind;
    let (on_right, on_left) = sides(kind, all);
    let left = left_scale(kind, &on_left, axis);
    let right = (!on_right.is_empty()).then(|| {
        let figures = on_right.iter().flat_map(|series| series.all_figures());
        Scale::of(Unit::Share, figures, Ladder::Never)
    });
    let area = area(&left, right.as_ref(), axis);
    let plot = Plot { canvas, axis, area: &area };
    let mut groups = match kind {
        ChartKind::Line => on_left.iter().map(|series| line(&plot, series, &left)).collect(),
        ChartKind::StackedBar => stacked(&plot, &on_left, &left),
        // A bar on a logarithmic axis has no zero to begin at, and no length that means anything.
        _ if left.is_ladder => grouped(&plot, &on_left, &left, true),
        ChartKind::Bar | ChartKind::Heatmap => grouped(&plot, &on_left, &left, false),
    };
    let mut labels = axis.labels(&area);
    labels.push(Label::caption(caption(&left, &on_left, axis)));
    labels.extend(figures(&left, &area, |y, text| Label::left(area.left - GAP, y, text)));
    if let Some(right) = &right {
        groups.extend(on_right.iter().map(|series| line(&plot, series, right)));
        let words = caption(right, &on_right, axis);
        labels.push(Label::caption_right(words));
        labels.extend(figures(right, &area, |y, text| Label::right(area.right + GAP, y, text)));
    }
    let are_dots = kind == ChartKind::Line || left.is_ladder;
    Drawing {
        legend: legend(&on_left, &on_right, are_dots),
        note: if left.is_ladder { LADDER_NOTE.to_string() } else { String::new() },
        height: rounded(area.bottom() + axis.height(area.width())),
        is_dense: axis.is_dense(),
        grid: grid(&left, &area),
        labels,
        groups,
        ..Drawing::default()
    }
}

/// What stands beside the shapes: each series, and the period before where it is drawn.
fn legend(on_left: &[&Series], on_right: &[&Series], are_dots: bool) -> Vec<Key> {
    let key = |series: &&Series, kind, side| Key {
        class: series.class(),
        style: series.style,
        kind,
        name: format!("{}{side}", series.name),
    };
    let kind = if are_dots { KeyKind::Line } else { KeyKind::Column };
    let mut keys: Vec<Key> = on_left.iter().map(|series| key(series, kind, "")).collect();
    keys.extend(on_right.iter().map(|series| key(series, KeyKind::Line, " (right axis)")));
    let has_previous =
        |series: &&&Series| series.points.iter().any(|point| point.previous.is_some());
    if let Some(series) = on_left.iter().chain(on_right).find(has_previous) {
        let (class, style) = (series.class(), series.style);
        keys.push(Key { class, style, kind: KeyKind::Before, name: "period before".to_string() });
    }
    keys
}

/// What the figures of an axis are, and by what they stand along the bottom.
fn caption(scale: &Scale, all: &[&Series], axis: &XAxis) -> String {
    let what = match (all, all.first().map(|series| series.unit)) {
        ([series], _) => series.name.clone(),
        (_, Some(Unit::Seconds)) => "duration".to_string(),
        (_, Some(Unit::Share)) => "share".to_string(),
        ([first, ..], Some(Unit::Count)) if all.iter().all(|one| one.column == first.column) => {
            crate::web::figures::label(&first.column)
        }
        (_, Some(Unit::Count)) => "count".to_string(),
        _ => String::new(),
    };
    let ladder = if scale.is_ladder { ", logarithmic" } else { "" };
    format!("{what} by {}{ladder}", axis.caption())
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
        let mut before = Stacks::new(axis);
        let mut ends = Vec::new();
        for series in all {
            for (index, point) in places(series, axis) {
                ends.extend(point.y.map(|y| stacks.add(index, y).1));
                ends.extend(point.previous.map(|previous| before.add(index, previous).1));
            }
        }
        return Scale::of(unit, ends.into_iter(), Ladder::Never);
    }
    Scale::of(unit, all.iter().flat_map(|series| series.all_figures()), Ladder::Allowed)
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
    Area { left: rounded(left), right: rounded(right), top: TOP, height: PLOT_HEIGHT }
}

/// The points that have a place, each with its index.
fn places<'a>(series: &'a Series, axis: &'a XAxis) -> impl Iterator<Item = (usize, &'a Point)> {
    series.points.iter().filter_map(|point| Some((axis.index(&point.x)?, point)))
}

/// Bars beside each other, or dots where bars would have no foot.
fn grouped(plot: &Plot<'_>, all: &[&Series], scale: &Scale, are_dots: bool) -> Vec<Group> {
    let (axis, area) = (plot.axis, plot.area);
    let width = bar_width(axis, area, all.len());
    let left_most = -width * all.len() as f64 / 2.0;
    let group = |(nth, series): (usize, &&Series)| {
        let mut group = Group::of(series);
        for (index, point) in places(series, axis) {
            let x = area.x(axis.share(index)) + left_most + width * nth as f64;
            if let Some(previous) = point.previous {
                group.before.push_str(&across(x, width, area.y(scale.share(previous))));
            }
            let Some(figure) = point.y else { continue };
            let place = Place { series, index, point };
            let (class, shape) = if are_dots {
                let y = area.y(scale.share(figure));
                ("dot lone", Shape::Dot { x: rounded(x + width / 2.0), y: rounded(y) })
            } else {
                ("column", bar(x, width, area, scale.base(), scale.share(figure)))
            };
            group.marks.push(mark(plot, &place, class, shape));
        }
        group
    };
    all.iter().enumerate().map(group).collect()
}

/// Bars upon each other, and how high they stood before.
fn stacked(plot: &Plot<'_>, all: &[&Series], scale: &Scale) -> Vec<Group> {
    let (axis, area) = (plot.axis, plot.area);
    let width = bar_width(axis, area, 1);
    let mut stacks = Stacks::new(axis);
    let mut before: Vec<Option<f64>> = vec![None; axis.len()];
    let mut groups = Vec::new();
    for series in all {
        let mut group = Group::of(series);
        for (index, point) in places(series, axis) {
            if let Some(previous) = point.previous {
                *before[index].get_or_insert(0.0) += previous;
            }
            let Some(figure) = point.y else { continue };
            let x = area.x(axis.share(index)) - width / 2.0;
            let (from, to) = stacks.add(index, figure);
            let shape = bar(x, width, area, scale.share(from), scale.share(to));
            group.marks.push(mark(plot, &Place { series, index, point }, "column", shape));
        }
        groups.push(group);
    }
    if let Some(last) = groups.last_mut() {
        let stood = before.iter().enumerate().filter_map(|(index, sum)| Some((index, (*sum)?)));
        last.before = stood
            .map(|(index, sum)| {
                let x = area.x(axis.share(index)) - width / 2.0;
                across(x, width, area.y(scale.share(sum)))
            })
            .collect();
    }
    groups
}

/// A stroke as wide as a bar.
fn across(x: f64, width: f64, y: f64) -> String {
    format!("M{} {}h{}", rounded(x), rounded(y), rounded(width))
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
