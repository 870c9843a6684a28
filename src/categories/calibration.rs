//! From which probability on a model is believed.
//!
//! A classifier that must always answer gives a chat about something new to one of its categories. It need not: it
//! may say that it does not know. What that costs is bounded, by what was held out: of all examples, at most
//! [`LOSS_MAX`] are right answers that are no longer given. Nothing of what is out of scope is asked for, since
//! nobody has examples of what they have not seen.

use super::model::Guess;

/// Share of the examples held out whose right answer is given up. What comes later is less like what was learnt
/// than what is held out of it at random: half of the four points that may be lost there.
pub(super) const LOSS_MAX: f64 = 0.02;

/// The threshold for guesses that were made of what was held out, each with whether it was right.
pub(super) fn threshold<'a>(guesses: impl Iterator<Item = (Option<Guess<'a>>, bool)>) -> f32 {
    let mut count = 0_usize;
    let mut right: Vec<f32> = Vec::new();
    for (guess, is_right) in guesses {
        count += 1;
        right.extend(guess.filter(|_| is_right).map(|guess| guess.probability));
    }
    right.sort_unstable_by(f32::total_cmp);
    let given_up = (count as f64 * LOSS_MAX) as usize;
    right.get(given_up).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_right_answers_are_given_up_than_the_bound() {
        let guess = |number: u32, is_right: bool| {
            let probability = number as f32 / 1_000.0;
            (Some(Guess { category: "a", probability, is_enough: true }), is_right)
        };
        let guesses: Vec<_> = (0..1_000).map(|number| guess(number, number % 2 == 0)).collect();
        let threshold = threshold(guesses.iter().copied());
        let lost = guesses
            .iter()
            .filter(|(guess, is_right)| *is_right && guess.unwrap().probability < threshold)
            .count();
        assert_eq!((threshold, lost), (0.04, 20));
    }

    #[test]
    fn of_few_none_is_given_up_and_of_none_all_is_believed() {
        let sure = Guess { category: "a", probability: 0.5, is_enough: true };
        let weak = Guess { probability: 0.2, ..sure };
        let guesses = [(Some(sure), true), (Some(weak), true), (None, false)];
        assert_eq!(threshold(guesses.into_iter()), 0.2);
        assert_eq!(threshold(std::iter::empty()), 0.0);
        assert_eq!(threshold([(Some(sure), false)].into_iter()), 0.0);
    }
}
