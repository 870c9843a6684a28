//! What writes the trail: a few times a second it puts in line what waits, and tries again where the log
//! takes nothing for now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::queue::Waiting;
use super::{Trail, event_of};
use crate::access::operator;
use crate::model::{ErrorKind, Kinded, Micros};
use crate::relay::RelayError;

/// How often. With no other traffic each costs a sync: four a second.
const EVERY: Duration = Duration::from_millis(250);
/// Records put in line at once: with their 16 KiB at most a quarter of what may wait there.
const AT_ONCE_MAX: usize = 1_024;
/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// What became of what was put in line.
enum Written {
    All,
    /// The log takes nothing for now.
    NotYet(RelayError),
    /// It takes nothing any more.
    Never(RelayError),
}

impl Trail {
    /// Writes what waits, now and then, until `stop`; then what is left. `told` hears why nothing can be
    /// written, if nothing can.
    pub async fn write_on(&self, stop: CancellationToken, told: impl Fn(Option<String>)) {
        let mut pause = EVERY;
        loop {
            let is_last = tokio::select! {
                () = tokio::time::sleep(pause) => false,
                () = stop.cancelled() => true,
            };
            let written = self.write(is_last).await;
            pause = if matches!(written, Written::All) { EVERY } else { PAUSE };
            match written {
                Written::All => told(None),
                Written::NotYet(error) => {
                    told(Some(format!("accesses wait to be recorded: {error}")))
                }
                Written::Never(error) => {
                    told(Some(format!("accesses cannot be recorded: {error}")))
                }
            }
            if is_last {
                self.say_what_is_lost();
                return;
            }
        }
    }

    /// Writes all that waits; with `all`, sums of a minute that is not over too.
    async fn write(&self, all: bool) -> Written {
        loop {
            let taken = self.queue.lock().take(AT_ONCE_MAX, Micros::now(), all);
            if taken.is_empty() {
                return Written::All;
            }
            let written = self.write_some(taken).await;
            if !matches!(written, Written::All) {
                return written;
            }
        }
    }

    /// Writes these, shop by shop. What could not be written waits again, in front.
    async fn write_some(&self, taken: Vec<Waiting>) -> Written {
        let mut shops: BTreeMap<String, Vec<Waiting>> = BTreeMap::new();
        for waiting in taken {
            shops.entry(waiting.shop.clone()).or_default().push(waiting);
        }
        let mut written = Written::All;
        let mut left = Vec::new();
        for (shop, of_shop) in shops {
            if !matches!(written, Written::All) {
                left.extend(of_shop);
                continue;
            }
            let events = of_shop.iter().map(|waiting| event_of(&shop, &waiting.entry, waiting.at));
            let answers = self.relay.append(Arc::new(operator(&shop)), events.collect()).await;
            match answers {
                Ok(answers) => {
                    for (waiting, answer) in of_shop.into_iter().zip(answers) {
                        match answer.map_err(failed) {
                            Ok(_) => {}
                            Err(Some(not_written)) => {
                                left.push(waiting);
                                written = not_written;
                            }
                            // It is counted, and holds up nothing.
                            Err(None) => self.queue.lock().give_up(&waiting),
                        }
                    }
                }
                Err(error) => {
                    left.extend(of_shop);
                    written = Written::of(error);
                }
            }
        }
        self.queue.lock().put_back(left);
        written
    }

    /// At the end nobody comes back for what is left.
    fn say_what_is_lost(&self) {
        let waiting = self.status().waiting;
        if waiting > 0 {
            tracing::error!(waiting, "accesses could not be recorded before the end");
        }
    }
}

impl Written {
    fn of(error: RelayError) -> Written {
        match error.kind() {
            ErrorKind::Closed | ErrorKind::Bug => Written::Never(error),
            _ => Written::NotYet(error),
        }
    }
}

/// What the failure of one record means for those after it; `None` where it is that record's own.
fn failed(error: RelayError) -> Option<Written> {
    match error.kind() {
        ErrorKind::BadInput | ErrorKind::Conflict | ErrorKind::Denied | ErrorKind::NotFound => {
            tracing::error!(%error, "an access was refused by the relay");
            None
        }
        _ => Some(Written::of(error)),
    }
}
