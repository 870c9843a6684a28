//! `GET /v1/export/TABLE?format=…`: a table as a file, streamed from its first row to its last
//! without a row limit.

use std::io::{self, Write};

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{add_complete_to, parsed};
use crate::access::Action;
use crate::export::{ExportFormat, ExportQuery};
use crate::model::Micros;
use crate::server::{Problem, Service, Token};
use crate::sql::AnswerStream;

/// Chunks on their way to a client: × 64 KiB = 1 MiB.
const CHUNKS_WAITING_MAX: usize = 16;
const CHUNK_BYTES: usize = 64 * 1024;

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
    Path(table): Path<String>,
    parameters: Result<Query<ExportParameters>, QueryRejection>,
) -> Result<Response, Problem> {
    identity.require(Action::Export)?;
    let ExportParameters { format, from, to } = parsed(parameters)?;
    let query =
        ExportQuery::new(&table, from.as_deref(), to.as_deref(), service.zone, Micros::now())?;
    let answer = service.sql.stream(&identity.shop, &query.sql, query.values).await?;
    let complete_to = answer.complete_to;
    let (chunks, body) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::spawn(write(answer, format, chunks));
    let body =
        Body::from_stream(futures::stream::unfold(body, async |mut body: mpsc::Receiver<_>| {
            Some((body.recv().await?, body))
        }));
    let mut response = ([(header::CONTENT_TYPE, format.media_type())], body).into_response();
    add_complete_to(&mut response, complete_to);
    Ok(response)
}

/// Writes rows as they come. An error ends the answer broken off, which the client sees as
/// incomplete.
async fn write(
    mut answer: AnswerStream,
    format: ExportFormat,
    chunks: mpsc::Sender<io::Result<Bytes>>,
) {
    let written = async {
        let out = io::BufWriter::with_capacity(CHUNK_BYTES, ChunkWriter { chunks: chunks.clone() });
        let mut writer = format.writer(answer.schema, out).map_err(io::Error::other)?;
        while let Some(rows) = answer.rows.next().await {
            let rows = rows.map_err(io::Error::other)?;
            tokio::task::block_in_place(|| writer.write(&rows)).map_err(io::Error::other)?;
        }
        tokio::task::block_in_place(|| writer.finish()).map_err(io::Error::other)
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, "an export broke off");
        // Fails when the error is that the client went away.
        let _ = chunks.send(Err(error)).await;
    }
}

/// Passes bytes to the answer's body, waiting while the client is slow.
struct ChunkWriter {
    chunks: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = Bytes::copy_from_slice(bytes);
        self.chunks
            .blocking_send(Ok(chunk))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
