//! What is to be said of a conversation whose episode has ended: pure.
//!
//! Invariants: nobody is contradicted: where a person tagged it, or took the same category off, nothing is said; one
//! automatic category stands on a conversation at a time, that of its last episode; an event's id is made of episode,
//! model and the automatic tag before it, so that whoever decides again, after a crash or at the same time, sends the
//! same event.

use serde_json::json;
use serde_json::value::RawValue;

use super::case::Case;
use super::questions::Ended;
use super::saved::Saved;
use crate::erasure::VERBATIM;
use crate::model::{Event, FieldError, Kind, Role, Sender};

/// What became of an episode.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// It gets a category.
    Tagged,
    /// The model does not know.
    Unknown,
    /// It has this category from this model, or that of a later episode.
    Already,
    /// A person said what it is about, or that it is not this.
    LeftToPeople,
    /// The customer said nothing in words.
    Silent,
    /// Something of the conversation was asked to be erased.
    Erased,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What became of it, and what is to be sent, in order.
#[derive(Clone, Debug)]
pub struct Decision {
    pub outcome: Outcome,
    pub events: Vec<Event>,
}

/// What the model says of an episode that no model has given a category yet. Whoever looks at the same episodes
/// once more leaves what an older model said of them as it is: only whoever asks for it replaces that.
///
/// # Errors
/// As [`decide`] has.
pub fn decide_once(case: &Case, ended: &Ended, saved: &Saved) -> Result<Decision, FieldError> {
    if case.automatic.as_ref().is_some_and(|standing| standing.episode >= ended.episode) {
        return Ok(Decision { outcome: Outcome::Already, events: Vec::new() });
    }
    decide(case, ended, saved)
}

/// What the model says of an episode of the conversation, in place of what an older one said.
///
/// # Errors
/// Where an event of it could not be: a category that no tag may have.
pub fn decide(case: &Case, ended: &Ended, saved: &Saved) -> Result<Decision, FieldError> {
    let nothing = |outcome| Ok(Decision { outcome, events: Vec::new() });
    if case.is_erased {
        return nothing(Outcome::Erased);
    }
    if case.is_tagged_by_people() {
        return nothing(Outcome::LeftToPeople);
    }
    let text = case.text(ended.started_offset..ended.closed_offset.next());
    if text.trim().is_empty() {
        return nothing(Outcome::Silent);
    }
    let standing = case.automatic.as_ref();
    let is_of_later = standing.is_some_and(|standing| standing.episode > ended.episode);
    let is_of_same = standing.is_some_and(|standing| {
        standing.episode == ended.episode && standing.model == saved.reference()
    });
    if is_of_later || is_of_same {
        return nothing(Outcome::Already);
    }
    let guess = saved.model.guess(&text).filter(|guess| guess.is_enough);
    if guess.is_some_and(|guess| case.taken_off.contains(guess.category)) {
        return nothing(Outcome::LeftToPeople);
    }
    let mut decision = Decision { outcome: Outcome::Unknown, events: Vec::new() };
    let is_other = |category: &str| guess.is_none_or(|guess| guess.category != category);
    if let Some(standing) = standing.filter(|standing| is_other(&standing.category)) {
        decision.events.push(event(case, ended, saved, Kind::Untag, &standing.category, None)?);
    }
    if let Some(guess) = guess {
        let probability = Some(guess.probability);
        decision.events.push(event(case, ended, saved, Kind::Tag, guess.category, probability)?);
        decision.outcome = Outcome::Tagged;
    }
    Ok(decision)
}

fn event(
    case: &Case,
    ended: &Ended,
    saved: &Saved,
    kind: Kind,
    category: &str,
    probability: Option<f32>,
) -> Result<Event, FieldError> {
    let about = &saved.about;
    let after = case.last_automatic.map_or(String::new(), |offset| format!("-after-{offset}"));
    let id = format!("{}-{}-{}{after}", kind.as_str(), ended.episode, about.version);
    let sender = Sender { id: VERBATIM.to_string(), role: Role::System, name: None };
    let mut event = Event::new(id, ended.conversation.clone(), kind, sender);
    event.automatic = true;
    event.category = Some(category.to_string());
    let mut data = json!({"model": about.name, "version": about.version, "episode": ended.episode});
    if let Some(probability) = probability {
        // More digits would claim more than a few hundred examples can tell.
        data["probability"] = json!((f64::from(probability) * 10_000.0).round() / 10_000.0);
    }
    event.data = RawValue::from_string(data.to_string()).ok();
    event.check()?;
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::categories::case::tests::{case, own, said};
    use crate::categories::testing::examples;
    use crate::categories::{Saved, train};
    use crate::model::{Micros, Offset};

    fn saved() -> Saved {
        Saved::new("issues", Micros(7), "labels.csv", train(&examples()).unwrap())
    }

    fn ended(episode: u32) -> Ended {
        let conversation = "c".to_string();
        Ended { closed_offset: Offset(9), conversation, episode, started_offset: Offset(1) }
    }

    fn refund() -> super::super::Said {
        said(1, "message", r#"{"text": "我要退款, I want my money back"}"#)
    }

    fn decided(records: Vec<super::super::Said>, episode: u32) -> (Outcome, Vec<String>) {
        let decision = decide(&case(records), &ended(episode), &saved()).unwrap();
        let shown = |event: &Event| {
            format!("{} {}", event.kind.as_str(), event.category.as_deref().unwrap())
        };
        (decision.outcome, decision.events.iter().map(shown).collect())
    }

    #[test]
    fn an_untagged_episode_gets_its_category_with_where_it_is_from() {
        let saved = saved();
        let decision = decide(&case([refund()]), &ended(1), &saved).unwrap();
        assert_eq!(decision.outcome, Outcome::Tagged);
        let [event] = &decision.events[..] else { panic!("{decision:?}") };
        assert_eq!(event.id, format!("tag-1-{}", saved.about.version));
        assert!(event.automatic && event.sender.role == Role::System);
        let data: serde_json::Value =
            serde_json::from_str(event.data.as_ref().unwrap().get()).unwrap();
        assert_eq!(data["model"], "issues");
        assert_eq!(data["version"], saved.about.version.as_str());
        let probability = data["probability"].as_f64().unwrap();
        assert!(probability >= f64::from(saved.model.threshold()) && probability <= 1.0);
    }

    #[test]
    fn nobody_is_contradicted() {
        let nothing = |outcome| (outcome, Vec::<String>::new());
        let by_hand = said(2, "tag", r#"{"category": "delivery"}"#);
        assert_eq!(decided(vec![refund(), by_hand], 1), nothing(Outcome::LeftToPeople));
        let off = said(3, "untag", r#"{"category": "refund"}"#);
        let records = vec![refund(), own(2, "tag", "refund", "old", 1), off];
        assert_eq!(decided(records, 1), nothing(Outcome::LeftToPeople));
        let erase = said(4, "erase", "{}");
        assert_eq!(decided(vec![refund(), erase], 1), nothing(Outcome::Erased));
        assert_eq!(decided(vec![], 1), nothing(Outcome::Silent));
        let nonsense = said(1, "message", r#"{"text": "?!"}"#);
        assert_eq!(decided(vec![nonsense], 1), nothing(Outcome::Unknown));
    }

    #[test]
    fn whoever_looks_once_more_leaves_what_an_older_model_said() {
        let older = "0123456789ab";
        let once = |records: Vec<super::super::Said>, episode: u32| {
            decide_once(&case(records), &ended(episode), &saved()).unwrap().outcome
        };
        let wrong = own(2, "tag", "delivery", older, 1);
        assert_eq!(once(vec![refund(), wrong.clone()], 1), Outcome::Already);
        assert_eq!(once(vec![refund(), wrong], 2), Outcome::Tagged, "a new episode");
        assert_eq!(once(vec![refund()], 1), Outcome::Tagged);
    }

    #[test]
    fn a_newer_model_replaces_what_an_older_one_said() {
        let (version, older) = (saved().about.version, "0123456789ab");
        let wrong = own(2, "tag", "delivery", older, 1);
        let expected = vec!["untag delivery".to_string(), "tag refund".to_string()];
        assert_eq!(decided(vec![refund(), wrong], 1), (Outcome::Tagged, expected));
        let same = own(2, "tag", "refund", older, 1);
        let expected = vec!["tag refund".to_string()];
        assert_eq!(decided(vec![refund(), same], 1), (Outcome::Tagged, expected));
        let own_tag = own(2, "tag", "refund", &version, 1);
        assert_eq!(decided(vec![refund(), own_tag.clone()], 1), (Outcome::Already, vec![]));
        assert_eq!(decided(vec![refund(), own_tag], 2).0, Outcome::Tagged, "a new episode");
        let of_later = own(2, "tag", "delivery", older, 3);
        assert_eq!(decided(vec![refund(), of_later], 2).0, Outcome::Already);
        let unsure = vec![
            said(1, "message", r#"{"text": "?!"}"#),
            said(1, "message", r#"{"text": "..."}"#),
            own(2, "tag", "delivery", older, 1),
        ];
        assert_eq!(decided(unsure, 1), (Outcome::Unknown, vec!["untag delivery".to_string()]));
    }

    /// One model said it, another something else, and the first is asked again: its tag's id was used.
    #[test]
    fn whoever_decides_again_sends_the_same_and_what_is_new_has_a_new_id() {
        let ids = |records: Vec<super::super::Said>| -> Vec<String> {
            let decision = decide(&case(records), &ended(1), &saved()).unwrap();
            decision.events.into_iter().map(|event| event.id).collect()
        };
        let (version, other) = (saved().about.version, "0123456789ab");
        let first = ids(vec![refund()]);
        assert_eq!(first, ids(vec![refund()]));
        let replaced = vec![
            refund(),
            own(2, "tag", "refund", &version, 1),
            own(3, "untag", "refund", other, 1),
            own(4, "tag", "delivery", other, 1),
        ];
        let again = ids(replaced.clone());
        assert_eq!(
            again,
            [format!("untag-1-{version}-after-4"), format!("tag-1-{version}-after-4")]
        );
        assert!(!again.contains(&first[0]));
        // The crash came between the two: only the second is left to do, once.
        let half = replaced.into_iter().chain([own(5, "untag", "delivery", &version, 1)]);
        assert_eq!(ids(half.collect()), [format!("tag-1-{version}-after-5")]);
    }
}
