//! The texts that were sent, for the scan that says what is true and for the peers.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::json;
use verbatim::model::{Event, parse_time};

/// Every text, in lower case, in the order sent: one string and where each begins.
#[derive(Default)]
pub struct Corpus {
    lower: String,
    texts: Vec<Text>,
}

#[derive(Clone, Copy)]
struct Text {
    from: usize,
    at: i64,
}

impl Corpus {
    /// Takes the text of `event`, if it has one.
    pub fn add(&mut self, event: &Event) {
        let Some(text) = &event.text else { return };
        let at = event.sent_at.as_deref().and_then(parse_time).expect("a time");
        self.texts.push(Text { from: self.lower.len(), at: at.0 });
        self.lower.push_str(&text.to_lowercase());
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }

    pub fn bytes(&self) -> usize {
        self.lower.len()
    }

    pub fn text(&self, number: usize) -> &str {
        let to = self.texts.get(number + 1).map_or(self.lower.len(), |next| next.from);
        &self.lower[self.texts[number].from..to]
    }

    /// When it was said, in microseconds.
    pub fn at(&self, number: usize) -> i64 {
        self.texts[number].at
    }

    /// One line each: `[number, at, text]`.
    pub fn write(&self, path: &Path) {
        let mut file = BufWriter::new(File::create(path).unwrap());
        for number in 0..self.len() {
            let row = json!([number, self.at(number), self.text(number)]);
            writeln!(file, "{row}").unwrap();
        }
        file.flush().unwrap();
    }
}
