//! What a scan says: the definition of a result, written for itself. Of the code it judges it shares
//! none; what Unicode says of characters it asks the same library, for whole texts at once.

use std::cell::RefCell;
use std::collections::HashMap;

use icu_casemap::CaseMapper;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

use super::super::Mode;
use crate::model::{Event, Kind, Micros, Record, Role, Visibility};

/// A question in its own terms.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Words(String),
    /// A word outside quotes that may be the number of an order.
    Number(String),
    Order(String),
    Customer(String),
    Agent(String),
    /// The beginning of an order number.
    OrderStart(String),
    Category(String),
    Conversation(String),
    Role(Role),
    Kind(Kind),
    From(Micros),
    To(Micros),
    HasAttachment,
    IsEdited,
    IsRetracted,
    IsPrivate,
    All(Vec<Asked>),
    Any(Vec<Asked>),
    Not(Box<Asked>),
}

/// Traditional and simplified forms among the characters of random texts.
const FORMS: &[(char, char)] =
    &[('記', '记'), ('錄', '录'), ('發', '发'), ('髮', '发'), ('臺', '台')];

/// The records that are hits, in the order of `records`, all of one shop.
pub(super) fn hits<'a>(records: &[&'a Record], asked: &Asked, mode: Mode) -> Vec<&'a Record> {
    let says =
        |record: &&&Record| record.event.text.is_some() || !record.event.attachments.is_empty();
    let is_searched = |record: &&&Record| {
        let kind = record.event.kind;
        !is_about_keeping(kind) || names(asked, kind)
    };
    let is_hit = |record: &&&Record| holds(records, record, asked, mode);
    records.iter().filter(says).filter(is_searched).filter(is_hit).copied().collect()
}

fn is_about_keeping(kind: Kind) -> bool {
    matches!(kind, Kind::Hold | Kind::Release | Kind::Erase)
}

/// Whether a kind is asked for by its name, and not taken away.
fn names(asked: &Asked, kind: Kind) -> bool {
    match asked {
        Asked::Kind(named) => *named == kind,
        Asked::All(parts) | Asked::Any(parts) => parts.iter().any(|part| names(part, kind)),
        _ => false,
    }
}

fn holds(records: &[&Record], record: &Record, asked: &Asked, mode: Mode) -> bool {
    let event = &record.event;
    let in_conversation = |is_meant: &dyn Fn(&Event) -> bool| {
        records.iter().map(|other| &other.event).any(|other| {
            other.conversation == event.conversation
                && !is_about_keeping(other.kind)
                && is_meant(other)
        })
    };
    let is_person = |other: &Event, role: Role, name: &str| {
        other.sender.role == role
            && (folded(&other.sender.id) == folded(name)
                || other.sender.name.as_ref().is_some_and(|called| folded(called) == folded(name)))
    };
    let is_id =
        |id: &Option<String>, name: &str| id.as_ref().is_some_and(|id| folded(id) == folded(name));
    match asked {
        Asked::Words(words) => event.text.as_ref().is_some_and(|text| contains(text, words, mode)),
        Asked::Number(number) => holds(records, record, &Asked::Words(number.clone()), mode),
        Asked::Order(order) => in_conversation(&|other| is_id(&other.order, order)),
        Asked::OrderStart(start) => in_conversation(&|other| {
            other.order.as_ref().is_some_and(|order| folded(order).starts_with(&folded(start)))
        }),
        Asked::Customer(name) => in_conversation(&|other| {
            is_person(other, Role::Customer, name) || is_id(&other.customer, name)
        }),
        Asked::Agent(name) => in_conversation(&|other| {
            is_person(other, Role::Human, name) || is_id(&other.assignee, name)
        }),
        Asked::Category(category) => {
            in_conversation(&|other| other.category.as_ref() == Some(category))
        }
        Asked::Conversation(name) => event.conversation == *name,
        Asked::Role(role) => event.sender.role == *role,
        Asked::Kind(kind) => event.kind == *kind,
        Asked::From(from) => record.occurred_at() >= *from,
        Asked::To(to) => record.occurred_at() < *to,
        Asked::HasAttachment => !event.attachments.is_empty(),
        Asked::IsEdited => is_changed(records, record, Kind::Edit),
        Asked::IsRetracted => is_changed(records, record, Kind::Retract),
        Asked::IsPrivate => event.visibility == Visibility::Private,
        Asked::All(all) => all.iter().all(|part| {
            let is_order = match part {
                Asked::Number(number) => in_conversation(&|other| is_id(&other.order, number)),
                _ => false,
            };
            is_order || holds(records, record, part, mode)
        }),
        Asked::Any(any) => any.iter().any(|part| holds(records, record, part, mode)),
        Asked::Not(part) => !holds(records, record, part, mode),
    }
}

/// Whether the message of which `record` is a version was edited, or retracted.
fn is_changed(records: &[&Record], record: &Record, way: Kind) -> bool {
    matches!(record.event.kind, Kind::Message | Kind::Edit)
        && changes(records, record).iter().any(|change| change.event.kind == way)
}

/// Every edit and retraction of the message of which `record` is a version.
pub(super) fn changes<'a>(records: &[&'a Record], record: &Record) -> Vec<&'a Record> {
    let conversation = &record.event.conversation;
    let message = message_of(records, conversation, &record.event.id);
    records
        .iter()
        .filter(|other| other.event.conversation == *conversation)
        .filter(|other| matches!(other.event.kind, Kind::Edit | Kind::Retract))
        .filter(|other| {
            let target = other.event.target.as_deref().unwrap_or_default();
            message_of(records, conversation, target) == message
        })
        .copied()
        .collect()
}

/// Follows edits back to what they edit.
fn message_of(records: &[&Record], conversation: &str, id: &str) -> String {
    let edit = records.iter().find(|other| {
        other.event.kind == Kind::Edit
            && other.event.conversation == conversation
            && other.event.id == id
    });
    match edit.and_then(|edit| edit.event.target.as_deref()) {
        Some(target) => message_of(records, conversation, target),
        None => id.to_string(),
    }
}

fn contains(text: &str, words: &str, mode: Mode) -> bool {
    match mode {
        Mode::Exact => text.contains(words),
        Mode::Folded => folded(text).contains(&folded(words)),
        Mode::Variants => {
            let (text, words) = (plain(text), plain(words));
            if !words.iter().any(|char| is_unspaced(*char)) {
                return is_inside(&text, &words);
            }
            is_inside(&without_pauses(&text), &bare(&without_pauses(&words)))
        }
    }
}

/// `toNFKC_Casefold`: each character folded, and all of them composed.
fn folded(text: &str) -> String {
    thread_local! {
        // The same texts are asked again and again.
        static KNOWN: RefCell<HashMap<String, String>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        let fold = || {
            let folded: String = text.chars().map(folded_char).collect();
            ComposingNormalizerBorrowed::new_nfc().normalize(&folded).into_owned()
        };
        known.entry(text.to_string()).or_insert_with(fold).clone()
    })
}

/// Case folded and compatibility forms replaced until nothing changes.
fn folded_char(char: char) -> String {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let mut text = char.to_string();
    loop {
        let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(&text).into_owned();
        let folded = CaseMapper::new().fold_string(&decomposed).into_owned();
        let visible: String = folded.chars().filter(|char| !ignorable.contains(*char)).collect();
        let composed = ComposingNormalizerBorrowed::new_nfc().normalize(&visible).into_owned();
        if composed == text {
            return text;
        }
        text = composed;
    }
}

/// Letters without accents, in simplified form.
fn plain(text: &str) -> Vec<char> {
    let folded = folded(text);
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(&folded);
    let is_mark = |char: &char| CanonicalCombiningClassMapBorrowed::new().get_u8(*char) != 0;
    let simplified = |char: char| {
        FORMS.iter().find(|(form, _)| *form == char).map_or(char, |(_, simple)| *simple)
    };
    decomposed.chars().filter(|char| !is_mark(char)).map(simplified).collect()
}

fn is_unspaced(char: char) -> bool {
    matches!(char, '\u{4e00}'..='\u{9fff}' | '\u{3040}'..='\u{30ff}' | '々' | '\u{e00}'..='\u{e7f}')
        && char != '・'
}

fn is_pause(char: char) -> bool {
    char.is_whitespace() || char.is_control() || "-_.!,;:?…。、，！“”「」()[]*\\\"'~".contains(char)
}

/// Without the pauses that stand between two characters of scripts without spaces.
fn without_pauses(text: &[char]) -> Vec<char> {
    let is_between = |place: usize| {
        let before = text[..place].iter().rev().find(|char| !is_pause(**char));
        let after = text[place..].iter().find(|char| !is_pause(**char));
        before.is_some_and(|char| is_unspaced(*char))
            && after.is_some_and(|char| is_unspaced(*char))
    };
    let kept = (0..text.len()).filter(|place| !(is_pause(text[*place]) && is_between(*place)));
    kept.map(|place| text[place]).collect()
}

/// Without the pauses at its ends, where a character of a script without spaces stands next to them.
fn bare(words: &[char]) -> Vec<char> {
    let first = words.iter().position(|char| !is_pause(*char)).unwrap_or_default();
    let last = words.iter().rposition(|char| !is_pause(*char)).unwrap_or_default();
    let from = if is_unspaced(words[first]) { first } else { 0 };
    let to = if is_unspaced(words[last]) { last + 1 } else { words.len() };
    words[from..to].to_vec()
}

fn is_inside(text: &[char], piece: &[char]) -> bool {
    piece.is_empty() || text.windows(piece.len()).any(|window| window == piece)
}
