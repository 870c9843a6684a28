//! Who really sent an event, where that is not the sender it names.

use serde::{Deserialize, Serialize};

use super::Authority;

/// An importer, an administrator or a platform's backend that spoke for somebody else. Set by the
/// relay from the token, and committed to: nobody can put words into a customer's mouth unseen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// The right it used. First, since the canonical form is this struct's JSON and sorts names.
    pub role: Authority,
    /// Subject of the token.
    pub sub: String,
}
