//! What an answer says in sentences, the same on pages and on the command line: to be quoted.

use chrono_tz::Tz;

use super::answer::{LookedAt, Looser, SearchAnswer, UnknownFilter, WordCount};
use super::language::FieldName;
use crate::model::Micros;

/// That nothing was found, to be quoted: every sentence stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negative {
    /// What was looked at in vain, and for what.
    pub none: String,
    /// How many messages have each word alone; empty where one word was asked for.
    pub words: String,
    /// How many a looser mode finds; empty where there is none.
    pub looser: String,
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
            looser: self.looser.as_ref().map(looser).unwrap_or_default(),
            not_searched: not_searched(looked),
        })
    }

    /// That filters choose nothing, in the place of a negative; none where all choose something. Nothing to
    /// be quoted: they may be mistyped.
    pub fn unknown_filters(&self) -> Option<String> {
        let said: Vec<String> =
            self.unknown.iter().map(|unknown| unknown_filter(unknown, &self.shop)).collect();
        (!said.is_empty())
            .then(|| format!("{} Complete to offset {}.", said.join(" "), self.complete_to))
    }

    /// What was taken as text though it looks like a field; none where nothing was.
    pub fn no_fields(&self) -> Option<String> {
        let names: Vec<String> =
            self.taken_as_text.iter().map(|name| format!("`{name}`")).collect();
        match names.as_slice() {
            [] => None,
            [name] => Some(format!("{name} is no field; taken as text.")),
            names => Some(format!("{} are no fields; taken as text.", names.join(", "))),
        }
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
        let erased = match looked.erased {
            0 => String::new(),
            1 => "; 1 more was erased and cannot be searched".to_string(),
            more => format!("; {} more were erased and cannot be searched", grouped(more)),
        };
        format!(
            "None of {} in {} of shop {}{filters}{until} {sought}{erased}. Complete to offset {}.",
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

fn looser(looser: &Looser) -> String {
    let ignores = looser.mode.ignores();
    match looser.messages {
        0 => format!("Nor does any, {ignores}."),
        1 => format!("1 message does, {ignores}."),
        more => format!("{} do, {ignores}.", counted(more, "message")),
    }
}

fn unknown_filter(unknown: &UnknownFilter, shop: &str) -> String {
    let UnknownFilter { filter, value } = unknown;
    match filter {
        FieldName::Conversation => format!("There is no conversation {value} in shop {shop}."),
        FieldName::Category => format!("No conversation of shop {shop} is tagged {value}."),
        filter => {
            format!("No conversation of shop {shop} names {} {value}.", <&str>::from(*filter))
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
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `1,616`
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
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
                erased: 1_007,
                conversations: 127,
                received_until: parse_time("2026-11-24T06:32:32Z"),
            }),
            words: vec![word("428", 6), word("1月9日", 1)],
            looser: Some(Looser { mode: Mode::Folded, messages: 1 }),
            unknown: Vec::new(),
            taken_as_text: Vec::new(),
        };
        let Negative { none, words, looser, not_searched } = answer.negative(zone).unwrap();
        assert_eq!(
            none,
            "None of 1,616 messages in 127 conversations of shop demo (order FL2*), received until \
             2026-11-24 14:32:32 +08:00, matches 428 1月9日, exactly as written; \
             1,007 more were erased and cannot be searched. Complete to offset 2084."
        );
        let ignored = "whatever the case, the width and invisible characters";
        assert_eq!(looser, format!("1 message does, {ignored}."));
        assert_eq!(words, "Word by word: 428: 6 messages, 1月9日: 1 message; none is as asked.");
        assert!(not_searched.ends_with("1 more message had attachments and no text."));
        assert_eq!(counted(1_000_000, "x"), "1,000,000 xs");
    }
}
