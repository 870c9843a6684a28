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
    /// What figures meant then: those of another meaning are exported anew.
    pub(super) metric_version: i32,
}

impl State {
    pub(super) fn new(table: &str, shop: &str, complete_to: Offset) -> State {
        let (table, shop) = (table.to_string(), shop.to_string());
        State { table, shop, complete_to, metric_version: METRIC_VERSION }
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
        let state = State::new("messages", "main", Offset(7));
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
}
