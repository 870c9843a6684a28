//! What a question pays for open conversations, and what they take. Bounds are wide: they hold on a
//! busy machine, and fail when somebody copies everything again.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::facts::{FactStore, FactsReader};
use crate::log::{self, LogReader, Store};
use crate::model::testing::{Position, record_at};
use crate::model::{Micros, Offset, Origin, Record, Seq};

const OPEN: u64 = 100_000;
const QUESTIONS: u64 = 200;

fn message(offset: u64, shop: &str, conversation: u64, seq: u32) -> Record {
    let event = json!({
        "id": format!("m{offset}"), "conversation": format!("c-20260101-{conversation:06}"),
        "kind": "message", "text": "where is my parcel?", "order": format!("A-{conversation}"),
        "channel": "app", "language": "en", "sender": {"id": format!("cust-{conversation}"), "role": "customer"},
    });
    let received_at = Micros(i64::try_from(offset).unwrap());
    let position = Position { offset: Offset(offset), seq: Seq(seq), received_at };
    record_at(position, shop, Origin::Live, event)
}

/// Memory of this process in use, in bytes.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Every question once copied all open conversations of all shops into Arrow, under the lock that
/// every record needs: 0.13 to 0.24 s at 100,000.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_pays_for_what_changed_in_its_own_shop() {
    let dir = tempfile::tempdir().unwrap();
    let (_head, log) = LogReader::at_head(dir.path(), Offset(0));
    let reader = FactsReader::default();
    let mut store = FactStore::open(dir.path(), &log, &(), &reader).await.unwrap();
    let records = |range: std::ops::Range<u64>| -> Vec<Record> {
        range.map(|offset| message(offset, "large", offset, 1)).collect()
    };
    let (mut folding, mut before) = (Duration::ZERO, 0);
    for start in (0..OPEN).step_by(10_000) {
        let batch = log::batch(records(start..start + 10_000));
        let started = Instant::now();
        store.apply(batch).await.unwrap();
        folding += started.elapsed();
        // Whatever the store itself needs is there after the first batches.
        before = if start == 10_000 { resident_bytes() } else { before };
    }
    let open_bytes = resident_bytes().saturating_sub(before) / (OPEN - 20_000);
    let first = Instant::now();
    assert_eq!(rows(&reader, "large"), (OPEN, OPEN));
    let first = first.elapsed();
    let arrow_bytes = resident_bytes().saturating_sub(before) / (OPEN - 20_000) - open_bytes;
    let (mut large, mut small) = (Vec::new(), Vec::new());
    for question in 0..QUESTIONS {
        let offset = OPEN + question;
        let conversation = question * 7_919 % OPEN;
        let batch = log::batch(vec![message(offset, "large", conversation, 2)]);
        store.apply(batch).await.unwrap();
        for (shop, times) in [("large", &mut large), ("small", &mut small)] {
            let started = Instant::now();
            reader.snapshot(shop).unwrap();
            times.push(started.elapsed());
        }
    }
    let (large, small) = (median(large), median(small));
    println!(
        "{OPEN} open: folded in {:.1} µs each, {open_bytes} bytes each and {arrow_bytes} as Arrow; first \
         snapshot {first:.1?}, after an event {large:.2?}, of another shop {small:.2?}",
        folding.as_secs_f64() * 1e6 / OPEN as f64,
    );
    assert!(large < Duration::from_millis(20), "{large:?}");
    assert!(small < Duration::from_millis(1), "{small:?}");
    assert_eq!(rows(&reader, "small"), (0, 0), "a shop is handed its own rows only");
}

/// Rows of turns and episodes in the tail.
fn rows(reader: &FactsReader, shop: &str) -> (u64, u64) {
    let snapshot = reader.snapshot(shop).unwrap();
    let count = |tail: &[arrow::array::RecordBatch]| tail.iter().map(|b| b.num_rows() as u64).sum();
    (count(&snapshot.turns.tail), count(&snapshot.episodes.tail))
}
