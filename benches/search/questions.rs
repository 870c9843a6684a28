//! What is asked: pieces of texts that were said, by class, and what a scan finds.

use rayon::prelude::*;
use serde::Serialize;
use verbatim::model::Micros;

use super::corpus::Corpus;

pub const CLASSES: &[&str] = &[
    "one character",
    "two characters",
    "two characters, two days",
    "English word",
    "English word, two days",
    "phrase",
    "three words",
    "three words, two days",
    "order number",
];
const TWO_DAYS: i64 = 2 * 86_400_000_000;

/// A text is a hit that contains every piece, within the range.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Question {
    pub class: &'static str,
    pub pieces: Vec<String>,
    /// Microseconds, half-open.
    pub range: Option<(i64, i64)>,
    /// By scan: how many texts are hits, and the number of the newest.
    #[serde(skip)]
    pub total: u64,
    #[serde(skip)]
    pub newest: u64,
}

impl Question {
    /// Its address: each piece as a phrase.
    pub fn path(&self) -> String {
        let words: Vec<String> = self.pieces.iter().map(|piece| format!("\"{piece}\"")).collect();
        let mut address = url::form_urlencoded::Serializer::new(String::new());
        address.append_pair("words", &words.join(" ")).append_pair("limit", "20");
        if let Some((from, to)) = self.range {
            address.append_pair("from", &Micros(from).to_string());
            address.append_pair("to", &Micros(to).to_string());
        }
        format!("/v1/search?{}", address.finish())
    }
}

/// `count` questions of each class, cut from texts chosen by `seed`.
pub fn sampled(corpus: &Corpus, seed: u64, count: usize) -> Vec<Question> {
    let mut state = seed;
    let mut questions = Vec::new();
    for class in CLASSES {
        let mut made = 0;
        while made < count {
            // Knuth's multiplier and increment for 64 bits; the high half is the better one.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let dice = state >> 33;
            let number = dice as usize % corpus.len();
            let Some(pieces) = pieces(class, corpus.text(number), dice as usize / 7) else {
                continue;
            };
            let at = corpus.at(number);
            let range =
                class.ends_with("two days").then_some((at - TWO_DAYS / 2, at + TWO_DAYS / 2));
            questions.push(Question { class, pieces, range, ..Question::default() });
            made += 1;
        }
    }
    questions
}

/// What a question of `class` asks of `text`, or `None` where the text has no such piece.
fn pieces(class: &str, text: &str, dice: usize) -> Option<Vec<String>> {
    let chars: Vec<char> = text.chars().filter(|char| !".。，".contains(*char)).collect();
    let stretch = |length: usize| -> Option<String> {
        let from = dice % chars.len().checked_sub(length)?.max(1);
        Some(chars[from..].iter().take(length).collect())
    };
    let is_spaced = chars.contains(&' ');
    let words: Vec<&str> =
        text.split([' ', '.', '。', '，']).filter(|word| word.len() > 1).collect();
    let word = |number: usize| words.get((dice + number) % words.len().max(1)).copied();
    let pieces = match class.split(',').next()? {
        "one character" => vec![stretch(1)?],
        "two characters" if !is_spaced => vec![stretch(2)?],
        "English word" if text.is_ascii() => vec![word(0)?.to_string()],
        "phrase" if text.is_ascii() && words.len() > 3 => {
            let from = dice % (words.len() - 2);
            vec![words[from..from + 3].join(" ")]
        }
        "phrase" if !is_spaced => vec![stretch(5)?],
        "three words" if words.len() > 5 => {
            vec![word(0)?.to_string(), word(2)?.to_string(), word(4)?.to_string()]
        }
        "order number" => vec![word(words.len() - 1)?.strip_prefix("sf")?.to_string()],
        _ => return None,
    };
    let is_found = |piece: &String| !piece.trim().is_empty() && text.contains(piece.as_str());
    pieces.iter().all(is_found).then_some(pieces)
}

/// Looks through every text for every question.
pub fn answer_by_scan(corpus: &Corpus, questions: &mut [Question]) {
    questions.par_iter_mut().for_each(|question| {
        let mut newest = (i64::MIN, 0);
        for number in 0..corpus.len() {
            let at = corpus.at(number);
            let is_within = question.range.is_none_or(|(from, to)| from <= at && at < to);
            let text = corpus.text(number);
            if is_within && question.pieces.iter().all(|piece| text.contains(piece.as_str())) {
                question.total += 1;
                newest = newest.max((at, number));
            }
        }
        question.newest = newest.1 as u64;
    });
}
