//! Text as lines of glyphs: fonts chosen character by character, both directions, long words broken.
//!
//! A character that no font has, or that nobody would see, becomes its number in a frame, and is still
//! that character for whoever copies or searches.
//!
//! Invariant: the glyphs of a line, in the order of the text, say the text of the line, every character
//! once, but for line ends.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use parley::layout::Alignment;
use parley::style::{FontFamily, FontFamilyName, LineHeight, OverflowWrap, StyleProperty};
use parley::{FontData, LayoutContext};

use super::fonts::{CHINESE_USUAL, Fonts};
use crate::model::visible::{Character, characters, code_of};

/// Height of a line, in sizes of its font.
const LINE_HEIGHT: f32 = 1.4;
/// Size of the number of a character that is not shown, beside the text around it.
const CODE_SIZE: f32 = 0.7;
/// A tab, in the text as it is set.
const TAB: &str = "    ";

/// How a paragraph looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) tone: Tone,
    pub(super) is_strong: bool,
}

/// How dark text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Black,
    Gray,
}

/// A line, ready to be drawn.
#[derive(Clone, Debug)]
pub(super) struct SetLine {
    pub(super) height: f32,
    /// From its top.
    pub(super) baseline: f32,
    pub(super) pieces: Vec<Piece>,
    pub(super) style: Style,
}

/// Glyphs of one font in a row.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) font: FontData,
    pub(super) size: f32,
    pub(super) x: f32,
    pub(super) width: f32,
    pub(super) glyphs: Vec<SetGlyph>,
    /// What `glyphs` say.
    pub(super) text: Rc<str>,
    /// They are the number of a character that is not shown.
    pub(super) is_framed: bool,
}

/// A glyph; lengths in sizes of the font.
#[derive(Clone, Debug)]
pub(super) struct SetGlyph {
    pub(super) id: u32,
    pub(super) advance: f32,
    pub(super) x: f32,
    pub(super) y: f32,
    /// Of the piece's text.
    pub(super) range: Range<usize>,
}

/// Sets text.
pub(super) struct Typesetter<'a> {
    fonts: &'a mut Fonts,
    layouts: LayoutContext<Ink>,
    /// Height of the lines that may be set still.
    room: f32,
    is_wanted: &'a dyn Fn() -> bool,
}

/// What a glyph is part of: of the text, or of the number of its n-th character that is not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Ink(Option<usize>);

/// A text as it is set: each character that is not shown stands as its number.
struct Shown {
    text: String,
    /// Where numbers stand, and for what.
    codes: Vec<(Range<usize>, Rc<str>)>,
}

impl<'a> Typesetter<'a> {
    pub(super) fn new(fonts: &'a mut Fonts) -> Typesetter<'a> {
        Typesetter::within(fonts, f32::INFINITY, &|| true)
    }

    /// Whether the fonts have Chinese.
    pub(super) fn has_chinese(&self) -> bool {
        self.fonts.has(CHINESE_USUAL)
    }

    /// One that sets lines of the height of `room` together and no more, for as long as they are wanted.
    pub(super) fn within(
        fonts: &'a mut Fonts,
        room: f32,
        is_wanted: &'a dyn Fn() -> bool,
    ) -> Typesetter<'a> {
        Typesetter { fonts, layouts: LayoutContext::new(), room, is_wanted }
    }

    /// Whether there was less room than was to be set.
    pub(super) fn is_full(&self) -> bool {
        self.room < 0.0
    }

    /// The lines of `text` at most `width` wide; none where there is no room left.
    pub(super) fn lines(&mut self, text: &str, style: Style, width: f32) -> Vec<SetLine> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            if !self.is_full() && !(self.is_wanted)() {
                self.room = f32::NEG_INFINITY;
            }
            if self.is_full() {
                break;
            }
            let shown = self.shown(paragraph.strip_suffix('\r').unwrap_or(paragraph));
            let set = self.lines_of(&shown, style, width);
            self.room -= set.iter().map(|line| line.height).sum::<f32>();
            lines.extend(set);
        }
        lines
    }

    fn shown(&self, paragraph: &str) -> Shown {
        let mut shown = Shown { text: String::with_capacity(paragraph.len()), codes: Vec::new() };
        for character in characters(paragraph) {
            match character {
                Character::Seen('\t') => shown.text.push_str(TAB),
                Character::Seen(char) if self.fonts.has(char) => shown.text.push(char),
                Character::Seen(char) | Character::Hidden(char) => {
                    let from = shown.text.len();
                    shown.text.push_str(&code_of(char));
                    shown.codes.push((from..shown.text.len(), Rc::from(char.to_string())));
                }
            }
        }
        shown
    }

    fn lines_of(&mut self, shown: &Shown, style: Style, width: f32) -> Vec<SetLine> {
        let height = style.size * LINE_HEIGHT;
        if shown.text.is_empty() {
            return vec![SetLine { height, baseline: style.size, pieces: Vec::new(), style }];
        }
        let families: Vec<FontFamilyName<'_>> = self
            .fonts
            .families
            .iter()
            .map(|name| FontFamilyName::Named(Cow::Borrowed(name.as_str())))
            .collect();
        let mut builder =
            self.layouts.ranged_builder(&mut self.fonts.context, &shown.text, 1.0, false);
        builder.push_default(StyleProperty::FontFamily(FontFamily::List(Cow::Owned(families))));
        builder.push_default(StyleProperty::FontSize(style.size));
        builder.push_default(StyleProperty::LineHeight(LineHeight::Absolute(height)));
        builder.push_default(StyleProperty::OverflowWrap(OverflowWrap::Anywhere));
        builder.push_default(StyleProperty::Brush(Ink(None)));
        for (number, (range, _)) in shown.codes.iter().enumerate() {
            builder.push(StyleProperty::Brush(Ink(Some(number))), range.clone());
            builder.push(StyleProperty::FontSize(style.size * CODE_SIZE), range.clone());
        }
        let mut layout = builder.build(&shown.text);
        layout.break_all_lines(Some(width));
        layout.align(Alignment::Start, Default::default());
        let whole: Rc<str> = Rc::from(shown.text.as_str());
        let lines = layout.lines().map(|line| {
            let metrics = line.metrics();
            SetLine {
                height,
                baseline: metrics.baseline - metrics.block_min_coord,
                pieces: pieces(&line, shown, &whole),
                style,
            }
        });
        lines.collect()
    }
}

/// The glyphs of a line from left to right, in pieces of one font and one meaning.
fn pieces(line: &parley::layout::Line<'_, Ink>, shown: &Shown, whole: &Rc<str>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut x = line.metrics().offset;
    for run in line.runs() {
        let (font, size) = (run.font().clone(), run.font_size());
        let mut last: Option<Ink> = None;
        for cluster in run.visual_clusters() {
            let range = cluster.text_range();
            if cluster.is_ligature_continuation() {
                // It has no glyph of its own.
                if let Some(glyph) = pieces.last_mut().and_then(|piece| piece.glyphs.last_mut()) {
                    glyph.range =
                        glyph.range.start.min(range.start)..glyph.range.end.max(range.end);
                }
                continue;
            }
            let ink = cluster.style().brush;
            for glyph in cluster.glyphs() {
                if last != Some(ink) {
                    last = Some(ink);
                    let code = ink.0.and_then(|number| shown.codes.get(number));
                    pieces.push(Piece {
                        font: font.clone(),
                        size,
                        x,
                        width: 0.0,
                        glyphs: Vec::new(),
                        text: code.map_or_else(|| whole.clone(), |(_, text)| text.clone()),
                        is_framed: code.is_some(),
                    });
                }
                if let Some(piece) = pieces.last_mut() {
                    let range = if piece.is_framed { 0..piece.text.len() } else { range.clone() };
                    piece.width += glyph.advance;
                    piece.glyphs.push(SetGlyph {
                        id: glyph.id,
                        advance: glyph.advance / size,
                        x: glyph.x / size,
                        y: glyph.y / size,
                        range,
                    });
                }
                x += glyph.advance;
            }
        }
    }
    pieces
}
