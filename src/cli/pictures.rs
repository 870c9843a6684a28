//! The pictures of a transcript that is one file: within it, as far as there is room, since whoever gets it by mail
//! gets nothing else.
//!
//! Invariant: nobody is asked for a file of a record that the reader may not see.

use std::collections::HashMap;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::target::Target;
use crate::model::{Attachment, Audience, ErrorKind, Kinded, Offset, Record, Seen};
use crate::relay::{AttachmentStore, media_type_of};
use crate::transcript::{FileState, Inert, Places};

/// Largest picture: what a phone's camera makes.
pub(super) const PICTURE_BYTES_MAX: u64 = 4 << 20;
/// Of all together: × 4/3 in the page and × 4/3 once more in a mail = 21.3 MiB, where most servers take 25 MB.
const PICTURES_BYTES_MAX: u64 = 12 << 20;

/// What a record's file turned out to be.
#[derive(Debug)]
pub(super) enum Asked {
    Picture(Vec<u8>),
    /// A picture, but larger than was asked for.
    Larger {
        bytes: u64,
    },
    /// No picture that a browser shows, whatever it is called.
    NoPicture,
    Missing,
    Damaged,
}

/// The pictures of one page, and what is to be said of those that are not shown.
pub(super) struct Pictures {
    /// Of each file that a record names, by its hash.
    files: HashMap<(Offset, String), (FileState, String)>,
}

impl Pictures {
    /// Those of the conversations' records that `audience` may see.
    pub(super) async fn of(
        target: &Target,
        audience: Audience,
        conversations: &[(String, Vec<Record>)],
    ) -> anyhow::Result<Pictures> {
        let mut pictures = Pictures { files: HashMap::new() };
        let mut room = PICTURES_BYTES_MAX;
        for (_, records) in conversations {
            for record in Seen::by(audience, records).records {
                for file in &record.event.attachments {
                    let bytes_max = PICTURE_BYTES_MAX.min(room);
                    let asked = target.picture(record, &file.sha256, bytes_max).await?;
                    if let Asked::Picture(bytes) = &asked {
                        room = room.saturating_sub(bytes.len() as u64);
                    }
                    let key = (record.offset, file.sha256.clone());
                    pictures.files.insert(key, shown(&asked));
                }
            }
        }
        Ok(pictures)
    }
}

impl Places for Pictures {
    fn record(&self, anchor: &str, offset: Offset) -> String {
        Inert.record(anchor, offset)
    }

    fn file(&self, record: &Record, file: &Attachment) -> (FileState, String) {
        let known = self.files.get(&(record.offset, file.sha256.clone()));
        known.cloned().unwrap_or_else(|| Inert.file(record, file))
    }

    fn spans(&self, text: &str) -> Vec<(usize, usize)> {
        Inert.spans(text)
    }
}

/// What the page says of a file, and the address of a picture: all of it.
fn shown(asked: &Asked) -> (FileState, String) {
    match asked {
        Asked::Picture(bytes) => {
            let media_type = media_type_of(bytes);
            let address = format!("data:{media_type};base64,{}", STANDARD.encode(bytes));
            (FileState::Picture, address)
        }
        Asked::Larger { bytes } if *bytes > PICTURE_BYTES_MAX => {
            (FileState::TooLarge, String::new())
        }
        Asked::Larger { .. } => (FileState::NoRoom, String::new()),
        Asked::NoPicture => (FileState::Download, String::new()),
        Asked::Missing => (FileState::Missing, String::new()),
        Asked::Damaged => (FileState::Damaged, String::new()),
    }
}

/// The picture of at most `bytes_max` bytes that `record` names by this hash.
pub(super) fn picture_in(
    store: &AttachmentStore,
    record: &Record,
    sha256: &str,
    bytes_max: u64,
) -> anyhow::Result<Asked> {
    let Some(mut file) = store.open(record, sha256)? else { return Ok(Asked::Missing) };
    let mut first_bytes = Vec::with_capacity(16);
    file.by_ref().take(16).read_to_end(&mut first_bytes)?;
    if !is_picture(media_type_of(&first_bytes)) {
        return Ok(Asked::NoPicture);
    }
    let bytes = file.metadata()?.len();
    if bytes > bytes_max {
        return Ok(Asked::Larger { bytes });
    }
    let mut file = match store.open_compared(record, sha256) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(Asked::Missing),
        Err(error) if error.kind() == ErrorKind::Corrupt => return Ok(Asked::Damaged),
        Err(error) => return Err(error.into()),
    };
    let mut picture = Vec::new();
    file.read_to_end(&mut picture)?;
    Ok(Asked::Picture(picture))
}

pub(super) fn is_picture(media_type: &str) -> bool {
    media_type.starts_with("image/")
}
