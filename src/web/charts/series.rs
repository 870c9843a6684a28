//! An answer's rows as named series of points.
//!
//! Invariants: at most [`SERIES_MAX`] series and [`POINTS_MAX`] points; what is left out is said in
//! a note.

use std::collections::HashMap;

use super::scale::Unit;
use crate::sql::Chart;
use crate::web::figures::{figure, label, thousands};
use crate::web::grid::{Grid, Value};
use crate::web::shown::Shown;

/// Series drawn at most: more cannot be told apart. The table under the chart has them all.
pub(super) const SERIES_MAX: usize = 12;
/// Points drawn at most: ten years of days in three columns. × about 150 bytes of SVG = 1.8 MB
/// before compression.
const POINTS_MAX: usize = 12_000;
/// Figures from here on are no figures of a shop, and an axis has no room for their labels.
const FIGURE_MAX: f64 = 1e15;
/// The order in which roles are stacked and coloured, in every chart the same.
const ROLE_ORDER: &[&str] = &["customer", "human", "bot", "system"];

/// One line or one colour of bars.
pub(super) struct Series {
    pub name: String,
    /// Which of the style sheet's colours it has, from 1.
    pub colour: usize,
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
    /// The figure as people read it.
    pub figure: String,
}

/// What of an answer is drawn.
pub(super) struct Read {
    pub series: Vec<Series>,
    /// What is not; empty when all is.
    pub note: String,
}

/// Reads the columns that the chart names; `None` where they are missing or hold no figure.
pub(super) fn read(chart: &Chart, grid: &Grid) -> Option<Read> {
    let x = grid.column(&chart.x)?;
    let columns = chart.y.iter().map(|name| grid.column(name)).collect::<Option<Vec<usize>>>()?;
    let split = chart.series.as_ref().map(|name| grid.column(name));
    let drawn_columns = if split.is_some() { 1 } else { columns.len().min(SERIES_MAX) };
    let rows = &grid.rows[..grid.rows.len().min(POINTS_MAX / drawn_columns.max(1))];
    let (mut series, total) = match split {
        Some(split) => split_by(chart, columns.first().copied()?, split?, x, rows),
        None => {
            let named = chart.y.iter().zip(&columns).take(SERIES_MAX);
            let series = named.map(|(name, y)| {
                let points = rows.iter().map(|row| point(chart, name, &row[x], &row[*y]));
                Series::new(chart, name, label(name), points.collect())
            });
            (series.collect(), columns.len())
        }
    };
    if series.iter().flat_map(|series| &series.points).all(|point| point.y.is_none()) {
        return None;
    }
    order_and_colour(&mut series);
    let is_cut = grid.cut || rows.len() < grid.rows.len();
    let points = series.iter().flat_map(|series| &series.points);
    let too_large = points.filter(|point| point.is_too_large).count();
    let note = note(series.len(), total, is_cut.then_some(rows.len()), too_large);
    Some(Read { note, series })
}

/// One series for each value of the column `split`, and how many there are in all.
fn split_by(
    chart: &Chart,
    y: usize,
    split: usize,
    x: usize,
    rows: &[Vec<Value>],
) -> (Vec<Series>, usize) {
    let column = chart.y.first().map_or("", String::as_str);
    let mut all: Vec<Series> = Vec::new();
    let mut index_of: HashMap<String, usize> = HashMap::new();
    for row in rows {
        let next = index_of.len();
        let index = *index_of.entry(row[split].label()).or_insert(next);
        if index == all.len() && index < SERIES_MAX {
            let name = Shown::plain(&row[split].label()).text();
            let name = if name.is_empty() { "none".to_string() } else { name };
            all.push(Series::new(chart, column, name, Vec::new()));
        }
        if let Some(series) = all.get_mut(index) {
            series.points.push(point(chart, column, &row[x], &row[y]));
        }
    }
    (all, index_of.len())
}

impl Series {
    fn new(chart: &Chart, column: &str, name: String, points: Vec<Point>) -> Series {
        let is_rate = column.ends_with("_rate");
        Series { name, colour: 1, unit: unit_of(chart, column), is_rate, points }
    }

    /// The class of its marks.
    pub(super) fn class(&self) -> String {
        format!("series-{}", self.colour)
    }

    /// The figures there are.
    pub(super) fn figures(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|point| point.y)
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

fn point(chart: &Chart, column: &str, x: &Value, y: &Value) -> Point {
    // A column's name says how its figures read; the header's unit wins over it.
    let name_of_unit = match unit_of(chart, column) {
        Unit::Share => "_rate",
        Unit::Seconds => "_s",
        Unit::Count | Unit::Number => "",
    };
    let is_too_large = y.number().is_some_and(|number| number.abs() >= FIGURE_MAX);
    let number = y.number().filter(|_| !is_too_large);
    Point { x: x.clone(), y: number, is_too_large, figure: figure(name_of_unit, y) }
}

/// Roles stand in their order and keep their colours, also where one of them is missing.
fn order_and_colour(series: &mut [Series]) {
    let role = |series: &Series| ROLE_ORDER.iter().position(|role| *role == series.name);
    series.sort_by_key(|series| role(series).unwrap_or(ROLE_ORDER.len()));
    let are_roles = series.iter().all(|series| role(series).is_some());
    for (index, series) in series.iter_mut().enumerate() {
        let place = if are_roles { role(series).unwrap_or(index) } else { index };
        series.colour = place + 1;
    }
}

fn note(shown: usize, total: usize, first_rows: Option<usize>, too_large: usize) -> String {
    let mut notes = Vec::new();
    if shown < total {
        notes.push(format!("{shown} of {total} series shown."));
    }
    if let Some(rows) = first_rows {
        let rows = thousands(i64::try_from(rows).unwrap_or(i64::MAX));
        notes.push(format!("Only the first {rows} rows are drawn."));
    }
    if too_large > 0 {
        notes.push(format!("Figures too large to draw: {too_large}."));
    }
    notes.join(" ")
}
