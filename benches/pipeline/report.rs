//! The figures of a benchmark: said as they are taken, then as a table and as JSON.

use std::fmt::Display;
use std::time::Instant;

use serde_json::{Map, Value};

/// Each question is asked this often; the median counts.
const TIMES_ASKED: usize = 5;

/// Figures in the order they were taken.
#[derive(Default)]
pub struct Report {
    rows: Vec<(String, Value, &'static str)>,
}

impl Report {
    pub fn add(&mut self, name: impl Display, value: impl Into<Value>, unit: &'static str) {
        let row = (name.to_string(), value.into(), unit);
        eprintln!("{}: {} {unit}", row.0, row.1);
        self.rows.push(row);
    }

    /// `value` as so many times `of`.
    pub fn add_ratio(&mut self, name: impl Display, value: f64, of: f64) {
        self.add(name, round(value / of, 3), "×");
    }

    pub fn print(&self) {
        println!();
        for (name, value, unit) in &self.rows {
            println!("{name:<64} {:>12} {unit}", value.to_string());
        }
        let figures: Map<String, Value> =
            self.rows.iter().map(|(name, value, _)| (name.clone(), value.clone())).collect();
        println!("{}", Value::Object(figures));
    }
}

/// Asks again and again what was asked once already.
pub fn median_ms(mut ask: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..TIMES_ASKED)
        .map(|_| {
            let started = Instant::now();
            ask();
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[TIMES_ASKED / 2]
}

/// The value below which a share of the sorted `values` lies.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    values[((values.len() - 1) as f64 * share).round() as usize]
}

/// To so many decimals.
pub fn round(value: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    (value * unit).round() / unit
}
