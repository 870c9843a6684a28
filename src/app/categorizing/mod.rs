//! Gives conversations their category within seconds of their end, where the shop's rules name a model and no person
//! tagged them.
//!
//! ```text
//! facts: episodes that ended since the mark ─▶ what their customers said ─▶ model ─▶ tags, by the relay ─▶ the mark
//! ```
//! What was looked at is remembered now and then. After a crash some of it is looked at again: the same decisions
//! have the same ids, and add nothing. What ended before the rule was set is left to `verbatim categories apply`.
//!
//! Invariants: nobody waits for it, and it takes what the cores have left; a shop that cannot be looked at stops no
//! other; where no shop has the rule, it asks nothing.

// Questions, beside the service.
mod asking;
// Up to where each shop was looked at.
mod marks;
// Models that were read.
mod models;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::background::{Background, Said, Trouble};
use super::{DataDir, give_way};
use crate::access::operator;
use crate::categories::{
    After, CONVERSATIONS_AT_ONCE, Cases, EPISODES_AT_ONCE, Ended, Saved, decide_once, ended_since,
    said_in,
};
use crate::facts::FactsReader;
use crate::log::{Followed, LogReader};
use crate::model::{CanonicalEvent, ErrorKind, Event, Kinded, Offset, Origin, Rules};
use crate::records::Records;
use crate::relay::Relay;
use crate::sql::Sql;
use asking::Asking;
use marks::Marks;
use models::Models;

/// How often is looked whether anything ended: where nothing was received since, that reads a number.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pages of one shop in one look, so that those behind it have their turn: × 1,000 episodes.
const PAGES_MAX: usize = 4;

/// What it needs.
#[derive(Clone)]
pub(super) struct Categorizing {
    pub(super) data: DataDir,
    pub(super) log: LogReader,
    pub(super) relay: Relay,
    pub(super) records: Records,
    pub(super) facts: Followed<FactsReader>,
    pub(super) sql: Sql,
}

/// What is remembered from one look to the next.
struct Memory {
    asking: Arc<Asking>,
    models: Models,
    marks: Marks,
    looked: HashMap<String, Looked>,
}

/// What is remembered of one shop.
struct Looked {
    /// The version of its rules.
    version: u32,
    /// From where on they have let a model tag: to find that out may read the archive.
    since: Offset,
    /// What was looked at last where there is more of it: one record may end more episodes than a look has pages.
    after: After,
}

impl Categorizing {
    pub(super) fn start(self, stop: CancellationToken) -> io::Result<Background> {
        let asking = Arc::new(Asking::new(self.sql.clone())?);
        let told = stop.clone();
        let working = move |trouble| self.clone().work_on(asking.clone(), trouble, told.clone());
        Background::start("categories", stop, working)
    }

    async fn work_on(self, asking: Arc<Asking>, trouble: Trouble, stop: CancellationToken) {
        give_way();
        let mut memory = Memory {
            asking,
            models: Models::new(self.data.models()),
            marks: Marks::read(self.data.root()),
            looked: HashMap::new(),
        };
        let mut looked_at = None;
        let mut before = BTreeMap::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => break,
            }
            let head = self.log.head();
            if looked_at == Some(head) {
                continue;
            }
            // What is in line when this is dropped is appended, and what is not is decided again.
            let (waiting, is_done) = tokio::select! {
                looked = self.look(&mut memory, head) => looked,
                () = stop.cancelled() => break,
            };
            for (shop, why) in &waiting {
                if before.get(shop) != Some(why) {
                    tracing::warn!(shop, why, "conversations of a shop get no category");
                }
            }
            looked_at = is_done.then_some(head);
            let of_all = memory.marks.write_sometimes();
            trouble.set_said(Said { of_all, of_shops: waiting.clone() });
            before = waiting;
        }
        if let Some(why) = memory.marks.write() {
            tracing::warn!(why, "some conversations are looked at again after the next start");
        }
    }

    /// Looks at every shop that has the rule. Returns why which cannot be, and whether nothing is left.
    async fn look(&self, memory: &mut Memory, head: Offset) -> (BTreeMap<String, String>, bool) {
        // Until the facts are open, nothing is known of any shop.
        let Ok(classifying) = self.facts.reader().classifying() else {
            return (BTreeMap::new(), false);
        };
        let (mut waiting, mut is_done) = (BTreeMap::new(), true);
        for (shop, rules) in classifying {
            match self.look_at(&shop, &rules, memory, head).await {
                Ok(is_all) => is_done &= is_all,
                Err(error) => {
                    is_done = false;
                    waiting.insert(shop, format!("categories wait: {error:#}"));
                }
            }
        }
        (waiting, is_done)
    }

    /// Returns whether nothing is left of the shop.
    async fn look_at(
        &self,
        shop: &str,
        rules: &Rules,
        memory: &mut Memory,
        head: Offset,
    ) -> anyhow::Result<bool> {
        let Some(model) = &rules.classifier else { return Ok(true) };
        let saved = memory.models.get(shop, model)?;
        let Memory { asking, marks, looked, .. } = memory;
        let looked = self.looked_at(shop, rules, looked)?;
        let mut mark = marks.of(shop, head).max(looked.since);
        for _ in 0..PAGES_MAX {
            let query = ended_since(mark, &looked.after);
            let (complete_to, page): (_, Vec<Ended>) = asking.fold(shop, query, Vec::push).await?;
            self.tag(asking, shop, &page, &saved).await?;
            if page.len() < EPISODES_AT_ONCE {
                looked.after = None;
                marks.set(shop, mark.max(complete_to));
                // Facts that are behind have more of it to come, without a further record.
                return Ok(complete_to >= head);
            }
            mark = page.last().map_or(mark, |last| last.closed_offset);
            looked.after = page.into_iter().last();
            marks.set(shop, mark);
        }
        Ok(false)
    }

    /// What is remembered of a shop under these rules: nothing where they have changed since.
    fn looked_at<'a>(
        &self,
        shop: &str,
        rules: &Rules,
        looked: &'a mut HashMap<String, Looked>,
    ) -> anyhow::Result<&'a mut Looked> {
        let fresh = || -> anyhow::Result<Looked> {
            Ok(Looked { version: rules.version, since: self.ruled_since(shop)?, after: None })
        };
        Ok(match looked.entry(shop.to_string()) {
            Entry::Occupied(known) if known.get().version == rules.version => known.into_mut(),
            entry => entry.insert_entry(fresh()?).into_mut(),
        })
    }

    /// From where on the shop has let a model tag.
    fn ruled_since(&self, shop: &str) -> anyhow::Result<Offset> {
        let (mut since, mut has_one) = (Offset(0), false);
        for version in self.records.rules(shop)?.versions {
            let had_one = std::mem::replace(&mut has_one, version.rules.classifier.is_some());
            if has_one && !had_one {
                since = version.offset;
            }
        }
        Ok(since)
    }

    /// Gives the conversations of these episodes what the model says of the last of each.
    async fn tag(
        &self,
        asking: &Asking,
        shop: &str,
        page: &[Ended],
        saved: &Saved,
    ) -> anyhow::Result<()> {
        let last: BTreeMap<&str, &Ended> =
            page.iter().map(|ended| (ended.conversation.as_str(), ended)).collect();
        let all: Vec<&Ended> = last.into_values().collect();
        for some in all.chunks(CONVERSATIONS_AT_ONCE) {
            let from = some.iter().map(|ended| ended.started_offset).min().unwrap_or_default();
            let names = some.iter().map(|ended| ended.conversation.as_str());
            let (_, cases) = asking.fold(shop, said_in(names, from), Cases::add).await?;
            let mut events = Vec::new();
            for ended in some {
                match decide_once(cases.of(&ended.conversation), ended, saved) {
                    Ok(decision) => events.extend(decision.events),
                    // Its own trouble, which those behind it do not wait for.
                    Err(error) => tracing::warn!(shop, %error, "a conversation gets no category"),
                }
            }
            self.append(shop, events).await?;
        }
        Ok(())
    }

    async fn append(&self, shop: &str, events: Vec<Event>) -> anyhow::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let canonical = |event| CanonicalEvent::new(shop, Origin::Live, None, event);
        let events = events.into_iter().map(canonical).collect();
        for outcome in self.relay.append(Arc::new(operator(shop)), events).await? {
            match outcome {
                Ok(_) => {}
                // Said before, of a text that was edited since.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                // Its own trouble, too.
                Err(error) if is_its_own(error.kind()) => {
                    tracing::warn!(shop, %error, "a conversation gets no category");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Whether an error is one record's alone, however often it is sent.
fn is_its_own(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::BadInput | ErrorKind::Denied | ErrorKind::NotFound)
}
