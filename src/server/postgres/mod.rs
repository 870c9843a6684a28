//! The Postgres wire: one shop's tables, read-only, for whatever speaks to Postgres.
//!
//! Messages are the library's (`pgwire`) where they are written; where they are read, they are taken
//! apart here, since the library reads beyond a message that is too short, and its handlers gather what
//! a portal gives in memory. Questions are answered by [`crate::sql::Sql`], as those of HTTP are.
//!
//! Invariants: nobody is answered before a token was checked, which is checked again at each statement
//! and while one runs;
//! every question that reads a table of the shop is in its trail, and so is every refusal that HTTP would
//! record; a statement sees one moment, and a transaction is a word: nothing is written, and the next
//! statement sees what came meanwhile; what a client sends is bounded before it is read, what it makes
//! the server keep is counted, and what it does not take in time ends its connection.

// Connections, as many as may be.
mod listen;
mod places;
// The first words on one: encryption, a request to cancel, or a login.
mod negotiate;
mod login;
mod options;
// Bytes, and the messages in them.
mod wire;
mod message;
mod failure;

// A connection that is logged in: one message after the other.
mod session;
mod simple;
mod extended;
// Statements that ask for rows; and those that are about the connection.
mod portal;
mod portals;
mod values;
mod prepared;
mod send;
mod command;
mod settings;
mod known_settings;
mod transaction;
// Statements that are to stop.
mod cancel;

pub use listen::serve;
