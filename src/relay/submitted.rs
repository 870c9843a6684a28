//! Events in line, and their answers once the sync is done.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::appender::{Answer, stopping};
use super::kept::{self, KeptRecords, Repetition};
use super::{Answers, Outcome, RelayError};

/// Events that wait for the next sync.
pub struct Submitted {
    answered: oneshot::Receiver<Vec<Answer>>,
    kept: Arc<dyn KeptRecords>,
}

impl Submitted {
    pub(super) fn new(
        answered: oneshot::Receiver<Vec<Answer>>,
        kept: Arc<dyn KeptRecords>,
    ) -> Submitted {
        Submitted { answered, kept }
    }

    /// One answer per event, in order. Dropping this loses the answers, not the events.
    pub async fn answers(self) -> Result<Answers, RelayError> {
        let mut repetitions = Vec::new();
        let mut given = Vec::new();
        for answer in self.answered.await.map_err(|_| stopping())? {
            match answer {
                Answer::Given(outcome) => given.push(Some(outcome)),
                Answer::Repeats(repetition) => {
                    repetitions.push(*repetition);
                    given.push(None);
                }
            }
        }
        let mut repeated = answer_all(self.kept, repetitions).await?.into_iter();
        let outcomes = given
            .into_iter()
            .map(|given| given.or_else(|| repeated.next()).unwrap_or_else(|| Err(stopping())));
        Ok(outcomes.collect())
    }

    /// The answer to the only event.
    pub async fn answer(self) -> Result<Outcome, RelayError> {
        self.answers().await?.pop().unwrap_or_else(|| Err(stopping()))
    }
}

async fn answer_all(
    kept: Arc<dyn KeptRecords>,
    repetitions: Vec<Repetition>,
) -> Result<Answers, RelayError> {
    if repetitions.is_empty() {
        return Ok(Vec::new());
    }
    let read = move || kept::answer_all(kept.as_ref(), &repetitions);
    tokio::task::spawn_blocking(read).await.map_err(RelayError::panicked)
}
