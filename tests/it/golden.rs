//! What other programs and later builds must read alike.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
