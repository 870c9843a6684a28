//! What is looked at on and on: a page that asks again every few seconds would fill the trail with itself.
//!
//! Invariant: whoever looks is recorded when they begin, and again at least every [`EVERY`] for as long as they do;
//! what cannot be remembered is recorded each time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::access::Identity;
use crate::model::Access;

/// How long one record stands for the same look.
const EVERY: Duration = Duration::from_mins(5);
/// Looks remembered: × about 300 bytes = 3 MB.
const LOOKS_MAX: usize = 10_000;

/// Who looks at what, for which case, and when that was last recorded.
#[derive(Default)]
pub(super) struct Looks(HashMap<String, Instant>);

impl Looks {
    /// Whether a look is to be recorded.
    pub(super) fn begin(&mut self, identity: &Identity, access: &Access, now: Instant) -> bool {
        // How much there was of it may differ from moment to moment.
        let access = Access { rows: None, ..access.clone() };
        let key = serde_json::json!([identity.shop, identity.subject, access]).to_string();
        let is_fresh = |recorded: Instant| now.duration_since(recorded) < EVERY;
        if self.0.get(&key).copied().is_some_and(is_fresh) {
            return false;
        }
        if self.0.len() >= LOOKS_MAX {
            self.0.retain(|_, recorded| is_fresh(*recorded));
        }
        if self.0.len() < LOOKS_MAX {
            self.0.insert(key, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::TokenRole;
    use crate::model::{AccessAction, Purpose, Via};

    fn identity(subject: &str) -> Identity {
        let (subject, shop) = (subject.to_string(), "s".to_string());
        Identity { subject, shop, roles: vec![TokenRole::Analyst] }
    }

    fn look(query: &str, case: Option<&str>) -> Access {
        let purpose = Purpose { case: case.map(str::to_string), ..Purpose::default() };
        let access = Access::new(AccessAction::Report, Via::Page, purpose);
        Access { query: Some(query.to_string()), rows: Some(query.len() as u64), ..access }
    }

    #[test]
    fn one_record_stands_for_five_minutes_of_the_same_look() {
        let (mut looks, start) = (Looks::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let (ann, ben) = (identity("ann"), identity("ben"));
        assert!(looks.begin(&ann, &look("a", None), start));
        let more = Access { rows: Some(7), ..look("a", None) };
        assert!(!looks.begin(&ann, &more, after(299)));
        assert!(looks.begin(&ben, &look("a", None), after(1)), "another person");
        assert!(looks.begin(&ann, &look("b", None), after(1)), "another question");
        assert!(looks.begin(&ann, &look("a", Some("D-1")), after(1)), "another case");
        assert!(looks.begin(&ann, &look("a", None), after(300)), "again");
    }

    #[test]
    fn what_cannot_be_remembered_is_recorded_each_time() {
        let (mut looks, now) = (Looks::default(), Instant::now());
        let ann = identity("ann");
        for number in 0..LOOKS_MAX {
            assert!(looks.begin(&ann, &look(&number.to_string(), None), now));
        }
        assert!(looks.begin(&ann, &look("one more", None), now));
        assert!(looks.begin(&ann, &look("one more", None), now));
        assert!(looks.begin(&ann, &look("one more", None), now + EVERY));
        assert!(!looks.begin(&ann, &look("one more", None), now + EVERY));
    }
}
