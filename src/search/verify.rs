//! Whether a text contains what is looked for, and where. What the index proposes, this decides.

use std::cell::OnceCell;
use std::ops::Range;

use super::Mode;
use crate::index::{Folded, Sought, fold, fold_with_map, variants, variants_with_map};

/// A word or phrase, in the form in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needle {
    form: Form,
    sought: String,
}

/// The form of a text in which something is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    AsIs,
    Folded,
    /// Variants, with or without pauses.
    Variants {
        keeps_pauses: bool,
    },
}

/// A text, and its forms once they were needed.
pub(super) struct Haystack<'a> {
    text: &'a str,
    folded: OnceCell<String>,
    squeezed: OnceCell<String>,
    paused: OnceCell<String>,
}

impl<'a> Haystack<'a> {
    pub(super) fn new(text: &'a str) -> Haystack<'a> {
        Haystack {
            text,
            folded: OnceCell::new(),
            squeezed: OnceCell::new(),
            paused: OnceCell::new(),
        }
    }

    fn in_form(&self, form: Form) -> &str {
        match form {
            Form::AsIs => self.text,
            Form::Folded => self.folded.get_or_init(|| fold(self.text)),
            Form::Variants { keeps_pauses: false } => {
                self.squeezed.get_or_init(|| variants(self.text, false))
            }
            Form::Variants { keeps_pauses: true } => {
                self.paused.get_or_init(|| variants(self.text, true))
            }
        }
    }
}

impl Needle {
    pub(super) fn of(words: &str, mode: Mode) -> Needle {
        match mode {
            Mode::Exact => Needle { form: Form::AsIs, sought: words.to_string() },
            Mode::Folded => Needle { form: Form::Folded, sought: fold(words) },
            Mode::Variants => {
                let Sought { text, keeps_pauses } = Sought::of(words);
                Needle { form: Form::Variants { keeps_pauses }, sought: text }
            }
        }
    }

    /// Whether nothing is left to look for: an accent, where accents do not count.
    pub(super) fn is_empty(&self) -> bool {
        self.sought.is_empty()
    }

    /// Whether `text` contains it.
    pub(super) fn is_in(&self, text: &Haystack<'_>) -> bool {
        text.in_form(self.form).contains(&self.sought)
    }

    /// Where in `text` it stands: bytes of whole characters as people see them, ascending.
    pub(super) fn spans(&self, text: &str) -> Vec<Range<usize>> {
        if self.sought.is_empty() {
            return Vec::new();
        }
        let mapped = match self.form {
            Form::AsIs => {
                let found = text.match_indices(&self.sought);
                return found.map(|(from, _)| from..from + self.sought.len()).collect();
            }
            Form::Folded => fold_with_map(text),
            Form::Variants { keeps_pauses } => variants_with_map(text, keeps_pauses),
        };
        self.spans_in(&mapped)
    }

    fn spans_in(&self, mapped: &Folded) -> Vec<Range<usize>> {
        let found = mapped.text.match_indices(&self.sought);
        found.map(|(from, _)| mapped.original(from..from + self.sought.len())).collect()
    }
}

/// Spans in order, those that share bytes made one: two matches can meet inside one character as
/// people see it (`s` twice in `ß`), and two words inside one another.
pub(super) fn merged(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_bytes_of_the_original() {
        let check = |sought: &str, mode: Mode, text: &str, expected: &[&str]| {
            let needle = Needle::of(sought, mode);
            let shown: Vec<&str> =
                merged(needle.spans(text)).into_iter().map(|span| &text[span]).collect();
            assert_eq!(shown, expected, "{needle:?} in {text:?}");
            assert_eq!(needle.is_in(&Haystack::new(text)), !expected.is_empty());
        };
        let (exact, folded, variants) = (Mode::Exact, Mode::Folded, Mode::Variants);
        check("退款", folded, "请退款，退款！", &["退款", "退款"]);
        check(
            "refund",
            folded,
            "Refund ＲＥＦＵＮＤ re\u{200b}fund",
            &["Refund", "ＲＥＦＵＮＤ", "re\u{200b}fund"],
        );
        check("refund", exact, "Refund refund", &["refund"]);
        check("s", folded, "ß", &["ß"]);
        check("aa", folded, "aaa", &["aa"]);
        check("é", folded, "cafe\u{301}", &["e\u{301}"]);
        check("e", folded, "cafe\u{301}", &[]);
        check("e", exact, "cafe\u{301}", &["e"]);
        check("e", variants, "cafe\u{301}", &["e\u{301}"]);
        check("记录", variants, "聊天記錄、記 录", &["記錄", "記 录"]);
        check("记录", folded, "聊天記錄", &[]);
        check("退款吧。", variants, "退，款吧，好", &["退，款吧"]);
        check("sofia", variants, "Sofía Soﬁa", &["Sofía", "Soﬁa"]);
        check("，", variants, "退，款", &["，"]);
    }
}
