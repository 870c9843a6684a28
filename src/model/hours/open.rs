//! The hours of a week and of single dates, and how much of a span is open by them.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::steady::{DAY, MINUTE, Steady, offset_at, steady_spans};
use crate::model::Micros;

/// A century: days are looked at one by one.
pub(super) const SPAN_MAX: i64 = 36_525 * DAY;
const WEEK: i64 = 7 * DAY;
/// Ten years, in weeks. Of those, the few that a date or a change of the clock makes different are walked
/// through; each other one is three looks at the zone and one at the dates.
const AFTER_MAX: i64 = 522 * WEEK;
/// Ten thousand years about 1970: SQL knows times at which to add a day overflows.
const TIMES: RangeInclusive<i64> = -100 * SPAN_MAX..=100 * SPAN_MAX;

/// The opening hours of a shop, or of a team of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Value", try_from = "Value")]
pub struct Hours {
    pub(super) zone: Tz,
    /// From Monday.
    pub(super) week: [Day; 7],
    /// By days since 1970-01-01.
    pub(super) dates: BTreeMap<i64, Day>,
}

/// The stretches of one day, by their beginnings.
pub(super) type Day = Vec<Stretch>;

/// From and before which minute of a day, counted from its midnight; up to the same time of the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Stretch {
    pub(super) from: u32,
    pub(super) to: u32,
}

impl Hours {
    /// How much of `[from, to)` is open, in microseconds; 0 where `to` is not later. `None` of more than a
    /// century, and of times that no calendar has.
    pub fn open_micros(&self, from: Micros, to: Micros) -> Option<i64> {
        let are_dates = TIMES.contains(&from.0) && TIMES.contains(&to.0);
        if !are_dates || to.0 - from.0 > SPAN_MAX {
            return None;
        }
        let steady = steady_spans(self.zone, from.0, to.0);
        Some(
            steady
                .flat_map(|steady| self.pieces(steady))
                .map(|piece| piece.end - piece.start)
                .sum(),
        )
    }

    /// The first moment at which `open_us` microseconds after `from` have been open. `None` where that is not
    /// within ten years, and of times that no calendar has.
    pub fn after_open(&self, from: Micros, open_us: i64) -> Option<Micros> {
        if open_us <= 0 {
            return Some(from);
        }
        if !TIMES.contains(&from.0) || self.never_opens() {
            return None;
        }
        let mut left_us = open_us;
        // What is open of a usual week, from whatever moment on it is counted.
        let mut usual_us = None;
        // Week by week, since most of what is asked for has passed in the first.
        for week in (from.0..from.0 + AFTER_MAX).step_by(WEEK as usize) {
            let is_usual = self.is_usual(week);
            if let Some(usual_us) = usual_us.filter(|usual_us| is_usual && left_us > *usual_us) {
                left_us -= usual_us;
                continue;
            }
            let before_us = left_us;
            for piece in steady_spans(self.zone, week, week + WEEK).flat_map(|at| self.pieces(at)) {
                let open_us = piece.end - piece.start;
                if left_us <= open_us {
                    return Some(Micros(piece.start + left_us));
                }
                left_us -= open_us;
            }
            if is_usual {
                usual_us = Some(before_us - left_us);
            }
        }
        None
    }

    /// Whether the week from `from` on has as much open as any: its clock runs evenly, and it has no date
    /// of its own, nor a day before it that may go on into it. No zone has changed its clock and back
    /// within half a week (Brazil in 2000: within a week less an hour), so three looks at it tell.
    fn is_usual(&self, from: i64) -> bool {
        let (middle, to) = (from + WEEK / 2, from + WEEK);
        let offset = offset_at(self.zone, from);
        let days = (from + offset).div_euclid(DAY) - 1..=(to + offset).div_euclid(DAY);
        let is_even = [middle, to].iter().all(|at| offset_at(self.zone, *at) == offset);
        is_even && self.dates.range(days).next().is_none()
    }

    fn never_opens(&self) -> bool {
        self.week.iter().all(Vec::is_empty) && self.dates.values().all(Vec::is_empty)
    }

    /// The open pieces of a span, in order and apart from each other. Days are walked through from the one
    /// before: its hours may go on past midnight.
    fn pieces(&self, steady: Steady) -> impl Iterator<Item = Range<i64>> {
        let Steady { from, to, offset } = steady;
        let wall = from + offset..to + offset;
        let days = wall.start.div_euclid(DAY) - 1..=wall.end.div_euclid(DAY);
        let stretches = days.flat_map(|day| {
            let at = move |minute: u32| day * DAY + i64::from(minute) * MINUTE;
            self.stretches_of(day).iter().map(move |of| at(of.from)..at(of.to))
        });
        let mut until = wall.start;
        stretches.filter_map(move |stretch| {
            let piece = stretch.start.max(until)..stretch.end.min(wall.end);
            until = until.max(piece.end);
            (!piece.is_empty()).then_some(piece.start - offset..piece.end - offset)
        })
    }

    fn stretches_of(&self, day: i64) -> &[Stretch] {
        // 1970-01-01 was a Thursday.
        let weekday = (day + 3).rem_euclid(7) as usize;
        self.dates.get(&day).unwrap_or(&self.week[weekday])
    }
}
