//! What was learnt: for each category a line over the terms, and from which probability on what it says is
//! believed.

use std::io::{self, Read};

use rayon::prelude::*;

use super::logistic::{Line, learn};
use super::terms::terms;
use super::vocabulary::{Vector, Vocabulary};

/// A classifier. To read with, it changes nothing and asks nobody.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Sorted.
    pub(super) categories: Vec<String>,
    pub(super) vocabulary: Vocabulary,
    pub(super) biases: Vec<f32>,
    /// Of each term, its weight for each category: `terms × categories` values.
    pub(super) weights: Vec<f32>,
    /// Below this probability nothing is said.
    pub(super) threshold: f32,
}

/// What a model says of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess<'a> {
    /// The likeliest category.
    pub category: &'a str,
    /// That it is this one rather than any other, between 0 and 1.
    pub probability: f32,
    /// Whether that is enough to say so: else the honest answer is that it is not known.
    pub is_enough: bool,
}

impl Model {
    /// Learns from texts as their sorted terms, and the number of the category of each. Each category is
    /// learnt on a thread of its own.
    pub(super) fn learn(categories: &[String], texts: &[Vec<u64>], of: &[usize]) -> Model {
        let vocabulary = Vocabulary::of(texts);
        let vectors: Vec<Vector> = texts.par_iter().map(|terms| vocabulary.vector(terms)).collect();
        let count = vocabulary.terms.len();
        let learnt: Vec<(Vec<f32>, f32)> = (0..categories.len())
            .into_par_iter()
            .map(|number| {
                let is_of_it: Vec<bool> = of.iter().map(|other| *other == number).collect();
                let Line { weights, bias } = learn(&vectors, &is_of_it, count, number as u64);
                (weights.into_iter().map(|weight| weight as f32).collect(), bias as f32)
            })
            .collect();
        let of_term = |term: usize| learnt.iter().map(move |(weights, _)| weights[term]);
        Model {
            categories: categories.to_vec(),
            biases: learnt.iter().map(|(_, bias)| *bias).collect(),
            weights: (0..count).flat_map(of_term).collect(),
            vocabulary,
            threshold: 0.0,
        }
    }

    pub fn categories(&self) -> &[String] {
        &self.categories
    }

    pub fn threshold(&self) -> f32 {
        self.threshold
    }

    /// What `text` is about. `None` where no term of it is known.
    pub fn guess(&self, text: &str) -> Option<Guess<'_>> {
        self.guess_of(&terms(text))
    }

    /// [`Model::guess`] of a text as its sorted terms.
    pub(super) fn guess_of(&self, terms: &[u64]) -> Option<Guess<'_>> {
        let vector = self.vocabulary.vector(terms);
        if vector.is_empty() {
            return None;
        }
        let mut odds = self.biases.clone();
        let count = self.categories.len();
        for (number, weight) in vector {
            let from = number as usize * count;
            for (sum, of_category) in odds.iter_mut().zip(&self.weights[from..from + count]) {
                *sum += weight * of_category;
            }
        }
        let likeliest = odds.iter().enumerate().max_by(|(_, one), (_, other)| one.total_cmp(other));
        let (number, log_odds) = likeliest?;
        let probability = 1.0 / (1.0 + (-log_odds).exp());
        let is_enough = probability >= self.threshold;
        Some(Guess { category: self.categories.get(number)?, probability, is_enough })
    }

    /// Its size in memory.
    pub fn bytes(&self) -> usize {
        self.weights.len() * 4 + self.vocabulary.terms.len() * 12
    }

    /// The numbers of it, one after the other, little-endian: threshold, biases, hashes, rarities, weights.
    pub(super) fn numbers(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes() + self.biases.len() * 4 + 4);
        bytes.extend(self.threshold.to_le_bytes());
        bytes.extend(self.biases.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(self.vocabulary.terms.iter().flat_map(|hash| hash.to_le_bytes()));
        bytes.extend(self.vocabulary.rarities.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(self.weights.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    }

    /// [`Model::numbers`], read back.
    pub(super) fn of_numbers(
        categories: Vec<String>,
        terms: usize,
        mut bytes: &[u8],
    ) -> io::Result<Model> {
        let threshold = floats(&mut bytes, 1)?[0];
        let biases = floats(&mut bytes, categories.len())?;
        let hashes: Vec<u64> = (0..terms)
            .map(|_| {
                let mut hash = [0; 8];
                bytes.read_exact(&mut hash).map(|()| u64::from_le_bytes(hash))
            })
            .collect::<io::Result<_>>()?;
        let rarities = floats(&mut bytes, terms)?;
        let weights = floats(&mut bytes, terms * categories.len())?;
        let is_whole = bytes.is_empty() && hashes.is_sorted_by(|one, next| one < next);
        if !is_whole {
            return Err(io::Error::other("what is in it does not fit together"));
        }
        let vocabulary = Vocabulary { terms: hashes, rarities };
        Ok(Model { categories, vocabulary, biases, weights, threshold })
    }
}

fn floats(bytes: &mut &[u8], count: usize) -> io::Result<Vec<f32>> {
    let mut float = || {
        let mut number = [0; 4];
        bytes.read_exact(&mut number)?;
        let number = f32::from_le_bytes(number);
        if number.is_finite() { Ok(number) } else { Err(io::Error::other("a number is none")) }
    };
    (0..count).map(|_| float()).collect()
}
