//! How a shop's categories are called, and which model gives them: two of a shop's rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{FieldError, check_id};

/// Of each category, its label in each language: `{"refund": {"zh": "退款", "en": "Refund"}}`.
pub type CategoryLabels = BTreeMap<String, BTreeMap<String, String>>;

/// Most categories that have labels: as many as a model may have, and again.
const LABELLED_MAX: usize = 512;
/// Most languages of one.
const LANGUAGES_MAX: usize = 32;
/// Characters of a model's name, which becomes a file's.
const MODEL_NAME_CHARS_MAX: usize = 64;

/// Refuses what cannot be the name of a model.
pub fn check_model_name(field: &str, name: &str) -> Result<(), FieldError> {
    let is_fine =
        |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "-_".contains(char);
    if (1..=MODEL_NAME_CHARS_MAX).contains(&name.chars().count()) && name.chars().all(is_fine) {
        return Ok(());
    }
    let rule = format!("be 1 to {MODEL_NAME_CHARS_MAX} of a–z, 0–9, `-` and `_`");
    Err(FieldError::new(field, name, rule))
}

/// The model that is named, or `None` for null.
pub(super) fn classifier(field: &str, value: &Value) -> Result<Option<String>, FieldError> {
    match value {
        Value::Null => Ok(None),
        Value::String(name) => {
            check_model_name(field, name)?;
            Ok(Some(name.clone()))
        }
        _ => Err(FieldError::new(field, value, "be the name of a model, or null")),
    }
}

/// Labels by category and language.
pub(super) fn category_labels(field: &str, value: &Value) -> Result<CategoryLabels, FieldError> {
    let categories = object(field, value, "be an object of categories, each with its labels")?;
    check_count(field, categories.len(), LABELLED_MAX, "categories")?;
    let mut all = CategoryLabels::new();
    for (category, labels) in categories {
        let field = format!("{field}.{category}");
        check_id(&field, category)?;
        let labels = object(&field, labels, "be an object of languages, each with a label")?;
        check_count(&field, labels.len(), LANGUAGES_MAX, "languages")?;
        let mut by_language = BTreeMap::new();
        for (language, label) in labels {
            let field = format!("{field}.{language}");
            check_id(&field, language)?;
            let label =
                label.as_str().ok_or_else(|| FieldError::new(&field, label, "be a text"))?;
            check_id(&field, label)?;
            by_language.insert(language.clone(), label.to_string());
        }
        all.insert(category.clone(), by_language);
    }
    Ok(all)
}

/// The label of `category` in `language`, a tag of BCP 47: that of `zh-TW` is the one of `zh` where it has none of
/// its own.
pub fn label_of<'a>(labels: &'a CategoryLabels, category: &str, language: &str) -> Option<&'a str> {
    let labels = labels.get(category)?;
    let mut wanted = language;
    loop {
        let label = labels.iter().find(|(known, _)| known.eq_ignore_ascii_case(wanted));
        match (label, wanted.rsplit_once('-')) {
            (Some((_, label)), _) => return Some(label),
            (None, Some((shorter, _))) => wanted = shorter,
            (None, None) => return None,
        }
    }
}

fn object<'a>(
    field: &str,
    value: &'a Value,
    rule: &str,
) -> Result<&'a Map<String, Value>, FieldError> {
    value.as_object().ok_or_else(|| FieldError::new(field, value, rule))
}

fn check_count(field: &str, count: usize, max: usize, what: &str) -> Result<(), FieldError> {
    if count > max {
        return Err(FieldError::new(field, count, format!("have at most {max} {what}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_label_is_that_of_the_language_or_of_what_it_is_a_form_of() {
        let value =
            json!({"refund": {"zh": "退款", "en": "Refund", "zh-Hant": "退費"}, "bare": {}});
        let labels = category_labels("data.category_labels", &value).unwrap();
        for (category, language, label) in [
            ("refund", "zh", Some("退款")),
            ("refund", "zh-CN", Some("退款")),
            ("refund", "zh-hant-TW", Some("退費")),
            ("refund", "EN", Some("Refund")),
            ("refund", "fr", None),
            ("refund", "", None),
            ("bare", "zh", None),
            ("other", "zh", None),
        ] {
            assert_eq!(label_of(&labels, category, language), label, "{category} {language}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (value, named) in [
            (json!([]), "labels `[]`"),
            (json!({"": {}}), "labels."),
            (json!({"a": {"zh": 1}}), "labels.a.zh `1`"),
            (json!({"a": {"zh": ""}}), "labels.a.zh"),
            (json!({"a": {"zh": "x\ny"}}), "labels.a.zh"),
        ] {
            let error = category_labels("labels", &value).unwrap_err().to_string();
            assert!(error.contains(named), "{value}: {error}");
        }
        let many: Map<String, Value> =
            (0..600).map(|number| (format!("c{number}"), json!({}))).collect();
        assert!(category_labels("labels", &many.into()).unwrap_err().to_string().contains("512"));
        assert_eq!(classifier("c", &Value::Null).unwrap(), None);
        assert!(classifier("c", &json!(1)).unwrap_err().to_string().contains("null"));
        for name in ["", "A", "a/b", "..", "ü", &"x".repeat(65)] {
            assert!(check_model_name("c", name).is_err(), "{name}");
        }
        assert!(check_model_name("c", "issues-2_b").is_ok());
    }
}
