//! Erases what was asked for and is not held, and what a shop keeps no longer.
//!
//! ```text
//! 1  every store has committed what lies before the record that asks     nothing is lost with the log
//! 2  the log lets go of it, once the archive was read to have it         the archive is the truth now
//! 3  attachments that nothing else names are removed
//! 4  the archive's files are written anew, in one commit                 what was said is gone for good
//! 5  facts, index and lookup forget; what nobody reads any more is removed
//! 6  a receipt is appended                                               it is done
//! ```
//! Each step can be taken again, and after a crash all of them are, from the first: what is done already
//! changes nothing. Before step 4 a hold still counts; after it the erasure is brought to its end.
//! Nothing else of any record changes, and no record is lost at any step.
//!
//! It does not reach what left the data directory: backups, exports, what a client keeps.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rand::random;
use serde_json::json;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::background::{Background, Trouble};
use super::stores::AllWatched;
use super::trimming::Trimming;
use super::{DataDir, attached};
use crate::access::operator;
use crate::archive::ArchiveReader;
use crate::durable;
use crate::erasure::{Asked, ErasureReader, VERBATIM, is_held_back, tombstones};
use crate::log::{Followed, Forgotten, LogReader, OfConversation, Rewritten};
use crate::model::{
    CanonicalEvent, ConversationKey, Erasure, Event, Kind, Micros, Offset, Origin, Pseudonyms,
    Record, Role, Sender, held_by,
};
use crate::records::Records;
use crate::relay::{AttachmentStore, Lookup, Relay};

/// How often is looked whether something waits: that reads a flag.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often is looked whether a shop keeps something no longer.
const EXPIRE_EVERY: Duration = Duration::from_hours(1);
/// Conversations that are asked to be erased at a time, for that.
const EXPIRED_MAX: usize = 1_000;
/// How soon that is tried again where it failed: stores may be opening.
const RETRY: Duration = Duration::from_secs(2);
/// Conversations erased together: each is in memory, whole.
const CONVERSATIONS_MAX: usize = 256;
/// Files and segments that a receipt names; it counts the others. × about 100 bytes is far below what
/// `data` of an event may have.
const NAMED_MAX: usize = 64;
/// Folders of the data directory that a crash or a damage left, which hold what stores held.
const LEFTOVERS: [&str; 4] = ["aside", "damaged", "removed", "anew"];

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
    pub(super) trimming: Trimming,
    pub(super) stores: AllWatched,
    pub(super) pseudonyms: Pseudonyms,
}

/// What was done so far of what is erased now; a restart begins it anew.
#[derive(Default)]
struct Progress {
    rewritten: Vec<Rewritten>,
    records: HashMap<ConversationKey, u64>,
    attachments: u64,
    began: Option<Micros>,
}

/// What is erased of one conversation.
struct Conversation {
    key: ConversationKey,
    records: Vec<Record>,
    erasures: Vec<Asked>,
    tombstones: Vec<Record>,
}

impl Erasing {
    pub(super) fn start(self, stop: CancellationToken) -> io::Result<Background> {
        let told = stop.clone();
        let working = move |trouble| self.clone().work_on(trouble, told.clone());
        Background::start("erasing", stop, working)
    }

    async fn work_on(self, trouble: Trouble, stop: CancellationToken) {
        let mut progress = Progress::default();
        let mut expire_at = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => return,
            }
            let mut failed = None;
            if Instant::now() >= expire_at {
                let expired = self.expire().await;
                let is_all = expired.as_ref().is_ok_and(|count| *count < EXPIRED_MAX);
                expire_at = Instant::now() + if is_all { EXPIRE_EVERY } else { RETRY };
                failed = expired.err();
            }
            if self.erasures.reader().has_pending() {
                failed = self.look(&mut progress).await.err().or(failed);
            } else {
                progress = Progress::default();
            }
            if let Some(error) = &failed {
                tracing::debug!(error = %format!("{error:#}"), "an erasure waits");
            }
            trouble.set(failed.map(|error| format!("an erasure waits: {error:#}")));
        }
    }

    /// Erases what can be erased now.
    async fn look(&self, progress: &mut Progress) -> anyhow::Result<()> {
        let todo = self.todo().await?;
        let Some(below) = todo.iter().flat_map(|of| &of.erasures).map(|of| of.erasure.asked).max()
        else {
            return Ok(());
        };
        progress.began.get_or_insert_with(Micros::now);
        self.let_log_go(below, &todo)?;
        progress.attachments += self.remove_attachments(&todo)?;
        // What came meanwhile is held back from here on no more.
        let todo = self.todo().await?;
        let of_records = todo.iter().flat_map(|of| &of.tombstones);
        let changed: BTreeMap<Offset, Record> =
            of_records.map(|record| (record.offset, record.clone())).collect();
        ensure!(
            changed.keys().all(|offset| *offset < self.log.oldest()),
            "the log has not let go of it yet"
        );
        let left = self.archive.erase(changed).await?;
        for of in &todo {
            *progress.records.entry(of.key.clone()).or_default() += of.tombstones.len() as u64;
        }
        progress.rewritten.extend(left.iter().filter_map(|path| in_archive(path)));
        ensure!(self.archive.sweep().await?, "a question still reads the archive's old files");
        let forgotten = Arc::new(self.forgotten(&todo)?);
        for store in self.stores.now() {
            let Some(forgot) = store.forget(forgotten.clone()).await else {
                bail!("the store `{}` stands still", store.name);
            };
            for rewritten in forgot.rewritten {
                if !progress.rewritten.contains(&rewritten) {
                    progress.rewritten.push(rewritten);
                }
            }
            ensure!(forgot.is_gone, "a question still reads old files of `{}`", store.name);
        }
        self.remove_leftovers()?;
        self.write_receipts(&todo, progress).await?;
        *progress = Progress::default();
        Ok(())
    }

    /// What is asked for and not held back.
    async fn todo(&self) -> anyhow::Result<Vec<Conversation>> {
        let mut by_conversation: HashMap<ConversationKey, Vec<Asked>> = HashMap::new();
        let state = self.erasures.caught_up().await.now()?;
        for asked in state.pending() {
            if by_conversation.len() < CONVERSATIONS_MAX
                || by_conversation.contains_key(&asked.key())
            {
                by_conversation.entry(asked.key()).or_default().push(asked.clone());
            }
        }
        let mut todo = Vec::new();
        for (key, erasures) in by_conversation {
            let records = self.records.conversation(&key.shop, &key.id)?;
            let of: Vec<Erasure> = erasures.iter().map(|asked| asked.erasure.clone()).collect();
            let tombstones = tombstones(&records, &of, &self.pseudonyms);
            if !is_held_back(!held_by(&records).is_empty(), &tombstones) {
                todo.push(Conversation { key, records, erasures, tombstones });
            }
        }
        Ok(todo)
    }

    /// Lets the log go of everything before the last record that asks.
    fn let_log_go(&self, below: Offset, todo: &[Conversation]) -> anyhow::Result<()> {
        let last = todo.iter().flat_map(|of| &of.tombstones).map(|record| record.offset).max();
        if last.is_none_or(|last| last < self.log.oldest()) {
            return Ok(());
        }
        let oldest = self.trimming.let_go(below)?;
        ensure!(
            last.is_none_or(|last| last < oldest),
            "the log begins at {oldest}: not every store has committed, or its segment is not sealed yet"
        );
        Ok(())
    }

    /// Removes the files that only what is erased names. Returns how many.
    fn remove_attachments(&self, todo: &[Conversation]) -> anyhow::Result<u64> {
        let mut gone: HashMap<PathBuf, Micros> = HashMap::new();
        let mut erased: HashSet<Offset> = HashSet::new();
        let mut names: HashSet<String> = HashSet::new();
        let mut shops: HashSet<String> = HashSet::new();
        for of in todo {
            for tombstone in &of.tombstones {
                let before = of.records.iter().find(|record| record.offset == tombstone.offset);
                let Some(before) = before.filter(|record| !record.event.attachments.is_empty())
                else {
                    continue;
                };
                erased.insert(before.offset);
                shops.insert(before.shop.clone());
                names.extend(before.event.attachments.iter().map(|file| file.sha256.clone()));
                for path in self.attachments.paths_of(before) {
                    let newest = gone.entry(path).or_default();
                    *newest = before.received_at.max(*newest);
                }
            }
        }
        if gone.is_empty() {
            return Ok(0);
        }
        for record in attached::naming(&self.archive, &self.log, &shops, &names)? {
            if !erased.contains(&record.offset) {
                for path in self.attachments.paths_of(&record) {
                    gone.remove(&path);
                }
            }
        }
        let mut removed = 0;
        for (path, said_at) in gone {
            removed += u64::from(self.attachments.remove(&path, said_at)?);
        }
        Ok(removed)
    }

    /// What the stores are to forget: the conversations as the archive has them now.
    fn forgotten(&self, todo: &[Conversation]) -> anyhow::Result<Forgotten> {
        let mut conversations = HashMap::new();
        for of in todo {
            let records = self.records.conversation(&of.key.shop, &of.key.id)?;
            let is_erased = |record: &&Record| record.erased.is_some();
            let erased = records.iter().filter(is_erased).map(|record| record.offset).collect();
            let customers =
                of.erasures.iter().filter_map(|asked| asked.erasure.customer.clone()).collect();
            let records = records.into_iter().map(Arc::new).collect();
            conversations.insert(of.key.clone(), OfConversation { records, erased, customers });
        }
        Ok(Forgotten::new(conversations, self.pseudonyms.clone()))
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

    async fn write_receipts(
        &self,
        todo: &[Conversation],
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let named = &progress.rewritten[..progress.rewritten.len().min(NAMED_MAX)];
        for of in todo {
            for asked in &of.erasures {
                let receipt = json!({"receipt": {
                    "began_at": progress.began,
                    "done_at": Micros::now(),
                    "log_begins_at": self.log.oldest(),
                    "records": progress.records.get(&of.key),
                    "attachments": progress.attachments,
                    "rewritten": progress.rewritten.len(),
                    "places": named,
                }});
                let mut event = own_event(format!("done-{}", asked.id), &of.key, Kind::Erase);
                event.target = Some(asked.id.clone());
                event.text = Some(asked.erasure.ground.clone());
                event.data = Some(RawValue::from_string(receipt.to_string())?);
                self.append(&of.key.shop, event).await?;
            }
        }
        Ok(())
    }

    /// Asks to erase what shops keep no longer, of some conversations at a time. Returns of how many.
    async fn expire(&self) -> anyhow::Result<usize> {
        let mut count = 0;
        let state = self.erasures.caught_up().await.now()?;
        for shop in self.lookup.shops_with_rules()? {
            let keep_days = self.records.rules(&shop)?.rules.keep_days;
            if keep_days == 0 {
                continue;
            }
            let keep = i64::from(keep_days).saturating_mul(24 * 3_600_000_000);
            let before = Micros(Micros::now().0.saturating_sub(keep));
            let mut events = Vec::new();
            let quiet = self.lookup.quiet_conversations(&shop, self.first_since(before)?)?;
            for conversation in quiet {
                if count >= EXPIRED_MAX {
                    break;
                }
                let is_asked = state
                    .pending()
                    .any(|asked| asked.shop == shop && asked.conversation == conversation);
                let records = self.records.conversation(&shop, &conversation)?;
                let said = records.iter().rfind(|record| !record.event.kind.is_administrative());
                let is_old = said.is_some_and(|record| record.received_at < before);
                let asked = Offset(u64::MAX);
                let (at, ground) = (Micros(0), String::new());
                let all = Erasure { asked, at, message: None, customer: None, ground };
                let is_held = !held_by(&records).is_empty();
                if is_asked
                    || !is_old
                    || is_held
                    || tombstones(&records, &[all], &self.pseudonyms).is_empty()
                {
                    continue;
                }
                let key = ConversationKey::new(&shop, &conversation);
                let mut event =
                    own_event(format!("expire-{:016x}", random::<u64>()), &key, Kind::Erase);
                event.text = Some(format!(
                    "kept for {keep_days} days after its last record, as the shop's rules say"
                ));
                events.push(CanonicalEvent::new(&shop, Origin::Live, None, event));
                count += 1;
            }
            // In one piece: each erasure that comes alone begins a segment of the log.
            for outcome in self.relay.append(Arc::new(operator(&shop)), events).await? {
                outcome?;
            }
        }
        Ok(count)
    }

    /// The first record that was received at or after `time`; the head where none was.
    fn first_since(&self, time: Micros) -> anyhow::Result<Offset> {
        let (mut from, mut to) = (0, self.log.head().0);
        while from < to {
            let middle = Offset(from + (to - from) / 2);
            let record = if middle >= self.log.oldest() {
                self.log.range(middle, middle.next())?.pop()
            } else {
                self.archive.snapshot()?.records_at(&[middle])?.pop()
            };
            let record = record.with_context(|| format!("offset {middle} is nowhere"))?;
            if record.received_at < time { from = middle.0 + 1 } else { to = middle.0 }
        }
        Ok(Offset(from))
    }

    async fn append(&self, shop: &str, event: Event) -> anyhow::Result<()> {
        let event = CanonicalEvent::new(shop, Origin::Live, None, event);
        self.relay.append_one(Arc::new(operator(shop)), event).await?;
        Ok(())
    }
}

/// An event that verbatim itself sends.
fn own_event(id: String, key: &ConversationKey, kind: Kind) -> Event {
    let sender = Sender { id: VERBATIM.to_string(), role: Role::System, name: None };
    Event::new(id, key.id.clone(), kind, sender)
}

fn in_archive(path: &Path) -> Option<Rewritten> {
    let place = path.file_name()?.to_string_lossy().into_owned();
    Some(Rewritten { store: "archive".to_string(), place })
}
