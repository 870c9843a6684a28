//! `verbatim evidence …`

mod verify;

use clap::{Args, Subcommand};

use super::Exit;

#[derive(Debug, Args)]
pub(super) struct Evidence {
    #[command(subcommand)]
    command: EvidenceCommand,
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    /// Whether a bundle proves what it says, in seven steps, offline
    Verify(verify::Verify),
}

impl Evidence {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            EvidenceCommand::Verify(command) => command.run(),
        }
    }
}
