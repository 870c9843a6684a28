//! Where a conversation lies, and what an agent who has it owes.

use super::expect::check;

#[test]
fn a_chat_goes_from_the_bot_through_the_queue_to_an_agent() {
    check(
        "09:00 customer open
         09:01 customer: hi
         09:02 bot: hello
         09:04 bot handoff
         09:04 system queue
         09:10 system assign ann
         09:13 human/ann: here I am
         09:14 human/ann: how can I help?
         09:15 customer: a refund
         09:20 human/ann: done
         09:21 human/ann resolve",
        "turn 1: outcome=bot agent=NULL
         turn 2: outcome=replied nrt_ms=9m agent=ann
         turn 3: outcome=replied nrt_ms=5m
         episode 1: agent=ann close_gap_ms=6m resolution_human_ms=17m unanswered=false
         stint 1: place=nobody started_by=open started_at=@1 ended_by=message ended_at=@3 duration_ms=2m outcome=NULL agent=NULL
         stint 2: place=bot started_by=message ended_by=handoff duration_ms=2m outcome=NULL
         stint 3: place=queue started_by=handoff started_at=@4 ended_by=assign duration_ms=6m outcome=assigned closed_offset=#6
         stint 4: place=agent agent=ann started_by=assign pending_since=@6 first_reply_at=@7 first_reply_offset=#7 frt_agent_ms=3m \
         outcome=replied messages=3 ended_by=resolve duration_ms=11m excluded=NULL",
    );
}

#[test]
fn an_agent_owes_from_the_next_message_on_where_nobody_waited() {
    check(
        "09:00 customer: hi
         09:01 human/ann: hello
         09:02 system assign bob
         09:05 human/bob: I have taken over
         09:06 customer: good
         09:09 human/bob: so?",
        "turn 1: agent=ann
         turn 2: agent=bob nrt_ms=3m
         episode 1: agent=bob last_assignee=bob
         stint 1: place=nobody ended_by=reply duration_ms=1m
         stint 2: place=agent agent=ann started_by=reply outcome=nothing_owed pending_since=NULL first_reply_at=NULL messages=1
         stint 3: place=agent agent=bob started_by=assign pending_since=@5 frt_agent_ms=3m outcome=replied messages=2 ended_at=NULL",
    );
}

/// Chatwoot #13312 averages agents who never answered.
#[test]
fn an_agent_who_was_silent_has_no_time_and_is_counted() {
    check(
        "09:00 customer: hi
         09:01 system assign ann
         09:30 system assign bob
         09:31 human/bob: sorry
         09:32 human/bob resolve",
        "turn 1: nrt_ms=31m
         episode 1:
         stint 1: place=nobody
         stint 2: agent=ann pending_since=@2 outcome=no_reply frt_agent_ms=NULL first_reply_at=NULL messages=0
         stint 3: agent=bob pending_since=@3 frt_agent_ms=1m outcome=replied",
    );
}

#[test]
fn a_colleague_answers_and_the_chat_stays_with_whom_it_is_assigned_to() {
    check(
        "09:00 system assign ann
         09:01 customer: hi
         09:02 human/bob: hello
         09:03 customer: and?
         09:07 human/ann: here",
        "turn 1: agent=bob replier_assignee=ann
         turn 2: agent=ann
         episode 1: first_replier=bob agent=ann
         stint 1: agent=ann started_by=message started_at=@2 pending_since=@2 frt_agent_ms=6m messages=1 outcome=replied ended_at=NULL",
    );
    check(
        "09:00 system assign ann
         09:01 customer: hi
         09:02 human/bob: hello
         09:03 human/bob resolve",
        "turn 1: agent=bob
         episode 1: agent=bob last_assignee=ann
         stint 1: agent=ann outcome=no_reply pending_since=@2 messages=0",
    );
}

#[test]
fn whoever_answers_where_nobody_is_assigned_has_it() {
    check(
        "09:00 customer: hi
         09:01 human/ann: hello
         09:02 human/bob: me too
         09:03 human/bob resolve",
        "turn 1: agent=ann
         episode 1: agent=bob
         stint 1: place=nobody
         stint 2: agent=ann started_by=reply ended_by=reply duration_ms=1m
         stint 3: agent=bob started_by=reply ended_by=resolve duration_ms=1m outcome=nothing_owed",
    );
    check(
        "09:00 customer: hi
         09:01 system queue
         09:05 human/ann: hello
         09:06 human/ann assign ann",
        "turn 1: agent=ann
         episode 1:
         stint 1: place=nobody
         stint 2: place=queue outcome=answered duration_ms=4m
         stint 3: agent=ann started_by=reply ended_at=NULL outcome=open",
    );
}

#[test]
fn a_pause_is_nobodys_time_and_carries_on_what_is_owed() {
    check(
        "09:00 system assign ann
         09:01 customer: hi
         09:02 human/ann pause
         09:30 human/ann resume
         09:31 human/ann: found it
         09:32 human/ann pause
         09:40 customer: thanks
         09:41 human/ann resume
         09:42 human/ann resolve",
        "turn 1: nrt_ms=30m
         turn 2: outcome=closed
         episode 1: unanswered=true close_gap_ms=2m
         stint 1: place=agent agent=ann duration_ms=1m outcome=paused pending_since=@2 ended_by=pause
         stint 2: place=paused agent=NULL team=NULL duration_ms=28m outcome=NULL pending_since=NULL started_by=pause ended_by=resume
         stint 3: place=agent agent=ann duration_ms=2m outcome=replied pending_since=@2 frt_agent_ms=30m started_by=resume
         stint 4: place=paused duration_ms=9m
         stint 5: place=agent outcome=nothing_owed pending_since=NULL duration_ms=1m",
    );
}

#[test]
fn what_was_paused_is_gone_on_with_by_whoever_it_is_given_to() {
    check(
        "09:00 customer: hi
         09:01 system assign ann
         09:02 human/ann: hello
         09:03 human/ann pause
         09:04 customer: and?
         09:05 system assign bob
         09:10 human/bob: so
         09:11 human/bob pause
         09:12 system queue
         09:13 system pause
         09:14 system resume
         09:15 human/eve: what is it?
         09:16 human/eve pause
         09:17 human/eve handoff bob",
        "turn 1: agent=ann
         turn 2: agent=bob nrt_ms=6m
         turn 3: started_by=handoff outcome=open agent=bob
         episode 1: transfers=1
         stint 1: place=nobody
         stint 2: agent=ann outcome=replied frt_agent_ms=1m
         stint 3: place=paused started_by=pause ended_by=reply duration_ms=7m
         stint 4: agent=bob started_by=reply pending_since=@6 frt_agent_ms=5m outcome=replied
         stint 5: place=paused ended_by=queue
         stint 6: place=queue outcome=paused ended_by=pause
         stint 7: place=paused ended_by=resume
         stint 8: place=queue started_by=resume outcome=answered
         stint 9: agent=eve started_by=reply messages=1
         stint 10: place=paused ended_by=handoff
         stint 11: agent=bob started_by=handoff pending_since=@14 outcome=open",
    );
}

#[test]
fn a_customer_who_leaves_or_falls_silent_abandons_the_queue() {
    check(
        "09:00 customer: hi
         09:01 system queue
         09:02 human leave
         09:05 customer leave
         09:06 customer: still there?",
        "turn 1: outcome=open
         episode 1:
         stint 1: place=nobody
         stint 2: place=queue ended_by=leave outcome=abandoned duration_ms=4m
         stint 3: place=nobody started_by=leave ended_at=NULL",
    );
    check(
        "09:00 customer: hi
         09:01 bot handoff
         +3d customer: hello?",
        "turn 1: outcome=abandoned
         turn 2: outcome=open
         episode 1: unanswered=true abandoned=true
         episode 2: unanswered=false
         stint 1: place=nobody episode=1
         stint 2: place=queue ended_by=idle ended_at=@2+24h outcome=abandoned closed_offset=#3
         stint 3: place=nobody episode=2 started_by=idle started_at=@3",
    );
    check(
        "09:00 customer: hi
         09:01 system queue
         09:02 human resolve",
        "turn 1: outcome=closed
         episode 1: unanswered=true abandoned=false
         stint 1: place=nobody
         stint 2: place=queue outcome=resolved",
    );
}

#[test]
fn a_bot_takes_over_what_an_agent_left_behind_and_nothing_that_was_given() {
    check(
        "09:00 customer: hi
         09:01 human/ann assign ann
         09:02 human/ann: hello
         09:03 human/ann resolve
         +2d customer: me again
         +1m bot: what is it?
         +1m customer: a human
         +1m bot handoff
         +1m bot: one moment
         +1m human/ann: yes?",
        "turn 1: agent=ann
         turn 2: outcome=bot agent=ann
         turn 3: outcome=replied nrt_ms=3m handed_off=true
         episode 1: reopened=false since_resolve_ms=NULL
         episode 2: reopened=true since_resolve_ms=2d resolution_human_ms=NULL
         stint 1: place=nobody
         stint 2: agent=ann outcome=replied
         stint 3: agent=ann started_by=message episode=2 outcome=nothing_owed ended_by=message duration_ms=1m
         stint 4: place=bot duration_ms=2m ended_by=handoff
         stint 5: place=queue duration_ms=2m outcome=answered
         stint 6: agent=ann started_by=reply",
    );
    check(
        "09:00 customer: hi
         09:01 system assign ann
         09:02 bot: she will be with you
         09:05 human/ann: hello",
        "turn 1: outcome=replied nrt_ms=5m response_any_ms=2m
         episode 1:
         stint 1: place=nobody
         stint 2: agent=ann outcome=replied pending_since=@2 frt_agent_ms=4m messages=1",
    );
}

#[test]
fn what_begins_an_episode_says_where_it_lies() {
    let place = |timeline: &str, expect: &str| {
        check(timeline, expect);
    };
    place(
        "09:00 bot: hello",
        "episode 1:
         stint 1: place=bot started_by=message",
    );
    place(
        "09:00 human/ann: your parcel is late",
        "episode 1: agent=ann
         stint 1: place=agent agent=ann started_by=message outcome=open messages=1",
    );
    place(
        "09:00 bot handoff ann",
        "turn 1: started_by=handoff agent=ann
         episode 1:
         stint 1: place=agent agent=ann started_by=handoff pending_since=@1",
    );
    place(
        "09:00 bot handoff",
        "turn 1: agent=NULL
         episode 1:
         stint 1: place=queue started_by=handoff",
    );
    place(
        "09:00 customer: hi
         09:01 human/ann assign ann
         09:02 human/ann resolve
         09:03 customer reopen",
        "turn 1:
         turn 2: started_by=reopen agent=ann
         episode 1:
         episode 2:
         stint 1: place=nobody
         stint 2: agent=ann outcome=no_reply
         stint 3: agent=ann started_by=reopen pending_since=@4 outcome=open",
    );
}

/// What has no time has no length, and a stint that lies between two others still follows them.
#[test]
fn stints_of_transcripts_are_as_long_as_their_clocks_agree() {
    check(
        "~09:00 customer: hi
         ~? system assign ann
         ~09:05 human/ann: hello
         ~09:04 system assign bob",
        "turn 1: nrt_ms=5m
         episode 1:
         stint 1: place=nobody duration_ms=NULL excluded=untimed origin=imported
         stint 2: agent=ann duration_ms=NULL frt_agent_ms=NULL excluded=untimed outcome=replied
         stint 3: agent=bob duration_ms=NULL excluded=NULL ended_at=NULL",
    );
    check(
        "~09:00 customer: hi
         ~08:00 system queue",
        "turn 1:
         episode 1:
         stint 1: duration_ms=NULL excluded=clock_backwards ended_at=@2
         stint 2: place=queue started_at=@2 duration_ms=NULL",
    );
}
