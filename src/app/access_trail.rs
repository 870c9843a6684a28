//! Writes down who looked at what, beside the service.

use std::io;

use tokio_util::sync::CancellationToken;

use super::background::{Background, Trouble};
use crate::trail::Trail;

/// Starts it. It ends with `end`, once what waits is written.
pub(super) fn start(trail: Trail, end: CancellationToken) -> io::Result<Background> {
    let told = end.clone();
    let writing = move |trouble: Trouble| {
        let (trail, end) = (trail.clone(), told.clone());
        async move { trail.write_on(end, |why| trouble.set(why)).await }
    };
    Background::start("the trail of accesses", end, writing)
}
