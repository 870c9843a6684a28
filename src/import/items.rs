//! JSON objects one after another: lines, a list, or whatever stands between them, each with the
//! line on which it begins.
//!
//! Invariant: no more than one object is in memory. Where each line is an object, a damaged one
//! takes no other with it.

use std::io::{BufRead, Cursor, Read};
use std::path::PathBuf;

use serde_json::Value;

use super::InputError;

/// Longest object, as the longest line: a conversation of some ten thousand messages.
pub(super) const ITEM_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What is looked at to tell lines from a document.
const HEAD_BYTES: u64 = 64 * 1024;
/// Lines of it that are tried: the first may be damaged.
const LINES_TRIED: usize = 16;

/// One object, as it is written there.
pub(super) struct Item {
    /// From 1.
    pub(super) line: usize,
    pub(super) json: Vec<u8>,
}

pub(super) struct Items {
    reader: Box<dyn BufRead>,
    path: PathBuf,
    is_lines: bool,
    line: usize,
}

impl Items {
    pub(super) fn new(mut reader: Box<dyn BufRead>, path: PathBuf) -> Result<Items, InputError> {
        let mut head = Vec::new();
        let read = (&mut reader).take(HEAD_BYTES).read_to_end(&mut head);
        read.map_err(|source| InputError::Read { path: path.clone(), source })?;
        let is_lines = is_lines(&head);
        let reader = Box::new(Cursor::new(head).chain(reader));
        Ok(Items { reader, path, is_lines, line: 0 })
    }

    /// The next object, or what stands in its place; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Item>, InputError> {
        if self.is_lines { self.next_line() } else { self.next_object() }
    }

    fn next_line(&mut self) -> Result<Option<Item>, InputError> {
        loop {
            let mut json = Vec::new();
            let mut limited = (&mut self.reader).take(ITEM_BYTES_MAX + 1);
            let count = limited
                .read_until(b'\n', &mut json)
                .map_err(|source| InputError::Read { path: self.path.clone(), source })?;
            if count == 0 {
                return Ok(None);
            }
            self.line += 1;
            if count as u64 > ITEM_BYTES_MAX {
                return Err(self.too_long(self.line));
            }
            let trimmed = trim(&json);
            if !trimmed.is_empty() {
                return Ok(Some(Item { line: self.line, json: trimmed.to_vec() }));
            }
        }
    }

    fn next_object(&mut self) -> Result<Option<Item>, InputError> {
        if self.line == 0 {
            self.line = 1;
        }
        let (mut json, mut depth, mut is_text, mut is_escaped) = (Vec::new(), 0_u32, false, false);
        let mut begin = self.line;
        loop {
            let path = || self.path.clone();
            let chunk = self
                .reader
                .fill_buf()
                .map_err(|source| InputError::Read { path: path(), source })?;
            if chunk.is_empty() {
                // What is cut off is an item that cannot be read, and says so.
                return Ok((depth > 0).then_some(Item { line: begin, json }));
            }
            let mut used = 0;
            let mut is_whole = false;
            for byte in chunk {
                used += 1;
                self.line += usize::from(*byte == b'\n');
                if depth == 0 {
                    match byte {
                        b'{' => {
                            begin = self.line;
                            depth = 1;
                            json.push(b'{');
                        }
                        b'[' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf => {}
                        other => {
                            let found = char::from(*other).escape_default().to_string();
                            return Err(InputError::NoObject {
                                path: path(),
                                line: self.line,
                                found,
                            });
                        }
                    }
                    continue;
                }
                json.push(*byte);
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' if is_text => is_escaped = true,
                    b'"' => is_text = !is_text,
                    b'{' | b'[' if !is_text => depth += 1,
                    b'}' | b']' if !is_text => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    is_whole = true;
                    break;
                }
            }
            self.reader.consume(used);
            if is_whole {
                return Ok(Some(Item { line: begin, json }));
            }
            if json.len() as u64 > ITEM_BYTES_MAX {
                return Err(self.too_long(begin));
            }
        }
    }

    fn too_long(&self, line: usize) -> InputError {
        let (path, what) = (self.path.clone(), "one object");
        InputError::TooLong { path, line, what, bytes_max: ITEM_BYTES_MAX }
    }
}

/// Without what stands around it: white space, a byte order mark.
pub(super) fn trim(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}

/// Whether each line is an object of its own, by how the file begins.
fn is_lines(head: &[u8]) -> bool {
    let is_whole = (head.len() as u64) < HEAD_BYTES;
    let trimmed = trim(head);
    if !trimmed.starts_with(b"{") {
        return false;
    }
    let first_ends = trimmed.contains(&b'\n');
    if !first_ends && !is_whole {
        // An object longer than what was looked at: lines of a file, or a document in one line.
        return true;
    }
    let lines = head.split(|byte| *byte == b'\n').take(LINES_TRIED);
    lines
        .map(trim_end)
        .any(|line| line.starts_with(b"{") && serde_json::from_slice::<Value>(line).is_ok())
}

/// What begins at the margin: within a document objects do not.
fn trim_end(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    line.trim_ascii_end()
}

/// The names of the fields of the first object in `head`, which may be cut off; below a list, those of
/// its first object.
pub(super) fn field_names(head: &[u8]) -> Vec<String> {
    let (mut names, mut depth, mut text) = (Vec::new(), 0_u32, None::<Vec<u8>>);
    let (mut is_escaped, mut said) = (false, Vec::new());
    for byte in trim(head) {
        if let Some(open) = &mut text {
            match byte {
                _ if is_escaped => {
                    is_escaped = false;
                    open.push(*byte);
                }
                b'\\' => is_escaped = true,
                b'"' => said = text.take().unwrap_or_default(),
                _ => open.push(*byte),
            }
            continue;
        }
        match byte {
            b'"' => text = Some(Vec::new()),
            b'[' if depth == 0 => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            b':' if depth == 1 => names.push(String::from_utf8_lossy(&said).into_owned()),
            _ if depth == 0 && !byte.is_ascii_whitespace() => break,
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<(usize, String)>, String> {
        let reader = Box::new(Cursor::new(text.as_bytes().to_vec()));
        let mut items = Items::new(reader, "x".into()).unwrap();
        let mut found = Vec::new();
        while let Some(item) = items.next().map_err(|error| error.to_string())? {
            found.push((item.line, String::from_utf8(item.json).unwrap()));
        }
        Ok(found)
    }

    fn of(items: &[(usize, &str)]) -> Result<Vec<(usize, String)>, String> {
        Ok(items.iter().map(|(line, json)| (*line, json.to_string())).collect())
    }

    #[test]
    fn lines_lists_and_documents_give_the_same_objects() {
        let two = of(&[(1, r#"{"a":"}\"{"}"#), (2, r#"{"b":[{}]}"#)]);
        assert_eq!(all("{\"a\":\"}\\\"{\"}\n{\"b\":[{}]}\n"), two);
        assert_eq!(all("[{\"a\":\"}\\\"{\"},\n{\"b\":[{}]}]"), two);
        assert_eq!(all("{\"a\":1}{\"b\":2}"), of(&[(1, "{\"a\":1}"), (1, "{\"b\":2}")]));
        assert_eq!(all("{\n \"a\": 1\n}\n{\n}\n"), of(&[(1, "{\n \"a\": 1\n}"), (4, "{\n}")]));
        assert_eq!(all("\u{feff}[\n]"), of(&[]));
        assert_eq!(all(""), of(&[]));
    }

    #[test]
    fn a_damaged_line_takes_no_other_with_it() {
        let damaged = "{\"a\":\n{\"b\":1}\n\nnonsense\r\n{\"c\":2}";
        let expected = of(&[(1, "{\"a\":"), (2, "{\"b\":1}"), (4, "nonsense"), (5, "{\"c\":2}")]);
        assert_eq!(all(damaged), expected);
        assert_eq!(all("[{\"a\":1},{\"b\":"), of(&[(1, "{\"a\":1}"), (1, "{\"b\":")]));
        assert!(all("[{\"a\":1},\n7]").unwrap_err().contains("line 2"));
    }

    #[test]
    fn names_are_read_of_what_is_cut_off() {
        assert_eq!(field_names(br#"{"a":{"x":1},"b\"":[{"y":2}],"c":"d:e","f"#), ["a", "b\"", "c"]);
        assert_eq!(field_names(b"[\n{\"a\":1},{\"b\":2}]"), ["a"]);
        assert_eq!(field_names(b"words: {\"a\":1}"), Vec::<String>::new());
        assert_eq!(field_names("\u{feff}{\"a\" : 1".as_bytes()), ["a"]);
    }
}
