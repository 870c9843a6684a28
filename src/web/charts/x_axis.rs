//! Where along the bottom a point stands: days and instants by the calendar, so that a missing day
//! is a gap; the hours of the day, all of them; numbers by their size; everything else side by side in order of
//! appearance.
//!
//! Invariant: places are sorted from left to right, and no two stand at one spot.

use std::collections::{HashMap, HashSet};
use std::f64::consts::FRAC_1_SQRT_2;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

use super::labels::{Label, TEXT_EM_MAX, below, shortened, text_em};
use super::series::Series;
use super::{Area, BELOW, DENSE, EM_NARROW, GAP};
use crate::web::figures::{figure, label};
use crate::web::grid::Value;
use crate::web::shown::Shown;
use crate::web::wording::Wording;

/// Longer ranges of days are labelled by month and year.
const DAYS_OF_A_YEAR: f64 = 366.0;
/// Numbers further out would leave no room between their neighbours.
const NUMBER_MAX: f64 = 1e15;
/// Steps along the axis that are looked at for labels: ten years of days. Beyond, only what has a
/// figure has a label.
const STEPS_MAX: f64 = 4_000.0;
/// The column of hours of the day, and how many there are.
const HOUR: &str = "hour";
const HOURS: i64 = 24;

pub(super) struct XAxis {
    kind: Kind,
    /// What stands along the bottom, from left to right.
    places: Vec<Place>,
    /// The index of a value's place, by its raw text.
    index_of: HashMap<String, usize>,
    /// What stands along the bottom, in a word.
    caption: String,
    /// The least distance between two places.
    step: f64,
}

struct Place {
    at: f64,
    /// As a point's title has it.
    name: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// By days.
    Days,
    /// By seconds.
    Instants,
    Numbers,
    /// Each of them has a place, also where it has no figure.
    Hours,
    /// By their turn.
    Categories,
}

impl XAxis {
    /// The axis of the column `column`, with a place for every value that `series` have there;
    /// `None` where there is none.
    pub(super) fn of(series: &[Series], column: &str, wording: &Wording) -> Option<XAxis> {
        let hours: Vec<Value> = (0..HOURS).map(Value::Whole).collect();
        let mut values = distinct(series);
        let kind = Kind::of(&values, column);
        if kind == Kind::Hours {
            values.extend(&hours);
        }
        let placed = (0_u32..).zip(values);
        let placed = placed.filter_map(|(turn, value)| Some((kind.at(value, turn)?, value)));
        let mut placed: Vec<(f64, &Value)> = placed.collect();
        placed.sort_by(|one, other| one.0.total_cmp(&other.0));
        let caption = label(column);
        let (mut places, mut index_of) = (Vec::<Place>::new(), HashMap::new());
        for (at, value) in placed {
            if places.last().is_none_or(|last| last.at < at) {
                let name = match kind {
                    Kind::Categories => category_name(&wording.words(column, value)),
                    _ => kind.name(at, &caption),
                };
                places.push(Place { at, name });
            }
            index_of.insert(value.label(), places.len() - 1);
        }
        let steps = places.windows(2).map(|pair| pair[1].at - pair[0].at);
        let step = steps.reduce(f64::min).unwrap_or(1.0);
        (!places.is_empty()).then_some(XAxis { kind, places, index_of, caption, step })
    }

    /// Which place a value has, counted from the left.
    pub(super) fn index(&self, value: &Value) -> Option<usize> {
        self.index_of.get(&value.label()).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether marks stand so close that their outlines would cover them.
    pub(super) fn is_dense(&self) -> bool {
        self.slot() * DENSE as f64 <= 1.0
    }

    /// Where a place stands, as a share of the width.
    pub(super) fn share(&self, index: usize) -> f64 {
        self.share_at(self.places[index].at)
    }

    /// How much of the width each place has for itself.
    pub(super) fn slot(&self) -> f64 {
        self.step / (self.last() - self.first() + self.step)
    }

    /// A place's name in full.
    pub(super) fn name(&self, index: usize) -> &str {
        &self.places[index].name
    }

    /// Room that the axis needs at the left: for the first label, where labels slant.
    pub(super) fn left(&self, width: f64) -> f64 {
        if self.is_slanted(width) { self.longest() * EM_NARROW * FRAC_1_SQRT_2 } else { 0.0 }
    }

    /// What stands along the bottom, in a word.
    pub(super) fn caption(&self) -> &str {
        &self.caption
    }

    /// Room that labels need under the axis.
    pub(super) fn height(&self, width: f64) -> f64 {
        if self.is_slanted(width) {
            BELOW + (self.longest() + 0.5) * EM_NARROW * FRAC_1_SQRT_2
        } else {
            BELOW + EM_NARROW
        }
    }

    /// The labels under the axis, as many as fit.
    pub(super) fn labels(&self, area: &Area) -> Vec<Label> {
        let y = area.bottom() + BELOW;
        let names = self.short_names().into_iter();
        let placed = names.map(|(at, name)| (area.x(self.share_at(at)), name));
        below(placed.collect(), y, self.is_slanted(area.width()))
    }

    /// What may stand under the axis. A day or an hour without a figure has its label too.
    fn short_names(&self) -> Vec<(f64, String)> {
        if self.kind == Kind::Categories {
            let short = |place: &Place| (place.at, shortened(&place.name, TEXT_EM_MAX));
            return self.places.iter().map(short).collect();
        }
        let span = self.last() - self.first();
        let whole = |steps: f64| (steps - steps.round()).abs() < 1e-6;
        let is_even = self.places.iter().all(|place| whole((place.at - self.first()) / self.step));
        let spots: Vec<f64> = if is_even && span / self.step <= STEPS_MAX {
            let count = (span / self.step).round() as u32;
            (0..=count).map(|index| self.first() + f64::from(index) * self.step).collect()
        } else {
            self.places.iter().map(|place| place.at).collect()
        };
        spots.into_iter().map(|at| (at, self.kind.short_name(at, span))).collect()
    }

    /// Whether names would overlap side by side.
    fn is_slanted(&self, width: f64) -> bool {
        let room = self.slot() * width - GAP;
        self.kind == Kind::Categories && self.longest() * EM_NARROW > room
    }

    /// The longest label under the axis, in ems.
    fn longest(&self) -> f64 {
        let names = self.places.iter().map(|place| text_em(&shortened(&place.name, TEXT_EM_MAX)));
        names.fold(0.0, f64::max)
    }

    fn share_at(&self, at: f64) -> f64 {
        // Half a step is free on either side.
        ((at - self.first()) / self.step + 0.5) * self.slot()
    }

    fn first(&self) -> f64 {
        self.places.first().map_or(0.0, |place| place.at)
    }

    fn last(&self) -> f64 {
        self.places.last().map_or(0.0, |place| place.at)
    }
}

/// The values along the bottom, each once, in order of appearance.
fn distinct(series: &[Series]) -> Vec<&Value> {
    let mut seen = HashSet::new();
    let points = series.iter().flat_map(|series| &series.points);
    points.map(|point| &point.x).filter(|x| seen.insert(x.label())).collect()
}

impl Kind {
    /// The kind as which all values can be read. NULL is no day and no number, but a category of
    /// its own.
    fn of(values: &[&Value], column: &str) -> Kind {
        let known = || values.iter().filter(|value| **value != &Value::Null);
        let reads = |kind: &Kind| known().all(|value| kind.at(value, 0).is_some());
        if known().next().is_none() {
            return Kind::Categories;
        }
        let is_hour =
            |value: &&&Value| value.whole().is_some_and(|hour| (0..HOURS).contains(&hour));
        if column == HOUR && known().all(|value| is_hour(&value)) {
            return Kind::Hours;
        }
        let kinds = [Kind::Days, Kind::Instants, Kind::Numbers];
        kinds.into_iter().find(reads).unwrap_or(Kind::Categories)
    }

    /// Where a value stands; a category by its `turn`.
    fn at(self, value: &Value, turn: u32) -> Option<f64> {
        match (self, value) {
            (Kind::Days, Value::Text(text)) => {
                let day: NaiveDate = text.parse().ok()?;
                Some(f64::from(day.num_days_from_ce()))
            }
            (Kind::Instants, Value::Text(text)) => {
                // With a zone or without: it is read as clocks there show it.
                let instant: NaiveDateTime = text.get(..19)?.parse().ok()?;
                Some(instant.and_utc().timestamp() as f64)
            }
            (Kind::Instants, Value::Time(time)) => {
                Some(time.naive_local().and_utc().timestamp() as f64)
            }
            (Kind::Numbers | Kind::Hours, value) => {
                value.number().filter(|number| number.abs() < NUMBER_MAX)
            }
            (Kind::Categories, _) => Some(f64::from(turn)),
            _ => None,
        }
    }

    /// The name in full of what stands at a place; a number with what it counts.
    fn name(self, at: f64, caption: &str) -> String {
        match self {
            Kind::Hours => format!("{at:02.0}:00–{at:02.0}:59"),
            Kind::Numbers => format!("{caption} {}", number_name(at)),
            _ => self.calendar_name(at, "%a %-d %b %Y", "%a %-d %b %Y, %H:%M"),
        }
    }

    /// The name of a spot on an axis that is `span` long.
    fn short_name(self, at: f64, span: f64) -> String {
        let days = if span > DAYS_OF_A_YEAR { "%b %Y" } else { "%-d %b" };
        self.calendar_name(at, days, "%-d %b %H:%M")
    }

    fn calendar_name(self, at: f64, days: &str, instants: &str) -> String {
        let name = match self {
            Kind::Days => NaiveDate::from_num_days_from_ce_opt(at as i32)
                .map(|day| day.format(days).to_string()),
            Kind::Instants => DateTime::from_timestamp(at as i64, 0)
                .map(|instant| instant.format(instants).to_string()),
            Kind::Numbers | Kind::Hours | Kind::Categories => None,
        };
        name.unwrap_or_else(|| number_name(at))
    }
}

/// A category as it reads on a page. NULL is one, too.
fn category_name(words: &str) -> String {
    if words.is_empty() { "none".to_string() } else { Shown::plain(words).text() }
}

/// A number as it is: years have no thousands.
fn number_name(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number:.0}") } else { figure("", &Value::Number(number)) }
}
