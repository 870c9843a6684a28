//! Rows as a body: written as they come, without a bound on how many, and ended so that no client takes a
//! part for the whole.

use std::collections::BTreeMap;
use std::io;

use axum::http::{HeaderMap, header};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt;
use hyper::body::Frame;
use strum::VariantArray;
use tokio::sync::mpsc;
use utoipa::IntoResponses;
use utoipa::openapi::{self, RefOr};

use super::{COMPLETE_TO_HEADER, Passed, add_complete_to, streamed};
use crate::export::{Encoder, ExportFormat};
use crate::server::Problem;
use crate::server::auth::TokenWatch;
use crate::sql::AnswerStream;
use crate::trail::UnderWay;

/// Pieces on their way to a client: × 64 KiB = 1 MiB, beside the row group they are of.
const PIECES_WAITING_MAX: usize = 16;
const PIECE_BYTES: usize = 64 * 1024;

/// Rows of an answer, in whichever format is asked for.
pub(super) struct Rows;

impl IntoResponses for Rows {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let offset = openapi::ObjectBuilder::new().schema_type(openapi::Type::Integer);
        let header = openapi::HeaderBuilder::new()
            .schema(Some(offset))
            .description(Some("The offset below which every record is in the answer"))
            .build();
        let rows = openapi::ResponseBuilder::new()
            .description("Its rows")
            .header(COMPLETE_TO_HEADER, header);
        let rows = ExportFormat::VARIANTS.iter().fold(rows, |rows, format| {
            rows.content(format.media_type(), openapi::ContentBuilder::new().build())
        });
        BTreeMap::from([("200".to_string(), RefOr::T(rows.build()))])
    }
}

/// The format a client asks for: by a parameter, or the first that stands in `Accept`, or JSON.
pub(super) fn format_asked(said: Option<ExportFormat>, headers: &HeaderMap) -> ExportFormat {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let place_of = |format: &ExportFormat| {
        let media_type = format.media_type();
        accept.find(media_type.split(';').next().unwrap_or(media_type))
    };
    let accepted = ExportFormat::VARIANTS.iter().filter(|format| place_of(format).is_some());
    said.or_else(|| accepted.copied().min_by_key(place_of)).unwrap_or(ExportFormat::Json)
}

/// An answer as it comes, for as long as the `token` counts; `access` is recorded when it is whole, or broke off.
pub(super) fn streamed_rows(
    answer: AnswerStream,
    format: ExportFormat,
    access: UnderWay,
    token: TokenWatch,
) -> Result<Response, Problem> {
    let complete_to = answer.complete_to;
    let encoder = Encoder::new(format, answer.schema.clone())?;
    let (pieces, body) = mpsc::channel(PIECES_WAITING_MAX);
    tokio::spawn(write(answer, encoder, pieces, access, token));
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

/// The body of an answer.
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
            None => Err(io::Error::other("the answer broke off")),
        };
        self.pieces = None;
        Some((frame, self))
    }
}

/// Writes rows as they come. Where the token ends first, what is on its way to the client is the last of them.
async fn write(
    answer: AnswerStream,
    encoder: Encoder,
    pieces: mpsc::Sender<io::Result<Piece>>,
    mut access: UnderWay,
    token: TokenWatch,
) {
    let written = tokio::select! {
        written = write_rows(answer, encoder, &pieces, &mut access) => written,
        ended = token.ended() => Err(io::Error::other(ended)),
    };
    let last = match written {
        Ok(rows) => {
            access.finish();
            Ok(Piece::End { rows })
        }
        Err(error) => {
            tracing::warn!(%error, "an answer broke off");
            Err(error)
        }
    };
    // Fails when the client went away.
    let _ = pieces.send(last).await;
}

/// How many rows were written.
async fn write_rows(
    mut answer: AnswerStream,
    mut encoder: Encoder,
    pieces: &mpsc::Sender<io::Result<Piece>>,
    access: &mut UnderWay,
) -> io::Result<u64> {
    let mut count = 0;
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
        for part in encoder.parts(&rows) {
            tokio::task::block_in_place(|| encoder.write(&part)).map_err(io::Error::other)?;
            if encoder.len() >= PIECE_BYTES {
                send(encoder.take(), pieces).await?;
            }
        }
    }
    let last = tokio::task::block_in_place(|| encoder.finish()).map_err(io::Error::other)?;
    send(last, pieces).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_that_a_client_names_first_is_sent() {
        for (accept, format) in [
            ("", ExportFormat::Json),
            ("*/*", ExportFormat::Json),
            ("application/json, text/csv", ExportFormat::Json),
            ("text/csv, application/json;q=0.5", ExportFormat::Csv),
            ("application/vnd.apache.arrow.stream, text/csv", ExportFormat::Arrow),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(format_asked(None, &headers), format, "{accept}");
        }
        let csv = HeaderMap::from_iter([(header::ACCEPT, "text/csv".parse().unwrap())]);
        assert_eq!(format_asked(Some(ExportFormat::Arrow), &csv), ExportFormat::Arrow);
    }
}
