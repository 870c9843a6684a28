//! SQLSTATE, by which Postgres' clients tell errors apart. Drivers make classes of errors of them;
//! people read the text beside.

use crate::model::{ErrorKind, Kinded};
use crate::sql::SqlError;

/// The engine's words for what is wrong with a question, and the state of it. The first that fits counts.
const OF_TEXTS: &[(&str, &str)] = &[
    ("SQL error", "42601"),
    ("be SQL:", "42601"),
    ("No field named", "42703"),
    ("table function '", "42883"),
    ("table '", "42P01"),
    ("No value found for placeholder", "08P01"),
    ("Invalid function", "42883"),
    ("failed to match any signature", "42883"),
    ("No function matches", "42883"),
    ("Divide by zero", "22012"),
    ("Cannot cast", "22P02"),
    ("Error parsing", "22007"),
    ("overflow", "22003"),
    ("must be in the GROUP BY", "42803"),
    ("parameter $", "22P02"),
    ("This feature is not implemented", "0A000"),
];

/// The state of an error.
pub fn sqlstate_of(error: &SqlError) -> &'static str {
    match error {
        SqlError::NotReadOnly(_) => "25006",
        SqlError::TooLong(_) => "57014",
        SqlError::TooMany => "53300",
        SqlError::TooMuchMemory { .. } | SqlError::MostMemory { .. } => "53200",
        SqlError::MostDisk { .. } => "53100",
        SqlError::Exhausted | SqlError::TooLarge { .. } | SqlError::TooManyRows { .. } => "54000",
        SqlError::RowTooLarge { .. } | SqlError::TooDeep | SqlError::StoodStill => "54001",
        other => match other.kind() {
            ErrorKind::BadInput => of_text(&other.to_string()),
            // What a worker refused comes by its kind alone.
            ErrorKind::Denied => "25006",
            ErrorKind::NotFound => "42704",
            ErrorKind::Retry => "57P03",
            ErrorKind::Closed => "57P01",
            _ => "XX000",
        },
    }
}

fn of_text(text: &str) -> &'static str {
    let known = OF_TEXTS.iter().find(|(words, _)| text.contains(words));
    known.map_or("42000", |(_, state)| state)
}
