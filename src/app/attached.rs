//! Which files are named by records: asked before one is removed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::archive::ArchiveReader;
use crate::log::{LogReader, LogScan};
use crate::model::Record;
use crate::relay::AttachmentStore;

/// Records read at once.
const BATCH_RECORDS: usize = 4_096;

/// Files of some shops under some hashes, as far as records name them.
pub(super) struct Named {
    attachments: AttachmentStore,
    shops: HashSet<String>,
    hashes: HashSet<String>,
    paths: HashSet<PathBuf>,
    /// Where the log was looked through to.
    scan: LogScan,
}

impl Named {
    /// As archive and log say now.
    pub(super) fn read(
        archive: &ArchiveReader,
        log: &LogReader,
        attachments: &AttachmentStore,
        shops: HashSet<String>,
        hashes: HashSet<String>,
    ) -> anyhow::Result<Named> {
        let snapshot = archive.snapshot()?;
        let scan = log.scan(snapshot.table.cursor);
        let (attachments, paths) = (attachments.clone(), HashSet::new());
        let mut named = Named { attachments, shops, hashes, paths, scan };
        for shop in named.shops.clone() {
            let offsets = snapshot.offsets_naming(&shop, &named.hashes)?;
            snapshot.records_at(&offsets)?.iter().for_each(|record| named.add(record));
        }
        named.catch_up()?;
        Ok(named)
    }

    /// Looks at what came since.
    pub(super) fn catch_up(&mut self) -> anyhow::Result<()> {
        loop {
            let batch = self.scan.next_batch(BATCH_RECORDS)?;
            if batch.is_empty() {
                return Ok(());
            }
            batch.records().iter().for_each(|record| self.add(record));
        }
    }

    /// Whether a record names the file at this place of the folder of attachments.
    pub(super) fn has(&self, within: &Path) -> bool {
        self.paths.contains(within)
    }

    fn add(&mut self, record: &Record) {
        let mut files = record.event.attachments.iter();
        if self.shops.contains(&record.shop) && files.any(|file| self.hashes.contains(&file.sha256))
        {
            self.paths.extend(self.attachments.paths_of(record).into_iter().map(|(path, _)| path));
        }
    }
}
