//! The command line: one file per subcommand. Data on stdout, all else on stderr; exit 0 yes, 1 no or not found,
//! 2 wrong usage or failure; a broken pipe is quiet.

mod client;
mod demo;
mod exit;
mod export;
mod feed;
mod import;
mod progress;
mod replay;
mod report;
mod search;
mod serve;
mod show;
mod shown;
mod sql;
mod status;
mod target;
mod token;
mod write;

use std::path::PathBuf;

use chrono_tz::Tz;
use clap::{Args, Parser, Subcommand};

pub use exit::Exit;

use crate::app::{Config, ConfigFile, DataDir};

/// The transcript archive and analytics pipeline for after-sales chat.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole thing on sample data, with a page to open
    Demo(demo::Demo),
    /// Relay, followers, questions and pages over a data directory
    Serve(serve::Serve),
    /// Bring in old transcripts or events with their own times
    Import(import::Import),
    /// Send transcripts or events to a relay as live chat
    Replay(replay::Replay),
    /// Find what was said, by any words in any script
    Search(search::Search),
    /// One conversation, with edits, retractions and attachments
    Show(show::Show),
    /// Answer one of the named queries; without a name, list them
    Report(report::Report),
    /// Ask in SQL: a query, or one on standard input
    Sql(sql::Sql),
    /// Write a whole table as Parquet, CSV or JSON lines
    Export(export::Export),
    /// How far each store is
    Status(status::Status),
    /// Make a token
    Token(token::Token),
}

/// Where the data is: a directory read in place, or a running server.
#[derive(Clone, Debug, Args)]
struct Where {
    /// Data directory. A directory that a server owns is asked through that server
    #[arg(
        long,
        value_name = "DIR",
        default_value = "verbatim-data",
        env = "VERBATIM_DATA",
        global = true
    )]
    data: PathBuf,
    /// Ask the server at this address instead
    #[arg(long, value_name = "URL", env = "VERBATIM_URL", requires = "token")]
    url: Option<reqwest::Url>,
    /// Token for --url
    #[arg(long, value_name = "TOKEN", env = "VERBATIM_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Shop to work in
    #[arg(long, value_name = "SHOP", default_value = "main", env = "VERBATIM_SHOP")]
    shop: String,
    #[command(flatten)]
    settings: Settings,
}

/// Settings that may also stand in `verbatim.toml`.
#[derive(Clone, Debug, Default, Args)]
struct Settings {
    /// Zone in which days and hours are counted and times are shown, such as Asia/Shanghai
    #[arg(long, value_name = "ZONE", env = "VERBATIM_ZONE")]
    zone: Option<Tz>,
}

impl Where {
    fn data_dir(&self) -> DataDir {
        DataDir::new(&self.data)
    }

    /// Flags and environment over the file over the defaults.
    fn config(&self) -> anyhow::Result<Config> {
        let file = ConfigFile::read(&self.data_dir().config_file())?;
        let flags = ConfigFile { zone: self.settings.zone, ..ConfigFile::default() };
        Ok(Config::default().with(file).with(flags))
    }
}

/// Runs one command to its end.
pub fn run(cli: Cli) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Exit::failure(&error.into()),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Demo(command) => command.run().await,
            Command::Serve(command) => command.run().await,
            Command::Import(command) => command.run().await,
            Command::Replay(command) => command.run().await,
            Command::Search(command) => command.run().await,
            Command::Show(command) => command.run().await,
            Command::Report(command) => command.run().await,
            Command::Sql(command) => command.run().await,
            Command::Export(command) => command.run().await,
            Command::Status(command) => command.run().await,
            Command::Token(command) => command.run(),
        }
    });
    // A stopped service must not wait for a connection that nobody closes.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| Exit::failure(&error))
}
