//! Turns of questions: so many at once, and of those of one shop three quarters, so that other shops are left some. What a
//! shop asks beyond its own waits for its own; whose questions they are within a shop is nothing to them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

#[derive(Clone)]
pub(super) struct Turns {
    max: usize,
    of_all: Arc<Semaphore>,
    /// Those that have somebody who waits or has a turn.
    of_shops: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// The next one's once dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_shop: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    /// So many at once.
    pub(super) fn of(max: usize) -> Turns {
        Turns { max, of_all: Arc::new(Semaphore::new(max)), of_shops: Arc::default() }
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.max.saturating_sub(self.of_all.available_permits())
    }

    /// Waits for one of a shop.
    pub(super) async fn take(&self, shop: &str) -> Result<Turn, AcquireError> {
        let of_shop = self.of_shop(shop).acquire_owned().await?;
        let of_all = self.of_all.clone().acquire_owned().await?;
        Ok(Turn { _of_shop: of_shop, _of_all: of_all })
    }

    fn of_shop(&self, shop: &str) -> Arc<Semaphore> {
        let mut of_shops = self.of_shops.lock();
        // Nobody is remembered for nothing: whoever waits or has a turn holds it too.
        of_shops.retain(|known, turns| known == shop || Arc::strong_count(turns) > 1);
        let new = || Arc::new(Semaphore::new((self.max * 3).div_ceil(4)));
        of_shops.entry(shop.to_string()).or_insert_with(new).clone()
    }
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
        let small: Vec<Turn> = (0..4).map(|_| now("small").unwrap()).collect();
        assert_eq!(turns.taken(), 16);
        assert!(now("third").is_none());
        drop(small);
        assert!((&mut next).now_or_never().is_none(), "what others leave is not its own");
        let third = now("third").unwrap();
        drop(large);
        let next = next.now_or_never().unwrap().unwrap();
        drop((third, next));
        assert_eq!(turns.taken(), 0);
        drop(now("fourth"));
        assert_eq!(turns.of_shops.lock().len(), 1);
    }
}
