//! A WebSocket client of the relay.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::support::{PATIENCE, Server};

/// One end of a WebSocket.
pub struct Socket<S = TcpStream> {
    stream: WebSocketStream<S>,
}

/// What comes from the server.
#[derive(Debug)]
pub enum Received {
    Frame(Value),
    /// The connection is over, with the code of its close frame if one came.
    Closed(Option<u16>),
}

impl Socket {
    pub async fn open(server: &Server, token: &str) -> Socket {
        Socket::try_open(&server.url, token, &[]).await.unwrap()
    }

    /// One that takes little in before it is read, as a device on a bad line does.
    pub async fn open_narrow(server: &Server, token: &str) -> Socket {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        Socket::over(socket, &server.url, token, &[]).await.unwrap()
    }

    /// The handshake's refusal is the error.
    pub async fn try_open(
        url: &str,
        token: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, Error> {
        Socket::over(TcpSocket::new_v4().unwrap(), url, token, headers).await
    }

    async fn over(
        socket: TcpSocket,
        url: &str,
        token: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, Error> {
        let address = url.strip_prefix("http://").unwrap();
        let mut request = format!("ws://{address}/v1/ws").into_client_request().unwrap();
        if !token.is_empty() {
            request
                .headers_mut()
                .insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = socket.connect(address.parse().unwrap()).await?;
        let (stream, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Socket { stream })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// One whose handshake is done.
    pub fn of(stream: WebSocketStream<S>) -> Socket<S> {
        Socket { stream }
    }

    pub async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// The server may have gone away meanwhile.
    pub async fn try_send(&mut self, message: Message) -> Result<(), Error> {
        self.stream.send(message).await
    }

    pub async fn send_event(&mut self, event: Value) {
        self.send(json!({"type": "send", "event": event})).await;
    }

    pub async fn subscribe(&mut self, conversation: &str, after_seq: u64) {
        self.send(
            json!({"type": "subscribe", "conversation": conversation, "after_seq": after_seq}),
        )
        .await;
    }

    /// The next frame as it was written, pings left out; else the code of the close frame, if one came.
    pub async fn text(&mut self) -> Result<String, Option<u16>> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next())
                .await
                .expect("the server says nothing");
            match next {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|frame| frame.code.into()));
                }
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// The next thing heard.
    pub async fn receive(&mut self) -> Received {
        match self.text().await {
            Ok(text) => Received::Frame(serde_json::from_str(&text).unwrap()),
            Err(code) => Received::Closed(code),
        }
    }

    /// The next frame.
    #[track_caller]
    pub fn frame(&mut self) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            match self.receive().await {
                Received::Frame(frame) => frame,
                Received::Closed(code) => panic!("{caller}: the connection was closed: {code:?}"),
            }
        }
    }

    /// The next frame, if one comes in time.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn frame_within(&mut self, time: Duration) -> Result<Option<Value>, ()> {
        match tokio::time::timeout(time, self.receive()).await {
            Err(_) => Ok(None),
            Ok(Received::Frame(frame)) => Ok(Some(frame)),
            Ok(Received::Closed(_)) => Err(()),
        }
    }

    /// The next frame, which must be of this type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let frame = self.frame().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }
}
