//! Why a source cannot be read on.

use std::io;
use std::path::{Path, PathBuf};

/// Names in a list of who is there, and how much of each.
const LISTED_MAX: usize = 20;
const LISTED_CHARS_MAX: usize = 60;

#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("cannot open `{path}`: {source}")]
    Open { path: PathBuf, source: io::Error },
    #[error("`{path}` is a directory; give the files in it")]
    Directory { path: PathBuf },
    #[error("cannot read `{path}`: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` line {line}: a line must be at most {bytes_max} bytes")]
    LineTooLong { path: PathBuf, line: usize, bytes_max: usize },
    #[error("`{path}` line {line}: {what} must be at most {bytes_max} bytes")]
    TooLong { path: PathBuf, line: usize, what: &'static str, bytes_max: u64 },
    #[error("`{path}` line {line}: `{found}` must be JSON objects, one after another or in a list")]
    NoObject { path: PathBuf, line: usize, found: String },
    #[error("`{path}` {reason}")]
    Archive { path: PathBuf, reason: String },
    #[error(
        "`{path}` is none of the formats that are told by their content; --from names one: {known}"
    )]
    UnknownFormat { path: PathBuf, known: String },
    #[error("`{path}` holds no {format} export: {reason}")]
    NotOfFormat { path: PathBuf, format: &'static str, reason: String },
    #[error(
        "`{path}` does not say who is of the shop; --agent names each, or all of a mail domain as @DOMAIN{there}"
    )]
    WhoIsTheShop { path: PathBuf, there: String },
    #[error(
        "`{path}` does not say in which zone its clock stood; --zone names it, such as Asia/Shanghai"
    )]
    WhichZone { path: PathBuf },
    #[error(
        "`{path}` has dates such as `{date}`, which can be read in two ways; --dates says which: dmy, mdy or ymd"
    )]
    WhichDates { path: PathBuf, date: String },
}

impl InputError {
    /// That nobody of the shop is named among those who are there, as far as they are known.
    pub(super) fn who_is_the_shop(path: &Path, there: &[String]) -> InputError {
        let shown = |name: &String| {
            name.chars().filter(|char| !char.is_control()).take(LISTED_CHARS_MAX).collect()
        };
        let listed: Vec<String> = there.iter().take(LISTED_MAX).map(shown).collect();
        let there = if listed.is_empty() {
            String::new()
        } else {
            format!("; there are {}", listed.join(", "))
        };
        InputError::WhoIsTheShop { path: path.to_path_buf(), there }
    }
}
