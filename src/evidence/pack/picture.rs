//! Pictures that were sent along, as a page shows them.

use krilla::Document;
use krilla::geom::Size;
use krilla::image::Image;

use crate::model::unless_panicked;
use crate::relay::media_type_of;

/// Largest picture that is decoded: × 4 bytes = 160 MB. A few bytes can claim to be a gigapixel.
const PIXELS_MAX: u64 = 40_000_000;
/// Points a pixel, where it is not scaled: 96 pixels an inch.
const POINTS_A_PIXEL: f32 = 0.75;

/// A picture that can be drawn, and its size on the page.
#[derive(Clone)]
pub(super) struct Picture {
    pub(super) image: Image,
    pub(super) width: f32,
    pub(super) height: f32,
}

/// The picture that `bytes` are, at most so large; or why it cannot be shown.
pub(super) fn picture(bytes: &[u8], width_max: f32, height_max: f32) -> Result<Picture, String> {
    // Decoders are fed with whatever customers send.
    let read = unless_panicked(|| {
        let image = image_of(bytes)?;
        let (width, height) = image.size();
        if u64::from(width) * u64::from(height) > PIXELS_MAX {
            return Err(format!("it has {width} × {height} pixels"));
        }
        if is_four_coloured(bytes) {
            return Err("its colours are those of a printing press (CMYK)".to_string());
        }
        // What is behind its head is read when it is drawn.
        let mut document = Document::new();
        let mut page = document.start_page();
        let mut surface = page.surface();
        let size = Size::from_wh(1.0, 1.0).ok_or("it has no size")?;
        surface.draw_image(image.clone(), size);
        surface.finish();
        page.finish();
        document.finish().map_err(|_| "it cannot be decoded".to_string())?;
        Ok(image)
    });
    let image = read.unwrap_or_else(|_| Err("it cannot be decoded".to_string()))?;
    let (width, height) = image.size();
    let (width, height) = (width as f32 * POINTS_A_PIXEL, height as f32 * POINTS_A_PIXEL);
    let scale = (width_max / width).min(height_max / height).min(1.0);
    Ok(Picture { image, width: width * scale, height: height * scale })
}

fn image_of(bytes: &[u8]) -> Result<Image, String> {
    let data = bytes.to_vec().into();
    match media_type_of(bytes.get(..16).unwrap_or(bytes)) {
        "image/png" => Image::from_png(data, false),
        "image/jpeg" => Image::from_jpeg(data, false),
        "image/gif" => Image::from_gif(data, false),
        "image/webp" => Image::from_webp(data, false),
        _ => Err("it is no PNG, JPEG, GIF or WebP".to_string()),
    }
}

/// Whether a JPEG has four colours, for which PDF/A wants a profile: as its frame header says.
fn is_four_coloured(bytes: &[u8]) -> bool {
    let mut rest = match bytes {
        [0xff, 0xd8, rest @ ..] => rest,
        _ => return false,
    };
    while let [0xff, marker, high, low, after @ ..] = rest {
        // Frames, but for the tables that stand between them in numbers.
        if (0xc0..=0xcf).contains(marker) && ![0xc4, 0xc8, 0xcc].contains(marker) {
            return after.get(5) == Some(&4);
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        match rest.get(2 + length..) {
            Some(next) if length >= 2 => rest = next,
            _ => return false,
        }
    }
    false
}
