//! What an asker gives, read: a value for each of a query's parameters, and the filters.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::{Filter, NamedQuery};
use crate::model::{FieldError, Micros, check_range, parse_zone};
use crate::sql::{SqlError, Value};

/// Longest text that a filter compares with, in characters: as long as any id or category.
const FILTER_CHARS_MAX: usize = 128;

/// The arguments of one question.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sql) struct Arguments {
    /// Those given, and defaults for the rest.
    pub(super) values: Vec<(String, Value)>,
    pub(super) filters: BTreeMap<Filter, String>,
    /// By whose clocks days are told.
    pub(super) zone: Tz,
}

impl Arguments {
    pub(in crate::sql) fn filters(&self) -> &BTreeMap<Filter, String> {
        &self.filters
    }

    /// What stands in the SQL as `$name`.
    pub(in crate::sql) fn into_values(self) -> Vec<(String, Value)> {
        let filters = self.filters.into_iter();
        let filters =
            filters.map(|(filter, text)| (filter.as_str().to_string(), Value::Text(text)));
        self.values.into_iter().chain(filters).collect()
    }

    /// The instant that a parameter is.
    pub(super) fn time(&self, name: &str) -> Option<Micros> {
        self.values.iter().find(|(own, _)| own == name).and_then(|(_, value)| match value {
            Value::Time(time) => Some(*time),
            _ => None,
        })
    }
}

impl NamedQuery {
    /// Reads arguments as people give them; see [`crate::model::instant_of`]. A parameter of the query's own
    /// that is called as a filter is none. A filter without a text is not given.
    ///
    /// # Errors
    /// An argument that names no parameter and no filter is refused, since a misspelt one would silently do
    /// nothing; and so is a range in which no instant lies.
    pub(in crate::sql) fn read(
        &self,
        arguments: &BTreeMap<String, String>,
        zone: Tz,
        now: Micros,
    ) -> Result<Arguments, SqlError> {
        // A zone among the arguments governs how the other arguments' dates are read.
        let zone = match arguments.get("zone") {
            Some(name) => parse_zone(name)?,
            None => zone,
        };
        let mut read = Arguments { values: Vec::new(), filters: BTreeMap::new(), zone };
        for (name, given) in arguments {
            let is_parameter = self.parameters.iter().any(|parameter| parameter.name == *name);
            match name.parse::<Filter>() {
                // A zone says how dates are read, also where the query itself needs none.
                _ if is_parameter || name == "zone" => {}
                Ok(_) if given.is_empty() => {}
                Ok(filter) => drop(read.filters.insert(filter, filter_text(filter, given)?)),
                Err(_) => return Err(self.unknown_argument(name, given)),
            }
        }
        for parameter in &self.parameters {
            let given =
                arguments.get(&parameter.name).map_or(parameter.default.as_str(), String::as_str);
            let given =
                if parameter.name == "zone" && given == "default" { zone.name() } else { given };
            read.values.push((parameter.name.clone(), parameter.value(given, zone, now)?));
        }
        if let (Some(from), Some(to)) = (read.time("from"), read.time("to")) {
            let to_default = self.parameters.iter().find(|own| own.name == "to");
            let to_default = to_default.map_or("", |own| own.default.as_str());
            check_range(from, to, zone, arguments.get("to").map_or(to_default, String::as_str))?;
        }
        Ok(read)
    }

    fn unknown_argument(&self, name: &str, given: &str) -> SqlError {
        let parameters = self.parameters.iter().map(|parameter| parameter.name.as_str());
        let filters = Filter::ALL.map(Filter::as_str);
        let names: Vec<&str> = parameters.chain(filters).collect();
        let rule = format!("name a parameter of `{}` or a filter: {}", self.name, names.join(", "));
        SqlError::Input(FieldError::new(name, given, rule))
    }
}

fn filter_text(filter: Filter, given: &str) -> Result<String, SqlError> {
    if given.chars().count() > FILTER_CHARS_MAX {
        let rule = format!("be at most {FILTER_CHARS_MAX} characters");
        return Err(FieldError::new(filter.as_str(), given, rule).into());
    }
    Ok(given.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, arguments: &[(&str, &str)]) -> Result<Arguments, SqlError> {
        let text = format!("-- title: x\n-- answers: y\n{header}SELECT 1");
        let arguments = arguments.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        NamedQuery::parse("q", &text).unwrap().read(&arguments.collect(), Tz::UTC, Micros(0))
    }

    const RANGE: &str = "-- parameter: from timestamp = 2026-01-01  from\n\
        -- parameter: to timestamp = 2026-02-01  to\n";

    #[test]
    fn what_names_nothing_is_refused_with_what_there_is() {
        let header = "-- parameter: n integer = 3  how many\n";
        assert!(read(header, &[("n", "4"), ("zone", "Asia/Shanghai")]).is_ok());
        for (name, value) in [("n", "four"), ("m", "4"), ("agents", "lin"), ("zone", "Mars")] {
            let error = read(header, &[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(value), "{error}");
        }
        let error = read(header, &[("m", "4")]).unwrap_err().to_string();
        assert!(error.ends_with("n, agent, team, category, channel, language"), "{error}");
    }

    #[test]
    fn every_query_takes_filters_and_its_own_parameters_come_first() {
        let given = [("agent", "lin"), ("team", ""), ("channel", "web' OR ''='")];
        let filters = read("", &given).unwrap().filters;
        let expected = [(Filter::Agent, "lin"), (Filter::Channel, "web' OR ''='")];
        assert_eq!(filters, expected.map(|(filter, text)| (filter, text.to_string())).into());
        let own = read("-- parameter: agent text = any  whose\n", &given).unwrap();
        assert_eq!(own.filters.len(), 1);
        assert_eq!(own.values, [("agent".to_string(), Value::Text("lin".to_string()))]);
        let long = "x".repeat(129);
        assert!(read("", &[("agent", &long)]).unwrap_err().to_string().contains("128"));
    }

    /// A range of no instants used to give an empty table, as if nothing had happened that day.
    #[test]
    fn a_range_in_which_nothing_lies_is_refused() {
        assert!(read(RANGE, &[("from", "2026-01-31"), ("to", "2026-02-01")]).is_ok());
        for (from, to) in
            [("2026-01-19", "2026-01-19"), ("2026-01-19", "2026-01-18"), ("2026-03-01", "")]
        {
            let given = [("from", from), ("to", to)];
            let given = &given[..1 + usize::from(!to.is_empty())];
            let error = read(RANGE, given).unwrap_err().to_string();
            assert!(error.contains("half-open") && error.contains(from), "{error}");
        }
    }
}
