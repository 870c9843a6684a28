//! What begins an episode, what ends it, and what it carries.

use serde_json::json;

use super::expect::{Decided, Run, check, check_with};
use super::timeline::records;
use crate::model::Rules;

#[test]
fn what_the_shop_does_after_a_resolve_changes_nothing() {
    check(
        "09:00 customer: hi
         09:01 human: hello
         09:02 human resolve
         09:03 human: bye
         09:04 bot: bye
         09:05 system: closed
         09:06 bot resolve
         +3d human: any news?",
        "turn 1: outcome=replied
         episode 1: human_messages=1 bot_messages=0 closed_offset=#3 ended_at=@3",
    );
}

#[test]
fn a_resolve_without_an_episode_ends_nothing() {
    check("09:00 human resolve", "");
}

#[test]
fn a_reopen_of_the_customer_waits_and_one_of_the_shop_does_not() {
    check(
        "09:00 customer: hi
         09:01 human resolve
         09:10 customer reopen
         09:12 customer: still broken
         09:15 human: hello",
        "turn 1: outcome=closed
         turn 2: started_by=reopen waiting_since=@3 customer_messages=1 nrt_ms=5m
         episode 1: frt_excluded=no_reply
         episode 2: started_by=reopen first_customer_at=@3 customer_messages=1 frt_total_ms=5m frt_human_ms=5m",
    );
    check(
        "09:00 customer: hi
         09:01 human resolve
         09:10 human reopen
         09:12 customer: still broken
         09:15 human: hello",
        "turn 1: outcome=closed
         turn 2: started_by=customer waiting_since=@4 nrt_ms=3m
         episode 1: episode_resolution_ms=1m
         episode 2: started_by=reopen started_at=@3 first_customer_at=@4 frt_total_ms=3m",
    );
}

#[test]
fn a_reopen_said_twice_does_not_shorten_the_wait() {
    check(
        "09:00 human resolve
         09:10 customer reopen
         09:12 customer reopen
         09:15 human: hello
         09:16 customer reopen",
        "turn 1: waiting_since=@2 nrt_ms=5m
         episode 1: started_by=reopen reopened=true",
    );
}

#[test]
fn an_open_or_a_handoff_after_a_resolve_begins_the_next_episode() {
    check(
        "09:00 customer: hi
         09:01 human resolve
         09:10 system open
         09:11 customer: again
         09:12 human: hello
         09:13 human resolve
         09:20 bot handoff
         09:25 human: here",
        "turn 1: episode=1 outcome=closed
         turn 2: episode=2 nrt_ms=1m
         turn 3: episode=3 started_by=handoff nrt_ms=5m
         episode 1: reopened=false
         episode 2: started_by=open reopened=true episode_resolution_ms=3m
         episode 3: started_by=handoff reopened=true first_customer_at=NULL frt_total_ms=NULL frt_excluded=NULL",
    );
}

#[test]
fn an_open_in_an_open_episode_changes_nothing() {
    check(
        "09:00 customer open
         09:01 customer open
         09:02 customer: hi",
        "turn 1: waiting_since=@3
         episode 1: started_by=open started_at=@1 first_customer_at=@3 customer=customer",
    );
}

#[test]
fn silence_ends_an_episode_in_which_nobody_waits() {
    check(
        "09:00 customer: hi
         09:01 human: hello
         +24h customer: hello again
         +1m human: yes?
         +24h1us customer: back",
        "turn 1: episode=1
         turn 2: episode=1
         turn 3: episode=2 outcome=open
         episode 1: ended_by=idle ended_at=@4+24h closed_offset=#5 abandoned=false episode_resolution_ms=NULL resolved_by=NULL resolver_role=NULL
         episode 2: started_by=idle reopened=false started_at=@5",
    );
    check_with(
        &json!({"idle_hours": 2}),
        "09:00 customer: hi
         09:01 human: hello
         11:02 human: still there?",
        "turn 1: episode=1 rules_version=1
         episode 1: ended_by=idle ended_at=@2+2h rules_version=1
         episode 2: started_by=idle human_messages=1 first_customer_at=NULL",
    );
}

/// A last "thanks" once waited for ever, and bot chats that customers had left never ended.
#[test]
fn silence_abandons_the_turn_with_the_episode() {
    check(
        "09:00 customer: hi
         09:01 system: hold on
         +24h1us human: sorry",
        "turn 1: outcome=abandoned ended_at=@2+24h closed_offset=#3 nrt_ms=NULL response_any_ms=1m excluded=NULL replier=NULL
         episode 1: ended_by=idle ended_at=@2+24h abandoned=true frt_total_ms=NULL frt_excluded=no_reply
         episode 2: started_by=idle human_messages=1",
    );
    check(
        "09:00 customer: hi
         +24h human: just in time",
        "turn 1: outcome=replied nrt_ms=24h
         episode 1: abandoned=false",
    );
    check(
        "09:00 customer: hi
         09:01 bot: hello
         09:02 bot handoff
         +9d customer: hello?
         +1m human: sorry",
        "turn 1: outcome=bot
         turn 2: started_by=handoff customer_messages=0 outcome=abandoned
         turn 3: episode=2 nrt_ms=1m
         episode 1: abandoned=true handoffs=1
         episode 2: customer_messages=1",
    );
}

#[test]
fn only_activity_tells_that_an_episode_went_idle() {
    check(
        "09:00 customer: hi
         09:01 human: hello
         +20h human note: call them
         +1m system auto: how was it?
         +1m customer read
         +4h human resolve",
        "turn 1: outcome=replied
         episode 1: ended_by=idle ended_at=@2+24h closed_offset=#6 events=5 messages=4",
    );
    check(
        "09:00 customer: hi
         09:01 human: hello
         +3d system: parcel delivered
         +1m customer: thanks",
        "turn 1: episode=1
         turn 2: episode=2
         episode 1: ended_by=idle closed_offset=#3 events=2
         episode 2: started_by=idle started_at=@4 events=1",
    );
}

#[test]
fn each_kind_of_activity_after_silence_begins_an_episode_of_its_own() {
    for (activity, started_by, reopened) in [
        ("customer: hello", "idle", "false"),
        ("human: hello", "idle", "false"),
        ("bot: hello", "idle", "false"),
        ("bot handoff", "idle", "false"),
        ("system open", "open", "false"),
        ("human reopen", "reopen", "true"),
    ] {
        let timeline = format!("09:00 human: hello\n+2d {activity}\n+1m customer: hm");
        let turn = if activity == "bot handoff" { "handoff" } else { "customer" };
        let expect = format!(
            "turn 1: episode=2 started_by={turn}
             episode 1: ended_by=idle ended_at=@1+24h closed_offset=#2 frt_excluded=no_customer
             episode 2: started_by={started_by} reopened={reopened} started_at=@2",
        );
        check(&timeline, &expect);
    }
}

#[test]
fn tags_stand_until_taken_off() {
    check(
        "09:00 customer: hi
         09:01 human tag refund
         09:01 human tag delivery
         09:01 human tag refund
         09:01 human tag broken
         09:02 human untag broken
         09:03 human resolve
         09:04 human tag late
         09:05 customer: again",
        "turn 1: outcome=closed
         turn 2: outcome=open
         episode 1: categories=[delivery,refund]
         episode 2: categories=[delivery,late,refund]",
    );
    check("09:00 customer: hi", "turn 1: outcome=open\nepisode 1: categories=[]");
}

/// A model's word would have been counted as an agent's, and have made a chat look as if it went on.
#[test]
fn a_models_categories_are_no_persons_and_move_no_time() {
    check(
        "09:00 customer: hi
         09:01 human tag refund
         09:02 system tag late {\"automatic\": true}
         09:03 system untag refund {\"automatic\": true}
         09:04 human resolve
         09:30 system tag late {\"automatic\": true}",
        "turn 1: outcome=closed
         episode 1: categories=[refund] latest_at=@5",
    );
}

#[test]
fn tags_on_one_conversation_are_bounded() {
    let tags: String = (0..300).map(|number| format!("+1s human tag t{number}\n")).collect();
    let run = Run::of(&records(&format!("09:00 customer: hi\n{tags}")), &Decided::default());
    assert_eq!(run.episodes(&Rules::default())[0].categories.len(), 256);
}

#[test]
fn the_last_rating_before_the_end_is_the_episodes() {
    check(
        "09:00 customer: hi
         09:01 customer rate 2
         09:02 customer rate 4
         09:03 human resolve
         09:04 customer rate 1
         09:05 customer: again",
        "turn 1: outcome=closed
         turn 2: outcome=open
         episode 1: rating=4
         episode 2: rating=NULL",
    );
}

#[test]
fn a_row_carries_what_was_known_at_its_end() {
    check(
        "09:00 customer/cara: hi {\"channel\": \"app\", \"order\": \"A1\"}
         09:01 human: hello
         09:02 customer/cara: 你好 {\"channel\": \"web\", \"language\": \"zh\", \"order\": \"A2\"}
         09:03 customer/dan: me too",
        "turn 1: channel=app language=NULL shop=shop conversation=c
         turn 2: channel=web language=zh customer_messages=2
         episode 1: customer=cara channel=web language=zh order=A2",
    );
}
