//! `verbatim evidence verify BUNDLE`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use crate::cli::logging::tell;
use crate::cli::shown::shown;
use crate::cli::text_or_json::TextOrJson;
use crate::cli::{Exit, write};
use crate::evidence::{Held, STEPS, Verdict, read_vkey, verify};

const EXAMPLES: &str = "\
Examples:
  verbatim evidence verify 7.zip --vkey VKEY              the key from elsewhere than the bundle
  verbatim evidence verify 7.zip --checkpoint kept.txt --format json

Exit codes: 0 all steps hold; 10 + N when step N does not; 2 nothing could be checked";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    /// The zip, or the folder that was unpacked from it
    #[arg(value_name = "ZIP|FOLDER")]
    bundle: PathBuf,
    /// The key of the log, or a file with it, from elsewhere than the bundle
    #[arg(long, value_name = "KEY|FILE")]
    vkey: Option<String>,
    /// A checkpoint of the log that you kept: it must go on from there
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// How the verdict is written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
}

/// A verdict in JSON.
#[derive(Serialize)]
struct Shown<'a> {
    holds: bool,
    with_key_of_reader: bool,
    steps: Vec<Step<'a>>,
}

#[derive(Serialize)]
struct Step<'a> {
    step: usize,
    name: &'static str,
    holds: bool,
    says: &'a str,
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let vkey = self.vkey.as_deref().map(key_of).transpose()?;
        let checkpoint = self.checkpoint.as_deref().map(read).transpose()?;
        let verdict = verify(&self.bundle, &Held { vkey, checkpoint })
            .with_context(|| format!("cannot read `{}`", self.bundle.display()))?;
        match self.format {
            TextOrJson::Text => write::to_stdout(text(&verdict).as_bytes())?,
            TextOrJson::Json => write::json_line(&in_json(&verdict))?,
        }
        if verdict.refused.is_none() && !verdict.with_key_of_reader {
            tell!(
                "the key is the bundle's own: compare its SHA-256 with one that you have from elsewhere, or give --vkey"
            );
        }
        Ok(verdict.failed_step().map_or(Exit::Yes, Exit::Step))
    }
}

/// A key as it was given, or of the file that was. What is no key must not look like a seal by another.
fn key_of(given: &str) -> anyhow::Result<String> {
    let file = Some(Path::new(given)).filter(|path| path.is_file());
    let key = file.map_or(Ok(given.to_string()), read)?;
    let what = if file.is_some() { "holds no key" } else { "is no key, and no file with one" };
    read_vkey(&key).with_context(|| format!("--vkey `{:.200}` {what}", shown(given, " ")))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

fn text(verdict: &Verdict) -> String {
    let holds = verdict.holds.iter().zip(1..);
    let mut text: String =
        holds.map(|(says, step)| format!("step {step} holds: {}\n", shown(says, " "))).collect();
    if let (Some(why), Some(step)) = (&verdict.refused, verdict.failed_step()) {
        text.push_str(&format!("step {step} FAILS: {}\n", shown(why, " ")));
    }
    text
}

fn in_json(verdict: &Verdict) -> Shown<'_> {
    let holds = verdict.holds.iter().map(|says| (true, says.as_str()));
    let steps = holds.chain(verdict.refused.as_deref().map(|why| (false, why)));
    let steps = steps.zip(STEPS).zip(1..);
    Shown {
        holds: verdict.refused.is_none(),
        with_key_of_reader: verdict.with_key_of_reader,
        steps: steps
            .map(|(((holds, says), name), step)| Step { step, name, holds, says })
            .collect(),
    }
}
