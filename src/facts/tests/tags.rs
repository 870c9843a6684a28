//! What a row says of who tagged: a person, or which model and how sure.

use serde_json::{Value, json};

use crate::facts::TagRow;
use crate::model::testing::record;

fn row(kind: &str, automatic: bool, data: Option<Value>) -> TagRow {
    let mut event = json!({"id": "t", "conversation": "c", "kind": kind, "category": "refund",
        "automatic": automatic, "sender": {"id": "verbatim", "role": "system"}});
    if let Some(data) = data {
        event["data"] = data;
    }
    TagRow::of(&record(7, event)).unwrap()
}

#[test]
fn a_models_tag_names_it_and_a_persons_none() {
    let data = json!({"model": "issues", "version": "1f0c", "episode": 1, "probability": 0.93});
    let by_model = row("tag", true, Some(data.clone()));
    assert_eq!(by_model.model.as_deref(), Some("issues@1f0c"));
    assert_eq!((by_model.automatic, by_model.probability), (true, Some(0.93)));
    let by_person = row("tag", false, Some(data));
    assert_eq!((by_person.automatic, by_person.model, by_person.probability), (false, None, None));
}

/// Any client may send any data, and what is erased has none.
#[test]
fn other_data_makes_no_model() {
    for data in [
        None,
        Some(json!(null)),
        Some(json!([1])),
        Some(json!({"model": 7})),
        Some(json!({"model": "m"})),
    ] {
        let row = row("untag", true, data.clone());
        assert_eq!((row.model, row.probability), (None, None), "{data:?}");
        assert!(row.automatic);
    }
}
