//! What the server and a worker say to each other, over a socket of their own: a head that says what
//! it is, and bytes behind it where rows are sent.
//!
//! ```text
//! length of the head, 4 bytes · length of the body, 4 bytes · head, JSON · body, rows (see ipc)
//! ```

use std::io;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::job::{Failure, Job};
use super::source::Files;
use super::stored::Stored;

/// What the server says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToWorker {
    /// Answer this.
    Job(Job),
    /// The files that were asked for.
    Files(Files),
    /// Some of the rows that were asked for, as the body.
    Tail,
    /// These were all.
    EndOfTail,
    /// Whether the files are what was written.
    Whole(Result<(), Failure>),
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToServer {
    /// Which files has the table?
    Files { table: Stored },
    /// Which rows has the table beyond them, with the columns at these places?
    Tail { table: Stored, columns: Vec<usize> },
    /// Are these files of the table what was written?
    Whole { table: Stored, paths: Vec<Arc<str>> },
    /// The columns of the answer, as the body.
    Schema,
    /// Rows of the answer, as the body.
    Rows,
    /// The answer is whole, and had so many rows; or there is none. Whatever ends without this broke
    /// off.
    End {
        rows: Result<u64, Failure>,
        /// Nothing of the question runs any longer.
        is_idle: bool,
    },
}

pub(super) async fn send(
    to: &mut (impl AsyncWrite + Unpin),
    head: &impl Serialize,
    body: &[u8],
) -> io::Result<()> {
    let head = serde_json::to_vec(head)?;
    let mut bytes = Vec::with_capacity(8 + head.len());
    for part in [head.len(), body.len()] {
        let length = u32::try_from(part).map_err(io::Error::other)?;
        bytes.extend(length.to_le_bytes());
    }
    bytes.extend(head);
    to.write_all(&bytes).await?;
    to.write_all(body).await
}

/// What comes next, neither part of it longer than `bytes_max`; `None` where the other side is gone.
pub(super) async fn receive<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
) -> io::Result<Option<(T, Vec<u8>)>> {
    let head_length = match from.read_u32_le().await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        length => length?,
    };
    let body_length = from.read_u32_le().await?;
    let head = read(from, head_length, bytes_max).await?;
    let body = read(from, body_length, bytes_max).await?;
    Ok(Some((serde_json::from_slice(&head)?, body)))
}

async fn read(
    from: &mut (impl AsyncRead + Unpin),
    length: u32,
    bytes_max: usize,
) -> io::Result<Vec<u8>> {
    let length = length as usize;
    if length > bytes_max {
        return Err(io::Error::other(format!("{length} bytes, and {bytes_max} are the most")));
    }
    let mut bytes = Vec::with_capacity(length);
    from.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_is_received_and_what_breaks_off_is_an_error() {
        let table = Stored::Turns;
        let mut sent = Vec::new();
        send(&mut sent, &ToServer::Tail { table, columns: vec![3, 4] }, b"").await.unwrap();
        send(&mut sent, &ToServer::Rows, b"rows").await.unwrap();
        let mut from = sent.as_slice();
        let (head, body) = receive::<ToServer>(&mut from, 99).await.unwrap().unwrap();
        assert!(
            matches!(head, ToServer::Tail { table: Stored::Turns, columns } if columns == [3, 4])
        );
        assert!(body.is_empty());
        let (head, body) = receive::<ToServer>(&mut from, 99).await.unwrap().unwrap();
        assert!(matches!(head, ToServer::Rows) && body == b"rows");
        assert!(receive::<ToServer>(&mut from, 99).await.unwrap().is_none());
        for cut in 5..sent.len() {
            let mut from = &sent[..cut];
            let received: Vec<_> = [
                receive::<ToServer>(&mut from, 99).await.map(|frame| frame.is_some()),
                receive::<ToServer>(&mut from, 99).await.map(|frame| frame.is_some()),
            ]
            .into();
            assert!(!received.iter().all(|frame| matches!(frame, Ok(true))), "cut at {cut}");
        }
        assert!(receive::<ToServer>(&mut sent.as_slice(), 3).await.is_err(), "too long");
    }
}
