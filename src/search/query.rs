//! What is asked: a text and filters, with the rules they must keep.

use crate::index::fold;
use crate::model::{FieldError, Kind, Micros, Record, Role};

/// Longest text to look for, in Unicode characters.
pub(super) const TEXT_CHARS_MAX: usize = 1_024;
/// Most conversations, and most hits of each, in one answer.
pub(super) const SHOWN_MAX: usize = 1_000;
/// Most hits in one answer: × about 1 KiB (at worst 32 KiB) of text = 10 MiB (320 MiB).
pub(super) const HITS_MAX: usize = 10_000;

/// Which hits come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HitOrder {
    #[default]
    Newest,
    Oldest,
}

/// What a hit must be beside what it contains. `order`, `customer`, `agent` and `category` choose
/// conversations in which any record has the value; the others choose messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    pub conversation: Option<String>,
    pub order: Option<String>,
    /// Id of a sender with the role customer.
    pub customer: Option<String>,
    /// Id of a sender with the role human, or of an assignee.
    pub agent: Option<String>,
    /// On any tag, even one taken back later.
    pub category: Option<String>,
    pub role: Option<Role>,
    pub kind: Option<Kind>,
    /// `occurred_at` at or after this.
    pub from: Option<Micros>,
    /// `occurred_at` before this.
    pub to: Option<Micros>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    pub shop: String,
    /// What a hit's text contains. May be empty when a filter is given: then every text within the
    /// filters is a hit.
    pub text: String,
    /// As is; otherwise case, width, ligatures and invisible characters do not count.
    pub exact: bool,
    pub filters: Filters,
    pub limit_conversations: usize,
    pub hits_per_conversation: usize,
    pub order: HitOrder,
}

impl SearchQuery {
    /// A folded search over all of `shop`, newest first, with the default limits.
    pub fn new(shop: impl Into<String>, text: impl Into<String>) -> SearchQuery {
        SearchQuery {
            shop: shop.into(),
            text: text.into(),
            exact: false,
            filters: Filters::default(),
            limit_conversations: 20,
            hits_per_conversation: 5,
            order: HitOrder::default(),
        }
    }

    /// Checks every rule of a question.
    pub fn check(&self) -> Result<(), FieldError> {
        if self.shop.is_empty() {
            return Err(FieldError::new("shop", "", "not be empty"));
        }
        self.check_text()?;
        for (field, limit) in
            [("limit", self.limit_conversations), ("hits", self.hits_per_conversation)]
        {
            if !(1..=SHOWN_MAX).contains(&limit) {
                return Err(FieldError::new(
                    field,
                    limit,
                    format!("lie between 1 and {SHOWN_MAX}"),
                ));
            }
        }
        let hits = self.limit_conversations * self.hits_per_conversation;
        if hits > HITS_MAX {
            let rule = format!(
                "make at most {HITS_MAX} hits with the {} conversations asked for",
                self.limit_conversations
            );
            return Err(FieldError::new("hits", self.hits_per_conversation, rule));
        }
        match (self.filters.from, self.filters.to) {
            (Some(from), Some(to)) if from >= to => {
                Err(FieldError::new("to", to, format!("be later than from `{from}`")))
            }
            _ => Ok(()),
        }
    }

    /// The API, and so its errors, call the text `words`.
    fn check_text(&self) -> Result<(), FieldError> {
        let chars = self.text.chars().count();
        if chars > TEXT_CHARS_MAX {
            return Err(FieldError::new(
                "words",
                &self.text,
                format!("be at most {TEXT_CHARS_MAX} characters"),
            ));
        }
        if self.text.is_empty() {
            if self.filters == Filters::default() {
                return Err(FieldError::new("words", "", "not be empty without a filter"));
            }
            return Ok(());
        }
        // Whitespace counts inside a text but finds nothing of use alone; what folds to nothing
        // would match anything.
        if fold(&self.text).trim().is_empty() {
            let shown = self.text.escape_debug();
            return Err(FieldError::new("words", shown, "contain something visible"));
        }
        Ok(())
    }

    /// Whether `record` is a message these filters choose, whatever its text and its conversation.
    pub(super) fn chooses(&self, record: &Record) -> bool {
        record.shop == self.shop
            && self.filters.role.is_none_or(|role| record.event.sender.role == role)
            && self.filters.kind.is_none_or(|kind| record.event.kind == kind)
            && self.contains_time(record.occurred_at())
    }

    pub(super) fn contains_time(&self, time: Micros) -> bool {
        self.filters.from.is_none_or(|from| from <= time)
            && self.filters.to.is_none_or(|to| time < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_questions_are_refused_by_field_and_rule() {
        let ok = SearchQuery::new("s", "x");
        assert_eq!(ok.check(), Ok(()));
        let check = |query: SearchQuery, field: &str, rule: &str| {
            let error = query.check().expect_err(rule);
            assert_eq!(error.field, field);
            assert!(error.rule.contains(rule), "{error}");
        };
        let with_text = |text: &str| SearchQuery { text: text.to_string(), ..ok.clone() };
        check(with_text(""), "words", "without a filter");
        check(with_text(" \u{200b}\t"), "words", "visible");
        check(with_text(&"x".repeat(1_025)), "words", "1024");
        check(SearchQuery { shop: String::new(), ..ok.clone() }, "shop", "empty");
        check(SearchQuery { limit_conversations: 0, ..ok.clone() }, "limit", "between 1");
        check(
            SearchQuery { limit_conversations: 1_000, hits_per_conversation: 11, ..ok.clone() },
            "hits",
            "10000",
        );
        let filters = Filters { from: Some(Micros(5)), to: Some(Micros(5)), ..Filters::default() };
        check(SearchQuery { filters, ..ok.clone() }, "to", "later");
        let filters = Filters { order: Some("A1".into()), ..Filters::default() };
        assert_eq!(SearchQuery { filters, ..with_text("") }.check(), Ok(()));
    }
}
