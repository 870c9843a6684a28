//! The golden cases of docs/METRICS.md that concern one conversation's fold.

use super::expect::{Decided, Run, check};
use super::timeline::records;
use crate::facts::{Place, StintRow};

#[test]
fn g1_days_as_resolved_are_no_waiting_time() {
    check(
        "09:00 system open
         09:05 bot resolve
         2026-01-09T14:00:00Z customer reopen
         14:10 human/ann: good afternoon",
        "turn 1: episode=2 started_by=reopen waiting_since=@3 outcome=replied nrt_ms=10m
         episode 1: started_by=open ended_by=resolve resolver_role=bot episode_resolution_ms=5m frt_human_ms=NULL
         episode 2: started_by=reopen reopened=true frt_human_ms=10m frt_total_ms=10m first_replier=ann ended_at=NULL",
    );
}

#[test]
fn g2_human_time_starts_at_the_handoff() {
    check(
        "2026-12-12T16:20:14Z customer: hello
         2026-12-12T16:20:17Z bot: how can I help?
         2026-12-26T22:25:45Z customer: my parcel
         2026-12-26T22:25:46Z bot: let me see
         2026-12-26T22:26:00Z bot handoff
         2026-12-27T07:36:53Z human/ann: good morning",
        "turn 1: outcome=bot nrt_ms=NULL response_any_ms=3s excluded=NULL replier=NULL
         turn 2: outcome=bot nrt_ms=NULL response_any_ms=1s
         turn 3: started_by=handoff outcome=replied nrt_ms=9h10m53s replier=ann customer_messages=0
         episode 1: ended_by=idle ended_at=@2+24h frt_human_ms=NULL frt_bot_ms=3s frt_excluded=no_reply
         episode 2: started_by=idle frt_human_ms=9h10m53s frt_total_ms=9h11m8s frt_bot_ms=1s handoffs=1 transfers=0",
    );
}

#[test]
fn g3_a_handoff_after_a_bot_starts_the_wait() {
    check(
        "09:00 customer: hi
         09:01 bot: hello
         09:02 bot handoff
         09:05 human: here I am",
        "turn 1: outcome=bot ended_at=@2 closed_offset=#2
         turn 2: started_by=handoff waiting_since=@3 waiting_offset=#3 outcome=replied nrt_ms=3m reply_offset=#4
         episode 1: frt_total_ms=5m frt_human_ms=3m frt_bot_ms=1m first_handoff_at=@3",
    );
}

#[test]
fn g4_a_message_after_a_resolve_reopens() {
    check(
        "09:00 customer: hi
         09:02 human: hello
         09:10 human/bob resolve
         +11d customer: it broke again
         +7m human/ann: oh no",
        "turn 1: episode=1 nrt_ms=2m
         turn 2: episode=2 started_by=customer nrt_ms=7m
         episode 1: ended_by=resolve resolved_by=bob resolver_role=human episode_resolution_ms=10m reopened=false
         episode 2: started_by=message reopened=true frt_total_ms=7m frt_human_ms=7m first_replier=ann",
    );
}

#[test]
fn g5_a_week_away_is_not_resolution_time() {
    check(
        "09:00 customer: hi
         09:01 bot: hello
         +7d customer: back again
         +1m bot handoff
         +4m human: hello
         +5m human resolve",
        "turn 1: outcome=bot
         turn 2: waiting_since=@3 handed_off=true nrt_ms=5m
         episode 1: ended_by=idle episode_resolution_ms=NULL resolution_human_ms=NULL
         episode 2: first_handoff_at=@4 ended_at=@6 episode_resolution_ms=10m frt_human_ms=4m resolution_human_ms=9m",
    );
}

#[test]
fn g6_the_sender_has_the_credit() {
    check(
        "09:00 customer: hi
         09:03 human/ann: hello
         09:04 system assign bob
         09:05 customer: thanks
         09:06 human/ann: you are welcome",
        "turn 1: replier=ann replier_assignee=NULL nrt_ms=3m
         turn 2: replier=ann replier_assignee=bob nrt_ms=1m
         episode 1: first_replier=ann last_assignee=bob agent=ann
         stint 1: place=nobody
         stint 2: agent=ann started_by=reply duration_ms=1m messages=1
         stint 3: agent=bob started_by=assign outcome=open messages=0",
    );
}

#[test]
fn g7_a_silent_successor_does_not_undo_the_first_reply() {
    check(
        "09:00 customer: hi
         09:02 human/ann: hello
         09:03 human/ann handoff bob
         09:30 system resolve",
        "turn 1: outcome=replied nrt_ms=2m agent=ann
         turn 2: started_by=handoff outcome=closed nrt_ms=NULL excluded=unanswered_at_close agent=bob
         episode 1: frt_total_ms=2m first_human_at=@2 frt_excluded=NULL transfers=1 last_assignee=bob agent=ann unanswered=true
         stint 1: place=nobody
         stint 2: agent=ann messages=1
         stint 3: agent=bob outcome=no_reply pending_since=@3 frt_agent_ms=NULL messages=0 duration_ms=27m",
    );
}

#[test]
fn g8_one_resolve_is_one_ended_episode() {
    check(
        "09:00 customer: hi
         09:02 human: hello
         09:03 human resolve
         09:30 human reopen",
        "turn 1: outcome=replied
         episode 1: ended_by=resolve closed_offset=#3
         episode 2: started_by=reopen reopened=true ended_by=NULL first_customer_at=NULL frt_excluded=NULL",
    );
}

#[test]
fn g9_automatic_texts_answer_nobody() {
    check(
        "08:59 bot auto: welcome!
         09:00 customer: hi
         09:00 human auto: we are away
         09:00 bot auto: how was it?
         09:07 human: hello",
        "turn 1: waiting_since=@2 nrt_ms=7m response_any_ms=7m
         episode 1: started_at=@2 frt_total_ms=7m frt_bot_ms=NULL bot_messages=0 human_messages=1",
    );
}

#[test]
fn g11_messages_in_one_microsecond_are_all_counted() {
    check(
        "09:00 customer: hi
         +0s customer: there
         +0s human: hello",
        "turn 1: customer_messages=2 nrt_ms=0s waiting_offset=#1 excluded=NULL
         episode 1: customer_messages=2 human_messages=1 frt_total_ms=0s",
    );
}

// G15, an event delivered twice, ends at the relay. What the fold can meet is a stretch of the log
// twice, and `check` reads the log again from its beginning at every stop of every timeline.

#[test]
fn g16_the_order_of_the_relay_decides() {
    check(
        "09:00 human: yes, of course
         09:00:01 customer: can you help? {\"id\": \"question\"}",
        "turn 1: outcome=open waiting_since=@2 nrt_ms=NULL
         episode 1: first_human_at=NULL frt_total_ms=NULL human_messages=1",
    );
    check(
        "~09:00:01 customer: can you help?
         ~09:00:00 human: yes, of course",
        "turn 1: outcome=replied nrt_ms=NULL response_any_ms=NULL excluded=clock_backwards origin=imported
         episode 1: frt_total_ms=NULL frt_human_ms=NULL frt_excluded=clock_backwards first_human_at=@2",
    );
}

#[test]
fn g17_files_alone_are_one_message() {
    check(
        "09:00 customer files 3
         09:04 human files 2",
        "turn 1: customer_messages=1 nrt_ms=4m
         episode 1: customer_messages=1 human_messages=1 frt_total_ms=4m",
    );
}

// G13, a changed clock, a holiday and new hours, and G14, a shift past midnight, are in `business.rs`.

/// An agent's day of six hours has 133 chats of 69 minutes each. That is no error where 25 of them went on at a
/// time: the sum of the stints beside the time in which there was any says so.
#[test]
fn g19_chats_at_a_time_explain_an_impossible_day() {
    let mut stints: Vec<StintRow> = Vec::new();
    for chat in 0..133 {
        let timeline = format!(
            "09:00 system assign ann
             +{}s customer: hi
             +1h9m7s human/ann resolve",
            132 * chat
        );
        stints.extend(Run::of(&records(&timeline), &Decided::default()).facts.stints);
    }
    assert!(
        stints.iter().all(|row| row.place == Place::Agent && row.duration_ms == Some(4_147_000))
    );
    let handling_ms: i64 = stints.iter().filter_map(|row| row.duration_ms).sum();
    let started = stints.iter().map(|row| row.started_at.0).min().unwrap();
    let ended = stints.iter().filter_map(|row| row.ended_at).map(|ended| ended.0).max().unwrap();
    let active_ms = (ended - started) / 1_000;
    assert!(active_ms < 6 * 3_600_000, "each begins before the one before it ends: {active_ms} ms");
    assert_eq!(handling_ms / 3_600_000, 153);
    assert_eq!(handling_ms / active_ms, 25);
}
