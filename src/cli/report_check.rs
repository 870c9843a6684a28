//! `verbatim report --check [NAME|FILE]`: whether query files can be answered. It asks no data.

use std::path::Path;

use anyhow::bail;

use super::shown::shown;
use super::target::TargetArgs;
use super::{Exit, write};
use crate::cli::logging::tell;
use crate::sql::{Broken, check_file, check_queries};

pub(super) async fn run(target: &TargetArgs, which: Option<&str>) -> anyhow::Result<Exit> {
    let file = which.map(Path::new).filter(|path| path.extension().is_some_and(|end| end == "sql"));
    let (count, broken) = match file {
        Some(path) => (1, check_file(path).await?),
        None => {
            if target.url.is_some() {
                bail!(
                    "--check reads the files of a data directory, which --url has none of: name a FILE.sql"
                );
            }
            let data = target.data_dir();
            data.must_exist()?;
            check_queries(&data.queries(), &target.known_shop()?, which).await?
        }
    };
    let lines: String = broken.iter().map(line).collect();
    write::to_stdout(lines.as_bytes())?;
    let files = if count == 1 { "query file" } else { "query files" };
    tell!("{count} {files} checked, {} broken", broken_files(&broken));
    Ok(Exit::found(broken.is_empty()))
}

/// `queries/own.sql:3: …`
fn line(broken: &Broken) -> String {
    let path = shown(&broken.path.to_string_lossy(), " ");
    let place = broken.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{path}{place}: {}\n", shown(&broken.reason, " "))
}

fn broken_files(broken: &[Broken]) -> usize {
    let paths: std::collections::BTreeSet<&Path> =
        broken.iter().map(|broken| broken.path.as_path()).collect();
    paths.len()
}
