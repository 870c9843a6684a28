//! Business times beside calendar times: whose hours, and how much of a span they are.

use chrono::{DateTime, Datelike, Timelike, Weekday};
use chrono_tz::Tz;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::expect::{Decided, Run, check_decided, check_with};
use super::timeline::{record_of, time};
use crate::model::testing::fitted;
use crate::model::{Micros, Origin, Record};

fn shop() -> Value {
    json!({"zone": "UTC", "week": {"mon": ["09:00-12:00", "13:00-18:00"], "tue": ["09:00-18:00"]}})
}

#[test]
fn only_what_is_open_counts() {
    check_with(
        &json!({"hours": shop()}),
        "17:50 customer: hi
         18:01 bot: we open at nine
         18:02 customer: then tomorrow
         18:03 bot handoff
         2026-01-06T09:20:00Z human/ann: good morning
         09:30 customer: thanks
         09:50 human/ann resolve",
        "turn 1: outcome=bot nrt_business_ms=NULL response_any_ms=11m response_any_business_ms=10m
         turn 2: nrt_ms=15h18m nrt_business_ms=20m schedule_version=1 team=NULL
         turn 3: outcome=closed nrt_business_ms=NULL
         episode 1: frt_total_ms=15h30m frt_total_business_ms=30m frt_human_ms=15h17m frt_human_business_ms=20m \
         frt_bot_business_ms=10m episode_resolution_business_ms=1h resolution_human_ms=15h47m \
         resolution_human_business_ms=50m close_gap_ms=20m close_gap_business_ms=20m schedule_version=1
         stint 1: place=nobody duration_ms=11m business_ms=10m
         stint 2: place=bot duration_ms=2m business_ms=0s
         stint 3: place=queue duration_ms=15h17m business_ms=20m
         stint 4: agent=ann business_ms=30m",
    );
}

#[test]
fn without_hours_there_is_no_business_time() {
    check_with(
        &json!({"idle_hours": 24}),
        "09:00 customer: hi
         09:05 human/ann: hello
         09:06 human/ann resolve",
        "turn 1: nrt_ms=5m nrt_business_ms=NULL schedule_version=NULL
         episode 1: frt_total_business_ms=NULL episode_resolution_business_ms=NULL schedule_version=NULL
         stint 1: business_ms=NULL schedule_version=NULL
         stint 2: business_ms=NULL",
    );
}

/// A team that has hours of its own is counted by them, any other team and whoever is of none by the shop's.
#[test]
fn hours_are_those_of_the_rows_own_team() {
    let night = json!({"night": {"zone": "UTC", "week": {"mon": ["17:00-24:00"]}}});
    let teams = json!({"night": ["lin", "wu"], "day": ["ann"]});
    check_with(
        &json!({"hours": shop(), "team_hours": night, "teams": teams}),
        "17:30 customer: hi
         18:30 human/lin: hello
         18:40 customer: well
         18:50 human/ann: I am here too
         18:55 customer: and?
         18:57 human/eve: hm
         19:00 human/eve resolve",
        "turn 1: agent=lin team=night nrt_ms=1h nrt_business_ms=1h
         turn 2: agent=ann team=day nrt_ms=10m nrt_business_ms=0s schedule_version=1
         turn 3: agent=eve team=NULL nrt_business_ms=0s
         episode 1: agent=eve team=NULL first_replier_team=night frt_total_ms=1h frt_total_business_ms=30m
         stint 1: place=nobody team=NULL business_ms=30m
         stint 2: agent=lin team=night duration_ms=20m business_ms=20m
         stint 3: agent=ann team=day duration_ms=7m business_ms=0s
         stint 4: agent=eve team=NULL",
    );
}

#[test]
fn a_team_without_any_hours_to_count_by_has_no_business_time() {
    let night = json!({"night": {"zone": "UTC", "week": {"mon": ["17:00-24:00"]}}});
    check_with(
        &json!({"team_hours": night, "teams": {"night": ["lin"], "day": ["ann"]}}),
        "17:30 customer: hi
         17:40 human/lin: hello
         17:41 customer: well
         17:44 human/ann: here",
        "turn 1: team=night nrt_business_ms=10m schedule_version=1
         turn 2: team=day nrt_business_ms=NULL schedule_version=NULL
         episode 1: team=day frt_total_business_ms=NULL",
    );
}

#[test]
fn g13_the_night_of_a_changed_clock_a_holiday_and_new_hours_count_as_they_are() {
    // In Berlin the clocks go forward on 29 March 2026 from 2 to 3: that night has seven hours from 22 to 6.
    let berlin = |more: Value| {
        let mut hours = json!({"zone": "Europe/Berlin", "week": {"fri": ["09:00-17:00"],
            "sat": ["22:00-06:00"], "mon": ["09:00-17:00"], "tue": ["09:00-17:00"]}});
        hours["dates"] = more;
        json!({"hours": hours})
    };
    check_with(
        &berlin(json!({})),
        "2026-03-28T20:00:00Z customer: hi
         2026-03-29T05:00:00Z human/ann: hello",
        "turn 1: nrt_ms=9h nrt_business_ms=7h
         episode 1: frt_total_business_ms=7h",
    );
    // Good Friday and Easter Monday.
    check_with(
        &berlin(json!({"2026-04-03": [], "2026-04-06": []})),
        "~2026-04-02T12:00:00Z customer: hi
         ~2026-04-07T08:00:00Z human/ann: hello",
        "turn 1: nrt_ms=4d20h nrt_business_ms=9h
         episode 1: frt_total_business_ms=9h",
    );
    // By the hours in force when it ended, of before too.
    let decided = Decided::default()
        .then(1, &berlin(json!({})))
        .then(2, &json!({"idle_hours": 36}))
        .then(3, &json!({"hours": {"zone": "Europe/Berlin", "week": {"fri": ["10:00-17:00"]}}}));
    check_decided(
        &decided,
        "2026-03-27T08:00:00Z customer: hi
         2026-03-27T10:00:00Z customer: there?
         2026-03-27T10:00:00Z human/ann: hello",
        "turn 1: nrt_ms=2h nrt_business_ms=1h schedule_version=3 rules_version=3
         episode 1: frt_total_business_ms=1h",
    );
}

#[test]
fn g14_a_shift_past_midnight_is_one_shift() {
    check_with(
        &json!({"hours": {"zone": "Asia/Shanghai", "week": {"mon": ["21:00-02:00"]}}}),
        "2026-01-05T20:30:00+08:00 customer: hi
         2026-01-06T01:30:00+08:00 human/ann: hello
         2026-01-06T03:00:00+08:00 human/ann resolve",
        "turn 1: nrt_ms=5h nrt_business_ms=4h30m
         episode 1: frt_total_business_ms=4h30m episode_resolution_business_ms=5h",
    );
}

/// Rows that are open show what is decided now, and have no lengths.
#[test]
fn what_is_open_shows_the_team_of_now() {
    let decided = Decided::default()
        .then(1, &json!({"teams": {"day": ["ann"]}, "hours": shop()}))
        .then(3, &json!({"teams": {"late": ["ann"]}}));
    check_decided(
        &decided,
        "09:00 customer: hi
         09:01 system assign ann
         09:02 customer: there?",
        "turn 1: agent=ann team=late nrt_business_ms=NULL schedule_version=2
         episode 1: agent=ann team=late episode_resolution_business_ms=NULL
         stint 1: business_ms=1m schedule_version=1
         stint 2: team=late business_ms=NULL",
    );
}

/// The night and the day before it, in which the clocks of a zone change.
const NIGHTS: [(&str, &str); 3] = [
    ("Europe/Berlin", "2026-03-28T12:00:00Z"),
    ("America/New_York", "2026-10-31T16:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T02:00:00Z"),
];

/// Every business time of every row, against the minutes of its span in which a clock on the wall shows a time of
/// the week that is open.
#[test]
fn business_times_are_the_open_minutes_of_their_spans() {
    let mut counted = 0;
    for (seed, (zone, start)) in (0..).zip(NIGHTS.iter().cycle().take(150)) {
        let zone: Tz = zone.parse().unwrap();
        let hours = json!({"zone": zone.name(), "week": {
            "sat": ["20:00-02:30"], "sun": ["01:15-03:45", "10:00-24:00"], "mon": ["00:00-09:00"]}});
        let decided = Decided::default().then(1, &json!({"hours": hours}));
        let records = minutes(seed, time(start));
        let run = Run::of(&records, &decided);
        for (from, to, business_ms) in spans(&run, &decided) {
            let (Some(from), Some(to)) = (from, to) else {
                assert_eq!(business_ms, None, "seed {seed}");
                continue;
            };
            let minute = 60_000_000;
            let open =
                (from.0..to.0).step_by(minute).filter(|at| is_open(zone, Micros(*at))).count();
            assert_eq!(business_ms, Some(open as i64 * 60_000), "seed {seed}: {from} to {to}");
            counted += i64::from(open > 0);
        }
    }
    assert!(counted > 1_000, "{counted} spans were open at all");
}

fn is_open(zone: Tz, at: Micros) -> bool {
    let shown: DateTime<Tz> = at.datetime().with_timezone(&zone);
    let minute = shown.hour() * 60 + shown.minute();
    let within = |from: u32, to: u32| (from..to).contains(&minute);
    match shown.weekday() {
        Weekday::Sat => within(20 * 60, 24 * 60),
        Weekday::Sun => within(0, 150) || within(75, 225) || within(600, 1_440),
        Weekday::Mon => within(0, 540),
        _ => false,
    }
}

/// Live records on whole minutes, over a day and a half.
fn minutes(seed: u64, start: Micros) -> Vec<Record> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut at = start;
    let mut record = |index: usize| {
        at.0 += random.random_range(0..150) * 60_000_000;
        let kinds = [
            "message", "message", "message", "handoff", "assign", "queue", "pause", "resume",
            "resolve",
        ];
        let role = ["customer", "human", "bot"][random.random_range(0..3)];
        let event = fitted(json!({
            "id": format!("e{index}"), "conversation": "c", "kind": kinds[random.random_range(0..kinds.len())],
            "text": "words", "assignee": "ann", "sender": {"id": format!("{role}-1"), "role": role},
        }));
        record_of(index, Origin::Live, at, &event)
    };
    (0..30).map(&mut record).collect()
}

type Ends = (Option<Micros>, Option<Micros>, Option<i64>);

/// The ends of every span that has a business time, as the rows show them.
fn spans(run: &Run, decided: &Decided) -> Vec<Ends> {
    let mut spans: Vec<Ends> = Vec::new();
    let rules = decided.now();
    for turn in run.turns(rules) {
        spans.push((Some(turn.waiting_since), turn.replied_at, turn.nrt_business_ms));
    }
    for row in run.episodes(rules) {
        spans.push((row.first_customer_at, row.first_human_at, row.frt_total_business_ms));
        spans.push((row.first_customer_at, row.first_bot_at, row.frt_bot_business_ms));
        let resolved = row.ended_at.filter(|_| row.resolved_by.is_some());
        spans.push((Some(row.started_at), resolved, row.episode_resolution_business_ms));
    }
    for stint in run.stints(rules) {
        spans.push((Some(stint.started_at), stint.ended_at, stint.business_ms));
        spans.push((stint.pending_since, stint.first_reply_at, stint.frt_agent_business_ms));
    }
    spans
}
