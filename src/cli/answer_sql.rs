//! `verbatim answer-sql`: one of the processes in which a service answers questions. `serve` starts
//! them; nobody else does.

use std::path::PathBuf;

use clap::Args;

use super::Exit;
use crate::app::LogFormat;
use crate::sql::{self, WorkerOptions, WorkerProgram};

#[derive(Debug, Args)]
pub(super) struct AnswerSql {
    /// The process that asks
    #[arg(long, value_name = "PID")]
    server: u32,
    /// Where that which finds no room in memory goes
    #[arg(long, value_name = "FOLDER")]
    spill: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

impl AnswerSql {
    /// On threads of its own, unlike all other commands.
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        sql::answer_questions(&WorkerOptions { server: self.server, spill: self.spill })?;
        Ok(Exit::Yes)
    }

    pub(super) fn log_format(&self) -> LogFormat {
        self.log_format
    }
}

/// This command of this executable: the file that runs, also where another lies in its place by now.
pub(super) fn program(log_format: LogFormat) -> WorkerProgram {
    let log_format = match log_format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    WorkerProgram {
        path: PathBuf::from("/proc/self/exe"),
        arguments: ["answer-sql", "--log-format", log_format].map(str::to_string).to_vec(),
    }
}
