//! The search form: what people typed, read as a query, or what is wrong with it at each field.
//!
//! Invariant: what was typed is shown again as typed, also when it is wrong, and the spot that is
//! wrong is marked in it.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use strum::VariantNames;

use crate::model::{Micros, Role, day_start};
use crate::search::language::{LanguageError, Name};
use crate::search::{Cursor, Filters, HitOrder, Mode, SearchQuery};
use crate::web::days::parse_days;

/// Conversations on one page, and hits shown of each; a page more is a click.
const CONVERSATIONS: usize = 20;
const HITS_PER_CONVERSATION: usize = 20;
/// Hits on one page where they are all of one conversation: × at most 32 KiB = 6 MiB at the very worst.
const HITS_OF_ONE: usize = 200;

/// The form as typed; shown again as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct SearchForm {
    pub words: String,
    /// What links of before call the words.
    pub q: String,
    pub mode: String,
    /// What links of before call the mode `exact`.
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
    /// Where an earlier page ended.
    pub after: String,
}

/// What is wrong with the form, by field; empty where nothing is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::web) struct Problems {
    pub words: WordsProblem,
    pub role: String,
    pub dates: String,
    /// About the form as a whole.
    pub form: String,
}

/// What is wrong with the words: the rule, and the words cut at the spot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::web) struct WordsProblem {
    pub said: String,
    pub before: String,
    pub spot: String,
    pub behind: String,
}

impl WordsProblem {
    fn of(words: &str, error: &LanguageError) -> WordsProblem {
        let part = |part: Option<&str>| part.unwrap_or_default().to_string();
        WordsProblem {
            said: error.to_string(),
            before: part(words.get(..error.at.start)),
            spot: part(words.get(error.at.clone())),
            behind: part(words.get(error.at.end..)),
        }
    }

    pub(in crate::web) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }
}

impl SearchForm {
    /// The form with what addresses of before call otherwise under its names.
    pub(in crate::web) fn renamed(mut self) -> SearchForm {
        if self.words.is_empty() {
            self.words = std::mem::take(&mut self.q);
        }
        if self.mode.is_empty() && !std::mem::take(&mut self.exact).is_empty() {
            self.mode = Mode::Exact.to_string();
        }
        self
    }

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
        !SearchForm { words: String::new(), ..self.clone() }.is_empty() || !self.oldest.is_empty()
    }

    /// How closely texts follow the words; what no mode is called is the usual one.
    pub(in crate::web) fn mode(&self) -> Mode {
        self.mode.parse().unwrap_or_default()
    }

    /// The form as a query, or everything that is wrong with it.
    pub(in crate::web) fn query(&self, shop: &str, zone: Tz) -> Result<SearchQuery, Problems> {
        let mut problems = Problems::default();
        let read = SearchQuery::read(shop, self.words.as_str(), zone, Micros::now());
        if let Err(error) = &read {
            problems.words = WordsProblem::of(&self.words, error);
        }
        let role = filled(&self.role);
        if let Some(role) = &role
            && role.parse::<Role>().is_err()
        {
            problems.role = format!("Choose one of {}.", Role::VARIANTS.join(", "));
        }
        let days = parse_days(&self.from, &self.to).unwrap_or_else(|problem| {
            problems.dates = problem;
            (None, None)
        });
        let after = filled(&self.after).map(|after| after.parse::<Cursor>()).transpose();
        if let Err(error) = &after {
            problems.form = format!("{error}.");
        }
        let (Ok(read), Ok(after)) = (read, after) else { return Err(problems) };
        if problems != Problems::default() {
            return Err(problems);
        }
        let name = |field: &str| filled(field).map(|name| Name::typed(&name));
        let conversation = filled(&self.conversation);
        let hits_per_conversation =
            if conversation.is_some() { HITS_OF_ONE } else { HITS_PER_CONVERSATION };
        Ok(SearchQuery {
            mode: self.mode(),
            filters: Filters {
                order: name(&self.order),
                conversation,
                customer: name(&self.customer),
                agent: name(&self.agent),
                role: role.as_deref().and_then(|role| role.parse().ok()),
                kind: None,
                category: filled(&self.category),
                from: days.0.map(|day| day_start(day, zone)),
                to: days.1.map(|day| day_start(day, zone)),
            },
            limit_conversations: CONVERSATIONS,
            hits_per_conversation,
            order: if self.oldest.is_empty() { HitOrder::Newest } else { HitOrder::Oldest },
            after,
            ..read
        })
    }

    /// The address of this search, where it goes on at `after`.
    pub(in crate::web) fn address_after(&self, after: Cursor) -> String {
        SearchForm { after: after.to_string(), ..self.clone() }.address()
    }

    /// The address of this search within one conversation, where it goes on at `after`.
    pub(in crate::web) fn address_within(&self, conversation: &str, after: Cursor) -> String {
        let conversation = conversation.to_string();
        SearchForm { conversation, after: after.to_string(), ..self.clone() }.address()
    }

    /// The address of the same words in another mode, and without any filter.
    pub(in crate::web) fn address_in(&self, mode: Mode) -> String {
        let (mode, after) = (mode.to_string(), String::new());
        SearchForm { mode, after, ..self.clone() }.address()
    }

    pub(in crate::web) fn address_without_filters(&self) -> String {
        let (words, mode) = (self.words.clone(), self.mode.clone());
        SearchForm { words, mode, ..SearchForm::default() }.address()
    }

    fn address(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("words", &self.words),
            ("mode", &self.mode),
            ("order", &self.order),
            ("conversation", &self.conversation),
            ("customer", &self.customer),
            ("agent", &self.agent),
            ("role", &self.role),
            ("category", &self.category),
            ("from", &self.from),
            ("to", &self.to),
            ("oldest", &self.oldest),
            ("after", &self.after),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
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
    use crate::model::Offset;

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
            order: " FL1* ".to_string(),
            mode: "variants".to_string(),
            ..form_with(" 退款 ")
        };
        let query = form.query("s", ZONE).unwrap_or_else(|problems| panic!("{problems:?}"));
        let order = query.filters.order.clone().unwrap();
        assert_eq!(
            (query.words.as_str(), order.text.as_str(), order.is_start),
            (" 退款 ", "FL1", true)
        );
        assert_eq!(query.filters.from.unwrap().to_string(), "2026-01-03T16:00:00.000000Z");
        assert_eq!(query.filters.to.unwrap().to_string(), "2026-01-04T16:00:00.000000Z");
        assert_eq!((query.filters.role, query.mode), (Some(Role::Human), Mode::Variants));
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
        assert!(!broken(|form| form.after = "later".to_string()).form.is_empty());
        let backwards = broken(|form| {
            form.from = "2026-01-05".to_string();
            form.to = "2026-01-04".to_string();
        });
        assert!(backwards.dates.contains("before"), "{backwards:?}");
        let words = broken(|form| form.words = "退款 from:noon".to_string()).words;
        assert_eq!((words.before.as_str(), words.spot.as_str()), ("退款 from:", "noon"));
        assert!(form_with("  ").is_empty() && !form_with("x").has_filters());
    }

    /// Links of before lead to what they led to.
    #[test]
    fn old_addresses_are_understood() {
        let form =
            SearchForm { q: "428".to_string(), exact: "on".to_string(), ..SearchForm::default() };
        let form = form.renamed();
        assert_eq!((form.words.as_str(), form.mode()), ("428", Mode::Exact));
        let cursor = Cursor { complete_to: Offset(9), conversations: None, hits: None };
        assert_eq!(form.address_after(cursor), "/search?words=428&mode=exact&after=9");
        assert_eq!(
            form.address_within("a&b", cursor),
            "/search?words=428&mode=exact&conversation=a%26b&after=9"
        );
    }
}
