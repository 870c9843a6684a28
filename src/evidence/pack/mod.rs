//! The dispute pack: what a bank or a platform reads of a bundle. A PDF/A-3u with an excerpt of the
//! conversations, chronological, with both clocks and every version of what was said, and with files of
//! the bundle inside.
//!
//! Invariants: the same source, profile and fonts make the same bytes; a platform's limits are kept, or
//! nothing is made; whatever is left out to keep them is named in the document and in the [`Packed`];
//! private notes are never in it.
//! It proves nothing by itself: the bundle does, whose hash stands on every page. It does not decide who
//! may have a pack, and records nothing.

mod error;
mod excerpt;
mod fit;
mod from_bundle;
mod fonts;
mod paginate;
mod paint;
mod picture;
mod place;
mod profiles;
mod story;
mod text_fields;
mod typeset;
mod with_bundle;

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{FieldError, Micros};
use crate::search::{Mode, RecordQuery};

pub use error::PackError;
pub use excerpt::{Conversation, MessageId};
pub use fit::{Bounds, pack, pack_within};
pub use fonts::Fonts;
pub use from_bundle::{BundleRead, read_bundle};
pub use place::Place;
pub use profiles::{Limits, Profile};
pub use with_bundle::pack_with_bundle;

/// Which messages of a bundle a pack is about, and for whom it is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PackRequest {
    /// The messages that matter: ids, or CONVERSATION/ID where two have the same. None of them named, all do.
    pub messages: Vec<String>,
    /// Those with these words matter too; written as for a search, of which only what records answer by themselves.
    pub words: Option<String>,
    /// How closely texts must follow the words.
    pub mode: Mode,
    /// Messages shown before and after each.
    pub context: usize,
    pub profile: Profile,
}

impl Default for PackRequest {
    fn default() -> PackRequest {
        PackRequest {
            messages: Vec::new(),
            words: None,
            mode: Mode::default(),
            context: CONTEXT_USUAL,
            profile: Profile::default(),
        }
    }
}

impl PackRequest {
    /// Refuses what no bundle could answer, so that none is made for it.
    pub fn check(&self) -> Result<(), PackError> {
        if self.context > CONTEXT_MAX {
            let rule = format!("be at most {CONTEXT_MAX}");
            return Err(FieldError::new("context", self.context, rule).into());
        }
        // Whether they can be read depends on no zone.
        self.query(Tz::UTC, Micros::now()).map(|_| ())
    }

    /// The words as a question; none where there are none.
    fn query(&self, zone: Tz, now: Micros) -> Result<Option<RecordQuery>, PackError> {
        let read = |words: &String| RecordQuery::read(words, self.mode, zone, now);
        Ok(self.words.as_ref().map(read).transpose()?)
    }
}

/// Most messages before and after one that may be asked for.
const CONTEXT_MAX: usize = 1_000;

/// Enough of what came before a promise to see what it answers.
pub const CONTEXT_USUAL: usize = 5;

/// A file by its name in the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

impl Named {
    /// Its name inside a document, where there are no folders: what saves such files makes none.
    fn name_inside(&self) -> String {
        self.name.replace('/', "-")
    }
}

/// What a pack is made from.
#[derive(Clone, Debug)]
pub struct Source {
    pub shop: String,
    pub case: String,
    /// The order it is about, where it is about one.
    pub order: Option<String>,
    pub conversations: Vec<Conversation>,
    /// The messages that matter; none of them named, all do.
    pub chosen: BTreeSet<MessageId>,
    /// Messages shown before and after each that is chosen.
    pub context: usize,
    pub zone: Tz,
    pub made_at: Micros,
    pub made_by: String,
    /// SHA-256 of the bundle, in hex.
    pub bundle_sha256: String,
    /// Files of the bundle that travel inside the document, most important first.
    pub files: Vec<Named>,
    /// Why the body of a message is not shown, where the bundle withholds it.
    pub withheld: BTreeMap<MessageId, String>,
    /// Bytes of attachments, by their SHA-256 in hex; those that are not there are named all the same.
    pub attachments: BTreeMap<String, Vec<u8>>,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The document first.
    pub files: Vec<Named>,
    pub report: Report,
}

/// What was made, for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub profile: Profile,
    pub pages: usize,
    pub bytes: usize,
    pub messages_shown: usize,
    /// All there are between customer and shop, disclosed or not.
    pub messages: usize,
    /// How many of them the bundle does not disclose, by why.
    pub withheld: BTreeMap<String, usize>,
    /// Those that were chosen, as CONVERSATION/ID.
    pub chosen: Vec<String>,
    /// Messages before and after each that is chosen: fewer than asked for where there was no room.
    pub context: usize,
    /// Files of the bundle that are inside.
    pub embedded: Vec<String>,
    pub left_out: Vec<LeftOut>,
    /// Where the profile's limits are said.
    pub limits_said_by: &'static str,
}

/// Something that is not in the document, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    pub what: String,
    pub why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}
