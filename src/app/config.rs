//! Settings: flags over environment over `verbatim.toml` over defaults. Flags and environment are read by `cli`; this
//! file knows the defaults, `config_file.rs` the file.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use chrono_tz::Tz;
use serde::Serialize;

use super::config_file::ConfigFile;

/// Everything that can be set, with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Config {
    /// Where to listen. Loopback unless said otherwise.
    pub listen: SocketAddr,
    /// Zone in which days and hours are counted and times are shown.
    pub zone: Tz,
    /// An episode ends when nothing happened for so many hours and nobody waits.
    pub idle_hours: u32,
    /// Longest that records wait in memory before archive, facts and index commit them.
    pub commit_interval_ms: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            zone: Tz::UTC,
            idle_hours: 24,
            commit_interval_ms: 2_000,
        }
    }
}

impl Config {
    /// The file's settings over the defaults.
    pub fn with(self, file: ConfigFile) -> Config {
        Config {
            listen: file.listen.unwrap_or(self.listen),
            zone: file.zone.unwrap_or(self.zone),
            idle_hours: file.idle_hours.unwrap_or(self.idle_hours),
            commit_interval_ms: file.commit_interval_ms.unwrap_or(self.commit_interval_ms),
        }
    }

    pub fn commit_interval(&self) -> Duration {
        Duration::from_millis(self.commit_interval_ms)
    }
}
