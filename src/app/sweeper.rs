//! Removes what uploads left that a death of the process broke off, once after each start.

use std::io;
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use super::background::{Background, Trouble};
use super::give_way;
use crate::relay::AttachmentStore;

/// Starts it.
pub(super) fn start(
    attachments: AttachmentStore,
    stop: CancellationToken,
) -> io::Result<Background> {
    let started = SystemTime::now();
    let sweeping = move |trouble: Trouble| {
        let attachments = attachments.clone();
        async move {
            give_way();
            if let Err(error) = attachments.sweep(started) {
                tracing::warn!(%error, "what uploads left stays until the next start");
                trouble
                    .set(Some(format!("what broken uploads left could not be removed: {error}")));
            }
        }
    };
    Background::start("sweeper", stop, sweeping)
}
