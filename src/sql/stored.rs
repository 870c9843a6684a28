//! The tables that stores keep, as questions see them. Views are made of these.

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::archive::{EVENT_COLUMNS, events_schema, stored_events_schema};
use crate::facts::{
    CHANGE_COLUMNS, EPISODE_COLUMNS, RATING_COLUMNS, STINT_COLUMNS, STRAY_COLUMNS, TAG_COLUMNS,
    TURN_COLUMNS,
};
use crate::table::columns::{Column, schema};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stored {
    Events,
    Turns,
    Episodes,
    Changes,
    Tags,
    Strays,
    Stints,
    Ratings,
}

/// Where a query's filters meet the rows of a file. Files, row groups and pages are skipped by
/// their statistics either way. Measured over HTTP on the 1 M events that `cargo bench --bench
/// pipeline -- --keep DIR` leaves, on a busy machine, medians: `SELECT * FROM events WHERE
/// conversation = …` takes 53 ms pushed, 240 ms above; the reports that read one of turns and
/// episodes take 120 ms pushed, 85 ms above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowFilter {
    /// Pushed into the reader, row by row, before the other columns are decoded: for tables with
    /// long texts.
    Pushed,
    /// Above the reader, on whole batches: for tables of a few numbers, of which most questions
    /// want most rows.
    Above,
}

impl Stored {
    pub(super) const ALL: [Stored; 8] = [
        Stored::Events,
        Stored::Turns,
        Stored::Episodes,
        Stored::Changes,
        Stored::Tags,
        Stored::Strays,
        Stored::Stints,
        Stored::Ratings,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Stored::Events => "events",
            Stored::Turns => "turns",
            Stored::Episodes => "episodes",
            Stored::Changes => "changes",
            Stored::Tags => "tags",
            Stored::Strays => "strays",
            Stored::Stints => "stints",
            Stored::Ratings => "ratings",
        }
    }

    /// Columns that questions see. The tail has them, and files may have more.
    pub(super) fn schema(self) -> SchemaRef {
        match self {
            Stored::Events => events_schema(),
            Stored::Turns => schema(TURN_COLUMNS),
            Stored::Episodes => schema(EPISODE_COLUMNS),
            Stored::Changes => schema(CHANGE_COLUMNS),
            Stored::Tags => schema(TAG_COLUMNS),
            Stored::Strays => schema(STRAY_COLUMNS),
            Stored::Stints => schema(STINT_COLUMNS),
            Stored::Ratings => schema(RATING_COLUMNS),
        }
    }

    /// Columns of the files.
    pub(super) fn file_schema(self) -> SchemaRef {
        match self {
            Stored::Events => stored_events_schema(),
            facts => facts.schema(),
        }
    }

    /// What a column means, where questions see one of this name.
    pub(super) fn meaning_of(self, column: &str) -> Option<&'static str> {
        match self {
            Stored::Events => meaning(EVENT_COLUMNS, column),
            Stored::Turns => meaning(TURN_COLUMNS, column),
            Stored::Episodes => meaning(EPISODE_COLUMNS, column),
            Stored::Changes => meaning(CHANGE_COLUMNS, column),
            Stored::Tags => meaning(TAG_COLUMNS, column),
            Stored::Strays => meaning(STRAY_COLUMNS, column),
            Stored::Stints => meaning(STINT_COLUMNS, column),
            Stored::Ratings => meaning(RATING_COLUMNS, column),
        }
    }

    pub(super) fn row_filter(self) -> RowFilter {
        match self {
            Stored::Events => RowFilter::Pushed,
            _ => RowFilter::Above,
        }
    }
}

fn meaning<R>(columns: &[Column<R>], name: &str) -> Option<&'static str> {
    columns.iter().find(|column| column.name == name).map(|column| column.meaning)
}
