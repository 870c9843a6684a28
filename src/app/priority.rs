//! Which threads come first where the cores are busy.

/// How far behind: with both busy, such threads have a tenth.
const NICE: i32 = 10;

/// Lets this thread, and those it starts, have what the cores have left: whoever waits for an ack goes
/// first.
pub(crate) fn give_way() {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!(%error, "this thread takes as much of the cores as acks");
    }
}
