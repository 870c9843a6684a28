//! `verbatim categories train|eval|apply|list`

mod apply;
mod eval;
mod list;
mod shown;
mod train;

use std::fs::File;
use std::path::Path;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::Exit;
use super::target::TargetArgs;
use crate::categories::{Example, Shelf, read_labels};

const EXAMPLES: &str = "\
Examples:
  verbatim categories train --from-tags --data DATA
  verbatim rules set classifier=issues --data DATA        from then on, conversations get theirs when they end

Exit codes: 0 done; 1 there is none to list; 2 failure";

/// What conversations are about: make, judge and use a classifier, on this machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Categories {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a model from what people tagged, or from a file of labelled texts
    Train(train::Train),
    /// How good a model is on labelled texts that it has not seen
    Eval(eval::Eval),
    /// Tag what ended and nobody tagged; categories of an older model are replaced
    Apply(apply::Apply),
    /// The models that there are
    List(list::List),
}

impl Categories {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        match self.action {
            Action::Train(train) => train.run().await,
            Action::Eval(eval) => eval.run(),
            Action::Apply(apply) => apply.run().await,
            Action::List(list) => list.run().await,
        }
    }
}

/// The examples of a CSV file.
fn labels(path: &Path) -> anyhow::Result<Vec<Example>> {
    let shown = || format!("`{}`", path.display());
    let file = File::open(path).with_context(shown)?;
    read_labels(file).with_context(shown)
}

/// The models of the shop that the arguments name.
fn shelf(target: &TargetArgs) -> anyhow::Result<Shelf> {
    ensure!(
        target.url.is_none(),
        "models lie in the data directory: run this where it is, with --data, also while it is served"
    );
    target.data_dir().must_exist()?;
    Ok(Shelf::of(&target.data_dir().models(), &target.known_shop()?))
}
