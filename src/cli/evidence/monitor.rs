//! `verbatim evidence monitor`: remembers what a ledger signed, and looks whether it keeps to it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::ledger_client::LedgerClient;
use crate::cli::logging::tell;
use crate::cli::{Exit, write};
use crate::durable::{self, Mode};
use crate::ledger::Checkpoint;
use crate::ledger::watch::{self, Contradiction, Judged, Receipt, Watched};
use crate::model::Micros;

const EXAMPLES: &str = "\
Examples:
  verbatim evidence monitor --url https://chat.example --vkey VKEY --every 3600

Exit codes: 0 it keeps to what it signed; 1 it does not; 2 failure";

/// How long a message may have been acknowledged and not be signed: a store that is made anew takes
/// a while, and one that stands still is in the service's own status.
const SIGNED_WITHIN: Duration = Duration::from_mins(10);

/// Watch a ledger from outside: whether it keeps to what it signed
///
/// Exit code 0: all that was seen fits together. 1: it does not, and the evidence is in a file. 2: it
/// could not be looked at.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Monitor {
    /// The server whose ledger is watched
    #[arg(long, value_name = "URL", env = "VERBATIM_URL")]
    url: Url,
    /// Token, where the ledger is not public
    #[arg(long, value_name = "TOKEN", env = "VERBATIM_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The key that is believed, as `evidence key show` prints it where the service runs. Without it
    /// the first one that is seen is
    #[arg(long, value_name = "VKEY")]
    vkey: Option<String>,
    /// What is remembered from one look to the next
    #[arg(long, value_name = "FILE", default_value = "ledger-monitor.json")]
    state: PathBuf,
    /// Look again and again, so many seconds apart, until something does not fit
    #[arg(long, value_name = "SECONDS", conflicts_with = "once", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
    /// Look once, which is what it does unless `--every` is given
    #[arg(long)]
    once: bool,
    /// Acks that were kept, one JSON object a line: each must be where it says
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
}

/// What is remembered.
#[derive(Serialize, Deserialize)]
struct State {
    url: String,
    #[serde(flatten)]
    watched: Watched,
    /// Since when it could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unseen_since: Option<Micros>,
}

/// What one look found.
enum Look {
    Fits { checkpoint: Box<Checkpoint>, receipts: usize, waiting: usize },
    Contradicts(Box<Contradiction>),
}

impl Monitor {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let client = LedgerClient::new(self.url.clone(), self.token.clone())?;
        loop {
            let looked = self.look_once(&client).await;
            let exit = match looked {
                Ok(exit) => exit,
                Err(error) if self.every.is_some() => {
                    tell!("{error:#}");
                    Exit::Failed
                }
                Err(error) => return Err(error),
            };
            match self.every {
                Some(seconds) if exit != Exit::No => {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                _ => return Ok(exit),
            }
        }
    }

    /// One look, with what is remembered of it.
    async fn look_once(&self, client: &LedgerClient) -> anyhow::Result<Exit> {
        let receipts = self.receipts()?;
        let mut state = read_state(&self.state)?;
        self.must_be_of_this_ledger(state.as_ref())?;
        let looked = self.look(client, &mut state, &receipts).await;
        match looked {
            Ok(Look::Fits { checkpoint, receipts, waiting }) => {
                if let Some(state) = &mut state {
                    state.unseen_since = None;
                    write_state(&self.state, state)?;
                }
                let Checkpoint { origin, size, root, .. } = &*checkpoint;
                let root = hex::encode(root);
                let said = serde_json::json!({"origin": origin, "size": size, "root": root,
                    "receipts": receipts, "not_signed_yet": waiting});
                write::json_line(&said)?;
                Ok(Exit::Yes)
            }
            Ok(Look::Contradicts(contradiction)) => {
                let path = self.state.with_extension("contradiction.json");
                let mut text = serde_json::to_vec_pretty(&contradiction)?;
                text.push(b'\n');
                durable::write(&path, Mode::Usual, &text)
                    .with_context(|| format!("cannot write `{}`", path.display()))?;
                tell!("{}", contradiction.told());
                tell!("the evidence is in `{}`", path.display());
                Ok(Exit::No)
            }
            Err(error) => {
                if let Some(state) = &mut state {
                    let since = *state.unseen_since.get_or_insert_with(Micros::now);
                    write_state(&self.state, state)?;
                    return Err(error.context(format!("not seen whole since {since}")));
                }
                Err(error)
            }
        }
    }

    async fn look(
        &self,
        client: &LedgerClient,
        state: &mut Option<State>,
        receipts: &[Receipt],
    ) -> anyhow::Result<Look> {
        let keys = client.keys().await?;
        let state = match state {
            Some(state) => state,
            None => {
                let watched = match &self.vkey {
                    Some(vkey) => Watched::by_key(vkey)?,
                    None => {
                        tell!("the key is believed at first sight: {}", keys.vkey);
                        Watched::at_first_sight(&keys)?
                    }
                };
                let url = self.url.to_string();
                state.insert(State { url, watched, unseen_since: None })
            }
        };
        let before = state.watched.vkey.clone();
        if let Some(contradiction) = state.watched.follow_keys(&keys)? {
            return Ok(Look::Contradicts(Box::new(contradiction)));
        }
        if state.watched.vkey != before {
            tell!("the key {before} named the next one: {}", state.watched.vkey);
        }
        let checkpoint = match state.watched.judge(&client.checkpoint().await?)? {
            Judged::Follows(checkpoint) => checkpoint,
            Judged::NeedsProof(older, newer) => {
                let proof = client.consistency(older.size, newer.size).await?;
                if let Some(found) = Watched::judge_proof(&older, &newer, &proof) {
                    return Ok(Look::Contradicts(Box::new(found)));
                }
                newer
            }
            Judged::Contradicts(found) => return Ok(Look::Contradicts(found)),
        };
        state.watched.remember(&checkpoint);
        judge_receipts(client, checkpoint, receipts).await
    }

    fn receipts(&self) -> anyhow::Result<Vec<Receipt>> {
        let Some(path) = &self.receipts else { return Ok(Vec::new()) };
        let cannot = || format!("cannot read `{}`", path.display());
        let text = fs::read_to_string(path).with_context(cannot)?;
        watch::receipts(&text).map_err(|(line, detail)| {
            anyhow::anyhow!("`{}` line {line} is no receipt: {detail}", path.display())
        })
    }

    /// What is remembered of one ledger says nothing of another.
    fn must_be_of_this_ledger(&self, state: Option<&State>) -> anyhow::Result<()> {
        let Some(state) = state else { return Ok(()) };
        let shown = self.state.display();
        if let Some(vkey) = &self.vkey
            && !state.watched.knows(vkey)
        {
            bail!("`{shown}` is of the key {}: give another --state", state.watched.vkey);
        }
        if state.url != self.url.as_str() {
            bail!("`{shown}` is of {}: give another --state", state.url);
        }
        Ok(())
    }
}

async fn judge_receipts(
    client: &LedgerClient,
    checkpoint: Box<Checkpoint>,
    receipts: &[Receipt],
) -> anyhow::Result<Look> {
    if let Some(contradiction) = watch::two_of_one(receipts, &checkpoint) {
        return Ok(Look::Contradicts(Box::new(contradiction)));
    }
    let (now, mut waiting) = (Micros::now(), 0);
    for receipt in receipts {
        if receipt.offset >= checkpoint.size && !receipt.is_overdue(now, SIGNED_WITHIN) {
            waiting += 1;
            continue;
        }
        let path = if receipt.offset < checkpoint.size {
            client.inclusion(receipt.offset, checkpoint.size).await?
        } else {
            Vec::new()
        };
        if let Some(contradiction) = receipt.judge(&checkpoint, &path) {
            return Ok(Look::Contradicts(Box::new(contradiction)));
        }
    }
    Ok(Look::Fits { checkpoint, receipts: receipts.len(), waiting })
}

fn read_state(path: &Path) -> anyhow::Result<Option<State>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => {
            let cannot = || format!("cannot read `{}`", path.display());
            let text = text.with_context(cannot)?;
            Ok(Some(serde_json::from_slice(&text).with_context(cannot)?))
        }
    }
}

fn write_state(path: &Path, state: &State) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(state)?;
    text.push(b'\n');
    durable::write(path, Mode::Usual, &text)
        .with_context(|| format!("cannot write `{}`", path.display()))
}
