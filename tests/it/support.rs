//! What every test needs: a data directory that goes away, the `verbatim` binary as command and as
//! server, HTTP.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};
use verbatim::access::{Identity, TokenRole, Tokens};
use verbatim::export::EXPORT_TABLES;

use super::command::{Ran, command, ran};

/// Longest anything here may take before the test gives up: generous, since the machine is shared.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Says that a test tries nothing, and why. Where `CI` is set it fails: what is green there was tried.
pub fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "where CI is set nothing is skipped: {why}");
    println!("skipped: {why}");
}

/// The shop of most tests; the command line's default.
pub const SHOP: &str = "main";

/// How often a test tries its luck: `usually`, or as the environment says.
pub fn trials(variable: &str, usually: u64) -> u64 {
    std::env::var(variable).map_or(usually, |count| count.parse().unwrap())
}

/// Chance that can be had again: `VERBATIM_SEED` is printed where a test begins, and taken where set.
pub fn seeded(what: &str) -> StdRng {
    let seed = trials("VERBATIM_SEED", rand::random());
    println!("{what}: VERBATIM_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// A data directory of one test. What the test leaves in it is audited: whatever was sent, killed or
/// asked, the stores must hold the same.
pub struct Data {
    dir: tempfile::TempDir,
    is_damaged: Cell<bool>,
}

impl Drop for Data {
    fn drop(&mut self) {
        let is_there = self.path().join("format").is_file();
        if !is_there || self.is_damaged.get() || std::thread::panicking() {
            return;
        }
        self.succeeds(["audit"]);
    }
}

impl Data {
    pub fn new() -> Data {
        Data::within(&std::env::temp_dir())
    }

    /// One on another disk.
    pub fn within(folder: &Path) -> Data {
        Data { dir: tempfile::tempdir_in(folder).unwrap(), is_damaged: Cell::new(false) }
    }

    /// This test damages the directory on purpose and does not mend it.
    pub fn is_left_damaged(&self) {
        self.is_damaged.set(true);
    }

    /// One whose stores commit often, for tests that look at what is committed.
    pub fn committing_often() -> Data {
        let data = Data::new();
        data.set("commit_interval_ms = 50\n");
        data
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A file of this test beside the data directory.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A path beside the data directory, where nothing is yet.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command on this directory.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        let mut command = command();
        command.args(arguments).arg("--data").arg(self.path());
        ran(command)
    }

    /// Runs a command that must end with exit code 0, and gives what it wrote to stdout.
    #[track_caller]
    pub fn succeeds<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let ran = self.run(arguments);
        ran.assert_code(0);
        ran.stdout
    }

    /// Rows of a query, through the command line.
    #[track_caller]
    pub fn rows(&self, query: &str) -> Vec<Value> {
        serde_json::from_str(&self.succeeds(["sql", query, "--format", "json"])).unwrap()
    }

    /// The one number a query answers with.
    #[track_caller]
    pub fn number(&self, query: &str) -> i64 {
        let rows = self.rows(query);
        rows[0].as_object().unwrap().values().next().unwrap().as_i64().unwrap()
    }

    /// Settings for the next start.
    pub fn set(&self, settings: &str) {
        std::fs::create_dir_all(self.path()).unwrap();
        std::fs::write(self.path().join("verbatim.toml"), settings).unwrap();
    }

    pub fn token(&self, shop: &str, subject: &str, roles: &[TokenRole]) -> String {
        self.issue(shop, subject, roles, Duration::from_secs(3_600))
    }

    /// A token of [`SHOP`] that ends soon.
    pub fn token_for(&self, subject: &str, roles: &[TokenRole], life: Duration) -> String {
        self.issue(SHOP, subject, roles, life)
    }

    fn issue(&self, shop: &str, subject: &str, roles: &[TokenRole], life: Duration) -> String {
        let (shop, subject) = (shop.to_string(), subject.to_string());
        let identity = Identity { subject, shop, roles: roles.to_vec() };
        let tokens = Tokens::open_or_create(&self.path().join("keys")).unwrap();
        tokens.issue(&identity, life).unwrap()
    }

    /// A token of this directory's key that ran out a minute ago.
    pub fn expired_token(&self, role: TokenRole) -> String {
        let key = std::fs::read_to_string(self.path().join("keys/token.key")).unwrap();
        let key = jsonwebtoken::EncodingKey::from_secret(&hex::decode(key.trim()).unwrap());
        let expired = jsonwebtoken::get_current_timestamp() - 60;
        let claims = json!({"sub": "anna", "shop": SHOP, "roles": [role], "exp": expired});
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
    }
}

/// A running `verbatim serve`. Killed when dropped.
pub struct Server {
    child: Child,
    pub url: String,
    stderr: Arc<Mutex<String>>,
}

impl Server {
    pub fn start(data: &Data) -> Server {
        Server::start_as(data, |_| {})
    }

    /// One whose stores are open: a question that comes before may be told to ask again.
    pub async fn ready(data: &Data) -> Server {
        let server = Server::start(data);
        let anybody = server.http_as(data, "anybody", &[TokenRole::Analyst]);
        let deadline = Instant::now() + PATIENCE;
        while anybody.sql("select 1").await.status != 200 {
            assert!(Instant::now() < deadline, "{}", server.stderr());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    /// One whose command was changed.
    pub fn start_as(data: &Data, change: impl FnOnce(&mut Command)) -> Server {
        Server::try_start(data, change).unwrap_or_else(|said| panic!("{said}"))
    }

    /// One that may not start; then what it said.
    pub fn try_start(data: &Data, change: impl FnOnce(&mut Command)) -> Result<Server, String> {
        Starting::spawn(data, change).listening()
    }

    /// Two of one directory, started at once.
    pub fn try_start_two(data: &Data) -> [Result<Server, String>; 2] {
        let (one, other) = (Starting::spawn(data, |_| {}), Starting::spawn(data, |_| {}));
        [one.listening(), other.listening()]
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Memory as `/proc/PID/status` has it: `VmRSS` is what it has now, `VmHWM` what it has had at most.
    pub fn memory_mib(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap().trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
    }

    /// Files below `folder` that it has open although they were removed.
    pub fn open_though_removed(&self, folder: &Path) -> Vec<String> {
        let folder = std::fs::canonicalize(folder).unwrap();
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap();
        // One may have been closed since it was listed.
        let paths = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        let removed = paths.filter(|path| path.starts_with(&folder));
        let removed = removed.map(|path| path.to_string_lossy().into_owned());
        removed.filter(|path| path.ends_with(" (deleted)")).collect()
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until it has written these words to stderr.
    pub fn until_says(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.stderr().contains(words) {
            assert!(Instant::now() < deadline, "no `{words}`: {}", self.stderr());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Fails when the process ended or one of its threads panicked.
    pub fn assert_alive(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the server ended: {}", self.stderr());
        assert!(!self.stderr().contains("panicked at"), "{}", self.stderr());
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// SIGSTOP; no thread of it runs any more once this returns.
    pub fn freeze(&self) {
        self.signal("STOP");
        let is_still = |task: std::io::Result<std::fs::DirEntry>| {
            let stat = std::fs::read_to_string(task.unwrap().path().join("stat"));
            // After the name in parentheses; one that waits for the disk stops where it wakes up. A
            // task that has ended has none.
            let is_still = |state: &str| state.trim_start().starts_with(['T', 'D']);
            stat.map_or(true, |stat| stat.rsplit(')').next().is_some_and(is_still))
        };
        let tasks = format!("/proc/{}/task", self.pid());
        let deadline = Instant::now() + PATIENCE;
        while !std::fs::read_dir(&tasks).unwrap().all(is_still) {
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; gives the exit code.
    pub fn stop(mut self) -> i32 {
        self.terminate();
        self.wait()
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for it to end by itself; gives the exit code and what it wrote to stderr.
    pub fn ended(mut self) -> (i32, String) {
        let code = self.wait();
        // Its last lines may still be on their way.
        std::thread::sleep(Duration::from_millis(50));
        (code, self.stderr())
    }

    fn wait(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(!self.stderr().contains("panicked at"), "{}", self.stderr());
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < deadline, "the server did not stop: {}", self.stderr());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A client with this token.
    pub fn http(&self, token: &str) -> Http {
        Http::new(&self.url, token)
    }

    /// A client of one subject with these roles in [`SHOP`].
    pub fn http_as(&self, data: &Data, subject: &str, roles: &[TokenRole]) -> Http {
        self.http(&data.token(SHOP, subject, roles))
    }
}

/// Sends a signal by its name.
pub fn signal(process: &Child, name: &str) {
    let kill = format!("kill -{name} {}", process.id());
    assert!(Command::new("sh").arg("-c").arg(kill).status().unwrap().success());
}

/// A `verbatim serve` that does not listen yet.
struct Starting {
    server: Server,
    url: mpsc::Receiver<String>,
}

impl Starting {
    fn spawn(data: &Data, change: impl FnOnce(&mut Command)) -> Starting {
        let mut command = command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
        change(&mut command);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let stderr = Arc::new(Mutex::new(String::new()));
        let (listening, url) = mpsc::channel();
        let written = stderr.clone();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                // A line of text, or the end of a string in a line of JSON.
                if let Some((_, url)) = line.split_once("listening on ") {
                    let _ = listening.send(url.split('"').next().unwrap().to_string());
                }
                written.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Starting { server: Server { child, url: String::new(), stderr }, url }
    }

    /// Waits until it listens, or says why it does not.
    fn listening(self) -> Result<Server, String> {
        let Starting { mut server, url } = self;
        match url.recv_timeout(PATIENCE) {
            Ok(url) => {
                server.url = url;
                Ok(server)
            }
            Err(_) => Err(format!("the server did not start: {}", server.stderr())),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP client with one token.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem document this answer must be.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        for field in ["type", "title", "detail"] {
            assert!(
                problem[field].as_str().is_some_and(|text| !text.is_empty()),
                "no {field}: {problem}"
            );
        }
        assert_eq!(problem["status"], json!(status));
        problem
    }
}

impl Http {
    pub fn new(url: &str, token: &str) -> Http {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Http { client, url: url.to_string(), token: Some(token.to_string()) }
    }

    /// One that trusts certificates of this authority.
    pub fn trusting(url: &str, token: &str, authority: reqwest::Certificate) -> Http {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let client = client.tls_certs_only([authority]).build().unwrap();
        Http { client, url: url.to_string(), token: Some(token.to_string()) }
    }

    /// As [`Http::trusting`], showing redirects as they are.
    pub fn without_redirects(&self, authority: &str) -> Http {
        let authority = reqwest::Certificate::from_pem(authority.as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let client = client.redirect(reqwest::redirect::Policy::none());
        let client = client.tls_certs_only([authority]).build().unwrap();
        Http { client, ..self.clone() }
    }

    /// The same client for another token: to make one takes longer than to ask.
    pub fn with_token(&self, token: &str) -> Http {
        Http { token: Some(token.to_string()), ..self.clone() }
    }

    /// One that shows redirects as they are.
    pub fn showing_redirects(&self) -> Http {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let client = client.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Http { client, ..self.clone() }
    }

    pub fn without_token(&self) -> Http {
        Http { token: None, ..self.clone() }
    }

    /// The answer, or why there is none: the server may be dead.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let request = match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        };
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(reqwest::Method::GET, path)).await
    }

    pub async fn post(
        &self,
        path: &str,
        media_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        self.send(
            self.request(reqwest::Method::POST, path).header(CONTENT_TYPE, media_type).body(body),
        )
        .await
    }

    pub async fn put(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request(reqwest::Method::PUT, path).body(body)).await
    }

    /// Posts one event.
    pub async fn event(&self, event: &Value) -> Answer {
        self.post("/v1/events", "application/json", event.to_string()).await
    }

    /// Posts events that must all be taken; gives their acks.
    pub async fn events(&self, events: &[Value]) -> Vec<Value> {
        let answer = self.post("/v1/events", "application/x-ndjson", lines(events)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let acks = answer.lines();
        assert_eq!(acks.len(), events.len());
        for ack in &acks {
            assert!(ack["offset"].is_u64(), "{ack}");
        }
        acks
    }

    /// Takes the sample's history in, as what was brought along.
    pub async fn import_history(&self) {
        for events in sample_events("history.ndjson").chunks(1_000) {
            let (path, lines) = ("/v1/events?origin=imported", lines(events));
            let taken = self.post(path, "application/x-ndjson", lines).await;
            assert_eq!(taken.status, 200, "{}", taken.text());
        }
        self.caught_up(false).await;
    }

    /// Every record of the shop, as `GET /v1/events` hands them out.
    pub async fn records(&self) -> Vec<Value> {
        let answer = self.get("/v1/events?from=0").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.lines()
    }

    pub async fn sql(&self, query: &str) -> Answer {
        self.post("/v1/sql", "text/plain", query.to_string()).await
    }

    /// The one number a query answers with.
    pub async fn number(&self, query: &str) -> i64 {
        let answer = self.sql(query).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()[0].as_object().unwrap().values().next().unwrap().as_i64().unwrap()
    }

    /// How many messages contain the words.
    pub async fn found(&self, words: &str) -> u64 {
        let phrase = format!("\"{words}\"");
        let request = self.request(reqwest::Method::GET, "/v1/search").query(&[("words", phrase)]);
        let answer = self.send(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["total"].as_u64().unwrap()
    }

    /// Waits until every store has applied (and, where asked, committed) what is acknowledged now.
    pub async fn caught_up(&self, committed: bool) -> Value {
        let position = if committed { "cursor" } else { "applied" };
        self.status_once(|status| {
            let stores = status["stores"].as_array().unwrap();
            stores.iter().all(|store| store[position] == status["head"])
        })
        .await
    }

    /// The status, once it is so.
    pub async fn status_once(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.get("/v1/status").await.json();
            if is_so(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "it stays so: {status}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What troubles the log, once these words are in it.
    pub async fn trouble_of(&self, words: &str) -> String {
        let trouble = |status: &Value| status["log"]["trouble"].to_string();
        trouble(&self.status_once(|status| trouble(status).contains(words)).await)
    }
}

/// Events one a line.
pub fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// A message as a client sends it.
pub fn message(conversation: &str, id: &str, role: &str, sender: &str, text: &str) -> Value {
    json!({
        "id": id, "conversation": conversation, "kind": "message",
        "sender": {"id": sender, "role": role}, "text": text,
    })
}

/// Every table that can be exported.
pub fn tables() -> Vec<&'static str> {
    EXPORT_TABLES.iter().map(|table| table.name).collect()
}

/// The crate's own sample events.
pub fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data").join(name)
}

/// The sample events of one file, parsed.
pub fn sample_events(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(sample(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Real chats, which are not ours to hand on: files of the folder that `VERBATIM_CHATS` names. `None` where it names
/// none, which is said to whoever runs the tests, also of a test that passes.
pub fn real_chats(names: &[&str]) -> Option<Vec<PathBuf>> {
    let Some(folder) = std::env::var_os("VERBATIM_CHATS").map(PathBuf::from) else {
        let test = std::thread::current().name().unwrap_or("a test").to_string();
        // What is printed by the macros is shown of failures alone.
        let said = format!("without VERBATIM_CHATS nothing is tried by {test}\n");
        std::io::stderr().write_all(said.as_bytes()).unwrap();
        return None;
    };
    let path = |name: &&str| folder.join(format!("{name}_chat.jsonl"));
    let paths: Vec<PathBuf> = names.iter().map(path).collect();
    let missing = paths.iter().find(|path| !path.is_file());
    assert_eq!(missing, None, "VERBATIM_CHATS is to have it");
    Some(paths)
}

/// All three files of real chats.
pub const CHATS: &[&str] = &["abcd", "crosswoz", "star"];

/// The transcripts of some files.
pub fn transcripts(paths: &[PathBuf]) -> Vec<Value> {
    let texts = paths.iter().map(|path| std::fs::read_to_string(path).unwrap());
    texts
        .flat_map(|text| {
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()
        })
        .collect()
}

/// The last line of an import or a replay.
pub fn counts(out: &str) -> Value {
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

/// What stands between two words, wherever the first of them is first.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before)
        .and_then(|(_, rest)| rest.split_once(after))
        .map_or("", |(found, _)| found)
}

/// A piece of a page as it is read.
pub fn unescaped(html: &str) -> String {
    let entities =
        [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    entities.into_iter().fold(html.to_string(), |text, (entity, char)| text.replace(entity, char))
}

/// RFC 4180: rows of fields, the header first.
pub fn csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(char) = chars.next() {
        let field = rows.last_mut().unwrap().last_mut().unwrap();
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => field.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => rows.last_mut().unwrap().push(String::new()),
            '\r' if !quoted => {}
            '\n' if !quoted => rows.push(vec![String::new()]),
            char => field.push(char),
        }
    }
    assert!(!quoted, "a quote is left open");
    assert_eq!(rows.pop(), Some(vec![String::new()]), "the last row ends with a line break");
    rows
}
