//! What narrows every query without being named in it, and what it is in each table: the one list.

use strum::{EnumString, IntoStaticStr, VariantNames};

/// An argument that every named query takes: its figures are then those of the rows for which it holds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Filter {
    /// Who replied, or else who was to reply.
    Agent,
    /// Of which team they are.
    Team,
    /// A category of the conversation; [`UNTAGGED`]: it has none.
    Category,
    Channel,
    Language,
}

/// The category of a conversation that has none.
pub const UNTAGGED: &str = "untagged";

use Filter::{Agent, Category, Channel, Language, Team};

/// The filters that most tables have columns of.
const OWN: &[Filter] = &[Agent, Team, Channel, Language];

/// The tables that filters reach, each with those of which it has a column. By the others its rows are
/// those of the conversations for which the filter holds.
const TABLES: &[(&str, &[Filter])] = &[
    ("turns", OWN),
    ("episodes", OWN),
    ("stints", OWN),
    ("ratings", OWN),
    ("waits", OWN),
    ("open_waits", OWN),
    ("first_replies", OWN),
    ("resolutions", OWN),
    ("queue_waits", OWN),
    ("assignments", OWN),
    ("targets", OWN),
    ("bot_episodes", OWN),
    ("strays", &[Channel, Language]),
    ("conversations", &[Channel, Language]),
    ("tags", &[Category]),
    ("categories", &[Category]),
    ("events", &[]),
    ("messages", &[]),
    ("changes", &[]),
];

/// What is asked about, and not counted: whole, whatever the filters.
const WHOLE: &[&str] = &["contacts", "reopenings", "rated_requests", "beginnings"];

/// What filters do with a table.
pub(super) enum Reach {
    /// It is narrowed; it has columns of these.
    Narrowed(&'static [Filter]),
    Whole,
}

pub(super) fn reach_of(table: &str) -> Option<Reach> {
    if WHOLE.contains(&table) {
        return Some(Reach::Whole);
    }
    let (_, columns) = TABLES.iter().find(|(name, _)| *name == table)?;
    Some(Reach::Narrowed(columns))
}

impl Filter {
    pub const ALL: [Filter; 5] = [Agent, Team, Category, Channel, Language];

    pub fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// Whether it asks for what has no value.
    pub fn is_untagged(self, value: &str) -> bool {
        self == Category && value == UNTAGGED
    }

    /// A question that has a row where anything of the shop has this value.
    pub fn naming(self, value: &str) -> String {
        let tables: &[&str] = match self {
            Category => &["categories"],
            Agent | Team => &["turns", "episodes", "stints", "ratings"],
            Channel | Language => &["episodes", "strays"],
        };
        let (column, value) = (self.as_str(), value.replace('\'', "''"));
        let named = |table: &&str| format!("SELECT 1 FROM {table} WHERE {column} = '{value}'");
        format!("{} LIMIT 1", tables.iter().map(named).collect::<Vec<_>>().join(" UNION ALL "))
    }

    /// In SQL, what holds for the rows of a table with such a column.
    pub(super) fn on_column(self) -> &'static str {
        match self {
            Agent => "agent = $agent",
            Team => "team = $team",
            Category => "category = $category",
            Channel => "channel = $channel",
            Language => "language = $language",
        }
    }

    /// In SQL, what holds for the rows of any other: their conversation has a row of which it holds. So whatever is
    /// kept by a column of its own meets the other rows of its conversation. The tables in it are whole ones, whatever
    /// else is narrowed.
    pub(super) fn on_conversation(self, value: &str) -> String {
        let theirs = |table: &str| {
            format!("SELECT conversation FROM public.{table} WHERE {}", self.on_column())
        };
        match self {
            Category if self.is_untagged(value) => {
                "conversation NOT IN (SELECT conversation FROM public.categories)".to_string()
            }
            Category => format!("conversation IN ({})", theirs("categories")),
            Agent | Team | Channel | Language => {
                let rows = ["turns", "episodes", "stints", "ratings"].map(theirs);
                format!("conversation IN ({})", rows.join(" UNION "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::TABLES as ALL_TABLES;

    #[test]
    fn filters_reach_every_table() {
        for (table, _) in ALL_TABLES {
            assert!(reach_of(table).is_some(), "{table}");
        }
        assert_eq!(Filter::ALL.map(Filter::as_str).as_slice(), Filter::VARIANTS);
    }

    #[test]
    fn a_name_stays_a_name() {
        let sql = Category.naming("a' OR 'b");
        assert_eq!(sql, "SELECT 1 FROM categories WHERE category = 'a'' OR ''b' LIMIT 1");
    }
}
