//! What is written in C: libraries preloaded into the program under test, and one program. Each is
//! compiled once, by the linker that Rust needs anyway.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// Lets calls on the log fail.
pub static LOG_FAULTS: LazyLock<PathBuf> = LazyLock::new(|| compiled("log_faults.c", LIBRARY));
/// Remembers what unsynced writes replaced, and drops syncs.
pub static POWER: LazyLock<PathBuf> = LazyLock::new(|| compiled("power.c", LIBRARY));
/// Lets the wall clock jump.
pub static CLOCK: LazyLock<PathBuf> = LazyLock::new(|| compiled("clock.c", LIBRARY));
/// Kills before a step that changes a file.
pub static STEPS: LazyLock<PathBuf> = LazyLock::new(|| compiled("steps.c", LIBRARY));
/// Cuts the power of a mounted disk.
pub static CUT: LazyLock<PathBuf> = LazyLock::new(|| compiled("cut.c", &[]));

const LIBRARY: &[&str] = &["-shared", "-fPIC"];

fn compiled(source: &str, flags: &[&str]) -> PathBuf {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it"));
    let made = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(source).with_extension("out");
    let mut cc = Command::new("cc");
    cc.args(flags).args(["-O1", "-Wall", "-Werror"]).arg(folder.join(source));
    cc.args(["-ldl", "-lpthread", "-o"]).arg(&made);
    assert!(cc.status().unwrap().success(), "the linker that Rust needs compiles C, too");
    made
}
