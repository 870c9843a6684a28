//! Turns of questions: so many at once, and of those of one shop three quarters, so that other shops are left some. What a
//! shop asks beyond its own waits for its own; whose questions they are within a shop is nothing to them.
//!
//! What shops have beyond their first turn is three quarters of all together: however slowly a few of them take their
//! answers, the next shop finds its first.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

#[derive(Clone)]
pub(super) struct Turns {
    max: usize,
    of_all: Arc<Semaphore>,
    /// Those that are not their shops' first.
    further: Arc<Semaphore>,
    /// Those that have somebody who waits or has a turn.
    of_shops: Arc<Mutex<HashMap<String, OfShop>>>,
}

/// The turns of one shop.
#[derive(Clone)]
struct OfShop {
    all: Arc<Semaphore>,
    first: Arc<Semaphore>,
}

/// The next one's once dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_shop: OwnedSemaphorePermit,
    _first_or_further: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    /// So many at once.
    pub(super) fn of(max: usize) -> Turns {
        let permits = |count| Arc::new(Semaphore::new(count));
        let further = permits(three_quarters(max));
        Turns { max, of_all: permits(max), further, of_shops: Arc::default() }
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.max.saturating_sub(self.of_all.available_permits())
    }

    /// Waits for one of a shop.
    pub(super) async fn take(&self, shop: &str) -> Result<Turn, AcquireError> {
        let OfShop { all, first } = self.of_shop(shop);
        let of_shop = all.acquire_owned().await?;
        // The first may be given back while a further one is waited for.
        let first_or_further = tokio::select! {
            biased;
            first = first.acquire_owned() => first?,
            further = self.further.clone().acquire_owned() => further?,
        };
        let of_all = self.of_all.clone().acquire_owned().await?;
        Ok(Turn { _of_shop: of_shop, _first_or_further: first_or_further, _of_all: of_all })
    }

    fn of_shop(&self, shop: &str) -> OfShop {
        let mut of_shops = self.of_shops.lock();
        // Nobody is remembered for nothing: whoever waits or has a turn holds it too.
        of_shops.retain(|known, turns| known == shop || Arc::strong_count(&turns.all) > 1);
        let permits = |count| Arc::new(Semaphore::new(count));
        let new = || OfShop { all: permits(three_quarters(self.max)), first: permits(1) };
        of_shops.entry(shop.to_string()).or_insert_with(new).clone()
    }
}

fn three_quarters(count: usize) -> usize {
    (count * 3).div_ceil(4)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// Two people of one shop, each with half of the turns, left other shops none.
    #[test]
    fn one_shop_leaves_the_others_a_quarter() {
        let turns = Turns::of(16);
        let now = |shop: &str| turns.take(shop).now_or_never().map(Result::unwrap);
        let large: Vec<Turn> = (0..12).map(|_| now("large").unwrap()).collect();
        let mut next = Box::pin(turns.take("large"));
        assert!((&mut next).now_or_never().is_none());
        let small: Vec<Turn> = (0..2).map(|_| now("small").unwrap()).collect();
        assert!(now("small").is_none(), "what is left is for the first turns of others");
        let others = ["third", "fourth"].map(|shop| now(shop).unwrap());
        assert_eq!(turns.taken(), 16);
        assert!(now("fifth").is_none());
        drop((small, others));
        assert!((&mut next).now_or_never().is_none(), "what others leave is not its own");
        let third = now("third").unwrap();
        drop(large);
        let next = next.now_or_never().unwrap().unwrap();
        drop((third, next));
        assert_eq!(turns.taken(), 0);
        drop(now("fourth"));
        assert_eq!(turns.of_shops.lock().len(), 1);
    }

    /// Two shops that took all turns, and read a hundred bytes a second, shut out every other.
    #[test]
    fn two_shops_with_all_they_get_leave_a_third_its_first() {
        let turns = Turns::of(16);
        let now = |shop: &str| turns.take(shop).now_or_never().map(Result::unwrap);
        let mut held: Vec<Turn> = (0..16).filter_map(|_| now("alpha")).collect();
        assert_eq!(held.len(), 12);
        held.extend((0..16).filter_map(|_| now("beta")));
        assert!(now("gamma").is_some());
        // What waits for a further turn gets the first where that comes back.
        held.extend(now("gamma"));
        let mut second = Box::pin(turns.take("gamma"));
        assert!((&mut second).now_or_never().is_none());
        drop(held.pop());
        assert!(second.now_or_never().is_some());
        drop(held);
        let alone: Vec<Turn> = (0..16).filter_map(|_| now("alpha")).collect();
        assert_eq!(alone.len(), 12, "who is alone has as many as before");
    }
}
