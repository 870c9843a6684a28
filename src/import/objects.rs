//! JSON objects of a source, one after another, and what makes events of them.
//!
//! A format of objects is a [`Converter`]: this reads the files, unwraps pages, names places, and keeps what
//! was refused to be mended.

use std::collections::VecDeque;

use serde_json::Value;

use super::files::{Files, is_json_name};
use super::items::{Item, Items};
use super::json::Node;
use super::out::{Out, Piece, Reader, by_time};
use super::{InputError, Notes, Settings};
use crate::model::{Event, FieldError};

/// What is left where a folder or an archive has other files too.
pub(super) const UNREAD: &str = "files that are not read (none of .json, .jsonl, .ndjson)";
/// What is left where there are more events than can be sorted at once.
const CUT: &str = "cuts of an export that is too large to be sorted whole";
/// Events that are sorted at once: 400,000 of 600 bytes.
const SORTED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Makes events of JSON objects.
pub(super) trait Converter {
    /// Fields of an object that only wraps others, such as `tickets` of a page: each holds a list of
    /// them.
    fn wrappers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a file of this name, in a folder or an archive, holds objects.
    fn reads(&self, name: &str) -> bool {
        is_json_name(name)
    }

    /// Whether a file of this name was sent in a chat.
    fn has_sent(&self, _name: &str) -> bool {
        false
    }

    /// Whether a line means all that it says when it stands alone, so that it can be mended and read again.
    fn stands_alone(&self) -> bool {
        true
    }

    /// Whether objects come in another order than what they tell of, so that their events must be sorted.
    fn is_unordered(&self) -> bool {
        false
    }

    /// What must be known before the first object.
    fn begin(&mut self, _files: &Files, _settings: &Settings) -> Result<(), InputError> {
        Ok(())
    }

    /// Remembers what a wrapping object says about the others, users for example.
    fn learn(&mut self, _wrapper: &Node<'_>) -> Result<(), FieldError> {
        Ok(())
    }

    /// The events of one object, as far as it can be read.
    fn convert(
        &mut self,
        item: &Node<'_>,
        files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError>;
}

/// The objects of all files of a source, one after another.
pub(super) struct Objects {
    converter: Box<dyn Converter>,
    /// The files that are still to be read, and the one that is.
    names: VecDeque<String>,
    open: Option<(String, Items)>,
    /// Unwrapped, with the place of what they came in.
    waiting: VecDeque<(String, Value)>,
    /// Files that hold no objects.
    unread: u64,
    unsorted: Unsorted,
}

/// Events that are to be given in the order of their times, each with its place.
#[derive(Default)]
struct Unsorted {
    events: Vec<Placed>,
    bytes: usize,
    sorted: VecDeque<Placed>,
}

struct Placed {
    place: String,
    event: Event,
    /// Whether its id was made here.
    is_made: bool,
}

impl Unsorted {
    fn add(&mut self, place: &str, event: Event, is_made: bool) {
        self.bytes += event.bytes() + place.len();
        self.events.push(Placed { place: place.to_string(), event, is_made });
    }

    /// Sorts what is there.
    fn sort(&mut self) {
        self.bytes = 0;
        let events = std::mem::take(&mut self.events);
        self.sorted = by_time(events, |placed| &placed.event).collect();
    }

    fn next(&mut self) -> Option<Piece> {
        let Placed { place, event, is_made } = self.sorted.pop_front()?;
        let made_ids = is_made.then(|| event.id.clone()).into_iter().collect();
        Some(Piece { place, events: vec![Ok(event)], made_ids, ..Piece::default() })
    }
}

impl Objects {
    pub(super) fn of(files: &Files, converter: Box<dyn Converter>) -> Box<dyn Reader> {
        let names = files.names();
        let (mut names, others): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| files.is_one() || converter.reads(name));
        let unread = others.iter().filter(|name| !converter.has_sent(name)).count() as u64;
        // Who somebody is must be known before they speak.
        names.sort_by_key(|name| !name.to_lowercase().contains("users"));
        Box::new(Objects {
            converter,
            names: names.into(),
            open: None,
            waiting: VecDeque::new(),
            unread,
            unsorted: Unsorted::default(),
        })
    }

    /// The next object as it is written there, and its place.
    fn next_item(&mut self, files: &Files) -> Result<Option<(String, Item)>, InputError> {
        loop {
            if let Some((name, items)) = &mut self.open {
                if let Some(item) = items.next()? {
                    return Ok(Some((files.place(name, item.line), item)));
                }
                self.open = None;
            }
            let Some(name) = self.names.pop_front() else { return Ok(None) };
            let items = Items::new(files.reader(&name)?, files.path_of(&name))?;
            self.open = Some((name, items));
        }
    }

    /// The next object, unwrapped, or what stands in its place.
    fn next_value(&mut self, files: &Files) -> Result<Option<(String, Read)>, InputError> {
        loop {
            if let Some((place, value)) = self.waiting.pop_front() {
                return Ok(Some((place, Ok((value, None)))));
            }
            let Some((place, item)) = self.next_item(files)? else { return Ok(None) };
            let read = match serde_json::from_slice::<Value>(&item.json) {
                Ok(mut value) => match self.unwrapped(&place, &mut value) {
                    Ok(true) => continue,
                    Ok(false) => Ok((value, Some(item.json))),
                    Err(error) => Err((error, item.json)),
                },
                Err(error) => {
                    let shown = String::from_utf8_lossy(&item.json).into_owned();
                    let rule = format!("be a JSON object: {error}");
                    Err((FieldError::new("", shown, rule), item.json))
                }
            };
            return Ok(Some((place, read)));
        }
    }

    /// The objects that an object wraps, where it does.
    fn unwrapped(&mut self, place: &str, value: &mut Value) -> Result<bool, FieldError> {
        let wrappers = self.converter.wrappers();
        let Some(name) = wrappers.iter().find(|name| value[**name].is_array()) else {
            return Ok(false);
        };
        let Value::Array(items) = value[*name].take() else { return Ok(false) };
        self.converter.learn(&Node::new(value))?;
        self.waiting.extend(items.into_iter().map(|item| (place.to_string(), item)));
        Ok(true)
    }
}

impl Reader for Objects {
    fn begin(&mut self, files: &Files, settings: &Settings) -> Result<(), InputError> {
        self.converter.begin(files, settings)
    }

    fn next(
        &mut self,
        files: &Files,
        settings: &Settings,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, InputError> {
        if let Some(piece) = self.unsorted.next() {
            return Ok(Some(piece));
        }
        notes.add_many(UNREAD, std::mem::take(&mut self.unread));
        let Some((place, read)) = self.next_value(files)? else {
            self.unsorted.sort();
            return Ok(self.unsorted.next());
        };
        let keeps = settings.keep_originals && self.converter.stands_alone();
        let mut out = Out::new(settings, notes);
        let mut original = Vec::new();
        match read {
            Ok((value, json)) => {
                if let Err(error) = self.converter.convert(&Node::new(&value), files, &mut out) {
                    out.refuse(error);
                }
                if keeps {
                    original = json.unwrap_or_else(|| value.to_string().into_bytes());
                }
            }
            Err((error, json)) => {
                out.refuse(error);
                if keeps {
                    original = json;
                }
            }
        }
        let mut piece = Piece { original: in_one_line(original), ..out.into_piece(place) };
        if self.converter.is_unordered() {
            for event in piece.events.extract_if(.., |found| found.is_ok()).flatten() {
                let is_made = piece.made_ids.contains(&event.id);
                self.unsorted.add(&piece.place, event, is_made);
            }
            if self.unsorted.bytes > SORTED_BYTES_MAX {
                notes.add(CUT);
                self.unsorted.sort();
            }
        }
        Ok(Some(piece))
    }
}

/// An object, with its bytes where it was none of several; or why there is none.
type Read = Result<(Value, Option<Vec<u8>>), (FieldError, Vec<u8>)>;

/// A line of a file of lines: JSON has line breaks between its tokens only.
fn in_one_line(mut json: Vec<u8>) -> Vec<u8> {
    json.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    json
}
