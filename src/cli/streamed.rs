//! Rows that a server streams: taken from its body as they come, and whole where it says so at the end.

use std::collections::VecDeque;

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use reqwest::Response;
use reqwest::header::HeaderMap;

use crate::export::{ArrowDecoder, BoxedError, Incoming, RecordBatch};
use crate::model::Offset;
use crate::server::{BYTES_TRAILER, ROWS_TRAILER};

/// The answer in a body that is an Arrow stream; its columns have come when this returns.
pub(super) async fn incoming(complete_to: Offset, response: Response) -> anyhow::Result<Incoming> {
    let mut body = Body::new(reqwest::Body::from(response));
    let mut ready = VecDeque::new();
    let schema = loop {
        if let Some(schema) = body.decoder.schema() {
            break schema;
        }
        match body.more().await? {
            Some(batches) => ready.extend(batches),
            None => bail!("the server's answer has no columns"),
        }
    };
    let rows = futures::stream::try_unfold((body, ready), async |(mut body, mut ready)| {
        loop {
            if let Some(batch) = ready.pop_front() {
                return Ok(Some((batch, (body, ready))));
            }
            match body.more().await? {
                Some(batches) => ready.extend(batches),
                None => return anyhow::Ok(None),
            }
        }
    });
    let rows = rows.map_err(|error: anyhow::Error| BoxedError::from(error)).boxed();
    Ok(Incoming { complete_to, schema, rows })
}

/// The number that a header, or what comes behind a body, has under this name.
pub(super) fn number_of(headers: &HeaderMap, header: &str) -> anyhow::Result<u64> {
    let value = headers.get(header).and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.parse().ok())
        .with_context(|| format!("the server's answer has no number in `{header}`"))
}

struct Body {
    frames: reqwest::Body,
    decoder: ArrowDecoder,
    bytes: u64,
    rows: u64,
    end: Option<HeaderMap>,
}

impl Body {
    fn new(frames: reqwest::Body) -> Body {
        Body { frames, decoder: ArrowDecoder::default(), bytes: 0, rows: 0, end: None }
    }

    /// What is whole with the next bytes; none at the end, which must be the one that the server says.
    async fn more(&mut self) -> anyhow::Result<Option<Vec<RecordBatch>>> {
        while let Some(frame) = self.frames.frame().await {
            match frame.context("the server broke off the answer")?.into_data() {
                Ok(data) => {
                    self.bytes += data.len() as u64;
                    let batches = self.decoder.decode(data)?;
                    self.rows += batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
                    return Ok(Some(batches));
                }
                Err(last) => self.end = last.into_trailers().ok(),
            }
        }
        self.decoder.finish().context("the server broke off the answer")?;
        let end = self.end.take().context("the server did not say that the answer is whole")?;
        for (what, came, trailer) in
            [("bytes", self.bytes, BYTES_TRAILER), ("rows", self.rows, ROWS_TRAILER)]
        {
            let sent = number_of(&end, trailer)?;
            if sent != came {
                bail!("the server sent an answer of {sent} {what}, of which {came} came");
            }
        }
        Ok(None)
    }
}
