//! Disks of a test's own: an ext4 in a file whose power can be cut, and a small one in memory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::shims::CUT;
use super::support::{PATIENCE, skipped};

/// A mounted file system, which goes with the test.
pub struct Disk {
    dir: tempfile::TempDir,
    /// What `mount` needs beside the place.
    mount: Vec<String>,
}

impl Disk {
    /// An ext4 of so many MiB; `None`, with the reason printed, where none can be mounted.
    pub fn ext4(mib: u64) -> Option<Disk> {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image");
        std::fs::File::create(&image).unwrap().set_len(mib << 20).unwrap();
        let image = image.to_str().unwrap();
        let made = run("mkfs.ext4", &["-q", "-F", image]);
        let mount = ["-o", "loop", image].map(String::from).to_vec();
        Disk { dir, mount }.first_mounted(made)
    }

    /// One in memory.
    pub fn in_memory(mib: u64) -> Option<Disk> {
        let size = format!("size={mib}m");
        let mount = ["-t", "tmpfs", "-o", &size, "verbatim-test"].map(String::from).to_vec();
        Disk { dir: tempfile::tempdir().unwrap(), mount }.first_mounted(Ok(()))
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    /// Everything on it is durable.
    pub fn sync(&self) {
        run("sync", &["-f", self.path().to_str().unwrap()]).unwrap();
    }

    /// Nothing more reaches the disk. Who has files open gets errors from here on.
    pub fn cut_power(&self) {
        run(CUT.to_str().unwrap(), &[self.path().to_str().unwrap()]).unwrap();
    }

    /// The power is back: the disk has what reached it.
    pub fn mount_again(&self) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = run("umount", &[self.path().to_str().unwrap()]) {
            assert!(Instant::now() < deadline, "{error}");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.mount().unwrap();
    }

    fn first_mounted(self, made: Result<(), String>) -> Option<Disk> {
        std::fs::create_dir(self.path()).unwrap();
        match made.and_then(|()| self.mount()) {
            Ok(()) => Some(self),
            Err(error) => {
                skipped(&format!("no disk of its own can be mounted, which takes root: {error}"));
                None
            }
        }
    }

    fn mount(&self) -> Result<(), String> {
        let path = self.path();
        let what = self.mount.iter().map(String::as_str);
        run("mount", &what.chain(path.to_str()).collect::<Vec<_>>())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a test that failed may have files open.
        let _ = run("umount", &["-l", self.path().to_str().unwrap()]);
    }
}

/// A folder that can be given no other name, and no other its name, until this is dropped.
pub struct Pinned {
    folder: PathBuf,
}

impl Pinned {
    /// `None`, with the reason printed, where nothing can be mounted.
    pub fn at(folder: &Path) -> Option<Pinned> {
        let path = folder.to_str().unwrap();
        if let Err(error) = run("mount", &["--bind", path, path]) {
            skipped(&format!("no folder can be mounted, which takes root: {error}"));
            return None;
        }
        Some(Pinned { folder: folder.to_path_buf() })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = run("umount", &["-l", self.folder.to_str().unwrap()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
