//! Named queries: one question a file. A comment header says what it answers, which parameters it
//! takes, how it is drawn, where it stands on the pages and which rows stand behind its figures; the rest is
//! SQL. Reports, dashboards and the API are all made from these.
//!
//! ```sql
//! -- title: Waiting time by day
//! -- answers: How long did customers wait for a human, day by day?
//! -- parameter: from timestamp = -14d   Waits that began at or after this instant
//! -- chart: line x=day y=median_s,p90_s unit=seconds
//! -- dashboard: waits 1
//! -- explain: counted by day
//! WITH counted AS (SELECT …)
//! SELECT …
//! ```
//! Invariants: what an asker gives stands in no text that runs, as text: it is a parameter, and a literal of
//! the syntax tree where the query is shown; a filter that cannot reach a table of a query is refused, not
//! left out.

// The files: those that come with verbatim, and a shop's own.
mod built_in;
mod files;
// What one says of itself, line by line.
mod query;
mod parameter;
mod chart;
mod place;
mod explanation;

// What an asker gives, read.
mod arguments;
// What each filter is in each table.
mod filter;
// The query's syntax tree.
mod tree;
// Narrowed by filters, and with its values written in.
mod narrow;
mod write_in;
// The rows behind a figure, and which of them it counts.
mod explain;
mod counted;
// The same of the range before.
mod previous;
mod compare;

pub use built_in::BUILT_IN;
pub use chart::{Chart, ChartKind};
pub use compare::{CHANGE, PREVIOUS};
pub use counted::{Counted, REASONS};
pub use explain::{BUSINESS, Explained};
pub use explanation::Explanation;
pub use files::load;
pub use filter::{Filter, UNTAGGED};
pub use parameter::{Parameter, ParameterKind};
pub use place::Place;
pub use query::NamedQuery;

pub(super) use arguments::Arguments;
pub(super) use compare::compared;
pub(super) use explain::{behind, rows_behind};
pub(super) use files::{files, find, left_out, text_of};
pub(super) use narrow::narrowed;
pub(super) use previous::previous;
pub(super) use tree::text_of as text_of_tree;
pub(super) use write_in::written;
