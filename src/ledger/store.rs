//! The ledger as a store: it follows the log and takes each record's leaf.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::keys::LedgerKeys;
use super::writer::{Committed, Writer};
use super::{LedgerError, LedgerReader};
use crate::durable::Disk;
use crate::log::{Batch, Forgot, Forgotten, LogReader, Store};
use crate::model::Offset;

/// The tree over all leaves, and what is signed of it.
pub struct Ledger {
    writer: Writer,
}

/// Where its keys are, and what it is called.
#[derive(Clone, Debug)]
pub struct LedgerOptions {
    pub keys: PathBuf,
    /// The name that was set for it.
    pub origin: Option<String>,
}

impl Store for Ledger {
    const NAME: &'static str = "ledger";
    const FOLDERS: &'static [&'static str] = &["ledger"];

    type Error = LedgerError;
    type Options = LedgerOptions;
    type Reader = LedgerReader;

    async fn open(
        root: &Path,
        _log: &LogReader,
        options: &LedgerOptions,
        reader: &LedgerReader,
    ) -> Result<Ledger, LedgerError> {
        let folder = root.join(Self::FOLDERS[0]);
        let keys = LedgerKeys::open_or_create(&options.keys, options.origin.as_deref())?;
        let disk = Disk::open(&folder).map_err(LedgerError::of_io(&folder))?;
        let writer = Writer::open(Arc::new(disk), keys)?;
        reader.show(writer.shown());
        Ok(Ledger { writer })
    }

    async fn committed(root: &Path) -> Result<Offset, LedgerError> {
        Ok(Offset(Committed::read(&root.join(Self::FOLDERS[0]))?.size))
    }

    fn applied(&self) -> Offset {
        Offset(self.writer.size())
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), LedgerError> {
        for record in batch.records() {
            self.writer.push(record.leaf.0);
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<Offset, LedgerError> {
        Ok(Offset(self.writer.commit()?))
    }

    /// Leaves hold nothing of what was said.
    async fn forget(&mut self, _: &Forgotten) -> Result<Forgot, LedgerError> {
        Ok(Forgot::All)
    }
}
