//! The bar with which people choose days: presets, two dates, and the range that comes of it.
//!
//! Invariant: whatever is asked for, there is a range; what made no sense is told beside it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::sql::NamedQuery;
use crate::web::days::{DAYS_DEFAULT, DayRange};

const PRESETS: &[(u64, &str)] = &[(1, "Today"), (7, "7 days"), (14, "14 days"), (30, "30 days")];
/// Longest preset that an address may name.
const PRESET_DAYS_MAX: u64 = 366;

/// The fields of an address, by name.
pub(in crate::web) type Fields = BTreeMap<String, String>;

/// What the bar shows.
pub(in crate::web) struct RangeBar {
    pub range: DayRange,
    pub presets: Vec<Preset>,
    pub zone: String,
    /// What is wrong with the dates asked for; empty when nothing is.
    pub problem: String,
}

pub(in crate::web) struct Preset {
    pub days: u64,
    pub label: &'static str,
    pub active: bool,
}

impl RangeBar {
    /// Reads `days`, or else `from` and `to` (the last day included), from an address.
    pub(in crate::web) fn read(fields: &Fields, today: NaiveDate, zone: Tz) -> RangeBar {
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        let otherwise = DayRange::last(DAYS_DEFAULT, today);
        let days = field("days").parse().ok().filter(|days| (1..=PRESET_DAYS_MAX).contains(days));
        let (range, problem) = match days {
            Some(days) => (DayRange::last(days, today), String::new()),
            None => match DayRange::parse(field("from"), field("to"), otherwise) {
                Ok(range) => (range, String::new()),
                Err(problem) => {
                    (otherwise, format!("{problem} Showing the last {DAYS_DEFAULT} days instead."))
                }
            },
        };
        let typed = days.is_none() && (!field("from").is_empty() || !field("to").is_empty());
        let active = |days: u64| !typed && range == DayRange::last(days, today);
        let presets = PRESETS.iter().map(|(days, label)| Preset {
            days: *days,
            label,
            active: active(*days),
        });
        RangeBar { range, presets: presets.collect(), zone: zone.name().to_string(), problem }
    }

    /// What `query` is asked with: of the range, the zone and the address's `fields`, what it
    /// declares.
    pub(in crate::web) fn arguments(
        &self,
        query: &NamedQuery,
        zone: Tz,
        fields: &Fields,
    ) -> Fields {
        let (from, to) = self.range.instants(zone);
        let declared = query.parameters.iter().filter_map(|parameter| {
            let value = match parameter.name.as_str() {
                "from" => from.to_string(),
                "to" => to.to_string(),
                "zone" => zone.name().to_string(),
                name => fields.get(name).filter(|value| !value.is_empty())?.clone(),
            };
            Some((parameter.name.clone(), value))
        });
        declared.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Parameter, ParameterKind};

    const ZONE: Tz = chrono_tz::Asia::Shanghai;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn ranges_come_from_presets_or_dates_and_nonsense_is_told() {
        let today = day("2026-01-15");
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, bool);
        let cases: [Case<'_>; 8] = [
            (&[], "2026-01-02", "2026-01-15", true),
            (&[("days", "1")], "2026-01-15", "2026-01-15", true),
            (&[("from", "2026-01-01"), ("to", "2026-01-07")], "2026-01-01", "2026-01-07", true),
            (&[("from", "2026-01-07"), ("to", "2026-01-01")], "2026-01-02", "2026-01-15", false),
            (&[("from", "then")], "2026-01-02", "2026-01-15", false),
            (&[("to", "\0")], "2026-01-02", "2026-01-15", false),
            (&[("days", "-5")], "2026-01-02", "2026-01-15", true),
            (&[("days", "99999999999")], "2026-01-02", "2026-01-15", true),
        ];
        for (pairs, from, last_day, good) in cases {
            let bar = RangeBar::read(&fields(pairs), today, ZONE);
            assert_eq!(
                (bar.range.from, bar.range.last_day()),
                (day(from), day(last_day)),
                "{pairs:?}"
            );
            assert_eq!(bar.problem.is_empty(), good, "{pairs:?}");
        }
        let presets = RangeBar::read(&fields(&[("days", "7")]), today, ZONE).presets;
        assert_eq!(
            presets
                .iter()
                .filter(|preset| preset.active)
                .map(|preset| preset.days)
                .collect::<Vec<_>>(),
            [7]
        );
    }

    #[test]
    fn a_query_is_asked_with_what_it_declares() {
        let parameter = |name: &str| Parameter {
            name: name.to_string(),
            kind: ParameterKind::Text,
            default: String::new(),
            meaning: String::new(),
        };
        let query = NamedQuery {
            name: "x".to_string(),
            title: String::new(),
            answers: String::new(),
            parameters: ["from", "to", "agent", "team"].map(parameter).into(),
            chart: None,
            sql: String::new(),
        };
        let asked = fields(&[
            ("from", "2026-01-03"),
            ("to", "2026-01-03"),
            ("agent", "林"),
            ("team", ""),
            ("shop", "x"),
        ]);
        let arguments =
            RangeBar::read(&asked, day("2026-01-15"), ZONE).arguments(&query, ZONE, &asked);
        let expected = [
            ("agent", "林"),
            ("from", "2026-01-02T16:00:00.000000Z"),
            ("to", "2026-01-03T16:00:00.000000Z"),
        ];
        assert_eq!(arguments, fields(&expected));
    }
}
