//! One question, as its file says it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::built_in::BUILT_IN;
use super::{Chart, Explanation, Parameter, Place, chart, explanation, parameter, place};
use crate::model::FieldError;
use crate::sql::SqlError;

/// One question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedQuery {
    pub name: String,
    pub title: String,
    /// The question in words.
    pub answers: String,
    pub parameters: Vec<Parameter>,
    pub chart: Option<Chart>,
    /// Where it stands on the pages.
    #[serde(default)]
    pub places: Vec<Place>,
    /// Which rows stand behind its figures.
    #[serde(default)]
    pub explanations: Vec<Explanation>,
    /// Figures of what goes on now, whatever the range: the range before has none of its own.
    #[serde(default)]
    pub now: Vec<String>,
    /// The text of its file.
    pub sql: String,
}

impl NamedQuery {
    /// Whether it is one of those that come with verbatim.
    pub fn is_built_in(&self) -> bool {
        BUILT_IN.iter().any(|(name, text)| *name == self.name && *text == self.sql)
    }

    /// Whether it takes a range of time.
    pub fn has_range(&self) -> bool {
        ["from", "to"].iter().all(|end| self.parameters.iter().any(|own| own.name == *end))
    }

    /// Reads a query file.
    pub fn parse(name: &str, text: &str) -> Result<NamedQuery, SqlError> {
        let query = NamedQuery::parse_lines(name, text);
        query.map_err(|(_, error)| SqlError::Input(error))
    }

    /// The same; what is not understood comes with its line, from 1 on. A header line that is not understood
    /// is an error: a misspelt one would be lost.
    pub(in crate::sql) fn parse_lines(
        name: &str,
        text: &str,
    ) -> Result<NamedQuery, (usize, FieldError)> {
        let mut query =
            NamedQuery { name: name.to_string(), sql: text.to_string(), ..NamedQuery::default() };
        let header = text.lines().map_while(|line| line.strip_prefix("-- "));
        for (number, line) in (1..).zip(header) {
            query.take(line).map_err(|rule| {
                let field = format!("query `{name}` line {number}");
                (number, FieldError::new(field, line, rule))
            })?;
        }
        if query.title.is_empty() || query.answers.is_empty() {
            let rule = "have a title and say what it answers";
            return Err((1, FieldError::new(format!("query `{name}`"), "", rule)));
        }
        Ok(query)
    }

    /// Takes one line of the header; the error is the rule that it breaks.
    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        match line.split_once(": ") {
            Some(("title", title)) => self.title = title.trim().to_string(),
            Some(("answers", answers)) => self.answers = answers.trim().to_string(),
            Some(("parameter", parameter)) => {
                self.parameters.push(Parameter::parse(parameter).ok_or(parameter::RULE)?);
            }
            Some(("chart", chart)) => {
                self.chart = Some(Chart::parse(chart).ok_or(chart::RULE)?);
            }
            Some(("dashboard", place)) => {
                self.places.push(Place::parse(place).ok_or(place::RULE)?);
            }
            Some(("explain", explanation)) => {
                let explanation = Explanation::parse(explanation).ok_or(explanation::RULE)?;
                self.explanations.push(explanation);
            }
            Some(("now", figures)) => {
                self.now.extend(figures.split(',').map(|figure| figure.trim().to_string()));
            }
            _ => {
                return Err(
                    "be one of title, answers, parameter, chart, dashboard, explain, now, each with a colon and a space",
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_all_of_a_query() {
        let text = "-- title: x\n-- answers: y\n-- parameter: n integer = 3  how many\n\
            -- chart: bar x=day y=n\n-- dashboard: waits 1\n-- dashboard: overview 12\n\
            -- explain: counted by day for n,median_s hours open_ms\n-- explain: others\n\
            -- now: open, oldest_s\nSELECT $n";
        let query = NamedQuery::parse("q", text).unwrap();
        let place = |page: &str, position| Place { page: page.to_string(), position };
        assert_eq!(query.places, [place("waits", 1), place("overview", 12)]);
        assert_eq!(query.explanations[0].by, ["day"]);
        assert_eq!(query.explanations[0].figures, ["n", "median_s"]);
        assert_eq!(query.explanations[0].hours.as_deref(), Some("open_ms"));
        assert_eq!(query.explanations[1].table, "others");
        assert_eq!(query.now, ["open", "oldest_s"]);
        let json = serde_json::to_string(&query).unwrap();
        assert_eq!(serde_json::from_str::<NamedQuery>(&json).unwrap(), query);
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        let bad = [
            "-- titel: x",
            "-- parameter: from = 1",
            "-- parameter: compare text = 1  taken",
            "-- chart: pie x=a y=b",
            "-- dashboard: waits",
            "-- dashboard: Waits 1",
            "-- dashboard: waits -1",
            "-- explain: ",
            "-- explain: counted day",
            "-- explain: counted by",
            "-- explain: counted by day by hour",
            "-- explain: counted by day;drop",
            "-- explain: counted for n for m",
            "-- explain: counted hours",
            "-- explain: counted hours a hours b",
        ];
        for line in bad {
            let text = format!("-- title: x\n-- answers: y\n{line}\nSELECT 1");
            let (number, error) = NamedQuery::parse_lines("q", &text).unwrap_err();
            assert_eq!(number, 3, "{line}");
            let told = line.trim_start_matches("-- ").trim();
            assert!(error.to_string().contains(told), "{error}");
        }
        assert!(NamedQuery::parse("q", "-- title: x\nSELECT 1").is_err());
    }
}
