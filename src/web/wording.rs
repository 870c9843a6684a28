//! Words for what answers have as codes: weekdays, categories by the shop's own labels, reasons.
//!
//! It decides no figure and hides no code: what has no words is shown as it is.

use std::collections::BTreeMap;

use super::grid::Value;
use crate::model::{CategoryLabels, label_of};

/// From Monday, which is 1.
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Columns whose values are words joined by `_`.
const JOINED: &[&str] = &["left_out", "excluded", "frt_excluded", "outcome"];

/// How a shop's codes are called.
#[derive(Clone, Debug, Default)]
pub(super) struct Wording {
    categories: BTreeMap<String, String>,
}

/// The language of the pages.
const PAGES: &str = "en";

impl Wording {
    /// With categories called as whoever reads `accepted` (`zh-CN,zh;q=0.9`) calls them, or else in the language of the
    /// pages.
    pub(super) fn of(labels: &CategoryLabels, accepted: &str) -> Wording {
        let accepted = accepted.split(',').filter_map(|one| one.split(';').next()).map(str::trim);
        let languages: Vec<&str> = accepted.chain([PAGES]).collect();
        let label = |category: &String| {
            let label =
                languages.iter().find_map(|language| label_of(labels, category, language))?;
            Some((category.clone(), label.to_string()))
        };
        Wording { categories: labels.keys().filter_map(label).collect() }
    }

    /// A value of `column` in words; empty for NULL.
    pub(super) fn words(&self, column: &str, value: &Value) -> String {
        match (column, value) {
            ("weekday", Value::Whole(day)) => {
                let name = usize::try_from(day - 1).ok().and_then(|index| WEEKDAYS.get(index));
                name.map_or_else(|| value.label(), ToString::to_string)
            }
            ("category", Value::Text(category)) => self.category(category),
            (column, Value::Text(code)) if JOINED.contains(&column) => code.replace('_', " "),
            (_, Value::Time(time)) => time.format("%Y-%m-%d %H:%M:%S").to_string(),
            _ => value.label(),
        }
    }

    /// A category by its label.
    pub(super) fn category(&self, category: &str) -> String {
        self.categories.get(category).map_or(category, String::as_str).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> CategoryLabels {
        let names = [("zh", "退款"), ("en", "Refund")];
        let names = names.map(|(language, name)| (language.to_string(), name.to_string()));
        CategoryLabels::from([("refund".to_string(), names.into())])
    }

    #[test]
    fn a_category_is_called_as_its_reader_calls_it() {
        for (accepted, label) in [("zh-TW", "退款"), ("de,fr;q=0.5", "Refund"), ("", "Refund")] {
            assert_eq!(Wording::of(&labels(), accepted).category("refund"), label, "{accepted}");
        }
        assert_eq!(Wording::of(&labels(), "zh").category("late"), "late");
    }

    #[test]
    fn codes_with_words_are_said_in_them_and_others_stay() {
        let wording = Wording::of(&labels(), "zh-CN,zh;q=0.9,en;q=0.8");
        let text = |text: &str| Value::Text(text.to_string());
        let cases = [
            ("weekday", Value::Whole(1), "Mon"),
            ("weekday", Value::Whole(8), "8"),
            ("category", text("refund"), "退款"),
            ("category", text("late_parcel"), "late_parcel"),
            ("left_out", text("answered_by_bot"), "answered by bot"),
            ("agent", text("agent_lin"), "agent_lin"),
            ("agent", Value::Null, ""),
        ];
        for (column, value, words) in cases {
            assert_eq!(wording.words(column, &value), words, "{column} {value:?}");
        }
    }
}
