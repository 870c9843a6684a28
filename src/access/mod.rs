//! Who is asking, and what they may do: tokens, identities, rights.
//!
//! Invariant: everything here is decided from the token and the event alone, before anything is
//! looked up. Whether somebody takes part in a conversation is decided by the relay, which keeps
//! its participants.

// Who is asking.
mod identity;
// How they prove it.
mod tokens;
// What proves it, and what no longer does.
pub mod keyring;
// What each role may do: the one table.
mod rights;
// Whether an event may be sent.
mod authorize;
mod error;

pub use authorize::{CUSTOMER_KINDS, authorize, hears, right_to_read, shop_fields};
pub use error::AccessError;
pub use identity::{Identity, TokenRole, operator};
pub use rights::{Action, rights_table};
pub use tokens::Tokens;
