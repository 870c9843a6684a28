//! From the bytes a client sent to an event that may go in line: read, checked, authorised, in canonical form.

use crate::access::{Identity, authorize};
use crate::model::{CanonicalParts, Event, FieldError, Fingerprint, Origin};

use super::RelayError;

/// Largest single event, in bytes of JSON.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;

/// An event that passed every check its own words can fail, with its canonical form made, so that the appender has less
/// to do.
pub struct Prepared {
    pub(super) event: Event,
    pub(super) canonical: CanonicalParts,
    pub(super) fingerprint: Fingerprint,
}

impl Prepared {
    /// Checks what the token decides alone and makes the canonical form.
    pub fn new(identity: &Identity, origin: Origin, event: Event) -> Result<Prepared, RelayError> {
        authorize(identity, &event, origin)?;
        let canonical = CanonicalParts::of(&identity.shop, origin, &event);
        let fingerprint = canonical.fingerprint();
        Ok(Prepared { event, canonical, fingerprint })
    }
}

/// Reads and checks one event as far as that goes without knowing its conversation.
pub fn prepare(identity: &Identity, origin: Origin, json: &[u8]) -> Result<Prepared, RelayError> {
    if json.len() > EVENT_BYTES_MAX {
        let rule = format!("be at most {EVENT_BYTES_MAX} bytes of JSON");
        return Err(FieldError::new("event", format!("{} bytes", json.len()), rule).into());
    }
    Prepared::new(identity, origin, Event::parse(json)?)
}
