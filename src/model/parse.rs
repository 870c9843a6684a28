//! From bytes to a checked event. The fast way is serde; only when it fails is the document read
//! again, slowly, to name the field, the value and the rule.

use serde_json::{Map, Value};
use strum::VariantNames;

use super::fields::{FIELDS, SetBy, Shape};
use super::{Event, FieldError, Role};

impl Event {
    /// Reads and checks one event from JSON. The error names the first field that breaks a rule.
    pub fn parse(json: &[u8]) -> Result<Event, FieldError> {
        let event: Event = serde_json::from_slice(json).map_err(|error| diagnose(json, &error))?;
        event.check()?;
        Ok(event)
    }
}

fn diagnose(json: &[u8], error: &serde_json::Error) -> FieldError {
    if let Err(error) = std::str::from_utf8(json) {
        let shown = String::from_utf8_lossy(json);
        return FieldError::new(
            "",
            shown,
            format!("be UTF-8: byte {} is not", error.valid_up_to()),
        );
    }
    let shown = String::from_utf8_lossy(json);
    let object = match serde_json::from_slice::<Value>(json) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return FieldError::new("", shown, "be a JSON object, one event"),
        Err(error) => return FieldError::new("", shown, format!("be JSON: {error}")),
    };
    // Whatever serde refused and the table does not explain (a key given twice) keeps serde's own
    // words.
    first_broken_rule(&object)
        .unwrap_or_else(|| FieldError::new("", shown, format!("be an event: {error}")))
}

/// A value as its sender wrote it: strings without their quotes.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

fn first_broken_rule(object: &Map<String, Value>) -> Option<FieldError> {
    let client_fields = || FIELDS.iter().filter(|field| field.set_by == SetBy::Client);
    if let Some((name, value)) =
        object.iter().find(|(name, _)| client_fields().all(|field| field.name != **name))
    {
        let rule = if FIELDS.iter().any(|field| field.name == name) {
            "be left out: it is set by the server"
        } else {
            "be left out: no event has this field"
        };
        return Some(FieldError::new(name, shown(value), rule));
    }
    client_fields().find_map(|field| match object.get(field.name) {
        None if field.required => Some(FieldError::new(field.name, "", "be present")),
        None => None,
        Some(value) => broken_shape(field.name, field.shape, value),
    })
}

fn broken_shape(name: &str, shape: Shape, value: &Value) -> Option<FieldError> {
    let must =
        |holds: bool, rule: &str| (!holds).then(|| FieldError::new(name, shown(value), rule));
    match shape {
        Shape::Label | Shape::TimeText | Shape::Text | Shape::Hash | Shape::Time => {
            must(value.is_string(), "be a string")
        }
        Shape::Enum(labels) => {
            let known = value.as_str().is_some_and(|text| labels.contains(&text));
            must(known, &format!("be one of {}", labels.join(", ")))
        }
        Shape::Rating => must(
            value.as_u64().is_some_and(|rating| rating <= u64::from(u8::MAX)),
            "be a whole number from 1 to 5",
        ),
        Shape::Flag => must(value.is_boolean(), "be true or false"),
        Shape::Position | Shape::ShortPosition => must(value.is_u64(), "be a whole number"),
        Shape::Sender => broken_sender(value),
        Shape::Attachments => broken_attachments(value),
        // The first two no client sets; the last is of any shape.
        Shape::By | Shape::Erased | Shape::Json => None,
    }
}

fn broken_sender(value: &Value) -> Option<FieldError> {
    let Some(sender) = value.as_object() else {
        return Some(FieldError::new("sender", value, "be an object with id and role"));
    };
    unknown_key("sender", sender, &["id", "role", "name"])
        .or_else(|| missing_or_broken("sender.id", Shape::Label, sender.get("id")))
        .or_else(|| {
            missing_or_broken("sender.role", Shape::Enum(Role::VARIANTS), sender.get("role"))
        })
        .or_else(|| {
            sender.get("name").and_then(|name| broken_shape("sender.name", Shape::Label, name))
        })
}

fn broken_attachments(value: &Value) -> Option<FieldError> {
    let Some(list) = value.as_array() else {
        return Some(FieldError::new("attachments", value, "be a list"));
    };
    list.iter().enumerate().find_map(|(index, item)| {
        let path = format!("attachments[{index}]");
        let Some(attachment) = item.as_object() else {
            return Some(FieldError::new(
                path,
                item,
                "be an object with sha256, name, media_type and bytes",
            ));
        };
        let part = |name: &str, shape| {
            missing_or_broken(&format!("{path}.{name}"), shape, attachment.get(name))
        };
        unknown_key(&path, attachment, &["sha256", "name", "media_type", "bytes"])
            .or_else(|| part("sha256", Shape::Hash))
            .or_else(|| part("name", Shape::Label))
            .or_else(|| part("media_type", Shape::Label))
            .or_else(|| part("bytes", Shape::Position))
    })
}

fn unknown_key(path: &str, object: &Map<String, Value>, known: &[&str]) -> Option<FieldError> {
    let (name, value) = object.iter().find(|(name, _)| !known.contains(&name.as_str()))?;
    Some(FieldError::new(
        format!("{path}.{name}"),
        value,
        format!("be left out: only {} go here", known.join(", ")),
    ))
}

fn missing_or_broken(path: &str, shape: Shape, value: Option<&Value>) -> Option<FieldError> {
    match value {
        None => Some(FieldError::new(path, "", "be present")),
        Some(value) => broken_shape(path, shape, value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Kind;
    use super::super::fields::Kinds;
    use super::super::testing::fitted;
    use super::*;

    /// A valid event with one key replaced (or added), as JSON.
    fn with(key: &str, value: &str) -> String {
        let mut event = serde_json::json!({
            "id": "m1", "conversation": "c1", "kind": "message",
            "sender": {"id": "u1", "role": "customer"}, "text": "hello",
        });
        event[key] = serde_json::from_str(value).expect("test value is JSON");
        event.to_string()
    }

    #[test]
    fn a_bad_event_is_answered_with_field_value_and_rule() {
        let long = format!("\"{}\"", "x".repeat(129));
        let cases: &[(String, &str, &str)] = &[
            (with("kind", "\"shout\""), "kind", "be one of open, message"),
            (with("kind", "7"), "kind", "be one of"),
            (with("id", "\"\""), "id", "not be empty"),
            (with("id", &long), "id", "at most 128 characters"),
            (with("id", "\"a\\u0000b\""), "id", "control characters"),
            (with("conversation", "null"), "conversation", "be a string"),
            (with("sender", "{\"id\":\"u\",\"role\":\"boss\"}"), "sender.role", "one of customer"),
            (with("sender", "{\"role\":\"bot\"}"), "sender.id", "be present"),
            (with("sender", "\"me\""), "sender", "be an object"),
            (with("sent_at", "\"noon\""), "sent_at", "RFC 3339"),
            (with("text", "5"), "text", "be a string"),
            (with("rating", "6"), "rating", "between 1 and 5"),
            (with("rating", "-1"), "rating", "whole number"),
            (with("automatic", "\"yes\""), "automatic", "true or false"),
            (with("attachments", "[{}]"), "attachments[0].sha256", "be present"),
            (
                with(
                    "attachments",
                    "[{\"sha256\":\"AB\",\"name\":\"a\",\"media_type\":\"b\",\"bytes\":1}]",
                ),
                "attachments[0].sha256",
                "64 lower-case",
            ),
            (with("offset", "1"), "offset", "set by the server"),
            (with("colour", "1"), "colour", "no event has this field"),
            (with("kind", "\"edit\""), "target", "be present on kind `edit`"),
            ("[]".to_string(), "", "be a JSON object"),
            ("{\"id\":".to_string(), "", "be JSON"),
            ("".to_string(), "", "be JSON"),
        ];
        for (json, field, rule) in cases {
            let error = Event::parse(json.as_bytes()).expect_err(json);
            assert_eq!(error.field, *field, "{json}: {error}");
            assert!(error.rule.contains(rule), "{json}: {error}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_by_position() {
        let error = Event::parse(b"{\"id\":\"\xff\"}").expect_err("bad UTF-8");
        assert!(error.rule.contains("byte 7"), "{error}");
    }

    /// Whoever reads `assignee` of a message would take the customer who wrote it there for an
    /// agent.
    #[test]
    fn a_field_goes_only_with_the_kinds_that_know_it() {
        for field in FIELDS {
            let Kinds::Only(kinds) = field.kinds else { continue };
            for kind in Kind::VARIANTS.iter().map(|name| name.parse::<Kind>().unwrap()) {
                let value = match field.shape {
                    Shape::Rating => json!(3),
                    Shape::Attachments => json!([{"sha256": "0".repeat(64), "name": "a",
                        "media_type": "b", "bytes": 1}]),
                    _ => json!("x"),
                };
                let mut event =
                    fitted(json!({"id": "m1", "conversation": "c1", "kind": kind.as_str(),
                    "sender": {"id": "u1", "role": "human"}, "text": "x", "target": "t",
                    "assignee": "a", "category": "k", "rating": 1}));
                event[field.name] = value;
                let read = Event::parse(event.to_string().as_bytes());
                match read {
                    Ok(_) => assert!(kinds.contains(&kind), "{event}"),
                    Err(error) => {
                        assert!(!kinds.contains(&kind), "{error}");
                        assert_eq!(error.field, field.name, "{error}");
                    }
                }
            }
        }
    }

    #[test]
    fn each_reserved_conversation_holds_its_own_kind_and_nothing_else() {
        let event = |conversation: &str, kind: &str| {
            let event = json!({"id": "r", "conversation": conversation, "kind": kind, "data": {"idle_hours": 48},
                "sender": {"id": "u1", "role": "human"}});
            Event::parse(event.to_string().as_bytes())
        };
        assert!(event("@rules", "rules").is_ok() && event("@access", "access").is_ok());
        for (conversation, kind) in
            [("c1", "rules"), ("@access", "rules"), ("@rules", "open"), ("@x", "open")]
        {
            let error = event(conversation, kind).unwrap_err();
            assert_eq!(
                (error.field.as_str(), error.value.as_str()),
                ("conversation", conversation)
            );
        }
    }

    /// A line break between two tokens of `data` used to become a line break of the stream, which
    /// then held two halves of a record.
    #[test]
    fn data_has_no_raw_control_characters_and_null_is_kept() {
        for data in ["{\n}", "[1,\t2]", "\r1", "{\"a\":\n1}"] {
            let json =
                with("text", "\"x\"").replace("\"text\"", &format!("\"data\":{data},\"text\""));
            let error = Event::parse(json.as_bytes()).map(|event| format!("{event:?}"));
            // Around the value it is the document's white space, not the value's.
            if data.trim() == data {
                let error = error.unwrap_err();
                assert_eq!(error.field, "data", "{error}");
                assert!(error.rule.contains("control characters"), "{error}");
            }
        }
        let event = Event::parse(with("data", "null").as_bytes()).unwrap();
        assert_eq!(event.data.as_deref().map(|data| data.get()), Some("null"));
        let again = Event::parse(serde_json::to_string(&event).unwrap().as_bytes()).unwrap();
        assert_eq!(again.data.as_deref().map(|data| data.get()), Some("null"));
    }

    #[test]
    fn a_length_beyond_what_json_numbers_hold_is_refused() {
        let file = |bytes: u64| {
            let file = json!([{"sha256": "0".repeat(64), "name": "a", "media_type": "b",
                "bytes": bytes}]);
            Event::parse(with("attachments", &file.to_string()).as_bytes())
        };
        assert!(file((1 << 53) - 1).is_ok());
        let error = file(1 << 53).unwrap_err();
        assert_eq!(
            (error.field.as_str(), error.value),
            ("attachments[0].bytes", (1_u64 << 53).to_string())
        );
    }

    #[test]
    fn data_is_kept_byte_for_byte() {
        let json = with("text", "\"x\"")
            .replace("\"text\"", "\"data\":{ \"b\":1.10,  \"a\":[ ] },\"text\"");
        let event = Event::parse(json.as_bytes()).expect("valid");
        assert_eq!(event.data.as_ref().map(|data| data.get()), Some("{ \"b\":1.10,  \"a\":[ ] }"));
        let again = serde_json::to_string(&event).expect("serializes");
        assert!(again.contains("{ \"b\":1.10,  \"a\":[ ] }"), "{again}");
    }
}
