//! Labels, and which of them fit. Nobody here knows the reader's font: widths are those of a wide
//! one.
//!
//! Invariant: two labels seen at once do not overlap, nor does one leave the picture, in the
//! largest text either.

use super::{EM_NARROW, EM_WIDE, GAP, WIDTH, rounded};

/// Longest name under or beside an axis: 11 Latin letters, 7 Chinese ones. Titles have it whole.
pub(super) const TEXT_EM_MAX: f64 = 7.5;
/// Digits and most Latin letters in DejaVu Sans, the widest of the usual fonts.
const NARROW_EM: f64 = 0.64;
/// Height of a line that slants, along the axis: 1.1 / sin 45°.
const SLANTED_EM: f64 = 1.56;

#[derive(Clone, Debug)]
pub(super) struct Label {
    pub x: f64,
    pub y: f64,
    pub text: String,
    side: Side,
    /// It fits only where text is small; elsewhere the style sheet hides it.
    is_extra: bool,
}

/// On which side of what it labels a label stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Below,
    BelowSlanted,
    /// What an axis counts: it begins here, or ends here.
    Caption,
    CaptionRight,
}

impl Label {
    /// A figure at the left end of a line.
    pub(super) fn left(x: f64, y: f64, text: String) -> Label {
        Label::new(x, y, text, Side::Left).rounded()
    }

    /// A figure at the right end of a line.
    pub(super) fn right(x: f64, y: f64, text: String) -> Label {
        Label::new(x, y, text, Side::Right).rounded()
    }

    /// What an axis counts: at the very top, so that in the largest text it does not touch the highest tick.
    pub(super) fn caption(text: String) -> Label {
        Label::new(0.0, 0.0, text, Side::Caption)
    }

    /// The same of the axis at the right.
    pub(super) fn caption_right(text: String) -> Label {
        Label::new(WIDTH, 0.0, text, Side::CaptionRight)
    }

    /// The class that aligns it.
    pub(super) fn class(&self) -> &'static str {
        match (self.side, self.is_extra) {
            (Side::Left, _) => "left",
            (Side::Right, _) => "right",
            (Side::Caption, _) => "caption",
            (Side::CaptionRight, _) => "caption end",
            (Side::Below, false) => "below",
            (Side::Below, true) => "below extra",
            (Side::BelowSlanted, false) => "slanted",
            (Side::BelowSlanted, true) => "slanted extra",
        }
    }

    pub(super) fn is_slanted(&self) -> bool {
        self.side == Side::BelowSlanted
    }

    fn new(x: f64, y: f64, text: String, side: Side) -> Label {
        Label { x, y, text, side, is_extra: false }
    }

    fn rounded(self) -> Label {
        Label { x: rounded(self.x), y: rounded(self.y), ..self }
    }
}

/// Labels under an axis at the height `y`, from left to right: those that fit in the largest text,
/// and more that fit in the smallest.
pub(super) fn below(places: Vec<(f64, String)>, y: f64, slanted: bool) -> Vec<Label> {
    let side = if slanted { Side::BelowSlanted } else { Side::Below };
    let all: Vec<Label> =
        places.into_iter().map(|(x, text)| Label::new(x, y, text, side)).collect();
    let in_small_text = fitting(all, EM_WIDE);
    let in_large_text = fitting(in_small_text.clone(), EM_NARROW);
    let is_extra = |label: &Label| !in_large_text.iter().any(|other| other.x == label.x);
    in_small_text
        .into_iter()
        .map(|label| Label { is_extra: is_extra(&label), ..label.rounded() })
        .collect()
}

/// Every so-many-th label, such that none touches the next in text of `em`. On an even axis they
/// are evenly spread.
fn fitting(all: Vec<Label>, em: f64) -> Vec<Label> {
    let widest = all.iter().map(|label| text_em(&label.text)).fold(0.0, f64::max);
    let mut end = f64::NEG_INFINITY;
    let mut fitting = Vec::new();
    for label in all {
        let half = text_em(&label.text) * em / 2.0;
        let (distance, inside) = if label.is_slanted() {
            // The axis has made room for the first of them.
            (SLANTED_EM * em, true)
        } else {
            (widest * em + GAP, label.x >= half && label.x + half <= WIDTH)
        };
        if inside && label.x >= end {
            end = label.x + distance;
            fitting.push(label);
        }
    }
    fitting
}

/// The width of `text` in ems, rather too wide than too narrow.
pub(super) fn text_em(text: &str) -> f64 {
    let is_narrow = |char: char| char.is_ascii() && !"%@mwMW".contains(char);
    text.chars().map(|char| if is_narrow(char) { NARROW_EM } else { 1.0 }).sum()
}

/// As much of `text` as `em_max` holds, with `…` where it is cut.
pub(super) fn shortened(text: &str, em_max: f64) -> String {
    if text_em(text) <= em_max {
        return text.to_string();
    }
    let mut shortened = String::new();
    for char in text.chars() {
        shortened.push(char);
        if text_em(&shortened) > em_max - 1.0 {
            shortened.pop();
            break;
        }
    }
    format!("{}…", shortened.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where each label begins and ends in text of `em`.
    fn spans(labels: &[Label], em: f64) -> Vec<(f64, f64)> {
        let span = |label: &Label| {
            let half = text_em(&label.text) * em / 2.0;
            (label.x - half, label.x + half)
        };
        labels.iter().map(span).collect()
    }

    #[test]
    fn labels_never_overlap_or_leave_the_picture_and_are_evenly_spread() {
        for count in [1_u32, 2, 7, 14, 30, 90, 366, 3_660] {
            let slot = 500.0 / f64::from(count);
            let places = (0..count).map(|index| {
                (80.0 + slot * (f64::from(index) + 0.5), format!("{} Jan", index % 31 + 1))
            });
            let labels = below(places.collect(), 0.0, false);
            let in_large_text: Vec<Label> =
                labels.iter().filter(|label| !label.is_extra).cloned().collect();
            assert!(!in_large_text.is_empty() && in_large_text.len() <= labels.len(), "{count}");
            for (labels, em) in [(&labels, EM_WIDE), (&in_large_text, EM_NARROW)] {
                let spans = spans(labels, em);
                assert!(spans.windows(2).all(|pair| pair[0].1 + 1.0 < pair[1].0), "{count} {em}");
                assert!(spans.iter().all(|span| span.0 >= 0.0 && span.1 <= WIDTH), "{count} {em}");
                let steps: Vec<f64> = labels.windows(2).map(|pair| pair[1].x - pair[0].x).collect();
                let even = steps.iter().all(|step| (step - steps[0]).abs() < slot * 0.5 + 0.3);
                assert!(even, "{count} {em}: {steps:?}");
            }
        }
    }

    #[test]
    fn long_names_are_cut_to_the_same_width_in_every_script() {
        assert_eq!(shortened("agent-lin", TEXT_EM_MAX), "agent-lin");
        assert_eq!(shortened("broken on arrival", TEXT_EM_MAX), "broken on…");
        assert_eq!(shortened("商品到货时已经破损", TEXT_EM_MAX), "商品到货时已…");
    }
}
