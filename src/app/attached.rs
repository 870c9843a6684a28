//! Which records name a file: asked before it is removed.

use std::collections::HashSet;

use crate::archive::ArchiveReader;
use crate::log::LogReader;
use crate::model::Record;

/// Records read at once.
const BATCH_RECORDS: usize = 4_096;

/// The records of these shops that name any of these files.
pub(super) fn naming(
    archive: &ArchiveReader,
    log: &LogReader,
    shops: &HashSet<String>,
    names: &HashSet<String>,
) -> anyhow::Result<Vec<Record>> {
    let snapshot = archive.snapshot()?;
    let mut records = Vec::new();
    for shop in shops {
        let offsets = snapshot.offsets_naming(shop, names)?;
        records.extend(snapshot.records_at(&offsets)?);
    }
    let mut scan = log.scan(snapshot.table.cursor);
    loop {
        let batch = scan.next_batch(BATCH_RECORDS)?;
        if batch.is_empty() {
            return Ok(records);
        }
        let names_one = |record: &Record| {
            record.event.attachments.iter().any(|file| names.contains(&file.sha256))
        };
        let of_shops = batch.records().iter().filter(|record| shops.contains(&record.shop));
        records.extend(
            of_shops.filter(|record| names_one(record)).map(|record| Record::clone(record)),
        );
    }
}
