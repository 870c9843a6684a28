//! What starts a turn, what ends it, and what does neither.

use super::expect::check;

#[test]
fn further_messages_join_the_turn() {
    check(
        "09:00 customer: hi
         09:01 customer: are you there?
         09:05 human: yes
         09:06 human: sorry
         09:07 customer: well
         09:08 human: tell me",
        "turn 1: customer_messages=2 waiting_since=@1 nrt_ms=5m response_any_ms=5m closed_offset=#3
         turn 2: customer_messages=1 waiting_since=@5 nrt_ms=1m
         episode 1: customer_messages=3 human_messages=3 frt_total_ms=5m",
    );
}

#[test]
fn notes_edits_retractions_and_presence_answer_nothing() {
    check(
        "09:00 customer: hi
         09:01 human note: difficult one
         09:02 human edit
         09:03 customer retract
         09:04 human read
         09:05 human join
         09:06 human leave
         09:07 human call
         09:08 system queue
         09:09 human pause
         09:10 human resume
         09:11 system rate_request
         09:12 human: hello",
        "turn 1: customer_messages=1 nrt_ms=12m response_any_ms=12m
         episode 1: human_messages=1 frt_total_ms=12m",
    );
    check("09:00 human note: nobody here yet", "");
    check("09:00 customer join", "");
}

#[test]
fn a_message_of_the_system_is_a_response_but_no_reply() {
    check(
        "09:00 customer: where is it?
         09:01 system: parcel at the depot
         09:09 human: tomorrow",
        "turn 1: nrt_ms=9m response_any_ms=1m
         episode 1: bot_messages=0 frt_bot_ms=NULL frt_total_ms=9m",
    );
    check("09:00 system: chat connected", "");
}

#[test]
fn handoffs_in_a_chain_keep_the_first_wait_and_move_the_human_clock() {
    check(
        "09:00 customer: hi
         09:01 bot handoff
         09:02 system handoff ann
         09:10 human/ann handoff bob
         09:15 human/bob: hello",
        "turn 1: started_by=customer handed_off=true nrt_ms=15m replier=bob replier_assignee=bob
         episode 1: handoffs=3 transfers=1 first_handoff_at=@2 frt_total_ms=15m frt_human_ms=5m",
    );
}

#[test]
fn a_handoff_before_the_customer_writes_does_not_start_the_first_response() {
    check(
        "09:00 bot handoff ann
         09:10 customer: hi
         09:12 human/ann: hello",
        "turn 1: started_by=handoff waiting_since=@1 customer_messages=1 handed_off=false nrt_ms=12m
         episode 1: started_by=handoff frt_total_ms=2m frt_human_ms=2m",
    );
}

#[test]
fn a_handoff_to_a_queue_leaves_nobody_assigned() {
    check(
        "09:00 customer: hi
         09:01 system assign ann
         09:02 human/ann handoff
         09:04 human/bob: hello",
        "turn 1: replier=bob replier_assignee=NULL
         episode 1: last_assignee=ann",
    );
}

#[test]
fn an_agent_who_speaks_first_has_not_replied() {
    check(
        "09:00 human/ann: your parcel is late
         09:30 customer: I see
         09:34 human/bob: we are sorry",
        "turn 1: waiting_since=@2 nrt_ms=4m
         episode 1: started_by=message started_at=@1 frt_total_ms=4m first_human_at=@3 first_replier=bob human_messages=2",
    );
    check(
        "09:00 bot: we have news
         09:30 customer: oh?
         09:31 bot: yes",
        "turn 1: outcome=bot response_any_ms=1m
         episode 1: bot_messages=2 frt_bot_ms=1m first_bot_at=@3",
    );
}

#[test]
fn a_human_after_a_bot_is_the_first_reply_though_no_turn_was_open() {
    check(
        "09:00 customer: hi
         09:01 bot: hello
         09:06 human: and hello from me",
        "turn 1: outcome=bot
         episode 1: frt_total_ms=6m frt_human_ms=6m frt_bot_ms=1m",
    );
}

#[test]
fn a_resolve_cuts_the_turn() {
    check(
        "09:00 customer: hi
         09:08 bot resolve",
        "turn 1: outcome=closed nrt_ms=NULL response_any_ms=NULL ended_at=@2 excluded=unanswered_at_close closed_offset=#2
         episode 1: frt_excluded=no_reply closed_offset=#2 episode_resolution_ms=8m",
    );
    check(
        "09:00 customer: hi
         09:01 system: hold on
         09:08 bot resolve",
        "turn 1: outcome=closed response_any_ms=1m excluded=unanswered_at_close
         episode 1: frt_excluded=no_reply",
    );
}

/// A bot that says "one moment please" after handing over once hid the whole wait that followed.
#[test]
fn a_bot_ends_no_wait_after_it_handed_over() {
    check(
        "09:00 customer: a human please
         09:01 bot handoff
         09:02 bot: one moment please
         09:10 human: hello",
        "turn 1: started_by=customer handed_off=true waiting_since=@1 nrt_ms=10m response_any_ms=2m
         episode 1: frt_human_ms=9m",
    );
    check(
        "09:00 customer: hi
         09:01 bot: let me fetch someone
         09:02 bot handoff
         09:03 bot: still here
         09:05 human: hello
         09:06 customer: and when?
         09:07 bot: one moment please
         09:16 human: tomorrow",
        "turn 1: outcome=bot
         turn 2: started_by=handoff waiting_since=@3 nrt_ms=3m
         turn 3: outcome=replied nrt_ms=10m response_any_ms=1m handed_off=false
         episode 1: frt_human_ms=3m",
    );
}
