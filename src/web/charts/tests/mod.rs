mod reading;

use askama::Template;

use super::labels::Label;
use super::{Canvas, Drawing, EM_NARROW, Mark, Shape, draw};
use crate::sql::{Chart, ChartKind};
use crate::web::grid::{Grid, Value};
use crate::web::wording::Wording;

fn chart(kind: ChartKind, y: &[&str], series: Option<&str>, unit: &str) -> Chart {
    let y = y.iter().map(ToString::to_string).collect();
    let (x, series) = ("day".to_string(), series.map(str::to_string));
    Chart { kind, x, y, series, unit: Some(unit.to_string()), n: Vec::new() }
}

fn grid(names: &[&str], rows: &[&[&str]]) -> Grid {
    // As SQL has them: counts are whole.
    let value = |text: &&str| match (text.parse(), text.parse()) {
        (Ok(whole), _) => Value::Whole(whole),
        (_, Ok(number)) => Value::Number(number),
        _ if text.is_empty() => Value::Null,
        _ => Value::Text(text.to_string()),
    };
    let names = names.iter().map(ToString::to_string).collect();
    let rows = rows.iter().map(|row| row.iter().map(value).collect()).collect();
    Grid { names, rows, cut: false }
}

/// What there is to draw; each figure leads to its row and column.
fn drawing(chart: &Chart, grid: &Grid) -> Option<Drawing> {
    let address = |row: usize, column: &str| format!("/x?row={row}&figure={column}");
    let wording = Wording::default();
    draw(&Canvas {
        chart,
        grid,
        title: "Waits",
        wording: &wording,
        address: &address,
        id: "chart-x",
    })
}

fn drawn(chart: &Chart, grid: &Grid) -> Drawing {
    drawing(chart, grid).unwrap()
}

fn html(chart: &Chart, grid: &Grid) -> String {
    drawn(chart, grid).render().unwrap()
}

/// The texts on one side of the picture.
fn texts<'a>(drawing: &'a Drawing, class: &str) -> Vec<&'a str> {
    let of_class = |label: &&Label| label.class().split(' ').next() == Some(class);
    drawing.labels.iter().filter(of_class).map(|label| label.text.as_str()).collect()
}

fn names(drawing: &Drawing) -> Vec<&str> {
    drawing.legend.iter().map(|key| key.name.as_str()).collect()
}

fn titles(drawing: &Drawing) -> Vec<&str> {
    let marks = drawing.groups.iter().flat_map(|group| &group.marks);
    marks.map(|mark| mark.title.as_str()).collect()
}

fn bar(mark: &Mark) -> (f64, f64, f64, f64) {
    match mark.shape {
        Shape::Bar { x, y, width, height } => (x, y, width, height),
        Shape::Dot { .. } => panic!("{mark:?} is no bar"),
    }
}

#[test]
fn durations_far_apart_share_a_logarithmic_axis() {
    let rows = grid(&["day", "p90_s"], &[&["2026-01-01", "54"], &["2026-01-02", "34000"]]);
    let plot = drawn(&chart(ChartKind::Line, &["p90_s"], None, "seconds"), &rows);
    assert_eq!(texts(&plot, "left"), ["10 s", "1 min", "10 min", "1 h", "6 h", "1 d"]);
    assert!(plot.note.contains("Logarithmic"));
    assert_eq!(texts(&plot, "caption"), ["p90 by day, logarithmic"]);
    // On a telephone it touched the highest tick.
    let highest = |class: &str| {
        let labels = plot.labels.iter().filter(|label| label.class() == class);
        labels.map(|label| label.y).fold(f64::INFINITY, f64::min)
    };
    assert!(highest("caption") + EM_NARROW < highest("left") - EM_NARROW / 2.0);
    // Bars there would have no foot: they are dots.
    let bars = drawn(&chart(ChartKind::Bar, &["p90_s"], None, "seconds"), &rows);
    assert!(bars.groups[0].marks.iter().all(|mark| matches!(mark.shape, Shape::Dot { .. })));
    let with_zero = grid(&["day", "p90_s"], &[&["2026-01-01", "0"], &["2026-01-02", "34000"]]);
    let plot = drawn(&chart(ChartKind::Line, &["p90_s"], None, "seconds"), &with_zero);
    assert_eq!(texts(&plot, "left"), ["0 h", "2 h", "4 h", "6 h", "8 h", "10 h"]);
}

#[test]
fn a_figure_with_no_line_to_it_is_a_dot_and_what_cannot_be_drawn_is_told() {
    let rows: [&[&str]; 6] = [
        &["2026-01-01", "5"],
        &["2026-01-02", "1e300"],
        &["2026-01-03", "7"],
        &["2026-01-04", "NaN"],
        &["2026-01-05", "6"],
        &["2026-01-06", "8"],
    ];
    let (line, rows) =
        (chart(ChartKind::Line, &["turns"], None, "count"), grid(&["day", "turns"], &rows));
    let plot = drawn(&line, &rows);
    let marks = plot.groups.iter().flat_map(|group| &group.marks);
    let classes: Vec<&str> = marks.map(|mark| mark.class).collect();
    assert_eq!(classes, ["dot lone", "dot lone", "dot", "dot"]);
    assert!(plot.note.contains("Figures too large to draw: 1."), "{}", plot.note);
    assert!(!html(&line, &rows).contains("NaN"));
}

#[test]
fn seconds_are_drawn_in_a_larger_unit_and_null_is_a_gap() {
    let days = ["2026-01-03", "2026-01-04", "2026-01-05", "2026-01-06"];
    let figures = ["120", "", "600", "300"];
    let rows: Vec<[&str; 2]> = days.into_iter().zip(figures).map(|(x, y)| [x, y]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(<[&str; 2]>::as_slice).collect();
    let rows = grid(&["day", "p90_s"], &rows);
    let plot = drawn(&chart(ChartKind::Line, &["p90_s"], None, "seconds"), &rows);
    assert_eq!(texts(&plot, "left"), ["0 min", "2 min", "4 min", "6 min", "8 min", "10 min"]);
    let expected =
        ["p90, Sat 3 Jan 2026: 2 min", "p90, Mon 5 Jan 2026: 10 min", "p90, Tue 6 Jan 2026: 5 min"];
    assert_eq!(titles(&plot), expected);
    let line = &plot.groups[0].line;
    assert_eq!((line.matches('M').count(), line.matches('L').count()), (2, 1), "{line}");
    assert_eq!(texts(&plot, "below"), ["3 Jan", "4 Jan", "5 Jan", "6 Jan"]);
}

#[test]
fn a_day_without_a_row_keeps_its_room() {
    let rows = [["2026-01-06", "3"], ["2026-01-03", "1"], ["2026-01-04", "2"]];
    let rows: Vec<&[&str]> = rows.iter().map(<[&str; 2]>::as_slice).collect();
    let plot = drawn(&chart(ChartKind::Bar, &["n"], None, "count"), &grid(&["day", "n"], &rows));
    let left: Vec<f64> = plot.groups[0].marks.iter().map(|mark| bar(mark).0).collect();
    let (days_1, days_2) = (left[2] - left[1], left[0] - left[2]);
    assert!((days_2 - 2.0 * days_1).abs() < 0.5, "{left:?}");
    assert_eq!(texts(&plot, "below"), ["3 Jan", "4 Jan", "5 Jan", "6 Jan"]);
}

#[test]
fn series_split_and_stand_in_the_roles_order() {
    let rows =
        [["2026-01-03", "bot", "5"], ["2026-01-03", "customer", "9"], ["2026-01-04", "bot", "6"]];
    let rows: Vec<&[&str]> = rows.iter().map(<[&str; 3]>::as_slice).collect();
    let rows = grid(&["day", "role", "messages"], &rows);
    let plot = drawn(&chart(ChartKind::StackedBar, &["messages"], Some("role"), "count"), &rows);
    assert_eq!(names(&plot), ["customer", "bot"]);
    // A role has its colour also where another is missing.
    assert_eq!((&*plot.groups[0].class, &*plot.groups[1].class), ("series-1", "series-3"));
    let expected =
        ["customer, Sat 3 Jan 2026: 9", "bot, Sat 3 Jan 2026: 5", "bot, Sun 4 Jan 2026: 6"];
    assert_eq!(titles(&plot), expected);
    let (customer, bot) = (bar(&plot.groups[0].marks[0]), bar(&plot.groups[1].marks[0]));
    assert_eq!((customer.0, customer.2), (bot.0, bot.2));
    assert!((bot.1 + bot.3 - customer.1).abs() < 0.2, "{bot:?} stands upon {customer:?}");
    assert!((customer.3 / bot.3 - 9.0 / 5.0).abs() < 0.01);
}

#[test]
fn bars_stand_beside_each_other() {
    let rows = grid(&["day", "sent", "read"], &[&["2026-01-03", "5", "10"]]);
    let plot = drawn(&chart(ChartKind::Bar, &["sent", "read"], None, "count"), &rows);
    let (sent, read) = (bar(&plot.groups[0].marks[0]), bar(&plot.groups[1].marks[0]));
    assert!((sent.0 + sent.2 - read.0).abs() < 0.2, "{sent:?} {read:?}");
    assert!((sent.1 + sent.3 - (read.1 + read.3)).abs() < 0.2 && read.3 == 2.0 * sent.3);
}

#[test]
fn a_rate_among_bars_is_a_line_on_its_own_axis() {
    let rows = grid(&["day", "handed_off", "handoff_rate"], &[&["2026-01-03", "18", "0.6"]]);
    let plot = drawn(&chart(ChartKind::Bar, &["handed_off", "handoff_rate"], None, "count"), &rows);
    assert!(matches!(plot.groups[0].marks[0].shape, Shape::Bar { .. }));
    assert!(matches!(plot.groups[1].marks[0].shape, Shape::Dot { .. }));
    assert_eq!(texts(&plot, "right"), ["0 %", "20 %", "40 %", "60 %"]);
    assert_eq!(plot.groups[1].marks[0].title, "handoff rate, Sat 3 Jan 2026: 60.0 %");
    assert_eq!(names(&plot), ["handed off", "handoff rate (right axis)"]);
    // Alone it is bars like any other.
    let plot = drawn(&chart(ChartKind::Bar, &["handoff_rate"], None, "percent"), &rows);
    assert!(matches!(plot.groups[0].marks[0].shape, Shape::Bar { .. }));
    assert_eq!(texts(&plot, "left"), ["0 %", "20 %", "40 %", "60 %"]);
}

#[test]
fn a_heat_map_has_a_row_for_each_series_and_no_cell_without_a_figure() {
    let rows = [["8", "Mon", "3"], ["9", "Mon", ""], ["8", "Tue", "40"], ["9", "Tue", "12"]];
    let rows: Vec<&[&str]> = rows.iter().map(<[&str; 3]>::as_slice).collect();
    let rows = grid(&["day", "weekday", "n"], &rows);
    let plot = drawn(&chart(ChartKind::Heatmap, &["n"], Some("weekday"), "count"), &rows);
    assert_eq!(texts(&plot, "left"), ["Mon", "Tue"]);
    assert_eq!(titles(&plot), ["Mon, day 8: 3", "Tue, day 8: 40", "Tue, day 9: 12"]);
    assert_eq!(names(&plot), ["0 – 10", "10 – 20", "20 – 30", "30 – 40"]);
    let shades: Vec<&str> = plot.groups.iter().flat_map(|g| &g.marks).map(|m| m.class).collect();
    assert_eq!(shades, ["heat-2", "heat-8", "heat-4"]);
}

#[test]
fn names_from_the_data_are_text_and_what_hides_in_them_is_shown() {
    let hostile = "</script><b>&\"'\u{202e}";
    let rows = grid(&["day", "agent", "n"], &[&[hostile, hostile, "1"], &["x", "y", "2"]]);
    for kind in [ChartKind::Bar, ChartKind::StackedBar, ChartKind::Line, ChartKind::Heatmap] {
        let html = html(&chart(kind, &["n"], Some("agent"), "count"), &rows);
        assert!(!html.contains("</script") && !html.contains("<b>"), "{html}");
        assert!(!html.contains("&\"") && !html.contains('\u{202e}'), "{html}");
        assert!(html.contains("&#60;/script&#62;&#60;b&#62;&#38;&#34;&#39;[U+202E]"), "{html}");
    }
}

/// The pages' policy allows neither, and a colour in the picture could not follow dark mode.
#[test]
fn a_chart_has_no_style_and_no_script_of_its_own() {
    let rows = grid(&["day", "n", "n_rate"], &[&["2026-01-03", "1", "0.5"]]);
    for kind in [ChartKind::Bar, ChartKind::StackedBar, ChartKind::Line, ChartKind::Heatmap] {
        let html = html(&chart(kind, &["n", "n_rate"], None, "count"), &rows);
        let html = html.replace("fill=\"url(#chart-x-", "");
        for forbidden in ["style", "<script", "fill=", "stroke=", "onload", "NaN", "inf"] {
            assert!(!html.contains(forbidden), "{forbidden} in {html}");
        }
        assert!(html.contains(r#"role="group" aria-label="Chart: Waits."#), "{html}");
    }
}

#[test]
fn a_header_that_does_not_fit_or_an_empty_answer_is_no_chart() {
    let rows = grid(&["day", "n"], &[&["2026-01-03", ""]]);
    let drawn = |kind, y, rows| drawing(&chart(kind, &[y], None, "count"), rows).is_some();
    assert!(!drawn(ChartKind::Bar, "n", &rows));
    assert!(!drawn(ChartKind::Bar, "absent", &rows));
    assert!(!drawn(ChartKind::Heatmap, "n", &Grid::default()));
}

#[test]
fn labels_under_the_axis_say_what_it_counts() {
    let labels = |xs: &[&str]| {
        let rows: Vec<[&str; 2]> = xs.iter().map(|x| [*x, "1"]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(<[&str; 2]>::as_slice).collect();
        let rows = grid(&["day", "n"], &rows);
        let plot = drawn(&chart(ChartKind::Bar, &["n"], None, "count"), &rows);
        let texts = |class| texts(&plot, class).join(" | ");
        (texts("below"), texts("slanted"), titles(&plot).last().unwrap().to_string())
    };
    let (below, _, title) = labels(&["2024-03-01", "2026-01-01"]);
    assert_eq!((&*below, &*title), ("Mar 2024 | Jan 2026", "count, Thu 1 Jan 2026: 1"));
    let (below, _, title) = labels(&["2026-01-03T07:00:00.25+08:00", "2026-01-03T08:00:00+08:00"]);
    assert_eq!(below, "3 Jan 07:00 | 3 Jan 08:00");
    assert_eq!(title, "count, Sat 3 Jan 2026, 08:00: 1");
    let (below, _, title) = labels(&["7", "9", "10"]);
    assert_eq!((&*below, &*title), ("7 | 8 | 9 | 10", "count, day 10: 1"));
    let (below, _, title) = labels(&["2025", "2026", ""]);
    assert_eq!((&*below, &*title), ("2025 | 2026", "count, day 2026: 1"));
    let (below, _, title) = labels(&["coupon", ""]);
    assert_eq!((&*below, &*title), ("coupon | none", "count, none: 1"));
    let names: Vec<String> = (0..9).map(|index| format!("broken on arrival {index}")).collect();
    let (below, slanted, title) = labels(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((&*below, slanted.matches("broken on…").count()), ("", 9));
    assert_eq!(title, "count, broken on arrival 8: 1");
}

/// The control: every shape lies in the picture, whatever the figures.
#[test]
fn whatever_the_answer_nothing_lies_outside_the_picture() {
    let figures = ["", "0", "-7", "1e-9", "3", "86400", "9e14", "1e300", "x"];
    let rows = figures.iter().flat_map(|x| figures.map(|y| [*x, "a", y]));
    let rows: Vec<[&str; 3]> = rows.collect();
    let rows: Vec<&[&str]> = rows.iter().map(<[&str; 3]>::as_slice).collect();
    for unit in ["seconds", "percent", "count", "other"] {
        for rows in [&rows[..], &rows[..9], &rows[9..18], &rows[18..54]] {
            for kind in [ChartKind::Bar, ChartKind::StackedBar, ChartKind::Line, ChartKind::Heatmap]
            {
                let rows = grid(&["day", "agent", "n"], rows);
                let plot = drawn(&chart(kind, &["n"], Some("agent"), unit), &rows);
                for mark in plot.groups.iter().flat_map(|group| &group.marks) {
                    let (left, top, right, bottom) = match mark.shape {
                        Shape::Bar { x, y, width, height } => (x, y, x + width, y + height),
                        Shape::Dot { x, y } => (x, y, x, y),
                    };
                    assert!(left >= 0.0 && right <= 600.1, "{kind:?} {unit} {mark:?}");
                    assert!(top >= 0.0 && bottom <= plot.height, "{kind:?} {unit} {mark:?}");
                }
            }
        }
    }
}
