//! What a page knows of a transcript's surroundings: where its records stand, which of its files are there and whole,
//! and what was searched for.

use std::cell::Cell;
use std::io::Read;

use crate::model::{Attachment, ErrorKind, Kinded, Offset, Record};
use crate::relay::{AttachmentStore, media_type_of};
use crate::search::Marks;
use crate::transcript::{FileState, Places};
use crate::web::links::{address, file_address};

/// Bytes of files that one page compares with their hash: a good tenth of a second. What is beyond is compared when it
/// is asked for.
const COMPARED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Tells of the file that a record names by this hash whether it is there, whether it is what was sent, and what its
/// bytes show it to be. Blocks.
pub(in crate::web) type LookAt<'a> = &'a dyn Fn(&Record, &str) -> FileState;

/// A transcript on a page of its own.
pub(in crate::web) struct OnPage<'a> {
    pub conversation: &'a str,
    pub look_at: LookAt<'a>,
    pub marks: &'a Marks,
    /// `words=…&mode=…&`: kept in links to other places of the transcript.
    pub carried: &'a str,
}

impl Places for OnPage<'_> {
    fn record(&self, anchor: &str, offset: Offset) -> String {
        let page = address(self.conversation, None);
        format!("{page}?{}at={offset}#{anchor}", self.carried)
    }

    fn file(&self, record: &Record, file: &Attachment) -> (FileState, String) {
        found(self.look_at, record, file)
    }

    fn spans(&self, text: &str) -> Vec<(usize, usize)> {
        self.marks.spans(text).into_iter().map(|span| (span.start, span.end)).collect()
    }
}

/// A transcript to be printed: its links stay within it.
pub(in crate::web) struct OnPaper<'a> {
    pub look_at: LookAt<'a>,
}

impl Places for OnPaper<'_> {
    fn record(&self, anchor: &str, _offset: Offset) -> String {
        format!("#{anchor}")
    }

    fn file(&self, record: &Record, file: &Attachment) -> (FileState, String) {
        found(self.look_at, record, file)
    }

    fn spans(&self, _text: &str) -> Vec<(usize, usize)> {
        Vec::new()
    }
}

fn found(look_at: LookAt<'_>, record: &Record, file: &Attachment) -> (FileState, String) {
    let state = look_at(record, &file.sha256);
    let address = match state {
        FileState::Missing | FileState::Damaged => String::new(),
        _ => file_address(&record.event.conversation, &record.event.id, &file.sha256),
    };
    (state, address)
}

/// Looks at the files in `store`, for one page.
pub(in crate::web) fn looking_at(store: &AttachmentStore) -> impl Fn(&Record, &str) -> FileState {
    let room = Cell::new(COMPARED_BYTES_MAX);
    move |record, sha256| state_of(store, record, sha256, &room)
}

fn state_of(store: &AttachmentStore, record: &Record, sha256: &str, room: &Cell<u64>) -> FileState {
    let Ok(Some(mut file)) = store.open(record, sha256) else { return FileState::Missing };
    let bytes = file.metadata().map_or(u64::MAX, |metadata| metadata.len());
    if bytes <= room.get() {
        room.set(room.get() - bytes);
        match store.open_compared(record, sha256) {
            Err(error) if error.kind() == ErrorKind::Corrupt => return FileState::Damaged,
            Err(_) | Ok(None) => return FileState::Missing,
            Ok(Some(_)) => {}
        }
    }
    let mut first_bytes = [0; 16];
    let count = file.read(&mut first_bytes).unwrap_or(0);
    match media_type_of(&first_bytes[..count]) {
        media_type if media_type.starts_with("image/") => FileState::Picture,
        media_type if media_type.starts_with("audio/") => FileState::Audio,
        media_type if media_type.starts_with("video/") => FileState::Video,
        _ => FileState::Download,
    }
}
