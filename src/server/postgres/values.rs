//! Values that are bound to a statement, as they came: read they may take sixty times as much, so they are
//! read when it is asked, and not before.

use super::failure::Failure;
use super::message::Bind;
use crate::sql::{Bound, Format, Value, bind};

/// A value is read where it came, up to so many bytes of all: to make room for others meanwhile takes as long.
const READ_AT_ONCE_BYTES: usize = 16 * 1024;

/// Values of one portal.
#[derive(Default)]
pub(super) struct Values {
    each: Vec<Raw>,
    bytes: usize,
}

/// One of them: none is NULL.
struct Raw {
    bytes: Option<Box<[u8]>>,
    format: Format,
    type_oid: u32,
}

impl Values {
    /// Those of a message, whose formats and types are these. They are copied: what else the message holds
    /// is not kept with them.
    pub(super) fn of(message: &Bind, formats: Vec<Format>, types: &[u32]) -> Values {
        let each = message.values.iter().zip(formats).zip(types);
        let each: Vec<Raw> = each
            .map(|((bytes, format), type_oid)| Raw {
                bytes: bytes.as_deref().map(Box::from),
                format,
                type_oid: *type_oid,
            })
            .collect();
        let held = each.iter().filter_map(|raw| raw.bytes.as_ref());
        let bytes = size_of_val(each.as_slice()) + held.map(|bytes| bytes.len()).sum::<usize>();
        Values { each, bytes }
    }

    /// What they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What they are, or what is wrong with one.
    pub(super) fn read(&self) -> Result<Vec<(u32, Value)>, Failure> {
        let bound: Vec<Bound<'_>> = self.each.iter().map(Raw::bound).collect();
        let read = || bind(&bound);
        let read = if self.bytes <= READ_AT_ONCE_BYTES {
            read()
        } else {
            tokio::task::block_in_place(read)
        };
        Ok(read?)
    }
}

impl Raw {
    fn bound(&self) -> Bound<'_> {
        Bound { bytes: self.bytes.as_deref(), format: self.format, type_oid: self.type_oid }
    }
}
