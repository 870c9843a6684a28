//! Names of files and ids, from names that strangers chose.

use chrono::SecondsFormat;
use sha2::{Digest, Sha256};

use crate::model::Micros;

/// Characters of a conversation's name in that of a file.
const NAME_CHARS_MAX: usize = 40;
/// Characters of the name that a file of a chat has for whoever saves it.
const FILE_CHARS_MAX: usize = 120;
/// Characters of the end of a file's name: `jpeg`.
const EXTENSION_CHARS_MAX: usize = 8;

/// How the files of a conversation are called, without their end: a number, which no two have, and what of its name every
/// system takes.
pub(super) fn stem(number: usize, conversation: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() { char } else { '-' };
    let name: String = conversation.chars().map(plain).take(NAME_CHARS_MAX).collect();
    let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    format!("{number:06}-{}", if words.is_empty() { "chat".to_string() } else { words.join("-") })
}

/// How a file is called that is named by the hash of its bytes, with the end of its own name where it has a plain one:
/// programs look at that.
pub(super) fn by_hash(sha256: &str, name: &str) -> String {
    match extension(name) {
        Some(extension) => format!("{sha256}.{extension}"),
        None => sha256.to_string(),
    }
}

/// A name under which a file may be saved: in no other folder, and as it is seen.
pub(super) fn saved_as(name: &str) -> String {
    let is_kept = |char: &char| {
        char.is_alphanumeric()
            || char.is_ascii_graphic() && !"/\\:*?\"<>|".contains(*char)
            || *char == ' '
    };
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(is_kept).collect();
    let kept = kept.trim_matches(['.', ' ']);
    let from = kept.chars().count().saturating_sub(FILE_CHARS_MAX);
    // The end of a long name says what the file is.
    let kept: String = kept.chars().skip(from).collect();
    if kept.is_empty() { "file".to_string() } else { kept }
}

fn extension(name: &str) -> Option<String> {
    let (_, end) = name.rsplit_once('.')?;
    let is_plain = (1..=EXTENSION_CHARS_MAX).contains(&end.len())
        && end.chars().all(|char| char.is_ascii_alphanumeric());
    is_plain.then(|| end.to_ascii_lowercase())
}

/// `TYPE/SUBTYPE` as RFC 6838 has it; of anything else, that it is bytes.
pub(super) fn media_type(said: &str) -> &str {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.starts_with(|char: char| char.is_ascii_alphanumeric())
            && name.chars().all(|char| char.is_ascii_alphanumeric() || "!#$&-^_.+".contains(char))
    };
    let is_one = said.split_once('/').is_some_and(|(kind, sub)| is_name(kind) && is_name(sub));
    if is_one { said } else { "application/octet-stream" }
}

/// A time as RFC 3339 has it, in UTC, without a fraction where it is none.
pub(super) fn date(at: Micros) -> String {
    at.datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A hash of these parts for this use, which no parts of another use have.
pub(super) fn hash_of(what: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(format!("verbatim/{what}/v1"));
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_into_no_other_folder_and_hide_nothing() {
        for (name, saved) in [
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("a\r\nContent-Type: text/html\r\n\r\n.png", "html.png"),
            ("pay\u{202e}gnp.exe", "paygnp.exe"),
            ("照片 1.PNG", "照片 1.PNG"),
            ("..", "file"),
            ("", "file"),
            ("C:\\x:y.txt", "xy.txt"),
            (".hidden", "hidden"),
        ] {
            assert_eq!(saved_as(name), saved, "{name:?}");
        }
        let long = format!("{}.jpeg", "字".repeat(300));
        assert!(
            saved_as(&long).chars().count() == FILE_CHARS_MAX && saved_as(&long).ends_with(".jpeg")
        );
        assert_eq!(by_hash("ab", "x.JPEG"), "ab.jpeg");
        for odd in ["x", "x.", "x.a/b", "x.\r\n", "x.a b", "x.verylongend"] {
            assert_eq!(by_hash("ab", odd), "ab", "{odd:?}");
        }
        assert_eq!(stem(7, "c-林/1"), "000007-c-1");
        assert_eq!(stem(7, "../\r\n"), "000007-chat");
    }

    #[test]
    fn a_media_type_is_one_or_none_is_said() {
        for good in ["image/png", "application/vnd.ms-excel", "image/svg+xml"] {
            assert_eq!(media_type(good), good);
        }
        for bad in [
            "",
            "image",
            "image/",
            "/png",
            "image/png\r\nX: y",
            "image/png; name=x",
            "a b/c",
            "图/片",
        ] {
            assert_eq!(media_type(bad), "application/octet-stream", "{bad:?}");
        }
    }
}
