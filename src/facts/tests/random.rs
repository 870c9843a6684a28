//! Random conversations from fixed seeds: what must hold whatever people do.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use strum::VariantNames;

use super::expect::{Decided, Run, check_every_stop};
use super::timeline::{record_of, time};
use crate::facts::{Outcome, Place, StintOutcome, StintRow};
use crate::model::testing::fitted;
use crate::model::{Kind, Micros, Origin, Record, Role, Rules, Visibility};

pub(super) const CONVERSATIONS: u64 = 2_000;
const RECORDS_MAX: usize = 40;

fn kinds_of_chats() -> Vec<&'static str> {
    let is_of_a_chat = |name: &&str| !name.parse::<Kind>().unwrap().is_administrative();
    Kind::VARIANTS.iter().copied().filter(is_of_a_chat).collect()
}

#[test]
fn rules_hold_whatever_people_do() {
    for seed in 0..CONVERSATIONS {
        let records = random_records(seed, &kinds_of_chats());
        let decided = decided(seed);
        let run = Run::of(&records, &decided);
        check_turns(seed, &records, &run);
        check_episodes(seed, &records, &run);
        check_stints(seed, &run, decided.now());
        check_business(seed, &run, decided.now());
        if seed % 10 == 0 {
            check_every_stop(&records, &decided, &run);
        }
    }
}

fn check_turns(seed: u64, records: &[Record], run: &Run) {
    let rules = Rules::default();
    let (turns, episodes) = (run.turns(&rules), run.episodes(&rules));
    let waiting = turns.iter().filter(|turn| turn.closed_offset.is_none()).count();
    assert_eq!(
        waiting,
        usize::from(run.state.turn.is_some()),
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
    let episodes = run.episodes(&Rules::default());
    let open = &run.state.episode;
    assert!(run.state.turn.is_none() || open.is_some(), "seed {seed}: a turn waits in an episode");
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

/// Where every other conversation is: hours, teams and a policy, which change on the way.
fn decided(seed: u64) -> Decided {
    let hours = |from: &str| json!({"zone": "Europe/Berlin", "week": {"mon": [from], "tue": ["08:00-22:00"], "sat": ["21:00-04:00"]}});
    let sla = json!({"first_reply_s": 180, "next_reply_s": 600, "resolution_s": 86_400, "clock": "business"});
    match seed % 2 {
        0 => Decided::default(),
        _ => Decided::default()
            .then(1, &json!({"hours": hours("09:00-18:00"), "teams": {"day": ["human-0"]}}))
            .then(5, &json!({"team_hours": {"night": hours("20:00-03:00")}, "sla": sla}))
            .then(12, &json!({"teams": {"night": ["human-0", "human-1"], "day": []}}))
            .then(20, &json!({"hours": null})),
    }
}

fn check_stints(seed: u64, run: &Run, rules: &Rules) {
    let (episodes, stints) = (run.episodes(rules), run.stints(rules));
    for (index, stint) in stints.iter().enumerate() {
        assert_eq!(stint.stint as usize, index + 1, "seed {seed}: stints are dense");
        assert_eq!(stint.agent.is_some(), stint.place == Place::Agent, "seed {seed}");
        assert_eq!(stint.closed_offset.is_some(), stint.ended_by.is_some(), "seed {seed}");
        let replied = stint.outcome == Some(StintOutcome::Replied);
        assert_eq!(stint.first_reply_at.is_some(), replied, "seed {seed}: {stint:?}");
        if stint.outcome == Some(StintOutcome::NothingOwed) {
            assert_eq!(stint.pending_since, None, "seed {seed}");
        }
        if replied || stint.outcome == Some(StintOutcome::NoReply) {
            assert!(stint.pending_since.is_some(), "seed {seed}");
        }
        let is_owed_an_outcome = matches!(stint.place, Place::Agent | Place::Queue);
        assert_eq!(stint.outcome.is_some(), is_owed_an_outcome, "seed {seed}: {stint:?}");
    }
    for episode in &episodes {
        let parts: Vec<&StintRow> =
            stints.iter().filter(|stint| stint.episode == episode.episode).collect();
        let (first, last) = (parts[0], parts[parts.len() - 1]);
        assert_eq!(
            (first.started_offset, first.started_at),
            (episode.started_offset, episode.started_at)
        );
        assert_eq!((last.closed_offset, last.ended_at), (episode.closed_offset, episode.ended_at));
        for pair in parts.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            assert_eq!(before.closed_offset, Some(after.started_offset), "seed {seed}: no gap");
            assert_eq!(before.ended_at, Some(after.started_at), "seed {seed}: no gap");
            assert_eq!(before.ended_by, Some(after.started_by), "seed {seed}");
            let moved = (before.place, &before.agent) != (after.place, &after.agent);
            assert!(moved, "seed {seed}: a stint ends where the conversation moves: {after:?}");
        }
        let durations: Vec<i64> = parts.iter().filter_map(|stint| stint.duration_ms).collect();
        if let Some(whole_ms) = episode.episode_resolution_ms
            && durations.len() == parts.len()
        {
            // Each is rounded down to a millisecond.
            let lost_ms = whole_ms - durations.iter().sum::<i64>();
            assert!(
                (0..=parts.len() as i64).contains(&lost_ms),
                "seed {seed}: {lost_ms} ms are lost"
            );
        }
        let typed: u32 = parts.iter().map(|stint| stint.messages).sum();
        assert!(typed <= episode.human_messages, "seed {seed}: a message is one agent's");
    }
}

/// What is open of a span is at most the span, and is there where the span is and hours apply.
fn check_business(seed: u64, run: &Run, rules: &Rules) {
    let check = |ms: Option<i64>, business_ms: Option<i64>, schedule: Option<i32>| {
        assert_eq!(business_ms.is_some(), ms.is_some() && schedule.is_some(), "seed {seed}");
        assert!(
            business_ms.unwrap_or(0) <= ms.unwrap_or(0),
            "seed {seed}: {business_ms:?} of {ms:?}"
        );
        assert!(business_ms.is_none_or(|ms| ms >= 0), "seed {seed}");
    };
    for row in run.turns(rules) {
        let replier = row.replier.is_none() || row.replier == row.agent;
        assert!(replier, "seed {seed}: the credit is the replier's");
        assert!(row.due_at.is_none() || row.sla_target.is_some(), "seed {seed}");
        assert!(row.due_at.is_none_or(|due| due > row.waiting_since), "seed {seed}");
        check(row.nrt_ms, row.nrt_business_ms, row.schedule_version);
        check(row.response_any_ms, row.response_any_business_ms, row.schedule_version);
    }
    let turns = run.turns(rules);
    for row in run.episodes(rules) {
        let last = turns.iter().rev().find(|turn| turn.episode == row.episode);
        let cut =
            last.is_some_and(|turn| matches!(turn.outcome, Outcome::Closed | Outcome::Abandoned));
        assert_eq!(row.unanswered, cut, "seed {seed}");
        assert!(row.reopened || row.since_resolve_ms.is_none(), "seed {seed}");
        for (ms, business_ms) in [
            (row.frt_total_ms, row.frt_total_business_ms),
            (row.frt_human_ms, row.frt_human_business_ms),
            (row.frt_bot_ms, row.frt_bot_business_ms),
            (row.episode_resolution_ms, row.episode_resolution_business_ms),
            (row.resolution_human_ms, row.resolution_human_business_ms),
            (row.close_gap_ms, row.close_gap_business_ms),
        ] {
            check(ms, business_ms, row.schedule_version);
        }
    }
    for row in run.stints(rules) {
        check(row.duration_ms, row.business_ms, row.schedule_version);
        check(row.frt_agent_ms, row.frt_agent_business_ms, row.schedule_version);
    }
}

pub(super) fn is_said_by(record: &Record, role: Role) -> bool {
    let event = &record.event;
    let in_public = event.visibility == Visibility::Public && !event.automatic;
    event.kind == Kind::Message && in_public && event.sender.role == role
}

/// A conversation of up to [`RECORDS_MAX`] records: live, imported, or imported and then live.
pub(super) fn random_records(seed: u64, kinds: &[&str]) -> Vec<Record> {
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
