//! `verbatim serve` as a process of its own, and the connections over which it is asked.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;
use verbatim::app::Status;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_verbatim");
/// Linux counts CPU time in hundredths of a second, whatever the kernel's own tick is.
const TICKS_PER_SECOND: f64 = 100.0;
/// One subject sends here what thousands would.
const SETTINGS: &str = "requests_per_second = 1000000\n";
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);

pub struct Server {
    child: Child,
    data: PathBuf,
    address: String,
}

impl Server {
    pub fn start(data: &Path) -> Server {
        let settings = data.join("verbatim.toml");
        if !settings.exists() {
            fs::create_dir_all(data).expect("the data directory can be made");
            fs::write(settings, SETTINGS).expect("its settings can be written");
        }
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stderr(Stdio::piped())
            .spawn()
            .expect("verbatim serve starts");
        let mut says = BufReader::new(child.stderr.take().expect("its stderr is piped"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(
                says.read_line(&mut line).expect("its stderr is text") > 0,
                "verbatim serve ended at once"
            );
            match line.trim().strip_prefix("listening on http://") {
                Some(address) => break address.to_string(),
                None => eprint!("serve: {line}"),
            }
        };
        std::thread::spawn(move || {
            says.lines().map_while(Result::ok).for_each(|line| eprintln!("serve: {line}"))
        });
        Server { child, data: data.to_path_buf(), address }
    }

    /// A token that allows everything in one shop.
    pub fn token_of(&self, subject: &str, shop: &str) -> String {
        let token = Command::new(PROGRAM)
            .args(["token", "--sub", subject, "--role", "admin", "--shop", shop, "--data"])
            .arg(&self.data)
            .output()
            .expect("verbatim token runs");
        assert!(token.status.success(), "verbatim token failed");
        String::from_utf8(token.stdout).expect("a token is text").trim().to_string()
    }

    /// Where it listens: `IP:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A connection that may do everything in one shop.
    pub fn connect(&self, shop: &str) -> Connection {
        let token = self.token_of("bench", shop);
        let stream = TcpStream::connect(self.address()).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(ANSWER_TIME_MAX)).expect("a TCP socket");
        let lead = format!("Host: {}\r\nAuthorization: Bearer {token}\r\n", self.address);
        Connection { reader: BufReader::with_capacity(256 * 1024, stream), lead }
    }

    pub fn status(&self, connection: &mut Connection) -> Status {
        connection.get_json("/v1/status")
    }

    /// User and system time of all its threads, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&self.child)
    }

    /// `VmHWM`, `RssAnon`, … of /proc/PID/status, in bytes.
    pub fn memory_bytes(&self, name: &str) -> u64 {
        memory_bytes(&self.child, name).expect("the server runs")
    }

    /// Lets `VmHWM` begin anew from what it has now.
    pub fn forget_peak(&self) {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        fs::write(path, "5").expect("the kernel forgets it");
    }

    /// Waits until it has nothing left to do in the background (merges of segments and files), for
    /// a minute at most.
    pub fn settle(&self) {
        for _ in 0..120 {
            let before = self.cpu_seconds();
            std::thread::sleep(Duration::from_millis(500));
            if self.cpu_seconds() - before < 0.02 {
                return;
            }
        }
        eprintln!("the server is still busy after a minute; the figures of queries suffer from it");
    }

    /// Stops it in order.
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().expect("kill runs").success());
        assert!(
            self.child.wait().expect("it is our child").success(),
            "verbatim serve failed at its end"
        );
    }
}

/// User and system time of all threads of a running process, in seconds.
pub fn cpu_seconds(child: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("it runs");
    // The name in parentheses may hold spaces; after it comes field 3.
    let (_, fields) = stat.rsplit_once(") ").expect("a stat line");
    let ticks = |number: usize| -> f64 {
        fields.split(' ').nth(number - 3).and_then(|field| field.parse().ok()).expect("a number")
    };
    (ticks(14) + ticks(15)) / TICKS_PER_SECOND
}

/// A line of /proc/PID/status, in bytes; `None` once the process has ended.
pub fn memory_bytes(child: &Child, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024)
}

impl Drop for Server {
    /// After a failed check nothing may be left running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One keep-alive connection: an HTTP client of our own, just enough for these answers. It shares
/// the cores with the server that is measured, and what a client library spends on each request
/// would count against the server.
pub struct Connection {
    reader: BufReader<TcpStream>,
    lead: String,
}

impl Connection {
    /// Sends `body` and reads the whole answer, which must be a 200.
    pub fn post(&mut self, path: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "POST {path} HTTP/1.1\r\n{}Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            self.lead,
            body.len()
        );
        self.write(head.as_bytes());
        self.write(body);
        self.answer(path)
    }

    pub fn get(&mut self, path: &str) -> Vec<u8> {
        let head = format!("GET {path} HTTP/1.1\r\n{}\r\n", self.lead);
        self.write(head.as_bytes());
        self.answer(path)
    }

    /// How many bytes are sent to a browser, which takes them packed.
    #[allow(dead_code, reason = "not every benchmark looks at pages")]
    pub fn bytes_sent(&mut self, path: &str) -> usize {
        let head = format!("GET {path} HTTP/1.1\r\n{}Accept-Encoding: gzip\r\n\r\n", self.lead);
        self.write(head.as_bytes());
        self.answer(path).len()
    }

    pub fn get_json<T: DeserializeOwned>(&mut self, path: &str) -> T {
        serde_json::from_slice(&self.get(path)).expect("the answer is what was asked for")
    }

    fn write(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).expect("the server takes a request");
    }

    fn answer(&mut self, path: &str) -> Vec<u8> {
        let mut length = Some(0);
        let mut head = String::new();
        loop {
            let from = head.len();
            self.reader.read_line(&mut head).expect("the server answers");
            let line = head[from..].trim_end();
            if line.is_empty() {
                break;
            }
            match line.to_ascii_lowercase().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().ok(),
                Some(("transfer-encoding", "chunked")) => length = None,
                _ => {}
            }
        }
        let body = match length {
            Some(length) => self.bytes(length),
            None => self.chunks(),
        };
        assert!(
            head.starts_with("HTTP/1.1 200"),
            "{path}: {head}{}",
            String::from_utf8_lossy(&body)
        );
        body
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes).expect("the server answers in full");
        bytes
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).expect("the server answers in full");
            let length = usize::from_str_radix(line.trim(), 16).expect("the length of a chunk");
            body.extend(self.bytes(length));
            assert_eq!(self.bytes(2), b"\r\n");
            if length == 0 {
                return body;
            }
        }
    }
}
