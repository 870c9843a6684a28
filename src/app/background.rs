//! Work on the log that goes on beside the service, each on a thread of its own. Nothing waits for
//! it, so that nobody would miss it: what it cannot do stands in the status, and after a panic it is
//! begun again.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures::FutureExt;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::model::panic_text;

/// Pause before work that panicked is begun again: it may panic at the same place.
const PAUSE_AFTER_PANIC: Duration = Duration::from_secs(60);

/// A piece of work, and what is wrong with it.
pub(super) struct Background {
    name: &'static str,
    trouble: Trouble,
    thread: JoinHandle<()>,
}

/// What is wrong now, in words; set by the work and read by the status.
#[derive(Clone, Default)]
pub(super) struct Trouble {
    text: Arc<Mutex<Option<String>>>,
}

impl Trouble {
    pub(super) fn now(&self) -> Option<String> {
        self.text.lock().clone()
    }

    pub(super) fn set(&self, text: Option<String>) {
        *self.text.lock() = text;
    }
}

impl Background {
    /// Starts what `work` makes, which ends with `stop`.
    pub(super) fn start<F: Future<Output = ()> + Send>(
        name: &'static str,
        stop: CancellationToken,
        work: impl Fn(Trouble) -> F + Send + 'static,
    ) -> io::Result<Background> {
        Background::start_with(name, stop, PAUSE_AFTER_PANIC, work)
    }

    fn start_with<F: Future<Output = ()> + Send>(
        name: &'static str,
        stop: CancellationToken,
        pause: Duration,
        work: impl Fn(Trouble) -> F + Send + 'static,
    ) -> io::Result<Background> {
        let trouble = Trouble::default();
        let said = trouble.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let supervised = async move {
            loop {
                // It begins with what is on the disk: nothing of it outlives the panic.
                let Err(panic) = AssertUnwindSafe(work(said.clone())).catch_unwind().await else {
                    return;
                };
                let text = format!("{name} panicked: {}", panic_text(panic));
                tracing::error!(text, "begun again in {} s; the relay goes on", pause.as_secs());
                said.set(Some(text));
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.cancelled() => return,
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name(name.to_string())
            .spawn(move || runtime.block_on(supervised))?;
        Ok(Background { name, trouble, thread })
    }

    pub(super) fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }

    /// Waits for its end, once it was told to stop; its name where that was a panic.
    pub(super) fn join(self) -> Result<(), &'static str> {
        self.thread.join().map_err(|_| self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_that_panics_is_told_and_begun_again() {
        let (stop, begun) = (CancellationToken::new(), Arc::new(AtomicU32::new(0)));
        let (stops, counted) = (stop.clone(), begun.clone());
        let work = move |_| {
            let (nth, stop) = (counted.fetch_add(1, Ordering::SeqCst), stops.clone());
            async move {
                assert!(nth > 0, "beyond the end");
                stop.cancelled().await;
            }
        };
        let background =
            Background::start_with("counting", stop.clone(), Duration::ZERO, work).unwrap();
        let since = Instant::now();
        while begun.load(Ordering::SeqCst) < 2 {
            assert!(since.elapsed() < Duration::from_secs(60), "it is not begun again");
            std::thread::yield_now();
        }
        let said = background.trouble().now().unwrap();
        assert_eq!(said, "counting panicked: beyond the end");
        stop.cancel();
        assert_eq!(background.join(), Ok(()));
    }
}
