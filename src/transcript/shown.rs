//! Text of outside origin on a page: escaped, what was searched for marked, and every character
//! that could hide, reorder or fake what it says shown as a labelled chip. What a reader sees is
//! then what was stored.
//!
//! Invariant: the pieces' text, chips read as their characters, is the text that was given.
//! It does not judge look-alike letters: those are ordinary text.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::model::visible::{Character, characters, code_of, name_of};

/// A stretch of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Plain(String),
    /// What was searched for.
    Found(String),
    /// A character that would not be seen, by its number and name.
    Hidden {
        code: String,
        name: &'static str,
    },
}

/// Text ready for a page. Renders itself escaped, so that templates need no `safe`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = "{% for piece in pieces %}{% match piece %}\
              {% when Piece::Plain with (text) %}{{ text }}\
              {% when Piece::Found with (text) %}<mark>{{ text }}</mark>\
              {% when Piece::Hidden with { code, name } %}<span class=\"chip\" title=\"{{ name }}\">{{ code }}</span>\
              {% endmatch %}{% endfor %}"
)]
pub struct Shown {
    pub pieces: Vec<Piece>,
}

// Its template escapes what it shows.
impl HtmlSafe for Shown {}

impl Shown {
    /// `text` without marks.
    pub fn plain(text: &str) -> Shown {
        Shown::marked(text, &[])
    }

    /// `text` with the byte ranges `spans` marked. Ranges that do not lie on characters of the text
    /// are left out.
    pub fn marked(text: &str, spans: &[(usize, usize)]) -> Shown {
        let mut shown = Shown::default();
        let mut spans = spans.to_vec();
        spans.sort_unstable();
        let mut at = 0;
        for (from, to) in spans {
            let from = from.max(at);
            if let (Some(before), Some(found)) = (text.get(at..from), text.get(from..to))
                && !found.is_empty()
            {
                shown.add(before, Piece::Plain);
                shown.add(found, Piece::Found);
                at = to;
            }
        }
        shown.add(&text[at..], Piece::Plain);
        shown
    }

    /// As text alone, for titles and attributes: hidden characters by their codes.
    pub fn text(&self) -> String {
        let text_of = |piece: &Piece| match piece {
            Piece::Plain(text) | Piece::Found(text) => text.clone(),
            Piece::Hidden { code, .. } => format!("[{code}]"),
        };
        self.pieces.iter().map(text_of).collect()
    }

    /// Whether nothing would be seen.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn add(&mut self, text: &str, piece: impl Fn(String) -> Piece) {
        let mut run = String::new();
        for character in characters(text) {
            match character {
                Character::Seen(char) => run.push(char),
                Character::Hidden(char) => {
                    if !run.is_empty() {
                        self.pieces.push(piece(std::mem::take(&mut run)));
                    }
                    self.pieces.push(Piece::Hidden { code: code_of(char), name: name_of(char) });
                }
            }
        }
        if !run.is_empty() {
            self.pieces.push(piece(run));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str, spans: &[(usize, usize)]) -> String {
        Shown::marked(text, spans).to_string()
    }

    #[test]
    fn hostile_markup_stays_text() {
        let shown = html(r#"<script>alert('x')</script><img src=x onerror="y"> &amp;"#, &[(0, 8)]);
        assert!(
            !shown.contains("<script") && !shown.contains("<img") && !shown.contains('"'),
            "{shown}"
        );
        assert!(shown.starts_with("<mark>&#60;script&#62;</mark>"), "{shown}");
        assert!(shown.contains("&#38;amp;"), "{shown}");
    }

    #[test]
    fn marks_lie_where_the_spans_say_and_bad_spans_harm_nothing() {
        let text = "退款 refund 退款";
        assert_eq!(html(text, &[(0, 6), (14, 20)]), "<mark>退款</mark> refund <mark>退款</mark>");
        assert_eq!(html(text, &[(14, 20), (0, 6)]), "<mark>退款</mark> refund <mark>退款</mark>");
        assert_eq!(html(text, &[(0, 6), (3, 9)]), "<mark>退款</mark><mark> re</mark>fund 退款");
        for bad in [(1, 3), (0, 1), (5, 2), (90, 95), (0, 999), (4, 4)] {
            assert_eq!(html(text, &[bad]), text, "{bad:?}");
        }
    }

    #[test]
    fn characters_that_hide_or_reorder_are_shown() {
        let shown = html("pay \u{202e}001$", &[]);
        assert!(shown.contains(r#">U+202E</span>001$"#) && !shown.contains('\u{202e}'), "{shown}");
    }

    #[test]
    fn a_mark_over_a_hidden_character_keeps_both() {
        let text = "re\u{200b}fund now";
        let shown = html(text, &[(0, 9)]);
        assert!(
            shown.starts_with("<mark>re</mark><span") && shown.contains("<mark>fund</mark> now"),
            "{shown}"
        );
    }
}
