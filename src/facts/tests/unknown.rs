//! NULL, never 0: what is not known, and why.

use super::expect::check;

#[test]
fn imports_without_times_enter_no_waiting_time() {
    check(
        "~? customer: hi
         ~? bot: hello
         ~? customer: a human please
         ~? bot handoff
         ~? human: hello
         ~? customer: bye
         ~? human resolve",
        "turn 1: outcome=bot response_any_ms=NULL excluded=untimed origin=imported
         turn 2: outcome=replied nrt_ms=NULL response_any_ms=NULL excluded=untimed customer_messages=1
         turn 3: outcome=closed excluded=untimed
         episode 1: timed=false frt_total_ms=NULL frt_human_ms=NULL frt_bot_ms=NULL frt_excluded=untimed \
         episode_resolution_ms=NULL ended_by=resolve customer_messages=3 origin=imported",
    );
}

#[test]
fn an_untimed_wait_is_not_pending() {
    check(
        "~? customer: hi",
        "turn 1: outcome=open excluded=untimed nrt_ms=NULL
         episode 1: frt_excluded=untimed",
    );
}

#[test]
fn imports_without_times_go_idle_by_the_time_of_their_import() {
    check(
        "~? customer: hi
         ~? human: hello
         2031-01-01T09:00:00Z customer: years later
         +2m human: hello again",
        "turn 1: episode=1 excluded=untimed origin=imported
         turn 2: episode=2 nrt_ms=2m excluded=NULL origin=live
         episode 1: frt_excluded=untimed customer_messages=1 ended_by=idle ended_at=@2+24h closed_offset=#3
         episode 2: started_by=idle frt_total_ms=2m",
    );
    check(
        "~? customer: hi
         2031-01-01T09:00:00Z customer: years later",
        "turn 1: outcome=abandoned excluded=untimed
         turn 2: outcome=open
         episode 1: abandoned=true timed=false frt_excluded=untimed
         episode 2: abandoned=false",
    );
}

#[test]
fn imports_with_times_are_measured_by_them() {
    check(
        "~09:00 customer: hi
         ~09:03 human: hello
         ~+2d customer: back
         ~+1m human resolve",
        "turn 1: nrt_ms=3m excluded=NULL
         turn 2: outcome=closed
         episode 1: ended_by=idle frt_total_ms=3m ended_at=@2+24h
         episode 2: started_by=idle episode_resolution_ms=1m",
    );
}

/// As in live chat: otherwise a stint began days after the end of its episode, and was left out for a clock that ran backwards.
#[test]
fn an_imported_silence_is_ended_by_whatever_comes_next() {
    check(
        "~09:00 customer: hi
         ~09:03 human: hello
         ~+1m human pause
         ~+4d human resume
         ~+1m human: it has come
         ~+1m human resolve",
        "turn 1: nrt_ms=3m
         episode 1: ended_by=idle ended_at=@2+24h closed_offset=#4 events=3
         episode 2: started_by=idle started_at=@5 ended_by=resolve events=2",
    );
    check(
        "~09:00 customer: hi
         ~09:03 human: hello
         ~+2d bot resolve",
        "turn 1: nrt_ms=3m
         episode 1: ended_by=idle ended_at=@2+24h closed_offset=#3 events=2 resolved_by=NULL",
    );
}

/// A transcript that holds the answer holds the wait, however long it was; and what comes back years
/// later is a new episode.
#[test]
fn an_imported_wait_is_not_cut_by_its_own_clock() {
    check(
        "~09:00 customer: hi
         ~+9d human: sorry
         ~+1m customer: too late",
        "turn 1: outcome=replied nrt_ms=9d
         turn 2: outcome=open
         episode 1: frt_total_ms=9d customer_messages=2",
    );
}

#[test]
fn one_untimed_end_is_enough() {
    check(
        "~09:00 customer: hi
         ~? human: hello
         ~09:05 customer: and
         ~09:06 human: yes",
        "turn 1: nrt_ms=NULL excluded=untimed
         turn 2: nrt_ms=1m excluded=NULL
         episode 1: frt_excluded=untimed frt_total_ms=NULL",
    );
}

#[test]
fn an_untimed_handoff_leaves_the_whole_time_known() {
    check(
        "~09:00 customer: hi
         ~? bot handoff
         ~09:05 human: hello",
        "turn 1: nrt_ms=5m excluded=NULL handed_off=true
         episode 1: frt_total_ms=5m frt_human_ms=NULL frt_excluded=untimed",
    );
}

#[test]
fn clocks_that_run_backwards_give_no_resolution() {
    check(
        "~09:00 customer: hi
         ~09:05 human: hello
         ~08:00 human resolve",
        "turn 1: nrt_ms=5m
         episode 1: ended_by=resolve episode_resolution_ms=NULL frt_total_ms=5m frt_excluded=NULL",
    );
}

#[test]
fn pending_is_not_excluded() {
    check(
        "09:00 customer: hi",
        "turn 1: outcome=open ended_at=NULL replied_at=NULL replier=NULL reply_offset=NULL nrt_ms=NULL \
         response_any_ms=NULL excluded=NULL closed_offset=NULL schedule_version=NULL metric_version=4 rules_version=0 closed_at=NULL
         episode 1: ended_at=NULL ended_by=NULL frt_total_ms=NULL frt_human_ms=NULL frt_bot_ms=NULL frt_excluded=NULL \
         first_human_at=NULL first_replier=NULL episode_resolution_ms=NULL rating=NULL closed_offset=NULL",
    );
}

#[test]
fn nothing_to_answer_is_said_so() {
    check(
        "09:00 human: your parcel is on its way
         09:01 human resolve",
        "episode 1: frt_total_ms=NULL frt_excluded=no_customer episode_resolution_ms=1m human_messages=1",
    );
}
