//! How long questions take, and how many bytes an index has a message, by field. A few messages by
//! default, to see that it works; a million with
//! `VERBATIM_MESSAGES=1000000 cargo test --release --lib search::tests::speed -- --nocapture`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::super::{Mode, SearchQuery, run};
use crate::index::testing::open;
use crate::index::{FullTextReader, IndexSnapshot};
use crate::log::{Store, batch};
use crate::model::testing::{Dice, position, record_at};
use crate::model::{Micros, Origin, Record};

/// Messages where no number is given.
const FEW: u64 = 20_000;
/// Records applied at once, and committed at once.
const APPLIED: u64 = 10_000;
const COMMITTED: u64 = 50_000;
/// How often each question is put.
const ROUNDS: usize = 11;

const PIECES: &[&str] = &[
    "我的订单一直没有发货",
    "请问什么时候能退款",
    "您好，很高兴为您服务",
    "这边给您申请退款，请稍等",
    "收到了，谢谢",
    "包装破了",
    "颜色不对，想换货",
    "运费谁出",
    "好的",
    "the parcel never arrived",
    "I want my money back",
    "thank you for waiting",
    "could you send a picture",
    "refund",
    "订单",
    "１２３",
    "!",
    "🙂",
    "發票",
    "記錄",
];

fn records(dice: &mut Dice, from: u64, to: u64) -> Vec<Record> {
    (from..to).map(|offset| record(dice, offset)).collect()
}

/// A message of one of fifty conversations that go on side by side, twelve messages each.
fn record(dice: &mut Dice, offset: u64) -> Record {
    let conversation = offset / 600 * 50 + offset % 50;
    let mut text: String = (0..1 + dice.roll(4)).map(|_| *dice.pick(PIECES)).collect();
    if dice.roll(4) == 0 {
        text.push_str(&dice.roll(1_000_000).to_string());
    }
    let sender = match dice.roll(2) {
        0 => json!({"id": format!("agent-{}", conversation % 60), "role": "human", "name": "林晓"}),
        _ => {
            json!({"id": format!("u-{}", conversation % 100_000), "role": "customer", "name": "佳怡"})
        }
    };
    let mut event = json!({"id": format!("m-{offset}"), "conversation": format!("c-{conversation:08}"),
        "kind": "message", "text": text, "sender": sender});
    if offset % 600 < 50 {
        event["order"] = format!("FL2025{conversation:09}").into();
    }
    let at = Micros(1_700_000_000_000_000 + offset as i64 * 1_000_000);
    record_at(position(offset, at), "shop", Origin::Live, event)
}

async fn build(dir: &Path, count: u64) -> FullTextReader {
    let dice = &mut Dice::new(1);
    let (mut store, reader) = open(dir).expect("opens");
    for from in (0..count).step_by(APPLIED as usize) {
        let to = (from + APPLIED).min(count);
        store.apply(batch(records(dice, from, to))).await.expect("applies");
        if to.is_multiple_of(COMMITTED) || to == count {
            store.commit().await.expect("commits");
        }
    }
    reader
}

/// Prints the bytes of each part of the index, a message.
fn print_bytes(snapshot: &IndexSnapshot, count: u64) {
    let usage = snapshot.searcher().space_usage().expect("counts");
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for segment in usage.segments() {
        *parts.entry("stored".to_string()).or_default() += segment.store().total().get_bytes();
        let of_fields = [
            ("terms", segment.termdict()),
            ("postings", segment.postings()),
            ("positions", segment.positions()),
            ("columns", segment.fast_fields()),
        ];
        for (part, fields) in of_fields {
            for field in fields.fields() {
                let name = format!("{part} of {}", field.field_name());
                *parts.entry(name).or_default() += field.total().get_bytes();
            }
        }
    }
    let a_message = |bytes: u64| bytes as f64 / count as f64;
    println!("{:.1} bytes a message", a_message(usage.total().get_bytes()));
    for (part, bytes) in parts.into_iter().filter(|(_, bytes)| *bytes > count / 20) {
        println!("  {:>6.1} {part}", a_message(bytes));
    }
}

#[tokio::test]
async fn questions_of_each_sort() {
    let count = std::env::var("VERBATIM_MESSAGES").ok().and_then(|count| count.parse().ok());
    let count: u64 = count.unwrap_or(FEW);
    let dir = tempfile::tempdir().expect("a directory");
    let snapshot = build(dir.path(), count).await.snapshot().expect("is there");
    print_bytes(&snapshot, count);
    let questions = [
        ("退", Mode::Folded),
        ("退款", Mode::Folded),
        ("申请退款", Mode::Folded),
        ("refund", Mode::Folded),
        ("e", Mode::Folded),
        ("\"thank you\"", Mode::Folded),
        ("退款 refund", Mode::Folded),
        ("退款 -refund", Mode::Folded),
        ("order:FL2025000000007", Mode::Folded),
        ("agent:agent-7 退款", Mode::Folded),
        ("记录", Mode::Variants),
        ("申请退款", Mode::Variants),
        ("退款", Mode::Exact),
        ("zzqx", Mode::Folded),
    ];
    for (words, mode) in questions {
        let query = SearchQuery::read("shop", words, chrono_tz::UTC, Micros(0)).expect("reads");
        let query = SearchQuery { mode, ..query };
        let total = run(&snapshot, &query).expect("answers").total;
        let mut times: Vec<u128> = Vec::new();
        for _ in 0..ROUNDS {
            let started = Instant::now();
            assert_eq!(run(&snapshot, &query).expect("answers").total, total);
            times.push(started.elapsed().as_micros());
        }
        times.sort_unstable();
        let (median, worst) = (times[ROUNDS / 2] as f64 / 1e3, times[ROUNDS - 1] as f64 / 1e3);
        println!("{words} ({mode}): {total} found, {median:.2} ms, at worst {worst:.2} ms");
        assert_eq!(total > 0, words != "zzqx", "{words}");
    }
}
