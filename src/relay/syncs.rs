//! What is measured of the syncs of the log, for operators.

use std::time::Duration;

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// How many events a sync made durable, and how long it took. Observed by the appender, once a sync.
#[derive(Clone, Debug)]
pub struct Syncs {
    pub events: Histogram,
    pub seconds: Histogram,
}

impl Syncs {
    pub(super) fn new() -> Syncs {
        Syncs {
            // 1 to 8,192: the most that are drained for one sync.
            events: Histogram::new(exponential_buckets(1.0, 2.0, 14)),
            // 0.1 ms to 3.3 s.
            seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
        }
    }

    pub(super) fn observe(&self, events: usize, took: Duration) {
        self.events.observe(events as f64);
        self.seconds.observe(took.as_secs_f64());
    }
}
