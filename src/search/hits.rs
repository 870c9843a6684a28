//! All hits of a question. First by sets of documents, as far as terms and columns tell; then, where they
//! leave it open, by the text.
//!
//! Each part of a question is two sets: the documents that may have it, and those that surely have
//! it. Sets join as the parts do, so that places of terms, and then texts, are read only where the whole
//! question depends on them.

use std::sync::Arc;

use tantivy::{DocId, Result};

use super::clause::{Asked, Clause, Formula, is_emptied, is_searched, is_version};
use super::deadline::Deadline;
use super::phrase::documents_with_phrase;
use super::plan::{Proof, TextPlan};
use super::segment::Segment;
use super::verify::Haystack;
use super::view::View;
use crate::index::documents::Documents;
use crate::index::schema::Trait;
use crate::model::Record;

/// Documents between two looks at the clock: a look costs 30 ns, reading one text microseconds.
const LOOK_EVERY: u32 = 256;

/// All hits of a question.
pub(super) struct Hits<'a> {
    /// By segment.
    pub(super) of_segments: Vec<Documents>,
    pub(super) of_tail: Vec<&'a Record>,
}

/// The documents that may have something, and those that surely have it.
struct Sets {
    maybe: Arc<Documents>,
    sure: Arc<Documents>,
}

impl<'a> Hits<'a> {
    /// The hits of `asked` in what `view` sees.
    pub(super) fn of(view: &View<'a>, asked: &Asked) -> Result<Hits<'a>> {
        let of_segments = view.in_each_segment(|segment| {
            let searched = segment.searched(view.shop, view.before, &asked.named)?;
            segment.hits(asked, &searched, &view.deadline)
        })?;
        let of_tail = view.tail().filter(|record| asked.holds(record)).collect();
        Ok(Hits { of_segments, of_tail })
    }

    /// All that can be a hit of any question.
    pub(super) fn all(view: &View<'a>) -> Result<Hits<'a>> {
        let of_segments =
            view.in_each_segment(|segment| segment.searched(view.shop, view.before, &[]))?;
        let of_segments = of_segments.into_iter().map(Arc::unwrap_or_clone).collect();
        let of_tail = view.tail().filter(|record| is_searched(record, &[])).collect();
        Ok(Hits { of_segments, of_tail })
    }

    /// The messages that would be hits of `asked`, or of any question, had erasure not emptied them.
    pub(super) fn emptied(view: &View<'a>, asked: Option<&Asked>) -> Result<Hits<'a>> {
        let of_segments = view.in_each_segment(|segment| {
            let emptied = segment.emptied(view.shop, view.before)?;
            match asked {
                Some(asked) => segment.hits(asked, &emptied, &view.deadline),
                None => Ok(emptied),
            }
        })?;
        let is_meant = |record: &Record| asked.is_none_or(|asked| asked.is_as_asked(record));
        let of_tail = view.tail().filter(|record| is_emptied(record) && is_meant(record)).collect();
        Ok(Hits { of_segments, of_tail })
    }

    pub(super) fn count(&self) -> u64 {
        let of_segments: u64 = self.of_segments.iter().map(Documents::count).sum();
        of_segments + self.of_tail.len() as u64
    }
}

impl Segment<'_> {
    /// The documents of `within` that are hits.
    pub(super) fn hits(
        &self,
        asked: &Asked,
        within: &Documents,
        deadline: &Deadline,
    ) -> Result<Documents> {
        let sets_of = |clause| deadline.check().and_then(|()| self.sets(clause, deadline));
        let mut clauses = asked.clauses.iter().map(sets_of).collect::<Result<Vec<Sets>>>()?;
        let may_hold = self.settle_phrases(asked, &mut clauses, within, deadline)?;
        let within = may_hold.as_ref().unwrap_or(within);
        let (mut open, mut hits) = join(&asked.formula, &clauses);
        open.intersect_with(within);
        hits.intersect_with(within);
        open.difference_with(&hits);
        let mut seen: u32 = 0;
        for document in open.iter() {
            if seen.is_multiple_of(LOOK_EVERY) {
                deadline.check()?;
            }
            seen = seen.wrapping_add(1);
            if self.is_hit(asked, &clauses, document)? {
                hits.insert(document);
            }
        }
        Ok(hits)
    }

    /// Looks for the phrases that clauses ask for, where the question may hold as far as is known before.
    /// Returns where that is; `None` where no clause asks for a phrase.
    fn settle_phrases(
        &self,
        asked: &Asked,
        clauses: &mut [Sets],
        within: &Documents,
        deadline: &Deadline,
    ) -> Result<Option<Documents>> {
        let mut may_hold: Option<Documents> = None;
        for (number, clause) in asked.clauses.iter().enumerate() {
            let Clause::Text(TextPlan { proof, .. }) = clause else { continue };
            if !matches!(proof, Proof::Phrase { .. } | Proof::PhraseAlone(_)) {
                continue;
            }
            let may_hold = may_hold.get_or_insert_with(|| {
                let (mut maybe, _) = join(&asked.formula, clauses);
                maybe.intersect_with(within);
                maybe
            });
            self.look_for_phrases(proof, &mut clauses[number], may_hold, deadline)?;
        }
        Ok(may_hold)
    }

    /// Whether a document is a hit of which sets leave it open.
    fn is_hit(&self, asked: &Asked, clauses: &[Sets], document: DocId) -> Result<bool> {
        let stored = self.stored(document)?;
        let text = Haystack::new(stored.text.as_deref().unwrap_or_default());
        let mut failed = Ok(());
        let is_hit = asked.formula.holds(&mut |number| {
            let sets = &clauses[number];
            if sets.sure.contains(document) || !sets.maybe.contains(document) {
                return sets.sure.contains(document);
            }
            match &asked.clauses[number] {
                Clause::Text(plan) => stored.text.is_some() && plan.needle.is_in(&text),
                Clause::Messages(messages) => {
                    let named = self.name_of(document).and_then(|conversation| {
                        Ok(messages.get(&conversation).zip(Some(self.shown(&stored, document)?)))
                    });
                    match named {
                        Ok(Some((ids, shown))) => ids.contains(&shown.id) && is_version(shown.kind),
                        Ok(None) => false,
                        Err(error) => {
                            failed = Err(error);
                            false
                        }
                    }
                }
                // Of the others sets tell all.
                _ => false,
            }
        });
        failed.map(|()| is_hit)
    }

    fn sets(&self, clause: &Clause, deadline: &Deadline) -> Result<Sets> {
        if let Some(term) = clause.term() {
            return Ok(Sets::of(self.cached(&term)?));
        }
        match clause {
            Clause::Text(plan) => self.text_sets(plan, deadline),
            Clause::Conversations(names) => {
                let mut documents = self.none();
                for name in names {
                    self.add_conversation(&mut documents, name)?;
                }
                Ok(Sets::of(Arc::new(documents)))
            }
            Clause::Messages(messages) => {
                let mut documents = self.none();
                for conversation in messages.keys() {
                    self.add_conversation(&mut documents, conversation)?;
                }
                Ok(Sets { maybe: Arc::new(documents), sure: Arc::new(self.none()) })
            }
            Clause::From(from) => Ok(Sets::of(Arc::new(self.occurred(|at| from.0 <= at)))),
            Clause::To(to) => Ok(Sets::of(Arc::new(self.occurred(|at| at < to.0)))),
            Clause::Role(_) | Clause::Kind(_) | Clause::Private | Clause::Attachment => {
                unreachable!("each is a term")
            }
        }
    }

    fn text_sets(&self, plan: &TextPlan, deadline: &Deadline) -> Result<Sets> {
        let mut maybe: Option<Documents> = None;
        for piece in &plan.pieces {
            deadline.check()?;
            let of_piece = self.documents_of(piece)?;
            match &mut maybe {
                Some(maybe) => maybe.intersect_with(&of_piece),
                None => maybe = Some(of_piece),
            }
            if maybe.as_ref().is_some_and(Documents::is_empty) {
                break;
            }
        }
        let maybe = match maybe {
            Some(maybe) => maybe,
            // Words without a base letter: any text may have them.
            None => Documents::clone(&*self.cached(&Trait::Text.term())?),
        };
        let sure = match &plan.proof {
            Proof::Terms { except } => {
                let mut sure = maybe.clone();
                for term in except {
                    sure.difference_with(&*self.cached(term)?);
                }
                sure
            }
            // Phrases come later, where they are needed.
            Proof::Never | Proof::Phrase { .. } | Proof::PhraseAlone(_) => self.none(),
        };
        Ok(Sets { maybe: Arc::new(maybe), sure: Arc::new(sure) })
    }

    /// Looks for phrases in the documents of `within`, and leaves the others of `sets` as they are.
    fn look_for_phrases(
        &self,
        proof: &Proof,
        sets: &mut Sets,
        within: &Documents,
        deadline: &Deadline,
    ) -> Result<()> {
        let mut asked = Documents::clone(&sets.maybe);
        asked.intersect_with(within);
        match proof {
            Proof::Never | Proof::Terms { .. } => {}
            Proof::PhraseAlone(phrase) => {
                sets.sure = Arc::new(documents_with_phrase(self, phrase, &asked, deadline)?);
            }
            Proof::Phrase { phrase, except } => {
                let mut open = self.none();
                for term in except {
                    open.union_with(&*self.cached(term)?);
                }
                open.intersect_with(&asked);
                asked.difference_with(&open);
                let sure = documents_with_phrase(self, phrase, &asked, deadline)?;
                open.union_with(&sure);
                *sets = Sets { maybe: Arc::new(open), sure: Arc::new(sure) };
            }
        }
        Ok(())
    }
}

impl Sets {
    /// Of what sets tell all.
    fn of(documents: Arc<Documents>) -> Sets {
        Sets { maybe: documents.clone(), sure: documents }
    }
}

/// The documents of which it may hold, and of which it surely holds.
fn join(formula: &Formula, clauses: &[Sets]) -> (Documents, Documents) {
    let joined = |formulas: &[Formula], with: fn(&mut Documents, &Documents)| {
        let mut parts = formulas.iter().map(|formula| join(formula, clauses));
        let first = parts.next().unwrap_or((Documents::none(0), Documents::none(0)));
        parts.fold(first, |(mut maybe, mut sure), (other_maybe, other_sure)| {
            with(&mut maybe, &other_maybe);
            with(&mut sure, &other_sure);
            (maybe, sure)
        })
    };
    match formula {
        Formula::Clause(number) => {
            let Sets { maybe, sure } = &clauses[*number];
            (Documents::clone(maybe), Documents::clone(sure))
        }
        Formula::All(formulas) => joined(formulas, Documents::intersect_with),
        Formula::Any(formulas) => joined(formulas, Documents::union_with),
        Formula::Not(formula) => {
            let (maybe, sure) = join(formula, clauses);
            (sure.complement(), maybe.complement())
        }
    }
}
