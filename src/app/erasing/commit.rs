//! The log and the archive let go of what is erased.

use std::collections::BTreeMap;

use anyhow::{bail, ensure};

use super::Erasing;
use super::begun::Begun;
use super::obstacles::Obstacles;
use super::planned::Planned;
use crate::archive::Archive;
use crate::log::{Rewritten, Store};
use crate::model::{Offset, Record};

/// How often the archive is written anew where a compaction or a hold came meanwhile.
const TRIES_MAX: usize = 8;

impl Erasing {
    /// Lets the log go of what lies before the records that ask. Returns what it no longer has.
    pub(super) fn let_log_go(
        &self,
        mut fresh: Vec<Planned>,
        obstacles: &mut Obstacles,
    ) -> Vec<Planned> {
        // It goes from its beginning: where one cannot, no later one can.
        fresh.sort_by_key(Planned::last_erased);
        let mut ready = Vec::new();
        let mut rest = fresh.into_iter();
        for of in rest.by_ref() {
            match self.let_log_go_of(&of) {
                Ok(()) => ready.push(of),
                Err(error) => {
                    obstacles.add(&of, &error);
                    break;
                }
            }
        }
        let rest: Vec<Planned> = rest.collect();
        obstacles.add_all(&rest, &anyhow::anyhow!("the log has not let go of it yet"));
        ready
    }

    fn let_log_go_of(&self, of: &Planned) -> anyhow::Result<()> {
        let is_gone = |oldest: Offset| of.last_erased().is_none_or(|last| last < oldest);
        if is_gone(self.log.oldest()) {
            return Ok(());
        }
        let below = of.erasures.iter().map(|asked| asked.erasure.asked).max().unwrap_or_default();
        let oldest = self.trimming.let_go(below)?;
        ensure!(
            is_gone(oldest),
            "the log begins at {oldest}: not every store has committed, or its segment is not sealed yet"
        );
        Ok(())
    }

    /// Erases in the archive. Where that cannot be done of all at once, it is of halves, down to those
    /// that stop it.
    pub(super) async fn commit_all(
        &self,
        ready: Vec<Planned>,
        begun: &mut Begun,
        obstacles: &mut Obstacles,
    ) -> Vec<Planned> {
        let mut committed = Vec::new();
        let mut parts = vec![ready];
        while let Some(mut part) = parts.pop() {
            match self.commit(&mut part, begun).await {
                Ok(()) => committed.append(&mut part),
                Err(error) if part.len() < 2 => obstacles.add_all(&part, &error),
                Err(_) => {
                    parts.push(part.split_off(part.len() / 2));
                    parts.push(part);
                }
            }
        }
        committed
    }

    /// Erases in the archive what is not held by then; what is, is taken out of `part`.
    async fn commit(&self, part: &mut Vec<Planned>, begun: &mut Begun) -> anyhow::Result<()> {
        for _ in 0..TRIES_MAX {
            let records = part.iter().flat_map(|of| &of.tombstones);
            let tombstones: BTreeMap<Offset, Record> =
                records.map(|record| (record.offset, record.clone())).collect();
            let prepared = self.archive.prepare_erasure(tombstones, self.reserve_bytes).await?;
            let until_committed = self.relay.close_to_holds().await;
            let count = part.len();
            let mut failed = None;
            part.retain(|of| {
                let is_held = self.is_held(of).unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                });
                !is_held
            });
            if let Some(error) = failed {
                return Err(error);
            }
            if part.is_empty() {
                return Ok(());
            }
            if part.len() < count {
                continue;
            }
            let leaving: Vec<Rewritten> = prepared.leaving().into_iter().map(in_archive).collect();
            begun.add_rewritten(leaving.clone());
            begun.write()?;
            let is_done = prepared.commit().await?;
            drop(until_committed);
            if is_done {
                return Ok(());
            }
            begun.remove_rewritten(&leaving);
        }
        bail!("compactions or holds came meanwhile, {TRIES_MAX} times");
    }
}

fn in_archive(place: String) -> Rewritten {
    Rewritten { store: Archive::NAME.to_string(), place }
}
