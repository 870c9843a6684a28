//! Whether a process stands still: what it says is waited for, it says nothing and uses no CPU. Its threads then wait for
//! each other, and would for ever.
//!
//! It is counted in looks and goes by no clock: who looks may have been stopped, too, and then saw nothing.

/// So many looks in a row, a second apart, that show the same.
pub(super) const STILL_LOOKS_MAX: u32 = 10;

/// What a look at a process shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// CPU time that it has used, in the system's ticks.
    pub(super) cpu_ticks: u64,
    /// How often the server began to wait for it.
    pub(super) waits: u64,
    /// Whether the server waits now. It does not while rows are not taken, or while it makes what the process asked for.
    pub(super) is_awaited: bool,
}

#[derive(Default)]
pub(super) struct Stillness {
    last: Option<Seen>,
    looks: u32,
}

impl Stillness {
    /// Takes a look, `None` where the system does not say; tells whether it has stood still for too long.
    pub(super) fn look(&mut self, seen: Option<Seen>) -> bool {
        let is_still = seen.is_some_and(|seen| seen.is_awaited) && seen == self.last;
        self.looks = if is_still { self.looks + 1 } else { 0 };
        self.last = seen;
        self.looks >= STILL_LOOKS_MAX
    }
}

/// The CPU time in `/proc/PID/stat`: `utime` and `stime`, behind the name of the program, which may hold anything.
pub(super) fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11);
    let mut time = || times.next()?.parse::<u64>().ok();
    Some(time()? + time()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(cpu_ticks: u64, waits: u64, is_awaited: bool) -> Option<Seen> {
        Some(Seen { cpu_ticks, waits, is_awaited })
    }

    /// After how many looks it is said to stand still.
    fn said_after(looks: impl IntoIterator<Item = Option<Seen>>) -> Option<usize> {
        let mut stillness = Stillness::default();
        looks.into_iter().position(|seen| stillness.look(seen))
    }

    #[test]
    fn who_is_waited_for_and_does_nothing_stands_still() {
        let max = STILL_LOOKS_MAX as usize;
        let long = 0..10 * max as u64;
        assert_eq!(said_after(long.clone().map(|_| seen(7, 1, true))), Some(max));
        // It computes, if only a little now and then.
        assert_eq!(said_after(long.clone().map(|look| seen(look / 9, 1, true))), None);
        // It answers, in less than a tick.
        assert_eq!(said_after(long.clone().map(|look| seen(7, look / 9, true))), None);
        // Nobody takes its rows, or it waits for the server.
        assert_eq!(said_after(long.clone().map(|_| seen(7, 1, false))), None);
        assert_eq!(said_after(long.clone().map(|look| seen(7, 1, look % 10 != 9))), None);
        // The system does not say.
        assert_eq!(said_after(long.map(|_| None)), None);
    }

    #[test]
    fn the_time_is_found_behind_any_name() {
        let numbers = "S 1 1 1 0 -1 4194304 2119 0 0 0 31 12 0 0 20 5 9 0 1000 1 2";
        for name in ["verbatim", "a) S 1", "(x)"] {
            assert_eq!(cpu_ticks(&format!("12 ({name}) {numbers}")), Some(43));
        }
        assert_eq!(cpu_ticks(""), None);
        assert_eq!(cpu_ticks("12 (verbatim) S 1 1"), None);
        let own = std::fs::read_to_string("/proc/self/stat").unwrap();
        assert!(cpu_ticks(&own).is_some(), "{own}");
    }
}
