//! Memory that the operators of one question share. What can spill takes what it needs until half of it is taken, and from
//! then on each has a fair part of the other half. What cannot, joins and the ends of sorts, finds half as much again, and
//! each leaves as much as it takes: the end of a sort reads as many of its parts at once as find room.
//!
//! The engine's own pool is fair from the beginning, and leaves nothing: of a plan with twenty operators that could spill,
//! one sum of 26 MiB went to disk while nineteen parts lay unused; and a sort that had filled its parts failed in its
//! end for want of a megabyte.

use std::fmt::{self, Display};

use datafusion::common::resources_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use parking_lot::Mutex;

/// At most half as much again as `bytes_max`, together.
#[derive(Debug)]
pub(super) struct SharedMemory {
    bytes_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// How many can spill.
    spilling: usize,
    /// What those have.
    spillable: usize,
    /// What the others have.
    unspillable: usize,
}

impl SharedMemory {
    pub(super) fn new(bytes_max: usize) -> SharedMemory {
        SharedMemory { bytes_max, taken: Mutex::default() }
    }
}

impl Taken {
    fn of(&mut self, consumer: &MemoryConsumer) -> &mut usize {
        if consumer.can_spill() { &mut self.spillable } else { &mut self.unspillable }
    }
}

impl Display for SharedMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Taken { spilling, spillable, unspillable } = &*self.taken.lock();
        let max = self.bytes_max;
        write!(
            formatter,
            "shared({spillable} bytes of {spilling}, {unspillable} of others, max {max})"
        )
    }
}

impl MemoryPool for SharedMemory {
    fn name(&self) -> &str {
        "shared"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.taken.lock().spilling += usize::from(consumer.can_spill());
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.taken.lock().spilling -= usize::from(consumer.can_spill());
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        *self.taken.lock().of(reservation.consumer()) += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        *self.taken.lock().of(reservation.consumer()) -= shrink;
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut taken = self.taken.lock();
        let (consumer, half) = (reservation.consumer(), self.bytes_max / 2);
        let has_room = if consumer.can_spill() {
            taken.spillable + additional <= half
                || reservation.size() + additional <= half / taken.spilling.max(1)
        } else {
            let all = self.bytes_max + half;
            let free = all.saturating_sub(taken.spillable + taken.unspillable);
            reservation.size() + additional <= free
        };
        if !has_room {
            let (name, has) = (consumer.name(), reservation.size());
            drop(taken);
            return Err(resources_datafusion_err!(
                "{name} has {has} bytes, and finds no room for {additional} more in {self}"
            ));
        }
        *taken.of(consumer) += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        let taken = self.taken.lock();
        taken.spillable + taken.unspillable
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes_max)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn one_may_take_half_and_each_gets_its_part_and_what_cannot_spill_the_rest() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SharedMemory::new(1_000));
        let operators: Vec<MemoryReservation> = (0..10)
            .map(|n| MemoryConsumer::new(n.to_string()).with_can_spill(true).register(&pool))
            .collect();
        operators[0].try_grow(500).unwrap();
        assert!(operators[0].try_grow(1).is_err());
        for operator in &operators[1..] {
            operator.try_grow(50).unwrap();
            assert!(operator.try_grow(1).is_err());
        }
        assert_eq!(pool.reserved(), 950);
        let join = |name: &str| MemoryConsumer::new(name).register(&pool);
        let (first, second) = (join("first"), join("second"));
        first.try_grow(275).unwrap();
        let error = first.try_grow(1).unwrap_err().to_string();
        assert!(error.contains("first has 275 bytes"), "{error}");
        second.try_grow(275).unwrap();
        assert_eq!(pool.reserved(), 1_500);
        operators[0].free();
        operators[1].try_grow(1).unwrap();
        second.try_grow(100).unwrap();
        drop((operators, first, second));
        assert_eq!(pool.reserved(), 0);
    }
}
