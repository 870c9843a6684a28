//! From examples to a model that knows how good it is: some are held out and judged, then all are learnt from.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::calibration;
use super::error::TrainError;
use super::evaluation::Evaluation;
use super::example::{Example, FOLDS, Sorted};
use super::model::{Guess, Model};
use super::terms::terms;

/// Examples up to which each is held out once, in one fold after the other: few give better figures that way. Of
/// more, one fold is enough.
const EACH_HELD_OUT_MAX: usize = 2_000;

/// A model, and what is known of it.
#[derive(Clone, Debug)]
pub struct Trained {
    pub model: Model,
    /// What models of the other examples say of those held out.
    pub held_out: Evaluation,
    /// Examples it was made of.
    pub examples: usize,
    /// Categories that were left out, for they have too few examples; each with how many.
    pub left_out: BTreeMap<String, usize>,
}

/// Learns from `examples`. The same ones in the same order give the same model.
///
/// # Errors
/// Where there are too few to learn anything, or too many.
pub fn train(examples: &[Example]) -> Result<Trained, TrainError> {
    let usable = Sorted::of(examples)?;
    let folds = usable.folds();
    let Sorted { examples: sorted, categories, left_out } = &usable;
    let texts: Vec<Vec<u64>> = sorted.par_iter().map(|example| terms(&example.text)).collect();
    let number = |example: &&Example| categories.binary_search(&example.category);
    let of: Vec<usize> = sorted.iter().map(number).map(Result::unwrap_or_default).collect();
    let rounds = if sorted.len() <= EACH_HELD_OUT_MAX { FOLDS } else { 1 };
    let judges: Vec<Model> = (0..rounds)
        .map(|round| {
            let kept = || (0..texts.len()).filter(|number| folds[*number] != round);
            let kept_texts: Vec<Vec<u64>> = kept().map(|number| texts[number].clone()).collect();
            let kept_of: Vec<usize> = kept().map(|number| of[number]).collect();
            Model::learn(categories, &kept_texts, &kept_of)
        })
        .collect();
    let mut guesses: Vec<(&str, Option<Guess<'_>>)> = (0..texts.len())
        .filter_map(|number| {
            let judge = judges.get(folds[number])?;
            Some((sorted[number].category.as_str(), judge.guess_of(&texts[number])))
        })
        .collect();
    let judged = guesses
        .iter()
        .map(|(right, guess)| (*guess, guess.is_some_and(|guess| guess.category == *right)));
    let threshold = calibration::threshold(judged);
    for guess in guesses.iter_mut().filter_map(|(_, guess)| guess.as_mut()) {
        guess.is_enough = guess.probability >= threshold;
    }
    let held_out = Evaluation::of(&guesses, categories, threshold);
    let mut model = Model::learn(categories, &texts, &of);
    model.threshold = threshold;
    Ok(Trained { model, held_out, examples: texts.len(), left_out: left_out.clone() })
}

/// How good a model is on examples, which should be others than those it was made of.
pub fn evaluate(model: &Model, examples: &[Example]) -> Evaluation {
    let guess = |example: &'_ Example| model.guess(&example.text);
    let found: Vec<Option<Guess<'_>>> = examples.par_iter().map(guess).collect();
    let right = examples.iter().map(|example| example.category.as_str());
    let guesses: Vec<_> = right.zip(found).collect();
    Evaluation::of(&guesses, model.categories(), model.threshold())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::categories::testing::examples;

    #[test]
    fn what_is_told_apart_is_found_in_two_languages() {
        let trained = train(&examples()).unwrap();
        assert!(trained.held_out.accuracy > 0.8, "{:?}", trained.held_out);
        for (text, category) in [
            ("Please refund me, I want my money", "refund"),
            ("快递怎么还没到", "delivery"),
            ("我要退款", "refund"),
            ("the parcel has not arrived", "delivery"),
        ] {
            let guess = trained.model.guess(text).unwrap();
            assert_eq!(guess.category, category, "{text}: {guess:?}");
        }
        assert_eq!(trained.model.guess("%%%"), None, "no term of it is known");
    }

    #[test]
    fn the_same_examples_give_the_same_model() {
        let (one, other) = (train(&examples()).unwrap(), train(&examples()).unwrap());
        assert_eq!(one.model.numbers(), other.model.numbers());
        assert_eq!(one.held_out, other.held_out);
    }

    /// The figures would be those of what was learnt by heart.
    #[test]
    fn what_is_held_out_was_not_learnt_from() {
        let mut nonsense = Vec::new();
        for number in 0..60 {
            let category = ["a", "b"][number % 2].to_string();
            // Each pair of texts has a word of its own, and one of each category.
            nonsense.push(Example { text: format!("word{}", letters(number / 2)), category });
        }
        let trained = train(&nonsense).unwrap();
        assert!(trained.held_out.accuracy < 0.7, "{:?}", trained.held_out.accuracy);
        let learnt = evaluate(&trained.model, &nonsense);
        assert_eq!(learnt.examples, 60);
    }

    fn letters(number: usize) -> String {
        let letter = |digit: usize| char::from(b'a' + (digit % 26) as u8);
        [letter(number), letter(number / 26), letter(number * 7)].iter().collect()
    }
}
