//! Orders, customers and agents that are called what was typed: by id or name, in whole or in part.

use std::collections::{BTreeMap, HashSet};

use tantivy::{DocId, Result};

use super::answer::Match;
use super::language::Words;
use super::segment::Segment;
use super::view::View;
use crate::index::characters::{Class, character};
use crate::index::columns::Located;
use crate::index::documents::Documents;
use crate::index::fold;
use crate::index::known_as::{Known, KnownKind, UNIT_SEPARATOR, terms_of};
use crate::index::term_cache::{TERM_END, Vocabulary};
use crate::model::{Micros, Record};

/// Most matches shown: more is a word, and no name.
const SHOWN_MAX: usize = 10;
/// Most matches that are told apart; what goes beyond is not counted. × about 300 bytes = 300 KiB.
const FOUND_MAX: usize = 1_000;
/// Most records of one match that are looked at for its conversations: × 15 ns = 3 ms.
const RECORDS_MAX: u64 = 200_000;
/// Shortest part of an id or a name that is looked for inside one: shorter ones begin it.
const INSIDE_CHARS_MIN: usize = 3;
/// The same of a script without spaces.
const INSIDE_UNSPACED_MIN: usize = 2;

/// How near what was typed is to what something is called: nearer is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    Whole,
    Start,
    Inside,
}

/// A match that is being gathered.
struct Found {
    nearness: Nearness,
    name: String,
    /// Of each segment that has it, the terms.
    terms: Vec<(usize, Located)>,
}

type AllFound = BTreeMap<(KnownKind, String), Found>;

/// What is called like one of the words sought, or like all of them; and how many more there are.
pub(super) fn matches(view: &View<'_>, sought: &[&Words]) -> Result<(Vec<Match>, u64)> {
    let mut found = AllFound::new();
    for typed in typed_names(sought) {
        for (number, segment) in view.segments.iter().enumerate() {
            each_called_like(view, segment, &typed, &mut |known, term| {
                let Some(nearness) = nearness(known, &typed) else { return Ok(()) };
                let of_segment = (number, term.clone());
                if has_room(&found, known)
                    && segment.is_in_chat(term)?
                    && let Some(found) = take(&mut found, known, nearness)
                    && !found.terms.contains(&of_segment)
                {
                    found.terms.push(of_segment);
                }
                Ok(())
            })?;
        }
        for record in view.tail_of_chats() {
            for term in terms_of(record) {
                let known = Known::of_term(&term);
                if let Some((known, near)) =
                    known.and_then(|known| Some((known.clone(), nearness(&known, &typed)?)))
                {
                    take(&mut found, &known, near);
                }
            }
        }
    }
    let mut ranked: Vec<((KnownKind, String), Found)> = found.into_iter().collect();
    ranked.sort_by_key(|((kind, _), found)| (found.nearness, *kind));
    let more = ranked.len().saturating_sub(SHOWN_MAX) as u64;
    ranked.truncate(SHOWN_MAX);
    let matches = ranked.into_iter().map(|((kind, id), found)| count(view, kind, id, found));
    Ok((matches.collect::<Result<_>>()?, more))
}

/// Each word and phrase, and all of them as one, folded; what is too short to be a name is left out.
fn typed_names(sought: &[&Words]) -> Vec<String> {
    let mut typed: Vec<String> = sought.iter().map(|words| fold(words.text.trim())).collect();
    if sought.len() > 1 {
        let whole: Vec<&str> = sought.iter().map(|words| words.text.trim()).collect();
        typed.push(fold(&whole.join(" ")));
    }
    typed.retain(|name| is_long(name, 2, 1));
    typed.sort_unstable();
    typed.dedup();
    typed
}

/// Whether a folded text has so many characters, or so many of a script without spaces.
fn is_long(folded: &str, chars_min: usize, unspaced_min: usize) -> bool {
    let is_unspaced = |char: char| character(char).class == Class::Unspaced;
    let starts_unspaced = folded.chars().next().is_some_and(is_unspaced);
    folded.chars().count() >= if starts_unspaced { unspaced_min } else { chars_min }
}

fn nearness(known: &Known<'_>, typed: &str) -> Option<Nearness> {
    let of = |called: &str| match called.find(typed)? {
        0 if called.len() == typed.len() => Some(Nearness::Whole),
        0 => Some(Nearness::Start),
        _ => may_be_inside(typed).then_some(Nearness::Inside),
    };
    of(known.folded_id).into_iter().chain(of(known.folded_name)).min()
}

/// Whether a name is called like what was typed if that is anywhere inside.
fn may_be_inside(typed: &str) -> bool {
    is_long(typed, INSIDE_CHARS_MIN, INSIDE_UNSPACED_MIN)
}

/// Whether one more may be told apart, if it is not among them.
fn has_room(found: &AllFound, known: &Known<'_>) -> bool {
    found.len() < FOUND_MAX || found.contains_key(&(known.kind, known.id.to_string()))
}

fn take<'a>(
    found: &'a mut AllFound,
    known: &Known<'_>,
    nearness: Nearness,
) -> Option<&'a mut Found> {
    if !has_room(found, known) {
        return None;
    }
    let key = (known.kind, known.id.to_string());
    let found =
        found.entry(key).or_insert(Found { nearness, name: String::new(), terms: Vec::new() });
    found.nearness = found.nearness.min(nearness);
    if found.name.is_empty() {
        found.name = known.name.to_string();
    }
    Some(found)
}

/// How many conversations it is in, and when it was in one last.
fn count(view: &View<'_>, kind: KnownKind, id: String, found: Found) -> Result<Match> {
    let (mut conversations, mut newest) = (HashSet::new(), Micros(i64::MIN));
    let (mut rest, mut is_more) = (RECORDS_MAX, false);
    for (number, segment) in view.segments.iter().enumerate() {
        let mut terms = found.terms.iter().filter(|(of, _)| *of == number).peekable();
        if terms.peek().is_none() {
            continue;
        }
        let mut documents = segment.none();
        for (_, term) in terms {
            segment.add_known(&mut documents, term)?;
        }
        segment.keep_chats(&mut documents, view.before)?;
        let counted = first_of(segment, documents, &mut rest, &mut is_more);
        newest = counted.iter().map(|document| segment.place(document).0).fold(newest, Ord::max);
        segment.each_name(&counted, |name| {
            conversations.insert(name.to_string());
        })?;
    }
    let is_its = |record: &&Record| {
        terms_of(record).any(|term| {
            Known::of_term(&term).is_some_and(|known| known.kind == kind && known.id == id)
        })
    };
    for record in view.tail_of_chats().filter(is_its) {
        newest = newest.max(record.occurred_at());
        conversations.insert(record.event.conversation.clone());
    }
    let name = Some(found.name).filter(|name| !name.is_empty());
    Ok(Match { kind, id, name, conversations: conversations.len() as u64, is_more, newest })
}

/// The last of `documents`, as many as there is room for.
fn first_of(
    segment: &Segment<'_>,
    documents: Documents,
    rest: &mut u64,
    is_more: &mut bool,
) -> Documents {
    let count = documents.count();
    let beyond = count.saturating_sub(*rest);
    *rest = rest.saturating_sub(count);
    if beyond == 0 {
        return documents;
    }
    *is_more = true;
    let mut last = segment.none();
    let skipped = usize::try_from(beyond).unwrap_or(usize::MAX);
    documents.iter().skip(skipped).for_each(|document: DocId| last.insert(document));
    last
}

/// Hands whatever may be called like what was typed to `take`, some twice.
fn each_called_like(
    view: &View<'_>,
    segment: &Segment<'_>,
    typed: &str,
    take: &mut dyn FnMut(&Known<'_>, &Located) -> Result<()>,
) -> Result<()> {
    if may_be_inside(typed) {
        return each_known(view, segment, typed, take);
    }
    for kind in [KnownKind::Order, KnownKind::Customer, KnownKind::Agent] {
        let from = format!("{TERM_END}{}", kind.ids_from(typed));
        each_known(view, segment, &from, take)?;
    }
    // A name begins where the part of a term does that it is.
    each_known(view, segment, &format!("{UNIT_SEPARATOR}{typed}"), take)
}

/// Hands each order, customer and agent of the view's shop that a segment knows, and whose term contains `piece`
/// after the shop, to `take`, with the term. [`TERM_END`] stands for where that begins, or ends.
pub(super) fn each_known(
    view: &View<'_>,
    segment: &Segment<'_>,
    piece: &str,
    take: &mut dyn FnMut(&Known<'_>, &Located) -> Result<()>,
) -> Result<()> {
    let vocabulary = Vocabulary::KnownAs { shop: view.shop.to_string() };
    let mut take = |rest: &str, term: &Located| match Known::of_rest(rest) {
        Some(known) => take(&known, term),
        None => Ok(()),
    };
    view.snapshot.terms().each_term(segment.reader(), &vocabulary, piece, &mut take)
}
