//! Read your own writes: a question waits until a store has what was acknowledged when it was
//! asked.

use std::time::Duration;

use tokio::sync::watch;

use super::LogReader;
use super::state::State;

/// Longest a question waits.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Lets a question wait until one store has applied everything acknowledged so far, so that whoever
/// was just told "kept" finds it.
#[derive(Clone)]
pub struct ReadBarrier {
    log: LogReader,
    state: watch::Receiver<State>,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    Yes,
    /// The store stands still, has stopped, or is further behind than a question should wait for.
    No,
}

impl ReadBarrier {
    pub fn new(log: LogReader, state: watch::Receiver<State>) -> ReadBarrier {
        ReadBarrier { log, state }
    }

    pub(super) fn log_reader(&self) -> &LogReader {
        &self.log
    }

    /// Waits at most [`WAIT_MAX`]. Not reaching the end is no error: the answer names the offset
    /// it is complete to. Each question leaves a record of itself; for those no question waits, or it
    /// would for a store that commits the one before.
    pub async fn wait(&self) -> Reached {
        let end = self.log.chats_end();
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| state.is_settled(end));
        match tokio::time::timeout(WAIT_MAX, settled).await {
            Ok(Ok(state)) if state.shows(end) => Reached::Yes,
            _ => Reached::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::log::Failure;
    use crate::model::{ErrorKind, Micros, Offset, testing};

    #[tokio::test]
    async fn a_barrier_lets_go_at_the_head_on_failure_and_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let (_head, log) = LogReader::at_head(dir.path(), Offset(5));
        let (report, state) = watch::channel(State::default());
        let barrier = ReadBarrier::new(log, state);
        assert_eq!(barrier.wait().await, Reached::No, "nobody applies anything");
        report.send_modify(|state| state.applied = Offset(5));
        assert_eq!(barrier.wait().await, Reached::No, "it is not open");
        report.send_modify(|state| state.is_open = true);
        assert_eq!(barrier.wait().await, Reached::Yes);
        let failure = Failure {
            text: "no space".to_string(),
            kind: ErrorKind::Retry,
            tries: 1,
            next_try: Micros(0),
        };
        report.send_replace(State { failed: Some(failure), ..State::default() });
        let before = std::time::Instant::now();
        assert_eq!(barrier.wait().await, Reached::No);
        assert!(before.elapsed() < WAIT_MAX / 2, "a store that stands still is not waited for");
    }

    #[tokio::test]
    async fn no_question_waits_for_what_the_one_before_left_in_the_trail() {
        let dir = tempfile::tempdir().unwrap();
        let (_head, log) = LogReader::at_head(dir.path(), Offset(8));
        let (report, state) = watch::channel(State { is_open: true, ..State::default() });
        let barrier = ReadBarrier::new(log.clone(), state);
        let said =
            r#"{"id":"m","conversation":"c","kind":"open","sender":{"id":"u","role":"system"}}"#;
        let looked = r#"{"id":"a","conversation":"@access","kind":"access","sender":{"id":"u","role":"system"},
            "data":{"action":"search"}}"#;
        let add = |events: &[(u64, &str)]| {
            let record = |(offset, event): &(u64, &str)| {
                Arc::new(testing::record(*offset, event.to_string()))
            };
            log.recent.add(events.iter().map(record).collect());
        };
        add(&[(5, looked)]);
        report.send_modify(|state| state.applied = Offset(4));
        assert_eq!(barrier.wait().await, Reached::No, "what was there at the start");
        report.send_modify(|state| state.applied = Offset(5));
        assert_eq!(barrier.wait().await, Reached::Yes);
        add(&[(6, said), (7, looked)]);
        assert_eq!(barrier.wait().await, Reached::No);
        report.send_modify(|state| state.applied = Offset(7));
        assert_eq!(barrier.wait().await, Reached::Yes);
    }
}
