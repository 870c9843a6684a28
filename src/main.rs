//! Parses the command line, sets up logging, runs, and gives the exit code.

use std::process::ExitCode;

use clap::Parser;
use verbatim::cli::{self, Cli};

/// Many small strings are made on one thread and freed on another: `cargo bench --bench pipeline`
/// took 43 s of CPU time for a million events with it and 50 s with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli::start_logging(cli.log_format());
    cli::run(cli).into()
}
