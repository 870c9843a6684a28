//! Answers that are given again for a while, to whoever looks at the same: what people are offered to choose from, and
//! the figures of pages, each with when it was asked for. An open page asks again every few seconds; so many of them
//! would otherwise compute the same at once, as often as that, and take the machine from the chat itself.
//!
//! Invariants: whoever asks while an answer is being made waits for that one; an answer of one shop is given to no
//! other; what is kept is bounded in bytes. Reports, SQL and exports never get an old one, and of an archive in which
//! every answer comes at once ([`FEW_RECORDS`]) no page does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::answer::in_time;
use super::{Answer, Sql, SqlError, Value};
use crate::model::{Micros, Offset};

/// All that is kept, in memory. What is larger by itself is not kept.
const KEPT_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// What an answer is taken for beside its rows: its key, its schema, its place.
const ENTRY_BYTES: u64 = 4 * 1024;
/// About as many answers as the pages of some shops ask for.
const ANSWERS_EXPECTED: usize = 256;
/// Figures of so many records are computed in milliseconds each time.
const FEW_RECORDS: Offset = Offset(100_000);

/// How long an answer is given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasting {
    /// What changes seldom and is no figure.
    Minutes,
    /// Figures: the longer it took, the longer; so a page takes a twentieth of the machine however many look at it.
    ByCost,
}

impl Lasting {
    /// Up to which age it is given, and up to which it is given while it is made anew.
    fn ages(self, took: Duration) -> (Duration, Duration) {
        match self {
            Lasting::Minutes => (Duration::from_secs(60), Duration::from_secs(600)),
            Lasting::ByCost => {
                let fresh = (20 * took).min(Duration::from_secs(30));
                (fresh, 4 * fresh)
            }
        }
    }
}

/// An answer for people to look at.
#[derive(Clone, Debug)]
pub struct Figures {
    pub answer: Answer,
    /// When it was asked for: what came later is not in it.
    pub as_of: Micros,
}

pub(super) type Lately = Arc<Cache<Key, Arc<Kept>, ByBytes>>;

/// What is asked, as it is asked: `now` stays a word, or no two questions would be the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) shop: String,
    pub(super) sql: String,
    pub(super) arguments: String,
}

pub(super) struct Kept {
    figures: Figures,
    asked: Instant,
    took: Duration,
    /// When it was last tried to make it anew.
    tried: Mutex<Instant>,
}

#[derive(Clone)]
pub(super) struct ByBytes;

impl Weighter<Key, Arc<Kept>> for ByBytes {
    fn weight(&self, key: &Key, kept: &Arc<Kept>) -> u64 {
        let bytes = kept.figures.answer.bytes() + key.sql.len() + key.arguments.len();
        ENTRY_BYTES + bytes as u64
    }
}

/// Nothing yet.
pub(super) fn lately() -> Lately {
    Arc::new(Cache::with_weighter(ANSWERS_EXPECTED, KEPT_BYTES_MAX, ByBytes))
}

/// What is to be done with a kept answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Give,
    GiveAndRenew,
    WaitForNew,
}

impl Kept {
    fn made(figures: Figures, asked: Instant) -> Kept {
        Kept { figures, asked, took: asked.elapsed(), tried: Mutex::new(asked) }
    }

    /// What to do with it at `now`. One that is to be made anew is so once: it gets no younger by a try that fails, and is
    /// tried no more often than a fresh one.
    fn at(&self, now: Instant, lasting: Lasting) -> Use {
        let (fresh, old) = lasting.ages(self.took);
        if now.duration_since(self.asked) >= old {
            return Use::WaitForNew;
        }
        let mut tried = self.tried.lock();
        if now.duration_since(*tried) < fresh {
            return Use::Give;
        }
        *tried = now;
        Use::GiveAndRenew
    }
}

impl Sql {
    /// As [`Sql::query`], or what that answered some minutes ago.
    pub async fn query_lately(&self, shop: &str, sql: &str) -> Result<Answer, SqlError> {
        let (shop, sql) = (shop.to_string(), sql.to_string());
        let key = Key { shop, sql, arguments: String::new() };
        Ok(self.answered_lately(key, Vec::new(), Lasting::Minutes).await?.answer)
    }

    /// Figures as they are now, or, if they may be kept, as they were a moment ago where they take long.
    pub(super) async fn figures_lately(
        &self,
        key: Key,
        values: Vec<(String, Value)>,
        may_keep: bool,
    ) -> Result<Figures, SqlError> {
        if may_keep && self.head() >= FEW_RECORDS {
            return self.answered_lately(key, values, Lasting::ByCost).await;
        }
        let as_of = Micros::now();
        Ok(Figures { answer: self.collect(&key.shop, &key.sql, values).await?, as_of })
    }

    async fn answered_lately(
        &self,
        key: Key,
        values: Vec<(String, Value)>,
        lasting: Lasting,
    ) -> Result<Figures, SqlError> {
        if let Some(kept) = self.lately.get(&key) {
            match kept.at(Instant::now(), lasting) {
                Use::Give => return Ok(kept.figures.clone()),
                Use::GiveAndRenew => {
                    let asked = self.clone();
                    tokio::spawn(async move {
                        match asked.made(&key, values).await {
                            Ok(made) => asked.lately.insert(key, made),
                            Err(error) => {
                                tracing::warn!(%error, "what was answered lately is not made anew");
                            }
                        }
                    });
                    return Ok(kept.figures.clone());
                }
                Use::WaitForNew => drop(self.lately.remove(&key)),
            }
        }
        // Where it fails, those who waited try it one after the other: nobody waits longer than for one of their own.
        in_time(async {
            match self.lately.get_value_or_guard_async(&key).await {
                Ok(kept) => Ok(kept.figures.clone()),
                Err(guard) => {
                    let made = self.made(&key, values).await?;
                    let figures = made.figures.clone();
                    // Who removed it meanwhile asks anew.
                    let _ = guard.insert(made);
                    Ok(figures)
                }
            }
        })
        .await
    }

    async fn made(&self, key: &Key, values: Vec<(String, Value)>) -> Result<Arc<Kept>, SqlError> {
        let (asked, as_of) = (Instant::now(), Micros::now());
        let answer = self.collect(&key.shop, &key.sql, values).await?;
        Ok(Arc::new(Kept::made(Figures { answer, as_of }, asked)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(took: Duration) -> (Kept, Instant) {
        let schema = Arc::new(arrow::datatypes::Schema::empty());
        let answer = Answer { complete_to: Offset(0), schema, batches: Vec::new() };
        let (asked, figures) = (Instant::now(), Figures { answer, as_of: Micros(0) });
        (Kept { took, ..Kept::made(figures, asked) }, asked)
    }

    #[test]
    fn figures_are_given_again_as_long_as_they_are_dear_and_then_made_anew_once() {
        let second = Duration::from_secs(1);
        let (dear, asked) = kept(second);
        let at = |seconds: u32| dear.at(asked + second * seconds, Lasting::ByCost);
        assert_eq!(at(19), Use::Give);
        assert_eq!([at(20), at(21)], [Use::GiveAndRenew, Use::Give]);
        assert_eq!(at(79), Use::GiveAndRenew);
        assert_eq!(at(80), Use::WaitForNew);
        let (dearest, asked) = kept(second * 50);
        assert_eq!(dearest.at(asked + second * 119, Lasting::ByCost), Use::GiveAndRenew);
        assert_eq!(dearest.at(asked + second * 120, Lasting::ByCost), Use::WaitForNew);
        let (cheap, asked) = kept(Duration::from_millis(10));
        assert_eq!(cheap.at(asked + second, Lasting::ByCost), Use::WaitForNew);
    }

    /// However often it cannot be made anew.
    #[test]
    fn an_answer_gets_no_younger_by_tries_that_fail() {
        let (kept, asked) = kept(Duration::ZERO);
        let at = |seconds: u64| kept.at(asked + Duration::from_secs(seconds), Lasting::Minutes);
        assert_eq!([at(59), at(60), at(61)], [Use::Give, Use::GiveAndRenew, Use::Give]);
        assert_eq!(
            [at(121), at(599), at(600)],
            [Use::GiveAndRenew, Use::GiveAndRenew, Use::WaitForNew]
        );
    }
}
