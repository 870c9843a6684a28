//! Text of outside origin on a terminal: it must neither move the cursor nor reorder the line
//! around it, so characters that would are shown by number.

use crate::model::visible::{Character, characters, code_of};

/// `text` as a terminal may show it, with `line_break` where its lines end.
pub(super) fn shown(text: &str, line_break: &str) -> String {
    let mut shown = String::new();
    for character in characters(text) {
        match character {
            Character::Seen('\n') => shown.push_str(line_break),
            Character::Seen('\t') => shown.push(' '),
            // It is seen as a part of the line's end only.
            Character::Seen('\r') => {}
            Character::Seen(char) => shown.push(char),
            Character::Hidden(char) => shown.push_str(&format!("<{}>", code_of(char))),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor_or_turns_the_line() {
        let cases = [
            ("\u{1b}[2Jgone\u{9b}1A", "<U+001B>[2Jgone<U+009B>1A"),
            ("pay \u{202e}001$", "pay <U+202E>001$"),
            ("over\rwritten", "over<U+000D>written"),
            ("one\r\ntwo\tthree", "one|two three"),
            ("👩\u{200d}🔧 re\u{200b}fund", "👩\u{200d}🔧 re<U+200B>fund"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text, "|"), expected);
        }
    }
}
