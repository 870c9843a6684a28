//! Questions in SQL: a shop's tables over files and tail, named queries, and the guard that keeps
//! them read-only.
//!
//! Invariants: nothing a query says reaches another shop's rows, a file or a setting; every answer
//! names the offset it is complete to; in the server, memory, time and rows are bounded whatever it
//! computes, since it computes in a process of its own.
//! It does not render answers: that is for `cli`, `web` and `export`.

// Queries with a name.
mod named;
// Values for a query's parameters.
mod value;
// From a query to its answer.
mod questions;
// Lists of names.
mod texts;
// The stores at one moment.
mod snapshot;
// The tables that they keep.
mod stored;

// The processes that questions run in: the pool, who starts and watches them, and one of them.
mod workers;
mod keeper;
mod process;
// A question there, as the server sees it; and as the worker does.
mod asked;
mod worker;
// What they say to each other.
mod channel;
mod job;
mod ipc;

// A question, answered in this process.
mod engine;
// A query as it is given: one, and read-only.
mod guard;
// How deep a plan it becomes.
mod size;
// Where its rows come from.
mod source;
// The files and the tail of one table, as one.
mod tables;
// Filters that may meet the rows of other shops.
mod harmless;
// What is known of files without opening them.
mod file_stats;
// The wall between a question and the files.
mod shop_scan;
// The tables of one shop.
mod views;
// Functions of our own.
mod functions;
// Rows, complete to an offset.
mod answer;
mod error;
#[cfg(test)]
mod tests;

pub use answer::{ANSWER_ROWS_MAX, Answer, AnswerStream};
pub use error::SqlError;
pub use named::{Chart, ChartKind, NamedQuery, Parameter, ParameterKind, load as named_queries};
pub use process::WorkerProgram;
pub use questions::Sql;
pub use value::Value;
pub use views::TABLES;
pub use worker::{WorkerOptions, answer_questions};
