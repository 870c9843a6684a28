//! When to look again: at once after something new, and the later the more often it was in vain.

use std::time::{Duration, Instant};

use crate::model::Offset;

/// How often is looked whether something waits: that reads a flag.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Longest pause between two looks at the same obstacles: each look reads what is to be erased.
const PAUSE_MAX: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
    next: Instant,
    /// The newest record about keeping at the last look.
    seen: Option<Offset>,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Pace {
        Pace { pause: LOOK_EVERY, next: now, seen: None }
    }

    /// Whether to look now, with `newest` the newest record about keeping: a request, a hold, a
    /// release or a receipt.
    pub(super) fn is_due(&mut self, newest: Offset, now: Instant) -> bool {
        if self.seen.replace(newest) != Some(newest) {
            self.pause = LOOK_EVERY;
            self.next = now;
        }
        now >= self.next
    }

    /// Notes down a look that left something waiting.
    pub(super) fn looked(&mut self, now: Instant) {
        self.next = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What waited for months was read whole five times a second.
    #[test]
    fn pauses_grow_to_a_bound_and_something_new_ends_them() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut looks = 0;
        for _ in 0..(3_600 * 5) {
            if pace.is_due(Offset(7), now) {
                looks += 1;
                pace.looked(now);
            }
            now += LOOK_EVERY;
        }
        assert!((100..150).contains(&looks), "{looks} looks in an hour");
        assert!(pace.is_due(Offset(8), now), "somebody asked");
        pace.looked(now);
        assert!(pace.is_due(Offset(8), now + LOOK_EVERY), "the pause begins anew");
    }
}
