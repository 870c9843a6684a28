//! The terms that a model knows, and how rare each is; a text becomes a vector over them.
//!
//! The weight of a term in a text is `(1 + ln count) × √(1 + ln ((1 + texts) / (1 + texts with it)))`, and the vector has
//! length 1: TF-IDF with damped counts (Salton and Buckley 1988; the smoothing is scikit-learn's). The root is what
//! cross-validation asked for: most terms are pieces of words, and the rarest of them tell less than they weigh.

use std::collections::HashMap;

/// Most terms of a model, the most frequent ones: × 256 categories × 4 bytes = 64 MiB.
pub(super) const TERMS_MAX: usize = 65_536;

/// One text: the numbers of its terms, in order, and their weights.
pub(super) type Vector = Vec<(u32, f32)>;

/// The terms of a model, numbered in the order of their hashes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Vocabulary {
    pub(super) terms: Vec<u64>,
    pub(super) rarities: Vec<f32>,
}

impl Vocabulary {
    /// What is known after these texts, each given by its sorted terms.
    pub(super) fn of(texts: &[Vec<u64>]) -> Vocabulary {
        let mut texts_with: HashMap<u64, u32> = HashMap::new();
        for terms in texts {
            for (term, _) in counted(terms) {
                *texts_with.entry(term).or_default() += 1;
            }
        }
        let mut known: Vec<(u64, u32)> = texts_with.into_iter().collect();
        known.sort_unstable_by_key(|(term, texts)| (std::cmp::Reverse(*texts), *term));
        known.truncate(TERMS_MAX);
        known.sort_unstable();
        let rarity = |with: u32| rarity(texts.len(), with);
        let (terms, rarities) = known.into_iter().map(|(term, with)| (term, rarity(with))).unzip();
        Vocabulary { terms, rarities }
    }

    /// The vector of a text, given by its sorted terms; empty where none of them is known.
    pub(super) fn vector(&self, terms: &[u64]) -> Vector {
        let known = |(term, count): (u64, u32)| {
            let number = self.terms.binary_search(&term).ok()?;
            Some((u32::try_from(number).ok()?, damped(count) * self.rarities[number]))
        };
        let mut vector: Vector = counted(terms).filter_map(known).collect();
        let length = vector.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|(_, weight)| *weight /= length);
        vector
    }
}

/// Each term once, with its count.
fn counted(sorted: &[u64]) -> impl Iterator<Item = (u64, u32)> {
    sorted.chunk_by(u64::eq).filter_map(|same| Some((*same.first()?, same.len() as u32)))
}

fn damped(count: u32) -> f32 {
    1.0 + (count as f32).ln()
}

fn rarity(texts: usize, with: u32) -> f32 {
    (1.0 + ((1.0 + texts as f64) / (1.0 + f64::from(with))).ln()).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_terms_weigh_more_and_a_vector_has_length_1() {
        let vocabulary = Vocabulary::of(&[vec![1, 1, 2], vec![1, 2], vec![1], vec![1]]);
        assert_eq!(vocabulary.terms, [1, 2]);
        assert!(vocabulary.rarities[1] > vocabulary.rarities[0]);
        let vector = vocabulary.vector(&[1, 1, 1, 2, 7]);
        assert_eq!(vector.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1]);
        let length: f32 = vector.iter().map(|(_, weight)| weight * weight).sum();
        assert!((length - 1.0).abs() < 1e-6, "{length}");
        assert!(vocabulary.vector(&[7, 8]).is_empty());
    }

    #[test]
    fn of_too_many_terms_the_most_frequent_are_kept() {
        let all: Vec<u64> = (0..TERMS_MAX as u64 + 10).collect();
        let vocabulary = Vocabulary::of(&[all.clone(), all, vec![TERMS_MAX as u64 + 5]]);
        assert_eq!(vocabulary.terms.len(), TERMS_MAX);
        assert!(vocabulary.terms.contains(&(TERMS_MAX as u64 + 5)));
    }
}
