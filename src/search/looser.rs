//! What a looser mode finds where a stricter one found nothing: 承諾 where 承诺 was said.

use super::answer::Looser;
use super::clause::Asked;
use super::hits::Hits;
use super::view::View;
use super::{Mode, SearchError, SearchQuery};

/// How many messages the next looser mode that finds any has, or, where none does, that even the loosest has
/// none. `None` where there is no looser one, and where there is no time left to ask it.
pub(super) fn looser(view: &View<'_>, query: &SearchQuery) -> Result<Option<Looser>, SearchError> {
    if query.root.is_none() {
        return Ok(None);
    }
    let modes: &[Mode] = match query.mode {
        Mode::Exact => &[Mode::Folded, Mode::Variants],
        Mode::Folded => &[Mode::Variants],
        Mode::Variants => &[],
    };
    let mut last = None;
    for mode in modes.iter().copied() {
        let query = SearchQuery { mode, ..query.clone() };
        // An accent alone is nothing to look for where accents do not count.
        let Some(root) = query.whole().filter(|_| query.check().is_ok()) else { continue };
        let asked = Asked::of(view, &root, mode)?;
        match Hits::of(view, &asked) {
            Ok(hits) => last = Some(Looser { mode, messages: hits.count() }),
            // What was asked is answered.
            Err(_) if view.deadline.is_over() => return Ok(None),
            Err(error) => return Err(view.error(error)),
        }
        if last.as_ref().is_some_and(|looser| looser.messages > 0) {
            break;
        }
    }
    Ok(last)
}
