//! The source of a bundle. It does not verify the bundle, but for the leaves of its rows and the sums of its attachments:
//! `verbatim evidence verify` does.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};

use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::InterchangeError;
use super::source::{Bytes, Files, Kept, Source};
use crate::evidence::names::{ATTACHMENTS, COMPLETENESS, MESSAGES};
use crate::evidence::seal::is_payload;

/// Bytes of what is read beside evidence copy and attachments: completeness has a line for each conversation.
const SAID_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A bundle that is open.
pub(super) struct OpenBundle {
    zip: ZipArchive<BufReader<File>>,
    /// In which all of it lies, with its slash.
    folder: String,
    files: Files,
}

/// A line of the list of attachments.
#[derive(Deserialize)]
struct Listed {
    file: String,
    sha256: String,
}

/// Opens a bundle, and reads what it has, of up to `bytes_max` bytes of records.
pub(super) fn open(file: File, bytes_max: u64) -> Result<(Source, OpenBundle), InterchangeError> {
    let bad = |reason: String| InterchangeError::BadBundle { reason };
    let zip = ZipArchive::new(BufReader::new(file)).map_err(|error| bad(error.to_string()))?;
    let names = zip.file_names().filter_map(Result::ok);
    let folder_of = |name: &str| name.split_once('/').map(|(folder, _)| format!("{folder}/"));
    let folders: BTreeSet<String> = names.filter_map(|name| folder_of(&name)).collect();
    let mut folders = folders.into_iter();
    // All lies in one.
    let (Some(folder), None) = (folders.next(), folders.next()) else {
        return Err(bad("it has not one folder".to_string()));
    };
    let mut bundle = OpenBundle { zip, folder, files: Files::new() };
    let messages = bundle.text(MESSAGES, bytes_max)?;
    let completeness: Value =
        serde_json::from_str(&bundle.text(COMPLETENESS, SAID_BYTES_MAX)?).unwrap_or_default();
    let zone = completeness["zone"].as_str().and_then(|zone| zone.parse().ok());
    for line in bundle.text(ATTACHMENTS, bytes_max)?.lines() {
        let listed: Listed =
            serde_json::from_str(line).map_err(|error| bad(format!("`{ATTACHMENTS}`: {error}")))?;
        let kept = if is_payload(&listed.file) {
            // Not as its sender said, who may have said anything.
            let bytes = bundle.bytes_of(&listed.file)?;
            Kept::Within { name: listed.file, bytes }
        } else {
            Kept::Lacking(listed.file)
        };
        bundle.files.insert(listed.sha256, kept);
    }
    let source = Source { zone: zone.unwrap_or(Tz::UTC), files: bundle.files.clone(), messages };
    Ok((source, bundle))
}

impl OpenBundle {
    /// How the folder is called in which all of it lies.
    pub(super) fn folder(&self) -> &str {
        self.folder.trim_end_matches('/')
    }

    fn bytes_of(&mut self, name: &str) -> Result<u64, InterchangeError> {
        let entry = self.zip.by_name(&format!("{}{name}", self.folder));
        let entry = entry.map_err(|error| InterchangeError::BadBundle {
            reason: format!("`{name}`: {error}"),
        })?;
        Ok(entry.size())
    }

    fn text(&mut self, name: &str, bytes_max: u64) -> Result<String, InterchangeError> {
        let bad = |reason: String| InterchangeError::BadBundle { reason };
        let full = format!("{}{name}", self.folder);
        let entry = self.zip.by_name(&full).map_err(|error| bad(format!("`{name}`: {error}")))?;
        if entry.size() > bytes_max {
            return Err(InterchangeError::TooLarge {
                what: format!("`{name}`"),
                bytes: entry.size(),
                bytes_max,
            });
        }
        let mut text = String::new();
        entry.take(bytes_max).read_to_string(&mut text).map_err(|error| bad(error.to_string()))?;
        Ok(text)
    }
}

impl Bytes for OpenBundle {
    fn of(&mut self, sha256: &str) -> Result<Vec<u8>, InterchangeError> {
        let bad = |reason: String| InterchangeError::BadBundle { reason };
        let Some(Kept::Within { name, bytes }) = self.files.get(sha256) else {
            return Err(bad(format!("it has no file of SHA-256 {sha256}")));
        };
        let full = format!("{}{name}", self.folder);
        let entry = self.zip.by_name(&full).map_err(|error| bad(error.to_string()))?;
        let mut read = Vec::new();
        entry.take(*bytes).read_to_end(&mut read).map_err(|error| bad(error.to_string()))?;
        if hex::encode(Sha256::digest(&read)) == sha256 {
            return Ok(read);
        }
        Err(bad(format!("`{name}` is not what its list says")))
    }
}
