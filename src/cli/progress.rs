//! Progress bars on long work, on stderr and only when it is a terminal.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over the bytes of `files`.
pub(super) fn files(files: &[PathBuf], what: &str) -> ProgressBar {
    let length = files
        .iter()
        .filter_map(|path| fs::metadata(path).ok())
        .map(|metadata| metadata.len())
        .sum();
    bytes(length, what)
}

/// A bar over so many bytes.
pub(super) fn bytes(length: u64, what: &str) -> ProgressBar {
    let template = "{msg} [{bar:32}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    styled(ProgressBar::new(length), template, what)
}

/// A bar over `length` things.
pub(super) fn count(length: u64, what: &str) -> ProgressBar {
    styled(
        ProgressBar::new(length),
        "{msg} [{bar:32}] {human_pos}/{human_len} {per_sec} {eta}",
        what,
    )
}

/// A counter of rows whose number is not known.
pub(super) fn rows(what: &str) -> ProgressBar {
    let bar = styled(ProgressBar::no_length(), "{spinner} {msg} {human_pos} rows {per_sec}", what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Work of which nobody knows how far it is.
pub(super) fn working(what: &str) -> ProgressBar {
    let bar = styled(ProgressBar::no_length(), "{spinner} {msg} {elapsed}", what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn styled(bar: ProgressBar, template: &str, what: &str) -> ProgressBar {
    // Indicatif draws on stderr, and draws nothing when that is no terminal.
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(what.to_string())
}
