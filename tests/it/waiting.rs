//! Waiting times against a computation that shares nothing with the fold: straight from the file,
//! by looking back from each reply.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use super::support::{Data, real_chats, transcripts};

/// When somebody began to wait, and for how many seconds.
type Wait = (DateTime<Utc>, f64);

/// For each human message: the earliest customer message after the previous human message.
fn waits_of(chat: &Value) -> Vec<Wait> {
    let messages = chat["messages"].as_array().unwrap();
    let at =
        |index: usize| messages[index]["ts"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let is = |index: usize, role: &str| messages[index]["role"] == role;
    let replies: Vec<usize> = (0..messages.len()).filter(|index| is(*index, "agent")).collect();
    let mut waits = Vec::new();
    for (number, reply) in replies.iter().enumerate() {
        let after = if number == 0 { 0 } else { replies[number - 1] + 1 };
        if let Some(asked) = (after..*reply).find(|index| is(*index, "customer")) {
            let waited = at(*reply) - at(asked);
            if waited.num_milliseconds() >= 0 {
                waits.push((at(asked), waited.num_milliseconds() as f64 / 1_000.0));
            }
        }
    }
    waits
}

/// The nearest rank: the smallest wait that at least this share of them do not exceed.
fn percentile(waits: &[f64], share: f64) -> f64 {
    let mut sorted = waits.to_vec();
    sorted.sort_by(f64::total_cmp);
    // A share such as 0.95 has no exact number.
    let rank = (share * sorted.len() as f64 - 1e-9).ceil();
    sorted[rank as usize - 1]
}

/// Figures are shown in milliseconds.
fn assert_close(shown: &Value, computed: f64, what: &str) {
    let shown = shown.as_f64().unwrap_or_else(|| panic!("{what}: {shown}"));
    assert!(
        (shown - computed).abs() < 0.000_6,
        "{what}: verbatim says {shown}, the file {computed}"
    );
}

fn report(data: &Data, name: &str, more: &[&str]) -> Vec<Value> {
    let range = ["--from", "2019-01-01", "--to", "2031-01-01", "--format", "json"];
    serde_json::from_str(&data.succeeds([&["report", name], &range[..], more].concat())).unwrap()
}

/// A manager is shown a median. Whoever doubts it counts by hand, from the file, and must get the
/// same number, in all and for each day, in whichever zone the days are counted.
#[test]
fn reports_show_the_waits_that_the_file_holds() {
    let Some(files) = real_chats(&["star"]) else { return };
    let data = Data::new();
    data.succeeds(["import", files[0].to_str().unwrap()]);
    let waits: Vec<Wait> = transcripts(&files).iter().flat_map(waits_of).collect();
    assert!(waits.len() > 500, "{} waits say little", waits.len());
    let seconds: Vec<f64> = waits.iter().map(|(_, waited)| *waited).collect();

    let summary = &report(&data, "summary", &[])[0];
    assert_eq!(summary["replies"], seconds.len());
    assert_close(&summary["median_wait_s"], percentile(&seconds, 0.5), "median");
    assert_close(&summary["p90_wait_s"], percentile(&seconds, 0.9), "p90");

    for zone in [chrono_tz::UTC, chrono_tz::Asia::Shanghai] {
        let mut by_day: BTreeMap<NaiveDate, Vec<f64>> = BTreeMap::new();
        for (asked, waited) in &waits {
            by_day.entry(asked.with_timezone(&zone).date_naive()).or_default().push(*waited);
        }
        let days = report(&data, "waiting_by_day", &["--zone", zone.name()]);
        let with_replies: Vec<&Value> = days.iter().filter(|day| day["n"] != 0).collect();
        assert_eq!(with_replies.len(), by_day.len(), "{zone}");
        for (row, (day, waits)) in with_replies.into_iter().zip(&by_day) {
            let what = format!("{day} in {zone}");
            assert!(row["day"].as_str().unwrap().starts_with(&day.to_string()), "{what}: {row}");
            assert_eq!(row["n"], waits.len(), "{what}");
            assert_close(&row["median_s"], percentile(waits, 0.5), &what);
            assert_close(&row["p90_s"], percentile(waits, 0.9), &what);
            assert_close(&row["p95_s"], percentile(waits, 0.95), &what);
            assert_close(&row["mean_s"], waits.iter().sum::<f64>() / waits.len() as f64, &what);
        }
    }
}

/// The control: the two computations above are told apart by a wait that is off by one message.
#[test]
fn the_scan_of_the_file_sees_the_first_message_of_a_wait() {
    let chat = serde_json::json!({"messages": [
        {"ts": "2026-01-01T00:00:00Z", "role": "agent"},
        {"ts": "2026-01-01T00:00:10Z", "role": "customer"},
        {"ts": "2026-01-01T00:00:20Z", "role": "customer"},
        {"ts": "2026-01-01T00:00:50Z", "role": "agent"},
        {"ts": "2026-01-01T00:00:55Z", "role": "agent"},
    ]});
    let waits: Vec<f64> = waits_of(&chat).into_iter().map(|(_, waited)| waited).collect();
    assert_eq!(waits, [40.0]);
    assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.5), 2.0);
    assert_eq!(percentile(&[1.0, 2.0, 3.0, 10.0], 0.9), 10.0);
    assert_eq!(percentile(&[1.0, 2.0, 3.0, 10.0], 0.75), 3.0);
}

/// A shop whose transcripts have no times must see NULL, never 0 s.
#[test]
fn transcripts_without_times_enter_no_waiting_time() {
    let Some(files) = real_chats(&["crosswoz"]) else { return };
    let data = Data::new();
    data.succeeds(["import", files[0].to_str().unwrap()]);
    let summary = &report(&data, "summary", &[])[0];
    assert_eq!(summary["replies"], 0);
    assert!(summary["median_wait_s"].is_null(), "{summary}");
    assert_eq!(data.number("select count(nrt_ms) from turns"), 0);
    assert!(data.number("select count(*) from turns where excluded = 'untimed'") > 100);
}
