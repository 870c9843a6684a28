//! What an address asks of figures: which days, by which clocks, of whom, beside what.
//!
//! Invariants: whatever an address says, there is a selection, and what made no sense is told beside it; a link that is
//! made of a selection asks for the same.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::days::{DAYS_DEFAULT, DayRange, today};
use crate::model::{Micros, parse_zone};
use crate::sql::{Filter, NamedQuery};

/// Where a range that is not over ends: as a word, which means the instant at which a question is asked.
const NOW: &str = "now";
/// Longest preset that an address may name.
const PRESET_DAYS_MAX: u64 = 366;
/// What of an address is repeated in a message.
const SHOWN_CHARS_MAX: usize = 40;
/// Fields that addresses of pages have beside filters and parameters of queries. Of parameters those of the range and the
/// zone alone may be called so.
const OWN: &[&str] = &["last_days", "from", "to", "zone", "compare", "page", "figure"];

/// The fields of an address, by name.
pub(super) type Fields = BTreeMap<String, String>;

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    pub range: DayRange,
    /// Where the range moves on with the clock: how many days up to today.
    pub days: Option<u64>,
    pub zone: Tz,
    /// Up to when there is anything.
    now: Micros,
    /// The zone where an address names none.
    home: Tz,
    /// What figures are narrowed to.
    pub filters: Vec<(Filter, String)>,
    /// Values of a query's own parameters.
    parameters: Vec<(String, String)>,
    /// Whether the period before stands beside.
    pub compares: bool,
    /// What in the address makes no sense, in words.
    pub problems: Vec<String>,
}

impl Selection {
    /// Reads `last_days`, or else `from` and `to` (the last day included), the zone, filters and comparison from an address.
    pub(super) fn read(fields: &Fields, home: Tz, now: Micros) -> Selection {
        let field = |name: &str| fields.get(name).map_or("", |value| value.trim());
        let mut problems = Vec::new();
        let zone = match field("zone") {
            "" => home,
            name => parse_zone(name).unwrap_or_else(|_| {
                let name = shown(name);
                problems.push(format!(
                    "`{name}` is no time zone such as Asia/Shanghai. Days are those of {home} instead."
                ));
                home
            }),
        };
        let (range, days) = range(fields, today(now, zone), &mut problems);
        let compares = match field("compare") {
            "" | "previous" => true,
            "none" => false,
            other => {
                problems.push(format!(
                    "`{}` is nothing to compare with: `previous` or `none`.",
                    shown(other)
                ));
                true
            }
        };
        let filters =
            Filter::ALL.iter().map(|filter| (*filter, field(filter.as_str()).to_string()));
        let filters = filters.filter(|(_, value)| !value.is_empty()).collect();
        Selection {
            range,
            days,
            zone,
            now,
            home,
            filters,
            parameters: Vec::new(),
            compares,
            problems,
        }
    }

    /// The selection with the values of `query`'s own parameters. Fields that neither page nor query knows are told.
    pub(super) fn with_parameters<'a>(
        mut self,
        fields: &Fields,
        queries: impl IntoIterator<Item = &'a NamedQuery>,
    ) -> Selection {
        let names = queries.into_iter().flat_map(|query| &query.parameters);
        let names: Vec<&str> = names.map(|parameter| parameter.name.as_str()).collect();
        for (name, value) in fields {
            if is_own(name) {
                continue;
            }
            if names.contains(&name.as_str()) {
                if !value.is_empty() {
                    self.parameters.push((name.clone(), value.clone()));
                }
            } else {
                self.problems
                    .push(format!("`{}` in this address means nothing here.", shown(name)));
            }
        }
        self
    }

    /// What `query` is asked with: the range and its own parameters as far as it declares them, the zone and the
    /// filters always. A range that is not over ends now, so that it is compared with as much of the one before.
    pub(super) fn arguments(&self, query: &NamedQuery) -> Fields {
        let (from, to) = self.range.instants(self.zone);
        let to = if self.goes_on() { NOW.to_string() } else { to.to_string() };
        let given = |name: &str| self.parameters.iter().find(|(own, _)| own == name);
        let declared = query.parameters.iter().filter_map(|parameter| {
            let value = match parameter.name.as_str() {
                "from" => from.to_string(),
                "to" => to.clone(),
                name => given(name)?.1.clone(),
            };
            Some((parameter.name.clone(), value))
        });
        let mut arguments: Fields = declared.collect();
        arguments.insert("zone".to_string(), self.zone.name().to_string());
        let filters = self.filters.iter();
        arguments
            .extend(filters.map(|(filter, value)| (filter.as_str().to_string(), value.clone())));
        arguments
    }

    /// The address of a page that shows the same.
    pub(super) fn address(&self, path: &str) -> String {
        let days = match self.days {
            Some(DAYS_DEFAULT) => Vec::new(),
            Some(days) => vec![("last_days".to_string(), days.to_string())],
            None => self.dates(),
        };
        encoded(path, days.into_iter().chain(self.beside()))
    }

    /// The same for other days, counted up to today.
    pub(super) fn address_of_days(&self, path: &str, days: u64) -> String {
        Selection { days: Some(days), ..self.clone() }.address(path)
    }

    /// The address of a page about these very days, whenever it is opened, with `more`.
    pub(super) fn fixed_address(&self, path: &str, more: &[(String, String)]) -> String {
        let more = more.iter().cloned();
        encoded(path, more.chain(self.dates()).chain(self.beside()))
    }

    /// Whether its last day is not over.
    pub(super) fn goes_on(&self) -> bool {
        let (from, to) = self.range.instants(self.zone);
        from < self.now && self.now < to
    }

    /// The value of one of the query's own parameters; empty where none was given.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// The value of a filter; empty where there is none.
    pub(super) fn filter(&self, filter: Filter) -> &str {
        self.filters.iter().find(|(own, _)| *own == filter).map_or("", |(_, value)| value)
    }

    fn dates(&self) -> Vec<(String, String)> {
        let (from, to) = (self.range.from.to_string(), self.range.last_day().to_string());
        vec![("from".to_string(), from), ("to".to_string(), to)]
    }

    /// All but the days, as far as it is not as it would be unasked.
    fn beside(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let zone =
            (self.zone != self.home).then(|| ("zone".to_string(), self.zone.name().to_string()));
        let filters = self.filters.iter();
        let filters = filters.map(|(filter, value)| (filter.as_str().to_string(), value.clone()));
        let compare = (!self.compares).then(|| ("compare".to_string(), "none".to_string()));
        zone.into_iter().chain(filters).chain(self.parameters.iter().cloned()).chain(compare)
    }
}

/// Whether a field of an address is one of every page.
fn is_own(name: &str) -> bool {
    let is_filter = Filter::ALL.iter().any(|filter| filter.as_str() == name);
    is_filter || OWN.contains(&name) || name.starts_with("at.")
}

fn range(fields: &Fields, today: NaiveDate, problems: &mut Vec<String>) -> (DayRange, Option<u64>) {
    let field = |name: &str| fields.get(name).map_or("", |value| value.trim());
    let otherwise = (DayRange::last(DAYS_DEFAULT, today), Some(DAYS_DEFAULT));
    let mut refused = |problem: String| {
        problems.push(format!("{problem} Showing the last {DAYS_DEFAULT} days instead."));
        otherwise
    };
    match (field("last_days"), field("from"), field("to")) {
        ("", "", "") => otherwise,
        ("", from, to) => match DayRange::parse(from, to, otherwise.0) {
            Ok(range) => (range, None),
            Err(problem) => refused(problem),
        },
        (days, _, _) => match days.parse() {
            Ok(days) if (1..=PRESET_DAYS_MAX).contains(&days) => {
                (DayRange::last(days, today), Some(days))
            }
            _ => refused(format!(
                "`{}` is no number of days from 1 to {PRESET_DAYS_MAX}.",
                shown(days)
            )),
        },
    }
}

fn encoded(path: &str, pairs: impl Iterator<Item = (String, String)>) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { path.to_string() } else { format!("{path}?{query}") }
}

/// A part of an address, short enough for a message.
pub(super) fn shown(text: &str) -> String {
    super::shown::Shown::plain(&text.chars().take(SHOWN_CHARS_MAX).collect::<String>()).text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_time;
    use crate::sql::Parameter;

    const ZONE: Tz = chrono_tz::Asia::Shanghai;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    /// Ten at night in Shanghai, and on the same day elsewhere.
    fn now() -> Micros {
        parse_time("2026-01-15T14:00:00Z").unwrap()
    }

    fn read(pairs: &[(&str, &str)]) -> Selection {
        Selection::read(&fields(pairs), ZONE, now())
    }

    #[test]
    fn ranges_come_from_presets_or_dates_and_nonsense_is_told() {
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);
        let cases: [Case<'_>; 11] = [
            (&[], "2026-01-02", "2026-01-15", ""),
            (&[("last_days", "1")], "2026-01-15", "2026-01-15", ""),
            (&[("from", "2026-01-01"), ("to", "2026-01-07")], "2026-01-01", "2026-01-07", ""),
            (
                &[("from", "2026-01-07"), ("to", "2026-01-01")],
                "2026-01-02",
                "2026-01-15",
                "2026-01-01, lies before",
            ),
            (&[("from", "then")], "2026-01-02", "2026-01-15", "`then` is not a date"),
            (&[("to", "\0")], "2026-01-02", "2026-01-15", "is not a date"),
            (&[("last_days", "-5")], "2026-01-02", "2026-01-15", "`-5` is no number of days"),
            (&[("last_days", "99999999999")], "2026-01-02", "2026-01-15", "from 1 to 366"),
            (&[("zone", "Mars/Base")], "2026-01-02", "2026-01-15", "`Mars/Base` is no time zone"),
            (
                &[("compare", "nothing")],
                "2026-01-02",
                "2026-01-15",
                "`nothing` is nothing to compare",
            ),
            (&[("compare", "none"), ("zone", "UTC")], "2026-01-02", "2026-01-15", ""),
        ];
        for (pairs, from, last_day, told) in cases {
            let selection = read(pairs);
            let range = selection.range;
            assert_eq!((range.from, range.last_day()), (day(from), day(last_day)), "{pairs:?}");
            let problems = selection.problems.join(" ");
            assert!(
                problems.contains(told) && problems.is_empty() == told.is_empty(),
                "{pairs:?}: {problems}"
            );
        }
    }

    #[test]
    fn a_link_asks_for_the_same() {
        let asked: [&[(&str, &str)]; 4] = [
            &[],
            &[("last_days", "7"), ("agent", "林 晓&co"), ("compare", "none")],
            &[
                ("from", "2026-01-01"),
                ("to", "2026-01-07"),
                ("zone", "Europe/Berlin"),
                ("category", "refund"),
            ],
            &[("last_days", "30"), ("channel", "web"), ("language", "zh-CN"), ("team", "night")],
        ];
        for pairs in asked {
            let selection = read(pairs);
            for address in [selection.address("/x"), selection.fixed_address("/x", &[])] {
                let query = address.split_once('?').map_or("", |(_, query)| query);
                let again: Fields =
                    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                let again = Selection::read(&again, ZONE, now());
                let of = |one: &Selection| (one.range, one.zone, one.filters.clone(), one.compares);
                assert_eq!(of(&again), of(&selection), "{address}");
                assert!(again.problems.is_empty(), "{address}");
            }
        }
        assert_eq!(read(&[]).address("/dashboards/waits"), "/dashboards/waits");
        assert_eq!(read(&[("agent", "lin")]).address_of_days("/", 7), "/?last_days=7&agent=lin");
    }

    #[test]
    fn a_query_is_asked_with_what_it_declares_and_with_every_filter() {
        let parameter = |name: &str| Parameter { name: name.to_string(), ..Parameter::default() };
        let query = NamedQuery {
            parameters: ["from", "to", "limit", "word"].map(parameter).into(),
            ..NamedQuery::parse("x", "-- title: x\n-- answers: x\nSELECT 1").unwrap()
        };
        let asked = [
            ("from", "2026-01-03"),
            ("to", "2026-01-03"),
            ("agent", "林"),
            ("team", ""),
            ("limit", "5"),
            ("word", ""),
            ("shop", "x"),
        ];
        let selection = read(&asked).with_parameters(&fields(&asked), [&query]);
        let expected = [
            ("agent", "林"),
            ("from", "2026-01-02T16:00:00.000000Z"),
            ("limit", "5"),
            ("to", "2026-01-03T16:00:00.000000Z"),
            ("zone", "Asia/Shanghai"),
        ];
        assert_eq!(selection.arguments(&query), fields(&expected));
        assert_eq!(selection.problems, ["`shop` in this address means nothing here."]);
        // Today is compared with yesterday until the same hour.
        let today = read(&[("last_days", "1")]);
        assert_eq!(today.arguments(&query)["to"], "now");
        assert!(today.goes_on() && !selection.goes_on());
    }

    /// `days`, which containment has, meant how many days the page shows, and the query never had it.
    #[test]
    fn no_field_of_the_page_hides_a_parameter() {
        let query = |parameter: &str| {
            let header = format!("-- title: x\n-- answers: x\n-- parameter: {parameter}\n");
            NamedQuery::parse("x", &format!("{header}SELECT 1"))
        };
        for name in OWN.iter().filter(|name| !["from", "to", "zone"].contains(name)) {
            assert!(query(&format!("{name} text = x  y")).is_err(), "{name}");
        }
        let query = query("days integer = 7  how many").unwrap();
        let asked = [("days", "30"), ("last_days", "1")];
        let selection = read(&asked).with_parameters(&fields(&asked), [&query]);
        assert_eq!(selection.arguments(&query)["days"], "30");
        assert_eq!(selection.range.from, day("2026-01-15"));
        assert!(selection.problems.is_empty(), "{:?}", selection.problems);
    }
}
