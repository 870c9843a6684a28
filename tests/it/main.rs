//! verbatim from outside: real processes, HTTP, WebSockets, files. One binary, since linking is
//! slow.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]

mod attachments;
mod audit;
mod backup;
mod canary;
mod cli;
mod command;
mod crowd;
mod drain;
mod export;
mod faults;
mod golden;
mod import;
mod isolation;
mod kill;
mod layers;
mod limits;
mod logs;
mod lookup;
mod metrics;
mod pages;
mod rebuild;
mod relay_http;
mod relay_ws;
mod replay;
mod rules;
mod schemas;
mod slt;
mod socket;
mod sql;
mod status;
mod support;
mod tls;
mod trimming;
mod waiting;
