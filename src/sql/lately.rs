//! Answers that may be some minutes old: what people are offered to choose from, and no figure.
//!
//! Invariants: whoever asks while an answer is being made waits for that one, so that many visitors ask once; an answer
//! of one shop is given to no other; few are kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::{Answer, Sql, SqlError};

/// From then on it is made again, while whoever asks gets the old one.
const FRESH: Duration = Duration::from_secs(60);
/// From then on whoever asks waits for the new one.
const AGE_MAX: Duration = Duration::from_secs(600);
/// Answers that are kept: × some 50 KB.
const KEPT_MAX: usize = 256;

/// By shop and question.
#[derive(Clone, Default)]
pub(super) struct Lately {
    kept: Arc<Mutex<HashMap<(String, String), Kept>>>,
}

#[derive(Clone)]
struct Kept {
    /// When it was asked for: how old it is.
    since: Instant,
    /// When it was last tried to make it anew.
    tried: Instant,
    answer: Arc<OnceCell<Arc<Answer>>>,
}

impl Kept {
    fn begun() -> Kept {
        let now = Instant::now();
        Kept { since: now, tried: now, answer: Arc::default() }
    }
}

impl Lately {
    /// What is to be answered with, and what is to be made beside it.
    fn find(&self, key: &(String, String)) -> (Kept, Option<Kept>) {
        let mut kept = self.kept.lock();
        let known = kept.get(key).filter(|known| known.since.elapsed() < AGE_MAX).cloned();
        let Some(known) = known else {
            kept.retain(|_, known| known.since.elapsed() < AGE_MAX);
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            let begun = Kept::begun();
            kept.insert(key.clone(), begun.clone());
            return (begun, None);
        };
        if known.tried.elapsed() < FRESH || !known.answer.initialized() {
            return (known, None);
        }
        // Nobody else makes it meanwhile. It gets no younger by a try that fails.
        let again = Kept::begun();
        kept.insert(key.clone(), Kept { tried: again.tried, ..known.clone() });
        (known, Some(again))
    }

    fn put(&self, key: &(String, String), made: Kept) {
        self.kept.lock().insert(key.clone(), made);
    }
}

impl Sql {
    /// As [`Sql::query`], or what that answered some minutes ago.
    pub async fn query_lately(&self, shop: &str, sql: &str) -> Result<Arc<Answer>, SqlError> {
        let key = (shop.to_string(), sql.to_string());
        let (shown, again) = self.lately.find(&key);
        if let Some(again) = again {
            let (asked, key) = (self.clone(), key.clone());
            tokio::spawn(async move {
                match made(&asked, &again, &key).await {
                    Ok(_) => asked.lately.put(&key, again),
                    Err(error) => {
                        tracing::warn!(%error, "what was answered lately is not made anew")
                    }
                }
            });
        }
        made(self, &shown, &key).await
    }
}

async fn made(
    sql: &Sql,
    kept: &Kept,
    (shop, asked): &(String, String),
) -> Result<Arc<Answer>, SqlError> {
    let make = || async { sql.query(shop, asked).await.map(Arc::new) };
    kept.answer.get_or_try_init(make).await.cloned()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;

    use super::*;
    use crate::model::Offset;

    fn key(shop: &str) -> (String, String) {
        (shop.to_string(), "SELECT 1".to_string())
    }

    #[test]
    fn whoever_asks_meanwhile_waits_for_the_same_and_another_shop_for_its_own() {
        let lately = Lately::default();
        let (one, _) = lately.find(&key("a"));
        let (same, again) = lately.find(&key("a"));
        assert!(Arc::ptr_eq(&one.answer, &same.answer) && again.is_none());
        let (other, _) = lately.find(&key("b"));
        assert!(!Arc::ptr_eq(&one.answer, &other.answer));
    }

    /// However often it cannot be made anew.
    #[test]
    fn an_answer_gets_no_younger_by_tries_that_fail() {
        let Some(long_ago) = Instant::now().checked_sub(AGE_MAX - FRESH) else { return };
        let lately = Lately::default();
        let answer = Answer {
            complete_to: Offset(0),
            schema: Arc::new(Schema::empty()),
            batches: Vec::new(),
        };
        let old = Kept {
            since: long_ago,
            tried: long_ago,
            answer: Arc::new(OnceCell::new_with(Some(Arc::new(answer)))),
        };
        lately.put(&key("a"), old);
        assert!(lately.find(&key("a")).1.is_some(), "it is to be made anew");
        let (shown, again) = lately.find(&key("a"));
        assert!(again.is_none() && shown.since == long_ago);
    }

    #[test]
    fn few_are_kept() {
        let lately = Lately::default();
        for number in 0..3 * KEPT_MAX {
            lately.find(&key(&number.to_string()));
        }
        assert!(lately.kept.lock().len() <= KEPT_MAX);
    }
}
