//! `verbatim token`

use std::time::Duration;

use clap::Args;

use super::target::TargetArgs;
use super::{Exit, write};
use crate::access::{Identity, TokenRole, Tokens};

#[derive(Debug, Args)]
pub(super) struct Token {
    /// Whom the token stands for: a customer's, agent's or bot's id
    #[arg(long = "sub", value_name = "SUBJECT")]
    subject: String,
    /// What the token allows; may be given more than once
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<TokenRole>,
    /// Days until it expires
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_650))]
    days: u64,
    #[command(flatten)]
    target: TargetArgs,
}

impl Token {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let data = self.target.data_dir();
        // A token of a mistyped directory would be one that no server takes.
        data.must_exist()?;
        let tokens = Tokens::open_or_create(&data.keys())?;
        let identity =
            Identity { subject: self.subject, shop: self.target.shop, roles: self.roles };
        let token = tokens.issue(&identity, Duration::from_secs(self.days * 24 * 3_600))?;
        write::to_stdout(format!("{token}\n").as_bytes())?;
        Ok(Exit::Yes)
    }
}
