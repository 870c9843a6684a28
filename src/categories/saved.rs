//! A model in a file.
//!
//! ```text
//! verbatim-categories 1\n
//! {"name", "trained_at", …, "terms"}\n        JSON, one line: what is known of it
//! f32 threshold, biases   u64 hashes   f32 rarities, weights    little-endian
//! SHA-256 of all before
//! ```
//! Its version is the beginning of the SHA-256 of what decides what it says: its categories and its numbers. The same
//! examples give the same version, whenever they are learnt from.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::ModelError;
use super::evaluation::Evaluation;
use super::example::CATEGORIES_MAX;
use super::model::Model;
use super::vocabulary::TERMS_MAX;
use crate::model::Micros;

const MAGIC: &[u8] = b"verbatim-categories 1\n";
const SUM_BYTES: usize = 32;
/// Hex digits of a version: 48 bits tell the models of a shop apart.
const VERSION_DIGITS: usize = 12;
/// What is known of a model: mostly the confusion of its categories, 256 × 256 × a few bytes.
const ABOUT_BYTES_MAX: usize = 1024 * 1024;
/// Largest file of a model: 67 MiB.
pub(super) const FILE_BYTES_MAX: usize = MAGIC.len()
    + ABOUT_BYTES_MAX
    + 4
    + CATEGORIES_MAX * 4
    + TERMS_MAX * (8 + 4 + CATEGORIES_MAX * 4)
    + SUM_BYTES;

/// A model with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    pub about: About,
    pub model: Model,
}

/// What is known of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    pub name: String,
    /// The same for the same examples.
    pub version: String,
    pub trained_at: Micros,
    /// What it was made of: the shop's tags, or a file.
    pub trained_on: String,
    pub examples: usize,
    pub categories: Vec<String>,
    /// Terms that it knows.
    pub terms: usize,
    /// How good models of some of the examples were on the others.
    pub held_out: Evaluation,
}

impl Saved {
    pub fn new(name: &str, trained_at: Micros, trained_on: &str, trained: super::Trained) -> Saved {
        let super::Trained { model, held_out, examples, .. } = trained;
        let about = About {
            name: name.to_string(),
            version: version_of(&model),
            trained_at,
            trained_on: trained_on.to_string(),
            examples,
            categories: model.categories.clone(),
            terms: model.vocabulary.terms.len(),
            held_out,
        };
        Saved { about, model }
    }

    /// `name@version`
    pub fn reference(&self) -> String {
        format!("{}@{}", self.about.name, self.about.version)
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = MAGIC.to_vec();
        serde_json::to_writer(&mut bytes, &self.about)?;
        bytes.push(b'\n');
        bytes.extend(self.model.numbers());
        let sum = Sha256::digest(&bytes);
        bytes.extend(sum);
        Ok(bytes)
    }

    /// Reads a model back; `path` is where it lies, for errors.
    ///
    /// # Errors
    /// Where it is not, to the last bit, what was written.
    pub fn of_bytes(bytes: &[u8], path: &Path) -> Result<Saved, ModelError> {
        let damaged = |detail: String| ModelError::Damaged { path: path.to_path_buf(), detail };
        let (body, sum) = bytes
            .split_last_chunk::<SUM_BYTES>()
            .ok_or_else(|| damaged("it is shorter than its checksum".to_string()))?;
        if Sha256::digest(body)[..] != *sum {
            return Err(damaged("its checksum is that of other bytes".to_string()));
        }
        let rest = body
            .strip_prefix(MAGIC)
            .ok_or_else(|| damaged("it is no model, or one of another build".to_string()))?;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (about, numbers) =
            rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
        let about: About =
            serde_json::from_slice(about).map_err(|error| damaged(error.to_string()))?;
        if about.terms > TERMS_MAX || about.categories.len() > CATEGORIES_MAX {
            return Err(damaged("it says that it is larger than a model may be".to_string()));
        }
        let numbers = numbers.strip_prefix(b"\n").unwrap_or(numbers);
        let model = Model::of_numbers(about.categories.clone(), about.terms, numbers)
            .map_err(|error| damaged(error.to_string()))?;
        if version_of(&model) != about.version {
            return Err(damaged("its version is that of another model".to_string()));
        }
        Ok(Saved { about, model })
    }
}

fn version_of(model: &Model) -> String {
    let mut hash = Sha256::new();
    for category in &model.categories {
        hash.update((category.len() as u64).to_le_bytes());
        hash.update(category);
    }
    hash.update(model.numbers());
    let mut version = hex::encode(hash.finalize());
    version.truncate(VERSION_DIGITS);
    version
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::categories::testing::examples;
    use crate::categories::train;

    fn saved() -> Saved {
        Saved::new("issues", Micros(7), "labels.csv", train(&examples()).unwrap())
    }

    #[test]
    fn a_model_is_read_back_as_it_was() {
        let saved = saved();
        let bytes = saved.to_bytes().unwrap();
        let read = Saved::of_bytes(&bytes, Path::new("x")).unwrap();
        assert_eq!(read, saved);
        let (before, after) = (saved.model.guess("我要退款"), read.model.guess("我要退款"));
        assert_eq!(before, after);
        assert!(before.is_some());
    }

    #[test]
    fn the_version_is_that_of_what_it_says() {
        let (one, mut other) = (saved(), saved());
        assert_eq!(one.about.version, other.about.version);
        assert_eq!(one.about.version.len(), 12);
        other.model.threshold += 0.01;
        assert_ne!(one.about.version, version_of(&other.model));
    }

    /// A model that lost a byte would tag conversations wrongly, and nobody would know why.
    #[test]
    fn each_flipped_or_missing_byte_is_found() {
        let bytes = saved().to_bytes().unwrap();
        let path = Path::new("somewhere");
        for at in (0..bytes.len()).step_by(97) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let error = Saved::of_bytes(&flipped, path).unwrap_err().to_string();
            assert!(error.contains("somewhere") && error.contains("damaged"), "{error}");
            assert!(Saved::of_bytes(&bytes[..at], path).is_err(), "cut at {at}");
        }
        assert!(Saved::of_bytes(b"", path).is_err());
    }

    /// Whoever can write the file can write its checksum too.
    #[test]
    fn what_says_that_it_is_huge_is_not_believed() {
        let bytes = saved().to_bytes().unwrap();
        let text = String::from_utf8_lossy(&bytes[..bytes.len() - 32]).into_owned();
        let line = text.lines().nth(1).unwrap().replace("\"terms\":", "\"terms\":9999999");
        let mut forged = [MAGIC, line.as_bytes(), b"\n"].concat();
        let sum = Sha256::digest(&forged);
        forged.extend(sum);
        let error = Saved::of_bytes(&forged, Path::new("x")).unwrap_err().to_string();
        assert!(error.contains("larger than a model may be"), "{error}");
    }
}
