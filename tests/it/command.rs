//! The binary as a command. What a test prints of a command that did not do as it should is enough
//! to see why: the command line, how it ended, what lies in its data directory, and both its
//! streams.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    command: String,
    data_dir: Option<PathBuf>,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The binary, without the settings of whoever runs the tests.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verbatim"));
    for name in ["DATA", "URL", "TOKEN", "SHOP", "ZONE", "LISTEN", "POSTGRES", "LOG"] {
        command.env_remove(format!("VERBATIM_{name}"));
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end, which must not be a panic.
#[track_caller]
pub fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let ran = Ran {
        command: format!("{command:?}"),
        data_dir: data_dir_of(&command),
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert!(!ran.stderr.contains("panicked at"), "{ran}");
    ran
}

impl Ran {
    /// Fails unless the command ended with this exit code.
    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code, code, "{self}");
    }

    /// Fails unless the command wrote `part` to stderr.
    #[track_caller]
    pub fn assert_stderr_has(&self, part: &str) {
        assert!(self.stderr.contains(part), "`{part}` is not in stderr: {self}");
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "\ncommand: {}\nexit code: {}", self.command, self.code)?;
        if let Some(dir) = &self.data_dir {
            writeln!(formatter, "data directory `{}`:", dir.display())?;
            let mut listing = listing(dir);
            listing.sort_unstable();
            writeln!(formatter, "{}", listing.join("\n"))?;
        }
        write!(formatter, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr)
    }
}

/// What follows `--data`.
fn data_dir_of(command: &Command) -> Option<PathBuf> {
    let mut arguments = command.get_args().skip_while(|argument| *argument != "--data");
    arguments.nth(1).map(PathBuf::from)
}

/// The files under a folder with their sizes; one that vanishes meanwhile is left out.
fn listing(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .flat_map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => listing(&entry.path()),
            Ok(metadata) => vec![format!("  {} {} bytes", entry.path().display(), metadata.len())],
            Err(_) => Vec::new(),
        })
        .collect()
}

/// The control: what is printed holds what is needed.
#[test]
fn a_command_that_fails_is_shown_whole() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("verbatim.toml"), "zonw = 1").unwrap();
    let mut command = command();
    command.args(["status", "--data"]).arg(dir.path());
    let shown = ran(command).to_string();
    for part in ["\"status\"", "exit code: 2", "verbatim.toml 8 bytes", "stderr:\nerror: "] {
        assert!(shown.contains(part), "`{part}` is not in {shown}");
    }
}
