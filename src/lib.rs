//! verbatim: the transcript archive and analytics pipeline for after-sales chat.
//!
//! # Bird's eye
//! ```text
//! chat clients ──WebSocket / HTTP──▶ relay ──▶ log   the truth: append-only, synced, checksummed
//!                                              │
//!                        ┌─────────────────────┼─────────────────────┬──────────────┬─────────────┐   stores, each with its own cursor
//!                        ▼                     ▼                     ▼              ▼             ▼
//!                     archive                facts                 index         ledger       erasures
//!                  `events`: rows     turns, episodes, …         full text    signed tree   holds, requests
//!                        └──────────┬──────────┘                     │
//!                    sql = files ∪ tail                   search = index ∪ tail
//!                                   └──────────┬──────────────────────┘
//!                             reports · exports · pages · command line
//! ```
//! 1. **The log is the truth.** A message is acknowledged after its record is on stable storage,
//!    never before.
//! 2. **Archive, facts, index, lookup, ledger and erasures are derived**: each keeps its cursor in the same atomic
//!    commit as its data, and comes back with the same content when it is deleted. The log lets go
//!    of what is old once the archive was read to have it; from then on the archive is the truth
//!    for that part, and scans of the log read it there.
//! 3. **Every answer is complete to a stated offset**, exactly: what a store has committed, plus
//!    the tail it holds in memory.
//!
//! # Flow of one message
//! `server::http` or `server::websocket` hands it in → `relay::prepare` reads and checks it,
//! `access` says whether its sender may → `relay::appender` gives it offset, seq and leaf, appends
//! it with its neighbours and syncs once → the ack goes out, `relay::hub` notifies the subscribers,
//! `relay::lookup` knows its id → `log::follow` hands it to each store: `archive` and `index` keep it as tail until their next
//! commit, `facts` lets the log's clock close what has gone idle and folds it into its
//! conversation's state → `sql` and `search` answer from committed data and tail as one, `records`
//! gives a conversation back word for word, `transcript` makes of it what people read.
//!
//! # Hold, erase, expire
//! A record in the conversation says what is held and what is to be erased. `app::erasing` lets the log
//! go of it once the archive has it, writes the archive's files anew with tombstones in its place, lets
//! each store forget, and appends a receipt. What is left of a record is its place, and in its
//! commitments what its leaf is made of.
//!
//! # When something breaks
//! `app::stores` opens each store on a thread of its own, feeds it, and after an error opens it
//! again, with growing pauses. Whatever state the stores are in, the relay takes messages. Readers
//! never repair: damage is an error with path and offset, `audit` finds where stores differ, and
//! `app::rebuild` makes a derived store anew.
//!
//! # Invariants, and the tests that hold them
//! - Only what opens, writes, seals and trims the log changes its bytes:
//!   `only_the_writer_changes_log_bytes`.
//! - What one sync makes durable is whole or absent after a power cut: `log/tests/power_cut.rs`.
//! - A store never goes on from beyond the log's head: refused by `log::follow`.
//! - A store that failed is opened again and misses nothing:
//!   `a_store_that_fails_is_opened_again_and_misses_nothing`.
//! - A store that is deleted comes back with the same rows and hits: `tests/it/rebuild.rs`.
//! - What was trimmed from the log is answered as before: `tests/it/trimming.rs`.
//! - No two checkpoints contradict each other: `no_two_checkpoints_contradict`; and whoever does is
//!   found: `each_lie_is_found_and_kept_for_others_to_see`.
//! - Log, archive, facts, index, lookup and ledger hold the same: `verbatim audit`, over what each test
//!   from outside leaves behind; that it finds what differs: `tests/it/audit.rs`.
//! - An answer holds nothing beyond the offset it is complete to:
//!   `an_answer_is_complete_to_its_offset_and_holds_nothing_beyond`.
//! - What was erased is in no file, and nothing else has changed: `tests/it/erasure.rs`.
//! - A leaf never changes: `leaves_stand_for_ever`, `tests/golden/leaf.py`.
//! - Whatever was committed and whatever was lost, the fold gives each row once:
//!   `facts_are_the_same_whatever_was_committed_and_whatever_was_lost`.
//! - Views over facts show what aggregates over all events would:
//!   `views_over_facts_show_what_aggregates_over_all_events_show`.
//! - Acknowledged means kept, once, in one order, through kills: `tests/it/kill.rs`.
//! - Search finds what a scan finds: `search_equals_brute_force`.
//! - No answer and no error of SQL shows a row of another shop: `tests/it/isolation.rs`.
//! - What is handed over is the same in every form, and has no sign of the shop's own notes:
//!   `every_form_has_every_record_once_with_its_receipt`,
//!   `the_other_side_gets_no_word_and_no_sign_of_the_shops_own`.
//! - A file that is read stays: `a_question_reads_on_when_its_files_left_the_table`.
//! - Folders import only lower levels: `tests/it/layers.rs`.
//! - Who looked at what is recorded, refused or not, and no question over chat shows it:
//!   `tests/it/access.rs`.
//! - The relay takes messages while archive, facts or index stand still: it imports none of them.
//!
//! # Levels
//! The modules below stand in the order data travels. A folder imports only what is on a lower
//! level; siblings do not import each other. What lies on the disk is drawn in `docs/FORMATS.md`,
//! what each number means is said in `docs/METRICS.md`.

/// What lies on the disk.
#[cfg(doc)]
#[doc = include_str!("../docs/FORMATS.md")]
pub mod formats {}
/// What the numbers mean.
#[cfg(doc)]
#[doc = include_str!("../docs/METRICS.md")]
pub mod metrics {}

// 1. The words: events, records, positions, commitments. No I/O, no async, no Arrow.
pub mod model;
// 2. The one way a file is made to survive a power cut.
pub mod durable;
// 3. The truth: append, read, follow, trim.
pub mod log;
// 3. Delta tables of Parquet files with a cursor.
pub mod table;
// 3. Who is asking, and what they may do.
pub mod access;
// 4. In: checks, order, duplicates, one sync for many, who hears it.
pub mod relay;
// 4. Derived: every record as a row of `events`.
pub mod archive;
// 4. Derived: turns and episodes, by the log's own clock; what became of messages and tags.
pub mod facts;
// 4. Derived: full text.
pub mod index;
// 4. Derived: what is held and what is to be erased.
pub mod erasure;
// 4. Derived: the tree over all leaves, and what is signed of it.
pub mod ledger;
// 5. In: who looked at what, recorded.
pub mod trail;
// 5. Records by conversation, from log and archive: transcripts, resume, repetitions.
pub mod records;
// 5. A conversation as people read it: rows for pages, and as HTML, Markdown and text to hand over.
pub mod transcript;
// 5. What conversations are about, told by a classifier.
pub mod categories;
// 5. Questions in SQL.
pub mod sql;
// 5. Questions in words.
pub mod search;
// 6. Whether all stores hold the same.
pub mod audit;
// 6. Files of chat from elsewhere.
pub mod import;
// 6. Answers as files.
pub mod export;
// 6. Bundles that prove what was said, and how anybody checks them.
pub mod evidence;
// 7. Wiring: settings, where things lie, and from there to running tasks and read handles.
pub mod app;
// 8. For programs: the API over HTTP and WebSocket.
pub mod server;
// 9. For people: pages.
pub mod web;
// 10. For people: the command line, which starts all of it.
pub mod cli;
