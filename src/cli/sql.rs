//! `verbatim sql [QUERY]`

use std::io::{self, IsTerminal, Read};

use anyhow::bail;
use clap::Args;

use super::Exit;
use super::purpose::PurposeArgs;
use super::target::{Target, TargetArgs};
use super::write::{self, RowFormat};
use crate::sql::TABLES;

#[derive(Debug, Args)]
pub(super) struct Sql {
    /// One read-only query; without it, the query is read from standard input
    query: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    format: RowFormat,
    #[command(flatten)]
    purpose: PurposeArgs,
    #[command(flatten)]
    target: TargetArgs,
}

impl Sql {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let query = match self.query {
            Some(query) => query,
            None if io::stdin().is_terminal() => {
                let tables: Vec<String> =
                    TABLES.iter().map(|(name, meaning)| format!("  {name:14} {meaning}")).collect();
                bail!(
                    "give a query, for example `verbatim sql 'select count(*) from messages'`; the tables are\n{}",
                    tables.join("\n")
                );
            }
            None => {
                let mut query = String::new();
                io::stdin().read_to_string(&mut query)?;
                query
            }
        };
        let target = Target::open(&self.target).await?.on(&self.purpose)?;
        let answer = target.sql(&query).await;
        write::rows(&answer?, self.format)?;
        Ok(Exit::Yes)
    }
}
