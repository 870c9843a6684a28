//! The command line: one file per subcommand. Data on stdout, all else on stderr; exit 0 yes, 1 no
//! or not found, 2 wrong usage or failure; a broken pipe is quiet.

mod access;
mod answer_sql;
mod audit;
mod backup;
mod categories;
mod client;
mod counted;
mod demo;
mod destination;
mod doctor;
mod erase;
mod evidence;
mod exit;
mod export;
mod feed;
mod fetched;
mod found;
mod hold;
mod import;
mod in_place;
mod intake;
mod local;
mod logging;
mod manual;
mod out_args;
mod pictures;
mod pinned;
mod progress;
mod purpose;
mod rebuild;
mod replay;
mod report;
mod report_check;
mod rows_out;
mod rules;
mod schema;
mod search;
mod search_text;
mod serve;
mod show;
mod shown;
mod sql;
mod status;
mod streamed;
mod table;
mod target;
mod text_or_json;
mod token;
mod wanted;
mod width;
mod write;

use std::str::FromStr;

use clap::{Parser, Subcommand};
use strum::VariantNames;

use crate::app::LogFormat;
pub use exit::Exit;
pub use logging::start as start_logging;

const EXAMPLES: &str = "\
Examples:
  verbatim demo                                    two weeks of a shop's chat, and a page to open
  verbatim serve --data DATA                       take chat in, and answer questions
  verbatim search '退款' --from -30d                 what was said
  verbatim report waiting_by_day --from -4w        how long customers waited
  verbatim evidence export --order FL-1001 --case 7 --reason chargeback --out 7.zip

Exit codes: 0 yes, done; 1 no, nothing found, some input refused; 2 wrong usage or failure. Each command's --help says more.";

/// The transcript archive and analytics pipeline for after-sales chat.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole thing on sample data, with a page to open
    Demo(demo::Demo),
    /// Relay, stores, questions and pages over a data directory
    Serve(serve::Serve),
    /// Import old transcripts or events with their own times
    Import(import::Import),
    /// Send transcripts or events to a relay as live chat
    Replay(replay::Replay),
    /// Find what was said, by any words in any script
    Search(search::Search),
    /// One conversation, with edits, retractions and attachments
    Show(show::Show),
    /// Answer one of the named queries; without a name, list them
    Report(report::Report),
    /// Ask in SQL: a query, a file of one, or a prompt
    Sql(sql::Sql),
    /// The tables that SQL may ask, and what each column means
    Schema(schema::SchemaCommand),
    /// Write a table as a file, in parts, or what has changed
    Export(export::Export),
    /// What can be shown to others, and what they can check
    Evidence(evidence::Evidence),
    /// What a shop decides about its figures
    Rules(rules::Rules),
    /// What conversations are about: a classifier made and used here
    Categories(categories::Categories),
    /// Who searched, viewed and exported what
    Access(access::AccessCommand),
    /// Keep conversations for a case, whatever else is asked
    Hold(hold::Hold),
    /// Erase what was said, or list what was erased
    Erase(erase::Erase),
    /// Whether all stores hold the same
    Audit(audit::Audit),
    /// Copy all that cannot be made again, also while a service runs
    Backup(backup::Backup),
    /// Make stores anew from what remains
    Rebuild(rebuild::Rebuild),
    /// Whether machine and directory are fit, and what to change
    Doctor(doctor::Doctor),
    /// How far each store is
    Status(status::Status),
    /// Make, list or revoke tokens, and look after the keys that sign them
    Token(token::Token),
    /// Names of commands, options and values for a shell
    Completions(manual::Completions),
    /// The manual, as pages for `man`
    Man(manual::ManPages),
    /// Answer the questions of a service
    #[command(hide = true)]
    AnswerSql(answer_sql::AnswerSql),
}

impl Cli {
    /// How this command writes its log: what ends soon writes for people.
    pub fn log_format(&self) -> LogFormat {
        match &self.command {
            Command::Serve(serve) => serve.log_format(),
            Command::AnswerSql(answer_sql) => answer_sql.log_format(),
            _ => LogFormat::Text,
        }
    }
}

/// Reads a label of an argument; one that is unknown is answered with those there are.
fn label<L: FromStr + VariantNames>(text: &str) -> Result<L, String> {
    text.parse().map_err(|_| format!("must be one of {}", L::VARIANTS.join(", ")))
}

/// Runs one command to its end.
pub fn run(cli: Cli) -> Exit {
    let command = match cli.command {
        Command::AnswerSql(command) => {
            return command.run().unwrap_or_else(|error| Exit::failure(&error));
        }
        command => command,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Exit::failure(&error.into()),
    };
    let result = runtime.block_on(async {
        match command {
            Command::Demo(command) => command.run().await,
            Command::Serve(command) => command.run().await,
            Command::Import(command) => command.run().await,
            Command::Replay(command) => command.run().await,
            Command::Search(command) => command.run().await,
            Command::Show(command) => command.run().await,
            Command::Report(command) => command.run().await,
            Command::Sql(command) => command.run().await,
            Command::Schema(command) => command.run().await,
            Command::Export(command) => command.run().await,
            Command::Rules(command) => command.run().await,
            Command::Categories(command) => command.run().await,
            Command::Access(command) => command.run().await,
            Command::Evidence(command) => command.run().await,
            Command::Hold(command) => command.run().await,
            Command::Erase(command) => command.run().await,
            Command::Audit(command) => command.run().await,
            Command::Backup(command) => command.run().await,
            Command::Rebuild(command) => command.run().await,
            Command::Status(command) => command.run().await,
            Command::Token(command) => command.run(),
            Command::Doctor(command) => command.run(),
            Command::Completions(command) => command.run(),
            Command::Man(command) => command.run(),
            Command::AnswerSql(command) => command.run(),
        }
    });
    // A stopped service must not wait for a connection that nobody closes.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| Exit::failure(&error))
}
