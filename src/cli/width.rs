//! How many columns of a terminal a text takes: Han, kana, Hangul and most emoji take two each.

use icu_properties::CodePointMapData;
use icu_properties::props::{EastAsianWidth, GeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

/// Asks for a picture where a character could be a letter.
const EMOJI_PRESENTATION: char = '\u{fe0f}';

/// Columns that `text` takes. It has no control characters: see [`super::shown`].
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(width_of_one).sum() }
}

/// As much of `text` as takes at most `columns`, the last of them an ellipsis where it is cut.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    let (mut cut, mut taken) = (String::new(), 0);
    for one in text.graphemes(true) {
        taken += width_of_one(one);
        if taken + 1 > columns {
            break;
        }
        cut.push_str(one);
    }
    cut + "…"
}

/// Of what a reader takes for one character.
fn width_of_one(grapheme: &str) -> usize {
    let Some(first) = grapheme.chars().next() else { return 0 };
    if grapheme.contains(EMOJI_PRESENTATION) {
        return 2;
    }
    match CodePointMapData::<EastAsianWidth>::new().get(first) {
        EastAsianWidth::Wide | EastAsianWidth::Fullwidth => 2,
        _ => match CodePointMapData::<GeneralCategory>::new().get(first) {
            GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => 0,
            _ => 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        for (text, columns) in [
            ("abc", 3),
            ("退款", 4),
            ("a退b", 4),
            ("ｱ", 1),
            ("（）", 4),
            ("한글", 4),
            ("e\u{301}", 1),
            ("👩\u{200d}🔧", 2),
            ("❤\u{fe0f}", 2),
            ("", 0),
        ] {
            assert_eq!(width(text), columns, "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("refund", 6), "refund");
        assert_eq!(cut("refund", 5), "refu…");
        assert_eq!(cut("退款申请", 8), "退款申请");
        assert_eq!(cut("退款申请", 7), "退款申…");
        assert_eq!(cut("退款申请", 6), "退款…");
        assert_eq!(cut("退款申请", 1), "…");
    }
}
