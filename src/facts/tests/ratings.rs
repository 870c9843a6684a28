//! Whose a rating is, and which question it answers.

use serde_json::json;

use super::expect::{Decided, check, check_decided};

#[test]
fn a_rating_is_credited_to_the_last_human_who_replied() {
    let decided = Decided::default()
        .then(1, &json!({"teams": {"day": ["ann"], "night": ["bob"]}}))
        .then(8, &json!({"teams": {"late": ["bob"]}}));
    check_decided(
        &decided,
        "09:00 customer: hi
         09:01 human/ann: hello
         09:02 human/bob: I know
         09:03 human/ann resolve
         09:04 system rate_request
         09:05 customer rate 2
         09:06 customer rate 3
         09:07 customer rate 5",
        "turn 1: team=day
         episode 1: agent=bob team=night first_replier=ann first_replier_team=day
         rating 1: kind=request rating=NULL agent=bob team=night episode=1 requested_at=NULL occurred_at=@5
         rating 2: kind=rating rating=2 agent=bob requested_at=@5 offset=#6
         rating 3: kind=rating rating=3 requested_at=NULL
         rating 4: kind=rating rating=5 team=late",
    );
}

#[test]
fn a_question_takes_the_place_of_one_that_nobody_answered() {
    check(
        "09:00 system rate_request
         09:01 customer: what for?
         09:02 system rate_request
         09:03 customer rate 1
         09:04 customer rate 4",
        "turn 1:
         episode 1: rating=4
         rating 1: kind=request agent=NULL episode=NULL customer=NULL
         rating 2: kind=request episode=1 customer=customer
         rating 3: requested_at=@3 rating=1
         rating 4: requested_at=NULL",
    );
}
