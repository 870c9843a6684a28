//! Which rows an export holds, and in which order.
//!
//! ```text
//! everything          all rows of a table
//! [from, to)          those whose time lies in it; what has no time lies in none
//! after an offset     those of every conversation in which a record at or behind it changed anything
//! ```
//! Invariants: rows of a range that has an end are in the order of their keys, so that two exports of what does not change
//! are the same bytes; of a conversation that has changed all rows are there, so that whoever has an earlier export
//! replaces its rows as a whole. What has no end comes as it is read: sorting has a bound, and everything has none.

use chrono_tz::Tz;
use utoipa::ToSchema;

use crate::model::{FieldError, Micros, Offset, check_range, instant_of};
use crate::sql::Value;

/// A table that can be exported.
pub struct ExportTable {
    pub name: &'static str,
    /// The column by which `from` and `to` choose.
    pub time: &'static str,
    /// Which rows have a time, where some may have none and say so.
    timed: Option<&'static str>,
    /// The columns by which its rows are told apart, in the order in which they stand.
    keys: &'static str,
}

const fn table(name: &'static str, time: &'static str, keys: &'static str) -> ExportTable {
    ExportTable { name, time, timed: None, keys }
}

/// One whose rows say whether anybody told when they were.
const fn timed(table: ExportTable, timed: &'static str) -> ExportTable {
    ExportTable { timed: Some(timed), ..table }
}

/// All of them.
pub const EXPORT_TABLES: &[ExportTable] = &[
    timed(table("events", "occurred_at", "\"offset\""), "(origin = 'live' OR sent_at IS NOT NULL)"),
    timed(table("messages", "occurred_at", "\"offset\""), "timed"),
    table("turns", "waiting_since", "waiting_offset, conversation, turn"),
    timed(table("episodes", "started_at", "started_offset, conversation, episode"), "timed"),
    table("conversations", "started_at", "conversation"),
    table("categories", "tagged_at", "conversation, category"),
    table("changes", "occurred_at", "\"offset\""),
    timed(table("tags", "occurred_at", "\"offset\""), "timed"),
    table("strays", "occurred_at", "\"offset\""),
    table("stints", "started_at", "started_offset, conversation, episode, stint"),
    table("ratings", "occurred_at", "\"offset\""),
];

/// What is asked for instead of a table: which conversations have changed.
pub const CHANGED: &str = "changed";

/// The conversations in which a record at or behind `$after` changed anything: their own records, and the records of
/// others by which the clock closed what had gone idle in them.
const CHANGED_AFTER: &str = "SELECT conversation FROM events WHERE \"offset\" >= $after \
    UNION SELECT conversation FROM turns WHERE closed_offset >= $after \
    UNION SELECT conversation FROM episodes WHERE closed_offset >= $after \
    UNION SELECT conversation FROM stints WHERE closed_offset >= $after";
/// The same, by records before `$until`: whenever it is asked, it is the same ones.
const CHANGED_BETWEEN: &str = "SELECT conversation FROM events WHERE \"offset\" >= $after AND \"offset\" < $until \
    UNION SELECT conversation FROM turns WHERE closed_offset >= $after AND closed_offset < $until \
    UNION SELECT conversation FROM episodes WHERE closed_offset >= $after AND closed_offset < $until \
    UNION SELECT conversation FROM stints WHERE closed_offset >= $after AND closed_offset < $until";

/// What is asked of a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds<'a> {
    /// As people give it.
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
    /// What changed by records at or behind this offset.
    pub after: Option<Offset>,
    /// And before this one.
    pub until: Option<Offset>,
    /// By which part of its time a row has a column [`PARTITION`], at the end, and rows are sorted.
    pub partition_by: Option<PartitionBy>,
}

/// The column that says of which part a row is.
pub const PARTITION: &str = "partition";

/// How a table is parted.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PartitionBy {
    /// Local days
    Day,
    /// Local months, called by their first days
    Month,
}

impl PartitionBy {
    /// As folders are called by it.
    pub fn as_str(self) -> &'static str {
        match self {
            PartitionBy::Day => "day",
            PartitionBy::Month => "month",
        }
    }

    /// The part that a time lies in, as a date.
    fn of(self, time: &str) -> String {
        let day = format!("local_day({time}, $zone)");
        match self {
            PartitionBy::Day => day,
            PartitionBy::Month => format!("CAST(date_trunc('month', {day}) AS DATE)"),
        }
    }
}

/// A query over one table, with its values.
pub struct ExportQuery {
    pub sql: String,
    pub values: Vec<(String, Value)>,
}

impl ExportTable {
    /// The table of this name.
    pub fn of(name: &str) -> Result<&'static ExportTable, FieldError> {
        EXPORT_TABLES.iter().find(|table| table.name == name).ok_or_else(|| {
            let names: Vec<&str> = EXPORT_TABLES.iter().map(|table| table.name).collect();
            FieldError::new("table", name, format!("be one of {}", names.join(", ")))
        })
    }
}

impl ExportQuery {
    /// The rows of `table` within `bounds`, dates in `zone`; of [`CHANGED`] the conversations whose rows in an earlier
    /// export are to be replaced.
    ///
    /// # Errors
    /// A table that there is not; a range in which no instant lies; what cannot stand together.
    pub fn new(
        table: &str,
        bounds: Bounds<'_>,
        zone: Tz,
        now: Micros,
    ) -> Result<ExportQuery, FieldError> {
        let mut query = ExportQuery { sql: String::new(), values: Vec::new() };
        if table == CHANGED {
            let changed = query.changed(&bounds)?;
            let Some(changed) = changed.filter(|_| bounds.partition_by.is_none()) else {
                let rule = "be given, and no partition: it says since when";
                return Err(FieldError::new("after", "", rule));
            };
            query.sql = format!("SELECT conversation FROM ({changed}) ORDER BY conversation");
            return Ok(query);
        }
        let ExportTable { name, time, timed, keys } = ExportTable::of(table)?;
        let mut conditions = query.range(time, &bounds, zone, now)?;
        conditions.extend(timed.filter(|_| !conditions.is_empty()).map(str::to_string));
        if let Some(changed) = query.changed(&bounds)? {
            conditions.push(format!("conversation IN ({changed})"));
        }
        let condition = match conditions.join(" AND ") {
            none if none.is_empty() => none,
            conditions => format!(" WHERE {conditions}"),
        };
        let mut columns = "*".to_string();
        let mut order = bounds.to.map(|_| format!(" ORDER BY {keys}")).unwrap_or_default();
        if let Some(partition_by) = bounds.partition_by {
            let time = match timed {
                Some(timed) => format!("CASE WHEN {timed} THEN {time} END"),
                None => time.to_string(),
            };
            columns = format!("*, {} AS \"{PARTITION}\"", partition_by.of(&time));
            order = format!(" ORDER BY \"{PARTITION}\", {keys}");
            query.values.push(("zone".to_string(), Value::Text(zone.to_string())));
        }
        query.sql = format!("SELECT {columns} FROM {name}{condition}{order}");
        Ok(query)
    }

    /// What holds of rows in the range.
    fn range(
        &mut self,
        time: &str,
        bounds: &Bounds<'_>,
        zone: Tz,
        now: Micros,
    ) -> Result<Vec<String>, FieldError> {
        let mut conditions = Vec::new();
        for (bound, given, comparison) in [("from", bounds.from, ">="), ("to", bounds.to, "<")] {
            let Some(given) = given else { continue };
            conditions.push(format!("{time} {comparison} ${bound}"));
            self.values
                .push((bound.to_string(), Value::Time(instant_of(bound, given, zone, now)?)));
        }
        if let [(_, Value::Time(from)), (_, Value::Time(end))] = self.values.as_slice() {
            check_range(*from, *end, zone, bounds.to.unwrap_or_default())?;
        }
        Ok(conditions)
    }

    /// The conversations that have changed, where that is asked.
    fn changed(&mut self, bounds: &Bounds<'_>) -> Result<Option<&'static str>, FieldError> {
        let Some(after) = bounds.after else {
            return match bounds.until {
                Some(until) => Err(FieldError::new("until", until, "come with after")),
                None => Ok(None),
            };
        };
        if bounds.from.is_some() || bounds.to.is_some() {
            let rule = "stand without from and to: whatever changed is taken up, whenever it was";
            return Err(FieldError::new("after", after, rule));
        }
        self.values.push(("after".to_string(), Value::Integer(after.signed())));
        let Some(until) = bounds.until else { return Ok(Some(CHANGED_AFTER)) };
        self.values.push(("until".to_string(), Value::Integer(until.signed())));
        Ok(Some(CHANGED_BETWEEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(table: &str, bounds: Bounds<'_>) -> Result<ExportQuery, FieldError> {
        ExportQuery::new(table, bounds, Tz::UTC, Micros(5))
    }

    #[test]
    fn bounds_become_a_half_open_range() {
        let bounds = Bounds { from: Some("1970-01-01"), to: Some("now"), ..Bounds::default() };
        let turns = query("turns", bounds).unwrap();
        assert_eq!(
            turns.sql,
            "SELECT * FROM turns WHERE waiting_since >= $from AND waiting_since < $to \
             ORDER BY waiting_offset, conversation, turn"
        );
        assert_eq!(turns.values.len(), 2);
        assert_eq!(query("events", Bounds::default()).unwrap().sql, "SELECT * FROM events");
    }

    /// Transcripts without times were of the day of their import.
    #[test]
    fn what_has_no_time_is_of_no_range_and_no_part() {
        let from = Bounds { from: Some("1970-01-01"), ..Bounds::default() };
        assert_eq!(
            query("messages", from).unwrap().sql,
            "SELECT * FROM messages WHERE occurred_at >= $from AND timed"
        );
        let partition_by = Some(PartitionBy::Day);
        let parted = query("episodes", Bounds { partition_by, ..Bounds::default() }).unwrap();
        assert!(
            parted.sql.contains("local_day(CASE WHEN timed THEN started_at END, $zone)"),
            "{}",
            parted.sql
        );
    }

    #[test]
    fn what_changed_is_had_by_conversation_and_by_nothing_else() {
        let after = Some(Offset(7));
        let changed = query("messages", Bounds { after, ..Bounds::default() }).unwrap();
        assert!(changed.sql.contains("WHERE conversation IN (SELECT"), "{}", changed.sql);
        assert_eq!(changed.values, [("after".to_string(), Value::Integer(7))]);
        let both = query("messages", Bounds { from: Some("now"), after, ..Bounds::default() });
        assert!(both.err().unwrap().to_string().contains("after `7`"));
        let until = Some(Offset(9));
        assert!(query("messages", Bounds { until, ..Bounds::default() }).is_err());
        let changed = query(CHANGED, Bounds { after, until, ..Bounds::default() }).unwrap();
        assert!(changed.sql.ends_with("ORDER BY conversation"), "{}", changed.sql);
        assert_eq!(changed.values.len(), 2);
        assert!(query(CHANGED, Bounds::default()).is_err());
    }

    #[test]
    fn parts_are_local_and_sorted() {
        let partition_by = Some(PartitionBy::Month);
        let parted = query("turns", Bounds { partition_by, ..Bounds::default() }).unwrap();
        assert_eq!(
            parted.sql,
            "SELECT *, CAST(date_trunc('month', local_day(waiting_since, $zone)) AS DATE) AS \"partition\" \
             FROM turns ORDER BY \"partition\", waiting_offset, conversation, turn"
        );
    }

    #[test]
    fn unknown_tables_and_times_are_refused() {
        let error = |table, from| {
            let bounds = Bounds { from: Some(from), ..Bounds::default() };
            query(table, bounds).err().unwrap().to_string()
        };
        assert!(error("events; drop table events", "now").contains("be one of events"));
        assert!(error("events", "noon").contains("from `noon`"));
        let day = Some("2026-11-19");
        let empty =
            query("turns", Bounds { from: day, to: day, ..Bounds::default() }).err().unwrap();
        assert!(empty.to_string().contains("half-open"), "{empty}");
    }
}
