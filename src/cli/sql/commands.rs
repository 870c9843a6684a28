//! What is typed at the prompt, a line at a time, and what it asks for.

use std::path::PathBuf;

use crate::sql::{is_complete, is_in_quotes};

/// The commands, with what they do.
pub(super) const HELP: &str = "\
a statement ends with a semicolon, and may go over several lines
  \\d          tables and views
  \\d TABLE    its columns, and what they mean
  \\x          one line a value, or one a row
  \\timing     how long each answer took, or not
  \\o FILE     the next answer goes to FILE, in the format of its name
  \\q          leave, as Ctrl-D, exit and quit do
  \\?          this, as help
Ctrl-C ends the statement that is typed, or the query that runs. Tab completes names.";

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Nothing yet: the statement goes on.
    More,
    Statement(String),
    Tables,
    Columns(String),
    Expanded,
    Timing,
    NextTo(PathBuf),
    Help,
    Quit,
    /// It is none of the commands, or lacks what one needs.
    Wrong(String),
}

/// The lines of a statement that has not ended.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
    }

    pub(super) fn add(&mut self, line: &str) -> Typed {
        let typed = line.trim();
        // A statement goes on after a command, as in psql.
        if typed.starts_with('\\') && !is_in_quotes(&self.text) {
            return of_command(typed);
        }
        if self.is_empty() {
            self.clear();
            match typed.trim_end_matches(';').trim_end().to_ascii_lowercase().as_str() {
                "exit" | "quit" => return Typed::Quit,
                "help" => return Typed::Help,
                _ if typed.is_empty() => return Typed::More,
                _ => {}
            }
        } else {
            self.text.push('\n');
        }
        self.text.push_str(line);
        if !is_complete(&self.text) {
            return Typed::More;
        }
        Typed::Statement(std::mem::take(&mut self.text))
    }
}

fn of_command(line: &str) -> Typed {
    let line = line.trim_end_matches(';').trim_end();
    let (command, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let argument = argument.trim();
    match (command, argument) {
        ("\\d", "") => Typed::Tables,
        ("\\d", table) if is_name(table) => Typed::Columns(table.to_string()),
        ("\\x", "") => Typed::Expanded,
        ("\\timing", "") => Typed::Timing,
        ("\\o", "") => Typed::Wrong("\\o takes the name of a file".to_string()),
        ("\\o", path) => Typed::NextTo(PathBuf::from(path)),
        ("\\q", "") => Typed::Quit,
        ("\\?", "") => Typed::Help,
        _ => Typed::Wrong(format!("`{line}` is no command; \\? lists them")),
    }
}

fn is_name(text: &str) -> bool {
    text.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '.' | '"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_goes_on_to_its_semicolon() {
        let mut lines = Lines::default();
        assert_eq!(lines.add(""), Typed::More);
        assert_eq!(lines.add("select ';"), Typed::More);
        // It is in quotes still.
        assert_eq!(lines.add("\\q"), Typed::More);
        let whole = "select ';\n\\q\n', 1;";
        assert_eq!(lines.add("', 1;"), Typed::Statement(whole.to_string()));
        assert_eq!(lines.add("\\q"), Typed::Quit);
    }

    /// Whoever had begun a statement could neither leave nor ask for help, and `exit` began one.
    #[test]
    fn a_command_is_one_within_a_statement_and_words_are_where_none_began() {
        let mut lines = Lines::default();
        for word in ["quit", " EXIT ;"] {
            assert_eq!(lines.add(word), Typed::Quit);
        }
        assert_eq!(lines.add("help"), Typed::Help);
        assert_eq!(lines.add("select 1"), Typed::More);
        assert_eq!(lines.add("  \\?"), Typed::Help);
        assert_eq!(lines.add("\\d turns"), Typed::Columns("turns".to_string()));
        assert_eq!(lines.add("as help"), Typed::More);
        assert_eq!(lines.add("\\q"), Typed::Quit);
        assert_eq!(lines.add(";"), Typed::Statement("select 1\nas help\n;".to_string()));
        assert_eq!(lines.add("helpers;"), Typed::Statement("helpers;".to_string()));
    }

    #[test]
    fn commands_are_known_or_said_to_be_none() {
        for (line, typed) in [
            ("\\d", Typed::Tables),
            ("  \\d turns;", Typed::Columns("turns".to_string())),
            ("\\x", Typed::Expanded),
            ("\\timing", Typed::Timing),
            ("\\o my waits.csv", Typed::NextTo("my waits.csv".into())),
            ("\\?", Typed::Help),
        ] {
            assert_eq!(Lines::default().add(line), typed, "{line}");
        }
        for line in ["\\o", "\\z", "\\d turns; drop table x", "\\q now", "\\"] {
            assert!(matches!(Lines::default().add(line), Typed::Wrong(_)), "{line}");
        }
    }
}
