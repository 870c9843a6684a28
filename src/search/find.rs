//! Which conversations an order, a customer or an agent is in: every one in which some record, with or without a text and
//! of whatever kind but those about its keeping, names them.
//!
//! Invariant: index and tail count as one, as of one offset; the newest come first, by the last record that names them.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::View;
use super::{SearchError, known};
use crate::index::fold;
use crate::index::known_as::{Known, KnownKind, terms_of};
use crate::index::term_cache::TERM_END;
use crate::model::{FieldError, Micros, Offset, Record};

/// Most conversations named in one answer: × about 100 bytes = 6 MiB. The oldest of more are left out, and that is said.
pub const CONVERSATIONS_MAX: usize = 65_536;

/// Most ids that differ in case and width alone: × 128 characters.
const IDS_MAX: usize = 64;

/// Whose conversations are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An order's number, on any record.
    Order,
    /// A sender with the role customer, or whom a conversation was opened with.
    Customer,
    /// A sender with the role human, or an assignee.
    Agent,
}

/// The conversations found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversations {
    /// Every record below this offset was looked at, and none at or above it.
    pub complete_to: Offset,
    /// The newest first.
    pub conversations: Vec<String>,
    /// There are older ones.
    pub is_cut: bool,
    /// Where nobody is called exactly as was asked: the ids that differ from it in case or width alone, whose
    /// conversations these are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<String>,
}

/// When and where a conversation last named whom it is looked for by.
type Last = (Micros, Offset);

impl Whose {
    /// The word by which it is asked for.
    pub fn as_str(self) -> &'static str {
        self.kind().as_str()
    }

    fn kind(self) -> KnownKind {
        match self {
            Whose::Order => KnownKind::Order,
            Whose::Customer => KnownKind::Customer,
            Whose::Agent => KnownKind::Agent,
        }
    }

    /// Whether `known` has one of these ids.
    fn is(self, known: &Known<'_>, ids: &BTreeSet<String>) -> bool {
        known.kind == self.kind() && ids.contains(known.id)
    }

    /// Whether `record` names one of `ids`.
    fn is_on(self, record: &Record, ids: &BTreeSet<String>) -> bool {
        let is_its = |term: String| Known::of_term(&term).is_some_and(|known| self.is(&known, ids));
        terms_of(record).any(is_its)
    }
}

/// The conversations of the view's shop that name `id`; where nobody is called exactly so, those that name whom case
/// and width alone tell from it. It blocks.
pub(super) fn find(view: &View<'_>, whose: Whose, id: &str) -> Result<Conversations, SearchError> {
    if id.trim().is_empty() {
        return Err(FieldError::new(whose.as_str(), id, "not be empty").into());
    }
    let ids = called(view, whose, id).map_err(|error| view.error(error))?;
    let written = if ids.contains(id) { Vec::new() } else { ids.iter().cloned().collect() };
    let mut found = of_index(view, whose, &ids).map_err(|error| view.error(error))?;
    for record in view.tail_of_chats().filter(|record| whose.is_on(record, &ids)) {
        found.add(record.event.conversation.clone(), (record.occurred_at(), record.offset));
    }
    let is_over = found.cut();
    let is_cut = found.is_cut || is_over;
    let mut newest: Vec<(Last, String)> =
        found.last.into_iter().map(|(name, last)| (last, name)).collect();
    newest.sort_unstable_by(|left, right| right.cmp(left));
    Ok(Conversations {
        complete_to: view.before,
        conversations: newest.into_iter().map(|(_, name)| name).collect(),
        is_cut,
        written,
    })
}

/// `id`, if somebody is called so, otherwise the ids that are the same when folded. Spaces around it do not count, unless
/// they are part of it.
fn called(view: &View<'_>, whose: Whose, id: &str) -> tantivy::Result<BTreeSet<String>> {
    let trimmed = Some(id.trim()).filter(|trimmed| *trimmed != id);
    for id in [id].into_iter().chain(trimmed) {
        let folded = fold(id);
        let of_id = format!("{TERM_END}{}", whose.kind().id(&folded));
        let mut ids = BTreeSet::new();
        let mut take = |known: &Known<'_>| {
            let is_called = known.kind == whose.kind() && known.folded_id == folded;
            if is_called && (ids.len() < IDS_MAX || known.id == id) {
                ids.insert(known.id.to_string());
            }
        };
        for segment in &view.segments {
            known::each_known(view, segment, &of_id, &mut |known, term| {
                if segment.is_in_chat(term)? {
                    take(known);
                }
                Ok(())
            })?;
        }
        for term in view.tail_of_chats().flat_map(terms_of) {
            Known::of_term(&term).iter().for_each(&mut take);
        }
        if ids.contains(id) {
            return Ok(BTreeSet::from([id.to_string()]));
        }
        if !ids.is_empty() {
            return Ok(ids);
        }
    }
    Ok(BTreeSet::new())
}

/// Conversations by name, with what they are sorted by.
#[derive(Default)]
struct Found {
    last: HashMap<String, Last>,
    is_cut: bool,
}

impl Found {
    fn add(&mut self, name: String, last: Last) {
        let known = self.last.entry(name).or_insert(last);
        *known = last.max(*known);
        if self.last.len() >= 2 * CONVERSATIONS_MAX {
            let is_over = self.cut();
            self.is_cut |= is_over;
        }
    }

    /// Forgets the oldest beyond the bound; whether there were any.
    fn cut(&mut self) -> bool {
        if self.last.len() <= CONVERSATIONS_MAX {
            return false;
        }
        let mut all: Vec<Last> = self.last.values().copied().collect();
        // No two have the same: an offset is part of it.
        let (_, oldest_kept, _) =
            all.select_nth_unstable_by(CONVERSATIONS_MAX - 1, |left, right| right.cmp(left));
        let oldest_kept = *oldest_kept;
        self.last.retain(|_, last| *last >= oldest_kept);
        true
    }
}

fn of_index(view: &View<'_>, whose: Whose, ids: &BTreeSet<String>) -> tantivy::Result<Found> {
    let mut found = Found::default();
    let Some(folded) = ids.first().map(|id| fold(id)) else { return Ok(found) };
    let of_id = format!("{TERM_END}{}", whose.kind().id(&folded));
    for segment in &view.segments {
        view.deadline.check()?;
        let mut documents = segment.none();
        known::each_known(view, segment, &of_id, &mut |known, term| {
            if whose.is(known, ids) {
                segment.add_known(&mut documents, term)?;
            }
            Ok(())
        })?;
        segment.keep_chats(&mut documents, view.before)?;
        // By number first: a name is read once.
        let mut last: HashMap<u64, (Last, u32)> = HashMap::new();
        for document in documents.iter() {
            let place = segment.place(document);
            let known = last.entry(segment.conversation_of(document)).or_insert((place, document));
            *known = (place, document).max(*known);
        }
        for (place, document) in last.into_values() {
            found.add(segment.name_of(document)?, place);
        }
    }
    Ok(found)
}
