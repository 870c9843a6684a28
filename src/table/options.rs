//! What a table's columns are like, as far as it changes how they are written.

/// What a table's columns are like.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableOptions {
    /// Rows of every file are in the order of these columns.
    pub sort: &'static [&'static str],
    /// Columns of strings that another encoding than [`Encoding::Dictionary`] suits.
    pub encodings: &'static [(&'static str, Encoding)],
    /// Labels that rows are looked up by: bloom filters in compacted files. With `sort`, the labels
    /// whose smallest and largest values go into the Delta log.
    pub bloom: &'static [&'static str],
}

/// How the strings of a column lie in a file. Numbers and times leave no choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// For labels, which repeat: each of them once, then numbers that stand for them.
    #[default]
    Dictionary,
    /// For texts and ids, which hardly repeat: one after the other, without statistics.
    Plain,
    /// For hex digits without pattern: as `Plain`, and not worth any effort to compress.
    RandomHex,
}

impl TableOptions {
    pub(super) fn encoding_of(&self, column: &str) -> Encoding {
        let named = self.encodings.iter().find(|(name, _)| *name == column);
        named.map_or_else(Encoding::default, |(_, encoding)| *encoding)
    }
}
