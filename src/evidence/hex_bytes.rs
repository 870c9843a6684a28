//! Bytes that are written in lower-case hex.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// So many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HexBytes<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> HexBytes<N> {
    pub(super) fn parse(digits: &str) -> Option<HexBytes<N>> {
        let mut bytes = [0; N];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        // One way to write them: no capitals.
        (hex::encode(bytes) == digits).then_some(HexBytes(bytes))
    }
}

impl<const N: usize> Serialize for HexBytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for HexBytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HexBytes<N>, D::Error> {
        let digits = String::deserialize(deserializer)?;
        HexBytes::parse(&digits).ok_or_else(|| de::Error::custom("not so many bytes in hex"))
    }
}
