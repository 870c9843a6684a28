//! What the Postgres wire needs of questions: statements as its clients write them, sessions with the
//! catalogue that they look at, and rows as they take them.
//!
//! Invariants: whatever is planned, catalogue or data, is planned where questions are computed, by the
//! same guard and in the same bounds, in a session that knows one shop; the catalogue names tables,
//! columns and types, which are the same for every shop, and nothing else.
//! It knows no socket: `server::postgres` does.

// What a client says.
mod statement;
mod parse;
mod words;
// From a question to its rows, or to what they will be.
mod ask;

// A session of a client: its query planned.
mod session;
// What clients ask of the catalogue, said otherwise; and what they ask of that which is not here.
mod rewrite;
mod nothing;
// The catalogue that all sessions share.
mod listed;
mod catalog;
mod own_tables;
mod information;
// Functions that clients expect.
mod functions;
mod builtins;

// Values that are bound to a query.
mod parameters;
mod kind;
mod written;
mod binary;
// Rows as they go over the wire.
mod columns;
mod json;
mod rows;
// Errors by SQLSTATE.
mod sqlstate;

pub use ask::{Description, WireQuestion};
pub use builtins::{SERVER_VERSION, default_setting};
pub use columns::{Columns, Format};
pub use listed::DATABASE;
pub use parameters::{Bound, bind};
pub use rows::{RowForm, WireAnswer};
pub use sqlstate::sqlstate_of;
pub use statement::{Fetch, Setting, Statement};

pub(super) use session::{Client, Postgres, Wanted, description};
