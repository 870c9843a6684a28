//! Parses the command line, sets up logging, runs, and gives the exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;
use verbatim::cli::{self, Cli};

/// Many small strings are made on one thread and freed on another: `cargo bench --bench pipeline`
/// took 43 s of CPU time for a million events with it and 50 s with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("VERBATIM_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,verbatim=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    cli::run(Cli::parse()).into()
}
