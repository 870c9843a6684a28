//! The log's scrubber on a thread of its own, from a while after the start until the stop.

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::log::{LogReader, Scrubbed, scrub};

/// Read for scrubbing in a second: 100 GiB of log in 14 hours, for about a thirtieth of a core.
const SCRUB_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
/// A start, or a command in place, has better things to do.
const BEGIN_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Scrubber {
    scrubbed: watch::Receiver<Scrubbed>,
    thread: JoinHandle<()>,
}

impl Scrubber {
    pub(super) fn start(log: LogReader, stop: CancellationToken) -> io::Result<Scrubber> {
        let (report, scrubbed) = watch::channel(Scrubbed::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let scrubbing = async move {
            tokio::select! {
                () = tokio::time::sleep(BEGIN_AFTER) => {}
                () = stop.cancelled() => return,
            }
            scrub(&log, SCRUB_BYTES_PER_SECOND, &report, &stop).await;
        };
        let thread = std::thread::Builder::new()
            .name("scrubber".to_string())
            .spawn(move || runtime.block_on(scrubbing))?;
        Ok(Scrubber { scrubbed, thread })
    }

    /// What it finds, as it goes on.
    pub(super) fn watched(&self) -> watch::Receiver<Scrubbed> {
        self.scrubbed.clone()
    }

    /// Waits for its end, once it was told to stop; false when it panicked.
    pub(super) fn join(self) -> bool {
        self.thread.join().is_ok()
    }
}
