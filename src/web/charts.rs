//! An answer as a chart: traces and layout for Plotly, made from a named query's chart header and its rows. Any query
//! with such a header charts the same way, a shop's own too.
//!
//! Rules: unit `seconds` is drawn in the largest unit that keeps numbers small, or on a logarithmic axis where they lie
//! far apart; `percent` and columns named `…_rate`
//! are shares between 0 and 1; a `…_rate` column among bars becomes a line on an axis of its own; NULL is a gap.
//! It picks no colours: the page's script takes them from the style sheet, so that dark mode has its own.

use chrono::{NaiveDate, NaiveDateTime};
use plotly::common::{Anchor, AxisSide, HoverInfo, Marker, Mode, Orientation, Title};
use plotly::layout::{Axis, AxisType, BarMode, HoverMode, Layout, Legend, Margin, RangeMode, TraceOrder};
use plotly::{Bar, HeatMap, Plot, Scatter};

use super::figures::{figure, label};
use super::grid::{Grid, Value};
use crate::sql::{Chart, ChartKind};

/// Series drawn at most: more cannot be told apart. The table under the chart has them all.
const SERIES_MAX: usize = 12;
/// The order in which roles are stacked and coloured, in every chart the same.
const ROLE_ORDER: &[&str] = &["customer", "human", "bot", "system"];

/// One line or one colour of bars.
struct Series {
    name: String,
    /// The column it comes from, which says how its figures read.
    column: String,
    points: Vec<(Value, Value)>,
}

/// How numbers are drawn on the left axis.
struct Scale {
    divisor: f64,
    title: &'static str,
    tick_format: &'static str,
    /// Durations too far apart for one unit: a logarithmic axis with the steps of [`DURATIONS`].
    is_ladder: bool,
}

/// Steps of an axis on which a minute and a day can both be read.
const DURATIONS: &[(f64, &str)] = &[
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3_600.0, "1 h"),
    (21_600.0, "6 h"),
    (86_400.0, "1 d"),
    (604_800.0, "7 d"),
];
/// From this ratio on, the smaller of two durations cannot be read on a linear axis 250 pixels high.
const LADDER_RATIO: f64 = 50.0;

/// The chart as JSON for Plotly, safe inside a script element; `None` when the rows lack the columns it names or there
/// is nothing to draw.
pub(super) fn plot_json(chart: &Chart, grid: &Grid) -> Option<String> {
    let series = series_of(chart, grid)?;
    if series.iter().all(|series| series.points.iter().all(|(_, y)| y.number().is_none())) {
        return None;
    }
    let plot = match chart.kind {
        ChartKind::Heatmap => heat_map(chart, &series),
        ChartKind::Line | ChartKind::Bar | ChartKind::StackedBar => lines_and_bars(chart, &series),
    };
    // `<` would let text in the data end the script element.
    Some(plot.to_json().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

fn series_of(chart: &Chart, grid: &Grid) -> Option<Vec<Series>> {
    let x = grid.column(&chart.x)?;
    let columns: Option<Vec<usize>> = chart.y.iter().map(|name| grid.column(name)).collect();
    let columns = columns.filter(|columns| !columns.is_empty())?;
    let Some(split) = &chart.series else {
        let of = |(name, y): (&String, usize)| Series {
            name: label(name),
            column: name.clone(),
            points: grid.rows.iter().map(|row| (row[x].clone(), row[y].clone())).collect(),
        };
        return Some(chart.y.iter().zip(columns).take(SERIES_MAX).map(of).collect());
    };
    let split = grid.column(split)?;
    let (column, y) = (chart.y.first()?, *columns.first()?);
    let mut all: Vec<Series> = Vec::new();
    for row in &grid.rows {
        let name = match row[split].label() {
            name if name.is_empty() => "none".to_string(),
            name => name,
        };
        let point = (row[x].clone(), row[y].clone());
        match all.iter().position(|series| series.name == name) {
            Some(place) => all[place].points.push(point),
            None if all.len() < SERIES_MAX => all.push(Series { name, column: column.clone(), points: vec![point] }),
            None => {}
        }
    }
    let place = |series: &Series| ROLE_ORDER.iter().position(|role| *role == series.name).unwrap_or(ROLE_ORDER.len());
    all.sort_by_key(place);
    Some(all)
}

fn lines_and_bars(chart: &Chart, all: &[Series]) -> Plot {
    let on_bars = chart.kind != ChartKind::Line;
    let is_rate_line = |series: &Series| on_bars && series.column.ends_with("_rate");
    let scale = scale_of(chart, all.iter().filter(|series| !is_rate_line(series)));
    let mut plot = Plot::new();
    for series in all {
        let rate_line = is_rate_line(series);
        let divisor = if rate_line { 1.0 } else { scale.divisor };
        let x: Vec<String> = series.points.iter().map(|(x, _)| x.label()).collect();
        let y: Vec<Option<f64>> = series.points.iter().map(|(_, y)| y.number().map(|y| y / divisor)).collect();
        let name = words(&series.name);
        let told = told(chart, series);
        let hover = format!("{name}: %{{hovertext}}<extra></extra>");
        if on_bars && !rate_line {
            plot.add_trace(Bar::new(x, y).name(name).hover_text_array(told).hover_template(hover));
        } else {
            let line = Scatter::new(x, y).name(name).mode(Mode::LinesMarkers).marker(Marker::new().size(6));
            let line = line.hover_text_array(told).hover_template(hover);
            plot.add_trace(if rate_line { line.y_axis("y2") } else { line });
        }
    }
    let value_axis_left = match scale.is_ladder {
        true => duration_axis(),
        false => value_axis(scale.title, scale.tick_format),
    };
    let mut layout = layout(chart, all)
        .y_axis(value_axis_left)
        .hover_mode(HoverMode::XUnified)
        .bar_mode(if chart.kind == ChartKind::StackedBar { BarMode::Stack } else { BarMode::Group });
    if all.iter().any(is_rate_line) {
        let axis = value_axis("", ".0%").overlaying("y").side(AxisSide::Right).show_grid(false);
        layout = layout.y_axis2(axis);
    }
    plot.set_layout(layout);
    plot
}

fn heat_map(chart: &Chart, all: &[Series]) -> Plot {
    let mut x: Vec<String> = Vec::new();
    for (point, _) in all.iter().flat_map(|series| &series.points) {
        let name = point.label();
        if !x.contains(&name) {
            x.push(name);
        }
    }
    let scale = scale_of(chart, all.iter());
    let cell = |series: &Series, x: &String| {
        let point = series.points.iter().find(|(own, _)| own.label() == *x);
        point.and_then(|(_, y)| y.number()).map(|y| y / scale.divisor)
    };
    let z: Vec<Vec<Option<f64>>> = all.iter().map(|series| x.iter().map(|x| cell(series, x)).collect()).collect();
    let y: Vec<String> = all.iter().map(|series| words(&series.name)).collect();
    let mut plot = Plot::new();
    plot.add_trace(HeatMap::new(x, y, z).hover_info(HoverInfo::All).hover_on_gaps(false));
    plot.set_layout(layout(chart, all));
    plot
}

fn layout(chart: &Chart, all: &[Series]) -> Layout {
    let first = all.iter().flat_map(|series| &series.points).map(|(x, _)| x).next();
    let x_axis = match first {
        Some(Value::Text(text)) if text.parse::<NaiveDate>().is_ok() => {
            Axis::new().type_(AxisType::Date).tick_format("%-d %b").n_ticks(8).hover_format("%a %-d %b %Y")
        }
        Some(Value::Text(text)) if is_instant(text) => Axis::new().type_(AxisType::Date).n_ticks(8),
        Some(Value::Text(_)) => Axis::new().type_(AxisType::Category),
        _ => Axis::new().type_(AxisType::Linear).title(Title::with_text(words(&label(&chart.x)))),
    };
    Layout::new()
        .auto_size(true)
        .height(320)
        .margin(Margin::new().left(56).right(24).top(8).bottom(48))
        .show_legend(all.len() > 1)
        .legend(
            Legend::new()
                .orientation(Orientation::Horizontal)
                .y(1.02)
                .y_anchor(Anchor::Bottom)
                .x(0.0)
                .trace_order(TraceOrder::Normal),
        )
        .x_axis(x_axis.fixed_range(true).auto_margin(true))
}

/// Whether a label is a day and a time of it, with or without a zone.
fn is_instant(text: &str) -> bool {
    text.get(..19).is_some_and(|start| start.parse::<NaiveDateTime>().is_ok())
}

fn value_axis(title: &str, tick_format: &str) -> Axis {
    let axis = Axis::new().range_mode(RangeMode::ToZero).fixed_range(true).auto_margin(true).n_ticks(6);
    let axis = if title.is_empty() { axis } else { axis.title(Title::with_text(title)) };
    if tick_format.is_empty() { axis } else { axis.tick_format(tick_format) }
}

fn duration_axis() -> Axis {
    let (values, texts) = DURATIONS.iter().map(|(seconds, text)| (*seconds, text.to_string())).unzip();
    Axis::new().type_(AxisType::Log).tick_values(values).tick_text(texts).fixed_range(true).auto_margin(true)
}

fn scale_of<'a>(chart: &Chart, series: impl Iterator<Item = &'a Series>) -> Scale {
    let numbers = series.flat_map(|series| &series.points).filter_map(|(_, y)| y.number());
    let (smallest, largest) =
        numbers.fold((f64::INFINITY, 0.0_f64), |(least, most), number| (least.min(number), most.max(number)));
    // A logarithm has no place for zero, and a stack none for logarithms.
    let is_ladder = matches!(chart.kind, ChartKind::Line | ChartKind::Bar)
        && chart.unit.as_deref() == Some("seconds")
        && smallest > 0.0
        && largest / smallest > LADDER_RATIO;
    if is_ladder {
        return Scale { divisor: 1.0, title: "", tick_format: "", is_ladder };
    }
    let (divisor, title, tick_format) = match chart.unit.as_deref() {
        Some("seconds") if largest < 180.0 => (1.0, "seconds", ""),
        Some("seconds") if largest < 10_800.0 => (60.0, "minutes", ""),
        Some("seconds") if largest < 259_200.0 => (3_600.0, "hours", ""),
        Some("seconds") => (86_400.0, "days", ""),
        Some("percent") => (1.0, "", ".0%"),
        _ => (1.0, "", ",~r"),
    };
    Scale { divisor, title, tick_format, is_ladder }
}

/// Each point's figure in words, for the hover box.
fn told(chart: &Chart, series: &Series) -> Vec<String> {
    let by_unit = match chart.unit.as_deref() {
        _ if series.column.ends_with("_rate") => "_rate",
        Some("seconds") => "_s",
        Some("percent") => "_rate",
        _ => "",
    };
    series.points.iter().map(|(_, y)| figure(by_unit, y)).collect()
}

/// Text from the data as Plotly may show it: it reads some markup and `%{…}` templates in names.
fn words(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace("%{", "% {")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(kind: ChartKind, y: &[&str], series: Option<&str>, unit: &str) -> Chart {
        let y = y.iter().map(ToString::to_string).collect();
        Chart { kind, x: "day".to_string(), y, series: series.map(str::to_string), unit: Some(unit.to_string()) }
    }

    fn grid(names: &[&str], rows: &[&[&str]]) -> Grid {
        let value = |text: &&str| match text.parse() {
            Ok(number) => Value::Number(number),
            Err(_) if text.is_empty() => Value::Null,
            Err(_) => Value::Text(text.to_string()),
        };
        let names = names.iter().map(ToString::to_string).collect();
        Grid { names, rows: rows.iter().map(|row| row.iter().map(value).collect()).collect(), cut: false }
    }

    fn json(chart: &Chart, grid: &Grid) -> serde_json::Value {
        serde_json::from_str(&plot_json(chart, grid).unwrap()).unwrap()
    }

    #[test]
    fn durations_far_apart_share_a_logarithmic_axis() {
        let rows = grid(&["day", "p90_s"], &[&["2026-01-01", "54"], &["2026-01-02", "34000"]]);
        let plot = json(&chart(ChartKind::Line, &["p90_s"], None, "seconds"), &rows);
        assert_eq!(plot["layout"]["yaxis"]["type"], "log");
        assert_eq!(plot["data"][0]["y"], serde_json::json!([54.0, 34000.0]));
        let with_zero = grid(&["day", "p90_s"], &[&["2026-01-01", "0"], &["2026-01-02", "34000"]]);
        let plot = json(&chart(ChartKind::Line, &["p90_s"], None, "seconds"), &with_zero);
        assert_eq!(plot["layout"]["yaxis"]["title"]["text"], "hours");
    }

    #[test]
    fn seconds_are_drawn_in_a_larger_unit_and_null_is_a_gap() {
        let rows = grid(&["day", "p90_s"], &[&["2026-01-03", "120"], &["2026-01-04", ""], &["2026-01-05", "600"]]);
        let plot = json(&chart(ChartKind::Line, &["p90_s"], None, "seconds"), &rows);
        assert_eq!(plot["data"][0]["y"], serde_json::json!([2.0, null, 10.0]));
        assert_eq!(plot["data"][0]["hovertext"][2], "10 min");
        assert_eq!(plot["layout"]["yaxis"]["title"]["text"], "minutes");
        assert_eq!(plot["layout"]["xaxis"]["type"], "date");
    }

    #[test]
    fn series_split_and_stand_in_the_roles_order() {
        let rows = [["2026-01-03", "bot", "5"], ["2026-01-03", "customer", "9"], ["2026-01-04", "bot", "6"]];
        let rows: Vec<&[&str]> = rows.iter().map(|row| row.as_slice()).collect();
        let rows = grid(&["day", "role", "messages"], &rows);
        let plot = json(&chart(ChartKind::StackedBar, &["messages"], Some("role"), "count"), &rows);
        assert_eq!((&plot["data"][0]["name"], &plot["data"][1]["name"]), (&"customer".into(), &"bot".into()));
        assert_eq!(plot["data"][1]["y"], serde_json::json!([5.0, 6.0]));
        assert_eq!(plot["layout"]["barmode"], "stack");
    }

    #[test]
    fn a_rate_among_bars_is_a_line_on_its_own_axis() {
        let rows = grid(&["day", "handed_off", "handoff_rate"], &[&["2026-01-03", "18", "0.6"]]);
        let plot = json(&chart(ChartKind::Bar, &["handed_off", "handoff_rate"], None, "count"), &rows);
        assert_eq!((&plot["data"][0]["type"], &plot["data"][1]["type"]), (&"bar".into(), &"scatter".into()));
        assert_eq!(plot["data"][1]["yaxis"], "y2");
        assert_eq!(plot["data"][1]["hovertext"][0], "60.0 %");
    }

    #[test]
    fn names_from_the_data_can_neither_end_the_script_nor_be_markup() {
        let rows = grid(&["day", "agent", "n"], &[&["2026-01-03", "</script><b>&%{x}", "1"]]);
        let chart = chart(ChartKind::Bar, &["n"], Some("agent"), "count");
        let text = plot_json(&chart, &rows).unwrap();
        assert!(!text.contains('<') && !text.contains('&'), "{text}");
        assert_eq!(json(&chart, &rows)["data"][0]["name"], "&lt;/script&gt;&lt;b&gt;&amp;% {x}");
    }

    #[test]
    fn a_header_that_does_not_fit_or_an_empty_answer_is_no_chart() {
        let rows = grid(&["day", "n"], &[&["2026-01-03", ""]]);
        assert_eq!(plot_json(&chart(ChartKind::Bar, &["n"], None, "count"), &rows), None);
        assert_eq!(plot_json(&chart(ChartKind::Bar, &["absent"], None, "count"), &rows), None);
        assert_eq!(plot_json(&chart(ChartKind::Heatmap, &["n"], None, "count"), &Grid::default()), None);
    }
}
