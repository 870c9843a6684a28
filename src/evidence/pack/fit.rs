//! A pack within its limits: made whole first, then with less, as little less as it takes to fit. What goes
//! first is what is missed least: pictures and files that the bundle has as they are, then messages around
//! those chosen. Those chosen never go.
//!
//! Invariant: a document is tried about twenty times at most, however much is asked for, and no try sets more
//! text than the pages that are taken hold.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::excerpt::{Conversation, Excerpt, excerpt, seen};
use super::fonts::Fonts;
use super::paginate::{paginate, room_of};
use super::paint::paint;
use super::picture::picture;
use super::profiles::Limits;
use super::story::{PICTURE_HEIGHT_MAX, PICTURE_WIDTH_MAX, Pictures, Story};
use super::typeset::Typesetter;
use super::{LeftOut, MessageId, Named, PackError, Packed, Profile, Report, Source, text_fields};
use crate::evidence::{EvidenceError, names};

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

/// What a document is made with less of.
#[derive(Clone)]
enum Loss {
    /// The least important of the files that are inside.
    File,
    /// A picture, by the hash of its bytes.
    Picture(String),
    /// One message before and one after each that is chosen.
    Context,
}

/// A document that was tried.
enum Tried {
    /// It has more pages than are taken, and was not set to its end.
    TooLong,
    Set {
        bytes: Vec<u8>,
        pages: usize,
    },
}

/// What bounds the making of a pack, beside its profile.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// Pages, where the profile takes more.
    pub pages_max: usize,
    /// Whether somebody waits for it still. Nothing more is done for it once nobody does.
    pub is_wanted: &'a dyn Fn() -> bool,
}

/// Makes the pack of `source` for `profile`.
pub fn pack(source: &Source, profile: Profile, fonts: &mut Fonts) -> Result<Packed, PackError> {
    let bounds = Bounds { pages_max: usize::MAX, is_wanted: &|| true };
    pack_within(source, profile, fonts, bounds)
}

/// [`pack`], with no more work than `bounds` allow.
pub fn pack_within(
    source: &Source,
    profile: Profile,
    fonts: &mut Fonts,
    bounds: Bounds<'_>,
) -> Result<Packed, PackError> {
    fitted(source, profile, fonts, bounds).map(|(packed, _)| packed)
}

/// The pack, and how many documents were tried.
fn fitted(
    source: &Source,
    profile: Profile,
    fonts: &mut Fonts,
    bounds: Bounds<'_>,
) -> Result<(Packed, usize), PackError> {
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
    let mut limits = profile.limits();
    limits.pages_max = limits.pages_max.min(bounds.pages_max);
    let is_wanted = bounds.is_wanted;
    let (pictures, tries) = (&pictures, 0);
    let mut maker =
        Maker { source, profile, limits, is_wanted, kept: &kept, pictures, has_own, fonts, tries };
    let fitting = maker.fit(whole)?;
    Ok((maker.packed(fitting), maker.tries))
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
    limits: Limits,
    is_wanted: &'a dyn Fn() -> bool,
    kept: &'a [Conversation],
    pictures: &'a Pictures,
    has_own: bool,
    fonts: &'a mut Fonts,
    /// How many documents were tried.
    tries: usize,
}

impl<'a> Maker<'a> {
    /// The largest portion that fits, and its document.
    fn fit(&mut self, whole: Portion) -> Result<(Portion, Vec<u8>, usize), PackError> {
        let tried = self.make(&whole)?;
        let mut found = (whole, tried);
        if matches!(found.1, Tried::TooLong) {
            // Files take no pages.
            let least = Portion { context: 0, ..found.0.clone() };
            let losses = [self.less_context(&found.0), self.fewer_pictures(&least)].concat();
            found = self.with_less(found, &losses, |tried| !matches!(tried, Tried::TooLong))?;
        }
        let limits = self.limits;
        if !found.1.fits(&limits) {
            let files = (0..found.0.files).map(|_| Loss::File).collect();
            let losses =
                [files, self.fewer_pictures(&found.0), self.less_context(&found.0)].concat();
            found = self.with_less(found, &losses, |tried| tried.fits(&limits))?;
        }
        let (portion, tried) = found;
        match tried {
            Tried::Set { bytes, pages } => Ok((portion, bytes, pages)),
            Tried::TooLong => Err(self.too_much(&tried)),
        }
    }

    /// The portion without the first of `losses`, without as few of them as it takes. Halves what is in
    /// question with each try: of a thousand messages before and after, ten.
    fn with_less(
        &mut self,
        (whole, mut not_enough): (Portion, Tried),
        losses: &[Loss],
        is_enough: impl Fn(&Tried) -> bool,
    ) -> Result<(Portion, Tried), PackError> {
        let (mut too_few, mut enough) = (0, losses.len() + 1);
        let mut found = None;
        while too_few + 1 < enough {
            let count = too_few.midpoint(enough);
            let portion = whole.without(&losses[..count]);
            let tried = self.make(&portion)?;
            if is_enough(&tried) {
                (enough, found) = (count, Some((portion, tried)));
            } else {
                (too_few, not_enough) = (count, tried);
            }
        }
        found.ok_or_else(|| self.too_much(&not_enough))
    }

    /// Messages around those chosen; where none is chosen there are none around them.
    fn less_context(&self, portion: &Portion) -> Vec<Loss> {
        let count = if self.source.chosen.is_empty() { 0 } else { portion.context };
        (0..count).map(|_| Loss::Context).collect()
    }

    fn fewer_pictures(&self, portion: &Portion) -> Vec<Loss> {
        self.drawn(portion).into_iter().map(|(sha256, _)| Loss::Picture(sha256)).collect()
    }

    fn too_much(&self, tried: &Tried) -> PackError {
        let Limits { pages_max, bytes_max, .. } = self.limits;
        let taken = match tried {
            Tried::TooLong => format!("more than {pages_max} pages"),
            Tried::Set { bytes, pages } => format!("{pages} pages and {} bytes", bytes.len()),
        };
        PackError::TooMuch { profile: self.profile.as_str(), taken, pages_max, bytes_max }
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
        self.tries += 1;
        let pages_max = self.limits.pages_max;
        let setter = Typesetter::within(self.fonts, room_of(pages_max), self.is_wanted);
        let mut story = Story::new(source, &drawn, setter, &excerpts);
        story.add_front(&excerpts, portion.context, &embedded);
        for excerpt in &excerpts {
            story.add_conversation(excerpt);
        }
        story.add_left_out(&left_out);
        if !(self.is_wanted)() {
            return Err(EvidenceError::NobodyWaits.into());
        }
        let Story { setter, blocks, .. } = story;
        if setter.is_full() {
            return Ok(Tried::TooLong);
        }
        let pages = paginate(blocks);
        if pages.len() > pages_max {
            return Ok(Tried::TooLong);
        }
        let bytes = paint(&pages, source, &embedded, &mut Typesetter::new(self.fonts))?;
        Ok(Tried::Set { bytes, pages: pages.len() })
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

    fn packed(&self, (portion, document, pages): (Portion, Vec<u8>, usize)) -> Packed {
        let excerpts = self.excerpts(&portion);
        let limits = self.limits;
        let (mut left_out, bytes) = (self.left_out(&portion), document.len());
        let document =
            Named { name: "pack.pdf".to_string(), media_type: PDF.to_string(), bytes: document };
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
        Packed { files, report }
    }
}

impl Portion {
    fn without(&self, losses: &[Loss]) -> Portion {
        let mut less = self.clone();
        for loss in losses {
            match loss {
                Loss::File => less.files -= 1,
                Loss::Context => less.context -= 1,
                Loss::Picture(sha256) => {
                    less.without_pictures.insert(sha256.clone());
                }
            }
        }
        less
    }
}

impl Tried {
    fn fits(&self, limits: &Limits) -> bool {
        match self {
            Tried::TooLong => false,
            Tried::Set { bytes, .. } => bytes.len() <= limits.bytes_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use chrono_tz::Tz;

    use super::*;
    use crate::model::Micros;
    use crate::model::testing::record;

    /// A conversation of so many messages, of which every hundredth is chosen.
    fn source(messages: u64, context: usize, files: Vec<Named>) -> Source {
        let message = |number: u64| {
            record(
                number,
                format!(
                    r#"{{"id":"m{number}","conversation":"c","kind":"message","text":"message {number}: where is my order?","sender":{{"id":"u","role":"customer"}}}}"#
                ),
            )
        };
        let (id, records) = (Some("c".to_string()), (0..messages).map(message).collect());
        let conversation = Conversation { id, records, places: Vec::new() };
        let chosen = (0..messages).step_by(100).map(|number| ("c".into(), format!("m{number}")));
        Source {
            shop: "s".to_string(),
            case: "D-1".to_string(),
            order: None,
            conversations: vec![conversation],
            chosen: chosen.collect(),
            context,
            zone: Tz::UTC,
            made_at: Micros(0),
            made_by: "anna".to_string(),
            bundle_sha256: "ab".repeat(32),
            files,
            withheld: BTreeMap::new(),
            attachments: BTreeMap::new(),
        }
    }

    fn fonts() -> Fonts {
        Fonts::find(&[]).unwrap()
    }

    const ENDLESS: Bounds<'static> = Bounds { pages_max: usize::MAX, is_wanted: &|| true };

    /// The more pages it had too many, the smaller were its steps: of three hundred messages it made a document
    /// for each that was one shorter, for hours.
    #[test]
    fn few_documents_are_tried_however_much_is_asked_for() {
        let source = source(1_500, 1_000, Vec::new());
        let (packed, tries) = fitted(&source, Profile::Wave, &mut fonts(), ENDLESS).unwrap();
        assert!(tries <= 11, "{tries}");
        let Report { pages, context, .. } = packed.report;
        // One message more before and after each of fifteen takes two pages.
        assert!((15..=18).contains(&pages) && context > 0, "{pages} {context}");
    }

    #[test]
    fn files_go_before_messages_where_there_are_too_many_bytes() {
        // What cannot be made smaller.
        let random = |name: &str| Named {
            name: name.to_string(),
            media_type: "text/plain".to_string(),
            bytes: (0..1_500_000).map(|_| rand::random()).collect(),
        };
        let source = source(20, 3, vec![random("a"), random("b"), random("c")]);
        let (packed, tries) = fitted(&source, Profile::Shopify, &mut fonts(), ENDLESS).unwrap();
        let Report { embedded, context, left_out, .. } = packed.report;
        assert_eq!((embedded, context, left_out.len()), (vec!["a".to_string()], 3, 2));
        assert!(tries <= 4, "{tries}");
    }

    #[test]
    fn what_is_chosen_and_too_much_is_refused_after_a_few_pages() {
        let bounds = Bounds { pages_max: 1, ..ENDLESS };
        let refused = fitted(&source(5_000, 0, Vec::new()), Profile::Print, &mut fonts(), bounds);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("more than 1 pages"), "{refused}");
        assert!(refused.contains("`print` takes 1 pages"), "{refused}");
    }

    #[test]
    fn nothing_more_is_set_once_nobody_waits() {
        let asked = Cell::new(0);
        let is_wanted = || {
            asked.set(asked.get() + 1);
            asked.get() < 100
        };
        let bounds = Bounds { is_wanted: &is_wanted, ..ENDLESS };
        let source = source(1_500, 1_000, Vec::new());
        let gone = fitted(&source, Profile::Wave, &mut fonts(), bounds);
        assert!(matches!(gone, Err(PackError::Bundle(EvidenceError::NobodyWaits))));
        assert!(asked.get() <= 101, "{}", asked.get());
    }
}
