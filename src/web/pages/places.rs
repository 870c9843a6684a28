//! What a page knows of a transcript's surroundings: where its records stand, which of its files are there and whole,
//! and what was searched for.

use std::collections::HashMap;

use tokio::io::AsyncReadExt;

use crate::model::{Attachment, ErrorKind, Event, Kinded, Offset, Record};
use crate::relay::{AttachmentStore, media_type_of};
use crate::search::Marks;
use crate::transcript::{FileState, Places};
use crate::web::links::{address, file_address};

/// Bytes of files that one page compares with their hash: a good tenth of a second. What is beyond is compared when it
/// is asked for.
const COMPARED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What is known of each file, by conversation, event and hash.
pub(in crate::web) type Files = HashMap<(String, String, String), FileState>;

/// A transcript on a page of its own.
pub(in crate::web) struct OnPage<'a> {
    pub conversation: &'a str,
    pub files: &'a Files,
    pub marks: &'a Marks,
    /// `words=…&mode=…&`: kept in links to other places of the transcript.
    pub carried: &'a str,
}

impl Places for OnPage<'_> {
    fn record(&self, anchor: &str, offset: Offset) -> String {
        let page = address(self.conversation, None);
        format!("{page}?{}at={offset}#{anchor}", self.carried)
    }

    fn file(&self, event: &Event, file: &Attachment) -> (FileState, String) {
        found(self.files, event, file)
    }

    fn spans(&self, text: &str) -> Vec<(usize, usize)> {
        self.marks.spans(text).into_iter().map(|span| (span.start, span.end)).collect()
    }
}

/// A transcript to be printed: its links stay within it.
pub(in crate::web) struct OnPaper<'a> {
    pub files: &'a Files,
}

impl Places for OnPaper<'_> {
    fn record(&self, anchor: &str, _offset: Offset) -> String {
        format!("#{anchor}")
    }

    fn file(&self, event: &Event, file: &Attachment) -> (FileState, String) {
        found(self.files, event, file)
    }

    fn spans(&self, _text: &str) -> Vec<(usize, usize)> {
        Vec::new()
    }
}

fn found(files: &Files, event: &Event, file: &Attachment) -> (FileState, String) {
    let state = files.get(&named(event, file)).copied().unwrap_or(FileState::Missing);
    let address = match state {
        FileState::Missing | FileState::Damaged => String::new(),
        _ => file_address(&event.conversation, &event.id, &file.sha256),
    };
    (state, address)
}

fn named(event: &Event, file: &Attachment) -> (String, String, String) {
    (event.conversation.clone(), event.id.clone(), file.sha256.clone())
}

/// Which files are there, whether they are what was sent, and what their bytes show them to be.
pub(in crate::web) async fn files_of<'a>(
    store: &AttachmentStore,
    records: impl IntoIterator<Item = &'a Record>,
) -> Files {
    let mut files = Files::new();
    let mut room = COMPARED_BYTES_MAX;
    for record in records {
        for file in &record.event.attachments {
            let state = state_of(store, record, &file.sha256, &mut room).await;
            files.insert(named(&record.event, file), state);
        }
    }
    files
}

async fn state_of(
    store: &AttachmentStore,
    record: &Record,
    sha256: &str,
    room: &mut u64,
) -> FileState {
    let Ok(Some(mut file)) = store.open(record, sha256).await else { return FileState::Missing };
    let bytes = file.metadata().await.map_or(u64::MAX, |metadata| metadata.len());
    if bytes <= *room {
        *room -= bytes;
        match store.open_whole(record, sha256).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => return FileState::Damaged,
            Err(_) | Ok(None) => return FileState::Missing,
            Ok(Some(_)) => {}
        }
    }
    let mut first_bytes = [0; 16];
    let count = file.read(&mut first_bytes).await.unwrap_or(0);
    match media_type_of(&first_bytes[..count]) {
        media_type if media_type.starts_with("image/") => FileState::Picture,
        media_type if media_type.starts_with("audio/") => FileState::Audio,
        media_type if media_type.starts_with("video/") => FileState::Video,
        _ => FileState::Download,
    }
}
