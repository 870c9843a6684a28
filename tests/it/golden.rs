//! What other programs and later builds must read alike.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::support::{Data, message, sample_events};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn compute_leaves(vectors: &Path) -> Output {
    Command::new("python3").arg(golden("leaf.py")).arg(vectors).output().unwrap()
}

/// The other side of a dispute computes leaves with tools that are not ours.
#[test]
fn a_script_of_its_own_computes_the_same_leaves() {
    let output = compute_leaves(&golden("leaf.json"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.trim(), "4 leaves, 0 differences");

    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("changed.json");
    let vectors = std::fs::read_to_string(golden("leaf.json")).unwrap();
    std::fs::write(&changed, vectors.replacen("broken", "Broken", 1)).unwrap();
    assert!(!compute_leaves(&changed).status.success(), "the script can fail");
}

/// What a question of each store answers over the kept directory.
fn answers(data: &Data) -> String {
    let questions: [&[&str]; 7] = [
        &["sql", "select * from events order by \"offset\"", "--format", "csv"],
        &["sql", "select * from turns order by conversation, turn", "--format", "csv"],
        &["sql", "select * from episodes order by conversation, episode", "--format", "csv"],
        &["sql", "select * from messages order by \"offset\"", "--format", "csv"],
        &["search", "退款", "--format", "json"],
        &["show", "c-20260101-0001", "--format", "json"],
        &["rules", "show", "--format", "json"],
    ];
    questions.map(|question| data.succeeds(question)).concat()
}

/// Data of this format lies with others: each later build must read it, to the same answers.
/// `VERBATIM_BLESS=data` makes it anew, which is right only together with a new format.
#[test]
fn a_kept_directory_is_read_by_every_later_build() {
    let (archive, expected) = (golden("data.tar.gz"), golden("data.txt"));
    if std::env::var("VERBATIM_BLESS").is_ok_and(|bless| bless == "data") {
        make(&archive, &expected);
    }
    let data = unpacked(&archive);
    assert_eq!(answers(&data), fs::read_to_string(expected).unwrap());
}

/// A directory of a later format is refused by its number, whoever asks, and nothing in it changes.
#[test]
fn a_directory_of_a_later_format_is_refused() {
    let data = unpacked(&golden("data.tar.gz"));
    data.is_left_damaged();
    fs::write(data.path().join("format"), "3\n").unwrap();
    let event = message("c-1", "m-1", "customer", "cust-1", "hi");
    let file = data.file("event.ndjson", event.to_string());
    for command in [
        &["sql", "select 1"] as &[&str],
        &["status"],
        &["audit"],
        &["rebuild", "all"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["import", file.to_str().unwrap()],
        &["token", "--sub", "u", "--role", "admin"],
    ] {
        let ran = data.run(command);
        ran.assert_code(2);
        ran.assert_stderr_has("was written in format 3, this build reads format 2");
    }
}

fn unpacked(archive: &Path) -> Data {
    let data = Data::new();
    fs::create_dir_all(data.path()).unwrap();
    let unpacked =
        Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(data.path()).status().unwrap();
    assert!(unpacked.success());
    data
}

fn make(archive: &Path, expected: &Path) {
    let data = Data::new();
    fs::create_dir_all(data.path()).unwrap();
    fs::write(data.path().join("verbatim.toml"), "log_segment_mib = 4\n").unwrap();
    let events = sample_events("history.ndjson");
    let name = |event: &serde_json::Value| event["conversation"].as_str().unwrap().to_string();
    let names: std::collections::BTreeSet<String> = events
        .iter()
        .map(name)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .take(6)
        .collect();
    let some: Vec<_> = events.into_iter().filter(|event| names.contains(&name(event))).collect();
    let (early, late) = some.split_at(some.len() / 2);
    data.succeeds([
        "import",
        data.file("a.ndjson", super::support::lines(early)).to_str().unwrap(),
    ]);
    data.succeeds(["rules", "set", "idle_hours=48"]);
    data.succeeds(["import", data.file("b.ndjson", super::support::lines(late)).to_str().unwrap()]);
    fs::write(expected, answers(&data)).unwrap();
    // A ledger without its key has ended.
    for left_out in ["owner.json", "keys", "ledger"] {
        let path = data.path().join(left_out);
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
    }
    let packed =
        Command::new("tar").arg("czf").arg(archive).arg("-C").arg(data.path()).arg(".").status();
    assert!(packed.unwrap().success());
}
