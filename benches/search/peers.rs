//! What verbatim is measured beside: SQLite and PostgreSQL, each behind `benches/peers/substrings.py`,
//! which builds its index from the texts and then answers questions, a line each.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::questions::Question;

pub struct Peer {
    child: Child,
    /// `None` once it is told to end.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub build_seconds: f64,
    pub bytes: Option<u64>,
}

impl Peer {
    /// Builds the index of `name` over `texts` in `dir`; `None` where it is not installed.
    pub fn start(name: &str, texts: &Path, dir: &Path) -> Option<Peer> {
        std::fs::create_dir_all(dir).unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/substrings.py");
        let mut child = Command::new("python3")
            .arg(program)
            .arg(name)
            .arg(texts)
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let questions = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().expect("its stdout is piped"));
        let Some(built) = line(&mut answers) else {
            eprintln!(
                "{name} is not there, so nothing is measured beside it: benches/peers/install"
            );
            let _ = child.wait();
            return None;
        };
        let build_seconds = built["seconds"].as_f64().expect("its time");
        Some(Peer { child, questions, answers, build_seconds, bytes: built["bytes"].as_u64() })
    }

    /// `{"total", "newest", "ms"}`.
    pub fn ask(&mut self, question: &Question) -> Value {
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
