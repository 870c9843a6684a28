//! `verbatim evidence`: what can be shown to others, and what they can check. A file per action.

mod export;
mod key;
mod ledger_client;
mod monitor;
mod pack;
mod verify;
mod wanted;

use clap::{Args, Subcommand};

use super::Exit;

#[derive(Debug, Args)]
pub(super) struct Evidence {
    #[command(subcommand)]
    command: EvidenceCommand,
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    /// Make a bundle of whole conversations, which others can check
    Export(Box<export::Export>),
    /// Whether a bundle proves what it says, in seven steps, offline
    Verify(verify::Verify),
    /// The key with which the ledger signs
    Key(key::Key),
    /// Watch a ledger from outside: whether it keeps to what it signed
    Monitor(monitor::Monitor),
    /// A PDF for a bank or a platform, with the bundle it is made from
    Pack(Box<pack::Pack>),
}

impl Evidence {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            EvidenceCommand::Export(command) => command.run().await,
            EvidenceCommand::Verify(command) => command.run(),
            EvidenceCommand::Key(command) => command.run().await,
            EvidenceCommand::Monitor(command) => command.run().await,
            EvidenceCommand::Pack(command) => command.run().await,
        }
    }
}
