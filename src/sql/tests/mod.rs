//! Questions without a service around them.

// What the scan of a table reads, and what it does not.
mod scans;
// The views, against aggregates over all events.
mod views;
// Named queries: their figures against the rows behind them, filters, the range before.
mod named;
// Answers that are given again.
mod lately;
