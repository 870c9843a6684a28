//! Asks to erase what shops keep no longer: conversations whose last record, but for holds, releases,
//! erasures and automatic categories, is older than the shop's rules keep any, and that nothing holds.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::random;

use super::clock::{ExpiryClock, Told};
use super::marks::Marks;
use super::{Erasing, own_event};
use crate::access::operator;
use crate::app::background::Said;
use crate::archive::ArchiveSnapshot;
use crate::erasure::{Asked, Held, tombstones};
use crate::model::{
    CanonicalEvent, ConversationKey, Erasure, Event, Kind, Micros, Offset, Origin, RESERVED_PREFIX,
    Record, held_by,
};

/// How often is looked whether a shop keeps something no longer.
const EXPIRE_EVERY: Duration = Duration::from_hours(1);
/// Conversations that are asked to be erased at a time, for that.
const EXPIRED_MAX: usize = 1_000;
/// Records looked through at a time for conversations that end there: × name and offset = 16 MiB.
const WINDOW_RECORDS: u64 = 262_144;
/// How soon that is tried again where it failed: stores may be opening.
const RETRY: Duration = Duration::from_secs(2);
/// How soon, where the wall clock is doubted: somebody may set it right.
const DOUBTED_RETRY: Duration = Duration::from_mins(1);

/// When to look again, and what stopped the last look.
pub(super) struct Expiry {
    next: Instant,
    failed: Said,
    /// Read at the first look.
    clock: Option<ExpiryClock>,
}

/// What came of a look.
struct Expired {
    /// Conversations that were asked to be erased.
    count: usize,
    /// Why the wall clock is not believed.
    doubt: Option<String>,
}

/// What was found of some conversations.
#[derive(Default)]
struct Found {
    events: Vec<Event>,
    /// Those that are held, or cannot be read.
    again: Vec<String>,
    /// Why the first of them cannot be.
    error: Option<anyhow::Error>,
}

/// What was said from an offset on, and what only the administration did: a hold, a release or a
/// receipt puts nothing off.
struct LaterSaid<'a> {
    snapshot: &'a ArchiveSnapshot,
    from: Offset,
    /// Read when it is asked for.
    asides: Option<HashSet<Offset>>,
}

impl LaterSaid<'_> {
    /// Whether any of these records was said, as far as the snapshot goes. One below [`Self::from`]
    /// counts as said: its conversation is looked at when that comes.
    fn is_any_said(&mut self, shop: &str, offsets: &[Offset]) -> anyhow::Result<bool> {
        let end = self.snapshot.tail.end();
        let mut offsets = offsets.iter().filter(|offset| **offset < end).peekable();
        if offsets.peek().is_none() {
            return Ok(false);
        }
        let asides = match &mut self.asides {
            Some(known) => known,
            unread => unread.insert(self.snapshot.asides_since(shop, self.from)?),
        };
        Ok(offsets.any(|offset| !asides.contains(offset)))
    }
}

impl Expiry {
    pub(super) fn new(now: Instant) -> Expiry {
        Expiry { next: now, failed: Said::default(), clock: None }
    }

    /// Looks, where it is time to. Returns what stopped the last look.
    pub(super) async fn go_on(&mut self, erasing: &Erasing, now: Instant) -> Said {
        if now >= self.next {
            let mut failed = Said::default();
            let expired = self.look(erasing, &mut failed.of_shops).await;
            let mut pause = EXPIRE_EVERY;
            match expired {
                Ok(Expired { count, doubt }) => {
                    if doubt.is_some() {
                        pause = DOUBTED_RETRY;
                    }
                    if count >= EXPIRED_MAX || !failed.of_shops.is_empty() {
                        pause = RETRY;
                    }
                    failed.of_all = doubt;
                }
                Err(error) => {
                    pause = RETRY;
                    failed.of_all = Some(waits(&error));
                }
            }
            self.next = Instant::now() + pause;
            self.failed = failed;
        }
        self.failed.clone()
    }

    async fn look(
        &mut self,
        erasing: &Erasing,
        failed: &mut BTreeMap<String, String>,
    ) -> anyhow::Result<Expired> {
        let clock = match &mut self.clock {
            Some(clock) => clock,
            unread => unread.insert(ExpiryClock::read(erasing.data.root(), erasing.newest)?),
        };
        let Told { time, doubt } = clock.now()?;
        let shops = erasing.lookup.shops_with_rules()?;
        // Where all is kept for ever, nobody need know.
        let is_kept = |shop: &String| {
            let known = erasing.records.rules(shop);
            known.is_ok_and(|known| known.rules.keep_days == 0)
        };
        let doubt = doubt.filter(|_| !shops.iter().all(is_kept));
        Ok(Expired { count: erasing.expire(shops, time, failed).await?, doubt })
    }
}

fn waits(error: &anyhow::Error) -> String {
    format!("what is kept no longer waits: {error:#}")
}

impl Erasing {
    /// Asks to erase what shops keep no longer, up to [`EXPIRED_MAX`] conversations and a window more.
    /// Returns of how many; what stops a shop, which stops no other, is put into `failed`.
    async fn expire(
        &self,
        shops: BTreeSet<String>,
        now: Micros,
        failed: &mut BTreeMap<String, String>,
    ) -> anyhow::Result<usize> {
        if shops.is_empty() {
            return Ok(0);
        }
        let mut marks = Marks::read(self.data.root())?;
        let state = self.state().await?;
        let waiting: HashSet<ConversationKey> =
            state.pending.iter().map(Asked::key).chain(state.holds.iter().map(Held::key)).collect();
        let mut count = 0;
        for shop in shops {
            match self.expire_shop(&shop, now, &waiting, &mut marks, EXPIRED_MAX - count).await {
                Ok(asked) => count = (count + asked).min(EXPIRED_MAX),
                Err(error) => drop(failed.insert(shop, waits(&error))),
            }
        }
        Ok(count)
    }

    async fn expire_shop(
        &self,
        shop: &str,
        now: Micros,
        waiting: &HashSet<ConversationKey>,
        marks: &mut Marks,
        count_max: usize,
    ) -> anyhow::Result<usize> {
        let keep_days = self.records.rules(shop)?.rules.keep_days;
        if keep_days == 0 {
            return Ok(0);
        }
        let keep = i64::from(keep_days).saturating_mul(24 * 3_600_000_000);
        let before = Micros(now.0.saturating_sub(keep));
        let snapshot = self.archive.snapshot()?;
        let end = self.first_since(before)?.min(snapshot.table.cursor);
        let mut mark = marks.of(shop, self.log.head());
        let mut quiet: Vec<String> = std::mem::take(&mut mark.again).into_iter().collect();
        let mut later = LaterSaid { snapshot: &snapshot, from: end, asides: None };
        let (mut count, mut failed) = (0, None);
        while count < count_max && (mark.below < end || !quiet.is_empty()) {
            let below = (mark.below + WINDOW_RECORDS).min(end).max(mark.below);
            quiet.extend(self.quiet_conversations(&mut later, shop, mark.below..below)?);
            let waits = |name: &String| waiting.contains(&ConversationKey::new(shop, name));
            let (again, quiet_now): (Vec<String>, Vec<String>) =
                std::mem::take(&mut quiet).into_iter().partition(waits);
            let Found { events, again: held, error } =
                self.expired(shop, quiet_now, keep_days, before);
            failed = failed.or(error);
            count += events.len();
            self.ask(shop, events).await?;
            mark.below = below;
            mark.again.extend(again.into_iter().chain(held));
            marks.set(shop, mark.clone())?;
        }
        failed.map_or(Ok(count), Err)
    }

    /// The conversations of a shop of which nothing was said after their last record in `range`.
    fn quiet_conversations(
        &self,
        later: &mut LaterSaid<'_>,
        shop: &str,
        range: Range<Offset>,
    ) -> anyhow::Result<Vec<String>> {
        let mut quiet = Vec::new();
        for (name, last) in later.snapshot.conversations_of_range(shop, &range)? {
            if !name.starts_with(RESERVED_PREFIX) {
                let offsets = self.lookup.offsets(shop, &name)?;
                let since = &offsets[offsets.partition_point(|offset| *offset <= last)..];
                if !later.is_any_said(shop, since)? {
                    quiet.push(name);
                }
            }
        }
        Ok(quiet)
    }

    /// What asks to erase those of `quiet` that are not held and have anything to erase.
    fn expired(&self, shop: &str, quiet: Vec<String>, keep_days: u32, before: Micros) -> Found {
        let mut expired = Found::default();
        for name in quiet {
            match self.records.conversation(shop, &name) {
                Ok(records) if !held_by(&records).is_empty() => expired.again.push(name),
                Ok(records) if self.has_expired(&records, before) => {
                    let id = format!("expire-{:016x}", random::<u64>());
                    let mut event = own_event(id, &ConversationKey::new(shop, &name), Kind::Erase);
                    event.text = Some(format!(
                        "kept for {keep_days} days after its last record, as the shop's rules say"
                    ));
                    expired.events.push(event);
                }
                Ok(_) => {}
                Err(error) => {
                    expired.error.get_or_insert(error.into());
                    expired.again.push(name);
                }
            }
        }
        expired
    }

    fn has_expired(&self, records: &[Record], before: Micros) -> bool {
        let said = records.iter().rfind(|record| !record.event.is_aside());
        let is_old = said.is_some_and(|record| record.received_at < before);
        let (asked, at, ground) = (Offset(u64::MAX), Micros(0), String::new());
        let all = Erasure { asked, at, message: None, customer: None, ground };
        is_old && !tombstones(records, &[all], &self.pseudonyms).is_empty()
    }

    /// Appends many in one piece: each erasure that comes alone begins a segment of the log.
    async fn ask(&self, shop: &str, events: Vec<Event>) -> anyhow::Result<()> {
        let canonical = |event| CanonicalEvent::new(shop, Origin::Live, None, event);
        let mut events = events.into_iter().map(canonical).peekable();
        while events.peek().is_some() {
            let some = events.by_ref().take(EXPIRED_MAX).collect();
            for outcome in self.relay.append(Arc::new(operator(shop)), some).await? {
                outcome?;
            }
        }
        Ok(())
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
}
