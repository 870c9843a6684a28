//! The layers of `src/lib.rs`, which a single crate does not enforce: who imports whom, and where
//! foreign types live.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders and their levels. A folder imports lower levels only; siblings never import each other.
const LEVELS: &[(&str, u8)] = &[
    ("model", 1),
    ("durable", 2),
    ("log", 3),
    ("access", 3),
    ("table", 3),
    ("relay", 4),
    ("archive", 4),
    ("facts", 4),
    ("index", 4),
    ("erasure", 4),
    ("ledger", 4),
    ("trail", 5),
    ("records", 5),
    ("transcript", 5),
    ("categories", 5),
    ("sql", 5),
    ("search", 5),
    ("audit", 6),
    ("import", 6),
    ("export", 6),
    ("evidence", 6),
    ("app", 7),
    ("server", 8),
    ("web", 9),
    ("cli", 10),
    ("main", 11),
];

/// Edges beside the levels: the `search()` function of SQL.
const ALSO: &[(&str, &str)] = &[("sql", "search")];

/// Libraries whose types stay in their room, and the rooms.
const ROOMS: &[(&str, &[&str])] = &[
    ("arrow", &["table", "archive", "facts", "audit", "sql", "export", "web"]),
    ("datafusion", &["sql"]),
    ("datafusion_pg_catalog", &["sql"]),
    ("arrow_pg", &["sql"]),
    ("pgwire", &["sql", "server"]),
    ("deltalake_core", &["table"]),
    ("object_store", &["table"]),
    ("tantivy", &["index", "search"]),
    ("hanconv", &["index"]),
    ("axum", &["server", "web"]),
    ("tower_http", &["web"]),
    ("governor", &["server"]),
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("anyhow", &["cli", "app"]),
    ("tokio_rustls", &["server", "cli"]),
    ("prometheus_client", &["relay", "server"]),
    ("open_wal", &["log"]),
    ("zstd", &["log", "import", "cli"]),
    ("flate2", &["import"]),
    ("mail_parser", &["import"]),
    ("crc32c", &["log"]),
    ("fjall", &["durable", "facts", "relay"]),
    ("jsonwebtoken", &["access"]),
    ("ed25519_dalek", &["ledger"]),
    ("signed_note", &["ledger"]),
    ("tlog_tiles", &["ledger"]),
    ("reqwest", &["cli"]),
    ("askama", &["web", "transcript"]),
    ("krilla", &["evidence"]),
    ("mail_builder", &["evidence"]),
    ("parley", &["evidence"]),
];

/// A source file: its path under `src/`, and its text without tests and comment lines.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        // Tests stand last.
        let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = body.lines().filter(|line| !line.trim_start().starts_with("//"));
        Source { path: path.to_string(), text: code.map(|line| format!("{line}\n")).collect() }
    }

    /// The folder, or the file at the top.
    fn folder(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap()
    }

    /// How many `super::` lead out of the folder: 1 from `relay/mod.rs`, 2 from `relay/hub.rs`.
    fn depth(&self) -> usize {
        let parts =
            self.path.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").count();
        parts.max(1)
    }

    /// Folders this file names by `crate::`, grouped imports included.
    fn imports(&self) -> BTreeSet<String> {
        let mut imports = BTreeSet::new();
        for root in ["crate::", "verbatim::"] {
            for (at, _) in self.text.match_indices(root) {
                let is_word = self.text[..at].ends_with(|before: char| {
                    before.is_alphanumeric() || before == '_' || before == '$'
                });
                if !is_word {
                    imports.extend(first_names(&self.text[at + root.len()..]));
                }
            }
        }
        imports
    }
}

/// The name after `crate::`, or the first names of each item in its braces.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim()
            .chars()
            .take_while(|char| char.is_alphanumeric() || *char == '_')
            .collect::<String>()
    };
    if !rest.starts_with('{') {
        return vec![name(rest)];
    }
    let mut names = Vec::new();
    let mut depth = 0;
    let mut item = String::new();
    for char in rest.chars() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(name(&std::mem::take(&mut item))),
            _ if depth == 1 => item.push(char),
            _ => {}
        }
        if depth == 0 {
            names.push(name(&item));
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn level(folder: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == folder).map(|(_, level)| *level)
}

/// Arrows of one file that point where they must not.
fn wrong_arrows(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    let from = source.folder();
    if from == "lib" {
        return wrong;
    }
    let Some(own) = level(from) else { return vec![format!("`{}` has no level", source.path)] };
    for to in source.imports() {
        // What the crate's root hands out is a folder or nothing; `main` may use the crate by its
        // name.
        let Some(other) = level(&to) else {
            wrong.push(format!("`{}` imports `{to}`, which has no level", source.path));
            continue;
        };
        let allowed = to == from || other < own || ALSO.contains(&(from, to.as_str()));
        if !allowed {
            wrong.push(format!("`{}` imports `{to}`", source.path));
        }
    }
    let out_of_the_folder = "super::".repeat(source.depth());
    if source.text.contains(&out_of_the_folder) && source.depth() > 0 {
        wrong.push(format!("`{}` leaves its folder by `{out_of_the_folder}`", source.path));
    }
    wrong
}

/// Foreign types of one file outside their room.
fn strangers(source: &Source) -> Vec<String> {
    let mut strangers = Vec::new();
    for (library, rooms) in ROOMS {
        if rooms.contains(&source.folder()) {
            continue;
        }
        let used = source.text.match_indices(&format!("{library}::")).any(|(at, _)| {
            let before = source.text[..at].chars().next_back();
            let is_word =
                before.is_some_and(|char| char.is_alphanumeric() || char == '_' || char == ':');
            // Words of an enum are the same in JSON, on the command line and in the docs: a derive,
            // no clap type.
            let is_derive = *library == "clap" && source.text[at..].starts_with("clap::ValueEnum");
            !is_word && !is_derive
        });
        if used {
            strangers.push(format!("`{}` uses `{library}`", source.path));
        }
    }
    strangers
}

/// The files that change what lies in the log's folder, each by one step of its life.
const LOG_WRITERS: [&str; 4] = ["log/open.rs", "log/writer.rs", "log/seal.rs", "log/trim.rs"];

/// What of one file could change log bytes: only those of [`LOG_WRITERS`] may.
fn log_writes(source: &Source) -> Vec<String> {
    if LOG_WRITERS.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let mut writes = Vec::new();
    let everywhere =
        ["LogWriter::", "log_writer", "wal.append", "wal.commit", "Wal::", "WalConfig"];
    let in_log = [
        "OpenOptions",
        "File::create",
        "File::options",
        "set_len",
        "write_all",
        "write_at",
        "fs::write",
        "fs::remove",
        "fs::rename",
        "fs::copy",
        "fs::create",
        "truncate(true",
        ".append(",
        "io::Write",
        "sync_all",
        "sync_data",
        "Staged",
        "Disk::open",
        ".remove(",
    ];
    let named = everywhere.iter().chain(in_log.iter().filter(|_| source.folder() == "log"));
    for word in named.filter(|word| source.text.contains(**word)) {
        writes.push(format!("`{}` has `{word}`", source.path));
    }
    // The log's place is known to the wiring alone, so nobody else can open its files.
    if source.text.contains(".log()") && source.folder() != "app" {
        writes.push(format!("`{}` asks for the log's folder", source.path));
    }
    writes
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        let listed: Vec<PathBuf> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        // Modules that only tests see, by their declaration: a file or a folder of that name.
        let declared = std::fs::read_to_string(folder.join("mod.rs")).unwrap_or_default();
        let is_for_tests = |path: &Path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            ["", "pub(crate) ", "pub(super) "]
                .iter()
                .any(|seen| declared.contains(&format!("#[cfg(test)]\n{seen}mod {name};")))
        };
        for path in listed.into_iter().filter(|path| !is_for_tests(path)) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                sources.push(Source::new(&name, &std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(sources.len() > 80, "only {} files were read", sources.len());
    sources
}

/// The relay takes messages while archive and index are down because it cannot even name them. One
/// convenient import, and that is over.
#[test]
fn every_import_points_down() {
    let wrong: Vec<String> = sources().iter().flat_map(wrong_arrows).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

/// A library is replaced in its room, or everywhere.
#[test]
fn foreign_types_stay_in_their_room() {
    let strangers: Vec<String> = sources().iter().flat_map(strangers).collect();
    assert_eq!(strangers, Vec::<String>::new());
}

/// The log is evidence. Whatever can change its bytes is in few files that are read with care.
#[test]
fn only_the_writer_changes_log_bytes() {
    let writes: Vec<String> = sources().iter().flat_map(log_writes).collect();
    assert_eq!(writes, Vec::<String>::new());
}

/// The control: each check above complains about what it is there to find, and about nothing else.
#[test]
fn the_checks_can_fail() {
    let arrows = |path: &str, text: &str| wrong_arrows(&Source::new(path, text)).len();
    assert_eq!(arrows("relay/hub.rs", "use crate::archive::Archive;\n"), 1);
    assert_eq!(
        arrows("relay/hub.rs", "use crate::{log::LogReader, archive::{A, B}, model::Event};\n"),
        1
    );
    assert_eq!(arrows("relay/hub.rs", "fn f() { super::super::archive::f() }\n"), 1);
    assert_eq!(arrows("sql/render.rs", "use crate::export::ExportFormat;\n"), 1);
    assert_eq!(arrows("search/run.rs", "use crate::sql::Sql;\n"), 1);
    assert_eq!(arrows("model/event.rs", "use crate::log::LogError;\n"), 1);
    assert_eq!(arrows("relay/hub.rs", "use crate::app::Config;\n"), 1);
    assert_eq!(arrows("relay/hub.rs", "use crate::server::Problem;\n"), 1);
    assert_eq!(arrows("log/writer.rs", "use crate::durable::write;\n"), 0);
    assert_eq!(arrows("durable/write.rs", "use crate::log::LogError;\n"), 1);
    assert_eq!(arrows("web/router.rs", "use crate::cli::Exit;\n"), 1);
    assert_eq!(arrows("misc/mod.rs", ""), 1);
    assert_eq!(
        arrows("relay/hub.rs", "use super::Tokens;\nuse crate::model::Event;\n// crate::archive\n"),
        0
    );
    assert_eq!(arrows("server/http/mod.rs", "use super::Service;\nuse crate::app::Status;\n"), 0);
    assert_eq!(arrows("sql/functions.rs", "use crate::search::Search;\n"), 0);
    assert_eq!(
        arrows("relay/hub.rs", "\n#[cfg(test)]\nmod tests {\n    use crate::archive::X;\n}\n"),
        0
    );

    let foreign = |path: &str, text: &str| strangers(&Source::new(path, text)).len();
    assert_eq!(foreign("export/csv.rs", "use datafusion::prelude::col;\n"), 1);
    assert_eq!(foreign("model/event.rs", "fn f(x: tantivy::Term) {}\n"), 1);
    assert_eq!(foreign("model/fields.rs", "use arrow::datatypes::DataType;\n"), 1);
    assert_eq!(foreign("export/mod.rs", "use clap::Args;\n"), 1);
    assert_eq!(foreign("export/mod.rs", "#[derive(clap::ValueEnum)]\n"), 0);
    assert_eq!(foreign("sql/mod.rs", "use datafusion::prelude::col;\n"), 0);

    let writes = |path: &str, text: &str| log_writes(&Source::new(path, text)).len();
    assert_eq!(writes("log/reader.rs", "let file = OpenOptions::new();\n"), 1);
    assert_eq!(writes("log/segments.rs", "disk.remove(path)"), 1);
    assert_eq!(writes("relay/appender.rs", "let wal = Wal::open(dir);\n"), 1);
    assert_eq!(writes("cli/status.rs", "std::fs::write(data.log())"), 1);
    assert_eq!(writes("log/writer.rs", "Wal::open(); OpenOptions::new()"), 0);
}
