//! One named query's answer on a page: headline figures, or a chart with its table, or a table alone.

use super::failure_words;
use super::table::{Cells, Table};
use crate::model::{ErrorKind, Micros, Offset};
use crate::sql::{Answer, Figures, NamedQuery, SqlError};
use crate::web::charts::{Canvas, Drawing, draw};
use crate::web::drill::Drill;
use crate::web::figures::{change, figure, headline_label};
use crate::web::grid::Grid;
use crate::web::links::{chart_of, page_of, report_of};
use crate::web::selection::Selection;
use crate::web::shown::Shown;
use crate::web::wording::Wording;

/// What became of one query.
pub(in crate::web) struct Panel {
    /// Tells it from other panels of a page: letters, digits, `_` and `-`.
    pub id: String,
    pub title: String,
    pub answers: String,
    pub body: Body,
    /// The query's own page, about the same.
    pub details: String,
    /// The rows behind all of it; empty where the query does not say which they are.
    pub rows: String,
    /// The chart and the table as files.
    pub picture: String,
    pub csv: String,
    pub complete_to: Option<Offset>,
    /// When its figures were asked for.
    pub as_of: Option<Micros>,
}

/// What a panel shows.
pub(in crate::web) enum Body {
    /// Why there is no answer, in words for people.
    Problem(String),
    /// One row of figures.
    Headlines(Vec<Headline>),
    /// Nothing to draw is said.
    Chart(Option<Box<Drawing>>, Table),
    Table(Table),
}

/// One headline figure.
pub(in crate::web) struct Headline {
    pub label: String,
    pub figure: Shown,
    /// Where its rows are shown; empty: nowhere.
    pub address: String,
    /// What it was a period before, and the difference; empty where nothing is compared.
    pub before: String,
    pub change: String,
}

/// What panels are made with.
pub(in crate::web) struct Making<'a> {
    pub selection: &'a Selection,
    pub wording: &'a Wording,
    /// Whether figures lead to their rows: in a file of its own they cannot.
    pub leads: bool,
}

impl Panel {
    /// The panel of `query` with what it answered.
    pub(in crate::web) fn of(
        making: &Making<'_>,
        query: &NamedQuery,
        figures: &Result<Figures, SqlError>,
    ) -> Panel {
        let selection = making.selection;
        let body = match figures {
            Err(error) => Body::Problem(failure_words(error)),
            Ok(Figures { answer, .. }) => match read(answer, selection) {
                Ok(grid) => Body::of(making, query, &grid),
                Err(kind) => Body::Problem(super::failure_text(kind).to_string()),
            },
        };
        let is_whole = |body: &Body| matches!(body, Body::Table(_) | Body::Chart(..));
        let drill = Drill { query, selection };
        Panel {
            id: id_of(&query.name),
            title: query.title.clone(),
            answers: query.answers.clone(),
            rows: if is_whole(&body) { drill.whole() } else { String::new() },
            body,
            details: selection.address(&page_of("questions", &query.name)),
            picture: selection.fixed_address(&chart_of(&query.name), &[]),
            csv: report_of(query, selection),
            complete_to: figures.as_ref().ok().map(|figures| figures.answer.complete_to),
            as_of: figures.as_ref().ok().map(|figures| figures.as_of),
        }
    }

    /// The id of its heading.
    pub(in crate::web) fn title_id(&self) -> String {
        format!("title-{}", self.id)
    }

    /// Whether it needs the width of the page.
    pub(in crate::web) fn is_wide(&self) -> bool {
        match &self.body {
            Body::Table(table) => table.is_wide(),
            Body::Headlines(_) => true,
            Body::Chart(..) | Body::Problem(_) => false,
        }
    }

    /// Whether there is a chart to be had as a file.
    pub(in crate::web) fn is_drawn(&self) -> bool {
        matches!(&self.body, Body::Chart(Some(_), _))
    }

    /// Whether there are rows to be had as a file.
    pub(in crate::web) fn has_rows(&self) -> bool {
        !matches!(&self.body, Body::Problem(_))
    }
}

impl Body {
    fn of(making: &Making<'_>, query: &NamedQuery, grid: &Grid) -> Body {
        let drill = Drill { query, selection: making.selection };
        let table = || Table::of(&Cells { grid, drill: &drill, wording: making.wording });
        match &query.chart {
            Some(_) => Body::Chart(drawing(making, query, grid).map(Box::new), table()),
            None if are_headlines(grid) => Body::Headlines(headlines(grid, &drill)),
            None => Body::Table(table()),
        }
    }
}

/// The chart of an answer, if its query has one and there is anything to draw.
pub(in crate::web) fn drawing(
    making: &Making<'_>,
    query: &NamedQuery,
    grid: &Grid,
) -> Option<Drawing> {
    let drill = Drill { query, selection: making.selection };
    let address = |row: usize, column: &str| {
        if making.leads { drill.figure(grid, row, column) } else { String::new() }
    };
    let id = format!("chart-{}", id_of(&query.name));
    draw(&Canvas {
        chart: query.chart.as_ref()?,
        grid,
        title: &query.title,
        wording: making.wording,
        address: &address,
        id: &id,
    })
}

/// The rows of an answer.
pub(in crate::web) fn read(answer: &Answer, selection: &Selection) -> Result<Grid, ErrorKind> {
    Grid::of(&answer.batches, selection.zone).map_err(|error| {
        tracing::error!(%error, "an answer could not be read");
        ErrorKind::Bug
    })
}

/// One row in which nothing tells it from others.
fn are_headlines(grid: &Grid) -> bool {
    let is_figure =
        |value: &crate::web::grid::Value| value.number().is_some() || value.label().is_empty();
    grid.rows.len() == 1 && grid.rows[0].iter().all(is_figure)
}

/// The figures of a one-row answer, in the order of its columns.
fn headlines(grid: &Grid, drill: &Drill<'_>) -> Vec<Headline> {
    let headline = |name: &String| {
        let value = grid.cell(0, name)?;
        let previous = grid.before(0, name);
        Some(Headline {
            label: headline_label(name),
            figure: Shown::plain(&figure(name, value)),
            address: drill.figure(grid, 0, name),
            before: previous.map_or_else(String::new, |previous| figure(name, previous)),
            change: previous.map_or_else(String::new, |previous| change(name, value, previous)),
        })
    };
    grid.names.iter().filter(|name| !grid.is_beside(name)).filter_map(headline).collect()
}

/// A name as part of an id: what is no letter, digit or `_` by its number, so that no two names have one id.
pub(in crate::web) fn id_of(name: &str) -> String {
    let part = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        byte => format!("-{byte:02x}"),
    };
    name.bytes().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Micros;
    use crate::sql::{Chart, ChartKind};
    use crate::web::grid::Value;
    use crate::web::selection::Fields;

    fn selection() -> Selection {
        Selection::read(&Fields::new(), chrono_tz::UTC, Micros(0))
    }

    fn query() -> NamedQuery {
        let text = "-- title: Waits\n-- answers: How long.\n-- explain: counted\nSELECT 1";
        NamedQuery::parse("waiting_by_day", text).unwrap()
    }

    #[test]
    fn a_failed_query_says_so_in_words_and_shows_no_rows() {
        let chart = Chart {
            kind: ChartKind::Line,
            x: "day".into(),
            y: vec!["n".into()],
            series: None,
            unit: None,
            n: Vec::new(),
        };
        let query = NamedQuery { chart: Some(chart), ..query() };
        let (selection, wording) = (selection(), Wording::default());
        let making = Making { selection: &selection, wording: &wording, leads: true };
        let panel = Panel::of(&making, &query, &Err(SqlError::TooMany));
        assert!(matches!(&panel.body, Body::Problem(words) if words.contains("busy")));
        assert!(panel.complete_to.is_none() && !panel.has_rows() && !panel.is_drawn());
        let empty = Body::of(&making, &query, &Grid::default());
        assert!(matches!(empty, Body::Chart(None, table) if table.rows.is_empty()));
    }

    #[test]
    fn one_row_of_figures_is_headlines_that_lead_to_their_rows() {
        let (selection, wording, query) = (selection(), Wording::default(), query());
        let making = Making { selection: &selection, wording: &wording, leads: true };
        // A figure that is only called like a change is one.
        let names =
            ["median_s", "previous_median_s", "change_median_s", "waiting_now", "change_requests"];
        let row = [Some(90), Some(60), Some(30), None, Some(7)];
        let row = row.map(|value| value.map_or(Value::Null, Value::Whole)).to_vec();
        let names = names.map(str::to_string).to_vec();
        let mut grid = Grid { names, rows: vec![row], cut: false };
        let Body::Headlines(headlines) = Body::of(&making, &query, &grid) else {
            panic!("a table")
        };
        let shown: Vec<_> = headlines
            .iter()
            .map(|one| {
                (one.label.as_str(), one.figure.text(), one.before.as_str(), one.change.as_str())
            })
            .collect();
        assert_eq!(shown[0], ("median wait", "1 min 30 s".to_string(), "1 min", "+50 %"));
        assert_eq!(shown[1], ("waiting now", "–".to_string(), "", ""));
        assert_eq!(shown[2], ("change requests", "7".to_string(), "", ""));
        assert!(headlines[0].address.starts_with("/explain/waiting_by_day?figure=median_s&"));
        grid.rows[0][3] = Value::Text("lin".to_string());
        assert!(matches!(Body::of(&making, &query, &grid), Body::Table(_)));
    }

    #[test]
    fn no_two_names_have_one_id() {
        let names = ["a b", "a-b", "a_b", "a.b", "日"];
        let ids: std::collections::BTreeSet<String> =
            names.iter().map(|name| id_of(name)).collect();
        assert_eq!(ids.len(), names.len());
    }
}
