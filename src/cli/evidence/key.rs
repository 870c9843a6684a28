//! `verbatim evidence key show|rotate|new-origin`

use clap::{Args, Subcommand};

use crate::cli::logging::tell;
use crate::cli::target::DataArgs;
use crate::cli::{Exit, write};
use crate::ledger::{self, PublicKeys, VerifierKey};

const KEY_EXAMPLES: &str = "\
Examples:
  verbatim evidence key show --data DATA

Exit codes: 0 done; 2 failure";

const SHOW_KEY_EXAMPLES: &str = "\
Examples:
  verbatim evidence key show --data DATA

Exit codes: 0 shown; 2 failure";

const CHANGE_KEY_EXAMPLES: &str = "\
Examples:
  verbatim evidence key rotate --data DATA                while no service runs

Exit codes: 0 changed; 2 failure";

/// The key with which the ledger signs
#[derive(Debug, Args)]
#[command(after_help = KEY_EXAMPLES)]
pub(super) struct Key {
    #[command(subcommand)]
    action: KeyAction,
}

#[derive(Debug, Subcommand)]
enum KeyAction {
    /// The public key, of now and before: what whoever checks a bundle or a checkpoint needs
    Show(ShowKey),
    /// Let a new key sign from now on; the old one signs that it follows. Stop the service before
    Rotate(ChangeKey),
    /// Begin a new ledger, with another key and name: for when records are gone for good, and the
    /// ledger can never come out again as it was signed. The old key signs that it ended, and is gone
    NewOrigin(ChangeKey),
}

#[derive(Debug, Args)]
#[command(after_help = SHOW_KEY_EXAMPLES)]
struct ShowKey {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: KeyFormat,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
#[command(after_help = CHANGE_KEY_EXAMPLES)]
struct ChangeKey {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum KeyFormat {
    /// The key as C2SP writes it, and those before it
    #[default]
    Text,
    /// For openssl
    Pem,
    /// One object, with all that the keys said of each other
    Json,
}

impl Key {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        match self.action {
            KeyAction::Show(show) => show.run(),
            KeyAction::Rotate(change) => change.run(false).await,
            KeyAction::NewOrigin(change) => change.run(true).await,
        }
    }
}

impl ShowKey {
    fn run(self) -> anyhow::Result<Exit> {
        let data = self.data.data_dir();
        data.must_exist()?;
        let keys = ledger::public_keys(&data.keys())?;
        match self.format {
            KeyFormat::Text => write::to_stdout(text(&keys).as_bytes())?,
            KeyFormat::Pem => write::to_stdout(keys.pem.as_bytes())?,
            KeyFormat::Json => write::json_line(&keys)?,
        }
        Ok(Exit::Yes)
    }
}

impl ChangeKey {
    async fn run(self, begins_anew: bool) -> anyhow::Result<Exit> {
        let data = self.data.data_dir();
        data.must_exist()?;
        // Whoever serves it has the old key in memory.
        let _lock = data.own_in_turn().await?;
        if begins_anew {
            let origin = self.data.config()?.evidence.origin;
            let keys = ledger::begin_anew(&data.keys(), origin.as_deref())?;
            tell!("the ledger `{}` begins when the service starts", keys.origin);
            write::to_stdout(format!("{}\n", keys.vkey).as_bytes())?;
        } else {
            let keys = ledger::rotate(&data.keys())?;
            tell!("this key signs when the service starts; the one before said so");
            write::to_stdout(format!("{}\n", keys.vkey).as_bytes())?;
        }
        Ok(Exit::Yes)
    }
}

fn text(keys: &PublicKeys) -> String {
    let mut text = format!("{}\n", keys.vkey);
    for previous in &keys.previous {
        let until = previous.until.map_or("an unknown size".to_string(), |size| size.to_string());
        let named = VerifierKey::parse(&previous.vkey).ok().zip(previous.statement.as_ref());
        let named = named.and_then(|(old, statement)| ledger::successor(&old, statement).ok());
        let how = match named {
            Some((_, ledger::Succession::Rotated, _)) => "signed that the next key follows",
            Some((_, ledger::Succession::Ended, _)) => "signed that its ledger ended",
            None => "was not there to say what follows",
        };
        text.push_str(&format!("before: {}, up to {until}; it {how}\n", previous.vkey));
    }
    text
}
