//! Tests of the archive: rows read back by a reader that knows nothing of the writer, and the
//! store with its reader.

mod read_back;
mod store;
