//! What is stored of a document: its text, and what is shown with it.

use tantivy::schema::document::{
    DeserializeError, DocumentDeserialize, DocumentDeserializer, ValueDeserialize,
    ValueDeserializer, ValueVisitor,
};

/// What is stored of a document.
pub(super) struct Stored {
    pub(super) text: Option<String>,
    pub(super) shown: Vec<u8>,
}

impl DocumentDeserialize for Stored {
    /// The text comes first where there is one, then what is shown ([`crate::index`] writes it so).
    fn deserialize<'de, D: DocumentDeserializer<'de>>(
        mut deserializer: D,
    ) -> std::result::Result<Stored, DeserializeError> {
        let mut stored = Stored { text: None, shown: Vec::new() };
        while let Some((_, value)) = deserializer.next_field::<StoredValue>()? {
            match value {
                StoredValue::Text(text) => stored.text = Some(text),
                StoredValue::Shown(shown) => stored.shown = shown,
            }
        }
        Ok(stored)
    }
}

enum StoredValue {
    Text(String),
    Shown(Vec<u8>),
}

impl ValueDeserialize for StoredValue {
    fn deserialize<'de, D: ValueDeserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<StoredValue, DeserializeError> {
        deserializer.deserialize_any(StoredVisitor)
    }
}

struct StoredVisitor;

impl ValueVisitor for StoredVisitor {
    type Value = StoredValue;

    fn visit_string(&self, text: String) -> std::result::Result<StoredValue, DeserializeError> {
        Ok(StoredValue::Text(text))
    }

    fn visit_bytes(&self, shown: Vec<u8>) -> std::result::Result<StoredValue, DeserializeError> {
        Ok(StoredValue::Shown(shown))
    }
}
