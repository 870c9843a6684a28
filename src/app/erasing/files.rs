//! Attachments that nothing names since what named them is erased.

use std::collections::HashSet;

use super::Erasing;
use super::begun::{Begun, NamedFile};
use super::obstacles::Obstacles;
use super::planned::Planned;
use crate::app::attached::Named;

impl Erasing {
    /// The files that records name which are to be erased.
    pub(super) fn files_of(&self, of: &Planned) -> Vec<NamedFile> {
        let mut files = Vec::new();
        for tombstone in &of.tombstones {
            let before = of.records.iter().find(|record| record.offset == tombstone.offset);
            let Some(before) = before else { continue };
            for (path, sha256) in self.attachments.paths_of(before) {
                files.push(NamedFile {
                    offset: before.offset,
                    said_at: before.received_at,
                    was_there: self.attachments.has(&path),
                    sha256,
                    path,
                    is_removed: false,
                });
            }
        }
        files
    }

    /// Removes the listed files of conversations that nothing names any more.
    pub(super) async fn remove_files(
        &self,
        committed: &[Planned],
        begun: &mut Begun,
        obstacles: &mut Obstacles,
    ) {
        let mut hashes: HashSet<String> = HashSet::new();
        let mut shops: HashSet<String> = HashSet::new();
        let mut with_files = Vec::new();
        for of in committed {
            let files = begun.of(&of.key).map_or(&[][..], |begun| &begun.files);
            if files.iter().any(|file| !file.is_removed) {
                shops.insert(of.key.shop.clone());
                hashes.extend(files.iter().map(|file| file.sha256.clone()));
                with_files.push(of);
            }
        }
        if with_files.is_empty() {
            return;
        }
        let named = Named::read(&self.archive, &self.log, &self.attachments, shops, hashes);
        let mut named = match named {
            Ok(named) => named,
            Err(error) => {
                with_files.into_iter().for_each(|of| obstacles.add(of, &error));
                return;
            }
        };
        for of in with_files {
            if let Err(error) = self.remove_files_of(of, begun, &mut named).await {
                obstacles.add(of, &error);
            }
        }
    }

    async fn remove_files_of(
        &self,
        of: &Planned,
        begun: &mut Begun,
        named: &mut Named,
    ) -> anyhow::Result<()> {
        let Some(begun) = begun.of_mut(&of.key) else { return Ok(()) };
        for file in begun.files.iter_mut().filter(|file| !file.is_removed) {
            // What another record names stays for its sake, and nobody begins to name it meanwhile.
            let until_removed = self.relay.close_to_names().await;
            named.catch_up()?;
            if !named.has(&file.path) {
                self.attachments.remove(&file.path, file.said_at)?;
                file.is_removed = true;
            }
            drop(until_removed);
        }
        Ok(())
    }
}
