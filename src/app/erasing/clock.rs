//! The time by which it is judged what shops keep no longer, in `expiring-clock.json`.
//!
//! What expires is gone for good, so that the wall clock alone does not decide it: a machine that starts with
//! another year, or is set to it, would erase what is to be kept. This time goes on with the time that
//! passes while the service runs, said or not, and from run to run. Where the wall clock is close to it,
//! it follows; where it is not, only once that has gone on evenly for long enough that a person who reads
//! the status could have set it right. So a long pause puts off what expires by that long, and never for
//! good.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::json_file;
use crate::model::Micros;
use crate::relay::uptime;

const FILE: &str = "expiring-clock.json";
/// A wall clock that is further off is doubted: a machine is off for a night or a day, and where it is
/// wrong by no more than that, so is what it erases.
const DOUBTED_BEYOND: Duration = Duration::from_hours(48);
/// One that was doubted and has gone on evenly for so long is believed.
const BELIEVED_AFTER: Duration = Duration::from_hours(7 * 24);

#[derive(Debug)]
pub(super) struct ExpiryClock {
    path: PathBuf,
    state: State,
    /// At the last look of this process.
    uptime: Option<Duration>,
}

/// As it was at the last look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    time: Micros,
    wall: Micros,
    /// For how long the wall clock has gone on evenly while it was doubted.
    even_s: u64,
}

/// What is said of the time.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) time: Micros,
    /// Why that is not the wall clock's.
    pub(super) doubt: Option<String>,
}

impl ExpiryClock {
    /// The clock of a data directory; one that has none yet begins at `newest`, when the last record
    /// was received before this start.
    pub(super) fn read(root: &Path, newest: Micros) -> anyhow::Result<ExpiryClock> {
        let path = root.join(FILE);
        let state = json_file::read::<Option<State>>(&path)?;
        let state = state.unwrap_or_else(|| State::at(newest));
        Ok(ExpiryClock { path, state, uptime: None })
    }

    /// The time now, which is durable.
    pub(super) fn now(&mut self) -> anyhow::Result<Told> {
        let (wall, uptime) = (Micros::now(), uptime());
        // How long it was off is known by the wall clock alone.
        let passed = self.uptime.map_or(Duration::ZERO, |before| uptime.saturating_sub(before));
        let mut state = self.state.clone();
        let doubt = state.go_on(wall, passed);
        json_file::write(&self.path, &state)?;
        (self.state, self.uptime) = (state, Some(uptime));
        Ok(Told { time: self.state.time.min(wall), doubt })
    }
}

impl State {
    fn at(time: Micros) -> State {
        // Where nothing was ever received there is nothing to erase, and nothing to doubt by.
        let time = if time == Micros(0) { Micros::now() } else { time };
        State { time, wall: time, even_s: 0 }
    }

    /// Goes on by `passed`, to a wall clock that shows `wall`. Returns why that is doubted.
    fn go_on(&mut self, wall: Micros, passed: Duration) -> Option<String> {
        let is_even = apart(after(self.wall, passed), wall) <= DOUBTED_BEYOND;
        self.even_s = if is_even { self.even_s.saturating_add(passed.as_secs()) } else { 0 };
        (self.wall, self.time) = (wall, after(self.time, passed));
        let off_by = apart(self.time, wall);
        if off_by <= DOUBTED_BEYOND || self.even_s >= BELIEVED_AFTER.as_secs() {
            *self = State { time: wall, wall, even_s: 0 };
            return None;
        }
        let days = off_by.as_secs() / (24 * 3_600);
        let left_h = BELIEVED_AFTER.as_secs().saturating_sub(self.even_s).div_ceil(3_600);
        Some(format!(
            "the clock says {wall}, {days} days from {}, which it should be by all that this service has \
             seen: what is kept no longer is judged by the earlier of the two; set the clock right, or, \
             where it is, wait: it is believed after {left_h} more hours of running",
            self.time
        ))
    }
}

fn after(time: Micros, passed: Duration) -> Micros {
    Micros(time.0.saturating_add(i64::try_from(passed.as_micros()).unwrap_or(i64::MAX)))
}

fn apart(one: Micros, other: Micros) -> Duration {
    Duration::from_micros(one.0.abs_diff(other.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const DAY: Duration = Duration::from_hours(24);
    const START: Micros = Micros(1_767_225_600_000_000);

    /// The wall clock at so many days after [`START`].
    fn day(days: u32) -> Micros {
        after(START, DAY * days)
    }

    /// Runs for so long, with a wall clock that goes on evenly from `wall`; whether it is doubted at the
    /// end.
    fn runs(state: &mut State, wall: Micros, long: Duration) -> bool {
        let mut is_doubted = state.go_on(wall, Duration::ZERO).is_some();
        for minute in 1..=u32::try_from(long.as_secs() / 60).unwrap() {
            is_doubted = state.go_on(after(wall, MINUTE * minute), MINUTE).is_some();
        }
        is_doubted
    }

    /// A start with a clock that was 400 days ahead erased within seconds what was to be kept for 30.
    #[test]
    fn a_start_with_a_wrong_clock_brings_nothing_nearer_and_neither_do_further_ones() {
        let mut state = State::at(START);
        for start in 0..20 {
            assert!(runs(&mut state, day(400), MINUTE * 30), "start {start}");
        }
        assert_eq!(state.time, after(START, MINUTE * 600), "it goes on with what passes");
        assert!(!runs(&mut state, day(1), MINUTE), "it was set right");
        assert_eq!(state.time, after(day(1), MINUTE));
    }

    #[test]
    fn a_service_that_is_idle_or_off_for_a_night_or_a_day_is_not_doubted() {
        let mut state = State::at(START);
        assert!(!runs(&mut state, START, DAY * 40), "idle");
        assert_eq!(state.time, day(40));
        assert!(!runs(&mut state, day(42), MINUTE), "off for two days");
        assert_eq!(state.time, after(day(42), MINUTE));
    }

    /// What is kept for so many days must not be kept for ever.
    #[test]
    fn after_months_of_being_off_the_clock_is_believed_after_a_week_of_running() {
        let mut state = State::at(START);
        // It may run for an hour a day.
        let mut hours = 0;
        while runs(&mut state, after(day(100 + hours), MINUTE), Duration::from_hours(1)) {
            hours += 1;
            assert!(hours < 7 * 24 + 2, "for ever");
        }
        assert!(hours >= 7 * 24 - 1, "{hours}");
        assert!(state.time > day(200));
    }

    #[test]
    fn a_clock_that_jumps_while_it_is_doubted_begins_anew() {
        let mut state = State::at(START);
        assert!(runs(&mut state, day(100), DAY * 6));
        assert!(runs(&mut state, day(500), DAY * 6));
        assert!(runs(&mut state, day(100), DAY * 6), "and where it was");
        assert!(!runs(&mut state, day(106), DAY * 2));
    }

    /// What was kept back by a clock that was behind goes when it is right again.
    #[test]
    fn a_clock_that_was_behind_is_believed_at_once_when_it_is_right_again() {
        let mut state = State::at(START);
        assert!(!runs(&mut state, START, DAY * 50));
        assert!(runs(&mut state, Micros(0), DAY));
        assert!(!runs(&mut state, day(51), MINUTE));
        assert_eq!(state.time, after(day(51), MINUTE));
    }
}
