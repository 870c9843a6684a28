//! The query files: those that come with verbatim, those that lie in a folder for every shop, and a shop's
//! own in a folder of its name there. Of one name the last counts.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::NamedQuery;
use super::built_in::BUILT_IN;
use crate::sql::SqlError;
use crate::sql::hints::closest;

/// The queries of one shop, by name. A file that is not understood is left out.
pub fn load(dir: &Path, shop: &str) -> Result<Vec<NamedQuery>, SqlError> {
    let mut queries = BTreeMap::new();
    for (name, text) in BUILT_IN {
        queries.insert(name.to_string(), NamedQuery::parse(name, text)?);
    }
    for (name, path) in files(dir, shop)? {
        match read(&name, &path) {
            Ok(query) => drop(queries.insert(name, query)),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a query file is left out");
            }
        }
    }
    Ok(queries.into_values().collect())
}

/// The names of the files that are left out, each with what is wrong with it. No path is told.
pub(in crate::sql) fn left_out(dir: &Path, shop: &str) -> Result<Vec<(String, String)>, SqlError> {
    let reason = |error| match error {
        SqlError::Input(error) => error.to_string(),
        _ => "it cannot be read".to_string(),
    };
    let broken =
        |(name, path): (String, PathBuf)| Some((name.clone(), reason(read(&name, &path).err()?)));
    Ok(files(dir, shop)?.into_iter().filter_map(broken).collect())
}

/// One of them.
///
/// # Errors
/// What is wrong with its file, or the names of those that there are.
pub(in crate::sql) fn find(dir: &Path, shop: &str, name: &str) -> Result<NamedQuery, SqlError> {
    if let Some((_, path)) = files(dir, shop)?.into_iter().rev().find(|(found, _)| found == name) {
        return read(name, &path);
    }
    match BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
        Some((name, text)) => NamedQuery::parse(name, text),
        None => {
            let known: Vec<String> = load(dir, shop)?.into_iter().map(|query| query.name).collect();
            let meant = closest(name, known.iter().map(String::as_str)).map(str::to_string);
            Err(SqlError::UnknownQuery { name: name.to_string(), meant, known: known.join(", ") })
        }
    }
}

/// Names and paths of the query files that lie in `dir` for every shop, then of those of this one.
pub(in crate::sql) fn files(dir: &Path, shop: &str) -> Result<Vec<(String, PathBuf)>, SqlError> {
    let own = dir.join(folder_of(shop));
    let mut files = Vec::new();
    for dir in [dir, &own] {
        let failed = |source| SqlError::QueryFile { path: dir.to_path_buf(), source };
        let listing = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            listing => listing.map_err(failed)?,
        };
        let mut of_dir = Vec::new();
        for entry in listing {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "sql")
                && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
            {
                of_dir.push((name.to_string(), path));
            }
        }
        of_dir.sort();
        files.extend(of_dir);
    }
    Ok(files)
}

/// The folder of a shop's own queries: its name, with `%` and two hex digits for each byte that is no
/// letter, digit, `-` or `_`.
fn folder_of(shop: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    utf8_percent_encode(shop, KEPT).to_string()
}

fn read(name: &str, path: &Path) -> Result<NamedQuery, SqlError> {
    NamedQuery::parse(name, &text_of(path)?)
}

pub(in crate::sql) fn text_of(path: &Path) -> Result<String, SqlError> {
    fs::read_to_string(path)
        .map_err(|source| SqlError::QueryFile { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_queries_are_well_formed_and_files_match_the_list() {
        let queries = load(Path::new("/nonexistent"), "main").unwrap();
        assert_eq!(queries.len(), BUILT_IN.len());
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let files = fs::read_dir(folder).unwrap().count();
        assert_eq!(files, BUILT_IN.len(), "each file in queries/ is in the list");
    }

    /// One folder served all shops, and one bad file in it broke every report and the dashboard.
    #[test]
    fn a_shop_has_its_own_queries_and_a_bad_file_breaks_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let query = |title: &str| format!("-- title: {title}\n-- answers: what?\nSELECT 1");
        for (path, text) in [
            ("common.sql", query("of all")),
            ("worse.sql", "SELECT 1".to_string()),
            ("a%2F%2E%2E/own.sql", query("of a")),
            ("a%2F%2E%2E/common.sql", query("of a")),
            ("b/own.sql", query("of b")),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let title = |shop: &str, name: &str| {
            let listed = load(dir.path(), shop).unwrap();
            let listed = listed.into_iter().find(|query| query.name == name);
            let found = find(dir.path(), shop, name).ok();
            assert_eq!(listed, found, "{shop} {name}");
            found.map(|query| query.title)
        };
        assert_eq!(title("a/..", "own").as_deref(), Some("of a"));
        assert_eq!(title("a/..", "common").as_deref(), Some("of a"));
        assert_eq!(title("b", "own").as_deref(), Some("of b"));
        assert_eq!(title("b", "common").as_deref(), Some("of all"));
        assert_eq!(title("c", "own"), None);
        assert_eq!(title("c", "worse"), None);
        let error = find(dir.path(), "c", "worse").unwrap_err().to_string();
        assert!(error.contains("worse") && error.contains("title"), "{error}");
        assert_eq!(load(dir.path(), "c").unwrap().len(), BUILT_IN.len() + 1);
    }
}
