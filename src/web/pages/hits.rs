//! The places of a transcript where what was searched for stands, numbered, each leading to its neighbours.

use super::ROWS_PER_PAGE;
use crate::model::Offset;
use crate::search::Marks;
use crate::transcript::{Headed, Hit, Outline, Planned, Row, View};
use crate::web::shown::Shown;

/// What stands above the rows: how many places there are, and the way to the first.
pub(in crate::web) struct HitsBar {
    pub words: Shown,
    pub count: usize,
    /// Empty where there is none.
    pub first: String,
}

impl HitsBar {
    pub(in crate::web) fn of(words: &str, hits: &Hits<'_>) -> HitsBar {
        let first = hits.found.first().map(|(_, offset)| hits.view.address(*offset));
        HitsBar {
            words: Shown::plain(words),
            count: hits.found.len(),
            first: first.unwrap_or_default(),
        }
    }
}

/// Where the places are.
pub(in crate::web) struct Hits<'a> {
    view: View<'a>,
    /// On which page, from 1, and in which record, as they are read.
    found: Vec<(usize, Offset)>,
}

impl<'a> Hits<'a> {
    /// The places in all rows.
    pub(in crate::web) fn of(
        outline: &Outline<'a>,
        rows: &[Headed<Planned>],
        marks: &Marks,
    ) -> Hits<'a> {
        let mut found = Vec::new();
        for (page, rows) in (1..).zip(rows.chunks(ROWS_PER_PAGE)) {
            let planned = rows.iter().filter_map(|row| match row {
                Headed::Row(planned) => Some(planned),
                Headed::Day(_) => None,
            });
            for record in planned.flat_map(|planned| outline.receipts(planned)) {
                let text = record.event.text.as_deref().unwrap_or_default();
                if !marks.spans(text).is_empty() {
                    found.push((page, record.offset));
                }
            }
        }
        Hits { view: outline.view, found }
    }

    /// Numbers the places in the rows of a page.
    pub(in crate::web) fn number(&self, rows: &mut [Row], page: usize) {
        let first = self.found.partition_point(|(on, _)| *on < page);
        let stamps = rows.iter_mut().flat_map(Row::stamps_mut);
        for (index, stamp) in (first..).zip(stamps.filter(|stamp| stamp.hit.is_some())) {
            let way = |to: Option<usize>| match to.and_then(|to| self.found.get(to)) {
                Some((on, offset)) if *on == page => format!("#{}", self.view.anchor(*offset)),
                Some((_, offset)) => self.view.address(*offset),
                None => String::new(),
            };
            let (previous, next) = (way(index.checked_sub(1)), way(Some(index + 1)));
            let (number, count) = (index + 1, self.found.len());
            stamp.hit = Some(Hit { number, count, previous, next });
        }
    }
}
