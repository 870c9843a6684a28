//! The rules as data: a timeline in, rows out. `timeline` reads the text, `expect` compares, the
//! others hold the cases.

mod tags;
mod timeline;
mod expect;
mod golden;
mod replies;
mod stints;
mod ratings;
mod business;
mod promises;
mod episodes;
mod unknown;
mod columns;
mod random;
mod backwards;
mod log;
mod forget;
mod speed;
