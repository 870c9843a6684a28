//! WebSockets of clients, and the frames they exchange.

use std::net::SocketAddr;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::SHOP;
use super::server::Server;

pub type Socket = WebSocketStream<TcpStream>;

/// Bytes a client's socket reads at once: ten thousand of them are in this process.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Sockets that are opened at once.
const OPENED_AT_ONCE: usize = 64;

/// Where sockets are opened.
#[derive(Clone)]
pub struct Host {
    pub address: SocketAddr,
    pub token: Option<String>,
}

impl Server {
    /// For sockets of one subject, who may do everything.
    pub fn host(&self, subject: &str) -> Host {
        let address = self.address().parse().expect("an address");
        Host { address, token: Some(self.token_of(subject, SHOP)) }
    }
}

impl Host {
    pub async fn connect(&self) -> Socket {
        let mut request = format!("ws://{}/v1/ws", self.address).into_client_request().unwrap();
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", bearer);
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
        let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        opened.await.unwrap().0
    }

    pub async fn connect_many(&self, count: usize) -> Vec<Socket> {
        let sockets = futures::stream::iter(0..count).map(|_| self.connect());
        sockets.buffer_unordered(OPENED_AT_ONCE).collect().await
    }
}

pub fn message(conversation: &str, id: &str) -> Message {
    let sender = json!({"id": "cust-1", "role": "customer"});
    let event = json!({"id": id, "conversation": conversation, "kind": "message",
        "text": "the cup arrived broken", "sender": sender});
    Message::text(json!({"type": "send", "event": event}).to_string())
}

pub fn subscription(conversation: &str) -> Message {
    let frame = json!({"type": "subscribe", "conversation": conversation, "after_seq": 0});
    Message::text(frame.to_string())
}

/// Subscribes, and waits until the server has done so.
pub async fn subscribe(socket: &mut Socket, conversation: &str) {
    socket.send(subscription(conversation)).await.unwrap();
    socket.send(Message::text(r#"{"type":"ping"}"#)).await.unwrap();
    while !next_text(socket).await.contains(r#""type":"pong""#) {}
}

/// The next frame of text.
pub async fn next_text(
    socket: &mut (impl StreamExt<Item = Result<Message, Error>> + Unpin),
) -> Utf8Bytes {
    loop {
        let message = socket.next().await.expect("the socket stays open").expect("a frame");
        if let Message::Text(text) = message {
            assert!(!text.contains(r#""type":"error""#), "{text}");
            return text;
        }
    }
}
