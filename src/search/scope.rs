//! Which conversations a question is about: those in which some record, of whatever kind, has the
//! order, customer, agent or category asked for. Index and tail count together, since an order
//! named at the start of a conversation may be in the index and the message in the tail.

use std::collections::{BTreeSet, HashSet};

use tantivy::query::{BooleanQuery, EnableScoring, Query, TermQuery, TermSetQuery};
use tantivy::schema::{Field, IndexRecordOption, Term};
use tantivy::{DocSet, TERMINATED};

use super::{SearchError, SearchQuery};
use crate::index::IndexSnapshot;
use crate::index::schema::schema;
use crate::model::{Record, Role};

/// Most conversations one filter may choose: each becomes a term of the query, × about 100 bytes =
/// 6 MiB. More is an error, never a silent cut.
pub(super) const CONVERSATIONS_MAX: usize = 65_536;

/// A filter that chooses conversations.
struct Filter<'a> {
    name: &'static str,
    value: &'a str,
    field: Field,
    is_on: IsOn,
}

/// Whether a record has the value.
type IsOn = fn(&Record, &str) -> bool;

/// The conversations that `query` is about; `None` when its filters choose none, so that all are.
pub(super) fn conversations(
    snapshot: &IndexSnapshot,
    query: &SearchQuery,
) -> Result<Option<BTreeSet<String>>, SearchError> {
    let mut scope =
        query.filters.conversation.clone().map(|conversation| BTreeSet::from([conversation]));
    for filter in filters_of(query) {
        let in_scope = |record: &Record| {
            scope
                .as_ref()
                .is_none_or(|scope: &BTreeSet<String>| scope.contains(&record.event.conversation))
        };
        let of_tail = snapshot
            .tail()
            .filter(|record| {
                record.shop == query.shop
                    && (filter.is_on)(record, filter.value)
                    && in_scope(record)
            })
            .map(|record| record.event.conversation.clone());
        let mut found: BTreeSet<String> = of_tail.collect();
        found.extend(of_index(snapshot, query, &filter, scope.as_ref())?);
        if found.len() > CONVERSATIONS_MAX {
            return Err(too_wide(&filter));
        }
        scope = Some(found);
    }
    Ok(scope)
}

/// The filters that are given, narrowest first: each is looked for only within those before it.
fn filters_of(query: &SearchQuery) -> Vec<Filter<'_>> {
    let fields = schema();
    let given = &query.filters;
    let all: [(&'static str, &Option<String>, Field, IsOn); 4] = [
        ("order", &given.order, fields.order, |record, value| {
            record.event.order.as_deref() == Some(value)
        }),
        ("customer", &given.customer, fields.customer, |record, value| {
            is_sender(record, Role::Customer, value)
                || record.event.customer.as_deref() == Some(value)
        }),
        ("agent", &given.agent, fields.agent, |record, value| {
            is_sender(record, Role::Human, value) || record.event.assignee.as_deref() == Some(value)
        }),
        ("category", &given.category, fields.category, |record, value| {
            record.event.category.as_deref() == Some(value)
        }),
    ];
    all.into_iter()
        .filter_map(|(name, value, field, is_on)| {
            Some(Filter { name, value: value.as_deref()?, field, is_on })
        })
        .collect()
}

fn is_sender(record: &Record, role: Role, id: &str) -> bool {
    record.event.sender.role == role && record.event.sender.id == id
}

fn of_index(
    snapshot: &IndexSnapshot,
    query: &SearchQuery,
    filter: &Filter<'_>,
    scope: Option<&BTreeSet<String>>,
) -> Result<BTreeSet<String>, SearchError> {
    let mut clauses =
        vec![term_query(schema().shop, &query.shop), term_query(filter.field, filter.value)];
    clauses.extend(scope.map(scope_query));
    let of = |source| SearchError::Index(snapshot.error(source));
    let searcher = snapshot.searcher();
    let weight = BooleanQuery::intersection(clauses)
        .weight(EnableScoring::disabled_from_searcher(searcher))
        .map_err(of)?;
    let mut found = BTreeSet::new();
    for reader in searcher.segment_readers() {
        let Some(column) = reader.fast_fields().str("conversation").map_err(of)? else { continue };
        let mut numbers = HashSet::new();
        let mut documents = weight.scorer(reader, 1.0).map_err(of)?;
        while documents.doc() != TERMINATED {
            numbers.extend(column.ords().first(documents.doc()));
            if numbers.len() > CONVERSATIONS_MAX {
                return Err(too_wide(filter));
            }
            documents.advance();
        }
        for number in numbers {
            let mut conversation = String::new();
            column.ord_to_str(number, &mut conversation).map_err(|error| of(error.into()))?;
            found.insert(conversation);
        }
    }
    Ok(found)
}

fn too_wide(filter: &Filter<'_>) -> SearchError {
    SearchError::TooWide {
        filter: filter.name,
        value: filter.value.to_string(),
        max: CONVERSATIONS_MAX,
    }
}

/// Documents with `value` in `field`.
pub(super) fn term_query(field: Field, value: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, value), IndexRecordOption::Basic))
}

/// Documents of these conversations.
pub(super) fn scope_query(scope: &BTreeSet<String>) -> Box<dyn Query> {
    let field = schema().conversation;
    Box::new(TermSetQuery::new(
        scope.iter().map(|conversation| Term::from_field_text(field, conversation)),
    ))
}
