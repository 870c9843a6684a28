//! From the bytes a client sent to an event that may go in line: read, checked, authorized, and
//! committed to, so that the appender has less to do.

use super::RelayError;
use crate::access::{Identity, authorize};
use crate::model::{CanonicalEvent, Event, FieldError, Origin};

/// Largest single event, in bytes of JSON.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;

/// Reads and checks one event as far as that goes without knowing its conversation.
pub fn prepare(
    identity: &Identity,
    origin: Origin,
    json: &[u8],
) -> Result<CanonicalEvent, RelayError> {
    if json.len() > EVENT_BYTES_MAX {
        let rule = format!("be at most {EVENT_BYTES_MAX} bytes of JSON");
        return Err(FieldError::new("event", format!("{} bytes", json.len()), rule).into());
    }
    prepare_event(identity, origin, Event::parse(json)?)
}

/// [`prepare`] of an event that has been read and checked: whether this identity may send it.
pub fn prepare_event(
    identity: &Identity,
    origin: Origin,
    event: Event,
) -> Result<CanonicalEvent, RelayError> {
    let by = authorize(identity, &event, origin)?;
    Ok(CanonicalEvent::new(&identity.shop, origin, by, event))
}
