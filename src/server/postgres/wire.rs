//! Bytes of one connection: messages cut out of what comes, and what goes gathered until it is worth to
//! be sent.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::FutureExt;
use pgwire::messages::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::server::TlsStream;

/// Above it what is gathered is sent, while more is made.
const SEND_BYTES: usize = 64 * 1024;
/// What is read while a statement runs: messages that a client sends ahead. More waits in the socket, and
/// behind what does not fit there an end cannot be seen: so much that few send more.
const AHEAD_BYTES_MAX: usize = 1024 * 1024;
/// Length of a message, which counts itself.
const LENGTH_BYTES: usize = 4;

/// How often it is looked whether a client has left that sent more ahead than is read.
const LEFT_LOOKED_EVERY: Duration = Duration::from_millis(250);

pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {
    /// Whether the other side has closed, also where what it sent before is still to be read.
    fn is_left(&self) -> bool;
}

impl Socket for Pin<Box<TimeoutStream<TcpStream>>> {
    fn is_left(&self) -> bool {
        let ready = self.get_ref().ready(Interest::READABLE).now_or_never();
        ready.is_some_and(|ready| ready.is_ok_and(|ready| ready.is_read_closed()))
    }
}

impl Socket for Box<dyn Socket> {
    fn is_left(&self) -> bool {
        (**self).is_left()
    }
}

impl<S: Socket> Socket for TlsStream<S> {
    fn is_left(&self) -> bool {
        self.get_ref().0.is_left()
    }
}

pub(super) struct Wire {
    socket: Box<dyn Socket>,
    came: BytesMut,
    pub(super) out: BytesMut,
}

/// Why nothing more can be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The client is gone.
    Gone,
    /// A message says that it is so long.
    Length { said: i64, max: usize },
}

impl From<io::Error> for Unreadable {
    fn from(_: io::Error) -> Unreadable {
        Unreadable::Gone
    }
}

impl Wire {
    pub(super) fn over(socket: Box<dyn Socket>) -> Wire {
        Wire { socket, came: BytesMut::new(), out: BytesMut::new() }
    }

    /// The socket alone, where nothing was read beyond what was asked for.
    pub(super) fn into_socket(self) -> Option<Box<dyn Socket>> {
        self.came.is_empty().then_some(self.socket)
    }

    /// The next message without a type, as the first are.
    pub(super) async fn packet(&mut self, bytes_max: usize) -> Result<Bytes, Unreadable> {
        let mut message = self.take(0, bytes_max).await?;
        message.advance(LENGTH_BYTES);
        Ok(message)
    }

    /// The next message: its type, and what it holds. May be given up and called again.
    pub(super) async fn message(&mut self, bytes_max: usize) -> Result<(u8, Bytes), Unreadable> {
        let mut message = self.take(1, bytes_max).await?;
        let kind = message.get_u8();
        message.advance(LENGTH_BYTES);
        Ok((kind, message))
    }

    /// The next message, its length behind `head` bytes.
    async fn take(&mut self, head: usize, bytes_max: usize) -> Result<Bytes, Unreadable> {
        self.fill(head + LENGTH_BYTES).await?;
        let said = i64::from((&self.came[head..]).get_i32());
        let bytes =
            usize::try_from(said).ok().filter(|bytes| (LENGTH_BYTES..=bytes_max).contains(bytes));
        let bytes = bytes.ok_or(Unreadable::Length { said, max: bytes_max })?;
        self.fill(head + bytes).await?;
        Ok(self.came.split_to(head + bytes).freeze())
    }

    /// Reads until so many bytes are there.
    async fn fill(&mut self, bytes: usize) -> Result<(), Unreadable> {
        while self.came.len() < bytes {
            if self.socket.read_buf(&mut self.came).await? == 0 {
                return Err(Unreadable::Gone);
            }
        }
        Ok(())
    }

    /// Waits until the client is gone; what it says meanwhile is kept. May be given up.
    pub(super) async fn gone(&mut self) {
        while self.came.len() < AHEAD_BYTES_MAX {
            if !matches!(self.socket.read_buf(&mut self.came).await, Ok(1..)) {
                return;
            }
        }
        // What more was sent stays in the socket, and the end behind it.
        while !self.socket.is_left() {
            tokio::time::sleep(LEFT_LOOKED_EVERY).await;
        }
    }

    /// Gathers a message.
    pub(super) fn put(&mut self, message: impl Message) {
        // Nothing of ours is longer than a message may be: rows are bounded where they are made.
        if let Err(error) = message.encode(&mut self.out) {
            tracing::error!(%error, "a message could not be written");
        }
    }

    /// Gathers one byte, as the answer to a request for encryption is.
    pub(super) fn put_byte(&mut self, byte: u8) {
        self.out.extend_from_slice(&[byte]);
    }

    /// Whether enough is gathered to be sent.
    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= SEND_BYTES
    }

    /// Sends what is gathered.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.socket.write_all_buf(&mut self.out).await?;
        self.socket.flush().await
    }

    /// Sends what is gathered, and says that nothing more comes.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.socket.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Whoever sent more ahead than is read, and left, was waited for until the statement ended.
    #[tokio::test]
    async fn a_client_that_left_is_noticed_behind_what_it_sent_ahead() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut wire = Wire::over(Box::new(Box::pin(TimeoutStream::new(stream))));
        let sent = tokio::spawn(async move {
            let mut client = client;
            client.write_all(&vec![b'x'; AHEAD_BYTES_MAX + 1_000]).await.unwrap();
            client
        });
        let still_there = tokio::time::timeout(4 * LEFT_LOOKED_EVERY, wire.gone()).await;
        assert!(still_there.is_err(), "it has not left");
        assert!(wire.came.len() >= AHEAD_BYTES_MAX);
        drop(sent.await.unwrap());
        let noticed = tokio::time::timeout(Duration::from_secs(10), wire.gone()).await;
        assert!(noticed.is_ok());
    }
}
