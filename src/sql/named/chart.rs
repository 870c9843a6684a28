//! How an answer is drawn: the line `chart` of a query's header.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the line must be.
pub(super) const RULE: &str = "be `chart: line|bar|stacked_bar|heatmap x=COLUMN y=COLUMN,… [series=COLUMN] [n=COLUMN,…] [unit=seconds|count|percent]`";

/// How the answer is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chart {
    pub kind: ChartKind,
    /// Column along the bottom.
    pub x: String,
    /// Columns drawn.
    pub y: Vec<String>,
    /// Column whose values tell the series apart.
    pub series: Option<String>,
    /// `seconds`, `count` or `percent`.
    pub unit: Option<String>,
    /// Columns of how many each of those drawn is, in their order; without it those that are called so: `n_X`, `n`.
    #[serde(default)]
    pub n: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChartKind {
    Line,
    Bar,
    StackedBar,
    Heatmap,
}

impl Chart {
    pub(super) fn parse(text: &str) -> Option<Chart> {
        let mut words = text.split_whitespace();
        let kind = match words.next()? {
            "line" => ChartKind::Line,
            "bar" => ChartKind::Bar,
            "stacked_bar" => ChartKind::StackedBar,
            "heatmap" => ChartKind::Heatmap,
            _ => return None,
        };
        let (x, y, n) = (String::new(), Vec::new(), Vec::new());
        let mut chart = Chart { kind, x, y, series: None, unit: None, n };
        for word in words {
            match word.split_once('=')? {
                ("x", column) => chart.x = column.to_string(),
                ("y", columns) => chart.y = columns.split(',').map(str::to_string).collect(),
                ("n", columns) => chart.n = columns.split(',').map(str::to_string).collect(),
                ("series", column) => chart.series = Some(column.to_string()),
                ("unit", unit) => chart.unit = Some(unit.to_string()),
                _ => return None,
            }
        }
        let is_counted = chart.n.is_empty() || chart.n.len() == chart.y.len();
        (!chart.x.is_empty() && !chart.y.is_empty() && is_counted).then_some(chart)
    }
}
