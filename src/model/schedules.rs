//! When somebody is there, and who is of which team.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{FieldError, Hours, check_id};

/// Most teams of a shop. How many agents they have is bounded by what the data of a record may hold: 16 KiB.
const TEAMS_MAX: usize = 1_000;

/// The shop's opening hours, those of teams that have their own, and who is of which team.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Schedules {
    /// The version of the shop's rules that last changed any of this; 0: none did.
    #[serde(default)]
    pub version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub hours: Option<Hours>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Object>)]
    pub team_hours: BTreeMap<String, Hours>,
    #[serde(default, skip_serializing_if = "Teams::are_none")]
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    pub teams: Teams,
}

impl Schedules {
    /// The hours of a team: its own, or else the shop's, which are also those of whoever is of no team. `None`
    /// where none were decided, and of a team that is none.
    pub fn of(&self, team: Option<&str>) -> Option<&Hours> {
        let Some(team) = team else { return self.hours.as_ref() };
        match self.team_hours.get(team) {
            Some(hours) => Some(hours),
            None => self.hours.as_ref().filter(|_| self.teams.has(team)),
        }
    }
}

/// The agents of each team. An agent is of one team at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Vec<String>>", into = "BTreeMap<String, Vec<String>>")]
pub struct Teams {
    /// Sorted agents, by team.
    agents: BTreeMap<String, Vec<String>>,
    team_of: BTreeMap<String, String>,
}

impl Teams {
    /// Reads the teams that `field` has: an object of lists of agents.
    ///
    /// # Errors
    /// The first part that is no such list, and an agent who is of two teams, by their paths.
    pub fn parse(field: &str, value: &Value) -> Result<Teams, FieldError> {
        let rule = "be an object of teams, each a list of agents";
        let teams = value.as_object().ok_or_else(|| FieldError::new(field, value, rule))?;
        if teams.len() > TEAMS_MAX {
            return Err(too_many(field, teams.len()));
        }
        let mut parsed = Teams::default();
        for (team, agents) in teams {
            check_id(&format!("{field}.{team}"), team)?;
            parsed.add(field, team, agents)?;
        }
        Ok(parsed)
    }

    fn add(&mut self, field: &str, team: &str, agents: &Value) -> Result<(), FieldError> {
        let field = format!("{field}.{team}");
        let rule = "be a list of agents such as [\"lin\", \"wu\"]";
        let named = agents.as_array().ok_or_else(|| FieldError::new(&field, agents, rule))?;
        let mut of_team = Vec::with_capacity(named.len());
        for (number, agent) in named.iter().enumerate() {
            let field = format!("{field}[{number}]");
            let Some(agent) = agent.as_str() else {
                return Err(FieldError::new(field, agent, "be the id of an agent"));
            };
            check_id(&field, agent)?;
            match self.team_of.insert(agent.to_string(), team.to_string()) {
                Some(other) => {
                    let rule = format!("be of one team, and is of `{other}`");
                    return Err(FieldError::new(field, agent, rule));
                }
                None => of_team.push(agent.to_string()),
            }
        }
        of_team.sort_unstable();
        self.agents.insert(team.to_string(), of_team);
        Ok(())
    }

    /// The team of an agent now.
    pub fn of(&self, agent: &str) -> Option<&str> {
        self.team_of.get(agent).map(String::as_str)
    }

    /// Whether there is such a team.
    pub fn has(&self, team: &str) -> bool {
        self.agents.contains_key(team)
    }

    /// Whether there is no team.
    pub fn are_none(&self) -> bool {
        self.agents.is_empty()
    }
}

fn too_many(field: &str, teams: usize) -> FieldError {
    FieldError::new(field, teams, format!("have at most {TEAMS_MAX} teams"))
}

impl From<BTreeMap<String, Vec<String>>> for Teams {
    fn from(agents: BTreeMap<String, Vec<String>>) -> Teams {
        let pairs = agents.iter().flat_map(|(team, agents)| {
            agents.iter().map(move |agent| (agent.clone(), team.clone()))
        });
        Teams { team_of: pairs.collect(), agents }
    }
}

impl From<Teams> for BTreeMap<String, Vec<String>> {
    fn from(teams: Teams) -> BTreeMap<String, Vec<String>> {
        teams.agents
    }
}

/// The hours of teams, by their names.
pub(super) fn parse_team_hours(
    field: &str,
    value: &Value,
) -> Result<BTreeMap<String, Hours>, FieldError> {
    let rule = "be an object of teams, each with its hours";
    let teams = value.as_object().ok_or_else(|| FieldError::new(field, value, rule))?;
    if teams.len() > TEAMS_MAX {
        return Err(too_many(field, teams.len()));
    }
    let hours = |(name, hours): (&String, &Value)| {
        Ok((name.clone(), Hours::parse(&format!("{field}.{name}"), hours)?))
    };
    teams.iter().map(hours).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn teams(value: &Value) -> Teams {
        Teams::parse("data.teams", value).unwrap()
    }

    #[test]
    fn an_agent_is_of_one_team() {
        let value = json!({"night": ["lin", "wu"], "day": ["ann"], "new": []});
        let read = teams(&value);
        assert_eq!(
            (read.of("wu"), read.of("ann"), read.of("max")),
            (Some("night"), Some("day"), None)
        );
        assert!(read.has("new") && !read.has("late") && Teams::default().are_none());
        assert_eq!(serde_json::to_value(&read).unwrap(), value);
        assert_eq!(serde_json::from_value::<Teams>(value).unwrap(), read);
        assert_eq!(teams(&json!({"a": ["y", "x"]})), teams(&json!({"a": ["x", "y"]})));
    }

    #[test]
    fn a_team_without_hours_of_its_own_has_the_shops() {
        let hours = |from: &str| {
            let week = json!({"mon": [format!("{from}-20:00")]});
            Hours::parse("hours", &json!({"zone": "UTC", "week": week})).unwrap()
        };
        let schedules = Schedules {
            version: 1,
            hours: Some(hours("09:00")),
            team_hours: [("night".to_string(), hours("12:00"))].into(),
            teams: teams(&json!({"night": ["lin"], "day": ["ann"]})),
        };
        assert_eq!(schedules.of(None), schedules.of(Some("day")));
        assert_eq!(schedules.of(Some("night")), Some(&hours("12:00")));
        assert_eq!(schedules.of(Some("nihgt")), None, "a mistyped team has none");
        let without = Schedules { hours: None, ..schedules };
        assert_eq!(without.of(Some("day")), None);
    }

    #[test]
    fn mistakes_are_named() {
        for (value, named) in [
            (json!([]), "data.teams `[]` must be an object of teams"),
            (json!({"night": "lin"}), "data.teams.night `\"lin\"` must be a list"),
            (json!({"night": [1]}), "data.teams.night[0] `1`"),
            (json!({"night": [""]}), "data.teams.night[0]"),
            (json!({"": ["lin"]}), "not be empty"),
            (
                json!({"day": ["lin"], "night": ["wu", "lin"]}),
                "data.teams.night[1] `lin` must be of one team, and is of `day`",
            ),
            (json!({"day": ["lin", "lin"]}), "data.teams.day[1] `lin`"),
        ] {
            let error = Teams::parse("data.teams", &value).unwrap_err().to_string();
            assert!(error.contains(named), "{value}: {error}");
        }
    }
}
