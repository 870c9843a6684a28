//! When a reply and a resolve are due by what the shop promised.

use serde_json::json;

use super::expect::{Decided, check, check_decided, check_with};

#[test]
fn a_wait_is_due_by_its_target() {
    check_with(
        &json!({"sla": {"first_reply_s": 180, "next_reply_s": 600, "resolution_s": 86_400}}),
        "09:00 customer: hi
         09:01 bot: hello
         09:02 customer: a human please
         09:10 human/ann: here
         09:11 customer: well
         09:12 human/ann: yes
         09:13 human/ann resolve
         10:00 customer: again",
        "turn 1: outcome=bot sla_target=first_reply due_at=@1+3m
         turn 2: sla_target=first_reply due_at=@3+3m nrt_ms=8m
         turn 3: sla_target=next_reply due_at=@5+10m
         turn 4: sla_target=first_reply due_at=@8+3m outcome=open
         episode 1: resolution_due_at=@1+24h
         episode 2: resolution_due_at=@8+24h",
    );
}

#[test]
fn what_was_not_promised_is_not_due() {
    check(
        "09:00 customer: hi",
        "turn 1: sla_target=NULL due_at=NULL
         episode 1: resolution_due_at=NULL",
    );
    check_with(
        &json!({"sla": {"next_reply_s": 600}}),
        "09:00 customer: hi
         09:01 human/ann: hello
         09:02 human/ann handoff",
        "turn 1: sla_target=NULL due_at=NULL
         turn 2: sla_target=next_reply due_at=@3+10m started_by=handoff
         episode 1: resolution_due_at=NULL",
    );
    check_with(
        &json!({"sla": {"first_reply_s": 60, "resolution_s": 60}}),
        "~? customer: hi",
        "turn 1: sla_target=first_reply due_at=NULL excluded=untimed
         episode 1: resolution_due_at=NULL",
    );
}

/// A breach that was none by the policy of its day never becomes one.
#[test]
fn another_policy_does_not_change_what_was_promised() {
    let decided = Decided::default()
        .then(2, &json!({"sla": {"first_reply_s": 60}}))
        .then(3, &json!({"sla": {"first_reply_s": 120, "next_reply_s": 30}}))
        .then(5, &json!({"sla": null}));
    check_decided(
        &decided,
        "09:00 human note: early
         09:01 customer: hi
         09:02 customer: there?
         09:30 human/ann: hello
         09:31 customer: at last",
        "turn 1: due_at=@2+1m rules_version=2
         turn 2: sla_target=NULL due_at=NULL
         episode 1:",
    );
}

#[test]
fn business_targets_count_open_time_of_whoever_is_assigned() {
    let hours = json!({"zone": "UTC", "week": {"mon": ["09:00-18:00"], "tue": ["09:00-18:00"]}});
    let night = json!({"night": {"zone": "UTC", "week": {"mon": ["17:00-24:00"]}}});
    let sla = json!({"first_reply_s": 600, "resolution_s": 36_000, "clock": "business"});
    check_with(
        &json!({"hours": hours, "team_hours": night, "teams": {"night": ["lin"]}, "sla": sla}),
        "17:55 customer: hi
         17:56 system assign lin
         17:57 system resolve
         17:58 customer: not yet",
        "turn 1: due_at=@1+15h10m
         turn 2: due_at=@4+10m team=night
         episode 1: resolution_due_at=@1+6d16h
         episode 2: resolution_due_at=@4+7d3h",
    );
    // By hours that nobody decided nothing can be due.
    check_with(
        &json!({"sla": sla}),
        "17:55 customer: hi",
        "turn 1: sla_target=first_reply due_at=NULL
         episode 1: resolution_due_at=NULL",
    );
}
