//! Random conversations from fixed seeds: what must hold whatever people do.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use strum::VariantNames;

use super::expect::{Run, check_every_stop};
use super::timeline::{record_of, time};
use crate::facts::Outcome;
use crate::model::testing::fitted;
use crate::model::{Kind, Micros, Offset, Origin, Record, Role, Rules, Visibility};

const CONVERSATIONS: u64 = 2_000;
const RECORDS_MAX: usize = 40;

fn kinds_of_chats() -> Vec<&'static str> {
    let is_of_a_chat = |name: &&str| !name.parse::<Kind>().unwrap().is_administrative();
    Kind::VARIANTS.iter().copied().filter(is_of_a_chat).collect()
}

#[test]
fn rules_hold_whatever_people_do() {
    for seed in 0..CONVERSATIONS {
        let records = random_records(seed, &kinds_of_chats());
        let run = Run::of(&records, &Rules::default());
        check_turns(seed, &records, &run);
        check_episodes(seed, &records, &run);
        if seed % 10 == 0 {
            check_every_stop(&records, &Rules::default(), &run);
        }
    }
}

/// Without reopens a reply's wait needs no knowledge of episodes: it begins with the first customer
/// message or handoff after whatever last cleared the waiting. Computed backwards from each reply,
/// that must give the same times.
#[test]
fn waits_agree_with_a_search_backwards_from_each_reply() {
    let mut replies = 0;
    for seed in 0..CONVERSATIONS {
        let records = random_records(
            seed,
            &["message", "message", "message", "handoff", "resolve", "assign", "edit"],
        );
        let run = Run::of(&records, &Rules::default());
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
    // A bot's message clears the waiting only before the first handoff since then.
    let before_handoff = records[ended..reply]
        .iter()
        .take_while(|record| record.event.kind != Kind::Handoff)
        .count();
    let by_bot = records[ended..ended + before_handoff]
        .iter()
        .rposition(|record| is_said_by(record, Role::Bot));
    let cleared = by_bot.map_or(ended, |index| ended + index + 1);
    let waits =
        |record: &&Record| record.event.kind == Kind::Handoff || is_said_by(record, Role::Customer);
    let (from, to) = (records[cleared..reply].iter().find(waits)?, &records[reply]);
    let ms = to.occurred_at().ms_since(from.occurred_at());
    let known = from.is_timed() && to.is_timed() && ms >= 0;
    Some((from.offset, Some(to.offset), known.then_some(ms)))
}

/// The index of the last record before which nobody had said anything for longer than the idle time:
/// whoever waited then has left.
fn after_last_silence(records: &[Record]) -> usize {
    let mut last_activity: Option<Micros> = None;
    let mut after = 0;
    for (index, record) in records.iter().enumerate() {
        let idle_us = i64::try_from(Rules::default().idle().as_micros()).expect("a day");
        if last_activity.is_some_and(|last| record.received_at.0 > last.0 + idle_us) {
            after = index;
        }
        let said =
            Role::VARIANTS.iter().any(|role| is_said_by(record, role.parse().expect("a role")));
        if said || record.event.kind == Kind::Handoff {
            last_activity = Some(record.received_at);
        }
    }
    after
}

fn check_turns(seed: u64, records: &[Record], run: &Run) {
    let turns = run.turns();
    let episodes = run.episodes();
    let waiting = turns.iter().filter(|turn| turn.closed_offset.is_none()).count();
    assert_eq!(
        waiting,
        usize::from(run.state.open_turn("shop", "c").is_some()),
        "seed {seed}: final rows are closed"
    );
    for (index, turn) in turns.iter().enumerate() {
        assert_eq!(turn.turn as usize, index + 1, "seed {seed}: turns are dense");
        assert!(turn.nrt_ms.is_none_or(|ms| ms >= 0), "seed {seed}: no negative wait");
        assert!(turn.response_any_ms.is_none_or(|ms| ms >= 0), "seed {seed}: no negative response");
        assert_eq!(
            turn.nrt_ms.is_some(),
            turn.outcome == Outcome::Replied && turn.excluded.is_none(),
            "seed {seed}"
        );
        assert_eq!(turn.closed_offset.is_none(), turn.outcome == Outcome::Open, "seed {seed}");
        let next = turns.get(index + 1);
        let overlaps = next.is_some_and(|next| {
            // What finds the last turn abandoned may begin the next one.
            let abandoned = turn.outcome == Outcome::Abandoned;
            turn.closed_offset.is_none_or(|closed| {
                closed > next.waiting_offset || closed == next.waiting_offset && !abandoned
            })
        });
        assert!(!overlaps, "seed {seed}: turn {} overlaps the next", turn.turn);
        let episode = &episodes[turn.episode as usize - 1];
        assert!(
            episode.started_offset <= turn.waiting_offset,
            "seed {seed}: a turn begins in its episode"
        );
        let ends_inside = episode
            .closed_offset
            .is_none_or(|end| turn.closed_offset.is_some_and(|closed| closed <= end));
        assert!(ends_inside, "seed {seed}: a turn ends in its episode");
    }
    let in_turns: usize = turns.iter().map(|turn| turn.customer_messages as usize).sum();
    let sent = records.iter().filter(|record| is_said_by(record, Role::Customer)).count();
    assert_eq!(in_turns, sent, "seed {seed}: every customer message is in one turn");
}

fn check_episodes(seed: u64, records: &[Record], run: &Run) {
    let episodes = run.episodes();
    let open = run.state.open_episode("shop", "c");
    assert!(
        run.state.open_turn("shop", "c").is_none() || open.is_some(),
        "seed {seed}: a turn waits in an episode"
    );
    assert_eq!(
        episodes.iter().filter(|row| row.closed_offset.is_none()).count(),
        usize::from(open.is_some())
    );
    for (index, episode) in episodes.iter().enumerate() {
        assert_eq!(episode.episode as usize, index + 1, "seed {seed}: episodes are dense");
        let figures = [
            episode.frt_total_ms,
            episode.frt_human_ms,
            episode.frt_bot_ms,
            episode.episode_resolution_ms,
        ];
        assert!(
            figures.iter().flatten().all(|ms| *ms >= 0),
            "seed {seed}: no negative time in {figures:?}"
        );
        let missing = episode.frt_total_ms.is_none() || episode.frt_human_ms.is_none();
        let ended = episode.closed_offset.is_some();
        assert!(
            !ended || missing == episode.frt_excluded.is_some(),
            "seed {seed}: a reason for each missing figure"
        );
        let next = episodes.get(index + 1);
        let overlaps = next
            .is_some_and(|next| episode.closed_offset.is_none_or(|end| end > next.started_offset));
        assert!(!overlaps, "seed {seed}: episode {} overlaps the next", episode.episode);
    }
    let counted: usize = episodes.iter().map(|episode| episode.events as usize).sum();
    let strays = run.facts.strays.len();
    assert_eq!(counted + strays, records.len(), "seed {seed}: every record is in one place");
    let in_episodes: usize =
        episodes.iter().map(|episode| episode.customer_messages as usize).sum();
    let sent = records.iter().filter(|record| is_said_by(record, Role::Customer)).count();
    assert_eq!(in_episodes, sent, "seed {seed}: every customer message is in one episode");
}

fn is_said_by(record: &Record, role: Role) -> bool {
    let event = &record.event;
    let in_public = event.visibility == Visibility::Public && !event.automatic;
    event.kind == Kind::Message && in_public && event.sender.role == role
}

/// A conversation of up to [`RECORDS_MAX`] records: live, imported, or imported and then live.
fn random_records(seed: u64, kinds: &[&str]) -> Vec<Record> {
    let mut random = StdRng::seed_from_u64(seed);
    let count = random.random_range(1..=RECORDS_MAX);
    let imported = if random.random_bool(0.3) { random.random_range(0..=count) } else { 0 };
    let mut clock = time("2026-01-05T00:00:00Z");
    (0..count)
        .map(|index| {
            clock.0 += random_gap_us(&mut random);
            let mut event = random_event(&mut random, kinds);
            event["id"] = json!(format!("e{index}"));
            let origin = if index < imported { Origin::Imported } else { Origin::Live };
            if origin == Origin::Imported && random.random_bool(0.8) {
                // Clocks of old transcripts are sometimes an hour off, in either direction.
                let drift_us = if random.random_bool(0.1) {
                    random.random_range(-1..=1) * 3_600_000_000
                } else {
                    0
                };
                event["sent_at"] = json!(Micros(clock.0 + drift_us).to_string());
            }
            record_of(index, origin, clock, &event)
        })
        .collect()
}

/// Often seconds, sometimes the same microsecond, sometimes days.
fn random_gap_us(random: &mut StdRng) -> i64 {
    match random.random_range(0..10) {
        0 => 0,
        1 => random.random_range(0..200_000_000_000),
        _ => random.random_range(0..600_000_000),
    }
}

fn random_event(random: &mut StdRng, kinds: &[&str]) -> Value {
    // Half of everything is said; the rest is spread evenly.
    let kind = if random.random_bool(0.5) {
        "message"
    } else {
        kinds[random.random_range(0..kinds.len())]
    };
    let role = Role::VARIANTS[random.random_range(0..Role::VARIANTS.len())];
    let mut event = json!({
        "conversation": "c", "kind": kind, "text": "words", "target": "e0", "category": "refund", "rating": 3,
        "sender": {"id": format!("{role}-{}", random.random_range(0..3)), "role": role},
        "automatic": random.random_bool(0.1),
        "visibility": if random.random_bool(0.1) { "private" } else { "public" },
    });
    if kind == "assign" || random.random_bool(0.5) {
        event["assignee"] = json!(format!("human-{}", random.random_range(0..3)));
    }
    fitted(event)
}
