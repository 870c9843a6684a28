//! Which conversations a condition chooses: those in which some record, of whatever kind but what is about
//! their keeping, has the order, customer, agent or category asked for; and which messages were edited or retracted. Index
//! and tail count together, since an order named at the start of a conversation may be in the index
//! and the message in the tail.

use std::collections::{HashMap, HashSet};

use tantivy::Term;

use super::cursor::Place;
use super::fate::{Change, versions_changed};
use super::language::Name;
use super::view::View;
use super::{SearchError, known};
use crate::index::columns::documents_with;
use crate::index::fold;
use crate::index::known_as::{Known, KnownKind, terms_of};
use crate::index::schema::schema;
use crate::index::term_cache::TERM_END;
use crate::model::{Kind, Record};

/// Most conversations one condition may choose: each is looked up in each segment. More is an error,
/// never a silent cut.
pub(super) const CONVERSATIONS_MAX: usize = 65_536;
/// Most edits and retractions that are looked through for `is:edited` and `is:retracted`: × about
/// 200 bytes = 50 MiB.
const CHANGES_MAX: usize = 262_144;

/// The conversations that have this order, customer or agent. Spaces around the name do not count, unless
/// they are part of it.
pub(super) fn known_conversations(
    view: &View<'_>,
    kind: KnownKind,
    name: &Name,
) -> Result<HashSet<String>, SearchError> {
    let trimmed = Name { text: name.text.trim().to_string(), is_start: name.is_start };
    let found = conversations_called(view, kind, name)?;
    if found.is_empty() && trimmed != *name {
        return conversations_called(view, kind, &trimmed);
    }
    Ok(found)
}

fn conversations_called(
    view: &View<'_>,
    kind: KnownKind,
    name: &Name,
) -> Result<HashSet<String>, SearchError> {
    let folded = fold(&name.text);
    let is_meant = |known: &Known<'_>| {
        let is_called = |by: &str| by == folded || (name.is_start && by.starts_with(&folded));
        known.kind == kind && (is_called(known.folded_id) || is_called(known.folded_name))
    };
    let piece = match kind {
        // An order has no name beside its number: a whole one is looked up.
        KnownKind::Order if !name.is_start => format!("{TERM_END}{}", kind.id(&folded)),
        _ => folded.clone(),
    };
    let mut found = of_tail(view, |record| {
        terms_of(record).any(|term| Known::of_term(&term).is_some_and(|known| is_meant(&known)))
    });
    for segment in &view.segments {
        let mut documents = segment.none();
        known::each_known(view, segment, &piece, &mut |known, term| {
            if is_meant(known) {
                segment.add_known(&mut documents, term)?;
            }
            Ok(())
        })
        .map_err(|error| view.error(error))?;
        segment.keep_chats(&mut documents, view.before).map_err(|error| view.error(error))?;
        segment
            .each_name(&documents, |name| {
                found.insert(name.to_string());
            })
            .map_err(|error| view.error(error))?;
    }
    bounded(found, kind.as_str(), &name.text)
}

/// The conversations tagged with `category`; spaces as above.
pub(super) fn tagged_conversations(
    view: &View<'_>,
    category: &str,
) -> Result<HashSet<String>, SearchError> {
    let found = conversations_tagged(view, category)?;
    if found.is_empty() && category.trim() != category {
        return conversations_tagged(view, category.trim());
    }
    Ok(found)
}

/// Whether there is a conversation of this name; spaces as above.
pub(super) fn is_conversation(view: &View<'_>, name: &str) -> Result<bool, SearchError> {
    let is_meant = |called: &str| called == name || called == name.trim();
    if view.tail().any(|record| is_meant(&record.event.conversation)) {
        return Ok(true);
    }
    for segment in &view.segments {
        let of_segment = || {
            let mut documents = segment.none();
            segment.add_conversation(&mut documents, name)?;
            segment.add_conversation(&mut documents, name.trim())?;
            documents.intersect_with(&*segment.of_shop(view.shop)?);
            segment.keep_below(&mut documents, view.before);
            Ok(!documents.is_empty())
        };
        if of_segment().map_err(|error| view.error(error))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn conversations_tagged(view: &View<'_>, category: &str) -> Result<HashSet<String>, SearchError> {
    let mut found = of_tail(view, |record| record.event.category.as_deref() == Some(category));
    let term = Term::from_field_text(schema().category, category);
    for segment in &view.segments {
        let mut names = || {
            let mut documents = documents_with(segment.reader(), &term)?;
            documents.intersect_with(&*segment.of_shop(view.shop)?);
            segment.keep_below(&mut documents, view.before);
            segment.each_name(&documents, |name| {
                found.insert(name.to_string());
            })
        };
        names().map_err(|error| view.error(error))?;
    }
    bounded(found, "category", category)
}

fn of_tail(view: &View<'_>, is_meant: impl Fn(&Record) -> bool) -> HashSet<String> {
    view.tail_of_chats()
        .filter(|record| is_meant(record))
        .map(|record| record.event.conversation.clone())
        .collect()
}

fn bounded(
    found: HashSet<String>,
    filter: &'static str,
    value: &str,
) -> Result<HashSet<String>, SearchError> {
    if found.len() > CONVERSATIONS_MAX {
        let value = value.to_string();
        return Err(SearchError::TooWide { filter, value, max: CONVERSATIONS_MAX });
    }
    Ok(found)
}

/// The messages of the shop that were changed in this way, every version of each, by conversation.
pub(super) fn changed_messages(
    view: &View<'_>,
    way: Kind,
) -> Result<HashMap<String, HashSet<String>>, SearchError> {
    let mut by_conversation: HashMap<String, Vec<(Place, Change)>> = HashMap::new();
    let mut count = 0;
    let mut take = |conversation: String, place: Place, change: Change| {
        by_conversation.entry(conversation).or_default().push((place, change));
        count += 1;
        count <= CHANGES_MAX
    };
    let too_wide = |max| {
        let value = if way == Kind::Edit { "edited" } else { "retracted" };
        SearchError::TooWide { filter: "is", value: value.to_string(), max }
    };
    let is_whole = view.each_change(None, &mut take).map_err(|error| view.error(error))?;
    if !is_whole {
        return Err(too_wide(CHANGES_MAX));
    }
    let mut changed = HashMap::new();
    for (conversation, mut changes) in by_conversation {
        changes.sort_unstable_by_key(|(place, _)| place.1);
        let ids = versions_changed(changes.iter().map(|(_, change)| change), way);
        if !ids.is_empty() {
            changed.insert(conversation, ids);
        }
    }
    if changed.len() > CONVERSATIONS_MAX {
        return Err(too_wide(CONVERSATIONS_MAX));
    }
    Ok(changed)
}
