//! A pack within its limits: made whole first, then with less, until it fits. What goes first is what is
//! missed least: pictures and files that the bundle has as they are, then messages around those chosen.
//! Those chosen never go.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::excerpt::{Conversation, Excerpt, excerpt, seen};
use super::fonts::Fonts;
use super::paginate::paginate;
use super::paint::paint;
use super::picture::picture;
use super::profiles::Limits;
use super::story::{PICTURE_HEIGHT_MAX, PICTURE_WIDTH_MAX, Pictures, Story};
use super::typeset::Typesetter;
use super::{LeftOut, MessageId, Named, PackError, Packed, Profile, Report, Source, text_fields};
use crate::evidence::names;

const PDF: &str = "application/pdf";

/// How much of the source is in a try.
#[derive(Clone)]
struct Portion {
    context: usize,
    /// Hashes of pictures that are not drawn, for the limits' sake.
    without_pictures: BTreeSet<String>,
    /// How many of the files are inside, of those that come first.
    files: usize,
}

/// A document that was tried.
struct Tried {
    bytes: Vec<u8>,
    pages: usize,
}

/// Makes the pack of `source` for `profile`.
pub fn pack(source: &Source, profile: Profile, fonts: &mut Fonts) -> Result<Packed, PackError> {
    let kept: Vec<Conversation> = source.conversations.iter().map(seen).collect();
    let is_there = |of: &Conversation| !(of.records.is_empty() && of.places.is_empty());
    let kept: Vec<Conversation> = kept.into_iter().filter(is_there).collect();
    require_chosen(source, &kept)?;
    let texts = kept.iter().flat_map(|of| &of.records);
    let texts = texts.filter_map(|record| record.event.text.as_deref());
    fonts.require_for(texts)?;
    let (pictures, has_own) = (pictures_of(source, &kept), has_own(source));
    let whole = Portion {
        context: source.context,
        without_pictures: BTreeSet::new(),
        files: if has_own { 0 } else { source.files.len() },
    };
    let mut maker = Maker { source, profile, kept: &kept, pictures: &pictures, has_own, fonts };
    let (portion, tried) = maker.fit(whole)?;
    maker.packed(&portion, tried)
}

/// Whether the bundle discloses what is the shop's own. Its files are then in no document: whom it goes to may
/// see none of that.
fn has_own(source: &Source) -> bool {
    let says_so = |file: &Named| {
        let said: Option<serde_json::Value> = serde_json::from_slice(&file.bytes).ok();
        file.name == names::COMPLETENESS
            && said.is_some_and(|said| said["asked"]["with_private"] == true)
    };
    let is_seen = |of: &Conversation| seen(of).records.len() == of.records.len();
    source.files.iter().any(says_so) || !source.conversations.iter().all(is_seen)
}

/// Refuses to make a pack about messages of which none is there.
fn require_chosen(source: &Source, kept: &[Conversation]) -> Result<(), PackError> {
    let is_there = |(conversation, id): &&MessageId| {
        let mut of = kept.iter().filter(|of| of.id.as_ref() == Some(conversation));
        of.any(|of| of.records.iter().any(|record| record.event.id == *id))
    };
    let missing: Vec<&str> = source
        .chosen
        .iter()
        .filter(|message| !is_there(message))
        .map(|(_, id)| id.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    Err(PackError::NotThere { missing })
}

/// Every picture that is named by a message, read once.
fn pictures_of(source: &Source, kept: &[Conversation]) -> Pictures {
    let named = kept.iter().flat_map(|of| &of.records);
    let named = named.flat_map(|record| &record.event.attachments);
    let mut pictures = Pictures::new();
    for file in named {
        let Some(bytes) = source.attachments.get(&file.sha256) else { continue };
        let read = || picture(bytes, PICTURE_WIDTH_MAX, PICTURE_HEIGHT_MAX);
        pictures.entry(file.sha256.clone()).or_insert_with(read);
    }
    pictures
}

struct Maker<'a> {
    source: &'a Source,
    profile: Profile,
    kept: &'a [Conversation],
    pictures: &'a Pictures,
    has_own: bool,
    fonts: &'a mut Fonts,
}

impl<'a> Maker<'a> {
    /// The largest portion that fits.
    fn fit(&mut self, mut portion: Portion) -> Result<(Portion, Tried), PackError> {
        let limits = self.profile.limits();
        loop {
            let tried = self.make(&portion)?;
            if tried.fits(&limits) {
                return Ok((portion, tried));
            }
            if !self.give_up_something(&mut portion, &tried, &limits) {
                return Err(PackError::TooMuch {
                    profile: self.profile.as_str(),
                    pages: tried.pages,
                    pages_max: limits.pages_max,
                    bytes: tried.bytes.len(),
                    bytes_max: limits.bytes_max,
                });
            }
        }
    }

    /// Takes away what is missed least, as much as seems needed; false where nothing is left to go.
    fn give_up_something(&self, portion: &mut Portion, tried: &Tried, limits: &Limits) -> bool {
        let excess = tried.bytes.len().saturating_sub(limits.bytes_max);
        if excess > 0 && portion.files > 0 {
            let mut freed = 0;
            while portion.files > 0 && freed < excess {
                portion.files -= 1;
                freed += self.source.files[portion.files].bytes.len();
            }
            return true;
        }
        let excess_pages = tried.pages.saturating_sub(limits.pages_max);
        let drawn = self.drawn(portion);
        if excess > 0 && !drawn.is_empty() {
            let mut freed = 0;
            for (sha256, bytes) in drawn {
                if freed >= excess {
                    break;
                }
                freed += bytes;
                portion.without_pictures.insert(sha256);
            }
            return true;
        }
        if portion.context > 0 && !self.source.chosen.is_empty() {
            portion.context = if portion.context > 4 * excess_pages.max(1) {
                portion.context / 2
            } else {
                portion.context - 1
            };
            return true;
        }
        if excess_pages > 0 && !drawn.is_empty() {
            // A page holds two large ones.
            let gone = drawn.into_iter().take(2 * excess_pages).map(|(sha256, _)| sha256);
            portion.without_pictures.extend(gone);
            return true;
        }
        false
    }

    /// The pictures that a portion draws, largest first.
    fn drawn(&self, portion: &Portion) -> Vec<(String, usize)> {
        let excerpts = self.excerpts(portion);
        let shown: BTreeSet<&str> = excerpts.iter().flat_map(Excerpt::attachments).collect();
        let is_drawn = |(sha256, picture): &(&String, &Result<_, String>)| {
            picture.is_ok()
                && shown.contains(sha256.as_str())
                && !portion.without_pictures.contains(*sha256)
        };
        let drawn = self.pictures.iter().filter(is_drawn);
        let bytes = |sha256: &String| self.source.attachments.get(sha256).map_or(0, Vec::len);
        let mut drawn: Vec<(String, usize)> =
            drawn.map(|(sha256, _)| (sha256.clone(), bytes(sha256))).collect();
        drawn.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        drawn
    }

    /// Of what the pack is made, not of its maker: fonts are changed while they are at hand.
    fn excerpts(&self, portion: &Portion) -> Vec<Excerpt<'a>> {
        let (chosen, context) = (&self.source.chosen, portion.context);
        let excerpts = self.kept.iter().map(|of| excerpt(of, chosen, context));
        excerpts.collect()
    }

    fn make(&mut self, portion: &Portion) -> Result<Tried, PackError> {
        let (source, left_out) = (self.source, self.left_out(portion));
        let excerpts = self.excerpts(portion);
        let embedded: Vec<&Named> = source.files.iter().take(portion.files).collect();
        let drawn: Pictures = self
            .pictures
            .iter()
            .map(|(sha256, picture)| {
                let is_left_out = portion.without_pictures.contains(sha256);
                let left_out = || Err("left out to keep the limits".to_string());
                let picture = if is_left_out { left_out() } else { picture.clone() };
                (sha256.clone(), picture)
            })
            .collect();
        let setter = Typesetter::new(self.fonts);
        let mut story = Story::new(source, &drawn, setter, &excerpts);
        story.add_front(&excerpts, portion.context, &embedded);
        for excerpt in &excerpts {
            story.add_conversation(excerpt);
        }
        story.add_left_out(&left_out);
        let pages = paginate(&story.blocks);
        let bytes = paint(&pages, source, &embedded, &mut story.setter)?;
        Ok(Tried { bytes, pages: pages.len() })
    }

    /// What a portion is without.
    fn left_out(&self, portion: &Portion) -> Vec<LeftOut> {
        let why = format!("to keep the limits of `{}`", self.profile.as_str());
        let mut left_out = Vec::new();
        if portion.context < self.source.context {
            let what = format!(
                "messages around those chosen: {} before and after each, not {}",
                portion.context, self.source.context
            );
            left_out.push(LeftOut { what, why: why.clone(), sha256: None });
        }
        let names = self.names_of_files();
        for sha256 in &portion.without_pictures {
            let name = names.get(sha256.as_str()).copied().unwrap_or_default();
            let (what, sha256) = (format!("picture “{name}”"), Some(sha256.clone()));
            left_out.push(LeftOut { what, why: why.clone(), sha256 });
        }
        let why = if self.has_own {
            "the bundle discloses the shop's own notes: make one without them".to_string()
        } else {
            why
        };
        for file in &self.source.files[portion.files..] {
            let sha256 = Some(hex::encode(Sha256::digest(&file.bytes)));
            let what = format!("file of the bundle `{}`", file.name);
            left_out.push(LeftOut { what, why: why.clone(), sha256 });
        }
        left_out
    }

    fn names_of_files(&self) -> BTreeMap<&str, &str> {
        let records = self.kept.iter().flat_map(|of| &of.records);
        let files = records.flat_map(|record| &record.event.attachments);
        files.map(|file| (file.sha256.as_str(), file.name.as_str())).collect()
    }

    fn packed(&self, portion: &Portion, tried: Tried) -> Result<Packed, PackError> {
        let excerpts = self.excerpts(portion);
        let limits = self.profile.limits();
        let mut left_out = self.left_out(portion);
        let (pages, bytes) = (tried.pages, tried.bytes.len());
        let document =
            Named { name: "pack.pdf".to_string(), media_type: PDF.to_string(), bytes: tried.bytes };
        let mut files = vec![document];
        if let Some(fields) = limits.fields {
            let (fields, cut) = text_fields::files(self.source, &excerpts, fields);
            files.extend(fields);
            left_out.extend(cut);
        }
        let embedded = self.source.files.iter().take(portion.files);
        let mut withheld: BTreeMap<String, usize> = BTreeMap::new();
        for (why, count) in excerpts.iter().flat_map(|excerpt| &excerpt.withheld) {
            *withheld.entry(why.to_string()).or_default() += count.messages;
        }
        withheld.retain(|_, count| *count > 0);
        let chosen =
            self.source.chosen.iter().map(|(conversation, id)| format!("{conversation}/{id}"));
        let report = Report {
            profile: self.profile,
            pages,
            bytes,
            messages_shown: excerpts.iter().map(|excerpt| excerpt.shown).sum(),
            messages: excerpts.iter().map(|excerpt| excerpt.of).sum(),
            withheld,
            chosen: chosen.collect(),
            context: portion.context,
            embedded: embedded.map(|file| file.name.clone()).collect(),
            left_out,
            limits_said_by: limits.source,
        };
        Ok(Packed { files, report })
    }
}

impl Tried {
    fn fits(&self, limits: &Limits) -> bool {
        self.pages <= limits.pages_max && self.bytes.len() <= limits.bytes_max
    }
}
