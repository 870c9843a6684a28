//! Whether a peer says what verbatim says.

use serde_json::{Map, Value};

/// Figures are rounded to thousandths, each by its own program.
const DIFFERENCE_MAX: f64 = 0.001_5;

/// Fails unless each of their rows is one of ours in every column that it has, and there are as many. They may have
/// fewer columns, but at least one figure beside what tells the rows apart.
pub fn require_same(who: &str, question: &str, ours: &[Value], theirs: &[Value]) {
    assert_eq!(ours.len(), theirs.len(), "{question}: rows of verbatim and of {who}");
    let ours: Vec<&Map<String, Value>> =
        ours.iter().map(|row| row.as_object().expect("a row is an object")).collect();
    for row in theirs {
        let row = row.as_object().expect("a row is an object");
        let figures = row.values().filter(|value| value.is_number()).count();
        assert!(row.len() > 1 && figures > 0, "{question}: {who}'s {row:?} has no figure");
        for name in row.keys() {
            let is_known = ours.iter().any(|own| own.contains_key(name));
            assert!(is_known, "{question}: verbatim has no column `{name}` of {who}'s");
        }
        let is_same = ours.iter().any(|own| agree(own, row));
        assert!(is_same, "{question}: verbatim has no row of {who}'s {row:?}");
    }
}

fn agree(ours: &Map<String, Value>, theirs: &Map<String, Value>) -> bool {
    theirs.iter().all(|(name, value)| {
        let own = ours.get(name).unwrap_or(&Value::Null);
        match (own.as_f64(), value.as_f64()) {
            (Some(own), Some(value)) => (own - value).abs() <= DIFFERENCE_MAX,
            _ => own == value,
        }
    })
}
