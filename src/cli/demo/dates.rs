//! Dates that people of the sample shop typed (`sample_data/dates.ndjson`): the demo moves its chats by whole days, and
//! a promise "by 9 January" must move with them, or the demo's disputes make no sense.
//!
//! Each line is a message's text with its dates marked: `{2026-01-09|%-d %B}`, the date and how it is written, as
//! `strftime` has it, or with `th` at its end for `9th`.

use std::collections::HashMap;

use anyhow::Context;
use chrono::{Datelike, NaiveDate, TimeDelta};
use serde::Deserialize;

use crate::model::Event;

const DATES: &str = include_str!("../../../sample_data/dates.ndjson");
const ORDINAL: &str = "th";

/// Texts with dates in them, by conversation and event.
pub(super) struct Dates {
    texts: HashMap<(String, String), String>,
}

#[derive(Deserialize)]
struct Line {
    conversation: String,
    id: String,
    text: String,
}

impl Dates {
    pub(super) fn read() -> anyhow::Result<Dates> {
        let mut texts = HashMap::new();
        for line in DATES.lines() {
            let Line { conversation, id, text } = serde_json::from_str(line)?;
            texts.insert((conversation, id), text);
        }
        Ok(Dates { texts })
    }

    /// What an event says so many days later than it was written.
    pub(super) fn moved(&self, event: &Event, days: i64) -> anyhow::Result<Option<String>> {
        match self.texts.get(&(event.conversation.clone(), event.id.clone())) {
            Some(text) => Ok(Some(moved(text, days)?)),
            None => Ok(event.text.clone()),
        }
    }
}

fn moved(text: &str, days: i64) -> anyhow::Result<String> {
    let damaged = || format!("`{text}` has no date where it says so");
    let mut parts = text.split('{');
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let (marked, rest) = part.split_once('}').with_context(damaged)?;
        let (date, form) = marked.split_once('|').with_context(damaged)?;
        let date = date.parse::<NaiveDate>().with_context(damaged)?;
        let date = date.checked_add_signed(TimeDelta::days(days)).context("the calendar ends")?;
        out.push_str(&written(date, form));
        out.push_str(rest);
    }
    Ok(out)
}

fn written(date: NaiveDate, form: &str) -> String {
    match form.strip_suffix(ORDINAL) {
        Some(form) => format!("{}{}", date.format(form), ordinal(date.day())),
        None => date.format(form).to_string(),
    }
}

fn ordinal(day: u32) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => ORDINAL,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HISTORY, LIVE};
    use super::*;

    #[test]
    fn unmoved_every_text_is_as_it_was_written() {
        let dates = Dates::read().unwrap();
        let mut marked = 0;
        for line in HISTORY.lines().chain(LIVE.lines()) {
            let event = Event::parse(line.as_bytes()).unwrap();
            assert_eq!(dates.moved(&event, 0).unwrap(), event.text, "{}", event.id);
            marked += usize::from(dates.moved(&event, 40).unwrap() != event.text);
        }
        assert_eq!(marked, dates.texts.len(), "a line is about no event, or has no date");
        assert!(marked > 50, "{marked}");
    }

    #[test]
    fn dates_move_as_they_are_written() {
        for (text, days, said) in [
            ("by {2026-01-09|%-d %B}", 320, "by 25 November"),
            ("the {2026-01-09|%-dth} or {2026-01-10|%-dth}", -7, "the 2nd or 3rd"),
            ("{2026-01-09|%-m月%-d日}之前", 30, "2月8日之前"),
            ("until {2028-01-05|%-d %B %Y}", -5, "until 31 December 2027"),
            ("no date", 9, "no date"),
        ] {
            assert_eq!(moved(text, days).unwrap(), said);
        }
        for damaged in ["{", "{2026-01-09}", "{9 January|%d}"] {
            assert!(moved(damaged, 1).is_err(), "{damaged}");
        }
    }
}
