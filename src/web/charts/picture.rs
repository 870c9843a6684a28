//! A chart as a file of its own: title, what was asked, legend and styles are in it.
//!
//! Invariant: it fetches nothing and looks the same wherever it is opened, light on white.

use askama::Template;

use super::labels::text_em;
use super::{Drawing, EM_WIDE, Key, KeyKind, Shape, TEXTURE, WIDTH, rounded};

/// The style sheet's part about charts.
const SHEET: &str = include_str!("../assets/charts.css");
/// Where the first line under the title stands, and how far lines are from each other.
const FIRST_LINE: f64 = 44.0;
const LINE: f64 = 18.0;
/// An entry of the legend: the drawn key, and the room between it and the next.
const KEY_WIDTH: f64 = 32.0;
const KEY_GAP: f64 = 16.0;
const MARGIN: f64 = 8.0;
/// Longest line before it is broken.
const LINE_EM_MAX: f64 = (WIDTH - 2.0 * MARGIN) / EM_WIDE;

/// A chart with all that a reader of it alone has to know.
#[derive(Template)]
#[template(path = "picture.svg")]
pub(in crate::web) struct Picture {
    drawing: Drawing,
    /// Each with its height.
    lines: Vec<(f64, String)>,
    keys: Vec<PlacedKey>,
    chart_top: f64,
    height: f64,
    sheet: &'static str,
}

/// An entry of the legend in its place.
struct PlacedKey {
    x: f64,
    y: f64,
    key: Key,
}

impl Picture {
    /// The picture of a chart, with `lines` under its title.
    pub(in crate::web) fn of(mut drawing: Drawing, lines: &[String]) -> Picture {
        let note = std::mem::take(&mut drawing.note);
        let broken = lines.iter().chain([&note]).flat_map(|line| broken(line));
        let lines: Vec<(f64, String)> = (0_u32..)
            .zip(broken)
            .map(|(nth, line)| (FIRST_LINE + f64::from(nth) * LINE, line))
            .collect();
        let legend_top = lines.last().map_or(FIRST_LINE, |(y, _)| y + LINE);
        let legend = std::mem::take(&mut drawing.legend);
        let keys = placed(legend, legend_top);
        let chart_top = keys.last().map_or(legend_top, |key| key.y + LINE);
        let height = rounded(chart_top + drawing.height + MARGIN);
        Picture { drawing, lines, keys, chart_top, height, sheet: SHEET }
    }
}

/// A legend of one entry tells nothing that the axis does not.
fn placed(legend: Vec<Key>, top: f64) -> Vec<PlacedKey> {
    if legend.len() < 2 {
        return Vec::new();
    }
    let (mut x, mut y) = (MARGIN, top);
    let place = |key: Key| {
        let width = KEY_WIDTH + text_em(&key.name) * EM_WIDE + KEY_GAP;
        if x + width > WIDTH && x > MARGIN {
            (x, y) = (MARGIN, y + LINE);
        }
        let placed = PlacedKey { x: rounded(x), y, key };
        x += width;
        placed
    };
    legend.into_iter().map(place).collect()
}

/// A line as several that fit, broken between words.
fn broken(line: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        match lines.last_mut() {
            Some(last) if text_em(last) + text_em(word) < LINE_EM_MAX => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}
