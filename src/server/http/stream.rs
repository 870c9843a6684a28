//! `GET /v1/events?from=OFFSET&follow=true`: the shop's records as lines of JSON; with `follow`,
//! later ones as they come. Who looked at what is left out: that is asked for at `/v1/access`.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use hyper::body::Frame;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{NDJSON, Passed, parsed, streamed};
use crate::access::{AccessError, Identity};
use crate::log::{Batch, LogError, LogScan};
use crate::model::{Access, AccessAction, ErrorKind, Kind, Offset, Record, Via};
use crate::server::auth::{CHECK_EVERY, TokenWatch};
use crate::server::{For, Problem, Service, Token};
use crate::trail::UnderWay;

/// Records read from the log at once for one stream: × about 1 KiB = 512 KiB.
const STREAM_RECORDS: usize = 512;

/// How often, and how long, a stream waits for the archive to open: half a minute.
const ARCHIVE_TRIES: u32 = 300;
const ARCHIVE_RETRY: Duration = Duration::from_millis(100);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamQuery {
    #[serde(default)]
    from: Offset,
    #[serde(default)]
    follow: bool,
}

/// The shop's records from an offset on, one a line, on and on where it is asked to follow.
#[utoipa::path(
    get, path = "/v1/events", tag = "chat",
    params(StreamQuery),
    responses((status = 200, description = "Records (`Record`), one a line", content_type = "application/x-ndjson", body = String)),
)]
pub(super) async fn stream(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    token: TokenWatch,
    query: Result<Query<StreamQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let query = parsed(query)?;
    let access = Access {
        query: Some(format!("from={}&follow={}", query.from, query.follow)),
        ..Access::new(AccessAction::Stream, Via::Api, purpose)
    };
    // One that follows may go on for weeks: it is recorded at its beginning too.
    if query.follow {
        service.trail().record(&identity, access.clone());
    }
    let access = Some(service.trail().begin(identity.clone(), access));
    let stream = RecordStream {
        scan: Some(service.log.scan(query.from)),
        identity,
        follow: query.follow,
        passed: Passed::default(),
        token,
        checked_at: Instant::now(),
        archive_tries: 0,
        access,
        service,
    };
    Ok(streamed(NDJSON, futures::stream::unfold(Some(stream), next_frame)))
}

/// The next lines; at the end, how many they were.
async fn next_frame(
    stream: Option<RecordStream>,
) -> Option<(io::Result<Frame<Bytes>>, Option<RecordStream>)> {
    let mut stream = stream?;
    Some(match stream.next_lines().await {
        Some(Ok(lines)) => {
            stream.passed.bytes += lines.len() as u64;
            (Ok(Frame::data(lines.into())), Some(stream))
        }
        Some(Err(error)) => (Err(error), None),
        None => {
            if let Some(access) = stream.access.take() {
                access.finish();
            }
            (Ok(stream.passed.trailers()), None)
        }
    })
}

struct RecordStream {
    /// Gone only while a thread that may block reads on.
    scan: Option<LogScan>,
    identity: Arc<Identity>,
    follow: bool,
    passed: Passed,
    token: TokenWatch,
    checked_at: Instant,
    /// How often it waited for the archive.
    archive_tries: u32,
    /// Gone once it is recorded.
    access: Option<UnderWay>,
    service: Service,
}

/// A shop's records, one a line.
struct Lines {
    rows: u64,
    json: Vec<u8>,
}

impl Lines {
    /// Of the records that are the shop's; `None` where there are no records at all.
    fn of(identity: &Identity, batch: Batch) -> Option<Lines> {
        let records = batch.into_records();
        if records.is_empty() {
            return None;
        }
        let mut lines = Lines { rows: 0, json: Vec::new() };
        let is_shown =
            |record: &Record| record.shop == identity.shop && record.event.kind != Kind::Access;
        for record in records.iter().filter(|record| is_shown(record)) {
            lines.json.extend(serde_json::to_vec(&record.public()).unwrap_or_default());
            lines.json.push(b'\n');
            lines.rows += 1;
        }
        Some(lines)
    }
}

impl RecordStream {
    /// The next records as lines; `None` at the end. An error ends the stream broken off, which the
    /// reader sees as an incomplete answer, never as a complete one.
    async fn next_lines(&mut self) -> Option<io::Result<Vec<u8>>> {
        loop {
            if let Err(error) = self.check_token() {
                return Some(Err(io::Error::other(error)));
            }
            let (mut scan, identity) = (self.scan.take()?, self.identity.clone());
            // The archive may have to be read, and a scan of other shops' records takes its time.
            let read = move || {
                let read = scan.next_batch(STREAM_RECORDS).map(|batch| Lines::of(&identity, batch));
                Ok::<_, LogError>((scan, read))
            };
            let read = match self.service.read(&self.identity, read).await {
                Ok((scan, read)) => {
                    self.scan = Some(scan);
                    read
                }
                Err(problem) => return Some(Err(io::Error::other(problem.detail))),
            };
            if self.waits_for_archive(&read).await {
                continue;
            }
            let read = read.map_err(io::Error::other);
            match read {
                Ok(None) if self.follow && self.wait_for_more().await => {}
                Ok(None) => return None,
                Ok(Some(Lines { rows: 0, .. })) => {}
                Ok(Some(Lines { rows, json })) => {
                    self.passed.rows += rows;
                    if let Some(access) = &mut self.access {
                        access.add(rows);
                    }
                    return Some(Ok(json));
                }
                Err(error) => {
                    tracing::error!(%error, "a stream of records broke off");
                    return Some(Err(error));
                }
            }
        }
    }

    /// What was trimmed is in the archive, which may be a moment in opening.
    async fn waits_for_archive<T>(&mut self, read: &Result<T, LogError>) -> bool {
        let is_opening = matches!(read, Err(LogError::History { kind: ErrorKind::Retry, .. }));
        if !is_opening || self.archive_tries == ARCHIVE_TRIES {
            return false;
        }
        self.archive_tries += 1;
        tokio::time::sleep(ARCHIVE_RETRY).await;
        !self.service.drain.is_cancelled()
    }

    fn check_token(&mut self) -> Result<(), AccessError> {
        if self.checked_at.elapsed() >= CHECK_EVERY {
            self.token.check()?;
            self.checked_at = Instant::now();
        }
        Ok(())
    }

    /// Whether there may be more, before the service stopped.
    async fn wait_for_more(&mut self) -> bool {
        let Some(scan) = &mut self.scan else { return false };
        tokio::select! {
            more = scan.wait_for_more() => more,
            () = tokio::time::sleep(CHECK_EVERY) => true,
            () = self.service.drain.cancelled() => false,
        }
    }
}
