//! The rules as data: a timeline in, rows out. `timeline` reads the text, `expect` compares, the
//! others hold the cases.

mod timeline;
mod expect;
mod golden;
mod replies;
mod episodes;
mod unknown;
mod columns;
mod random;
mod log;
mod forget;
mod speed;
