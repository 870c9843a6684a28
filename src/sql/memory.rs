//! Memory that the operators of one question share: first come, first served, until half of it is taken, and each its
//! fair part from then on. The engine's own pool is fair from the beginning: of a plan with twenty operators that could
//! spill, one sum of 26 MiB went to disk while nineteen parts lay unused.

use std::fmt::{self, Display};

use datafusion::error::Result;
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// Each operator gets its fair part also where others took more before: together half as much again as `bytes_max` at
/// most.
#[derive(Debug)]
pub(super) struct SharedMemory {
    fair: FairSpillPool,
    unfair_bytes_max: usize,
}

impl SharedMemory {
    pub(super) fn new(bytes_max: usize) -> SharedMemory {
        SharedMemory { fair: FairSpillPool::new(bytes_max), unfair_bytes_max: bytes_max / 2 }
    }
}

impl Display for SharedMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fair.fmt(formatter)
    }
}

impl MemoryPool for SharedMemory {
    fn name(&self) -> &str {
        "shared"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.fair.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.fair.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.fair.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.fair.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        // Two that ask at once may both be let in: a batch more.
        if self.fair.reserved().saturating_add(additional) <= self.unfair_bytes_max {
            self.fair.grow(reservation, additional);
            return Ok(());
        }
        self.fair.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.fair.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.fair.memory_limit()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn one_may_take_half_and_each_gets_its_part() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SharedMemory::new(1_000));
        let operators: Vec<MemoryReservation> = (0..10)
            .map(|n| MemoryConsumer::new(n.to_string()).with_can_spill(true).register(&pool))
            .collect();
        operators[0].try_grow(500).unwrap();
        assert!(operators[0].try_grow(1).is_err());
        for operator in &operators[1..] {
            operator.try_grow(100).unwrap();
            assert!(operator.try_grow(1).is_err());
        }
        assert_eq!(pool.reserved(), 1_400);
        let join = MemoryConsumer::new("join").register(&pool);
        assert!(join.try_grow(1).is_err(), "what cannot spill finds what is left");
        operators[0].free();
        join.try_grow(100).unwrap();
        drop(operators);
        assert_eq!(pool.reserved(), 100);
    }
}
