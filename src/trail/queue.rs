//! What waits to be recorded: bounded, and the same within a minute summed up.
//!
//! The first of what repeats waits for the next record at once, so that nothing waits for a minute to
//! pass; the others of that minute become one record with their number at its end. Of refused attempts the
//! same person and the same action are the same, whatever was asked for: else every stranger could fill
//! the log by asking for something new. So a subject makes at most two records a minute of each action
//! and door by which it is refused; of more subjects than are told apart at once, refusals are counted.
//!
//! Invariant: each access is in a record, in a sum that waits for its minute to end, or counted as one
//! that could not be recorded.
//! It knows no log and no clock: time is an argument.

use std::collections::{BTreeMap, HashMap, VecDeque};

use sha2::{Digest, Sha256};

use crate::model::{Access, AccessAction, AccessEntry, AccessOutcome, Micros, Purpose, Via};

/// Entries that wait at most: × 16 KiB, the most that one may take, = 64 MiB; most take 300 bytes.
const WAITING_MAX: usize = 4_096;
/// Of them those of one shop, however many of its own wait: others have room too.
const WAITING_OF_SHOP_MAX: usize = WAITING_MAX / 2;
/// Things that are summed up at once: × as much. What is beyond it is recorded each time.
const REPEATED_MAX: usize = 4_096;
/// Of them refused attempts of different people: × 1 KiB, since their addresses are cut, = 1 MiB. They
/// take no room from accesses, nor those from them. What is beyond it is counted as unrecorded.
const REFUSED_MAX: usize = 1_024;
/// For how long the same is summed up.
const REPEATED_MICROS: i64 = 60_000_000;
/// Shops of which gaps are kept apart, until they are recorded.
const GAPS_MAX: usize = 1_024;

/// An entry of a shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) shop: String,
    pub(super) entry: AccessEntry,
    /// When it was; of several, the last.
    pub(super) at: Micros,
}

/// What cannot be told apart.
#[derive(PartialEq, Eq, Hash)]
struct Same([u8; 32]);

/// What was recorded once and came again.
struct Repeated {
    /// As it came last.
    last: Waiting,
    times: u64,
    from: Micros,
    ends_at: Micros,
}

/// Accesses of a shop that could not be recorded.
#[derive(Clone, Copy)]
struct Gap {
    times: u64,
    from: Micros,
    to: Micros,
}

/// Entries in line, and how many of them are whose.
#[derive(Default)]
struct Line {
    entries: VecDeque<Waiting>,
    of_shops: HashMap<String, usize>,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: Line,
    repeated: HashMap<Same, Repeated>,
    /// The same, of refused attempts.
    refused: HashMap<Same, Repeated>,
    gaps: BTreeMap<String, Gap>,
    unrecorded: u64,
}

impl Queue {
    /// Adds an access of a shop at `now`.
    pub(super) fn add(&mut self, shop: &str, entry: AccessEntry, now: Micros) {
        let waiting = Waiting { shop: shop.to_string(), entry, at: now };
        let same = Same::of(&waiting);
        let is_refused = waiting.entry.access.outcome == AccessOutcome::Refused;
        let (sums, sums_max) = if is_refused {
            (&mut self.refused, REFUSED_MAX)
        } else {
            (&mut self.repeated, REPEATED_MAX)
        };
        if let Some(repeated) = sums.get_mut(&same) {
            if repeated.times == 0 {
                repeated.from = now;
            }
            repeated.times += 1;
            repeated.last = waiting;
            return;
        }
        let has_room = sums.len() < sums_max;
        if !self.waiting.has_room(shop) || is_refused && !has_room {
            self.miss(&waiting.shop, 1, now, now);
            return;
        }
        if has_room {
            let ends_at = Micros(now.0 + REPEATED_MICROS);
            let (last, times, from) = (waiting.clone(), 0, now);
            sums.insert(same, Repeated { last, times, from, ends_at });
        }
        self.waiting.push_back(waiting);
    }

    /// Takes out what is to be recorded now, `max` at most; with `all`, sums whose minute is not over too.
    pub(super) fn take(&mut self, max: usize, now: Micros, all: bool) -> Vec<Waiting> {
        self.sum_up(now, all);
        let mut taken = Vec::new();
        while taken.len() < max
            && let Some(waiting) = self.waiting.pop_front()
        {
            taken.push(waiting);
        }
        while taken.len() < max
            && let Some((shop, gap)) = self.gaps.pop_first()
        {
            taken.push(gap.waiting(shop));
        }
        taken
    }

    /// Puts back in front what could not be recorded for now.
    pub(super) fn put_back(&mut self, taken: Vec<Waiting>) {
        for waiting in taken.into_iter().rev() {
            self.waiting.push_front(waiting);
        }
        // What came meanwhile found room that was not there: the newest of it is what is missing.
        while self.waiting.len() > WAITING_MAX
            && let Some(waiting) = self.waiting.pop_back()
        {
            self.give_up(&waiting);
        }
    }

    /// Counts what was taken out as such that cannot be recorded.
    pub(super) fn give_up(&mut self, taken: &Waiting) {
        let Waiting { shop, entry, at } = taken;
        self.miss(shop, entry.times.unwrap_or(1), entry.from.unwrap_or(*at), *at);
    }

    fn miss(&mut self, shop: &str, times: u64, from: Micros, to: Micros) {
        self.unrecorded += times;
        if self.gaps.len() >= GAPS_MAX && !self.gaps.contains_key(shop) {
            return;
        }
        let gap = self.gaps.entry(shop.to_string()).or_insert(Gap { times: 0, from, to });
        gap.times += times;
        (gap.from, gap.to) = (gap.from.min(from), gap.to.max(to));
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.gaps.len()
    }

    /// How many could not be recorded since the start.
    pub(super) fn unrecorded(&self) -> u64 {
        self.unrecorded
    }

    /// Lets the sums wait whose minute is over, and begins their next minute. What did not come again is
    /// forgotten.
    fn sum_up(&mut self, now: Micros, all: bool) {
        let waiting = &mut self.waiting;
        let mut goes_on = |repeated: &mut Repeated| {
            // A clock that was set back does not hold a sum for longer than a minute.
            let is_over = now >= repeated.ends_at || now.0 + REPEATED_MICROS < repeated.ends_at.0;
            if !is_over && !all {
                return true;
            }
            if repeated.times == 0 {
                return false;
            }
            if !waiting.has_room(&repeated.last.shop) {
                return true;
            }
            let mut sum = repeated.last.clone();
            sum.entry.times = Some(repeated.times);
            sum.entry.from = Some(repeated.from);
            sum.entry.to = Some(sum.at);
            waiting.push_back(sum);
            repeated.times = 0;
            repeated.ends_at = Micros(now.0 + REPEATED_MICROS);
            true
        };
        self.repeated.retain(|_, repeated| goes_on(repeated));
        self.refused.retain(|_, repeated| goes_on(repeated));
    }
}

impl Line {
    fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is room for one more of a shop.
    fn has_room(&self, shop: &str) -> bool {
        let of_shop = self.of_shops.get(shop).copied().unwrap_or(0);
        self.len() < WAITING_MAX && of_shop < WAITING_OF_SHOP_MAX
    }

    fn push_back(&mut self, waiting: Waiting) {
        *self.of_shops.entry(waiting.shop.clone()).or_default() += 1;
        self.entries.push_back(waiting);
    }

    fn push_front(&mut self, waiting: Waiting) {
        *self.of_shops.entry(waiting.shop.clone()).or_default() += 1;
        self.entries.push_front(waiting);
    }

    fn pop_front(&mut self) -> Option<Waiting> {
        let waiting = self.entries.pop_front();
        self.without(waiting)
    }

    fn pop_back(&mut self) -> Option<Waiting> {
        let waiting = self.entries.pop_back();
        self.without(waiting)
    }

    fn without(&mut self, waiting: Option<Waiting>) -> Option<Waiting> {
        if let Some(Waiting { shop, .. }) = &waiting
            && let Some(of_shop) = self.of_shops.get_mut(shop)
        {
            *of_shop -= 1;
            if *of_shop == 0 {
                self.of_shops.remove(shop);
            }
        }
        waiting
    }
}

impl Gap {
    fn waiting(self, shop: String) -> Waiting {
        let access = Access::new(AccessAction::Unrecorded, Via::Service, Purpose::default());
        let entry = AccessEntry::new("verbatim".to_string(), Vec::new(), access);
        let Gap { times, from, to } = self;
        let entry = AccessEntry { times: Some(times), from: Some(from), to: Some(to), ..entry };
        Waiting { shop, entry, at: to }
    }
}

impl Same {
    fn of(waiting: &Waiting) -> Same {
        let Waiting { shop, entry, at: _ } = waiting;
        let (access, query_sha256) = match entry.access.outcome {
            AccessOutcome::Refused => {
                let outcome = AccessOutcome::Refused;
                let any = Access::new(entry.access.action, entry.access.via, Purpose::default());
                (Access { outcome, ..any }, None)
            }
            AccessOutcome::Allowed | AccessOutcome::BrokeOff => {
                (Access { rows: None, ..entry.access.clone() }, entry.query_sha256.as_ref())
            }
        };
        let thing = (shop, &entry.sub, query_sha256, access);
        // From types whose serialization cannot fail.
        Same(Sha256::digest(serde_json::to_vec(&thing).unwrap_or_default()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn entry(sub: &str, query: &str, outcome: AccessOutcome) -> AccessEntry {
        let access = Access {
            query: Some(query.to_string()),
            outcome,
            ..Access::new(AccessAction::Search, Via::Api, Purpose::default())
        };
        AccessEntry::new(sub.to_string(), vec!["dispute".to_string()], access)
    }

    fn allowed(query: &str) -> AccessEntry {
        entry("anna", query, AccessOutcome::Allowed)
    }

    /// What was taken: the question, and how often it was asked again.
    fn taken(queue: &mut Queue, at_s: i64) -> Vec<(String, u64)> {
        let taken = queue.take(usize::MAX, Micros(at_s * SECOND), false);
        let said = |waiting: Waiting| {
            let Waiting { entry, .. } = waiting;
            (entry.access.query.unwrap_or_default(), entry.times.unwrap_or(1))
        };
        taken.into_iter().map(said).collect()
    }

    fn said(query: &str, times: u64) -> (String, u64) {
        (query.to_string(), times)
    }

    /// A page that asks again every few seconds made a record each time.
    #[test]
    fn the_same_within_a_minute_is_summed_up() {
        let mut queue = Queue::default();
        let mut all = Vec::new();
        for at_s in 0..180 {
            if at_s % 5 == 0 {
                queue.add("s", allowed("page"), Micros(at_s * SECOND));
            }
            all.extend(taken(&mut queue, at_s));
        }
        assert_eq!(all, [said("page", 1), said("page", 12), said("page", 12)]);
        assert_eq!(taken(&mut queue, 200), [said("page", 11)], "36 in all");
        assert_eq!(taken(&mut queue, 300), []);
        assert!(queue.repeated.is_empty(), "it did not come again");
        queue.add("s", allowed("page"), Micros(301 * SECOND));
        assert_eq!(taken(&mut queue, 301), [said("page", 1)]);
    }

    #[test]
    fn others_questions_shops_and_people_are_told_apart() {
        let mut queue = Queue::default();
        let other = entry("ben", "a", AccessOutcome::Allowed);
        let answers =
            AccessEntry { access: Access { rows: Some(9), ..allowed("a").access }, ..other };
        let same = AccessEntry { sub: "anna".to_string(), ..answers.clone() };
        for (shop, entry) in [
            ("s", allowed("a")),
            ("s", allowed("b")),
            ("t", allowed("a")),
            ("s", answers),
            ("s", same),
        ] {
            queue.add(shop, entry, Micros(0));
        }
        assert_eq!(taken(&mut queue, 0).len(), 4, "how much was found tells nothing apart");
    }

    /// A stranger could fill the log with records of what they were not shown.
    #[test]
    fn of_refused_attempts_only_who_and_what_counts() {
        let mut queue = Queue::default();
        for number in 0..1_000 {
            let entry = entry("carl", &number.to_string(), AccessOutcome::Refused);
            queue.add("s", entry, Micros(number));
        }
        assert_eq!(taken(&mut queue, 1), [said("0", 1)]);
        assert_eq!(taken(&mut queue, 61), [said("999", 999)]);
    }

    /// Beyond 4 KiB each was told apart by its hash, and recorded for itself.
    #[test]
    fn long_addresses_are_summed_up_like_short_ones() {
        let mut queue = Queue::default();
        for number in 0..5_000 {
            let address = format!("{}{number}", "x".repeat(5_000));
            queue.add("s", entry("carl", &address, AccessOutcome::Refused), Micros(number));
        }
        assert_eq!((queue.len(), queue.unrecorded()), (1, 0));
        let all = queue.take(usize::MAX, Micros(0), true);
        let times: Vec<Option<u64>> = all.iter().map(|waiting| waiting.entry.times).collect();
        assert_eq!(times, [None, Some(4_999)]);
        let kept = all.iter().map(|waiting| waiting.entry.to_data().len()).max();
        assert!(kept < Some(1_024), "{kept:?}");
    }

    /// Whoever looks at many things took the room in which refusals are summed up.
    #[test]
    fn accesses_and_refused_attempts_take_no_room_from_each_other() {
        let mut queue = Queue::default();
        for number in 0..2 * REPEATED_MAX {
            queue.add("s", allowed(&number.to_string()), Micros(0));
            queue.take(usize::MAX, Micros(0), false);
        }
        for number in 0..100 {
            let entry = entry("carl", &number.to_string(), AccessOutcome::Refused);
            queue.add("s", entry, Micros(0));
        }
        assert_eq!(taken(&mut queue, 0), [said("0", 1)]);
        for number in 0..2 * REFUSED_MAX {
            let entry = entry(&number.to_string(), "", AccessOutcome::Refused);
            queue.add("t", entry, Micros(0));
        }
        // One place was taken already.
        let missed = (REFUSED_MAX + 1) as u64;
        assert_eq!((queue.len(), queue.unrecorded()), (REFUSED_MAX - 1 + 1, missed));
    }

    #[test]
    fn what_finds_no_room_is_counted_and_told() {
        let mut queue = Queue::default();
        for number in 0..5_000 {
            queue.add(["s", "t"][number % 2], allowed(&number.to_string()), Micros(number as i64));
        }
        assert_eq!((queue.unrecorded(), queue.len()), (904, 4_096 + 2));
        let first = queue.take(4_000, Micros(0), false);
        assert_eq!(first.len(), 4_000);
        let rest = queue.take(4_000, Micros(0), false);
        let gaps: Vec<&Waiting> = rest
            .iter()
            .filter(|waiting| waiting.entry.access.action == AccessAction::Unrecorded)
            .collect();
        assert_eq!((rest.len(), gaps.len()), (96 + 2, 2));
        for (gap, (shop, from, to)) in gaps.iter().zip([("s", 4_096, 4_998), ("t", 4_097, 4_999)]) {
            let entry = &gap.entry;
            assert_eq!((gap.shop.as_str(), entry.times), (shop, Some(452)));
            assert_eq!((entry.from, entry.to), (Some(Micros(from)), Some(Micros(to))));
        }
        assert_eq!(queue.len(), 0);
    }

    /// While the log takes nothing, one shop's flood took the room of all.
    #[test]
    fn a_shop_with_its_half_leaves_the_others_theirs() {
        let mut queue = Queue::default();
        for number in 0..WAITING_MAX {
            queue.add("large", allowed(&number.to_string()), Micros(0));
        }
        assert_eq!(queue.unrecorded(), WAITING_OF_SHOP_MAX as u64);
        for number in 0..WAITING_OF_SHOP_MAX {
            queue.add("small", allowed(&number.to_string()), Micros(0));
        }
        assert_eq!(queue.unrecorded(), WAITING_OF_SHOP_MAX as u64, "all of the small one's wait");
        assert_eq!(queue.take(1, Micros(0), false)[0].shop, "large");
        queue.add("large", allowed("again"), Micros(0));
        assert_eq!(queue.unrecorded(), WAITING_OF_SHOP_MAX as u64);
        queue.take(usize::MAX, Micros(0), true);
        assert!(queue.waiting.of_shops.is_empty(), "nobody is remembered for nothing");
    }

    #[test]
    fn what_is_put_back_comes_first_and_fills_no_more_than_there_is() {
        let mut queue = Queue::default();
        for number in 0..WAITING_MAX {
            queue.add(["s", "t"][number % 2], allowed(&number.to_string()), Micros(0));
        }
        let taken_out = queue.take(3, Micros(0), false);
        for number in ["x", "y"] {
            queue.add("u", allowed(number), Micros(0));
        }
        queue.put_back(taken_out);
        assert_eq!((queue.unrecorded(), queue.len()), (2, WAITING_MAX + 1));
        assert_eq!(taken(&mut queue, 0)[..2], [said("0", 1), said("1", 1)]);
    }

    #[test]
    fn at_the_end_no_sum_waits_for_its_minute() {
        let mut queue = Queue::default();
        for _ in 0..3 {
            queue.add("s", allowed("a"), Micros(0));
        }
        let taken = queue.take(usize::MAX, Micros(1), true);
        let times: Vec<Option<u64>> = taken.iter().map(|waiting| waiting.entry.times).collect();
        assert_eq!(times, [None, Some(2)]);
    }
}
