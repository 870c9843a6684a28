//! The stores forget what the archive does not have any more.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use parking_lot::Mutex;

use super::Erasing;
use super::begun::Begun;
use super::obstacles::Obstacles;
use super::planned::Planned;
use crate::durable;
use crate::log::{Forgot, Forgotten, OfConversation};
use crate::model::Record;

/// Folders of the data directory that a crash or a damage left, which hold what stores held.
const LEFTOVERS: [&str; 5] = ["aside", "damaged", "removed", "anew", "exchanging"];

impl Erasing {
    /// Fails where a store stands still, or somebody still reads what is to go.
    pub(super) async fn let_stores_forget(
        &self,
        forgotten: &Forgotten,
        begun: &mut Begun,
    ) -> anyhow::Result<()> {
        if forgotten.conversations().next().is_none() {
            return Ok(());
        }
        ensure!(self.archive.sweep().await?, "a question still reads the archive's old files");
        let noted = Arc::new(Mutex::new(begun.clone()));
        let forgot = self.let_each_forget(&noting(forgotten, noted.clone())).await;
        begun.add_rewritten(noted.lock().rewritten().iter().cloned());
        forgot?;
        self.remove_leftovers()
    }

    async fn let_each_forget(&self, forgotten: &Arc<Forgotten>) -> anyhow::Result<()> {
        for store in self.stores.now() {
            if let Some(failed) = store.state().failed {
                bail!("the store `{}` stands still: {}", store.name, failed.text);
            }
            match store.forget(forgotten.clone()).await {
                Some(Forgot::All) => {}
                Some(Forgot::Waits(why)) => {
                    bail!("the store `{}` has not forgotten it: {why}", store.name)
                }
                None => bail!("the store `{}` stands still", store.name),
            }
        }
        Ok(())
    }

    /// What the stores are to forget, the conversations as the archive has them now, and the conversations
    /// but for those that cannot be read.
    pub(super) fn forgotten(
        &self,
        committed: Vec<Planned>,
        begun: &Begun,
        obstacles: &mut Obstacles,
    ) -> (Vec<Planned>, Forgotten) {
        let (mut readable, mut conversations) = (Vec::new(), HashMap::new());
        for of in committed {
            if begun.of(&of.key).is_some_and(|begun| begun.is_forgotten) {
                readable.push(of);
                continue;
            }
            if self.leases.may_have(&of.key) {
                let error = anyhow!("a bundle that was begun before it is not sent yet");
                obstacles.add(&of, &error);
                continue;
            }
            let records = match self.records.conversation(&of.key.shop, &of.key.id) {
                Ok(records) => records,
                Err(error) => {
                    obstacles.add(&of, &error.into());
                    continue;
                }
            };
            let is_erased = |record: &&Record| record.erased.is_some();
            let erased = records.iter().filter(is_erased).map(|record| record.offset).collect();
            let customers =
                of.erasures.iter().filter_map(|asked| asked.erasure.customer.clone()).collect();
            let records = records.into_iter().map(Arc::new).collect();
            conversations.insert(of.key.clone(), OfConversation { records, erased, customers });
            readable.push(of);
        }
        let forgotten = Forgotten::new(conversations, self.pseudonyms.clone(), self.reserve_bytes);
        (readable, forgotten)
    }

    /// Removes what crashes and damages left of stores.
    fn remove_leftovers(&self) -> anyhow::Result<()> {
        let cannot = || format!("cannot tidy up `{}`", self.data.root().display());
        for folder in [self.data.root().to_path_buf(), self.data.root().join("archive")] {
            for entry in std::fs::read_dir(&folder).with_context(cannot)? {
                let path = entry.with_context(cannot)?.path();
                let ending = path.extension().and_then(|ending| ending.to_str());
                if path.is_dir() && ending.is_some_and(|ending| LEFTOVERS.contains(&ending)) {
                    durable::remove_directory(&path).with_context(cannot)?;
                }
            }
        }
        Ok(())
    }
}

/// What stores are to forget, with what they write anew listed before they do.
fn noting(forgotten: &Forgotten, begun: Arc<Mutex<Begun>>) -> Arc<Forgotten> {
    Arc::new(forgotten.noting(move |rewritten| {
        let mut begun = begun.lock();
        begun.add_rewritten(rewritten);
        // The receipt has it all the same, unless the process dies before.
        if let Err(error) = begun.write() {
            tracing::warn!(%error, "what is written anew is not listed");
        }
    }))
}
