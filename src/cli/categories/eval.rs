//! `verbatim categories eval`

use std::path::PathBuf;

use clap::Args;

use super::{labels, shelf, shown};
use crate::categories::{MODEL_USUAL, evaluate};
use crate::cli::target::TargetArgs;
use crate::cli::text_or_json::TextOrJson;
use crate::cli::{Exit, write};

const EXAMPLES: &str = "\
Examples:
  verbatim categories eval --labels held-out.csv --format json

Exit codes: 0 judged; 2 failure";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Eval {
    /// A CSV file with the columns text and category; categories that the model does not know are out of its scope
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Which model
    #[arg(long, default_value = MODEL_USUAL)]
    name: String,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

impl Eval {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let saved = shelf(&self.target)?.get(&self.name)?;
        let evaluation = evaluate(&saved.model, &labels(&self.labels)?);
        match self.format {
            TextOrJson::Json => write::json_line(&evaluation)?,
            TextOrJson::Text => write::to_stdout(shown::evaluation(&evaluation).as_bytes())?,
        }
        Ok(Exit::Yes)
    }
}
