//! When new events are not taken for now, though the log could: a disk that is almost full, and a
//! clock that jumped. Both end by themselves, and what was kept before is answered meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::model::Micros;

/// The wall clock may go so far ahead of the time that has passed: NTP corrects by less while a
/// machine runs.
const AHEAD_MAX: Duration = Duration::from_hours(1);
/// A clock that went further ahead and goes on evenly for so long is believed: a machine that was
/// paused, a first correction after its start.
const BELIEVED_AFTER: Duration = Duration::from_mins(10);
/// One that went so far ahead is wrong, however long it stays there: a jump to another year dates
/// nothing.
const NEVER_BELIEVED: Duration = Duration::from_hours(30 * 24);
/// How often the disk is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Why no new event is taken for now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Held {
    #[error("the disk has {free_mib} MiB left, and below {reserve_mib} nothing is taken")]
    DiskAlmostFull { free_mib: u64, reserve_mib: u64 },
    #[error(
        "the clock jumped ahead by {} s to {to}: nothing is taken until it is set right, or for ten minutes where it jumped by less than a month; a restart believes it at once", .by.as_secs()
    )]
    ClockJumped { by: Duration, to: Micros },
}

impl Held {
    /// The same for whoever sends.
    pub(super) fn told(&self) -> &'static str {
        match self {
            Held::DiskAlmostFull { .. } => {
                "no new events are taken: the server's disk is almost full; send the same again later"
            }
            Held::ClockJumped { .. } => {
                "no new events are taken: the server's clock is wrong; send the same again later"
            }
        }
    }
}

/// Whether new events are taken, and the time at which they are: asked by the appender for each sync,
/// and by whoever wants to know.
#[derive(Clone)]
pub(super) struct Reception {
    clock: Arc<Mutex<Clock>>,
    space: DiskSpace,
    is_held: Arc<AtomicBool>,
}

impl Reception {
    /// Into a log whose newest record was received at `newest`, and whose disk is that of `space`.
    pub(super) fn after(newest: Micros, space: DiskSpace) -> Reception {
        let clock = Arc::new(Mutex::new(Clock::after(newest)));
        Reception { clock, space, is_held: Arc::default() }
    }

    /// The time at which what is taken now is received.
    pub(super) fn now(&self) -> Result<Micros, Held> {
        let space = self.space.check();
        let now = space.and_then(|()| self.clock.lock().now());
        let was_held = self.is_held.swap(now.is_err(), Ordering::Relaxed);
        match &now {
            Err(held) if !was_held => tracing::warn!(%held, "no events are taken"),
            Ok(_) if was_held => tracing::warn!("events are taken again"),
            _ => {}
        }
        now
    }
}

/// The time at which events are received: it never runs backwards, and follows no jump ahead.
struct Clock {
    newest: Micros,
    believed: Option<Reading>,
    /// The first reading after a jump ahead.
    suspected: Option<Reading>,
    read: fn() -> Reading,
}

/// The wall clock, and how long the machine has run, asleep or not.
#[derive(Clone, Copy)]
struct Reading {
    wall: Micros,
    uptime: Duration,
}

impl Reading {
    fn now() -> Reading {
        Reading { wall: Micros::now(), uptime: uptime() }
    }

    /// By how much the wall clock went further than the time since `earlier`; zero where it went
    /// less far.
    fn ahead_of(&self, earlier: &Reading) -> Duration {
        let passed = self.uptime.saturating_sub(earlier.uptime);
        let went = u64::try_from(self.wall.0.saturating_sub(earlier.wall.0)).unwrap_or(0);
        Duration::from_micros(went).saturating_sub(passed)
    }

    fn is_behind(&self, earlier: &Reading) -> bool {
        let passed = self.uptime.saturating_sub(earlier.uptime).as_micros();
        i128::from(self.wall.0) < i128::from(earlier.wall.0) + passed.cast_signed()
    }
}

impl Clock {
    /// Of a log whose newest record was received at `newest`.
    fn after(newest: Micros) -> Clock {
        Clock { newest, believed: None, suspected: None, read: Reading::now }
    }

    /// The time now.
    fn now(&mut self) -> Result<Micros, Held> {
        let now = (self.read)();
        if let Some(believed) = self.believed {
            let ahead = now.ahead_of(&believed);
            if ahead > AHEAD_MAX && !self.is_believed_by_now(&now, ahead) {
                return Err(Held::ClockJumped { by: ahead, to: now.wall });
            }
        }
        self.suspected = None;
        // A step back leaves it where it would be without, so that the way there again is no jump.
        if self.believed.is_none_or(|believed| !now.is_behind(&believed)) {
            self.believed = Some(now);
        }
        self.newest = self.newest.max(now.wall);
        Ok(self.newest)
    }

    /// Whether a clock that jumped has gone on evenly for long enough.
    fn is_believed_by_now(&mut self, now: &Reading, ahead: Duration) -> bool {
        let since = *self.suspected.get_or_insert(*now);
        if now.ahead_of(&since) > AHEAD_MAX || now.wall < since.wall {
            self.suspected = Some(*now);
            return false;
        }
        ahead < NEVER_BELIEVED && now.uptime.saturating_sub(since.uptime) >= BELIEVED_AFTER
    }
}

/// How long the machine has run, its sleep included, where the system says so.
pub fn uptime() -> Duration {
    static STARTED: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let text = fs::read_to_string("/proc/uptime").ok();
    let seconds = text.as_deref().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    seconds.map_or_else(|| STARTED.elapsed(), Duration::from_secs_f64)
}

/// The free space of the log's disk, below which the relay stops taking before the log would fail:
/// a log that failed takes nothing before a restart.
#[derive(Clone)]
pub struct DiskSpace {
    path: PathBuf,
    reserve_bytes: u64,
    /// When, and how much was free; clones share it.
    asked: Arc<Mutex<Option<(Instant, u64)>>>,
    free_bytes: fn(&PathBuf) -> u64,
}

impl DiskSpace {
    /// The disk on which `path` lies, of which `reserve_bytes` are to stay free.
    pub fn of(path: PathBuf, reserve_bytes: u64) -> DiskSpace {
        // A disk that does not answer is not taken for a full one.
        let free_bytes = |path: &PathBuf| fs4::available_space(path).unwrap_or(u64::MAX);
        DiskSpace { path, reserve_bytes, asked: Arc::default(), free_bytes }
    }

    /// Where it is asked.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses what would be written while too little is left.
    pub fn check(&self) -> Result<(), Held> {
        let mut asked = self.asked.lock();
        let free_bytes = match *asked {
            Some((at, free_bytes)) if at.elapsed() < ASK_EVERY => free_bytes,
            _ => {
                let free_bytes = (self.free_bytes)(&self.path);
                *asked = Some((Instant::now(), free_bytes));
                free_bytes
            }
        };
        if free_bytes < self.reserve_bytes {
            let (free_mib, reserve_mib) = (free_bytes >> 20, self.reserve_bytes >> 20);
            return Err(Held::DiskAlmostFull { free_mib, reserve_mib });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static READ: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
        static FREE: Cell<u64> = const { Cell::new(0) };
    }

    const HOUR: u64 = 3_600;

    /// What the clock gives, in seconds, for a wall clock and an uptime in seconds.
    fn at(clock: &mut Clock, wall_s: u64, uptime_s: u64) -> Option<u64> {
        READ.set((wall_s, uptime_s));
        clock.now().ok().map(|at| at.0.cast_unsigned() / 1_000_000)
    }

    fn clock() -> Clock {
        let read = || {
            let (wall, uptime) = READ.get();
            let wall = Micros(wall.cast_signed() * 1_000_000);
            Reading { wall, uptime: Duration::from_secs(uptime) }
        };
        Clock { read, ..Clock::after(Micros(0)) }
    }

    #[test]
    fn a_jump_to_another_year_dates_nothing_and_ends_with_it() {
        let mut clock = clock();
        let jump = 73 * 365 * 24 * HOUR;
        assert_eq!(at(&mut clock, 1_000, 10), Some(1_000));
        assert_eq!(at(&mut clock, 1_000 + jump, 11), None);
        assert_eq!(at(&mut clock, 1_000 + jump + 2 * HOUR, 11 + 2 * HOUR), None, "however long");
        assert_eq!(at(&mut clock, 1_002 + 2 * HOUR, 12 + 2 * HOUR), Some(1_002 + 2 * HOUR));
    }

    #[test]
    fn a_jump_by_hours_is_believed_after_ten_even_minutes() {
        let mut clock = clock();
        assert_eq!(at(&mut clock, 1_000, 10), Some(1_000));
        let jumped = 1_000 + 5 * HOUR;
        assert_eq!(at(&mut clock, jumped, 10), None);
        assert_eq!(at(&mut clock, jumped + 599, 609), None);
        assert_eq!(at(&mut clock, jumped + 600, 610), Some(jumped + 600));
        assert_eq!(at(&mut clock, jumped + 601, 611), Some(jumped + 601));
    }

    #[test]
    fn sleep_small_steps_and_steps_back_and_forth_need_nobody() {
        let mut clock = clock();
        assert_eq!(at(&mut clock, 10_000, 10), Some(10_000));
        let slept = 60 * HOUR;
        assert_eq!(at(&mut clock, 10_000 + slept, 10 + slept), Some(10_000 + slept));
        let newest = 10_900 + slept;
        assert_eq!(at(&mut clock, newest, 11 + slept), Some(newest));
        assert_eq!(at(&mut clock, 500, 12 + slept), Some(newest), "never backwards");
        assert_eq!(at(&mut clock, 510, 22 + slept), Some(newest));
        assert_eq!(at(&mut clock, newest + 20, 31 + slept), Some(newest + 20), "and back");
    }

    #[test]
    fn what_is_taken_stops_before_the_disk_is_full_and_goes_on() {
        let space =
            DiskSpace { free_bytes: |_| FREE.get(), ..DiskSpace::of("/".into(), 100 << 20) };
        for (free_mib, is_taken) in [(100, true), (99, false), (0, false), (101, true)] {
            FREE.set(free_mib << 20);
            *space.asked.lock() = None;
            let taken = space.check();
            assert_eq!(taken.is_ok(), is_taken, "{free_mib} MiB");
            if let Err(held) = taken {
                let said = format!("has {free_mib} MiB left, and below 100");
                assert!(held.to_string().contains(&said), "{held}");
            }
        }
    }
}
