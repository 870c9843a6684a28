//! The API: what programs send and ask, over HTTP and WebSocket, on one port; and, on a port of its own,
//! what they ask of tables as of Postgres.
//!
//! Invariants: every request but `/v1/ws` carries its token in a header or the pages' cookie, and
//! is answered for that token's shop alone; the right that its route asks first ([`routes`]) is asked
//! before anything else of it is read; whatever goes wrong is a problem document, made in [`problem`].
//! It computes no figure and decides no match: it hands over what `relay`, `records`, `sql` and
//! `search` answer, with the offset they are complete to.

// The one port.
mod router;
// Its connections, and an orderly stop; what is said on one.
mod accept;
mod listen;
// The same, encrypted.
mod tls;
// Who is asking.
mod auth;
// For what they ask.
mod purpose;
// Every route: what it asks first, how slow it is, what is recorded of refusals.
mod routes;
// Their recording.
mod refused;
// Whether a request may be answered now.
mod admission;
// How fast each subject may ask and send.
mod rates;
// How many of something each subject holds.
mod shares;
// Bodies in memory.
mod bodies;
// Turns, in a round of subjects.
mod turns;
// What became of events, counted.
mod counts;
// How many connections are open, and whose.
mod connections;
// Errors as clients see them.
mod problem;
// A file per route.
mod http;
// Live chat both ways.
mod websocket;
// Tables, for whatever speaks to Postgres.
pub mod postgres;

use std::ops::Deref;
use std::sync::Arc;

use chrono_tz::Tz;
use rayon::{ThreadPool, ThreadPoolBuildError};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::access::{Identity, Tokens};
use crate::app::{App, Keeper, StatusReader, give_way};
use crate::evidence::BundleMaker;
use crate::ledger::LedgerReader;
use crate::log::LogReader;
use crate::model::{ErrorKind, Kinded};
use crate::records::Records;
use crate::relay::{AttachmentStore, Relay};
use crate::search::Search;
use crate::sql::Sql;
use crate::trail::Trail;
use counts::Counts;

use admission::Admission;
pub use admission::Lacks;
pub use auth::{TOKEN_COOKIE, Token};
pub use bodies::BATCH_BYTES_MAX;
pub use connections::Connections;
pub use http::{
    AT_PREFIX, AccessParameters, BYTES_TRAILER, COMPARE, COMPLETE_TO_HEADER, DUPLICATES_HEADER,
    Erasures, ExportParameters, FIGURE, HOLES_HEADER, Holds, Kept, PREVIOUS, RECORDS_HEADER,
    REDACTED_HEADER, ROWS_TRAILER, SearchParameters, WhoseParameters, ZONE_HEADER, evidence_zip,
    explained, openapi,
};
pub use problem::{Problem, status_of};
pub use purpose::{CASE_HEADER, For, REASON_HEADER};
pub use router::{serve, served};
pub use routes::{Asks, ROUTES, Route, Served, Slow, router, routes_table};
use shares::subject_of;
pub use tls::{Tls, TlsError};
use turns::Turns;
pub use websocket::SEND_TIME_MAX;

/// What requests are answered from. Each of them takes a copy, so it is one pointer.
#[derive(Clone)]
pub struct Service(Arc<Parts>);

/// The parts of a [`Service`].
pub struct Parts {
    pub relay: Relay,
    pub log: LogReader,
    pub records: Records,
    pub attachments: AttachmentStore,
    pub keeper: Keeper,
    pub tokens: Arc<Tokens>,
    pub sql: Sql,
    pub search: Search,
    pub ledger: LedgerReader,
    /// Whether the ledger is read without a token.
    ledger_is_public: bool,
    pub status: StatusReader,
    trail: Trail,
    /// Makes bundles of evidence.
    pub bundles: BundleMaker,
    /// The zone in which days begin and times are shown.
    pub zone: Tz,
    connections: Connections,
    admission: Admission,
    counts: Counts,
    /// For reads of kept records, and the threads that do them.
    reading: Turns,
    readers: ThreadPool,
    /// Cancelled when the service begins to stop: long answers end then, and nothing new is begun.
    drain: CancellationToken,
}

impl Service {
    /// What `app` answers.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn of(app: &App) -> Result<Service, ThreadPoolBuildError> {
        let readers = rayon::ThreadPoolBuilder::new()
            .num_threads(reads_at_once())
            .thread_name(|_| "reader".to_string())
            .start_handler(|_| give_way())
            // It was said; whoever waits sees that no answer comes.
            .panic_handler(|_| {})
            .build()?;
        Ok(Service(Arc::new(Parts {
            relay: app.relay.clone(),
            log: app.log.clone(),
            records: app.records.clone(),
            attachments: app.attachments.clone(),
            keeper: app.keeper.clone(),
            tokens: app.tokens.clone(),
            sql: app.sql.clone(),
            search: app.search.clone(),
            ledger: app.ledger.clone(),
            ledger_is_public: app.config.evidence.public,
            status: app.status_reader(),
            trail: app.trail.clone(),
            bundles: app.bundle_maker(),
            zone: app.config.zone,
            connections: Connections::within(app.descriptors),
            admission: Admission::of(&app.config),
            counts: Counts::default(),
            reading: Turns::of(reads_at_once()),
            readers,
            drain: app.drain_token(),
        })))
    }

    /// Who looked at what.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Reads kept records where that may block, when it is this subject's turn: thousands of devices
    /// that resume at once, or streams of a shop without records, leave the cores to acks. What is made
    /// of the records is best made in `read`, too.
    pub(crate) async fn read<T, E>(
        &self,
        identity: &Identity,
        read: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Kinded + Send + 'static,
    {
        let stopping = || Problem::new(ErrorKind::Closed, "the service is stopping");
        let turn = self.reading.take(subject_of(identity)).await.map_err(|_| stopping())?;
        let (answer, answered) = oneshot::channel();
        self.readers.spawn(move || {
            // Whoever asked may be gone.
            let _ = answer.send(read());
            drop(turn);
        });
        match answered.await {
            Ok(read) => Ok(read?),
            Err(_) => Err(Problem::new(ErrorKind::Bug, "a read of kept records panicked")),
        }
    }
}

impl Deref for Service {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Half of the cores, one at least.
fn reads_at_once() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2).max(1)
}
