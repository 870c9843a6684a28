//! How fast each subject may ask and send: the generic cell rate algorithm, by `governor`.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use parking_lot::Mutex;

use super::Problem;
use super::shares::{Subject, subject_of};
use crate::access::Identity;
use crate::app::Config;

/// After a pause so many seconds' worth may come at once.
const BURST_SECONDS: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// What an upload is counted in.
const UPLOAD_UNIT_BYTES: u64 = 64 * 1024;
const UNITS_PER_MIB: NonZeroU32 = NonZeroU32::new(16).unwrap();
const DAY: Duration = Duration::from_hours(24);
/// How often subjects are forgotten that have paused.
const FORGET_EVERY: Duration = Duration::from_secs(60);

type Limiter = DefaultKeyedRateLimiter<Subject>;

/// The rates of all subjects.
#[derive(Clone)]
pub(super) struct Rates {
    limiters: Arc<Limiters>,
}

struct Limiters {
    requests: Limiter,
    /// Requests that may come at once.
    requests_at_once: NonZeroU32,
    customer_events: Limiter,
    customer_uploads: Limiter,
    forgotten_at: Mutex<Instant>,
}

impl Rates {
    pub(super) fn of(config: &Config) -> Rates {
        let per_second = |count: NonZeroU32| {
            let burst = count.saturating_mul(BURST_SECONDS);
            RateLimiter::dashmap(Quota::per_second(count).allow_burst(burst))
        };
        let limiters = Limiters {
            requests: per_second(config.requests_per_second),
            requests_at_once: config.requests_per_second.saturating_mul(BURST_SECONDS),
            customer_events: per_second(config.customer_events_per_second),
            customer_uploads: RateLimiter::dashmap(per_day(config.customer_upload_mib_per_day)),
            forgotten_at: Mutex::new(Instant::now()),
        };
        Rates { limiters: Arc::new(limiters) }
    }

    /// Counts one request.
    pub(super) fn request(&self, identity: &Identity) -> Result<(), Problem> {
        self.limiters.forget_who_paused();
        let checked = self.limiters.requests.check_key(&subject_of(identity));
        checked.map_err(|until| too_fast("requests", &until))
    }

    /// Counts what takes as long as so many requests; more than may come at once is counted as that.
    pub(super) fn requests(&self, identity: &Identity, count: NonZeroU32) -> Result<(), Problem> {
        self.limiters.forget_who_paused();
        let Limiters { requests, requests_at_once, .. } = &*self.limiters;
        let count = count.min(*requests_at_once);
        match requests.check_key_n(&subject_of(identity), count) {
            Ok(checked) => checked.map_err(|until| too_fast("requests", &until)),
            Err(at_once) => {
                Err(Problem::too_many(format!("{} requests at once", at_once.0), FORGET_EVERY))
            }
        }
    }

    /// Counts a request's events, where a customer sends them.
    pub(super) fn events(&self, identity: &Identity, count: usize) -> Result<(), Problem> {
        let Some(count) = u32::try_from(count).ok().and_then(NonZeroU32::new) else {
            return Ok(());
        };
        if !identity.is_customer() {
            return Ok(());
        }
        let events = &self.limiters.customer_events;
        match events.check_key_n(&subject_of(identity), count) {
            Ok(checked) => checked.map_err(|until| too_fast("events", &until)),
            Err(at_once) => {
                let detail = format!("a customer sends at most {} events at once", at_once.0);
                Err(Problem::with_status(StatusCode::PAYLOAD_TOO_LARGE, detail))
            }
        }
    }

    /// Waits until it is time for one more event over a socket: its sender is not read meanwhile.
    pub(super) async fn event_in_time(&self, identity: &Identity) {
        if identity.is_customer() {
            self.limiters.customer_events.until_key_ready(&subject_of(identity)).await;
        }
    }

    /// Counts a customer's upload.
    pub(super) fn upload(&self, identity: &Identity, bytes: u64) -> Result<(), Problem> {
        let units = u32::try_from(bytes.div_ceil(UPLOAD_UNIT_BYTES)).unwrap_or(u32::MAX);
        let Some(units) = NonZeroU32::new(units) else { return Ok(()) };
        if !identity.is_customer() {
            return Ok(());
        }
        let uploads = &self.limiters.customer_uploads;
        match uploads.check_key_n(&subject_of(identity), units) {
            Ok(checked) => checked.map_err(|until| too_fast("bytes of attachments", &until)),
            Err(_) => {
                let detail = format!("{bytes} bytes are more than a customer sends in a day");
                Err(Problem::with_status(StatusCode::PAYLOAD_TOO_LARGE, detail))
            }
        }
    }
}

impl Limiters {
    fn forget_who_paused(&self) {
        let mut forgotten_at = self.forgotten_at.lock();
        if forgotten_at.elapsed() < FORGET_EVERY {
            return;
        }
        *forgotten_at = Instant::now();
        for limiter in [&self.requests, &self.customer_events, &self.customer_uploads] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// A day's worth at once, and as much again within a day.
fn per_day(mib: NonZeroU32) -> Quota {
    let units = mib.saturating_mul(UNITS_PER_MIB);
    // So many that the period is nothing: a bound that nobody reaches.
    let quota = Quota::with_period(DAY / units.get()).unwrap_or(Quota::per_second(units));
    quota.allow_burst(units)
}

fn too_fast(what: &str, until: &NotUntil<<DefaultClock as Clock>::Instant>) -> Problem {
    let wait = until.wait_time_from(DefaultClock::default().now());
    Problem::too_many(format!("too many {what} in a short time"), wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_is_counted_as_several_requests() {
        let requests_per_second = const { NonZeroU32::new(10).unwrap() };
        let rates = Rates::of(&Config { requests_per_second, ..Config::default() });
        let [ann, ben] = ["ann", "ben"].map(crate::access::operator);
        let count = |identity, count| rates.requests(identity, NonZeroU32::new(count).unwrap());
        count(&ann, 65).unwrap();
        assert_eq!(count(&ann, 65).unwrap_err().status, 429, "a hundred at once are the most");
        count(&ann, 30).unwrap();
        // More than there ever are at once is what there is.
        count(&ben, 1_000).unwrap();
        assert_eq!(rates.request(&ben).unwrap_err().status, 429);
    }
}
