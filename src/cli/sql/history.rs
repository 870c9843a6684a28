//! What was typed at the prompt before, for its owner only: it may name customers and orders.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::cli::logging::tell;
use crate::cli::target::TargetArgs;

/// In the folder of what the user's programs keep.
const FILE: &str = "sql_history";
/// Statements that are kept: × about 500 bytes = 500 KiB.
pub(super) const STATEMENTS_MAX: usize = 1_000;

/// Where it lies: in the data directory that is asked, or with what the user's programs keep.
pub(super) struct History {
    path: Option<PathBuf>,
}

impl History {
    pub(super) fn of(target: &TargetArgs) -> History {
        let path = match target.url {
            None => Some(target.data_dir().sql_history()),
            Some(_) => state_folder().map(|folder| folder.join(FILE)),
        };
        History { path }
    }

    /// The file, which is there and for its owner only. Without one nothing is kept, which is said.
    pub(super) fn file(&self) -> Option<&Path> {
        let path = self.path.as_deref()?;
        match make(path) {
            Ok(()) => Some(path),
            Err(error) => {
                tell!("nothing that is typed is kept: `{}`: {error}", path.display());
                None
            }
        }
    }
}

/// By the XDG Base Directory Specification.
fn state_folder() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let of = |name| std::env::var_os(name).map(PathBuf::from).and_then(absolute);
    let state = of("XDG_STATE_HOME").or_else(|| Some(of("HOME")?.join(".local/state")))?;
    Some(state.join("verbatim"))
}

fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_for_its_owner_only_also_where_it_was_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("verbatim").join(FILE);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        make(&path).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::write(&path, "select 1;\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        make(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "select 1;\n");
    }
}
