//! A client of bytes: it says what no driver would, and reads as slowly as it likes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::Wire;

pub struct Raw {
    pub stream: TcpStream,
}

/// A message: its type, and what it holds.
pub type Message = (u8, Vec<u8>);

impl Raw {
    pub fn connect(wire: &Wire) -> Raw {
        let stream = TcpStream::connect(("127.0.0.1", wire.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Raw { stream }
    }

    /// One that has logged in.
    pub fn log_in(wire: &Wire, user: &str, token: &str) -> Raw {
        let mut raw = Raw::connect(wire);
        raw.send_packet(&startup(user));
        assert_eq!(raw.receive().unwrap(), (b'R', vec![0, 0, 0, 3]));
        raw.send(b'p', &[token.as_bytes(), b"\0"].concat());
        raw.until_ready();
        raw
    }

    /// Sends a message without a type.
    pub fn send_packet(&mut self, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        self.stream.write_all(&[&length, body].concat()).unwrap();
    }

    pub fn send(&mut self, kind: u8, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        let _ = self.stream.write_all(&[&[kind][..], &length, body].concat());
    }

    pub fn query(&mut self, sql: &str) {
        self.send(b'Q', &[sql.as_bytes(), b"\0"].concat());
    }

    pub fn parse(&mut self, name: &str, sql: &str) {
        self.send(b'P', format!("{name}\0{sql}\0\0\0").as_bytes());
    }

    /// Binds a statement without parameters to a portal.
    pub fn bind(&mut self, portal: &str, statement: &str) {
        self.send(b'B', format!("{portal}\0{statement}\0\0\0\0\0\0\0").as_bytes());
    }

    pub fn describe_portal(&mut self, portal: &str) {
        self.send(b'D', format!("P{portal}\0").as_bytes());
    }

    /// Executes a portal for so many rows, or 0: all of them.
    pub fn execute(&mut self, portal: &str, rows: i32) {
        self.send(b'E', &[portal.as_bytes(), b"\0", &rows.to_be_bytes()].concat());
    }

    /// Ends what was sent, and waits for all that is answered.
    pub fn sync(&mut self) -> Vec<Message> {
        self.send(b'S', &[]);
        self.until_ready()
    }

    /// The next message; none where the other side has closed.
    pub fn receive(&mut self) -> Option<Message> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize - 4;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some((head[0], body))
    }

    /// Messages up to the next that says the server is ready.
    pub fn until_ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let message = self.receive().unwrap_or_else(|| panic!("closed after {messages:?}"));
            if message.0 == b'Z' {
                return messages;
            }
            messages.push(message);
        }
    }

    /// What is said until the other side closes.
    pub fn until_closed(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.receive()).collect()
    }
}

/// What a client says first.
pub fn startup(user: &str) -> Vec<u8> {
    let version = 196_608_u32.to_be_bytes();
    [&version[..], b"user\0", user.as_bytes(), b"\0database\0verbatim\0\0"].concat()
}

/// The field of an error that has this letter.
pub fn field(error: &[u8], letter: u8) -> String {
    let mut fields = error.split(|byte| *byte == 0);
    let field = fields.find(|field| field.first() == Some(&letter)).unwrap_or(b" ");
    String::from_utf8(field[1..].to_vec()).unwrap()
}

/// The types of messages, in order.
pub fn kinds(messages: &[Message]) -> String {
    messages.iter().map(|(kind, _)| char::from(*kind)).collect()
}

/// The state of the last of some messages, which must be an error.
#[track_caller]
pub fn state(messages: &[Message]) -> String {
    let (kind, body) = messages.last().unwrap();
    assert_eq!(*kind, b'E', "{}", kinds(messages));
    field(body, b'C')
}
