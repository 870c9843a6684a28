//! Waits found another way: backwards from each reply.

use strum::VariantNames;

use super::expect::{Decided, Run};
use super::random::{CONVERSATIONS, is_said_by, random_records};
use crate::facts::Outcome;
use crate::model::{Kind, Micros, Offset, Record, Role, Rules};

/// Without reopens a reply's wait begins with the first customer message or handoff after whatever last cleared
/// the waiting. Computed backwards from each reply, that must give the same times.
#[test]
fn waits_agree_with_a_search_backwards_from_each_reply() {
    let mut replies = 0;
    for seed in 0..CONVERSATIONS {
        let records = random_records(
            seed,
            &["message", "message", "message", "handoff", "resolve", "assign", "edit"],
        );
        // There the episodes are told apart by two clocks, which the search does not know.
        if has_a_silence_of_its_own(&records) {
            continue;
        }
        let run = Run::of(&records, &Decided::default());
        let folded = run.facts.turns.iter().filter(|turn| turn.outcome == Outcome::Replied);
        let folded: Vec<_> =
            folded.map(|turn| (turn.waiting_offset, turn.reply_offset, turn.nrt_ms)).collect();
        let searched: Vec<_> =
            (0..records.len()).filter_map(|reply| search_back(&records, reply)).collect();
        assert_eq!(folded, searched, "seed {seed}");
        replies += searched.len();
    }
    assert!(replies > 1_000, "only {replies} replies");
}

/// Where a wait begins, the reply, and the time between them.
type Wait = (Offset, Option<Offset>, Option<i64>);

fn search_back(records: &[Record], reply: usize) -> Option<Wait> {
    if !is_said_by(&records[reply], Role::Human) {
        return None;
    }
    let ends_every_wait =
        |record: &Record| record.event.kind == Kind::Resolve || is_said_by(record, Role::Human);
    let ended = records[..reply].iter().rposition(ends_every_wait).map_or(0, |index| index + 1);
    let ended = ended.max(after_last_silence(&records[..=reply]));
    // A bot's message clears the waiting only before people have the conversation.
    let with_people = with_people_since(&records[..reply]).max(ended);
    let by_bot =
        records[ended..with_people].iter().rposition(|record| is_said_by(record, Role::Bot));
    let cleared = by_bot.map_or(ended, |index| ended + index + 1);
    let waits =
        |record: &&Record| record.event.kind == Kind::Handoff || is_said_by(record, Role::Customer);
    let (from, to) = (records[cleared..reply].iter().find(waits)?, &records[reply]);
    let ms = to.occurred_at().ms_since(from.occurred_at());
    let known = from.is_timed() && to.is_timed() && ms >= 0;
    Some((from.offset, Some(to.offset), known.then_some(ms)))
}

/// The index of the record by which people got the conversation, in the episode that is open after all of these: a
/// handoff, an assignment, a human's message. Their number where nobody did.
fn with_people_since(records: &[Record]) -> usize {
    let (mut is_open, mut is_resolved, mut since) = (false, false, None);
    let silences = silences(records);
    for (index, record) in records.iter().enumerate() {
        if silences.contains(&index) && is_open {
            (is_open, is_resolved, since) = (false, false, None);
        }
        let by_shop = is_said_by(record, Role::Human) || is_said_by(record, Role::Bot);
        let begins = record.event.kind == Kind::Handoff
            || is_said_by(record, Role::Customer)
            || by_shop && !is_resolved;
        is_open |= begins;
        match record.event.kind {
            Kind::Resolve if is_open => (is_open, is_resolved, since) = (false, true, None),
            Kind::Handoff => since = since.or(Some(index)),
            Kind::Assign if is_open => since = since.or(Some(index)),
            _ if is_open && is_said_by(record, Role::Human) => since = since.or(Some(index)),
            _ => {}
        }
    }
    since.unwrap_or(records.len())
}

/// Whether the clock of a transcript shows a silence that the log's does not.
fn has_a_silence_of_its_own(records: &[Record]) -> bool {
    let idle_us = i64::from(Rules::default().idle_hours) * 3_600_000_000;
    records.windows(2).any(|pair| {
        let (last, next) = (&pair[0], &pair[1]);
        next.occurred_at().0 > last.occurred_at().0 + idle_us
            && next.received_at.0 <= last.received_at.0 + idle_us
    })
}

/// The index of the last record before which nobody had said anything for longer than the idle time:
/// whoever waited then has left.
fn after_last_silence(records: &[Record]) -> usize {
    silences(records).last().copied().unwrap_or(0)
}

/// The indices of all records before which that was so.
fn silences(records: &[Record]) -> Vec<usize> {
    let mut last_activity: Option<Micros> = None;
    let mut after = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let idle_us = i64::from(Rules::default().idle_hours) * 3_600_000_000;
        if last_activity.is_some_and(|last| record.received_at.0 > last.0 + idle_us) {
            after.push(index);
        }
        let said =
            Role::VARIANTS.iter().any(|role| is_said_by(record, role.parse().expect("a role")));
        if said || record.event.kind == Kind::Handoff {
            last_activity = Some(record.received_at);
        }
    }
    after
}
