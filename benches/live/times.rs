//! Durations of one kind, as a report shows them.

use std::fmt::Display;
use std::time::Duration;

use super::report::{Report, quantile, round};

/// Milliseconds, sorted.
pub struct Times(Vec<f64>);

impl Times {
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Times {
        let mut times: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        Times(times)
    }

    pub fn p50(&self) -> f64 {
        quantile(&self.0, 0.5)
    }

    pub fn p99(&self) -> f64 {
        quantile(&self.0, 0.99)
    }

    pub fn add_to(&self, report: &mut Report, name: impl Display) {
        report.add(format!("{name}, p50"), round(self.p50(), 2), "ms");
        report.add(format!("{name}, p99"), round(self.p99(), 2), "ms");
    }

    /// How much more than `other`.
    pub fn add_beyond(&self, report: &mut Report, name: impl Display, other: &Times) {
        report.add(format!("{name}, p50"), round(self.p50() - other.p50(), 2), "ms");
        report.add(format!("{name}, p99"), round(self.p99() - other.p99(), 2), "ms");
    }
}
