//! What a reader tells from a chart: which series is which, of how many a figure is, what was before, where it leads.

use std::collections::BTreeSet;

use askama::Template;

use super::super::Picture;
use super::super::series::SERIES_MAX;
use super::{chart, drawn, grid, html, names, texts, titles};
use crate::sql::{Chart, ChartKind};

#[test]
fn of_many_series_the_largest_are_shown_and_the_rest_is_added_up() {
    let agents: Vec<String> = (0..20).map(|index| format!("agent-{index}")).collect();
    let sizes: Vec<String> = (0..20).map(|index| (index + 1).to_string()).collect();
    let rows: Vec<[&str; 3]> =
        agents.iter().zip(&sizes).map(|(agent, size)| ["2026-01-03", &**agent, &**size]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(<[&str; 3]>::as_slice).collect();
    let rows = grid(&["day", "agent", "n"], &rows);
    let count = chart(ChartKind::StackedBar, &["n"], Some("agent"), "count");
    let plot = drawn(&count, &rows);
    assert_eq!(plot.legend.len(), SERIES_MAX);
    assert_eq!((names(&plot)[0], names(&plot)[7]), ("agent-13", "other (13)"));
    assert!(
        plot.note.contains("The 7 largest of 20 are shown, 13 together as other."),
        "{}",
        plot.note
    );
    let rest = plot.groups.last().unwrap();
    assert_eq!(rest.marks[0].title, "other (13), Sat 3 Jan 2026: 91");
    assert_eq!(rest.marks[0].address, "", "it is no row of the answer");
    // Every colour once.
    let classes: BTreeSet<&str> = plot.groups.iter().map(|group| group.class.as_str()).collect();
    assert_eq!(classes.len(), SERIES_MAX);
    // What cannot be added up is left to the table.
    let waits = drawn(&chart(ChartKind::Line, &["n"], Some("agent"), "seconds"), &rows);
    assert!(waits.note.contains("8 of 20 series shown."), "{}", waits.note);
}

#[test]
fn every_mark_leads_to_its_figure() {
    let rows =
        grid(&["day", "sent", "read"], &[&["2026-01-03", "5", "10"], &["2026-01-04", "", "7"]]);
    for kind in [ChartKind::Bar, ChartKind::StackedBar, ChartKind::Line] {
        let plot = drawn(&chart(kind, &["sent", "read"], None, "count"), &rows);
        let marks = plot.groups.iter().flat_map(|group| &group.marks);
        let addresses: Vec<&str> = marks.map(|mark| mark.address.as_str()).collect();
        let expected = ["/x?row=0&figure=sent", "/x?row=0&figure=read", "/x?row=1&figure=read"];
        assert_eq!(addresses, expected, "{kind:?}");
        assert!(html(&chart(kind, &["sent"], None, "count"), &rows).contains(
            "<a href=\"/x?row=0&#38;figure=sent\"><title>sent, Sat 3 Jan 2026: 5</title>"
        ));
    }
}

#[test]
fn a_figure_of_few_is_hollow_and_says_of_how_many_it_is() {
    let rows = grid(&["hour", "median_s", "n"], &[&["3", "40", "2"], &["9", "30", "20"]]);
    let of_hours =
        Chart { x: "hour".to_string(), ..chart(ChartKind::Bar, &["median_s"], None, "seconds") };
    let plot = drawn(&of_hours, &rows);
    let marks = &plot.groups[0].marks;
    assert_eq!((marks[0].is_of_few, marks[1].is_of_few), (true, false));
    assert_eq!(marks[0].title, "median, 03:00–03:59: 40 s (n = 2)");
    assert!(plot.note.contains("Hollow: of fewer than 20."));
    // All hours of a day are there, whichever have figures.
    let labels = texts(&plot, "below");
    assert_eq!((labels[0], labels.last().unwrap(), labels.len()), ("0", &"22", 12));
    // A count is no estimate.
    let counts =
        drawn(&Chart { unit: Some("count".into()), y: vec!["n".into()], ..of_hours }, &rows);
    assert!(counts.groups[0].marks.iter().all(|mark| !mark.is_of_few));
}

/// Of three human replies beside 400 of a bot the line was drawn as if it were of 400.
#[test]
fn a_figure_is_of_as_many_as_its_own_count_says() {
    let rows = grid(
        &["day", "total_median_s", "human_median_s", "n", "n_human"],
        &[&["2026-01-03", "1", "2", "400", "3"]],
    );
    let columns = ["total_median_s", "human_median_s"];
    let plot = drawn(&chart(ChartKind::Line, &columns, None, "seconds"), &rows);
    let of_few: Vec<bool> = plot.groups.iter().map(|group| group.marks[0].is_of_few).collect();
    assert_eq!(of_few, [false, true]);
    assert!(titles(&plot)[1].contains("(n = 3)"), "{:?}", titles(&plot));
}

/// Nine of one size and then a larger one: it was the larger one that became a part of the rest.
#[test]
fn the_largest_series_is_shown_wherever_it_stands() {
    let categories: Vec<String> = (0..10).map(|number| format!("c{number}")).collect();
    let rows: Vec<[&str; 3]> = categories
        .iter()
        .map(|name| ["2026-01-03", name.as_str(), if name == "c9" { "9" } else { "1" }])
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(|row| row.as_slice()).collect();
    let rows = grid(&["day", "category", "n"], &rows);
    let plot = drawn(&chart(ChartKind::StackedBar, &["n"], Some("category"), "count"), &rows);
    let shown = names(&plot);
    assert!(shown.contains(&"c9") && shown.contains(&"other (3)"), "{shown:?}");
}

#[test]
fn the_period_before_is_a_faint_line_on_the_same_scale() {
    let rows = grid(
        &["day", "n", "previous_n", "change_n"],
        &[
            &["2026-01-03", "5", "40", "-35"],
            &["2026-01-04", "7", "", ""],
            &["2026-01-05", "", "3", ""],
        ],
    );
    let line = drawn(&chart(ChartKind::Line, &["n"], None, "count"), &rows);
    assert_eq!(names(&line), ["count", "period before"]);
    assert_eq!(line.groups[0].before.matches('M').count(), 2, "{}", line.groups[0].before);
    assert_eq!(titles(&line)[0], "count, Sat 3 Jan 2026: 5, before 40");
    assert_eq!(texts(&line, "left").last(), Some(&"40"));
    for kind in [ChartKind::Bar, ChartKind::StackedBar] {
        let bars = drawn(&chart(kind, &["n"], None, "count"), &rows);
        assert_eq!(bars.groups[0].before.matches('h').count(), 2, "{kind:?}");
        assert_eq!(texts(&bars, "left").last(), Some(&"40"));
    }
}

#[test]
fn weekdays_stand_in_their_order_with_their_names() {
    let rows =
        grid(&["hour", "weekday", "n"], &[&["8", "7", "3"], &["9", "1", "5"], &["8", "2", "40"]]);
    let map = Chart {
        x: "hour".to_string(),
        ..chart(ChartKind::Heatmap, &["n"], Some("weekday"), "count")
    };
    let plot = drawn(&map, &rows);
    assert_eq!(texts(&plot, "left"), ["Mon", "Tue", "Sun"]);
    assert_eq!(titles(&plot)[0], "Mon, 09:00–09:59: 5");
}

/// Without colours, too: by the texture of bars, the dashes and the dots of lines.
#[test]
fn series_are_told_apart_without_colour() {
    let rows = grid(
        &["day", "a", "b", "c"],
        &[&["2026-01-03", "1", "2", "3"], &["2026-01-04", "1", "2", "3"]],
    );
    let bars = html(&chart(ChartKind::StackedBar, &["a", "b", "c"], None, "count"), &rows);
    assert!(
        bars.contains(r##"<pattern id="chart-x-2""##)
            && bars.contains(r##"fill="url(#chart-x-3)""##),
        "{bars}"
    );
    let plot = drawn(&chart(ChartKind::Line, &["a", "b", "c"], None, "count"), &rows);
    let dots: BTreeSet<&str> = plot.groups.iter().map(|group| plot.dot(&group.style)).collect();
    assert_eq!(dots.len(), 3);
    let all: BTreeSet<&str> = (1..=SERIES_MAX).map(|style| plot.dot(&style)).collect();
    let textures: BTreeSet<&str> = (1..=SERIES_MAX).map(|style| plot.texture(&style)).collect();
    assert_eq!((all.len(), textures.len()), (SERIES_MAX, SERIES_MAX));
}

#[test]
fn a_picture_stands_alone() {
    let rows = grid(&["day", "a", "b"], &[&["2026-01-03", "1", "2"], &["2026-01-04", "1", "<2>"]]);
    let plot = drawn(&chart(ChartKind::StackedBar, &["a", "b"], None, "count"), &rows);
    let lines = ["How many & whose?".to_string(), "long ".repeat(60)];
    let picture = Picture::of(plot, &lines).render().unwrap();
    assert!(picture.starts_with("<svg xmlns=") && picture.contains("--series-1: #"), "{picture}");
    assert!(
        picture.contains("How many &#38; whose?") && picture.contains(">b</text>"),
        "{picture}"
    );
    for outside in ["@import", "url(http", "href=\"http", "<script"] {
        assert!(!picture.contains(outside), "{outside} in {picture}");
    }
    let broken = picture.matches(r#"class="line""#).count();
    assert!(broken >= 5, "a long line is broken: {broken}");
}
