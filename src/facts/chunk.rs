//! Some items, and the Arrow that is made of them when a question first asks.
//!
//! Whoever changes items holds an `Arc` of the chunk, and so do questions, for as long as it takes
//! to make its Arrow. A change in between copies the chunk, so a question never sees it; without a
//! question in between it copies nothing. So the lock under which questions take their pointers is
//! never held while Arrow is made, and what has not changed is never made again.

use std::sync::{Arc, OnceLock};

/// Items of one chunk. A question makes anew each chunk that changed since the last one: at 512
/// conversations of 121 columns, about a millisecond.
pub(crate) const CHUNK_ITEMS: usize = 512;

/// Items `T`, and what was made of them, `M`.
#[derive(Debug)]
pub(crate) struct Chunk<T, M> {
    items: Vec<T>,
    made: OnceLock<M>,
}

impl<T, M> Default for Chunk<T, M> {
    fn default() -> Chunk<T, M> {
        Chunk { items: Vec::new(), made: OnceLock::new() }
    }
}

impl<T: Clone, M> Clone for Chunk<T, M> {
    /// A copy that is about to change: nothing is made of it yet.
    fn clone(&self) -> Chunk<T, M> {
        Chunk { items: self.items.clone(), made: OnceLock::new() }
    }
}

impl<T: Clone, M: Clone> Chunk<T, M> {
    pub(crate) fn items(&self) -> &[T] {
        &self.items
    }

    /// The items, to be changed.
    pub(crate) fn change(chunk: &mut Arc<Chunk<T, M>>) -> &mut Vec<T> {
        let chunk = Arc::make_mut(chunk);
        chunk.made.take();
        &mut chunk.items
    }

    /// What is made of the items: now, or by an earlier question.
    pub(crate) fn made<E>(&self, make: impl FnOnce(&[T]) -> Result<M, E>) -> Result<M, E> {
        if let Some(made) = self.made.get() {
            return Ok(made.clone());
        }
        let made = make(&self.items)?;
        // Two questions at once may both have made it: the same, twice.
        let _ = self.made.set(made.clone());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Sum = Chunk<u32, u32>;

    fn sum(chunk: &Sum, times: &mut u32) -> u32 {
        let made: Result<u32, ()> = chunk.made(|items| {
            *times += 1;
            Ok(items.iter().sum())
        });
        made.unwrap()
    }

    #[test]
    fn what_did_not_change_is_made_once_and_a_question_keeps_what_it_saw() {
        let mut chunk = Arc::new(Sum::default());
        Chunk::change(&mut chunk).extend([1, 2]);
        let mut times = 0;
        assert_eq!((sum(&chunk, &mut times), sum(&chunk, &mut times), times), (3, 3, 1));
        let seen = chunk.clone();
        Chunk::change(&mut chunk).push(4);
        assert_eq!((sum(&chunk, &mut times), sum(&seen, &mut times), times), (7, 3, 2));
    }
}
