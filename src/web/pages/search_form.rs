//! The search form: what people typed, read as a query, or what is wrong with it at each field.
//!
//! Invariant: what was typed is shown again as typed, also when it is wrong.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use strum::VariantNames;

use crate::model::{Role, day_start};
use crate::search::{Filters, HitOrder, SearchQuery};
use crate::web::days::{DayRange, parse_day};

/// Conversations on one page, and what "more" adds up to: × 5 hits × at most 32 KiB = 16 MiB at the
/// very worst.
const CONVERSATIONS: usize = 20;
pub(in crate::web) const CONVERSATIONS_MAX: usize = 100;
const HITS_PER_CONVERSATION: usize = 5;
/// Longest words asked for. Longer text is not a search but a comparison.
const WORDS_CHARS_MAX: usize = 200;

/// The form as typed; shown again as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct SearchForm {
    pub words: String,
    pub exact: String,
    pub order: String,
    pub conversation: String,
    pub customer: String,
    pub agent: String,
    pub role: String,
    pub category: String,
    pub from: String,
    pub to: String,
    pub oldest: String,
    pub limit: String,
}

/// What is wrong with the form, by field; empty where nothing is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::web) struct Problems {
    pub words: String,
    pub role: String,
    pub dates: String,
    /// About the form as a whole.
    pub form: String,
}

impl SearchForm {
    /// Whether nothing was asked.
    pub(in crate::web) fn is_empty(&self) -> bool {
        let asked = [
            &self.words,
            &self.order,
            &self.conversation,
            &self.customer,
            &self.agent,
            &self.role,
            &self.category,
            &self.from,
            &self.to,
        ];
        asked.iter().all(|field| field.trim().is_empty())
    }

    /// Whether any of the folded-away filters is in use, so that they are shown.
    pub(in crate::web) fn has_filters(&self) -> bool {
        !SearchForm { words: String::new(), ..self.clone() }.is_empty() || !self.exact.is_empty()
    }

    /// The form as a query, or everything that is wrong with it.
    pub(in crate::web) fn query(&self, shop: &str, zone: Tz) -> Result<SearchQuery, Problems> {
        let mut problems = Problems::default();
        if self.words.chars().count() > WORDS_CHARS_MAX {
            problems.words = format!("Search for at most {WORDS_CHARS_MAX} characters.");
        }
        let role = filled(&self.role);
        if let Some(role) = &role
            && role.parse::<Role>().is_err()
        {
            problems.role = format!("Choose one of {}.", Role::VARIANTS.join(", "));
        }
        let days = self.days().unwrap_or_else(|problem| {
            problems.dates = problem;
            (None, None)
        });
        if problems != Problems::default() {
            return Err(problems);
        }
        // Spaces belong to what was said; only emptiness is judged.
        let words = if self.words.trim().is_empty() { "" } else { self.words.as_str() };
        Ok(SearchQuery {
            exact: !self.exact.is_empty(),
            filters: Filters {
                order: filled(&self.order),
                conversation: filled(&self.conversation),
                customer: filled(&self.customer),
                agent: filled(&self.agent),
                role: role.as_deref().and_then(|role| role.parse().ok()),
                kind: None,
                category: filled(&self.category),
                from: days.0.map(|day| day_start(day, zone)),
                to: days.1.map(|day| day_start(day, zone)),
            },
            limit_conversations: self
                .limit
                .parse()
                .unwrap_or(CONVERSATIONS)
                .clamp(1, CONVERSATIONS_MAX),
            hits_per_conversation: HITS_PER_CONVERSATION,
            order: if self.oldest.is_empty() { HitOrder::Newest } else { HitOrder::Oldest },
            ..SearchQuery::new(shop, words)
        })
    }

    /// The two dates as first day and day after the last.
    fn days(&self) -> Result<(Option<NaiveDate>, Option<NaiveDate>), String> {
        let (from, last) = (parse_day(&self.from)?, parse_day(&self.to)?);
        if let (Some(from), Some(last)) = (from, last) {
            DayRange::parse(&self.from, &self.to, DayRange { from, to: last })?;
        }
        Ok((from, last.and_then(|last| last.succ_opt())))
    }

    /// The address of this search with more conversations.
    pub(in crate::web) fn address_of_more(&self, limit: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("words", &self.words),
            ("exact", &self.exact),
            ("order", &self.order),
            ("conversation", &self.conversation),
            ("customer", &self.customer),
            ("agent", &self.agent),
            ("role", &self.role),
            ("category", &self.category),
            ("from", &self.from),
            ("to", &self.to),
            ("oldest", &self.oldest),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        query.append_pair("limit", &limit.to_string());
        format!("/search?{}", query.finish())
    }
}

/// A field's content, unless it was left empty.
fn filled(field: &str) -> Option<String> {
    let content = field.trim();
    (!content.is_empty()).then(|| content.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Tz = chrono_tz::Asia::Shanghai;

    fn form_with(words: &str) -> SearchForm {
        SearchForm { words: words.to_string(), ..SearchForm::default() }
    }

    #[test]
    fn a_form_becomes_a_query_with_the_last_day_included() {
        let form = SearchForm {
            from: "2026-01-04".to_string(),
            to: "2026-01-04".to_string(),
            role: "human".to_string(),
            order: " FL1 ".to_string(),
            limit: "5000".to_string(),
            ..form_with(" 退款 ")
        };
        let query = form.query("s", ZONE).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!((query.text.as_str(), query.filters.order.as_deref()), (" 退款 ", Some("FL1")));
        assert_eq!(query.filters.from.unwrap().to_string(), "2026-01-03T16:00:00.000000Z");
        assert_eq!(query.filters.to.unwrap().to_string(), "2026-01-04T16:00:00.000000Z");
        assert_eq!(
            (query.filters.role, query.limit_conversations),
            (Some(Role::Human), CONVERSATIONS_MAX)
        );
        assert_eq!(query.filters.customer, None);
    }

    #[test]
    fn nonsense_is_told_at_its_field() {
        let broken = |change: fn(&mut SearchForm)| {
            let mut form = form_with("x");
            change(&mut form);
            form.query("s", ZONE).err().unwrap_or_default()
        };
        assert!(!broken(|form| form.role = "boss".to_string()).role.is_empty());
        assert!(!broken(|form| form.from = "soon".to_string()).dates.is_empty());
        let backwards = broken(|form| {
            form.from = "2026-01-05".to_string();
            form.to = "2026-01-04".to_string();
        });
        assert!(backwards.dates.contains("before"), "{backwards:?}");
        assert!(!broken(|form| form.words = "长".repeat(201)).words.is_empty());
        assert!(form_with("  ").is_empty() && !form_with("x").has_filters());
    }
}
