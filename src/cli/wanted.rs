//! What is wanted of a named query.

use crate::sql::Explained;

#[derive(Debug)]
pub(super) enum Wanted {
    Answer,
    /// The answer beside that of the range before.
    Compared,
    /// The rows behind one of its figures.
    Rows(Explained),
}
