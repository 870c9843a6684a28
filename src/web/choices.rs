//! What a shop's figures may be narrowed to: the agents, teams, categories, channels and languages that there are.
//!
//! Invariant: at most [`CHOICES_MAX`] of each, those with the most conversations; that there are more is said.

use std::collections::BTreeMap;

use super::grid::{Grid, Value};
use crate::model::Kinded;
use crate::server::Service;
use crate::sql::{Answer, Filter, SqlError, UNTAGGED};

/// Most of each that a page lets choose from: × 5 × about 60 bytes of HTML = 60 kB at most, and a shop of 200 agents
/// has a fifth of that. Whatever is not among them can still be typed into the address.
const CHOICES_MAX: usize = 200;

/// The choices for each filter.
#[derive(Debug, Default)]
pub(super) struct Choices(BTreeMap<Filter, Vec<String>>);

impl Choices {
    /// Those of a shop, as of some minutes ago: they are counted over all that there is; none where they cannot be had,
    /// since figures can be read without them.
    pub(super) async fn of(service: &Service, shop: &str, asked: &[(Filter, String)]) -> Choices {
        let known = Choices::told(service, service.sql.query_lately(shop, &sql()).await);
        if asked.iter().all(|(filter, value)| known.may_have(*filter, value)) {
            return known;
        }
        // Perhaps somebody who is new: that there is nobody of a name must be so now.
        Choices::told(service, service.sql.query(shop, &sql()).await)
    }

    fn told(service: &Service, answer: Result<Answer, SqlError>) -> Choices {
        let answer = answer.map_err(|error| {
            tracing::warn!(%error, kind = ?error.kind(), "what figures may be narrowed to is not known");
        });
        let grid = answer.ok().and_then(|answer| Grid::of(&answer.batches, service.zone).ok());
        Choices::read(&grid.unwrap_or_default())
    }

    fn read(grid: &Grid) -> Choices {
        let mut choices = Choices::default();
        for row in &grid.rows {
            let [Value::Text(filter), Value::Text(value), ..] = row.as_slice() else { continue };
            if let Ok(filter) = filter.parse::<Filter>() {
                choices.0.entry(filter).or_default().push(value.clone());
            }
        }
        for values in choices.0.values_mut() {
            values.truncate(CHOICES_MAX);
            values.sort();
        }
        choices
    }

    /// What `filter` may be.
    pub(super) fn of_filter(&self, filter: Filter) -> &[String] {
        self.0.get(&filter).map_or(&[], Vec::as_slice)
    }

    /// Whether there may be more of them.
    pub(super) fn are_cut(&self, filter: Filter) -> bool {
        self.of_filter(filter).len() >= CHOICES_MAX
    }

    /// Whether the shop may have it, as far as is known here. What has no category is always there.
    pub(super) fn may_have(&self, filter: Filter, value: &str) -> bool {
        self.are_cut(filter)
            || (filter == Filter::Category && value == UNTAGGED)
            || self.of_filter(filter).iter().any(|known| known == value)
    }
}

/// One question for all filters.
fn sql() -> String {
    let branch = |filter: &Filter| {
        let name = filter.as_str();
        let table = match filter {
            Filter::Category => "categories",
            // Wherever figures name one: who handed every chat on is no episode's agent.
            Filter::Agent | Filter::Team => {
                "(SELECT conversation, agent, team FROM turns \
                 UNION ALL SELECT conversation, agent, team FROM stints \
                 UNION ALL SELECT conversation, agent, team FROM ratings)"
            }
            Filter::Channel | Filter::Language => "episodes",
        };
        format!(
            "(SELECT '{name}' AS filter, {name} AS value, count(DISTINCT conversation) AS conversations FROM {table} \
             WHERE {name} IS NOT NULL GROUP BY {name} ORDER BY conversations DESC, value LIMIT {CHOICES_MAX})"
        )
    };
    Filter::ALL.iter().map(branch).collect::<Vec<_>>().join(" UNION ALL ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_stand_by_filter_and_in_their_order() {
        let text = |text: &str| Value::Text(text.to_string());
        let row = |filter: &str, value: &str| vec![text(filter), text(value), Value::Whole(3)];
        let many = (0..300).map(|nth| row("channel", &format!("c{nth:03}")));
        let rows = [row("agent", "wu"), row("agent", "lin"), row("nothing", "x")];
        let names = ["filter", "value", "conversations"].map(str::to_string).to_vec();
        let grid = Grid { names, rows: rows.into_iter().chain(many).collect(), cut: false };
        let choices = Choices::read(&grid);
        assert_eq!(choices.of_filter(Filter::Agent), ["lin", "wu"]);
        assert!(choices.of_filter(Filter::Team).is_empty() && !choices.are_cut(Filter::Agent));
        assert!(
            choices.may_have(Filter::Agent, "wu") && !choices.may_have(Filter::Agent, "nobody")
        );
        assert!(choices.may_have(Filter::Category, UNTAGGED));
        assert!(choices.may_have(Filter::Channel, "beyond those that are kept"));
        assert_eq!(choices.of_filter(Filter::Channel).len(), CHOICES_MAX);
    }
}
