//! The bar with which people choose days, zone, whose figures, and what they stand beside: a plain form, so that an
//! address says all that a page shows.

use crate::sql::{Filter, NamedQuery, UNTAGGED};
use crate::web::choices::Choices;
use crate::web::selection::{Selection, shown};
use crate::web::wording::Wording;

const PRESETS: &[(u64, &str)] =
    &[(1, "Today"), (7, "7 days"), (14, "14 days"), (30, "30 days"), (90, "90 days")];
/// Zones that are offered; any other may be typed.
const ZONES: &[&str] = &[
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Europe/Berlin",
    "Europe/London",
    "America/Los_Angeles",
    "America/New_York",
    "UTC",
];

/// What the bar shows.
#[derive(Default)]
pub(in crate::web) struct Bar {
    /// Where its form leads.
    pub path: String,
    pub presets: Vec<Preset>,
    pub first_day: String,
    pub last_day: String,
    pub zone: String,
    pub zones: &'static [&'static str],
    pub filters: Vec<FilterField>,
    pub parameters: Vec<ParameterField>,
    pub compares: bool,
    /// What of the address makes no sense.
    pub problems: Vec<String>,
    /// What is shown, in words.
    pub said: String,
}

pub(in crate::web) struct Preset {
    pub address: String,
    pub label: &'static str,
    pub active: bool,
}

/// One filter and what it may be.
pub(in crate::web) struct FilterField {
    pub name: &'static str,
    pub value: String,
    pub choices: Vec<Choice>,
    /// There may be more: it is typed, with the choices as suggestions.
    pub is_typed: bool,
}

pub(in crate::web) struct Choice {
    pub value: String,
    pub label: String,
    pub selected: bool,
}

/// A parameter of the query that the range does not fill.
pub(in crate::web) struct ParameterField {
    pub name: String,
    pub meaning: String,
    pub value: String,
    pub default: String,
    /// The texts that it may be; empty where it may be any.
    pub choices: Vec<String>,
}

impl Bar {
    /// The bar over a page at `path` that shows `selection`; a filter that is none of the shop's is told.
    pub(in crate::web) fn of(
        path: &str,
        selection: &Selection,
        choices: &Choices,
        wording: &Wording,
    ) -> Bar {
        let preset = |(days, label): &(u64, &'static str)| Preset {
            address: selection.address_of_days(path, *days),
            label,
            active: selection.days == Some(*days),
        };
        let filters = Filter::ALL.iter().map(|filter| field(*filter, selection, choices, wording));
        let mut problems = selection.problems.clone();
        problems.extend(unknown(selection, choices));
        Bar {
            path: path.to_string(),
            presets: PRESETS.iter().map(preset).collect(),
            first_day: selection.range.from.to_string(),
            last_day: selection.range.last_day().to_string(),
            zone: selection.zone.name().to_string(),
            zones: ZONES,
            // Nothing to choose from, nothing chosen: no field.
            filters: filters.filter(|field| !field.choices.is_empty()).collect(),
            parameters: Vec::new(),
            compares: selection.compares,
            problems,
            said: said(selection, wording),
        }
    }

    /// The bar with a field for each parameter of `query` that the range does not fill.
    pub(in crate::web) fn with_parameters(self, query: &NamedQuery, selection: &Selection) -> Bar {
        let own =
            |name: &str| !["from", "to", "zone"].contains(&name) && name.parse::<Filter>().is_err();
        let parameters = query.parameters.iter().filter(|parameter| own(&parameter.name));
        let field = |parameter: &crate::sql::Parameter| ParameterField {
            name: parameter.name.clone(),
            meaning: parameter.meaning.clone(),
            value: selection.parameter(&parameter.name).to_string(),
            default: parameter.default.clone(),
            choices: parameter.choices.clone(),
        };
        Bar { parameters: parameters.map(field).collect(), ..self }
    }
}

fn field(
    filter: Filter,
    selection: &Selection,
    choices: &Choices,
    wording: &Wording,
) -> FilterField {
    let value = selection.filter(filter);
    let label = |choice: &str| match filter {
        Filter::Category => wording.category(choice),
        _ => choice.to_string(),
    };
    let choice = |choice: &str| Choice {
        value: choice.to_string(),
        label: shown(&label(choice)),
        selected: choice == value,
    };
    let known = choices.of_filter(filter);
    let mut offered: Vec<Choice> = known.iter().map(|one| choice(one)).collect();
    if filter == Filter::Category && !known.is_empty() {
        offered.push(choice(UNTAGGED));
    }
    offered.sort_by(|one, other| one.label.cmp(&other.label));
    if !value.is_empty() && !offered.iter().any(|choice| choice.selected) {
        offered.insert(0, choice(value));
    }
    let (name, is_typed) = (filter.as_str(), choices.are_cut(filter));
    FilterField { name, value: value.to_string(), choices: offered, is_typed }
}

/// What is asked for and is none of the shop's: without a word, a misspelt name would look like no chats.
fn unknown(selection: &Selection, choices: &Choices) -> Vec<String> {
    let is_unknown = |filter: Filter, value: &str| !choices.may_have(filter, value);
    let unknown = selection.filters.iter().filter(|(filter, value)| is_unknown(*filter, value));
    unknown
        .map(|(filter, value)| {
            format!("This shop has no {} `{}`: nothing is counted.", filter.as_str(), shown(value))
        })
        .collect()
}

/// `Fri 2 Jan 2026 to Thu 15 Jan 2026, both days included, in Asia/Shanghai; agent lin`.
pub(super) fn said(selection: &Selection, wording: &Wording) -> String {
    let (from, last) = (selection.range.from, selection.range.last_day());
    let days = if from == last {
        from.format("%a %-d %b %Y").to_string()
    } else {
        let (from, last) = (from.format("%a %-d %b %Y"), last.format("%a %-d %b %Y"));
        format!("{from} to {last}, both days included")
    };
    let so_far = if selection.goes_on() { ", so far" } else { "" };
    let filter = |(filter, value): &(Filter, String)| {
        let value = match filter {
            Filter::Category => wording.category(value),
            _ => value.clone(),
        };
        format!("; {} {}", filter.as_str(), shown(&value))
    };
    let filters: String = selection.filters.iter().map(filter).collect();
    format!("{days}{so_far}, in {}{filters}", selection.zone.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_time;
    use crate::web::selection::Fields;

    fn bar(pairs: &[(&str, &str)]) -> Bar {
        let fields: Fields =
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let now = parse_time("2026-01-15T14:00:00Z").unwrap();
        let selection = Selection::read(&fields, chrono_tz::Asia::Shanghai, now);
        Bar::of("/x", &selection, &Choices::default(), &Wording::default())
    }

    #[test]
    fn what_is_shown_is_said_and_presets_keep_the_rest() {
        let seven = bar(&[("last_days", "7"), ("agent", "lin")]);
        assert_eq!(
            seven.said,
            "Fri 9 Jan 2026 to Thu 15 Jan 2026, both days included, so far, in Asia/Shanghai; agent lin"
        );
        let active: Vec<&str> = seven
            .presets
            .iter()
            .filter(|preset| preset.active)
            .map(|preset| preset.label)
            .collect();
        assert_eq!(active, ["7 days"]);
        assert_eq!(seven.presets[0].address, "/x?last_days=1&agent=lin");
        let one = bar(&[("from", "2026-01-03"), ("to", "2026-01-03")]);
        assert_eq!(one.said, "Sat 3 Jan 2026, in Asia/Shanghai");
        assert!(one.presets.iter().all(|preset| !preset.active));
    }

    #[test]
    fn a_name_that_the_shop_does_not_have_is_told_and_stays_in_its_field() {
        let bar = bar(&[("agent", "\u{202e}lim")]);
        assert_eq!(bar.problems, ["This shop has no agent `[U+202E]lim`: nothing is counted."]);
        assert_eq!(bar.filters.len(), 1);
        assert_eq!((bar.filters[0].name, bar.filters[0].choices[0].selected), ("agent", true));
    }
}
