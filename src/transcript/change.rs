//! What an edit changed: `236 → 263`, not both texts again.
//!
//! It is a help for the eye. Both texts stand in full beside the message.

use super::fold::excerpt;

/// Most pieces of a text that are compared: × as many of the other × 2 bytes = 512 KiB, for a moment.
const PIECES_MAX: usize = 512;
/// Most places shown; an edit of more is a new text.
const PLACES_MAX: usize = 4;
/// What stands for nothing.
const NOTHING: &str = "∅";

/// Each place that differs, as it was and as it is; empty where nothing does.
pub(super) fn changed(before: &str, after: &str) -> Vec<(String, String)> {
    let (old, new) = (pieces(before), pieces(after));
    let whole = || vec![(shown(before), shown(after))];
    if old.len() > PIECES_MAX || new.len() > PIECES_MAX {
        return if before == after { Vec::new() } else { whole() };
    }
    let places = places(&old, &new);
    if places.len() > PLACES_MAX {
        return whole();
    }
    places.into_iter().map(|(before, after)| (shown(&before), shown(&after))).collect()
}

fn shown(text: &str) -> String {
    if text.is_empty() { NOTHING.to_string() } else { excerpt(text) }
}

/// Words and numbers whole, every other character alone.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if is_of_word(first) {
            rest.find(|char| !is_of_word(char)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (piece, behind) = rest.split_at(end);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

fn is_of_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '\u{c0}'..='\u{24f}')
}

/// The stretches between what both have in common, by the longest common sequence.
fn places(old: &[&str], new: &[&str]) -> Vec<(String, String)> {
    // longest[i][j]: pieces in common of old[i..] and new[j..].
    let width = new.len() + 1;
    let mut longest = vec![0_u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = if old[i] == new[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let mut places: Vec<(String, String)> = Vec::new();
    let (mut i, mut j, mut is_apart) = (0, 0, false);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j, is_apart) = (i + 1, j + 1, false);
            continue;
        }
        if !is_apart {
            places.push((String::new(), String::new()));
            is_apart = true;
        }
        let Some((before, after)) = places.last_mut() else { break };
        let is_gone = j == new.len()
            || (i < old.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1]);
        if is_gone {
            before.push_str(old[i]);
            i += 1;
        } else {
            after.push_str(new[j]);
            j += 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_in_few_words() {
        let check = |before: &str, after: &str, expected: &[(&str, &str)]| {
            let changed = changed(before, after);
            let changed: Vec<_> =
                changed.iter().map(|(before, after)| (before.as_str(), after.as_str())).collect();
            assert_eq!(changed, expected, "{before:?} → {after:?}");
        };
        check("退款金额是 236 元", "退款金额是 263 元", &[("236", "263")]);
        check("退 236 元，微信", "退 263 元，微信（抱歉）", &[("236", "263"), ("∅", "（抱歉）")]);
        check("we refund", "we do not refund", &[("∅", "do not ")]);
        check("same", "same", &[]);
        check("", "x", &[("∅", "x")]);
        check("x", "", &[("x", "∅")]);
        check("a b c d e f", "1 b 2 d 3 f", &[("a", "1"), ("c", "2"), ("e", "3")]);
        check("a b c d e", "1 2 3 4 5", &[("a b c d e", "1 2 3 4 5")]);
    }

    #[test]
    fn long_texts_are_not_compared_piece_by_piece() {
        let (before, after) = ("字".repeat(20_000), "词".repeat(20_000));
        let changed_places = changed(&before, &after);
        assert_eq!(changed_places.len(), 1);
        assert!(changed_places[0].0.chars().count() < 100);
        assert_eq!(changed(&before, &before), []);
    }
}
