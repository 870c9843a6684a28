//! `verbatim evidence`: what can be shown to others, and what they can check. A file per action.

mod export;
mod key;
mod ledger_client;
mod monitor;
mod pack;
mod signing;
mod verify;
mod wanted;

use clap::{Args, Subcommand};

use super::Exit;

const EXAMPLES: &str = "\
Examples:
  verbatim evidence export --order FL-1001 --case 7 --reason chargeback --out 7.zip
  verbatim evidence verify 7.zip --vkey VKEY

Exit codes: 0 done; 1 there is nothing of what was asked for, or a ledger does not keep to what it signed; 2 failure; 10 + N step N of a verification does not hold";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Evidence {
    #[command(subcommand)]
    command: EvidenceCommand,
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    /// Make a bundle of whole conversations, which others can check, or what other programs read of one
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
