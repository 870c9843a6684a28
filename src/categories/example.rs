//! Texts whose category is known, and how some of them are held out.

use std::collections::BTreeMap;

use super::error::TrainError;
use super::random::Random;

/// Most categories of a model.
pub(super) const CATEGORIES_MAX: usize = 256;
/// Texts of a category below which nothing can be learnt of it and judged: some are held out.
pub(super) const EXAMPLES_MIN: usize = 4;
/// Most examples: × about 300 terms × 12 bytes = 700 MiB while they are learnt from.
pub(super) const EXAMPLES_MAX: usize = 200_000;
/// Of each category one example in so many is held out.
pub(super) const FOLDS: usize = 5;
/// What is held out is the same each time.
const SEED: u64 = 20_111;

/// A text and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    pub text: String,
    pub category: String,
}

/// Examples that a model can be made of.
pub(super) struct Sorted<'a> {
    pub(super) examples: Vec<&'a Example>,
    /// Sorted.
    pub(super) categories: Vec<String>,
    /// Categories of too few, each with how many they are.
    pub(super) left_out: BTreeMap<String, usize>,
}

impl<'a> Sorted<'a> {
    /// Leaves out the categories of which there are too few.
    ///
    /// # Errors
    /// Where fewer than two categories are left, or there are too many of anything.
    pub(super) fn of(examples: &'a [Example]) -> Result<Sorted<'a>, TrainError> {
        if examples.len() > EXAMPLES_MAX {
            return Err(TrainError::TooManyExamples { count: examples.len(), max: EXAMPLES_MAX });
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for example in examples {
            *counts.entry(&example.category).or_default() += 1;
        }
        let (enough, few): (Vec<_>, Vec<_>) =
            counts.into_iter().partition(|(_, count)| *count >= EXAMPLES_MIN);
        if enough.len() < 2 {
            return Err(TrainError::TooFew { usable: enough.len(), min: EXAMPLES_MIN });
        }
        if enough.len() > CATEGORIES_MAX {
            let count = enough.len();
            return Err(TrainError::TooManyCategories { count, max: CATEGORIES_MAX });
        }
        let categories: Vec<String> =
            enough.into_iter().map(|(category, _)| category.to_string()).collect();
        let is_known = |example: &&Example| categories.binary_search(&example.category).is_ok();
        let examples = examples.iter().filter(is_known).collect();
        let left_out = few.into_iter().map(|(name, count)| (name.to_string(), count)).collect();
        Ok(Sorted { examples, categories, left_out })
    }

    /// In which fold each example is held out. Each fold has its share of each category.
    pub(super) fn folds(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.examples.len()).collect();
        Random::new(SEED).shuffle(&mut order);
        order.sort_by_key(|number| &self.examples[*number].category);
        let mut folds = vec![0; order.len()];
        for (place, number) in order.into_iter().enumerate() {
            folds[number] = place % FOLDS;
        }
        folds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(counts: &[(&str, usize)]) -> Vec<Example> {
        let of = |(category, count): &(&str, usize)| {
            let category = category.to_string();
            (0..*count).map(move |n| Example { text: n.to_string(), category: category.clone() })
        };
        counts.iter().flat_map(of).collect()
    }

    #[test]
    fn each_fold_has_its_share_of_each_category() {
        let examples = examples(&[("a", 50), ("b", 7), ("c", 4)]);
        let sorted = Sorted::of(&examples).unwrap();
        let folds = sorted.folds();
        for (category, least) in [("a", 10), ("b", 1), ("c", 0)] {
            for fold in 0..FOLDS {
                let of_both = |(example, in_fold): (&&Example, &usize)| {
                    example.category == category && *in_fold == fold
                };
                let count =
                    sorted.examples.iter().zip(&folds).filter(|pair| of_both(*pair)).count();
                assert!((least..=least + 1).contains(&count), "{category} {fold}: {count}");
            }
        }
        assert_eq!(folds, sorted.folds(), "the same each time");
    }

    #[test]
    fn categories_of_too_few_are_left_out_and_named() {
        let some = examples(&[("a", 4), ("b", 3), ("c", 9)]);
        let sorted = Sorted::of(&some).unwrap();
        assert_eq!(sorted.categories, ["a", "c"]);
        assert_eq!(sorted.left_out, [("b".to_string(), 3)].into());
        assert_eq!(sorted.examples.len(), 13);
        let error = Sorted::of(&examples(&[("a", 9), ("b", 3)])).err().unwrap().to_string();
        assert!(error.contains("at least 4"), "{error}");
        let many = (0..300).map(|n| (format!("c{n}"), 4)).collect::<Vec<_>>();
        let many: Vec<_> = many.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        let error = Sorted::of(&examples(&many)).err().unwrap().to_string();
        assert!(error.contains("300") && error.contains("256"), "{error}");
    }
}
