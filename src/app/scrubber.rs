//! The log's scrubber, from a while after the start until the stop.

use std::io;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::background::{Background, Trouble};
use crate::log::{LogReader, Scrubbed, scrub};

/// Read for scrubbing in a second: 100 GiB of log in 14 hours, for about a thirtieth of a core.
const SCRUB_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
/// A start, or a command in place, has better things to do.
const BEGIN_AFTER: Duration = Duration::from_secs(60);

/// Starts it; what it finds can be watched as it goes on.
pub(super) fn start(
    log: LogReader,
    stop: CancellationToken,
) -> io::Result<(Background, watch::Receiver<Scrubbed>)> {
    let (report, scrubbed) = watch::channel(Scrubbed::default());
    let (log, report, told) = (log, report, stop.clone());
    let scrubbing = move |trouble: Trouble| {
        let (log, report, stop) = (log.clone(), report.clone(), told.clone());
        async move {
            tokio::select! {
                () = tokio::time::sleep(BEGIN_AFTER) => {}
                () = stop.cancelled() => return,
            }
            let (mut seen, before) = (report.subscribe(), report.borrow().rounds);
            let went_round = async {
                let _ = seen.wait_for(|scrubbed| scrubbed.rounds > before).await;
                // It got past where it panicked, if it did.
                trouble.set(None);
                std::future::pending().await
            };
            tokio::select! {
                () = scrub(&log, SCRUB_BYTES_PER_SECOND, &report, &stop) => {}
                () = went_round => {}
            }
        }
    };
    Ok((Background::start("scrubber", stop, scrubbing)?, scrubbed))
}
