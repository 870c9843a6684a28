//! What is asked: words and filters, with the rules they must keep.

use chrono_tz::Tz;

use super::language::{Condition, LanguageError, Name, Node, Words, parse};
use super::said::shown_time;
use super::verify::Needle;
use super::{Cursor, Mode};
use crate::index::fold;
use crate::model::{FieldError, Kind, Micros, Role};

/// Most conversations, and most hits of each, on one page of an answer.
const SHOWN_MAX: usize = 1_000;
/// Most hits on one page: × about 1 KiB (at worst 32 KiB) of text = 10 MiB (320 MiB).
const HITS_MAX: usize = 10_000;
/// What is shown where nothing else is asked for.
const CONVERSATIONS_USUAL: usize = 20;
const HITS_USUAL: usize = 20;

/// Which conversations come first: those with the newest hit, or those with the oldest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HitOrder {
    #[default]
    Newest,
    Oldest,
}

/// Filters given beside the words, all of which hold. Each is what the field of its name is in the
/// query language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    pub conversation: Option<String>,
    pub order: Option<Name>,
    pub customer: Option<Name>,
    pub agent: Option<Name>,
    pub category: Option<String>,
    pub role: Option<Role>,
    pub kind: Option<Kind>,
    pub from: Option<Micros>,
    pub to: Option<Micros>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    pub shop: String,
    /// In which days begin.
    pub zone: Tz,
    /// As typed.
    pub words: String,
    /// What the words say. May be nothing when a filter is given: then every message within the
    /// filters is a hit.
    pub root: Option<Node>,
    pub mode: Mode,
    pub filters: Filters,
    pub limit_conversations: usize,
    pub hits_per_conversation: usize,
    pub order: HitOrder,
    /// Where an earlier page ended.
    pub after: Option<Cursor>,
}

impl SearchQuery {
    /// A folded search for `phrase`, as it is, over all of `shop`, with the usual limits.
    pub fn new(shop: impl Into<String>, phrase: impl Into<String>) -> SearchQuery {
        let words: String = phrase.into();
        let at = 0..words.len();
        let phrase = Words { text: words.clone(), is_phrase: true, at };
        SearchQuery {
            shop: shop.into(),
            zone: Tz::UTC,
            root: (!words.is_empty()).then_some(Node::Words(phrase)),
            words,
            mode: Mode::default(),
            filters: Filters::default(),
            limit_conversations: CONVERSATIONS_USUAL,
            hits_per_conversation: HITS_USUAL,
            order: HitOrder::default(),
            after: None,
        }
    }

    /// The same for `words` in the query language; dates are of `zone`.
    pub fn read(
        shop: impl Into<String>,
        words: impl Into<String>,
        zone: Tz,
        now: Micros,
    ) -> Result<SearchQuery, LanguageError> {
        let words: String = words.into();
        let root = parse(&words, zone, now)?;
        Ok(SearchQuery { zone, words, root, ..SearchQuery::new(shop, "") })
    }

    /// Words and filters as one tree; none where nothing is asked.
    pub(super) fn whole(&self) -> Option<Node> {
        let filters = self.filters.conditions().into_iter().map(Node::Field);
        Node::all(self.root.iter().cloned().chain(filters).collect())
    }

    /// Checks every rule of a question.
    pub fn check(&self) -> Result<(), FieldError> {
        if self.shop.is_empty() {
            return Err(FieldError::new("shop", "", "not be empty"));
        }
        if self.root.is_none() && self.filters == Filters::default() {
            return Err(FieldError::new("words", "", "not be empty without a filter"));
        }
        if let Some(root) = &self.root {
            self.check_words(root)?;
        }
        for (field, limit) in
            [("limit", self.limit_conversations), ("hits", self.hits_per_conversation)]
        {
            if !(1..=SHOWN_MAX).contains(&limit) {
                let rule = format!("lie between 1 and {SHOWN_MAX}");
                return Err(FieldError::new(field, limit, rule));
            }
        }
        let hits = self.limit_conversations * self.hits_per_conversation;
        if hits > HITS_MAX {
            let rule = format!(
                "make at most {HITS_MAX} hits with the {} conversations asked for; page on for more",
                self.limit_conversations
            );
            return Err(FieldError::new("hits", self.hits_per_conversation, rule));
        }
        self.filters.check()
    }

    /// What is nothing would be in every text: a phrase that was not read from the query language,
    /// and an accent where accents do not count.
    pub(super) fn check_words(&self, node: &Node) -> Result<(), FieldError> {
        let refused = |words: &Words, rule: &str| {
            Err(FieldError::new("words", words.text.escape_debug(), rule))
        };
        match node {
            Node::Words(words) if fold(&words.text).trim().is_empty() => {
                refused(words, "contain something visible")
            }
            Node::Words(words) if Needle::of(&words.text, self.mode).is_empty() => {
                refused(words, "contain more than accents, which do not count in this mode")
            }
            Node::Words(_) | Node::Field(_) => Ok(()),
            Node::All(nodes) | Node::Any(nodes) => {
                nodes.iter().try_for_each(|node| self.check_words(node))
            }
            Node::Not(node) => self.check_words(node),
        }
    }
}

impl Filters {
    fn check(&self) -> Result<(), FieldError> {
        let names = [("order", &self.order), ("customer", &self.customer), ("agent", &self.agent)];
        for (field, name) in names {
            if let Some(name) = name
                && fold(&name.text).trim().is_empty()
            {
                let shown = name.text.escape_debug();
                return Err(FieldError::new(field, shown, "contain something visible"));
            }
        }
        match (self.from, self.to) {
            (Some(from), Some(to)) if from >= to => {
                Err(FieldError::new("to", to, format!("be later than from `{from}`")))
            }
            _ => Ok(()),
        }
    }

    /// Each filter in words.
    pub(super) fn shown(&self, zone: Tz) -> Vec<String> {
        let Filters { conversation, order, customer, agent, category, role, kind, from, to } = self;
        let name = |name: &Option<Name>| name.as_ref().map(Name::to_string);
        let time = |at: &Option<Micros>| at.map(|at| shown_time(at, zone));
        [
            ("order", name(order)),
            ("conversation", conversation.as_deref().map(|name| name.trim().to_string())),
            ("customer", name(customer)),
            ("agent", name(agent)),
            ("category", category.as_deref().map(|category| category.trim().to_string())),
            ("said by", role.map(|role| role.as_str().to_string())),
            ("kind", kind.map(|kind| kind.as_str().to_string())),
            ("from", time(from)),
            ("before", time(to)),
        ]
        .into_iter()
        .filter_map(|(label, value)| Some(format!("{label} {}", value?)))
        .collect()
    }

    fn conditions(&self) -> Vec<Condition> {
        let Filters { conversation, order, customer, agent, category, role, kind, from, to } =
            self.clone();
        [
            conversation.map(Condition::Conversation),
            order.map(Condition::Order),
            customer.map(Condition::Customer),
            agent.map(Condition::Agent),
            category.map(Condition::Category),
            role.map(Condition::Role),
            kind.map(Condition::Kind),
            from.map(Condition::From),
            to.map(Condition::To),
        ]
        .into_iter()
        .flatten()
        .collect()
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
        check(SearchQuery::new("s", ""), "words", "without a filter");
        check(SearchQuery::new("s", " \u{200b}\t"), "words", "visible");
        check(SearchQuery { shop: String::new(), ..ok.clone() }, "shop", "empty");
        check(SearchQuery { limit_conversations: 0, ..ok.clone() }, "limit", "between 1");
        check(
            SearchQuery { limit_conversations: 1_000, hits_per_conversation: 11, ..ok.clone() },
            "hits",
            "10000",
        );
        let filters = Filters { from: Some(Micros(5)), to: Some(Micros(5)), ..Filters::default() };
        check(SearchQuery { filters, ..ok.clone() }, "to", "later");
        let filters = Filters { order: Some(Name::whole("\u{200b}")), ..Filters::default() };
        check(SearchQuery { filters, ..ok.clone() }, "order", "visible");
        let filters = Filters { order: Some(Name::whole("A1")), ..Filters::default() };
        assert_eq!(SearchQuery { filters, ..SearchQuery::new("s", "") }.check(), Ok(()));
    }
}
