//! How good a model is on examples that it did not see.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::model::Guess;

/// The category that stands in the confusion for a text in which a model knows no term.
const NOTHING: &str = "";

/// What a model says of examples, against what they are. Shares are between 0 and 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Examples of categories that the model knows.
    pub examples: usize,
    /// Share whose likeliest category is the right one, whether or not that was said.
    pub accuracy: f64,
    /// Mean of the categories' F1, each counting the same.
    pub macro_f1: f64,
    /// Share of which it is said that it is not known.
    pub unknown: f64,
    /// Share of right ones among those of which something is said; 0 where nothing is.
    pub accuracy_when_said: f64,
    /// Share whose right category was likeliest and was not said: what the threshold costs.
    pub loss: f64,
    /// Below this probability nothing is said.
    pub threshold: f32,
    pub categories: Vec<OfCategory>,
    pub confusion: Confusion,
    /// Examples of categories that the model does not know, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_scope: Option<OutOfScope>,
}

/// One category. Precision is 0 where it was never said, recall where there is none of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfCategory {
    pub category: String,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Examples of it.
    pub support: usize,
}

/// How often which category was taken for which.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// Of rows and columns; an empty name stands for a text in which no term is known.
    pub categories: Vec<String>,
    /// A row for what it is, a column for what the model finds likeliest.
    pub counts: Vec<Vec<usize>>,
}

/// Examples of what the model has never learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutOfScope {
    pub examples: usize,
    /// Share of which it is rightly said that it is not known.
    pub unknown: f64,
}

impl Evaluation {
    /// Of guesses, each with the category that is right. `known` are the model's.
    pub(super) fn of<'a>(
        guesses: &[(&'a str, Option<Guess<'a>>)],
        known: &[String],
        threshold: f32,
    ) -> Evaluation {
        let is_said = |guess: &Option<Guess<'_>>| guess.is_some_and(|guess| guess.is_enough);
        let (inside, outside): (Vec<_>, Vec<_>) =
            guesses.iter().copied().partition(|(right, _)| {
                known.binary_search_by(|category| category.as_str().cmp(right)).is_ok()
            });
        let mut tally = Tally::default();
        for (right, guess) in &inside {
            tally.add(right, guess.map_or(NOTHING, |guess| guess.category));
        }
        let is_right = |(right, guess): &&(&str, Option<Guess<'_>>)| {
            guess.is_some_and(|guess| guess.category == *right)
        };
        let right = inside.iter().filter(is_right).count();
        let said = inside.iter().filter(|(_, guess)| is_said(guess)).count();
        let right_and_said =
            inside.iter().filter(is_right).filter(|(_, guess)| is_said(guess)).count();
        let out_of_scope = (!outside.is_empty()).then(|| OutOfScope {
            examples: outside.len(),
            unknown: share(
                outside.iter().filter(|(_, guess)| !is_said(guess)).count(),
                outside.len(),
            ),
        });
        let categories = tally.categories();
        Evaluation {
            examples: inside.len(),
            accuracy: share(right, inside.len()),
            macro_f1: mean(categories.iter().map(|of| of.f1)),
            unknown: share(inside.len() - said, inside.len()),
            accuracy_when_said: share(right_and_said, said),
            loss: share(right - right_and_said, inside.len()),
            threshold,
            categories,
            confusion: tally.confusion(),
            out_of_scope,
        }
    }
}

/// How often which was taken for which: (right, found).
#[derive(Default)]
struct Tally<'a> {
    counts: BTreeMap<(&'a str, &'a str), usize>,
    names: BTreeSet<&'a str>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, right: &'a str, found: &'a str) {
        *self.counts.entry((right, found)).or_default() += 1;
        self.names.extend([right, found]);
    }

    fn count(&self, is_counted: impl Fn(&str, &str) -> bool) -> usize {
        let counted = self.counts.iter().filter(|((right, found), _)| is_counted(right, found));
        counted.map(|(_, count)| count).sum()
    }

    fn categories(&self) -> Vec<OfCategory> {
        let of = |name: &&str| {
            let name = *name;
            let both = self.count(|right, found| right == name && found == name);
            let found = self.count(|_, found| found == name);
            let support = self.count(|right, _| right == name);
            OfCategory {
                category: name.to_string(),
                precision: share(both, found),
                recall: share(both, support),
                f1: share(2 * both, found + support),
                support,
            }
        };
        self.names.iter().filter(|name| **name != NOTHING).map(of).collect()
    }

    fn confusion(&self) -> Confusion {
        let row = |right: &&str| {
            let cell = |found: &&str| self.counts.get(&(*right, *found)).copied().unwrap_or(0);
            self.names.iter().map(cell).collect()
        };
        Confusion {
            categories: self.names.iter().map(|name| name.to_string()).collect(),
            counts: self.names.iter().map(row).collect(),
        }
    }
}

/// 0 where there is nothing.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len();
    if count == 0 { 0.0 } else { values.sum::<f64>() / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(category: &str, probability: f32) -> Option<Guess<'_>> {
        Some(Guess { category, probability, is_enough: probability >= 0.5 })
    }

    #[test]
    fn figures_are_those_that_everybody_means() {
        let guesses = [
            ("a", guess("a", 0.9)),
            ("a", guess("a", 0.4)),
            ("a", guess("b", 0.6)),
            ("b", guess("b", 0.7)),
            ("b", None),
            ("zoo", guess("a", 0.1)),
            ("zoo", guess("b", 0.8)),
        ];
        let known = ["a".to_string(), "b".to_string()];
        let evaluation = Evaluation::of(&guesses, &known, 0.5);
        assert_eq!(evaluation.examples, 5);
        assert_eq!(evaluation.accuracy, 0.6);
        assert_eq!(evaluation.unknown, 0.4);
        assert_eq!(evaluation.loss, 0.2);
        assert!((evaluation.accuracy_when_said - 2.0 / 3.0).abs() < 1e-12);
        let [a, b] = &evaluation.categories[..] else { panic!("{evaluation:?}") };
        assert_eq!((a.precision, a.recall, a.f1, a.support), (1.0, 2.0 / 3.0, 0.8, 3));
        assert_eq!((b.precision, b.recall, b.f1, b.support), (0.5, 0.5, 0.5, 2));
        assert_eq!(evaluation.macro_f1, 0.65);
        assert_eq!(evaluation.confusion.categories, ["", "a", "b"]);
        assert_eq!(evaluation.confusion.counts, [[0, 0, 0], [0, 2, 1], [1, 0, 1]]);
        assert_eq!(evaluation.out_of_scope, Some(OutOfScope { examples: 2, unknown: 0.5 }));
    }

    #[test]
    fn of_nothing_every_share_is_0() {
        let evaluation = Evaluation::of(&[], &[], 0.5);
        assert_eq!((evaluation.examples, evaluation.accuracy, evaluation.macro_f1), (0, 0.0, 0.0));
        assert_eq!(evaluation.out_of_scope, None);
    }
}
