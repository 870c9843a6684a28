//! verbatim: the transcript archive and analytics pipeline for after-sales chat.
//!
//! # Bird's eye
//! ```text
//! chat clients ──WebSocket / HTTP──▶ relay ──▶ log   the truth: append-only, synced, checksummed
//!                                              │
//!                        ┌─────────────────────┼─────────────────────┐   followers, each with its own cursor
//!                        ▼                     ▼                     ▼
//!                     archive                facts                 index
//!                  `events`: rows      `turns`, `episodes`       full text
//!                        └──────────┬──────────┘                     │
//!                    sql = files ∪ tail                   search = index ∪ tail
//!                                   └──────────┬──────────────────────┘
//!                             reports · exports · pages · command line
//! ```
//! 1. **The log is the truth.** A message is acknowledged after its record is on stable storage, never before.
//! 2. **Everything else is derived**, keeps its cursor in the same atomic commit as its data, and can be deleted: it is
//!    made anew from the log, with the same content.
//! 3. **Every answer is complete up to a stated offset**: what a store has committed, plus the tail it holds in memory.
//!
//! # Flow of one message
//! `relay::http` reads and checks it → `relay::appender` gives it offset, seq and leaf, appends it with its neighbours
//! and syncs once → the ack goes out, `relay::hub` pokes the subscribers → `log::follow` hands it to each follower:
//! `archive` and `index` keep it as tail until their next commit, `facts` folds it into its conversation's state →
//! `sql` and `search` answer from committed data and tail as one.
//!
//! # Invariants, and the tests that hold them
//! - Only `log::writer` changes log bytes: `only_the_writer_changes_log_bytes`.
//! - A cursor never lies beyond the log's head: refused when a store is opened.
//! - A store that is deleted comes back with the same rows and hits: `tests/it/rebuild.rs`.
//! - Acknowledged means kept, once, in one order, through kills: `tests/it/kill.rs`.
//! - Search finds what a scan finds: `search_equals_brute_force`.
//! - Folders import only lower levels: `tests/it/layers.rs`.
//! - The relay takes messages while archive, facts or index stand still: it imports none of them.
//!
//! # Levels
//! The modules below stand in the order data travels. A folder imports only what is on a lower level; siblings do not
//! import each other.

// 1. The words: events, records, positions, commitments. No I/O, no async.
pub mod model;
// 2. The truth: append, read, follow.
pub mod log;
// 2. Delta tables of Parquet files with a cursor.
pub mod table;
// 3. In: HTTP, WebSocket, tokens, duplicates.
pub mod relay;
// 3. Derived: every record as a row of `events`.
pub mod archive;
// 3. Derived: `turns` and `episodes`.
pub mod facts;
// 3. Derived: full text.
pub mod index;
// 4. Questions in SQL.
pub mod sql;
// 4. Questions in words.
pub mod search;
// 5. Answers as files.
pub mod export;
// 5. Settings, and where things lie.
pub mod config;
// Between 5 and 6. Wiring: from a directory to running tasks and read handles.
pub mod app;
// 6. Faces: pages and HTTP answers.
pub mod web;
// 6. Faces: the command line.
pub mod cli;
