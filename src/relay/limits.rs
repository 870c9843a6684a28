//! Every bound of the relay, with its arithmetic.

use std::time::Duration;

/// Largest WebSocket frame and message, and the largest single event over HTTP.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Largest HTTP body of events.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most events in one HTTP body: more than fit at a realistic 300 bytes each, so that bytes are the bound people meet.
pub const BATCH_EVENTS_MAX: usize = 50_000;
/// Largest attachment: streamed to disk, so this bounds disk and time, not memory.
pub const ATTACHMENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Batches waiting for the appender: × up to 8 MiB each = 128 MiB at the very worst.
pub const SUBMISSIONS_WAITING_MAX: usize = 16;
/// Most events made durable by one sync.
pub const SYNC_EVENTS_MAX: usize = 8_192;
/// Records waiting to be sent to one WebSocket: × about 1 KiB = 256 KiB. What finds no room is read from the log.
pub const SEND_QUEUE_RECORDS: usize = 256;
/// Conversations one WebSocket may subscribe to.
pub const SUBSCRIPTIONS_MAX: usize = 1_000;
/// WebSockets open at once, over all addresses.
pub const WEBSOCKETS_MAX: usize = 10_000;
/// WebSockets open at once from one address: a shop's office sits behind one.
pub const WEBSOCKETS_PER_ADDRESS_MAX: usize = 2_000;
/// A WebSocket that has said nothing (not even a pong) for this long is closed.
pub const IDLE_MAX: Duration = Duration::from_secs(90);
/// The server asks for a sign of life this often.
pub const PING_EVERY: Duration = Duration::from_secs(30);
/// A WebSocket that does not take a frame within this time is cut off.
pub const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// Customers remembered as taking part in one conversation.
pub const CUSTOMERS_MAX: usize = 32;
