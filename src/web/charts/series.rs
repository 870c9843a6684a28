//! An answer's rows as named series of points.
//!
//! Invariants: at most [`SERIES_MAX`] series and [`POINTS_MAX`] points; what is left out is said in
//! a note, and what can be added up stands together as the rest.

use std::collections::{HashMap, HashSet};

use super::Canvas;
use super::scale::Unit;
use crate::sql::{Chart, ChartKind, PREVIOUS};
use crate::web::figures::{figure, label, thousands};
use crate::web::grid::{Grid, Value};
use crate::web::shown::Shown;

/// Series drawn at most: as many as colours that everybody can tell apart. The table under the chart has them all.
pub(super) const SERIES_MAX: usize = 8;
/// Rows of a heat map at most, which are told apart by where they stand: the hours of a day.
const ROWS_MAX: usize = 24;
/// Points drawn at most: ten years of days in three columns. × about 300 bytes of SVG = 3.6 MB
/// before compression.
const POINTS_MAX: usize = 12_000;
/// Figures from here on are no figures of a shop, and an axis has no room for their labels.
const FIGURE_MAX: f64 = 1e15;
/// A percentile or a share of fewer is chance more than fact.
const FEW: i64 = 20;
/// The order in which roles are stacked and coloured, in every chart the same.
const ROLE_ORDER: &[&str] = &["customer", "human", "bot", "system"];

/// One line or one colour of bars.
pub(super) struct Series {
    pub name: String,
    /// The column that its figures are in.
    pub column: String,
    /// Which of the style sheet's colours, dashes and textures it has, from 1.
    pub style: usize,
    pub unit: Unit,
    /// It comes of a column named `…_rate`.
    pub is_rate: bool,
    pub points: Vec<Point>,
}

pub(super) struct Point {
    pub x: Value,
    /// `None` where there is no figure, or one from [`FIGURE_MAX`] on.
    pub y: Option<f64>,
    pub is_too_large: bool,
    /// The figure as people read it, with what it was a period before, and of how many it is.
    pub figure: String,
    /// What it was a period before.
    pub previous: Option<f64>,
    /// It is of so few that it says little.
    pub is_of_few: bool,
    /// The row of the answer; `None` where it is the sum of several.
    pub row: Option<usize>,
}

/// What of an answer is drawn.
pub(super) struct Read {
    pub series: Vec<Series>,
    /// What is not; empty when all is.
    pub note: String,
}

/// Reads the columns that the chart names; `None` where they are missing or hold no figure.
pub(super) fn read(canvas: &Canvas<'_>) -> Option<Read> {
    let Canvas { chart, grid, .. } = canvas;
    let x = grid.column(&chart.x)?;
    let columns = chart.y.iter().map(|name| grid.column(name)).collect::<Option<Vec<usize>>>()?;
    let split = chart.series.as_ref().map(|name| grid.column(name));
    let drawn_columns = if split.is_some() { 1 } else { columns.len().min(SERIES_MAX) };
    let row_count = grid.rows.len().min(POINTS_MAX / drawn_columns.max(1));
    let (mut series, note) = match split {
        Some(split) => split_by(canvas, split?, x, row_count)?,
        None => {
            let named = chart.y.iter().take(SERIES_MAX).map(|name| {
                let figures = Figures::of(chart, grid, name)?;
                let points = (0..row_count).map(|row| figures.point(&grid.rows[row][x], row));
                Some(Series::new(chart, name, label(name), points.collect()))
            });
            (named.collect::<Option<Vec<Series>>>()?, note_of_columns(columns.len()))
        }
    };
    if series.iter().flat_map(|series| &series.points).all(|point| point.y.is_none()) {
        return None;
    }
    order_and_style(&mut series);
    let is_cut = grid.cut || row_count < grid.rows.len();
    let points = || series.iter().flat_map(|series| &series.points);
    let too_large = points().filter(|point| point.is_too_large).count();
    let has_few = points().any(|point| point.is_of_few && point.y.is_some());
    let note = notes(note, is_cut.then_some(row_count), too_large, has_few);
    Some(Read { note, series })
}

/// One series for each value of the column `split`, and what is said of those that have none of their own.
fn split_by(
    canvas: &Canvas<'_>,
    split: usize,
    x: usize,
    row_count: usize,
) -> Option<(Vec<Series>, String)> {
    let Canvas { chart, grid, wording, .. } = canvas;
    let column = chart.y.first().map_or("", String::as_str);
    let figures = Figures::of(chart, grid, column)?;
    let mut all: Vec<(Option<i64>, Series)> = Vec::new();
    let mut index_of: HashMap<String, usize> = HashMap::new();
    for (row, cells) in grid.rows[..row_count].iter().enumerate() {
        let next = index_of.len();
        let index = *index_of.entry(cells[split].label()).or_insert(next);
        if index == all.len() {
            let name = wording.words(&grid.names[split], &cells[split]);
            let name = Shown::plain(&name).text();
            let name = if name.is_empty() { "none".to_string() } else { name };
            all.push((cells[split].whole(), Series::new(chart, column, name, Vec::new())));
        }
        all[index].1.points.push(figures.point(&cells[x], row));
    }
    // Weekdays and the like stand in their order; all else as it comes.
    if all.iter().all(|(number, _)| number.is_some()) {
        all.sort_by_key(|(number, _)| *number);
    }
    let all = all.into_iter().map(|(_, series)| series).collect();
    let max = if chart.kind == ChartKind::Heatmap { ROWS_MAX } else { SERIES_MAX };
    Some(largest(all, max, &x_order(canvas, x, row_count)))
}

/// The values along the bottom in order of appearance.
fn x_order<'a>(canvas: &Canvas<'a>, x: usize, row_count: usize) -> Vec<&'a Value> {
    let mut seen = HashSet::new();
    let values = canvas.grid.rows[..row_count].iter().map(|row| &row[x]);
    values.filter(|value| seen.insert(value.label())).collect()
}

/// As many series as can be told apart: the largest, in their order of appearance, and the rest of them added
/// up where they count something.
fn largest(all: Vec<Series>, max: usize, xs: &[&Value]) -> (Vec<Series>, String) {
    let total = all.len();
    if total <= max {
        return (all, String::new());
    }
    let is_sum = all[0].unit == Unit::Count;
    let kept = if is_sum { max - 1 } else { max };
    let size = |series: &Series| series.figures().sum::<f64>();
    let sizes: Vec<f64> = all.iter().map(size).collect();
    let mut by_size: Vec<usize> = (0..total).collect();
    // Stable: of those of one size, the first.
    by_size.sort_by(|one, other| sizes[*other].total_cmp(&sizes[*one]));
    let large: HashSet<usize> = by_size.into_iter().take(kept).collect();
    let (mut shown, mut rest) = (Vec::new(), Vec::new());
    for (place, series) in all.into_iter().enumerate() {
        if large.contains(&place) { shown.push(series) } else { rest.push(series) }
    }
    if !is_sum {
        return (shown, format!("{kept} of {total} series shown."));
    }
    let count = rest.len();
    shown.push(sum_of(&rest, xs));
    (shown, format!("The {kept} largest of {total} are shown, {count} together as other."))
}

fn sum_of(rest: &[Series], xs: &[&Value]) -> Series {
    let mut sums: HashMap<String, (f64, Option<f64>)> = HashMap::new();
    for point in rest.iter().flat_map(|series| &series.points) {
        let sum = sums.entry(point.x.label()).or_default();
        sum.0 += point.y.unwrap_or(0.0);
        if let Some(previous) = point.previous {
            *sum.1.get_or_insert(0.0) += previous;
        }
    }
    let point = |x: &&Value| {
        let (sum, previous) = sums.get(&x.label()).copied()?;
        let figure = figure("", &Value::Number(sum));
        let (y, x) = (Some(sum), (*x).clone());
        Some(Point { x, y, is_too_large: false, figure, previous, is_of_few: false, row: None })
    };
    Series {
        name: format!("other ({})", rest.len()),
        column: rest[0].column.clone(),
        style: 1,
        unit: Unit::Count,
        is_rate: false,
        points: xs.iter().filter_map(point).collect(),
    }
}

impl Series {
    fn new(chart: &Chart, column: &str, name: String, points: Vec<Point>) -> Series {
        let (unit, is_rate) = (unit_of(chart, column), column.ends_with("_rate"));
        Series { name, column: column.to_string(), style: 1, unit, is_rate, points }
    }

    /// The class of its marks.
    pub(super) fn class(&self) -> String {
        format!("series-{}", self.style)
    }

    /// The figures there are.
    pub(super) fn figures(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|point| point.y)
    }

    /// The figures there are, and those of before.
    pub(super) fn all_figures(&self) -> impl Iterator<Item = f64> {
        let previous = self.points.iter().filter_map(|point| point.previous);
        self.figures().chain(previous)
    }
}

fn unit_of(chart: &Chart, column: &str) -> Unit {
    match chart.unit.as_deref() {
        _ if column.ends_with("_rate") => Unit::Share,
        Some("percent") => Unit::Share,
        Some("seconds") => Unit::Seconds,
        Some("count") => Unit::Count,
        _ => Unit::Number,
    }
}

/// The column that says of how many a figure is: `n_human` of `human_median_s`, or else `n`.
fn count_of(grid: &Grid, column: &str) -> Option<usize> {
    let words = format!("_{column}_");
    let is_its = |name: &String| {
        name.strip_prefix("n_").is_some_and(|part| words.contains(&format!("_{part}_")))
    };
    grid.names.iter().position(is_its).or_else(|| grid.column("n"))
}

/// Where the figures of one column are, and what belongs to them.
struct Figures<'a> {
    grid: &'a Grid,
    y: usize,
    previous: Option<usize>,
    n: Option<usize>,
    unit: Unit,
}

impl<'a> Figures<'a> {
    fn of(chart: &Chart, grid: &'a Grid, column: &str) -> Option<Figures<'a>> {
        let unit = unit_of(chart, column);
        // A count is what there is; of how many it is says nothing more.
        let said = chart.y.iter().position(|own| own == column).and_then(|at| chart.n.get(at));
        let n = match said {
            _ if !matches!(unit, Unit::Seconds | Unit::Share) => None,
            Some(said) => grid.column(said),
            None => count_of(grid, column),
        };
        let (y, previous) = (grid.column(column)?, grid.column(&format!("{PREVIOUS}{column}")));
        Some(Figures { grid, y, previous, n, unit })
    }

    fn point(&self, x: &Value, row: usize) -> Point {
        let cells = &self.grid.rows[row];
        let y = &cells[self.y];
        let is_too_large = y.number().is_some_and(|number| number.abs() >= FIGURE_MAX);
        let number = y.number().filter(|_| !is_too_large);
        let n = self.n.and_then(|n| cells[n].whole());
        let previous = self.previous.and_then(|previous| cells[previous].number());
        let previous = previous.filter(|number| number.abs() < FIGURE_MAX);
        let mut figure = self.words(y);
        if let Some(n) = n {
            figure.push_str(&format!(" (n = {})", thousands(n)));
        }
        if let Some(previous) = previous {
            figure.push_str(&format!(", before {}", self.words(&Value::Number(previous))));
        }
        let is_of_few = n.is_some_and(|n| n < FEW);
        Point { x: x.clone(), y: number, is_too_large, figure, previous, is_of_few, row: Some(row) }
    }

    /// A column's name says how its figures read; the header's unit wins over it.
    fn words(&self, value: &Value) -> String {
        let name_of_unit = match self.unit {
            Unit::Share => "_rate",
            Unit::Seconds => "_s",
            Unit::Count | Unit::Number => "",
        };
        figure(name_of_unit, value)
    }
}

/// Roles stand in their order and keep their colours, also where one of them is missing; weekdays in theirs.
fn order_and_style(series: &mut [Series]) {
    let role = |series: &Series| ROLE_ORDER.iter().position(|role| *role == series.name);
    series.sort_by_key(|series| role(series).unwrap_or(ROLE_ORDER.len()));
    let are_roles = series.iter().all(|series| role(series).is_some());
    for (index, series) in series.iter_mut().enumerate() {
        let place = if are_roles { role(series).unwrap_or(index) } else { index };
        series.style = place + 1;
    }
}

fn note_of_columns(columns: usize) -> String {
    if columns > SERIES_MAX {
        format!("{SERIES_MAX} of {columns} series shown.")
    } else {
        String::new()
    }
}

fn notes(first: String, first_rows: Option<usize>, too_large: usize, has_few: bool) -> String {
    let mut notes = vec![first];
    if let Some(rows) = first_rows {
        let rows = thousands(i64::try_from(rows).unwrap_or(i64::MAX));
        notes.push(format!("Only the first {rows} rows are drawn."));
    }
    if too_large > 0 {
        notes.push(format!("Figures too large to draw: {too_large}."));
    }
    if has_few {
        notes.push(format!("Hollow: of fewer than {FEW}."));
    }
    notes.retain(|note| !note.is_empty());
    notes.join(" ")
}
