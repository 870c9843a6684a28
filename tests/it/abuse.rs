//! WebSockets used as no client should, and readers that stop: each is refused or cut off, the others
//! go on, and the service's memory stays as it was.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data as Kind, OpCode};
use verbatim::access::TokenRole::Human;

use super::socket::{Received, Socket};
use super::support::{Data, PATIENCE, SHOP, Server, message};

/// More memory than this is taken by nobody.
const MORE_MIB_MAX: u64 = 64;

/// Sends a frame as it is; the relay may have gone away meanwhile.
async fn send_raw(socket: &mut Socket, bytes: Vec<u8>, opcode: OpCode, is_final: bool) -> bool {
    let frame = Frame::message(bytes, opcode, is_final);
    socket.try_send(Message::Frame(frame)).await.is_ok()
}

async fn is_cut_off(socket: &mut Socket) {
    let deadline = Instant::now() + PATIENCE;
    while let Received::Frame(frame) = socket.receive().await {
        assert_eq!(frame["type"], "error", "{frame}");
        assert!(Instant::now() < deadline, "it is still open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn abused_websockets_cost_little_and_nobody_else_notices() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let token = data.token(SHOP, "anna", &[Human]);
    let mut other = Socket::open(&server, &token).await;
    other.send_event(message("c1", "m1", "human", "anna", "before")).await;
    other.expect("ack").await;
    let before = server.memory_mib("VmRSS");

    // Forty at once announce a frame of 17 MB, and send it.
    let text = "x".repeat(17 << 20);
    let mut large = Vec::new();
    for _ in 0..40 {
        let mut socket = Socket::open(&server, &token).await;
        let _ = socket.try_send(Message::text(text.clone())).await;
        large.push(socket);
    }
    for socket in &mut large {
        is_cut_off(socket).await;
    }
    // A message of one byte a frame, without end.
    let mut dripping = Socket::open(&server, &token).await;
    let mut opcode = OpCode::Data(Kind::Text);
    let mut sent = 0;
    while sent < 300_000 && send_raw(&mut dripping, vec![b'x'], opcode, false).await {
        opcode = OpCode::Data(Kind::Continue);
        sent += 1;
    }
    is_cut_off(&mut dripping).await;
    // The same with an end is a frame like any other.
    let mut whole = Socket::open(&server, &token).await;
    let ping = br#"{"type":"ping"}"#;
    for (at, byte) in ping.iter().enumerate() {
        let opcode = OpCode::Data(if at == 0 { Kind::Text } else { Kind::Continue });
        assert!(send_raw(&mut whole, vec![*byte], opcode, at + 1 == ping.len()).await);
    }
    whole.expect("pong").await;
    // Pings, of which nobody hears the answers.
    let mut flooding = Socket::open_narrow(&server, &token).await;
    let flood = async {
        for _ in 0..200_000 {
            if flooding.try_send(Message::Ping(vec![0; 125].into())).await.is_err() {
                break;
            }
        }
    };
    // A relay that takes no more of them is as good as one that cuts off.
    let _ = tokio::time::timeout(Duration::from_secs(3), flood).await;
    // Handshakes that never end.
    let address = server.url.strip_prefix("http://").unwrap();
    let half = "GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upg";
    let half_open: Vec<TcpStream> = (0..2_000)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(address).ok()?;
            stream.write_all(half.as_bytes()).ok()?;
            Some(stream)
        })
        .collect();
    assert!(half_open.len() > 500, "{} came in", half_open.len());

    other.send_event(message("c1", "m2", "human", "anna", "after")).await;
    assert_eq!(other.expect("ack").await["seq"], 2);
    let after = server.memory_mib("VmRSS");
    println!("abused: {before} MiB before, {after} MiB after");
    assert!(after < before + MORE_MIB_MAX, "{before} MiB before, {after} MiB after");
    server.assert_alive();
    drop((half_open, flooding));
    assert_eq!(server.stop(), 0);
}

/// Many readers stop, some while much more is said to each than any of them takes in, some amid the
/// same from the log: a resume held sixteen megabytes for each.
#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stop_take_no_memory_of_others() {
    const READERS: usize = 100;
    let memory = async |readers: usize| {
        let data = Data::new();
        let mut server = Server::start(&data);
        let token = data.token(SHOP, "bert", &[Human]);
        let mut stopped = Vec::new();
        let stop_reading = async |stopped: &mut Vec<Socket>| {
            for _ in 0..readers {
                let mut socket = Socket::open_narrow(&server, &token).await;
                socket.subscribe("c1", 0).await;
                stopped.push(socket);
            }
        };
        stop_reading(&mut stopped).await;
        let mut prompt = Socket::open(&server, &token).await;
        prompt.subscribe("c1", 0).await;
        let human = server.http_as(&data, "anna", &[Human]);
        let text = "x".repeat(30_000);
        let mut heard = 0;
        // 12 MB to each, which would be 1.2 GB.
        for batch in 0..8 {
            let events: Vec<Value> = (0..50)
                .map(|number| {
                    let id = format!("m{}", batch * 50 + number);
                    message("c1", &id, "human", "anna", &text)
                })
                .collect();
            human.events(&events).await;
            while heard < (batch + 1) * 50 {
                prompt.expect("event").await;
                heard += 1;
            }
        }
        stop_reading(&mut stopped).await;
        // Each of them is amid its resume.
        for socket in stopped.iter_mut().skip(readers) {
            socket.expect("event").await;
        }
        let resident = server.memory_mib("VmRSS");
        server.assert_alive();
        assert_eq!(server.stop(), 0);
        resident
    };
    let (without, with) = (memory(0).await, memory(READERS).await);
    println!("12 MB of messages: {without} MiB, beside {READERS} readers that stopped {with} MiB");
    assert!(with < without + MORE_MIB_MAX, "{without} MiB without, {with} MiB with");
}
