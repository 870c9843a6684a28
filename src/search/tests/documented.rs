//! `docs/search.md` says what is so: every line of its tables is tried.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Mode, SearchQuery, run};
use super::snapshot_of;
use crate::index::IndexSnapshot;
use crate::model::testing::{position, record_at};
use crate::model::{Micros, Origin, Record, parse_time};

const DOCUMENT: &str = include_str!("../../../docs/search.md");

/// The records of the document, m1 to m9, and what makes of them what it says.
fn records() -> Vec<Record> {
    let jia = json!({"id": "u-jia", "role": "customer", "name": "佳怡"});
    let chen = json!({"id": "agent-chen", "role": "human", "name": "陈思远"});
    let sofia = json!({"id": "u-sof", "role": "customer", "name": "Sofía"});
    let text = |id: &str| -> String {
        let line = DOCUMENT.lines().find(|line| line.starts_with(&format!("| `{id}` |")));
        let line = line.unwrap_or_else(|| panic!("{id}"));
        line.trim_matches(['|', ' ']).rsplit(" | ").next().unwrap().to_string()
    };
    let message = |id: &str, conversation: &str, sender: &Value| json!({"id": id, "conversation": conversation, "kind": "message", "sender": sender, "text": text(id)});
    let mut events = vec![
        message("m1", "c-1", &jia),
        message("m2", "c-1", &chen),
        message("m3", "c-1", &jia),
        message("m4", "c-1", &chen),
        message("m5", "c-1", &chen),
        json!({"id": "m6", "conversation": "c-1", "kind": "edit", "sender": chen, "target": "m5", "text": "全款263元"}),
        message("m7", "c-2", &sofia),
        json!({"id": "m8", "conversation": "c-2", "kind": "retract", "sender": sofia, "target": "m7"}),
        json!({"id": "m9", "conversation": "c-1", "kind": "hold", "sender": {"id": "op", "role": "human"}, "text": text("m9")}),
    ];
    events[0]["order"] = "FL2025122688213".into();
    events[3]["visibility"] = "private".into();
    events[6]["attachments"] =
        json!([{"sha256": "0".repeat(64), "name": "a.png", "media_type": "image/png", "bytes": 1}]);
    let days = ["01-01", "01-01", "01-01", "01-01", "01-02", "01-02", "01-03", "01-03", "01-04"];
    let times = days.map(|day| parse_time(&format!("2026-{day}T12:00:00Z")).unwrap());
    let records = events.into_iter().zip(times).zip(0..);
    records
        .map(|((event, at), offset)| {
            record_at(position(offset, Micros(at.0 + offset as i64)), "shop", Origin::Live, event)
        })
        .collect()
}

fn found(snapshot: &IndexSnapshot, words: &str, mode: Mode) -> BTreeSet<String> {
    let now = parse_time("2026-01-05T00:00:00Z").unwrap();
    let query = SearchQuery::read("shop", words, chrono_tz::UTC, now);
    let query = SearchQuery { mode, ..query.unwrap_or_else(|error| panic!("{words}: {error}")) };
    let answer = run(snapshot, &query).unwrap_or_else(|error| panic!("{words}: {error}"));
    let hits = answer.conversations.iter().flat_map(|found| &found.hits);
    hits.map(|hit| hit.id.clone()).collect()
}

/// The cells of the table whose head begins so.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let rows = DOCUMENT.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn ids(cell: &str) -> BTreeSet<String> {
    cell.split_whitespace().map(str::to_string).collect()
}

#[tokio::test]
async fn the_documented_examples_find_what_they_say() {
    let examples = table("| typed |");
    assert!(examples.len() > 20);
    let modes = table("| mode |");
    assert_eq!(modes.len(), 3);
    for tail_from in [0, 4, 9] {
        let (_dir, snapshot) = snapshot_of(records(), tail_from).await;
        for row in &examples {
            let words = row[0].trim_matches('`');
            assert_eq!(found(&snapshot, words, Mode::Folded), ids(row[1]), "{words}");
        }
        for row in &modes {
            let mode: Mode = row[0].split('`').nth(1).unwrap().parse().unwrap();
            assert_eq!(found(&snapshot, "聊天记录", mode), ids(row[2]), "{mode}");
            assert_eq!(found(&snapshot, "cafe", mode), ids(row[3]), "{mode}");
        }
    }
}
