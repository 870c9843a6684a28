//! A transcript as one HTML page that does nothing: no script, no form, nothing fetched from elsewhere.

use askama::Template;

use super::document::Document;
use super::labels;
use super::row::{FileState, Row};

/// Where the page's style sheet is.
#[derive(Clone, Copy, Debug)]
pub enum Style<'a> {
    /// Within the page: it stands for itself.
    Within,
    /// At this address.
    At(&'a str),
}

const SHEET: &str = include_str!("document.css");
/// The style sheet of such pages, those with the shop's own notes too.
pub const DOCUMENT_SHEET: &str =
    concat!(include_str!("document.css"), include_str!("internal.css"));

#[derive(Template)]
#[template(path = "document.html")]
struct Page<'a> {
    document: &'a Document,
    /// Links above the transcript that are not printed: `(address, words)`.
    links: &'a [(String, String)],
    sheet: &'static str,
    sheet_address: &'a str,
}

impl Document {
    /// The page. `links` lead elsewhere and are not printed; a page that stands for itself has none.
    pub fn html(
        &self,
        style: Style<'_>,
        links: &[(String, String)],
    ) -> Result<String, askama::Error> {
        let (sheet, sheet_address) = match style {
            Style::Within if self.is_internal() => (DOCUMENT_SHEET, ""),
            Style::Within => (SHEET, ""),
            Style::At(address) => ("", address),
        };
        Page { document: self, links, sheet, sheet_address }.render()
    }
}
