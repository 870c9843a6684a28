//! What a client says once it is logged in. A message that is too short, too long or no UTF-8 is none.

use bytes::Bytes;

#[derive(Debug)]
pub(super) enum Message {
    Query(String),
    Parse {
        name: String,
        query: String,
        types: Vec<u32>,
    },
    Bind(Bind),
    Describe {
        what: Named,
        name: String,
    },
    /// Rows at most, or 0: all of them.
    Execute {
        portal: String,
        rows_max: u64,
    },
    Close {
        what: Named,
        name: String,
    },
    Flush,
    Sync,
    Terminate,
    /// Of a copy that nobody asked for.
    Copy,
}

#[derive(Debug)]
pub(super) struct Bind {
    pub(super) portal: String,
    pub(super) statement: String,
    /// 0 is text, 1 is binary.
    pub(super) formats: Vec<u16>,
    pub(super) values: Vec<Option<Bytes>>,
    pub(super) result_formats: Vec<u16>,
}

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Statement,
    Portal,
}

impl Message {
    /// Whether an error in it has everything up to the next Sync passed over.
    pub(super) fn is_extended(kind: u8) -> bool {
        matches!(kind, b'P' | b'B' | b'D' | b'E' | b'C' | b'H')
    }

    /// The message of this kind in `bytes`, if there is one and nothing else.
    pub(super) fn read(kind: u8, bytes: Bytes) -> Option<Message> {
        let mut left = Left(bytes);
        let message = match kind {
            b'Q' => Message::Query(left.text()?),
            b'P' => {
                let (name, query) = (left.text()?, left.text()?);
                Message::Parse { name, query, types: left.list(Left::u32)? }
            }
            b'B' => Message::Bind(Bind {
                portal: left.text()?,
                statement: left.text()?,
                formats: left.list(Left::u16)?,
                values: left.list(Left::value)?,
                result_formats: left.list(Left::u16)?,
            }),
            b'D' => Message::Describe { what: left.named()?, name: left.text()? },
            b'E' => {
                let portal = left.text()?;
                // Less than nothing is all.
                let rows_max = u64::try_from(left.i32()?).unwrap_or(0);
                Message::Execute { portal, rows_max }
            }
            b'C' => Message::Close { what: left.named()?, name: left.text()? },
            b'H' => Message::Flush,
            b'S' => Message::Sync,
            b'X' => Message::Terminate,
            b'd' | b'c' | b'f' => return Some(Message::Copy),
            _ => return None,
        };
        left.0.is_empty().then_some(message)
    }
}

/// What is left of a message.
pub(super) struct Left(pub(super) Bytes);

impl Left {
    fn take(&mut self, length: usize) -> Option<Bytes> {
        (length <= self.0.len()).then(|| self.0.split_to(length))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.as_ref().try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// A text up to the zero byte that ends it.
    pub(super) fn text(&mut self) -> Option<String> {
        let length = self.0.iter().position(|byte| *byte == 0)?;
        let text = String::from_utf8(self.take(length)?.to_vec()).ok()?;
        self.take(1)?;
        Some(text)
    }

    fn named(&mut self) -> Option<Named> {
        match self.array()? {
            [b'S'] => Some(Named::Statement),
            [b'P'] => Some(Named::Portal),
            _ => None,
        }
    }

    /// A value, or NULL.
    fn value(&mut self) -> Option<Option<Bytes>> {
        match self.i32()? {
            -1 => Some(None),
            length => Some(Some(self.take(usize::try_from(length).ok()?)?)),
        }
    }

    /// So many as it says first.
    fn list<T>(&mut self, item: impl Fn(&mut Left) -> Option<T>) -> Option<Vec<T>> {
        let count = self.u16()?;
        (0..count).map(|_| item(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_whole_and_what_is_cut_or_longer_is_none() {
        let messages: &[(u8, &[u8])] = &[
            (b'Q', b"select 1\0"),
            (b'P', b"s1\0select $1\0\0\x01\0\0\0\x17"),
            (b'B', b"p\0s1\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\0"),
            (b'D', b"Ss1\0"),
            (b'E', b"p\0\0\0\0\x05"),
            (b'C', b"Pp\0"),
        ];
        for (kind, bytes) in messages {
            assert!(Message::read(*kind, Bytes::from_static(bytes)).is_some(), "{}", *kind as char);
            for cut in 0..bytes.len() {
                let bytes = Bytes::from_static(&bytes[..cut]);
                assert!(Message::read(*kind, bytes).is_none(), "{} cut at {cut}", *kind as char);
            }
            let longer = [bytes, &b"\0"[..]].concat();
            assert!(Message::read(*kind, longer.into()).is_none(), "{}", *kind as char);
        }
        // A length beyond the message, a text that is no UTF-8, a type that is none.
        for (kind, bytes) in
            [(b'B', &b"\0\0\0\0\0\x01\x7f\xff\xff\xffa\0\0"[..]), (b'Q', b"\xff\0"), (b'Z', b"")]
        {
            assert!(Message::read(kind, Bytes::from_static(bytes)).is_none());
        }
    }
}
