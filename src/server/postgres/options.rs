//! Settings among the options of a login: `-c name=value` and `--name=value`, as for a Postgres server's
//! command line.

use super::failure::Failure;

/// Names and values.
pub(super) fn settings(options: &str) -> Result<Vec<(String, String)>, Failure> {
    let words = words(options);
    let mut words = words.iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--") {
            Some(setting) => Some(setting),
            None if word == "-c" => words.next().map(String::as_str),
            None => word.strip_prefix("-c"),
        };
        let Some((name, value)) = setting.and_then(|setting| setting.split_once('=')) else {
            let said = format!("options `{word}` must be `-c name=value`");
            return Err(Failure::fatal("42601", said));
        };
        settings.push((name.replace('-', "_"), value.to_string()));
    }
    Ok(settings)
}

/// Words between spaces; a backslash takes what follows it as it is.
fn words(options: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_a_command_line_is() {
        let read = |options: &str| settings(options).map_err(|failure| failure.said);
        let pairs = |pairs: &[(&str, &str)]| {
            Ok(pairs.iter().map(|(a, b)| ((*a).to_string(), (*b).to_string())).collect())
        };
        assert_eq!(read(""), pairs(&[]));
        assert_eq!(
            read("-c verbatim.case=D-17  -cverbatim.reason=a\\ b\\\\ --statement-timeout=5s"),
            pairs(&[
                ("verbatim.case", "D-17"),
                ("verbatim.reason", "a b\\"),
                ("statement_timeout", "5s")
            ])
        );
        for wrong in ["-c", "-c a", "-d 5", "a=b"] {
            assert!(read(wrong).unwrap_err().contains("must be"), "{wrong}");
        }
    }
}
