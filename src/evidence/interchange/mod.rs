//! What other programs read of a bundle: review platforms RSMF, conversation tools vCon, mail archives EML. A zip of files
//! of one form, made of what the bundle discloses.
//!
//! Invariants: a file is made of the rows of the bundle's evidence copy and of its attachments, so no form can say more
//! than the bundle does; every row is in every form exactly once, disclosed or not; each file says what is withheld, and
//! holds the evidence copy of its rows; the same rows, form and key make the same bytes, whenever they are made.
//! It proves nothing by itself: whoever has the bundle compares the leaves. It decides nothing about what is disclosed,
//! and records nothing.

// What it is made from.
mod source;
mod from_bundle;
// Rows as programs and people are told of them.
mod conversation;
mod people;
mod plain;
// The forms, and what they have in common.
mod naming;
mod out;
mod mail;
mod rsmf;
mod vcon;
mod jws;
mod eml;
// Whole zips of a form.
mod made;
mod with_bundle;
mod error;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use error::InterchangeError;
pub use jws::Signer;
pub use made::interchange;
pub use out::Bounds;
pub use with_bundle::files_of_bundle;

/// A form in which other programs read conversations.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    clap::ValueEnum,
    strum::IntoStaticStr,
    strum::VariantArray,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Form {
    /// For review platforms (Relativity Short Message Format 2.0.0): a file a day of each conversation
    Rsmf,
    /// For conversation tools (vCon of the IETF): a file a conversation, and one that is signed where there is a key
    Vcon,
    /// For mail archives: a message a conversation
    Eml,
}

impl Form {
    pub fn as_str(self) -> &'static str {
        self.into_str()
    }
}
