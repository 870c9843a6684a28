//! The fonts that set a pack: those named, or those found where systems have them. None comes with
//! verbatim: one that has all of Chinese takes 5 to 20 MB.
//!
//! Invariant: which fonts are used, and in which order, follows from what is named and what lies at the
//! known places, from nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use parley::FontContext;
use parley::fontique::{Blob, Collection, CollectionOptions, SourceCache};

use super::PackError;

/// Where fonts lie that have Latin and Chinese, best looking first: Debian's `fonts-noto-cjk`,
/// `fonts-wqy-microhei`, `fonts-wqy-zenhei`, and what other systems call them.
const CHINESE: &[&str] = &[
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/wenquanyi/wqy-microhei/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf",
    "/System/Library/Fonts/PingFang.ttc",
];
/// Where fonts lie that have other scripts, or the Latin that one of the above lacks.
const OTHERS: &[&str] = &[
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSansHebrew-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSansThai-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSansDevanagari-Regular.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
];
/// How families are called that have the forms of simplified Chinese, where a file has others too.
const PREFERRED: &str = " SC";
/// Largest font file read: Noto's whole CJK collection has 19 MB.
const FONT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// In every text that is Chinese at all.
pub(super) const CHINESE_USUAL: char = '的';

/// The fonts, ready to set text.
pub struct Fonts {
    pub(super) context: FontContext,
    /// Families in the order in which a character is looked for.
    pub(super) families: Vec<String>,
    /// What each of them has.
    charmaps: Vec<(Blob<u8>, parley::fontique::CharmapIndex)>,
}

impl Fonts {
    /// The fonts in the files `named`, or with none of these, what is found.
    pub fn find(named: &[PathBuf]) -> Result<Fonts, PackError> {
        let mut fonts = Fonts::none();
        for path in named {
            let added = fonts.add(path);
            added.map_err(|reason| PackError::BadFont { path: path.clone(), reason })?;
        }
        let known = |places: &[&str]| -> Vec<PathBuf> {
            places.iter().map(PathBuf::from).filter(|path| path.is_file()).collect()
        };
        if named.is_empty() {
            // One of them: they have the same characters, and a text in two of them looks patched.
            for path in known(CHINESE) {
                if fonts.add(&path).is_ok() {
                    break;
                }
            }
        }
        for path in known(OTHERS) {
            // One that is damaged is as good as none.
            let _ = fonts.add(&path);
        }
        if !(' '..='~').all(|char| fonts.has(char)) {
            return Err(PackError::NoFont { script: "any", package: "fonts-wqy-microhei" });
        }
        Ok(fonts)
    }

    fn none() -> Fonts {
        let options = CollectionOptions { shared: false, system_fonts: false };
        let context = FontContext {
            collection: Collection::new(options),
            source_cache: SourceCache::default(),
        };
        Fonts { context, families: Vec::new(), charmaps: Vec::new() }
    }

    /// Adds one family of a file: of those that hold one for each country, the one for this.
    fn add(&mut self, path: &Path) -> Result<(), String> {
        let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
        if bytes > FONT_BYTES_MAX {
            return Err(format!("it has {bytes} bytes, at most {FONT_BYTES_MAX} are read"));
        }
        let blob = Blob::from(fs::read(path).map_err(|error| error.to_string())?);
        let registered = self.context.collection.register_fonts(blob.clone(), None);
        let mut found = Vec::new();
        for (family, fonts) in &registered {
            let name = self.context.collection.family_name(*family).unwrap_or_default();
            let is_preferred = name.ends_with(PREFERRED);
            let fonts = fonts.iter();
            found.extend(fonts.map(|font| (!is_preferred, font.index(), name.to_string(), font)));
        }
        let first = found.into_iter().min_by_key(|(other, index, ..)| (*other, *index));
        let Some((_, _, name, font)) = first else { return Err("it is no font".to_string()) };
        self.charmaps.push((blob, font.charmap_index()));
        self.families.push(name);
        Ok(())
    }

    /// Whether some font has a glyph for `char`.
    pub(super) fn has(&self, char: char) -> bool {
        let maps = |(blob, index): &(Blob<u8>, parley::fontique::CharmapIndex)| {
            let charmap = index.charmap(blob.data());
            charmap.and_then(|charmap| charmap.map(char)).is_some_and(|glyph| glyph != 0)
        };
        self.charmaps.iter().any(maps)
    }

    /// Refuses to set `texts` where all of their Chinese would be boxes.
    pub(super) fn require_for<'a>(
        &self,
        mut texts: impl Iterator<Item = &'a str>,
    ) -> Result<(), PackError> {
        let is_chinese =
            |text: &str| text.chars().any(|char| ('\u{4e00}'..='\u{9fff}').contains(&char));
        if !self.has(CHINESE_USUAL) && texts.any(is_chinese) {
            return Err(PackError::NoFont { script: "Chinese", package: "fonts-wqy-microhei" });
        }
        Ok(())
    }
}
