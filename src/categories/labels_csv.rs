//! Labelled examples as people write them: CSV with the columns `text` and `category`.
//!
//! RFC 4180: quotes, commas and line breaks inside of quotes; a byte order mark, which Excel writes, is no part of
//! the first name. Other columns are none of ours. Every line is read; one that is wrong is named by its number.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::error::LabelsError;
use super::example::{EXAMPLES_MAX, Example};
use crate::model::check_id;

/// Wrong lines that are named; it is counted how many more there are.
const LINES_NAMED_MAX: usize = 10;

/// Reads all examples.
///
/// # Errors
/// The lines that are wrong, and why; nothing is taken then.
pub fn read_labels(file: impl Read) -> Result<Vec<Example>, LabelsError> {
    let mut bytes = Vec::new();
    std::io::BufReader::new(file).read_to_end(&mut bytes)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::Headers).from_reader(bytes);
    let columns = Columns::of(reader.byte_headers().ok().cloned())?;
    let (mut examples, mut wrong) = (Vec::new(), Vec::new());
    for record in reader.byte_records() {
        let line = match &record {
            Ok(record) => record.position().map_or(0, csv::Position::line),
            Err(error) => error.position().map_or(0, csv::Position::line),
        };
        let example = record
            .map_err(|error| error.to_string())
            .and_then(|record| {
                StringRecord::from_byte_record(record).map_err(|_| "is not UTF-8".to_string())
            })
            .and_then(|record| columns.example(&record));
        match example {
            Ok(_) if examples.len() >= EXAMPLES_MAX => {
                wrong.push(format!("line {line}: there are more than {EXAMPLES_MAX} examples"));
                break;
            }
            Ok(example) => examples.push(example),
            Err(why) => wrong.push(format!("line {line}: {why}")),
        }
    }
    if !wrong.is_empty() {
        let more = wrong.len().saturating_sub(LINES_NAMED_MAX);
        wrong.truncate(LINES_NAMED_MAX);
        if more > 0 {
            wrong.push(format!("and {more} lines more"));
        }
        return Err(LabelsError::Lines { lines: wrong });
    }
    if examples.is_empty() { Err(LabelsError::Empty) } else { Ok(examples) }
}

/// Where the two columns stand.
struct Columns {
    text: usize,
    category: usize,
}

impl Columns {
    fn of(header: Option<csv::ByteRecord>) -> Result<Columns, LabelsError> {
        let header = header.unwrap_or_default();
        let place = |name: &str| header.iter().position(|column| column == name.as_bytes());
        match (place("text"), place("category")) {
            (Some(text), Some(category)) => Ok(Columns { text, category }),
            _ => {
                let names: Vec<String> = header
                    .iter()
                    .map(|column| String::from_utf8_lossy(column).into_owned())
                    .collect();
                let found: String = names.join(",").chars().take(80).collect();
                Err(LabelsError::Header { found })
            }
        }
    }

    fn example(&self, record: &StringRecord) -> Result<Example, String> {
        let value = |place: usize, name: &str| {
            record.get(place).ok_or_else(|| format!("it has no `{name}`"))
        };
        let (text, category) = (value(self.text, "text")?, value(self.category, "category")?);
        if text.trim().is_empty() {
            return Err("`text` must not be empty".to_string());
        }
        check_id("category", category.trim()).map_err(|error| error.to_string())?;
        Ok(Example { text: text.to_string(), category: category.trim().to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let examples = read_labels(text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(examples.into_iter().map(|of| (of.text, of.category)).collect())
    }

    fn pair(text: &str, category: &str) -> (String, String) {
        (text.to_string(), category.to_string())
    }

    #[test]
    fn quotes_line_breaks_and_a_mark_are_read() {
        let csv = "\u{feff}text,category\r\n\"I said \"\"no\"\",\nand meant it\",refund\r\n我要退款,退款\r\n";
        let expected = [pair("I said \"no\",\nand meant it", "refund"), pair("我要退款", "退款")];
        assert_eq!(read(csv).unwrap(), expected);
        let turned = "category,note,text\nrefund,x,money back\n";
        assert_eq!(read(turned).unwrap(), [pair("money back", "refund")]);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (csv, named) in [
            ("", "line 1"),
            ("words,label\nx,y\n", "`words,label`"),
            ("text,category\n", "no examples"),
            ("text,category\nx,y\n\"two\nlines\",a\n,y\n", "line 5: `text`"),
            ("text,category\nx\n", "line 2: it has no `category`"),
            ("text,category\nx,\n", "line 2: category ``"),
            ("text,category\nx,a\u{7}\n", "line 2: category"),
        ] {
            let error = read(csv).unwrap_err();
            assert!(error.contains(named), "{csv:?}: {error}");
        }
        let latin = read_labels(&b"text,category\ncaf\xe9,a\n"[..]).unwrap_err().to_string();
        assert_eq!(latin, "line 2: is not UTF-8");
        let many = format!("text,category\n{}", ",x\n".repeat(25));
        assert!(read(&many).unwrap_err().ends_with("and 15 lines more"));
    }
}
