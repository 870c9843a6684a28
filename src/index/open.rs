//! Opens an index: to write it, to read what another process writes, or to check every byte of it.
//!
//! Invariant: what is opened is one commit, its documents as many as its cursor says. Nothing is
//! repaired: an index that cannot be trusted is an error that says to rebuild it. One that is whole
//! and of an earlier version is removed by whoever opens it to write, and made anew from the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use serde::Deserialize;
use tantivy::directory::MmapDirectory;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, MergePolicy};
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager};
use tantivy::{Index, IndexBuilder, IndexReader, IndexWriter, ReloadPolicy};

use super::IndexError;
use super::cursor::{Committed, PayloadError};
use super::directory::{META_FILE, SyncedDirectory};
use super::schema::schema;
use super::snapshot::IndexSnapshot;
use super::tokenizer::{PLACED_TOKENIZER, PlacedTokenizer, TEXT_TOKENIZER, TextTokenizer};
use crate::durable;
use crate::model::unless_panicked;

/// One thread builds segments: 120 k messages/s of the sample chats (measured, 2 cores). A second
/// would take the core that relay and archive share, and every commit would leave two segments to
/// merge in place of one.
const INDEXING_THREADS: usize = 1;
/// The postings of about 150,000 messages before a segment is written: 128 MiB of the process's 2
/// GiB.
const INDEXING_BYTES: usize = 128 * 1024 * 1024;
/// Segments of about a size that become one. A document is then written again about log16(documents
/// / documents per commit) times: at 10 M of an import once, where by eights it is twice. A search
/// visits some 45 segments at 100 M documents.
const MERGED_TOGETHER: usize = 16;
/// Merging waits for indexing, not the other way round.
const MERGE_THREADS: usize = 1;
/// Decompressed blocks of stored documents that each segment keeps: × 16 KiB × about 45 segments =
/// 23 MiB.
const STORE_BLOCKS_KEPT: usize = 32;
/// How often a reader of another process's index tries to see cursor and documents of the same
/// commit.
const OPEN_TRIES_MAX: usize = 5;

/// An index open for writing.
pub(super) struct Opened {
    pub writer: IndexWriter,
    pub reader: IndexReader,
    /// What the newest commit says of itself.
    pub committed: Committed,
    pub snapshot: IndexSnapshot,
}

/// Opens or creates the index in `dir`. Only one process can have it open for writing.
pub(super) fn open(dir: &Path) -> Result<Opened, IndexError> {
    guarded(dir, || open_unguarded(dir))
}

/// Damage that the library meets with a panic is damage.
pub(super) fn guarded<T>(
    dir: &Path,
    read: impl FnOnce() -> Result<T, IndexError>,
) -> Result<T, IndexError> {
    unless_panicked(read).unwrap_or_else(|said| Err(IndexError::damaged(dir, said)))
}

fn open_unguarded(dir: &Path) -> Result<Opened, IndexError> {
    remove_if_earlier(dir)?;
    fs::create_dir_all(dir).map_err(|error| IndexError::of_io(dir, &error))?;
    let index = open_or_create(dir)?;
    let of = |source| IndexError::of(dir, source);
    let options = IndexWriterOptions::builder()
        .num_worker_threads(INDEXING_THREADS)
        .memory_budget_per_thread(INDEXING_BYTES)
        .num_merge_threads(MERGE_THREADS)
        .build();
    let writer = index.writer_with_options(options).map_err(of)?;
    writer.set_merge_policy(merge_policy());
    let committed = read_committed(dir, &index)?;
    let reader = reader_of(dir, &index)?;
    let snapshot = checked_snapshot(dir, &reader, committed)?;
    Ok(Opened { writer, reader, committed, snapshot })
}

/// Which segments are merged beside commits.
pub(super) fn merge_policy() -> Box<dyn MergePolicy> {
    let mut merging = LogMergePolicy::default();
    merging.set_min_num_segments(MERGED_TOGETHER);
    Box::new(merging)
}

/// Whether the index in `dir` is whole and of an earlier version, so that it is to be made anew.
pub fn is_of_earlier_version(dir: &Path) -> Result<bool, IndexError> {
    Ok(earlier_version(dir)?.is_some())
}

/// The version of the index in `dir` if that is an earlier one. Only the payload is read: what else its
/// commit says, this build may not understand.
fn earlier_version(dir: &Path) -> Result<Option<u32>, IndexError> {
    #[derive(Deserialize)]
    struct Commit {
        payload: Option<String>,
    }
    let bytes = match fs::read(dir.join(META_FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(IndexError::of_io(dir, &error)),
    };
    let commit = serde_json::from_slice(&bytes).ok();
    let payload = commit.and_then(|Commit { payload }| payload);
    Ok(match payload.map(|payload| Committed::from_payload(&payload)) {
        Some(Err(PayloadError::Earlier(version))) => Some(version),
        _ => None,
    })
}

/// Removes the index in `dir` if it is of an earlier version.
pub fn remove_if_earlier(dir: &Path) -> Result<(), IndexError> {
    if is_of_earlier_version(dir)? {
        tracing::info!(dir = %dir.display(), "the index is of an earlier version and is made anew");
        durable::remove_directory(dir).map_err(|error| IndexError::of_io(dir, &error))?;
    }
    Ok(())
}

/// Makes an empty index in `dir` where there is none.
pub fn make_if_missing(dir: &Path) -> Result<(), IndexError> {
    if dir.join(META_FILE).exists() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(|error| IndexError::of_io(dir, &error))?;
    open_or_create(dir).map(drop)
}

/// The committed index in `dir`, which another process may be writing to. It has no tail.
pub fn open_read_only(dir: &Path) -> Result<IndexSnapshot, IndexError> {
    guarded(dir, || open_to_read(dir))
}

fn open_to_read(dir: &Path) -> Result<IndexSnapshot, IndexError> {
    if let Some(version) = earlier_version(dir)? {
        return Err(of_earlier(dir, version));
    }
    let directory = MmapDirectory::open(dir).map_err(|error| IndexError::of(dir, error.into()))?;
    let index = opened(dir, Index::open(directory).map_err(|source| IndexError::of(dir, source))?)?;
    let mut last = IndexError::damaged(dir, "its commits follow each other too fast to be read");
    for _ in 0..OPEN_TRIES_MAX {
        // Commits go on beside us: only if the same one is there before and after was it the one
        // that was opened.
        let before = read_committed(dir, &index)?;
        let snapshot = checked_snapshot(dir, &reader_of(dir, &index)?, before);
        match (snapshot, read_committed(dir, &index)? == before) {
            (Ok(snapshot), true) => return Ok(snapshot),
            (Err(error), true) => return Err(error),
            (Err(error), false) => last = error,
            (Ok(_), false) => {}
        }
    }
    Err(last)
}

/// Reads every byte of the committed index and names the files that are not what was written.
pub fn damaged_files(dir: &Path) -> Result<Vec<PathBuf>, IndexError> {
    guarded(dir, || {
        let of = |source| IndexError::of(dir, source);
        let directory =
            MmapDirectory::open(dir).map_err(|error| IndexError::of(dir, error.into()))?;
        let damaged =
            Index::open(directory).and_then(|index| index.validate_checksum()).map_err(of)?;
        let mut damaged: Vec<PathBuf> = damaged.into_iter().map(|file| dir.join(file)).collect();
        damaged.sort();
        Ok(damaged)
    })
}

fn open_or_create(dir: &Path) -> Result<Index, IndexError> {
    let of = |source| IndexError::of(dir, source);
    let directory = SyncedDirectory(
        MmapDirectory::open(dir).map_err(|error| IndexError::of(dir, error.into()))?,
    );
    let index = if dir.join(META_FILE).exists() {
        Index::open(directory).map_err(of)?
    } else {
        check_empty(dir)?;
        let new = IndexBuilder::new().schema(schema().schema.clone());
        new.open_or_create(directory).map_err(of)?
    };
    opened(dir, index)
}

/// Segments without `meta.json` are what is left of an index, and must not become an empty one.
fn check_empty(dir: &Path) -> Result<(), IndexError> {
    let entries = fs::read_dir(dir).map_err(|error| IndexError::of_io(dir, &error))?;
    for entry in entries {
        let name = entry.map_err(|error| IndexError::of_io(dir, &error))?.file_name();
        // Names with a dot are locks, temporary files and tantivy's list of its files.
        if !name.to_string_lossy().starts_with('.') {
            return Err(IndexError::damaged(dir, format!("it has files but no `{META_FILE}`")));
        }
    }
    Ok(())
}

/// Gives `index` its tokenizers, once its schema is known to be ours.
fn opened(dir: &Path, mut index: Index) -> Result<Index, IndexError> {
    if index.schema() != schema().schema {
        return Err(IndexError::damaged(dir, "it was made with other fields, by another version"));
    }
    let tokenizers = TokenizerManager::default();
    tokenizers.register(TEXT_TOKENIZER, TextAnalyzer::from(TextTokenizer::default()));
    tokenizers.register(PLACED_TOKENIZER, TextAnalyzer::from(PlacedTokenizer::default()));
    index.set_tokenizers(tokenizers);
    Ok(index)
}

fn reader_of(dir: &Path, index: &Index) -> Result<IndexReader, IndexError> {
    index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(STORE_BLOCKS_KEPT)
        .try_into()
        .map_err(|source| IndexError::of(dir, source))
}

fn read_committed(dir: &Path, index: &Index) -> Result<Committed, IndexError> {
    let metas = index.load_metas().map_err(|source| IndexError::of(dir, source))?;
    match metas.payload {
        Some(payload) => Committed::from_payload(&payload).map_err(|error| match error {
            PayloadError::Earlier(version) => of_earlier(dir, version),
            PayloadError::Damaged(detail) => IndexError::damaged(dir, detail),
        }),
        None if metas.segments.is_empty() && metas.opstamp == 0 => Ok(Committed::default()),
        None => Err(IndexError::damaged(dir, "its last commit has no cursor")),
    }
}

fn of_earlier(dir: &Path, version: u32) -> IndexError {
    IndexError::damaged(dir, format!("it is of an earlier version, {version}"))
}

fn checked_snapshot(
    dir: &Path,
    reader: &IndexReader,
    committed: Committed,
) -> Result<IndexSnapshot, IndexError> {
    let searcher = reader.searcher();
    if searcher.num_docs() != committed.documents {
        let detail = format!(
            "it has {} documents, its cursor says {}",
            searcher.num_docs(),
            committed.documents
        );
        return Err(IndexError::damaged(dir, detail));
    }
    Ok(IndexSnapshot::new(Arc::from(dir), searcher, committed.cursor))
}
