//! The classifier on public sets: how often it is right, what it takes, and what it says of what it has never seen;
//! beside scikit-learn's logistic regression on the same split.
//!
//! ```text
//! benches/peers/install                                       scikit-learn among others
//! cargo bench --bench categories -- --data DIR [--alone]      --alone: without scikit-learn
//! ```
//! DIR has `banking_train.csv` and `banking_test.csv` of PolyAI's banking77 and `clinc_full.json` of CLINC150, which are
//! not ours to hand on. Nothing is chosen by what is measured here: docs/categories.md says by what it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_macros)]

#[path = "peers/peer.rs"]
#[allow(dead_code)]
mod peer;

use std::fs::{self, File};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use peer::{python, script};
use verbatim::categories::{Example, evaluate, read_labels, train};

/// Other words for what a model has never learnt: no category of any set.
const OUT_OF_SCOPE: &str = "out of scope";

/// Texts to learn from, and texts to judge by.
struct Set {
    name: &'static str,
    learnt: Vec<Example>,
    judged: Vec<Example>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let data = arguments.iter().position(|argument| argument == "--data");
    let Some(data) = data.and_then(|at| arguments.get(at + 1)).map(PathBuf::from) else {
        eprintln!("--data DIR is missing: see benches/categories.rs");
        return;
    };
    println!("set         accuracy  macro-F1   train s  predict µs  outside found   lost inside");
    for set in [banking(&data), clinc(&data)] {
        measure(&set);
    }
    if !arguments.iter().any(|argument| argument == "--alone") {
        measure_peer(&data);
    }
}

fn banking(data: &Path) -> Set {
    let part = |name: &str| read_labels(File::open(data.join(name)).expect(name)).expect(name);
    Set { name: "banking77", learnt: part("banking_train.csv"), judged: part("banking_test.csv") }
}

fn clinc(data: &Path) -> Set {
    let text = fs::read_to_string(data.join("clinc_full.json")).expect("clinc_full.json");
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let part = |name: &str| -> Vec<Example> {
        let pairs = all[name].as_array().unwrap().iter();
        let example = |pair: &serde_json::Value| {
            let category = pair[1].as_str().unwrap();
            let category = if category == "oos" { OUT_OF_SCOPE } else { category };
            Example { text: pair[0].as_str().unwrap().to_string(), category: category.to_string() }
        };
        pairs.map(example).collect()
    };
    let judged = part("test").into_iter().chain(part("oos_test")).collect();
    Set { name: "clinc150", learnt: part("train"), judged }
}

fn measure(set: &Set) {
    let began = Instant::now();
    let trained = train(&set.learnt).unwrap();
    let train_s = began.elapsed().as_secs_f64();
    let evaluation = evaluate(&trained.model, &set.judged);
    let began = Instant::now();
    for example in &set.judged {
        black_box(trained.model.guess(&example.text));
    }
    let predict_us = began.elapsed().as_secs_f64() * 1e6 / set.judged.len() as f64;
    let outside =
        evaluation.out_of_scope.map_or("–".to_string(), |outside| percent(outside.unknown));
    println!(
        "{:<10}  {:>8}  {:>8}  {train_s:>8.1}  {predict_us:>10.0}  {outside:>13}  {:>12}",
        set.name,
        percent(evaluation.accuracy),
        percent(evaluation.macro_f1),
        percent(evaluation.loss),
    );
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn measure_peer(data: &Path) {
    match python().arg(script("categories.py")).arg(data).status() {
        Ok(status) if status.success() => {}
        ended => eprintln!("scikit-learn was not measured: {ended:?}: benches/peers/install"),
    }
}
