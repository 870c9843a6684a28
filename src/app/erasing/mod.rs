//! Erases what was asked for and is not held.
//!
//! ```text
//! 1  the log lets go of it, once every store has committed it    the archive alone has it now
//!    and the archive was read to have it
//! 2  the files it names are listed in `erasing.json`             afterwards the records do not say
//! 3  the archive's files are written anew, and put in their      what was said is gone for good
//!    place in one commit, while no hold is taken
//! 4  files that nothing names any more are removed, each         what was named in time is there
//!    while nothing is taken that names one
//! 5  facts, index and lookup forget; what nobody reads any more
//!    is removed, once bundles that were begun before 3 are sent
//! 6  a receipt is appended                                       it is done
//! ```
//! Each step can be taken again, and after a crash all of them are, from the first: what is done already
//! changes nothing. A hold that is acknowledged before the commit of step 3 keeps all of it, its files
//! too; after it the erasure is brought to its end. Nothing else of any record changes, and no record is
//! lost at any step.
//!
//! What stops one conversation stops no other: it is told in the status, and tried again.
//! It does not reach what left the data directory: backups, exports, what a client keeps.

// What was begun, on disk.
mod begun;
// By which time it is judged what is kept no longer.
mod clock;
// The log and the archive let go of it.
mod commit;
// What is kept no longer is asked to be erased.
mod expire;
// Attachments that nothing names any more.
mod files;
// The stores forget it.
mod forget;
// Small files beside the stores.
mod json_file;
// Up to where a shop was looked through for it.
mod marks;
// What stops it, for the status.
mod obstacles;
// When to look again.
mod pace;
// What is to be erased of one conversation.
mod planned;
// What was done, as a record.
mod receipts;
// What is asked for and not held back.
mod todo;

use std::collections::HashSet;
use std::io;
use std::time::Instant;

use anyhow::ensure;
use tokio_util::sync::CancellationToken;

use super::DataDir;
use super::background::{Background, Said, Trouble};
use super::stores::AllWatched;
use super::trimming::Trimming;
use crate::archive::ArchiveReader;
use crate::erasure::{Asked, ErasureReader, ErasureState, VERBATIM};
use crate::evidence::Leases;
use crate::log::{Followed, LogReader};
use crate::model::{ConversationKey, Event, Kind, Micros, Pseudonyms, Role, Sender};
use crate::records::Records;
use crate::relay::{AttachmentStore, Lookup, Relay};
use begun::Begun;
use expire::Expiry;
use obstacles::Obstacles;
use pace::{LOOK_EVERY, Pace};
use planned::Planned;
use todo::chosen;

/// What erasing needs.
#[derive(Clone)]
pub(super) struct Erasing {
    pub(super) data: DataDir,
    pub(super) log: LogReader,
    pub(super) relay: Relay,
    pub(super) records: Records,
    pub(super) lookup: Lookup,
    pub(super) archive: ArchiveReader,
    pub(super) attachments: AttachmentStore,
    pub(super) erasures: Followed<ErasureReader>,
    pub(super) leases: Leases,
    pub(super) trimming: Trimming,
    pub(super) stores: AllWatched,
    pub(super) pseudonyms: Pseudonyms,
    /// When the newest record was received before this start.
    pub(super) newest: Micros,
    /// What must stay free on the disk: messages come first.
    pub(super) reserve_bytes: u64,
}

impl Erasing {
    pub(super) fn start(self, stop: CancellationToken) -> io::Result<Background> {
        let told = stop.clone();
        let working = move |trouble| self.clone().work_on(trouble, told.clone());
        Background::start("erasing", stop, working)
    }

    async fn work_on(self, trouble: Trouble, stop: CancellationToken) {
        let mut pace = Pace::new(Instant::now());
        let mut expiry = Expiry::new(Instant::now());
        let mut obstacles = Obstacles::default();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => return,
            }
            let expired = expiry.go_on(&self, Instant::now()).await;
            match self.erasures.reader().waiting() {
                Some(newest) if pace.is_due(newest, Instant::now()) => {
                    obstacles = self.look(&obstacles.stuck).await;
                    pace.looked(Instant::now());
                }
                Some(_) => {}
                None => obstacles = Obstacles::default(),
            }
            trouble.set_said(either(obstacles.said(), expired));
        }
    }

    /// Erases what can be erased now. Returns why not the rest.
    async fn look(&self, stuck: &HashSet<ConversationKey>) -> Obstacles {
        let mut obstacles = Obstacles::default();
        if let Err(error) = self.erase_chosen(stuck, &mut obstacles).await {
            obstacles.of_all = Some(format!("erasures wait: {error:#}"));
        }
        obstacles
    }

    async fn erase_chosen(
        &self,
        stuck: &HashSet<ConversationKey>,
        obstacles: &mut Obstacles,
    ) -> anyhow::Result<()> {
        let mut begun = Begun::read(self.data.root())?;
        let state = self.state().await?;
        begun.keep_only(&state.pending.iter().map(Asked::key).collect());
        let chosen = chosen(&state, &begun, stuck);
        let planned = self.planned(chosen, obstacles);
        let (mut committed, fresh): (Vec<Planned>, Vec<Planned>) =
            planned.into_iter().partition(|of| of.tombstones.is_empty());
        let ready = self.let_log_go(fresh, obstacles);
        if !ready.is_empty() {
            for of in &ready {
                self.leases.is_over(&of.key);
                begun.begin(&of.key, self.files_of(of));
            }
            begun.write()?;
            committed.extend(self.commit_all(ready, &mut begun, obstacles).await);
        }
        self.finish(committed, &mut begun, obstacles).await?;
        begun.write()
    }

    /// What is asked for by now, and what is held.
    async fn state(&self) -> anyhow::Result<ErasureState> {
        let end = self.log.chats_end();
        let state = self.erasures.caught_up().await.now()?;
        // What is done may stand behind its cursor.
        ensure!(
            state.cursor >= end,
            "the store `erasures` stands at {}, and records are acknowledged to {end}",
            state.cursor
        );
        Ok(state)
    }

    /// Removes what is left of what the archive does not have any more, and writes receipts.
    async fn finish(
        &self,
        committed: Vec<Planned>,
        begun: &mut Begun,
        obstacles: &mut Obstacles,
    ) -> anyhow::Result<()> {
        committed.iter().for_each(|of| self.leases.is_erased(&of.key));
        self.remove_files(&committed, begun, obstacles).await;
        begun.write()?;
        let (committed, forgotten) = self.forgotten(committed, begun, obstacles);
        if let Err(error) = self.let_stores_forget(&forgotten, begun).await {
            obstacles.add_all(&committed, &error);
            return Ok(());
        }
        for (key, _) in forgotten.conversations() {
            if let Some(of) = begun.of_mut(key) {
                of.is_forgotten = true;
            }
        }
        for of in committed {
            if obstacles.stuck.contains(&of.key) {
                continue;
            }
            match self.write_receipts(&of, begun).await {
                Ok(()) => {
                    self.leases.is_over(&of.key);
                    begun.end(&of.key);
                }
                Err(error) => obstacles.add(&of, &error),
            }
        }
        Ok(())
    }
}

/// What is wrong, and where that is nothing, what else is.
fn either(mut said: Said, otherwise: Said) -> Said {
    said.of_all = said.of_all.or(otherwise.of_all);
    for (shop, text) in otherwise.of_shops {
        said.of_shops.entry(shop).or_insert(text);
    }
    said
}

/// An event that verbatim itself sends.
fn own_event(id: String, key: &ConversationKey, kind: Kind) -> Event {
    let sender = Sender { id: VERBATIM.to_string(), role: Role::System, name: None };
    Event::new(id, key.id.clone(), kind, sender)
}
