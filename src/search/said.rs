//! What an answer says in sentences, the same on pages and on the command line: to be quoted.

use chrono_tz::Tz;

use super::answer::{LookedAt, SearchAnswer, WordCount};
use crate::model::Micros;

/// That nothing was found, to be quoted: every sentence stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negative {
    /// What was looked at in vain, and for what.
    pub none: String,
    /// How many messages have each word alone; empty where one word was asked for.
    pub words: String,
    /// What could not be looked at.
    pub not_searched: String,
}

/// An instant in `zone` with its distance from UTC: `2026-11-13 02:13:20 +08:00`.
pub fn shown_time(at: Micros, zone: Tz) -> String {
    at.datetime().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %:z").to_string()
}

impl SearchAnswer {
    /// That nothing was found; none where something was. Times are those of `zone`.
    pub fn negative(&self, zone: Tz) -> Option<Negative> {
        let looked = self.looked_at.as_ref()?;
        Some(Negative {
            none: self.none(looked, zone),
            words: self.word_by_word(),
            not_searched: not_searched(looked),
        })
    }

    fn none(&self, looked: &LookedAt, zone: Tz) -> String {
        let until = looked.received_until.map_or_else(String::new, |until| {
            format!(", received until {},", shown_time(until, zone))
        });
        let filters = match self.filters.as_slice() {
            [] => String::new(),
            filters => format!(" ({})", filters.join(", ")),
        };
        let sought = match self.query.trim() {
            "" => "is there".to_string(),
            query => format!("matches {query}, {}", self.mode.ignores()),
        };
        format!(
            "None of {} in {} of shop {}{filters}{until} {sought}. Complete to offset {}.",
            counted(looked.messages, "message"),
            counted(looked.conversations, "conversation"),
            self.shop,
            self.complete_to,
        )
    }

    fn word_by_word(&self) -> String {
        let count =
            |word: &WordCount| format!("{}: {}", word.text, counted(word.messages, "message"));
        match self.words.as_slice() {
            [] => String::new(),
            words => {
                let counts: Vec<String> = words.iter().map(count).collect();
                format!("Word by word: {}; none is as asked.", counts.join(", "))
            }
        }
    }
}

fn not_searched(looked: &LookedAt) -> String {
    let without = match looked.without_text {
        0 => String::new(),
        count => format!(" {} had attachments and no text.", counted(count, "more message")),
    };
    format!("What is in pictures, voice messages and files is not searched.{without}")
}

/// `1,616 messages`, `1 message`.
pub(super) fn counted(count: u64, what: &str) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Offset, parse_time};
    use crate::search::Mode;

    #[test]
    fn nothing_found_is_said_to_be_quoted() {
        let zone = chrono_tz::Asia::Shanghai;
        let word = |text: &str, messages| WordCount { text: text.to_string(), messages };
        let answer = SearchAnswer {
            shop: "demo".to_string(),
            query: "428 1月9日".to_string(),
            filters: vec!["order FL2*".to_string()],
            mode: Mode::Exact,
            zone,
            complete_to: Offset(2_084),
            total: 0,
            matches: Vec::new(),
            more_matches: 0,
            conversations: Vec::new(),
            next: None,
            looked_at: Some(LookedAt {
                messages: 1_616,
                without_text: 1,
                conversations: 127,
                received_until: parse_time("2026-11-24T06:32:32Z"),
            }),
            words: vec![word("428", 6), word("1月9日", 1)],
        };
        let Negative { none, words, not_searched } = answer.negative(zone).unwrap();
        assert_eq!(
            none,
            "None of 1,616 messages in 127 conversations of shop demo (order FL2*), received until \
             2026-11-24 14:32:32 +08:00, matches 428 1月9日, exactly as written. Complete to offset 2084."
        );
        assert_eq!(words, "Word by word: 428: 6 messages, 1月9日: 1 message; none is as asked.");
        assert!(not_searched.ends_with("1 more message had attachments and no text."));
        assert_eq!(counted(1_000_000, "x"), "1,000,000 xs");
    }
}
