//! Packs the lines of a frame, and unpacks them: zstd, helped by a dictionary.
//!
//! The dictionary holds records as they usually look, so that a frame of one record need not spell
//! out the names of its fields: its text takes 168 bytes instead of 273, in a frame of ten 82
//! instead of 92; among a hundred it no longer matters. It is part of the format: a changed one is a
//! new codec, and a new number in the frame.

use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::LogError;

/// The lines as they are, where packing would not make them smaller.
pub(super) const PLAIN: u8 = 0;
/// One zstd frame, made with [`DICTIONARY`].
pub(super) const ZSTD: u8 = 1;

/// 3 makes frames of a thousand records 6 % smaller, and none else.
const LEVEL: i32 = 1;

const DICTIONARY: &[u8] = include_bytes!("dictionary.ndjson");

static PACKING: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static UNPACKING: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

/// Packs one frame after the other.
pub(super) struct Packer(Compressor<'static>);

impl Packer {
    pub(super) fn open() -> Result<Packer, LogError> {
        Compressor::with_prepared_dictionary(&PACKING)
            .map(Packer)
            .map_err(|source| LogError::Codec { source })
    }

    /// Adds `lines`, packed, to `frame`; returns the codec.
    pub(super) fn pack(&mut self, lines: &[u8], frame: &mut Vec<u8>) -> u8 {
        match self.0.compress(lines) {
            Ok(packed) if packed.len() < lines.len() => {
                frame.extend_from_slice(&packed);
                ZSTD
            }
            _ => {
                frame.extend_from_slice(lines);
                PLAIN
            }
        }
    }
}

/// Unpacks one frame after the other.
pub(super) struct Unpacker {
    zstd: Decompressor<'static>,
    lines: Vec<u8>,
}

impl Unpacker {
    pub(super) fn open() -> Result<Unpacker, LogError> {
        let zstd = Decompressor::with_prepared_dictionary(&UNPACKING)
            .map_err(|source| LogError::Codec { source })?;
        Ok(Unpacker { zstd, lines: Vec::new() })
    }

    /// The lines, which must be `lines_bytes` long, or what is wrong with them.
    pub(super) fn unpack(
        &mut self,
        codec: u8,
        packed: &[u8],
        lines_bytes: usize,
    ) -> Result<&[u8], String> {
        self.lines.clear();
        match codec {
            PLAIN => self.lines.extend_from_slice(packed),
            ZSTD => {
                self.lines.reserve(lines_bytes);
                self.zstd
                    .decompress_to_buffer(packed, &mut self.lines)
                    .map_err(|error| format!("the lines cannot be unpacked: {error}"))?;
            }
            codec => return Err(format!("codec {codec} is not known")),
        }
        if self.lines.len() != lines_bytes {
            return Err(format!("{} bytes of lines, not {lines_bytes}", self.lines.len()));
        }
        Ok(&self.lines)
    }
}
