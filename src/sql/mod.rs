//! Questions in SQL: a shop's tables over files and tail, named queries, and the guard that keeps
//! them read-only.
//!
//! Invariants: nothing a query says reaches another shop's rows, a file or a setting; every answer
//! names the offset it is complete to; memory, time and rows are bounded.
//! It does not render answers: that is for `cli`, `web` and `export`.

// A query as it is given: one, and read-only.
mod guard;
// How large a plan it becomes.
mod size;
// Queries with a name.
mod named;
// Values for a query's parameters.
mod value;
// Filters that may meet the rows of other shops.
mod harmless;
// What is known of files without opening them.
mod file_stats;
// The wall between a question and the files.
mod shop_scan;
// What of it lies beyond the files.
mod shop_tail;
// The files and the tail of one table, as one.
mod tables;
// The tables of one shop.
mod views;
// Functions: the engine's, bounded or refused, and our own.
mod functions;
// What functions make, bounded.
mod bounded;
mod bounded_aggregate;
// Threads for questions alone.
mod threads;
// Their end, when nobody waits any longer.
mod ending;
// A session for each query.
mod session;
// Rows, complete to an offset.
mod answer;
mod error;
#[cfg(test)]
mod tests;

pub use answer::{ANSWER_ROWS_MAX, Answer, AnswerStream};
pub use error::SqlError;
pub use named::{Chart, ChartKind, NamedQuery, Parameter, ParameterKind, load as named_queries};
pub use session::Sql;
pub use value::Value;
pub use views::TABLES;
