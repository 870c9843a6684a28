//! verbatim: the transcript archive and analytics pipeline for after-sales chat.

/// The words: events, records, positions, commitments.
pub mod model;
/// The truth: append, read, follow.
pub mod log;
/// In: HTTP, WebSocket, tokens, duplicates.
pub mod relay;
/// Delta tables with a cursor.
pub mod table;
/// Derived: every record as a row.
pub mod archive;
/// Derived: turns and episodes.
pub mod facts;
/// Derived: full text.
pub mod index;
/// Questions in SQL.
pub mod sql;
/// Questions in words.
pub mod search;
/// Answers as files.
pub mod export;
/// Settings, and where things lie.
pub mod config;
/// Wiring.
pub mod app;
/// Faces: pages and HTTP answers.
pub mod web;
/// Faces: the command line.
pub mod cli;
