//! How closely a text must follow what is looked for.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantNames};
use utoipa::ToSchema;

/// How closely a text must follow what is looked for; each finds all that the one before finds, but
/// for a letter of which the text has a mark more (`e` in `é`), which `exact` finds in some spellings.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantNames,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Mode {
    /// Byte for byte.
    Exact,
    /// Case, width, ligatures and invisible characters do not count.
    #[default]
    Folded,
    /// Nor do accents, traditional or simplified forms, or what stands between Chinese characters.
    Variants,
}

impl Mode {
    /// What does not count, in words.
    pub fn ignores(self) -> &'static str {
        match self {
            Mode::Exact => "exactly as written",
            Mode::Folded => "whatever the case, the width and invisible characters",
            Mode::Variants => {
                "whatever the case, the width, invisible characters, accents, traditional or simplified \
                 characters, and punctuation or spaces between Chinese characters"
            }
        }
    }
}
