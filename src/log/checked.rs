//! A small file that proves itself: what it is, its version, and a checksum.
//!
//! ```text
//! file = name[16] ‖ version u16 ‖ body ‖ crc u32        CRC-32C of everything before; little-endian
//! ```

/// What the first 16 bytes of a file say it is.
pub(super) type Name = [u8; 16];

const VERSION: u16 = 1;
const HEADER_BYTES: usize = 18;

/// `body` as a file.
pub(super) fn encode(name: &Name, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len() + 4);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&open_wal::crc32c(&bytes).to_le_bytes());
    bytes
}

/// The body of a file, or what is wrong with it.
pub(super) fn decode<'a>(name: &Name, bytes: &'a [u8]) -> Result<&'a [u8], String> {
    let too_short = || format!("it has {} bytes, too few", bytes.len());
    let (checked, crc) = bytes.split_last_chunk().ok_or_else(too_short)?;
    let (found_name, rest) = checked.split_first_chunk::<16>().ok_or_else(too_short)?;
    let (version, body) = rest.split_first_chunk().ok_or_else(too_short)?;
    if found_name != name {
        return Err("it does not begin with its name".to_string());
    }
    if open_wal::crc32c(checked) != u32::from_le_bytes(*crc) {
        return Err("its checksum does not match".to_string());
    }
    match u16::from_le_bytes(*version) {
        VERSION => Ok(body),
        version => Err(format!("it is of version {version}; this build reads version {VERSION}")),
    }
}

/// Takes little-endian integers off the front of a body.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn u64(&mut self) -> Result<u64, String> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, String> {
        self.take().map(i64::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        self.take().map(u32::from_le_bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (bytes, rest) =
            self.0.split_first_chunk().ok_or_else(|| "it ends too early".to_string())?;
        self.0 = rest;
        Ok(*bytes)
    }
}
