//! A cache of what is read of segments: bounded by bytes, not by what it holds.

use std::hash::Hash;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// A cache of at most `bytes_max`, as `weighter` weighs, made for about so many items. One shard, all of
/// it for hot items: each may then be as large as the whole.
pub(super) fn cache<K, V, W>(items_expected: usize, bytes_max: usize, weighter: W) -> Cache<K, V, W>
where
    K: Eq + Hash,
    V: Clone,
    W: Weighter<K, V> + Clone,
{
    let options = OptionsBuilder::new()
        .shards(1)
        .hot_allocation(1.0)
        .estimated_items_capacity(items_expected)
        .weight_capacity(bytes_max as u64)
        .build();
    let options = options.unwrap_or_else(|_| unreachable!("both capacities are given"));
    let (hashes, drops) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
    Cache::with_options(options, weighter, hashes, drops)
}
