//! Whether there is anything of what was asked for: a command that finds nothing has not failed.

use super::client::Refused;
use super::shown::shown;
use crate::app::KeeperError;
use crate::cli::logging::tell;
use crate::evidence::pack::PackError;
use crate::model::{ErrorKind, Kinded};

/// What was found; `None`, and said, where there is nothing of what was asked for.
pub(super) fn found<T>(asked: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match asked {
        Ok(found) => Ok(Some(found)),
        Err(error) => match nothing_of(&error) {
            Some(said) => {
                tell!("{}", shown(&said, " "));
                Ok(None)
            }
            None => Err(error),
        },
    }
}

fn nothing_of(error: &anyhow::Error) -> Option<String> {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return refused.nothing().map(str::to_string);
    }
    let keeper = error.downcast_ref::<KeeperError>().map(Kinded::kind);
    let kind = keeper.or(error.downcast_ref::<PackError>().map(Kinded::kind));
    (kind == Some(ErrorKind::NotFound)).then(|| error.to_string())
}
