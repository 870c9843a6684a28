//! Stories told through public doors: real processes, HTTP, WebSockets, files. One binary, since linking is slow.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]

mod attachments;
mod doors;
mod export;
mod import;
mod kill;
mod layers;
mod pages;
mod rebuild;
mod relay_http;
mod relay_ws;
mod replay;
mod schemas;
mod socket;
mod status;
mod support;
mod waiting;
