//! What a table's columns are like, as far as it changes how they are written.

/// What a table's columns are like.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableOptions {
    /// Rows of every file are in the order of these columns.
    pub sort: &'static [&'static str],
    /// Strings that hardly repeat (texts, ids): no dictionary, no statistics.
    pub unique: &'static [&'static str],
    /// Strings of random digits: as `unique`, and not worth any effort to compress.
    pub hashes: &'static [&'static str],
    /// Labels that rows are looked up by: bloom filters in merged files. With `sort`, the labels whose smallest and
    /// largest values go into the Delta log.
    pub bloom: &'static [&'static str],
}
