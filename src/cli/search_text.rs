//! An answer of a search as text for people: what is called as was typed, the hits with what became of
//! them, and how the rest is had; or that nothing was found, to be quoted.
//!
//! Invariant: every time carries its distance from UTC, and whatever is left out is counted where it
//! would stand.

use std::collections::HashMap;
use std::io::{self, IsTerminal};

use chrono_tz::Tz;

use super::shown::shown;
use crate::model::{Kind, Micros, Origin, Record, Visibility};
use crate::search::{
    ConversationHits, Hit, KnownKind, Looser, Match, Negative, SearchAnswer, shown_time,
};

/// How much of a later version is shown beside an earlier one.
const NOW_CHARS: usize = 60;

/// Records of each conversation found.
pub(super) type Transcripts = HashMap<String, Vec<Record>>;

/// The answer; `context` messages around each hit come from `transcripts`.
pub(super) fn text(
    answer: &SearchAnswer,
    transcripts: &Transcripts,
    context: usize,
    zone: Tz,
) -> String {
    let mut text = String::new();
    for found in &answer.matches {
        text.push_str(&match_line(found, zone));
    }
    if answer.more_matches > 0 {
        text.push_str(&format!("and {} more called so: type more of it\n", answer.more_matches));
    }
    if !answer.matches.is_empty() {
        text.push('\n');
    }
    for found in &answer.conversations {
        let records = transcripts.get(&found.conversation).map_or(&[][..], Vec::as_slice);
        text.push_str(&format!("{}\n", clean(&found.conversation)));
        lines(found, records, context, zone).iter().for_each(|line| text.push_str(line));
        text.push_str(&more_line(found));
        text.push('\n');
    }
    match (answer.unknown_filters(), answer.negative(zone)) {
        (Some(unknown), _) => text.push_str(&format!("{}\n", clean(&unknown))),
        (None, Some(negative)) => text.push_str(&negative_lines(&negative, answer.looser)),
        (None, None) => text.push_str(&end_lines(answer)),
    }
    if let Some(no_fields) = answer.no_fields() {
        text.push_str(&format!("{}\n", clean(&no_fields)));
    }
    text
}

fn negative_lines(negative: &Negative, found: Option<Looser>) -> String {
    let Negative { none, words, looser, not_searched } = negative;
    let how = match found {
        Some(Looser { mode, messages: 1.. }) => format!("{looser} More loosely: --mode {mode}"),
        _ => looser.clone(),
    };
    let lines = [none, words, &how, not_searched].into_iter();
    lines.filter(|line| !line.is_empty()).map(|line| format!("{}\n", clean(line))).collect()
}

/// How much was found, how much of it is shown, and how the rest is had.
fn end_lines(answer: &SearchAnswer) -> String {
    let shown: usize = answer.conversations.iter().map(|found| found.hits.len()).sum();
    let shop = clean(&answer.shop);
    let mut lines = format!(
        "{} found in shop {shop}, {shown} shown, {}; complete to offset {}\n",
        match answer.total {
            1 => "1 message".to_string(),
            total => format!("{total} messages"),
        },
        answer.mode.ignores(),
        answer.complete_to
    );
    if let Some(next) = answer.next {
        lines.push_str(&format!("More conversations: the same with --page-after {next}\n"));
    }
    lines
}

fn match_line(found: &Match, zone: Tz) -> String {
    let kind = match found.kind {
        KnownKind::Order => "Order",
        KnownKind::Customer => "Customer",
        KnownKind::Agent => "Agent",
    };
    let name = found.name.as_deref().map_or_else(String::new, |name| format!(" {}", clean(name)));
    let least = if found.is_more { "at least " } else { "" };
    let plural = if found.conversations == 1 { "" } else { "s" };
    let newest = shown_time(found.newest, zone);
    let (id, count) = (clean(&found.id), found.conversations);
    format!("{kind} {id}{name}: {least}{count} conversation{plural}, last named {newest}\n")
}

fn more_line(found: &ConversationHits) -> String {
    match found.next {
        Some(next) => format!(
            "  {} more here: the same with --conversation '{}' --page-after {next}\n",
            found.more,
            clean(&found.conversation)
        ),
        None => String::new(),
    }
}

/// The hits of one conversation, each amid its neighbours; a neighbour of two hits stands once.
fn lines(found: &ConversationHits, records: &[Record], context: usize, zone: Tz) -> Vec<String> {
    let hit_at = |record: &Record| found.hits.iter().find(|hit| hit.offset == record.offset);
    let spoken: Vec<&Record> =
        records.iter().filter(|record| record.event.text.is_some()).collect();
    if spoken.is_empty() {
        return found.hits.iter().map(|hit| hit_line(hit, zone)).collect();
    }
    let near = |index: usize| {
        let from = index.saturating_sub(context);
        let to = (index + context + 1).min(spoken.len());
        spoken[from..to].iter().any(|record| hit_at(record).is_some())
    };
    let shown = spoken.iter().enumerate().filter(|(index, _)| near(*index));
    shown
        .map(|(_, record)| match hit_at(record) {
            Some(hit) => hit_line(hit, zone),
            None => {
                let event = &record.event;
                let marks = private_mark(event.visibility, event.kind);
                let text = clean(event.text.as_deref().unwrap_or_default());
                let sender = event.sender.name.as_ref().unwrap_or(&event.sender.id);
                line(' ', record.occurred_at(), sender, event.kind, &marks, &text, zone)
            }
        })
        .collect()
}

fn hit_line(hit: &Hit, zone: Tz) -> String {
    let sender = hit.sender_name.as_ref().unwrap_or(&hit.sender_id);
    let text = marked(&hit.text, &hit.spans);
    let text = match (hit.text.is_empty(), hit.attachments) {
        (true, count) => format!("({count} attached, no text)"),
        _ => text,
    };
    line('*', hit.occurred_at, sender, hit.kind, &marks(hit, zone), &text, zone)
}

/// What became of a hit, and what else a reader must know of it.
fn marks(hit: &Hit, zone: Tz) -> String {
    let mut marks = private_mark(hit.visibility, hit.kind);
    if hit.automatic {
        marks.push_str(" [automatic]");
    }
    if hit.origin == Origin::Imported {
        marks.push_str(" [imported]");
    }
    if let Some(at) = hit.retracted_at {
        marks.push_str(&format!(" [retracted {}]", later(hit.occurred_at, at, zone)));
    }
    if let Some(now) = &hit.superseded_by {
        let text: String = clean(&now.text).chars().take(NOW_CHARS + 1).collect();
        let text = match text.char_indices().nth(NOW_CHARS) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        };
        let at = later(hit.occurred_at, now.at, zone);
        marks.push_str(&format!(" [later edited, {at}, now: {text}]"));
    }
    marks
}

/// That the customer sees nothing of it: holds, releases and erasures say so by their kind.
fn private_mark(visibility: Visibility, kind: Kind) -> String {
    match visibility {
        Visibility::Public if !kind.is_administrative() => String::new(),
        Visibility::Private | Visibility::Public => " [private]".to_string(),
    }
}

/// A later time, without the day where that is the same.
fn later(earlier: Micros, at: Micros, zone: Tz) -> String {
    let day = |at: Micros| at.datetime().with_timezone(&zone).date_naive();
    let whole = shown_time(at, zone);
    match whole.split_once(' ') {
        Some((_, time)) if day(earlier) == day(at) => time.to_string(),
        _ => whole,
    }
}

/// One message on one line; `text` and `marks` are clean already.
fn line(
    lead: char,
    at: Micros,
    sender: &str,
    kind: Kind,
    marks: &str,
    text: &str,
    zone: Tz,
) -> String {
    let kind = if kind == Kind::Message { String::new() } else { format!(" [{}]", kind.as_str()) };
    format!("{lead} {} {}{kind}{marks}: {text}\n", shown_time(at, zone), clean(sender))
}

/// What people wrote, on one line.
fn clean(text: &str) -> String {
    shown(text, " ")
}

/// The matches in bold on a terminal, in «quotes» elsewhere, in text that is clean otherwise.
fn marked(text: &str, spans: &[(usize, usize)]) -> String {
    let (open, close) =
        if io::stdout().is_terminal() { ("\u{1b}[1m", "\u{1b}[0m") } else { ("«", "»") };
    let mut marked = String::new();
    let mut at = 0;
    let plain = |part: Option<&str>| clean(part.unwrap_or_default());
    for (from, to) in spans {
        marked.push_str(&plain(text.get(at..*from)));
        marked.push_str(&format!("{open}{}{close}", plain(text.get(*from..*to))));
        at = *to;
    }
    marked + &plain(text.get(at..))
}
