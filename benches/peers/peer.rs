//! A program in Python that is measured beside verbatim: it says in a line that it is ready, and then answers questions,
//! a line each.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Serialize;
use serde_json::Value;

/// A running peer, which ends with its questions.
pub struct Peer {
    child: Child,
    /// `None` once it is told to end.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// What it said when it was ready.
    pub ready: Value,
}

/// The Python for which `benches/peers/install` fetched packages: `VERBATIM_PYTHON`, or `python3`.
pub fn python() -> Command {
    Command::new(std::env::var_os("VERBATIM_PYTHON").unwrap_or_else(|| "python3".into()))
}

/// A file of `benches/peers/`.
pub fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(name)
}

impl Peer {
    /// The peer of this name behind a script; `None`, which is said, where it is not installed.
    pub fn start<'a>(
        name: &'a str,
        program: &str,
        arguments: impl IntoIterator<Item = &'a OsStr>,
    ) -> Option<Peer> {
        let mut child = python()
            .args([script(program).as_os_str(), name.as_ref()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let questions = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().expect("its stdout is piped"));
        let Some(ready) = line(&mut answers) else {
            eprintln!(
                "{name} is not there, so nothing is measured beside it: benches/peers/install"
            );
            let _ = child.wait();
            return None;
        };
        Some(Peer { child, questions, answers, ready })
    }

    pub fn ask(&mut self, question: &impl Serialize) -> Value {
        let asked = serde_json::to_string(question).expect("a question is JSON");
        let questions = self.questions.as_mut().expect("it was not told to end");
        writeln!(questions, "{asked}").expect("the peer listens");
        line(&mut self.answers).expect("the peer answers")
    }
}

impl Drop for Peer {
    /// Its end is the end of its questions: a server it started is then stopped by it.
    fn drop(&mut self) {
        self.questions = None;
        let _ = self.child.wait();
    }
}

fn line(answers: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut line = String::new();
    let length = answers.read_line(&mut line).expect("its answers are text");
    (length > 0).then(|| serde_json::from_str(&line).expect("its answers are JSON"))
}
