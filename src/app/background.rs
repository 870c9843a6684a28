//! Work on the log that goes on beside the service, each on a thread of its own. Nothing waits for
//! it, so that nobody would miss it: what it cannot do stands in the status, and after a panic it is
//! begun again.

use std::collections::BTreeMap;
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

/// What a shop is told of what waits in others.
const OF_OTHERS: &str = "something of other shops waits";

/// What is wrong now; set by the work and read by the status.
#[derive(Clone, Default)]
pub(super) struct Trouble {
    said: Arc<Mutex<Said>>,
}

/// What is wrong, in words.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// With all of the work: it names nothing of any shop.
    pub(super) of_all: Option<String>,
    /// With what is a shop's, which may name what is in it.
    pub(super) of_shops: BTreeMap<String, String>,
}

impl Trouble {
    /// What people of `shop` are told; whoever runs the service, for whom that is `None`, all of it.
    pub(super) fn told(&self, shop: Option<&str>) -> Vec<String> {
        let Said { of_all, of_shops } = self.said.lock().clone();
        let (own, others): (Vec<_>, Vec<_>) =
            of_shops.into_iter().partition(|(of, _)| shop.is_none_or(|shop| shop == of));
        let mut told: Vec<String> = of_all.into_iter().collect();
        told.extend(own.into_iter().map(|(_, text)| text));
        // Not of how many: that counts the shops.
        if !others.is_empty() {
            told.push(OF_OTHERS.to_string());
        }
        told
    }

    pub(super) fn set(&self, of_all: Option<String>) {
        self.set_said(Said { of_all, of_shops: BTreeMap::new() });
    }

    pub(super) fn set_said(&self, said: Said) {
        *self.said.lock() = said;
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

    /// What a shop's erasure waits for may name its conversations, and every shop read it.
    #[test]
    fn a_shop_is_told_what_is_its_own() {
        let trouble = Trouble::default();
        let of = |shop: &str| (shop.to_string(), format!("`{shop}-1` waits"));
        let of_shops = [of("anna"), of("bert"), of("carl")].into();
        trouble.set_said(Said { of_all: Some("slow".to_string()), of_shops });
        assert_eq!(trouble.told(Some("bert")), ["slow", "`bert-1` waits", OF_OTHERS]);
        assert_eq!(trouble.told(Some("dora")), ["slow", OF_OTHERS]);
        assert_eq!(trouble.told(None).len(), 4);
    }

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
        let said = background.trouble().told(Some("anna"));
        assert_eq!(said, ["counting panicked: beyond the end"]);
        stop.cancel();
        assert_eq!(background.join(), Ok(()));
    }
}
