//! `GET /v1/export/TABLE?format=…`: a table as a file, streamed from its first row to its last
//! without a row limit.

use std::io::{self, Write};
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt;
use hyper::body::Frame;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;

use super::{Passed, add_complete_to, parsed, streamed};
use crate::export::{ExportFormat, ExportQuery};
use crate::model::{Access, AccessAction, Micros, Via};
use crate::server::{For, Problem, Service, Token};
use crate::sql::AnswerStream;
use crate::trail::UnderWay;

/// Pieces on their way to a client: × 64 KiB = 1 MiB, beside the row group they are of.
const PIECES_WAITING_MAX: usize = 16;
const PIECE_BYTES: usize = 64 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportParameters {
    pub format: ExportFormat,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

pub(super) async fn stream(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    Path(table): Path<String>,
    parameters: Result<Query<ExportParameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let ExportParameters { format, from, to } = parsed(parameters)?;
    let query =
        ExportQuery::new(&table, from.as_deref(), to.as_deref(), service.zone, Micros::now())?;
    let answer = service.sql.stream(&identity.shop, &query.sql, query.values).await?;
    let complete_to = answer.complete_to;
    let asked = json!({"table": table, "format": format, "from": from, "to": to});
    let access = Access {
        query: Some(asked.to_string()),
        ..Access::new(AccessAction::Export, Via::Api, purpose)
    };
    let access = service.trail().begin(identity, access);
    let (pieces, body) = mpsc::channel(PIECES_WAITING_MAX);
    tokio::spawn(write(answer, format, pieces, access));
    let body = Sent { pieces: Some(body), passed: Passed::default() };
    let mut response = streamed(format.media_type(), futures::stream::unfold(body, Sent::next));
    add_complete_to(&mut response, complete_to);
    Ok(response)
}

/// What is on its way to a client.
enum Piece {
    Bytes(Bytes),
    /// The last of so many rows was written.
    End {
        rows: u64,
    },
}

/// The body of an export.
struct Sent {
    /// None after the end.
    pieces: Option<mpsc::Receiver<io::Result<Piece>>>,
    passed: Passed,
}

impl Sent {
    /// The next bytes of the body; at the end, how many they were. Whatever else ends the writing ends
    /// the body with an error, so that no client takes what it has for the whole.
    async fn next(mut self) -> Option<(io::Result<Frame<Bytes>>, Sent)> {
        let frame = match self.pieces.as_mut()?.recv().await {
            Some(Ok(Piece::Bytes(bytes))) => {
                self.passed.bytes += bytes.len() as u64;
                return Some((Ok(Frame::data(bytes)), self));
            }
            Some(Ok(Piece::End { rows })) => Ok(Passed { rows, ..self.passed }.trailers()),
            Some(Err(error)) => Err(error),
            None => Err(io::Error::other("the export broke off")),
        };
        self.pieces = None;
        Some((frame, self))
    }
}

/// Writes rows as they come.
async fn write(
    answer: AnswerStream,
    format: ExportFormat,
    pieces: mpsc::Sender<io::Result<Piece>>,
    mut access: UnderWay,
) {
    let last = match write_rows(answer, format, &pieces, &mut access).await {
        Ok(rows) => {
            access.finish();
            Ok(Piece::End { rows })
        }
        Err(error) => {
            tracing::warn!(%error, "an export broke off");
            Err(error)
        }
    };
    // Fails when the client went away.
    let _ = pieces.send(last).await;
}

/// How many rows were written.
async fn write_rows(
    mut answer: AnswerStream,
    format: ExportFormat,
    pieces: &mpsc::Sender<io::Result<Piece>>,
    access: &mut UnderWay,
) -> io::Result<u64> {
    let mut count = 0;
    let encoded = Encoded::default();
    let mut writer = format.writer(answer.schema, encoded.clone()).map_err(io::Error::other)?;
    loop {
        // A question that computes for long and gives nothing ends with its asker, too.
        let rows = tokio::select! {
            rows = answer.rows.next() => rows,
            () = pieces.closed() => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        let Some(rows) = rows else { break };
        let rows = rows.map_err(io::Error::other)?;
        count += rows.num_rows() as u64;
        access.add(rows.num_rows() as u64);
        tokio::task::block_in_place(|| writer.write(&rows)).map_err(io::Error::other)?;
        if encoded.len() >= PIECE_BYTES {
            send(encoded.take(), pieces).await?;
        }
    }
    tokio::task::block_in_place(|| writer.finish()).map_err(io::Error::other)?;
    send(encoded.take(), pieces).await?;
    Ok(count)
}

/// Waits while the client is slow.
async fn send(mut bytes: Bytes, pieces: &mpsc::Sender<io::Result<Piece>>) -> io::Result<()> {
    while !bytes.is_empty() {
        let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
        let sent = pieces.send(Ok(Piece::Bytes(piece))).await;
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
    }
    Ok(())
}

/// What a writer has encoded and nobody has taken yet: a batch of rows, or a row group.
#[derive(Clone, Default)]
struct Encoded {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Encoded {
    fn len(&self) -> usize {
        self.bytes.lock().len()
    }

    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.bytes.lock()).into()
    }
}

impl Write for Encoded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
