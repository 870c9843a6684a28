//! The places of a transcript where what was searched for stands, numbered, each leading to its neighbours.

use crate::transcript::{Hit, Row};
use crate::web::shown::Shown;

/// What stands above the rows: how many places there are, and the way to the first.
pub(in crate::web) struct HitsBar {
    pub words: Shown,
    pub count: usize,
    /// Empty where there is none.
    pub first: String,
}

/// Where the places are.
pub(in crate::web) struct Hits {
    count: usize,
    first: String,
}

impl HitsBar {
    pub(in crate::web) fn of(words: &str, hits: Hits) -> HitsBar {
        HitsBar { words: Shown::plain(words), count: hits.count, first: hits.first }
    }
}

/// A place: its page, its name there, and its address from elsewhere.
struct Found {
    page: usize,
    anchor: String,
    address: String,
}

impl Found {
    /// The way to it from a page.
    fn from(&self, page: usize) -> String {
        if self.page == page { format!("#{}", self.anchor) } else { self.address.clone() }
    }
}

/// Numbers the places in all `rows`, of which `rows_per_page` stand on one page.
pub(in crate::web) fn number_hits(rows: &mut [Row], rows_per_page: usize) -> Hits {
    let mut found = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let page = index / rows_per_page;
        let stamps = row.stamps().into_iter().filter(|stamp| stamp.hit.is_some());
        found.extend(stamps.map(|stamp| Found {
            page,
            anchor: stamp.anchor.clone(),
            address: stamp.address.clone(),
        }));
    }
    let mut number: usize = 0;
    for (index, row) in rows.iter_mut().enumerate() {
        let page = index / rows_per_page;
        for stamp in row.stamps_mut().into_iter().filter(|stamp| stamp.hit.is_some()) {
            let way = |to: Option<usize>| {
                to.and_then(|to| found.get(to)).map(|found| found.from(page)).unwrap_or_default()
            };
            let (previous, next) = (way(number.checked_sub(1)), way(Some(number + 1)));
            number += 1;
            stamp.hit = Some(Hit { number, count: found.len(), previous, next });
        }
    }
    let first = found.first().map(|first| first.address.clone()).unwrap_or_default();
    Hits { count: found.len(), first }
}
