//! Turns at what is done one after the other. Subjects take them round by round, however many of one
//! wait: whoever has three thousand streams holds up only those.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::shares::Subject;

#[derive(Clone)]
pub(super) struct Turns {
    /// First come, first served: at most one of each subject waits here.
    of_all: Arc<Semaphore>,
    subjects: Arc<Mutex<HashMap<Subject, OfSubject>>>,
}

/// The line of one subject.
struct OfSubject {
    line: Arc<Semaphore>,
    /// How many stand in it, or have their turn.
    count: usize,
}

/// The next one's once dropped.
pub(super) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_subject: OwnedSemaphorePermit,
    _place: Place,
}

/// A place in a subject's line.
struct Place {
    turns: Turns,
    subject: Subject,
}

impl Turns {
    /// So many at once.
    pub(super) fn of(at_once: usize) -> Turns {
        Turns { of_all: Arc::new(Semaphore::new(at_once)), subjects: Arc::default() }
    }

    /// Waits for the subject's next turn.
    pub(super) async fn take(&self, subject: Subject) -> Result<Turn, AcquireError> {
        let (place, line) = self.stand_in_line(subject);
        let of_subject = line.acquire_owned().await?;
        let of_all = self.of_all.clone().acquire_owned().await?;
        Ok(Turn { _of_all: of_all, _of_subject: of_subject, _place: place })
    }

    fn stand_in_line(&self, subject: Subject) -> (Place, Arc<Semaphore>) {
        let mut subjects = self.subjects.lock();
        let of_subject = subjects
            .entry(subject.clone())
            .or_insert_with(|| OfSubject { line: Arc::new(Semaphore::new(1)), count: 0 });
        of_subject.count += 1;
        (Place { turns: self.clone(), subject }, of_subject.line.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut subjects = self.turns.subjects.lock();
        if let Some(of_subject) = subjects.get_mut(&self.subject) {
            of_subject.count -= 1;
            if of_subject.count == 0 {
                subjects.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn subject(name: &str) -> Subject {
        ("shop".to_string(), name.to_string())
    }

    #[test]
    fn whoever_waits_once_comes_after_one_turn_of_whoever_waits_often() {
        let turns = Turns::of(1);
        let running = turns.take(subject("often")).now_or_never().unwrap().unwrap();
        let mut often: Vec<_> = (0..100).map(|_| Box::pin(turns.take(subject("often")))).collect();
        assert!(often.iter_mut().all(|waits| waits.now_or_never().is_none()));
        let mut once = Box::pin(turns.take(subject("once")));
        assert!((&mut once).now_or_never().is_none());
        drop(running);
        let turn = (&mut once).now_or_never().expect("its turn").unwrap();
        assert!(often.iter_mut().all(|waits| waits.now_or_never().is_none()));
        drop(turn);
        let next: Vec<_> = often.iter_mut().filter_map(|waits| waits.now_or_never()).collect();
        assert_eq!(next.len(), 1);
    }

    #[test]
    fn nobody_is_remembered_for_nothing() {
        let turns = Turns::of(1);
        let turn = turns.take(subject("carl")).now_or_never().unwrap().unwrap();
        let mut waits = Box::pin(turns.take(subject("carl")));
        assert!((&mut waits).now_or_never().is_none());
        drop(turn);
        drop(waits);
        assert!(turns.subjects.lock().is_empty());
    }
}
