//! `verbatim token`

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::target::TargetArgs;
use super::text_or_json::TextOrJson;
use super::{Exit, write};
use crate::access::keyring::{self, IssuedToken, Revocation, TokenState};
use crate::access::{Identity, TokenRole, Tokens};
use crate::model::Micros;

const TOKEN_EXAMPLES: &str = "\
Examples:
  verbatim token --sub cust-7 --role customer             for an app
  verbatim token --sub ann --role analyst --days 90       for a dashboard
  verbatim token revoke --sub ann                         all of hers count no longer

Exit codes: 0 made; 2 failure";

const LISTED_EXAMPLES: &str = "\
Examples:
  verbatim token list --data DATA

Exit codes: 0 listed; 1 there is none; 2 failure";

const REVOKE_EXAMPLES: &str = "\
Examples:
  verbatim token revoke --sub ann --data DATA
  verbatim token revoke --id ID --data DATA

Exit codes: 0 it counts no longer; 1 there is no such token; 2 failure";

const KEY_ARGS_EXAMPLES: &str = "\
Examples:
  verbatim token rotate --data DATA

Exit codes: 0 a new key signs; 2 failure";

const RETIRE_EXAMPLES: &str = "\
Examples:
  verbatim token retire KID --data DATA

Exit codes: 0 the key is gone; 2 there is none of this name, or failure";

/// Make a token, or look after those that were made
#[derive(Debug, Args)]
#[command(after_help = TOKEN_EXAMPLES)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Token {
    #[command(subcommand)]
    action: Option<TokenAction>,
    /// Whom the token stands for: a customer's, agent's or bot's id
    #[arg(long = "sub", value_name = "SUBJECT", required = true)]
    subject: Option<String>,
    /// What the token allows; may be given more than once
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<TokenRole>,
    /// Days until it expires
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_650))]
    days: u64,
    /// How the outcome is told
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Subcommand)]
enum TokenAction {
    /// The tokens that were made: ids and what they allow, never a token
    List(Listed),
    /// Let a token, or all of a subject made so far, count no longer; open sockets end within 30 s
    Revoke(Revoke),
    /// Make a key that signs from now on; tokens of those before it count until it is retired
    Rotate(KeyArgs),
    /// Take a key away: what it signed counts no longer
    Retire(Retire),
}

#[derive(Debug, Args)]
#[command(after_help = LISTED_EXAMPLES)]
struct Listed {
    /// How the outcome is told
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = REVOKE_EXAMPLES)]
struct Revoke {
    /// Id of one token, as `token list` shows it
    #[arg(
        long,
        value_name = "ID",
        required_unless_present = "subject",
        conflicts_with = "subject"
    )]
    id: Option<String>,
    /// Subject whose tokens of this shop count no longer
    #[arg(long = "sub", value_name = "SUBJECT")]
    subject: Option<String>,
    /// How the outcome is told
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = KEY_ARGS_EXAMPLES)]
struct KeyArgs {
    /// How the outcome is told
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = RETIRE_EXAMPLES)]
struct Retire {
    /// Name of the key, as a token's `kid` says it
    name: String,
    /// How the outcome is told
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

impl Token {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        match self.action {
            Some(TokenAction::List(list)) => list.run(),
            Some(TokenAction::Revoke(revoke)) => revoke.run(),
            Some(TokenAction::Rotate(rotate)) => {
                let name = keyring::rotate(&keys(&rotate.target)?)?;
                let text = format!("key {name} signs from now on");
                rotate.format.say(&json!({"key": name}), &text)?;
                Ok(Exit::Yes)
            }
            Some(TokenAction::Retire(retire)) => {
                let dir = keys(&retire.target)?;
                let now = Micros::now().0.cast_unsigned() / 1_000_000;
                let issued = keyring::issued(&dir)?.into_iter();
                let ended = issued.filter(|(token, state)| {
                    token.key.as_ref() == Some(&retire.name) && state.counts(token, now)
                });
                let ended = ended.count();
                keyring::retire(&dir, &retire.name)?;
                let Retire { name, format, .. } = retire;
                let text =
                    format!("key {name} is retired, and with it {ended} tokens that counted");
                format.say(&json!({"retired": name, "ended": ended}), &text)?;
                Ok(Exit::Yes)
            }
            None => self.issue(),
        }
    }

    fn issue(self) -> anyhow::Result<Exit> {
        let Some(subject) = self.subject else { bail!("give --sub SUBJECT") };
        // A token of a mistyped directory would be one that no server takes.
        let dir = keys(&self.target)?;
        let tokens = Tokens::open_or_create(&dir)?;
        let shop = self.target.known_shop()?;
        self.target.tell_of_new_shop(&shop);
        let identity = Identity { subject, shop, roles: self.roles };
        let life = Duration::from_secs(self.days * 24 * 3_600);
        let (token, issued) = tokens.issue_named(&identity, life)?;
        keyring::note_issued(&dir, &issued)?;
        match self.format {
            TextOrJson::Text => write::to_stdout(format!("{token}\n").as_bytes())?,
            TextOrJson::Json => write::json_line(&Made { token: &token, issued: &issued })?,
        }
        Ok(Exit::Yes)
    }
}

/// A token, and what is noted of it.
#[derive(Serialize)]
struct Made<'a> {
    token: &'a str,
    #[serde(flatten)]
    issued: &'a IssuedToken,
}

/// A token that was made.
#[derive(Serialize)]
struct ListedToken {
    #[serde(flatten)]
    token: IssuedToken,
    state: &'static str,
}

impl Listed {
    fn run(self) -> anyhow::Result<Exit> {
        let zone = self.target.config()?.zone;
        let shown = |seconds: u64| {
            let at = Micros(seconds.saturating_mul(1_000_000).cast_signed());
            at.datetime().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %:z").to_string()
        };
        let now = Micros::now().0.cast_unsigned() / 1_000_000;
        let made: Vec<_> = keyring::issued(&keys(&self.target)?)?
            .into_iter()
            .map(|(token, state)| {
                let state = match state {
                    TokenState::Revoked => "revoked",
                    TokenState::KeyRetired => "key retired",
                    TokenState::Good if token.expires_at <= now => "expired",
                    TokenState::Good => "valid",
                };
                ListedToken { token, state }
            })
            .collect();
        self.format.write_list(&made, |ListedToken { token, state }| {
            let roles: Vec<&str> = token.roles.iter().map(|role| role.into()).collect();
            format!(
                "{}  {state:11}  until {}  made {}  {}  {}  {}\n",
                token.id,
                shown(token.expires_at),
                shown(token.issued_at),
                super::shown::shown(&token.shop, " "),
                super::shown::shown(&token.sub, " "),
                roles.join(",")
            )
        })?;
        Ok(Exit::found(!made.is_empty()))
    }
}

impl Revoke {
    fn run(self) -> anyhow::Result<Exit> {
        let dir = keys(&self.target)?;
        let now = Micros::now().0.cast_unsigned() / 1_000_000;
        let living = |is_meant: &dyn Fn(&IssuedToken) -> bool| -> anyhow::Result<usize> {
            let issued = keyring::issued(&dir)?.into_iter();
            Ok(issued.filter(|(token, state)| is_meant(token) && state.counts(token, now)).count())
        };
        let (revocation, ended, whose) = match (self.id, self.subject) {
            (Some(id), _) => {
                let ended = living(&|token| token.id == id)?;
                let whose = format!("of id `{id}`");
                (Revocation::Token { id }, ended, whose)
            }
            (None, Some(sub)) => {
                let shop = self.target.known_shop()?;
                let ended = living(&|token| token.sub == sub && token.shop == shop)?;
                let whose = format!("of `{sub}` in shop `{shop}`");
                (Revocation::Subject { shop, sub, up_to: now }, ended, whose)
            }
            (None, None) => bail!("give --id ID, or --sub SUBJECT for all of a subject's tokens"),
        };
        keyring::revoke(&dir, &revocation).context("cannot write what is revoked")?;
        let text = if ended == 0 {
            format!(
                "no token {whose} counted: noted down all the same, but look at the name; `verbatim token list` shows those that were made here"
            )
        } else {
            format!(
                "{ended} revoked {whose}; a running server and its sockets know within two seconds"
            )
        };
        self.format.say(&json!({"revoked": ended}), &text)?;
        Ok(Exit::found(ended > 0))
    }
}

/// The folder of keys of a directory that is there.
fn keys(target: &TargetArgs) -> anyhow::Result<std::path::PathBuf> {
    let data = target.data_dir();
    data.must_exist()?;
    let keys = data.keys();
    anyhow::ensure!(Path::new(&keys).is_dir(), "there are no keys in `{}`", keys.display());
    Ok(keys)
}
