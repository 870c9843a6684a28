//! Tests of the archive: rows read back by a reader that knows nothing of the writer, and the
//! follower with its handle.

mod read_back;
mod store;
