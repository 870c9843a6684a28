//! Up to where an export was taken, from one run to the next.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::cli::logging::tell;
use crate::durable::{self, Mode};
use crate::facts::METRIC_VERSION;
use crate::model::Offset;

/// What a run leaves for the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) table: String,
    pub(super) shop: String,
    /// Every record below it is in what was exported.
    pub(super) complete_to: Offset,
    /// Of the log that was exported; `None` in a state that an earlier build wrote.
    #[serde(default)]
    pub(super) last_leaf: Option<String>,
    /// What figures meant then: those of another meaning are exported anew.
    pub(super) metric_version: i32,
}

/// A log, as a shop sees it.
pub(super) struct SeenLog {
    /// Up to where it was read.
    pub(super) complete_to: Offset,
    /// Leaf of the shop's last record below some offset; empty where it has none there. It is salted, so that
    /// no other record has it, whatever was said.
    pub(super) last_leaf: String,
}

impl State {
    pub(super) fn new(table: &str, shop: &str, complete_to: Offset, last_leaf: String) -> State {
        let (table, shop) = (table.to_string(), shop.to_string());
        let last_leaf = Some(last_leaf);
        State { table, shop, complete_to, last_leaf, metric_version: METRIC_VERSION }
    }

    /// That of the run before; none before the first, and where figures mean something else since.
    pub(super) fn read(path: &Path, table: &str, shop: &str) -> anyhow::Result<Option<State>> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
        };
        let state: State = serde_json::from_slice(&text)
            .with_context(|| format!("`{}` is no state of an export", path.display()))?;
        ensure!(
            state.table == table && state.shop == shop,
            "`{}` is of `{}` of shop `{}`: each table of each shop has a state of its own",
            path.display(),
            state.table,
            state.shop
        );
        if state.metric_version != METRIC_VERSION {
            tell!(
                "figures mean something else since the last run (metric version {}, now {METRIC_VERSION}): all is exported anew",
                state.metric_version
            );
            return Ok(None);
        }
        Ok(Some(state))
    }

    /// Refuses to go on in a log that is not the one that was exported, as it was seen below `complete_to`: rows
    /// of records that are lost would stay in what was taken up, and others be missing there.
    pub(super) fn require_log(&self, path: &Path, log: &SeenLog) -> anyhow::Result<()> {
        ensure!(
            log.complete_to >= self.complete_to,
            "`{}` has records up to offset {}, and here they go to {} only: another log is here, or one of a \
             backup; begin anew, with no state and an empty folder. Where `verbatim status` says that a store \
             lags behind, try again when it does not",
            path.display(),
            self.complete_to,
            log.complete_to
        );
        ensure!(
            self.last_leaf.as_ref().is_none_or(|leaf| *leaf == log.last_leaf),
            "`{}` has other records below offset {} than there are here: another log is here, or one of a \
             backup; begin anew, with no state and an empty folder",
            path.display(),
            self.complete_to
        );
        Ok(())
    }

    /// Writes it, durably: the last step of a run.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        durable::write(path, Mode::Usual, &text)
            .with_context(|| format!("cannot write `{}`", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_of_one_table_of_one_shop_and_of_one_meaning() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("messages.state");
        assert_eq!(State::read(&path, "messages", "main").unwrap(), None);
        let state = State::new("messages", "main", Offset(7), "ab".to_string());
        state.write(&path).unwrap();
        assert_eq!(State::read(&path, "messages", "main").unwrap(), Some(state.clone()));
        for (table, shop) in [("turns", "main"), ("messages", "eu")] {
            let error = State::read(&path, table, shop).unwrap_err().to_string();
            assert!(error.contains("`messages` of shop `main`"), "{error}");
        }
        State { metric_version: METRIC_VERSION - 1, ..state }.write(&path).unwrap();
        assert_eq!(State::read(&path, "messages", "main").unwrap(), None);
        fs::write(&path, "{").unwrap();
        assert!(State::read(&path, "messages", "main").is_err());
    }

    #[test]
    fn a_state_goes_on_in_its_own_log_alone() {
        let path = Path::new("messages.state");
        let state = State::new("messages", "main", Offset(7), "ab".to_string());
        let refused = |state: &State, complete_to: u64, last_leaf: &str| {
            let last_leaf = last_leaf.to_string();
            let log = SeenLog { complete_to: Offset(complete_to), last_leaf };
            state.require_log(path, &log).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(refused(&state, 7, "ab") + &refused(&state, 9, "ab"), "");
        assert!(refused(&state, 6, "ab").contains("up to offset 7, and here they go to 6 only"));
        for other in ["cd", ""] {
            assert!(refused(&state, 9, other).contains("other records below offset 7"));
        }
        // One of before says less.
        let text = r#"{"table":"messages","shop":"main","complete_to":7,"metric_version":0}"#;
        let before: State = serde_json::from_str(text).unwrap();
        assert_eq!(refused(&before, 7, "ab"), "");
        assert!(refused(&before, 6, "ab").contains("begin anew"));
        // A shop of which there was nothing yet.
        let empty = State::new("messages", "main", Offset(7), String::new());
        assert_eq!(refused(&empty, 7, ""), "");
        assert!(refused(&empty, 7, "ab").contains("begin anew"));
    }
}
