//! Which rows an export holds.

use chrono_tz::Tz;

use crate::model::{FieldError, Micros, instant_of};
use crate::sql::Value;

/// The tables that can be exported, and the column by which `from` and `to` choose.
pub const EXPORT_TABLES: &[(&str, &str)] = &[
    ("events", "occurred_at"),
    ("messages", "occurred_at"),
    ("turns", "waiting_since"),
    ("episodes", "started_at"),
    ("conversations", "started_at"),
    ("changes", "occurred_at"),
    ("tags", "occurred_at"),
    ("strays", "occurred_at"),
];

/// A query over one table, with its values.
pub struct ExportQuery {
    pub sql: String,
    pub values: Vec<(String, Value)>,
}

impl ExportQuery {
    /// All of `table`, or what lies in `[from, to)`; both as people give them, dates in `zone`.
    pub fn new(
        table: &str,
        from: Option<&str>,
        to: Option<&str>,
        zone: Tz,
        now: Micros,
    ) -> Result<ExportQuery, FieldError> {
        let Some((table, time)) = EXPORT_TABLES.iter().find(|(name, _)| *name == table) else {
            let names: Vec<&str> = EXPORT_TABLES.iter().map(|(name, _)| *name).collect();
            return Err(FieldError::new("table", table, format!("be one of {}", names.join(", "))));
        };
        let mut query = ExportQuery { sql: format!("SELECT * FROM {table}"), values: Vec::new() };
        let bounds = [("from", from, ">="), ("to", to, "<")];
        for (name, bound, comparison) in bounds {
            let Some(bound) = bound else { continue };
            let instant = instant_of(name, bound, zone, now)?;
            let word = if query.values.is_empty() { "WHERE" } else { "AND" };
            query.sql.push_str(&format!(" {word} {time} {comparison} ${name}"));
            query.values.push((name.to_string(), Value::Time(instant)));
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_become_a_half_open_range() {
        let query =
            ExportQuery::new("turns", Some("2026-01-01"), Some("now"), Tz::UTC, Micros(5)).unwrap();
        assert_eq!(
            query.sql,
            "SELECT * FROM turns WHERE waiting_since >= $from AND waiting_since < $to"
        );
        assert_eq!(query.values.len(), 2);
        assert_eq!(
            ExportQuery::new("events", None, None, Tz::UTC, Micros(5)).unwrap().sql,
            "SELECT * FROM events"
        );
    }

    #[test]
    fn unknown_tables_and_times_are_refused() {
        let error = |table, from| {
            ExportQuery::new(table, Some(from), None, Tz::UTC, Micros(0)).err().unwrap().to_string()
        };
        assert!(error("events; drop table events", "now").contains("be one of events"));
        assert!(error("events", "noon").contains("from `noon`"));
    }
}
