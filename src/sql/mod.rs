//! Questions in SQL: a shop's tables over files and tail, named queries, and the guard that keeps
//! them read-only.
//!
//! Invariants: nothing a query says reaches another shop's rows, a file or a setting; every answer
//! names the offset it is complete to; in the server, memory and time without a row are bounded whatever
//! it computes, since it computes in a process of its own, and so are the rows of what is held in memory.
//! It does not render answers: that is for `cli`, `web` and `export`.

// Queries with a name.
mod named;
// From one of them to its answer, to that of the range before, to the rows behind a figure.
mod reports;
// Whether their files can be answered.
mod check;
// Values for a query's parameters.
mod value;
// From a query to its answer.
mod questions;
// A turn for each.
mod turns;
// Answers that are given again for a while.
mod lately;
// Lists of names.
mod texts;
// The stores at one moment.
mod snapshot;
// The tables that they keep.
mod stored;

// The processes that questions run in: the pool, who starts and watches them, one of them, whether it does
// anything, and where they put what finds no room.
mod workers;
mod keeper;
mod process;
mod stillness;
mod spill;
// A question there, as the server sees it; and as the worker does.
mod asked;
mod worker;
// What they say to each other.
mod channel;
mod job;
mod ipc;

// A question, answered in this process, and the memory that its operators share.
mod engine;
mod memory;
// The same for clients of the Postgres wire, in their words and with their catalogue.
mod postgres;
// A query as it is given: one, and read-only.
mod guard;
// How deep a plan it becomes.
mod size;
// Statements about tables, functions and plans.
mod shown;
// What there is to ask, and what each column means.
mod schema;
mod meanings;
// What to do about an error.
mod hints;
// Where a statement ends, for whoever types one.
mod typed;
// Where its rows come from.
mod source;
// The files and the tail of one table, as one.
mod tables;
// Texts while they are computed with.
mod text_views;
// Filters that may meet the rows of other shops.
mod harmless;
// What is known of files without opening them.
mod file_stats;
// The wall between a question and the files.
mod shop_scan;
// The tables of one shop.
mod views;
// Functions of the engine whose answers would be wrong without a word.
mod corrected;
// Functions of our own: of a value; of many.
mod functions;
mod nearest_rank;
mod shared_ranks;
mod covered;
// Names of an answer's columns, each of its own.
mod column_names;
// Rows, complete to an offset.
mod answer;
mod error;
#[cfg(test)]
mod tests;

pub use answer::{ANSWER_ROWS_MAX, Answer, AnswerStream};
pub use check::{Broken, check_file, check_queries};
pub use error::SqlError;
pub use functions::Function;
pub use lately::Figures;
pub use meanings::ColumnSchema;
pub use named::{
    BUILT_IN, BUSINESS, CHANGE, Chart, ChartKind, Counted, Explained, Explanation, Filter,
    NamedQuery, PREVIOUS, Parameter, ParameterKind, Place, REASONS, UNTAGGED,
    load as named_queries,
};
pub use postgres::{
    Bound, Columns, DATABASE, Description, Fetch, Format, RowForm, SERVER_VERSION, Setting,
    Statement, WireAnswer, WireQuestion, bind, default_setting, sqlstate_of,
};
pub use process::WorkerProgram;
pub use questions::{NotBegun, Sql};
pub use schema::{Schema, TableKind, TableSchema, function_names, schema};
pub use typed::{is_complete, is_in_quotes};
pub use value::Value;
pub use views::TABLES;
pub use worker::{WorkerOptions, answer_questions};
