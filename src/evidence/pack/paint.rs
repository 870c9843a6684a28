//! Pages as a PDF/A-3u, with the files of the bundle inside.
//!
//! Invariant: the same pages, files and times make the same bytes.

use std::collections::HashMap;

use chrono::{Datelike, Timelike};
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use krilla::{Document, SerializeSettings};

use super::paginate::{PAGE_HEIGHT, PAGE_WIDTH, PlacedPage};
use super::story::{MARGIN, TEXT_WIDTH};
use super::typeset::{Piece, SetLine, Style, Tone, Typesetter};
use super::{Named, PackError, Source};
use crate::model::Micros;

const BLACK: u8 = 0;
const GRAY: u8 = 95;
/// What makes a stroke of text strong, in sizes of its font.
const STRONG: f32 = 0.028;
const RUNNING: Style = Style { size: 7.5, tone: Tone::Gray, is_strong: false };
/// Baselines of what stands on every page.
const HEAD_Y: f32 = 40.0;
const FOOT_Y: f32 = PAGE_HEIGHT - 48.0;

/// Fonts as the PDF has them, by those they are of.
type KnownFonts = HashMap<(u64, u32), Font>;

/// The document.
pub(super) fn paint(
    pages: &[PlacedPage],
    source: &Source,
    embedded: &[&Named],
    setter: &mut Typesetter<'_>,
) -> Result<Vec<u8>, PackError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A3_U)
        .finish()
        .map_err(|error| PackError::Pdf(format!("{error:?}")))?;
    let settings =
        SerializeSettings { configuration, enable_tagging: false, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    document.set_metadata(metadata(source));
    for file in embedded {
        document.embed_file(embedded_file(file, source.made_at)?);
    }
    let mut fonts = KnownFonts::new();
    for (number, placed) in pages.iter().enumerate() {
        let settings = PageSettings::from_wh(PAGE_WIDTH, PAGE_HEIGHT)
            .ok_or_else(|| PackError::Pdf("a page has no size".to_string()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for (x, top, bottom) in &placed.bars {
            fill(&mut surface, BLACK, (*x, *top, 2.5, bottom - top));
        }
        for (x, y, right) in &placed.rules {
            fill(&mut surface, GRAY, (*x, *y, right - x, 0.5));
        }
        for (x, y, picture) in &placed.pictures {
            let size = Size::from_wh(picture.width, picture.height)
                .ok_or_else(|| PackError::Pdf("a picture has no size".to_string()))?;
            surface.push_transform(&Transform::from_translate(*x, *y));
            surface.draw_image(picture.image.clone(), size);
            surface.pop();
        }
        for (x, y, line) in &placed.lines {
            draw(&mut surface, &mut fonts, (*x, *y), line)?;
        }
        running(&mut surface, &mut fonts, setter, source, (number + 1, pages.len()))?;
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| PackError::Pdf(format!("{error:?}")))
}

/// What stands on every page: what this is, the bundle's hash, which page of how many.
fn running(
    surface: &mut Surface<'_>,
    fonts: &mut KnownFonts,
    setter: &mut Typesetter<'_>,
    source: &Source,
    (page, of): (usize, usize),
) -> Result<(), PackError> {
    let order = source.order.as_ref().map(|order| format!(" · order {order}"));
    let head = format!(
        "Transcript of after-sales chat · case {} · shop {}{}",
        source.case,
        source.shop,
        order.unwrap_or_default()
    );
    let number = format!("{page} / {of}");
    let hash = format!("Bundle SHA-256 {}", source.bundle_sha256);
    let mut first = |text: &str, width: f32| setter.lines(text, RUNNING, width).into_iter().next();
    if let Some(line) = first(&head, TEXT_WIDTH) {
        draw(surface, fonts, (MARGIN, HEAD_Y), &line)?;
    }
    if let Some(line) = first(&hash, TEXT_WIDTH) {
        draw(surface, fonts, (MARGIN, FOOT_Y), &line)?;
    }
    if let Some(line) = first(&number, TEXT_WIDTH) {
        let width: f32 = line.pieces.iter().map(|piece| piece.width).sum();
        draw(surface, fonts, (MARGIN + TEXT_WIDTH - width, FOOT_Y), &line)?;
    }
    fill(surface, GRAY, (MARGIN, HEAD_Y + 14.0, TEXT_WIDTH, 0.5));
    fill(surface, GRAY, (MARGIN, FOOT_Y - 6.0, TEXT_WIDTH, 0.5));
    Ok(())
}

/// Draws a line with its top left corner there.
fn draw(
    surface: &mut Surface<'_>,
    fonts: &mut KnownFonts,
    (x, y): (f32, f32),
    line: &SetLine,
) -> Result<(), PackError> {
    let gray = match line.style.tone {
        Tone::Black => BLACK,
        Tone::Gray => GRAY,
    };
    for piece in &line.pieces {
        let font = font_of(fonts, piece)?;
        let glyphs: Vec<KrillaGlyph> = piece
            .glyphs
            .iter()
            .map(|glyph| {
                let id = GlyphId::new(glyph.id);
                let range = glyph.range.clone();
                KrillaGlyph::new(id, glyph.advance, glyph.x, glyph.y, 0.0, range, None)
            })
            .collect();
        if piece.is_framed {
            frame(surface, gray, (x + piece.x, y), line, piece);
        }
        surface.set_fill(Some(filled(gray)));
        let width = line.style.size * STRONG;
        let paint = rgb::Color::new(gray, gray, gray).into();
        let stroke = Stroke { paint, width, ..Stroke::default() };
        surface.set_stroke(Some(stroke).filter(|_| line.style.is_strong));
        let start = Point::from_xy(x + piece.x, y + line.baseline);
        surface.draw_glyphs(start, &glyphs, font, &piece.text, piece.size, false);
        surface.set_stroke(None);
    }
    Ok(())
}

fn font_of(fonts: &mut KnownFonts, piece: &Piece) -> Result<Font, PackError> {
    let key = (piece.font.data.id(), piece.font.index);
    if let Some(font) = fonts.get(&key) {
        return Ok(font.clone());
    }
    let (data, _) = piece.font.data.clone().into_raw_parts();
    let font = Font::new(data.into(), piece.font.index);
    let font = font.ok_or_else(|| PackError::Pdf("a font cannot be embedded".to_string()))?;
    fonts.insert(key, font.clone());
    Ok(font)
}

/// A frame around a number that stands for a character.
fn frame(surface: &mut Surface<'_>, gray: u8, (x, y): (f32, f32), line: &SetLine, piece: &Piece) {
    let (top, bottom) = (y + line.baseline - piece.size, y + line.baseline + piece.size * 0.28);
    let (left, right) = (x + 0.3, x + piece.width - 0.3);
    let thin = 0.5;
    for rect in [
        (left, top, right - left, thin),
        (left, bottom, right - left, thin),
        (left, top, thin, bottom - top),
        (right - thin, top, thin, bottom - top + thin),
    ] {
        fill(surface, gray, rect);
    }
}

/// A filled rectangle: left, top, width, height.
fn fill(surface: &mut Surface<'_>, gray: u8, (x, y, width, height): (f32, f32, f32, f32)) {
    let mut path = PathBuilder::new();
    let Some(rect) = Rect::from_xywh(x, y, width, height) else { return };
    path.push_rect(rect);
    if let Some(path) = path.finish() {
        surface.set_fill(Some(filled(gray)));
        surface.draw_path(&path);
    }
}

fn filled(gray: u8) -> Fill {
    let paint = rgb::Color::new(gray, gray, gray).into();
    Fill { paint, opacity: NormalizedF32::ONE, rule: Default::default() }
}

fn metadata(source: &Source) -> Metadata {
    Metadata::new()
        .title(format!("Transcript of after-sales chat, case {}", source.case))
        .description(format!("Bundle SHA-256 {}", source.bundle_sha256))
        .creator(format!("verbatim {}", env!("CARGO_PKG_VERSION")))
        .language("en".to_string())
        .creation_date(date(source.made_at))
        .document_id(source.bundle_sha256.clone())
}

fn embedded_file(file: &Named, made_at: Micros) -> Result<EmbeddedFile, PackError> {
    let media_type = MimeType::new(&file.media_type);
    let media_type = media_type.or_else(|| MimeType::new("application/octet-stream"));
    Ok(EmbeddedFile {
        path: file.name_inside(),
        mime_type: media_type,
        description: Some(format!("{} of the evidence bundle", file.name)),
        association_kind: AssociationKind::Source,
        data: file.bytes.clone().into(),
        modification_date: Some(date(made_at)),
        compress: Some(true),
        location: None,
    })
}

fn date(at: Micros) -> DateTime {
    let at = at.datetime();
    // Years are from 1970 to 9999, and all else is small.
    DateTime::new(at.year() as u16)
        .month(at.month() as u8)
        .day(at.day() as u8)
        .hour(at.hour() as u8)
        .minute(at.minute() as u8)
        .second(at.second() as u8)
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}
