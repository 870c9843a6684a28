//! Which characters of a text a reader would not see, and which would move what stands around them.
//!
//! It changes no text and shows none: pages and the command line show such characters each in their
//! own way.

use icu_properties::CodePointSetData;
use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint};

/// One character of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Character {
    /// It shows as itself.
    Seen(char),
    /// It would go unseen, or reorder or move its neighbours.
    Hidden(char),
}

/// The characters of `text`, each judged between its neighbours.
pub fn characters(text: &str) -> impl Iterator<Item = Character> {
    let mut previous = None;
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        let char = rest.next()?;
        let hides = hides(previous, char, rest.peek().copied());
        previous = Some(char);
        Some(if hides { Character::Hidden(char) } else { Character::Seen(char) })
    })
}

/// A character by its number, as Unicode writes it: `U+202E`.
pub fn code_of(char: char) -> String {
    format!("U+{:04X}", u32::from(char))
}

/// What a hidden character is called.
pub fn name_of(char: char) -> &'static str {
    match char {
        '\u{ad}' => "soft hyphen",
        '\u{61c}' => "Arabic letter mark",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{200e}' => "left-to-right mark",
        '\u{200f}' => "right-to-left mark",
        '\u{202a}' => "left-to-right embedding",
        '\u{202b}' => "right-to-left embedding",
        '\u{202c}' => "pop directional formatting",
        '\u{202d}' => "left-to-right override: shows what follows in another order",
        '\u{202e}' => "right-to-left override: shows what follows in reverse order",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{2060}' => "word joiner",
        '\u{2066}' => "left-to-right isolate",
        '\u{2067}' => "right-to-left isolate",
        '\u{2068}' => "first strong isolate",
        '\u{2069}' => "pop directional isolate",
        '\u{feff}' => "zero width no-break space (byte order mark)",
        '\u{e0000}'..='\u{e007f}' => "tag character",
        _ if char.is_control() => "control character",
        _ => "invisible character",
    }
}

/// Whether `char`, standing between two others, would go unseen or would move what stands around
/// it.
fn hides(previous: Option<char>, char: char, next: Option<char>) -> bool {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    match char {
        '\n' | '\t' => false,
        // A carriage return before a line feed ends the line as people expect.
        '\r' => next != Some('\n'),
        // Joiners belong to emoji and to scripts whose letters change shape, and nowhere else.
        '\u{200c}' | '\u{200d}' => {
            !(previous.is_some_and(takes_joiner) && next.is_some_and(takes_joiner))
        }
        // Picks the shape of the character before it: emoji, keycaps, old forms of ideographs.
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            previous.is_none_or(|previous| previous.is_whitespace())
        }
        '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}' | '\u{2800}' => true,
        _ => {
            char.is_control()
                || ignorable.contains(char)
                || CodePointSetData::new::<BidiControl>().contains(char)
        }
    }
}

fn takes_joiner(char: char) -> bool {
    let ideograph_or_kana =
        matches!(char, '\u{3000}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{ff00}'..='\u{ffef}');
    !char.is_ascii() && !char.is_whitespace() && !ideograph_or_kana
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_hide_or_reorder_are_known() {
        let hidden =
            |text: &str| characters(text).filter(|one| matches!(one, Character::Hidden(_))).count();
        let hiding = [
            "pay \u{202e}001$",
            "re\u{200b}fund",
            "a\u{ad}b",
            "a\u{feff}",
            "退\u{200d}款",
            "a\u{200d}b",
            "\u{2066}x",
            "x\u{7}y",
            "a\rb",
            "\u{e0041}",
            "\u{fe0f}",
            "\u{3164}",
        ];
        for text in hiding {
            assert_eq!(hidden(text), 1, "{}", text.escape_unicode());
        }
        for text in [
            "line\nline\tcell\r\n",
            "👩\u{200d}🔧",
            "❤\u{fe0f} 1\u{fe0f}\u{20e3}",
            "می\u{200c}خواهم",
            "普通",
            "é",
            "نص",
        ] {
            assert_eq!(hidden(text), 0, "{}", text.escape_unicode());
        }
    }
}
