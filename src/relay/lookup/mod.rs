//! What the appender must know to place an event: was this id used, and where does its conversation
//! stand. Derived from the log and written behind it: what is not written yet is answered from an
//! [`overlay`] in memory, so that no ack waits for this store.
//!
//! ```text
//! ids            shop 0 conversation 0 id   → offset u64
//! conversations  shop 0 conversation        → [`Conversation`], see conversation.rs
//! meta           "cursor"                   → u64                       integers big-endian
//! ```
//! The zero byte separates because no id holds a control character, and a conversation's ids lie
//! together: they name all its records. What a record says is in the record, so nothing here has to
//! be forgotten when a message is erased.
//!
//! Invariants: a record is in the overlay or written, from the moment it is durable; one atomic
//! write for each commit, cursor included. It does not judge what may be placed.

mod conversation;
mod error;
mod overlay;
mod store;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, PersistMode};
use parking_lot::{Mutex, RwLock};

use crate::durable::{
    OpenFolder, anew, copy_keyspace, exchange, open_keyspace, open_movable_database,
    remove_directory, rename_directory, sync_parent,
};
use crate::log::{Forgotten, LogReader};
use crate::model::{ACCESS_CONVERSATION, Offset, RULES_CONVERSATION, Record, unless_panicked};

pub(super) use conversation::CUSTOMERS_MAX;
pub use conversation::Conversation;
pub use error::LookupError;
use overlay::{Found, Overlay};
pub use store::LookupStore;

const CURSOR_KEY: &str = "cursor";
/// Blocks of the newest and most asked tables.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Records that wait to be written at most. They are shared with the other stores' tails, which
/// commit at 65,536: × 4, should the disk be slow, with about 200 bytes of keys each = 50 MiB.
const OVERLAY_RECORDS_MAX: usize = 262_144;
/// How long is waited for questions that still read what is to be closed.
const CLOSING_TIME_MAX: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 5 });
const CLOSING_STEP: Duration = Duration::from_millis(1);
/// Records applied in one write while catching up.
const CATCH_UP_RECORDS: usize = 16_384;

/// Where an id was used.
#[derive(Clone, Debug)]
pub enum Used {
    /// By this record, which is not written behind yet.
    Lately(Arc<Record>),
    At(Offset),
}

/// The lookup: for the appender that adds to it, and for any number of readers.
#[derive(Clone)]
pub struct Lookup {
    disk: Arc<OnDisk>,
    overlay: Arc<RwLock<Overlay>>,
}

/// Where the store lies, and its open database: none while it is opened again.
struct OnDisk {
    dir: PathBuf,
    written: RwLock<Option<Arc<Written>>>,
    /// What was written anew, until nobody reads it any more. It lies at [`anew`].
    replaced: Mutex<Option<Arc<Written>>>,
    /// A write failed: the database then takes no more until it is opened again.
    has_failed: AtomicBool,
    /// Something read is not as it was written: all of it is to be made anew.
    is_damaged: AtomicBool,
    exchange: fn(&Path, &Path) -> io::Result<()>,
}

/// What lies on the disk.
struct Written {
    database: Database,
    ids: Keyspace,
    conversations: Keyspace,
    meta: Keyspace,
    path: String,
    /// Dropped last.
    folder: OpenFolder,
}

impl Lookup {
    /// Opens the store in `dir` and applies what the log has beyond its cursor.
    pub fn open(dir: &Path, log: &LogReader) -> Result<Lookup, LookupError> {
        let written = Written::open(dir)?;
        let end = log.head();
        store::catch_up(&written, log, end)?;
        Ok(Lookup::of(dir, written, Overlay::starting_at(end)))
    }

    /// [`Lookup::open`], writing nothing: what the log has beyond the cursor goes into the overlay.
    pub fn open_to_read(dir: &Path, log: &LogReader) -> Result<Lookup, LookupError> {
        let written = Written::open(dir)?;
        let overlay = Overlay::starting_at(written.cursor()?);
        let lookup = Lookup::of(dir, written, overlay);
        store::read_ahead(&lookup, log)?;
        Ok(lookup)
    }

    fn of(dir: &Path, written: Written, overlay: Overlay) -> Lookup {
        let disk = OnDisk {
            dir: dir.to_path_buf(),
            written: RwLock::new(Some(Arc::new(written))),
            replaced: Mutex::default(),
            has_failed: AtomicBool::new(false),
            is_damaged: AtomicBool::new(false),
            exchange,
        };
        Lookup { disk: Arc::new(disk), overlay: Arc::new(RwLock::new(overlay)) }
    }

    /// Whether it answers: without it no event can be placed.
    pub fn is_open(&self) -> bool {
        self.disk.written.read().is_some()
    }

    fn written(&self) -> Result<Arc<Written>, LookupError> {
        let written = self.disk.written.read().clone();
        written.ok_or_else(|| LookupError::NotOpen { path: self.disk.dir.display().to_string() })
    }

    /// Opens the database again where it is not open, or a write has failed: what was not written is in
    /// the overlay still. What is damaged is made anew; until that is done, nothing that needs it is
    /// answered.
    fn reopen_if_failed(&self, log: &LogReader) -> Result<(), LookupError> {
        let is_damaged = self.disk.is_damaged.load(Ordering::Acquire);
        let has_failed = self.disk.has_failed.load(Ordering::Acquire);
        if self.is_open() && !is_damaged && !has_failed {
            return Ok(());
        }
        self.close();
        if is_damaged {
            set_lookup_aside(&self.disk.dir)?;
        }
        let written = self.noting(Written::open(&self.disk.dir))?;
        // What is made anew ends where the overlay does. Else only what lies below it could be missing,
        // and whoever sends that again would be taken to send something new.
        let overlay = self.overlay.read().written_to()..self.overlay.read().end();
        let end = if is_damaged { overlay.end } else { overlay.start };
        if self.noting(written.cursor())? < end {
            self.noting(store::catch_up(&written, log, end))?;
        }
        *self.disk.written.write() = Some(Arc::new(written));
        self.overlay.write().forget_below(end);
        self.disk.has_failed.store(false, Ordering::Release);
        self.disk.is_damaged.store(false, Ordering::Release);
        Ok(())
    }

    /// Notes down that what was read is damaged, so that the store makes it anew.
    fn noting<T>(&self, read: Result<T, LookupError>) -> Result<T, LookupError> {
        if let Err(error @ LookupError::Damaged { .. }) = &read
            && !self.disk.is_damaged.swap(true, Ordering::AcqRel)
        {
            tracing::error!(%error, "the lookup will be made anew");
        }
        read
    }

    /// Fails where something that was read is damaged.
    fn require_whole(&self) -> Result<(), LookupError> {
        if !self.disk.is_damaged.load(Ordering::Acquire) {
            return Ok(());
        }
        let detail = "something that was read is not as it was written".to_string();
        Err(LookupError::Damaged { path: self.disk.dir.display().to_string(), detail })
    }

    /// Whether so much waits to be written that no more should be added.
    pub(super) fn is_full(&self) -> bool {
        self.overlay.read().len() >= OVERLAY_RECORDS_MAX
    }

    /// First offset that is not written.
    pub fn cursor(&self) -> Result<Offset, LookupError> {
        self.written()?.cursor()
    }

    /// Where an id was used, if it was, by its [`id_key`].
    pub fn used(&self, id_key: &[u8]) -> Result<Option<Used>, LookupError> {
        match self.overlay.read().find(id_key) {
            Found::Record(record) => return Ok(Some(Used::Lately(record))),
            Found::Nowhere => return Ok(None),
            Found::NotHere => {}
        }
        let offset = self.noting(self.written()?.offset_of(id_key))?;
        Ok(offset.map(Used::At))
    }

    /// Where a conversation stands, if it exists, by its [`conversation_key`].
    pub fn conversation(&self, key: &[u8]) -> Result<Option<Arc<Conversation>>, LookupError> {
        if let Some(lately) = self.overlay.read().conversation(key) {
            return Ok(Some(lately));
        }
        let conversation = self.noting(self.written()?.conversation(key))?;
        Ok(conversation.map(Arc::new))
    }

    /// Offsets of all records of a conversation, in order.
    pub fn offsets(&self, shop: &str, conversation: &str) -> Result<Vec<Offset>, LookupError> {
        let prefix = id_key(shop, conversation, "");
        // The overlay first: what is written meanwhile is then found twice rather than not at all.
        let lately = self.overlay.read().offsets(&prefix[..prefix.len() - 1]);
        let mut offsets = self.noting(self.written()?.offsets_under(&prefix))?;
        offsets.extend(lately);
        offsets.sort_unstable();
        offsets.dedup();
        Ok(offsets)
    }

    /// The last `count` ids of a conversation below `below` in the order of ids, the largest first, and
    /// where their records are. For conversations whose ids have an order.
    pub fn last_ids(
        &self,
        shop: &str,
        conversation: &str,
        below: Option<&str>,
        count: usize,
    ) -> Result<Vec<(String, Offset)>, LookupError> {
        let prefix = id_key(shop, conversation, "");
        let end = match below {
            Some(below) => id_key(shop, conversation, below),
            // What separates is followed by nothing smaller.
            None => [&prefix[..prefix.len() - 1], &[1]].concat(),
        };
        // The overlay first, as in `offsets`.
        let mut ids = self.overlay.read().ids(&prefix, &end);
        ids.extend(self.noting(self.written()?.last_ids(&prefix, &end, count))?);
        ids.sort_unstable_by(|left, right| right.cmp(left));
        ids.dedup();
        ids.truncate(count);
        Ok(ids)
    }

    /// The conversations of a shop in which a customer takes part.
    pub fn conversations_of(&self, shop: &str, customer: &str) -> Result<Vec<String>, LookupError> {
        let takes_part = |state: &Conversation| state.customers.iter().any(|id| id == customer);
        let mut found: BTreeSet<String> = BTreeSet::new();
        self.each_conversation(shop, |name, state| {
            if takes_part(state) {
                found.insert(name.to_string());
            }
        })?;
        Ok(found.into_iter().collect())
    }

    /// Whether there is anything of a shop: a conversation beside the one of who looked at what.
    pub fn has_shop(&self, shop: &str) -> Result<bool, LookupError> {
        let (prefix, trail) =
            (conversation_key(shop, ""), conversation_key(shop, ACCESS_CONVERSATION));
        if self.overlay.read().standing_under(&prefix).iter().any(|(key, _)| *key != trail) {
            return Ok(true);
        }
        let written = self.written()?;
        for entry in written.conversations.prefix(&prefix) {
            let key = entry.key().map_err(|source| written.failed(source))?;
            if *key != *trail {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Hands out where each conversation of a shop stands. One that spoke lately may come twice, as it
    /// stood and as it stands.
    pub fn each_conversation(
        &self,
        shop: &str,
        mut see: impl FnMut(&str, &Conversation),
    ) -> Result<(), LookupError> {
        let prefix = conversation_key(shop, "");
        let lately = self.overlay.read().standing_under(&prefix);
        let written = self.written()?;
        self.noting(written.each_under(&prefix, &mut see))?;
        for (key, state) in lately {
            if let Some(name) = key.get(prefix.len()..).and_then(|name| str::from_utf8(name).ok()) {
                see(name, &state);
            }
        }
        Ok(())
    }

    /// The shops that have decided anything.
    pub fn shops_with_rules(&self) -> Result<BTreeSet<String>, LookupError> {
        let ending = conversation_key("", RULES_CONVERSATION);
        let shop_of = |key: &[u8]| {
            let shop = key.strip_suffix(ending.as_slice())?;
            str::from_utf8(shop).ok().map(str::to_string)
        };
        let lately = self.overlay.read().standing_under(&[]);
        let mut shops: BTreeSet<String> =
            lately.iter().filter_map(|(key, _)| shop_of(key)).collect();
        let written = self.written()?;
        for entry in written.conversations.iter() {
            let key = entry.key().map_err(|source| written.failed(source))?;
            shops.extend(shop_of(&key));
        }
        Ok(shops)
    }

    /// Puts pseudonyms in the place of customers who were erased. Returns whether there were any.
    fn forget(&self, forgotten: &Forgotten) -> Result<bool, LookupError> {
        let mut has_changed = false;
        let written = self.written()?;
        for (of, _) in forgotten.conversations() {
            let key = conversation_key(&of.shop, &of.id);
            has_changed |= self.overlay.write().forget(&key, of, forgotten);
            let state = self.noting(written.conversation(&key))?;
            if let Some(state) = state.and_then(|state| state.forgetting(of, forgotten)) {
                let stored = written.conversations.insert(&key, state.encode());
                stored.map_err(|source| written.failed(source))?;
                has_changed = true;
            }
        }
        Ok(has_changed)
    }

    /// Writes all of it into new files. Questions are answered from the old ones until the new ones
    /// have their name, and go on so where anything fails before that. Returns whether the old ones, and
    /// what was overwritten in them, are gone: somebody may still read them. Nobody may write meanwhile.
    fn write_anew(&self) -> Result<bool, LookupError> {
        if !self.remove_replaced()? {
            return Ok(false);
        }
        let dir = &self.disk.dir;
        let fresh = self.copied()?;
        if let Err(source) = (self.disk.exchange)(&anew(dir), dir) {
            // Where a name could not be given back, what has it now is whole too, and is opened.
            let is_elsewhere = !self.written()?.folder.is_at(dir);
            self.disk.has_failed.fetch_or(is_elsewhere, Ordering::AcqRel);
            return Err(self.failed(source));
        }
        let old = self.disk.written.write().replace(Arc::new(fresh));
        *self.disk.replaced.lock() = old;
        sync_parent(dir).map_err(|source| self.failed(source))?;
        self.remove_replaced()
    }

    /// A copy of all that is written, on stable storage at [`anew`], open.
    fn copied(&self) -> Result<Written, LookupError> {
        let (dir, written) = (&self.disk.dir, self.written()?);
        let fresh = Written::open_at(&anew(dir), dir)?;
        let copied = copy_keyspace(&written.ids, &fresh.ids)
            .and_then(|()| copy_keyspace(&written.conversations, &fresh.conversations))
            .and_then(|()| copy_keyspace(&written.meta, &fresh.meta))
            .and_then(|()| fresh.database.persist(PersistMode::SyncAll));
        self.noting(copied.map_err(|source| written.failed(source)))?;
        Ok(fresh)
    }

    /// Removes what lies at [`anew`]: what was written anew, or what a copy left that failed. Returns
    /// whether it is gone: not while somebody reads it.
    fn remove_replaced(&self) -> Result<bool, LookupError> {
        let mut replaced = self.disk.replaced.lock();
        if let Some(old) = &*replaced
            && !is_let_go(old)
        {
            return Ok(false);
        }
        *replaced = None;
        remove_directory(&anew(&self.disk.dir)).map_err(|source| self.failed(source))?;
        Ok(true)
    }

    /// Closes the database, after waiting for questions that read it: it holds the folder's lock until
    /// the last of them has ended.
    fn close(&self) {
        if let Some(closing) = self.disk.written.write().take() {
            is_let_go(&closing);
        }
    }

    fn failed(&self, source: io::Error) -> LookupError {
        let path = self.disk.dir.display().to_string();
        LookupError::Failed { path, source: Box::new(source) }
    }

    /// How many ids and how many conversations are written. Reads them all.
    pub fn counts(&self) -> Result<(u64, u64), LookupError> {
        let written = self.written()?;
        let count = |keyspace: &Keyspace| keyspace.len().map_err(|source| written.failed(source));
        let (ids, conversations) = (count(&written.ids)?, count(&written.conversations)?);
        Ok((ids as u64, conversations as u64))
    }

    /// Adds durable records, which are next in the log, and where their conversations stand after
    /// them.
    pub(super) fn add(
        &self,
        records: &[Arc<Record>],
        standing: impl IntoIterator<Item = (Vec<u8>, Arc<Conversation>)>,
    ) {
        self.overlay.write().add(records, standing);
    }
}

impl Written {
    fn open(dir: &Path) -> Result<Written, LookupError> {
        Written::open_at(dir, dir)
    }

    /// What lies in `at` and is to be, or is, the lookup in `dir`.
    fn open_at(at: &Path, dir: &Path) -> Result<Written, LookupError> {
        // Of some damages fjall says so in a panic.
        let opened = unless_panicked(|| Written::open_unguarded(at, dir));
        opened.unwrap_or_else(|said| {
            let detail = format!("opening it panicked: {said}");
            Err(LookupError::Damaged { path: dir.display().to_string(), detail })
        })
    }

    fn open_unguarded(at: &Path, dir: &Path) -> Result<Written, LookupError> {
        let path = dir.display().to_string();
        let failed = |source| LookupError::failed(&path, source);
        let (database, folder) = open_movable_database(at, CACHE_BYTES).map_err(failed)?;
        let keyspace = |name| open_keyspace(&database, name).map_err(failed);
        let (ids, conversations, meta) =
            (keyspace("ids")?, keyspace("conversations")?, keyspace("meta")?);
        Ok(Written { database, ids, conversations, meta, path, folder })
    }

    fn cursor(&self) -> Result<Offset, LookupError> {
        match self.meta.get(CURSOR_KEY).map_err(|source| self.failed(source))? {
            None => Ok(Offset(0)),
            Some(bytes) => self.offset(&bytes, "the cursor"),
        }
    }

    fn offset_of(&self, id_key: &[u8]) -> Result<Option<Offset>, LookupError> {
        let found = self.ids.get(id_key).map_err(|source| self.failed(source))?;
        found.map(|bytes| self.offset(&bytes, "an entry of ids")).transpose()
    }

    fn offsets_under(&self, prefix: &[u8]) -> Result<Vec<Offset>, LookupError> {
        let offset = |entry: fjall::Guard| {
            let bytes = entry.value().map_err(|source| self.failed(source))?;
            self.offset(&bytes, "an entry of ids")
        };
        self.ids.prefix(prefix).map(offset).collect()
    }

    fn last_ids(
        &self,
        prefix: &[u8],
        end: &[u8],
        count: usize,
    ) -> Result<Vec<(String, Offset)>, LookupError> {
        let entry = |entry: fjall::Guard| {
            let (key, bytes) = entry.into_inner().map_err(|source| self.failed(source))?;
            let id = key.get(prefix.len()..).map(|id| String::from_utf8(id.to_vec()));
            let Some(Ok(id)) = id else { return Err(self.damaged("a key of ids is no text")) };
            Ok((id, self.offset(&bytes, "an entry of ids")?))
        };
        self.ids.range(prefix..end).rev().take(count).map(entry).collect()
    }

    fn conversation(&self, key: &[u8]) -> Result<Option<Conversation>, LookupError> {
        let found = self.conversations.get(key).map_err(|source| self.failed(source))?;
        found
            .map(|bytes| {
                Conversation::decode(&bytes)
                    .ok_or_else(|| self.damaged("an entry of conversations"))
            })
            .transpose()
    }

    fn each_under(
        &self,
        prefix: &[u8],
        see: &mut impl FnMut(&str, &Conversation),
    ) -> Result<(), LookupError> {
        for entry in self.conversations.prefix(prefix) {
            let (key, value) = entry.into_inner().map_err(|source| self.failed(source))?;
            let name = key.get(prefix.len()..).and_then(|name| str::from_utf8(name).ok());
            match (name, Conversation::decode(&value)) {
                (Some(name), Some(state)) => see(name, &state),
                _ => return Err(self.damaged("an entry of conversations")),
            }
        }
        Ok(())
    }

    fn offset(&self, bytes: &[u8], what: &str) -> Result<Offset, LookupError> {
        match bytes.try_into() {
            Ok(bytes) => Ok(Offset(u64::from_be_bytes(bytes))),
            Err(_) => Err(self.damaged(&format!("{what} has {} bytes, want 8", bytes.len()))),
        }
    }

    fn failed(&self, source: fjall::Error) -> LookupError {
        LookupError::failed(&self.path, source)
    }

    fn damaged(&self, detail: &str) -> LookupError {
        LookupError::Damaged { path: self.path.clone(), detail: detail.to_string() }
    }
}

/// Waits for questions that read what is to be closed. Returns whether the last has ended.
fn is_let_go(closing: &Arc<Written>) -> bool {
    let since = Instant::now();
    while Arc::strong_count(closing) > 1 {
        if since.elapsed() > CLOSING_TIME_MAX {
            return false;
        }
        std::thread::sleep(CLOSING_STEP);
    }
    true
}

/// Where a damaged lookup stays, for whoever wants to know what became of it, until the next one.
pub fn lookup_aside(dir: &Path) -> PathBuf {
    dir.with_extension("damaged")
}

/// Moves what lies in `dir`, which nobody has open, to [`lookup_aside`].
pub fn set_lookup_aside(dir: &Path) -> Result<(), LookupError> {
    let aside = lookup_aside(dir);
    let moved = remove_directory(&aside)
        .and_then(|()| if dir.exists() { rename_directory(dir, &aside) } else { Ok(()) });
    moved.map_err(|source| LookupError::Failed {
        path: dir.display().to_string(),
        source: Box::new(source),
    })
}

/// The key of an id.
pub fn id_key(shop: &str, conversation: &str, id: &str) -> Vec<u8> {
    [shop, conversation, id].join("\0").into_bytes()
}

/// The key of a conversation: what its ids' keys begin with, before a zero byte.
pub fn conversation_key(shop: &str, conversation: &str) -> Vec<u8> {
    [shop, conversation].join("\0").into_bytes()
}
