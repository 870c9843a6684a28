//! JSON Schema (2020-12) of events and records, from the table of fields: `schemas/` is made of it.

use serde_json::{Map, Value, json};
use strum::VariantNames;

use super::fields::{
    ATTACHMENT_BYTES_SAID_MAX, ATTACHMENTS_MAX, FIELDS, Field, ID_CHARS_MAX, Kinds, RATING_MAX,
    SetBy, Shape, TEXT_BYTES_MAX,
};
use super::{Authority, Role};

/// The schema of an event as a client sends it.
pub fn event() -> Value {
    object_schema(
        "event",
        "What a client sends",
        FIELDS.iter().filter(|field| field.set_by == SetBy::Client),
    )
}

/// The schema of a record as the relay hands it out.
pub fn record() -> Value {
    let added = FIELDS.iter().filter(|field| field.set_by != SetBy::Client);
    let mut schema = object_schema("record", "An event with what the relay added", added);
    schema["properties"]["event"] = json!({"$ref": "event.json"});
    if let Some(required) = schema["required"].as_array_mut() {
        required.push(json!("event"));
    }
    schema
}

fn object_schema<'a>(
    name: &str,
    description: &str,
    fields: impl Iterator<Item = &'a Field>,
) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut on_some_kinds = Map::new();
    for field in fields {
        if let Kinds::Only(kinds) = field.kinds {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let rule = json!({"properties": {"kind": {"enum": kinds}}});
            on_some_kinds.insert(field.name.to_string(), rule);
        }
        let mut property = json_schema_of(field.shape);
        property["description"] = json!(field.meaning);
        properties.insert(field.name.to_string(), property);
        if field.required {
            required.push(json!(field.name));
        }
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("{name}.json"),
        "title": name,
        "description": description,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    if !on_some_kinds.is_empty() {
        schema["dependentSchemas"] = Value::Object(on_some_kinds);
    }
    schema
}

fn json_schema_of(shape: Shape) -> Value {
    let label = json!({"type": "string", "minLength": 1, "maxLength": ID_CHARS_MAX});
    let hash = json!({"type": "string", "pattern": "^[0-9a-f]{64}$"});
    match shape {
        Shape::Position => json!({"type": "integer", "minimum": 0}),
        Shape::ShortPosition => json!({"type": "integer", "minimum": 1, "maximum": u32::MAX}),
        Shape::Time | Shape::TimeText => json!({"type": "string", "format": "date-time"}),
        Shape::Hash => hash,
        Shape::Label => label,
        // JSON Schema counts characters, the relay counts UTF-8 bytes: whatever this refuses, the
        // relay refuses too.
        Shape::Text => json!({"type": "string", "maxLength": TEXT_BYTES_MAX}),
        Shape::Enum(labels) => json!({"enum": labels}),
        Shape::Sender => json!({
            "type": "object",
            "properties": {"id": label, "role": {"enum": Role::VARIANTS}, "name": label},
            "required": ["id", "role"],
            "additionalProperties": false,
        }),
        Shape::By => json!({
            "type": "object",
            "properties": {"role": {"enum": Authority::VARIANTS}, "sub": label},
            "required": ["role", "sub"],
            "additionalProperties": false,
        }),
        Shape::Erased => json!({
            "type": "object",
            "properties": {
                "at": {"type": "string", "format": "date-time"},
                "ground": {"type": "string"},
            },
            "required": ["at"],
            "additionalProperties": false,
        }),
        Shape::Attachments => json!({
            "type": "array",
            "maxItems": ATTACHMENTS_MAX,
            "items": {
                "type": "object",
                "properties": {
                    "sha256": hash,
                    "name": label,
                    "media_type": label,
                    "bytes": {"type": "integer", "minimum": 0, "maximum": ATTACHMENT_BYTES_SAID_MAX},
                },
                "required": ["sha256", "name", "media_type", "bytes"],
                "additionalProperties": false,
            },
        }),
        Shape::Rating => json!({"type": "integer", "minimum": 1, "maximum": RATING_MAX}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Json => json!({}),
    }
}
