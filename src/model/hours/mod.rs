//! Opening hours: when somebody is there to answer, and how much of a span that is.
//!
//! A shop is open while the clock on its wall shows a time within its hours. So hours are taken as that
//! clock shows them on each date, and each stretch in which its offset from UTC stays the same is looked at
//! by itself. (A fixed offset is an hour off for half of the year: dbt_zendesk #25, #92, #154.) Hours that
//! the clock skips are not open; those that it shows twice are, both times.
//!
//! ```text
//! {"zone": "Asia/Shanghai",
//!  "week": {"mon": ["09:00-12:00", "13:00-18:00"], "fri": ["21:00-02:00"], "sun": ["00:00-24:00"]},
//!  "dates": {"2026-02-17": [], "2026-02-23": ["10:00-16:00"]}}
//! ```
//! A day that is not named is closed. A date has its own hours in place of its weekday's. Hours past
//! midnight belong to the day on which they begin (Chatwoot #5254 refuses them).
//!
//! Invariant: hours that overlap count once.

mod open;
mod parse;
mod steady;
#[cfg(test)]
mod tests;

pub use open::Hours;
