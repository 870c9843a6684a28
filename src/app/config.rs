//! Settings: flags over environment over `verbatim.toml` over defaults. This file knows the
//! defaults and the file; `cli` reads flags and environment and lays them on top.
//!
//! A setting is a field and its default, with a rule in [`Config::check`] where not every value
//! makes sense.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::ledger::check_origin;
use crate::model::FieldError;

/// Everything that can be set, with nothing left open. A file may set any of it; a name it does not
/// know is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen. Loopback unless set otherwise.
    pub listen: SocketAddr,
    /// Where to listen for whatever speaks to Postgres; without it nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<SocketAddr>,
    /// Zone in which days and hours are counted and times are shown.
    pub zone: Tz,
    /// Longest that records wait in memory before archive, facts and index commit them.
    pub commit_interval_ms: u64,
    /// Hours that a record stays in the log, where it is quickest to read, before the archive alone
    /// keeps it.
    pub log_keep_hours: u32,
    /// Size of a segment of the log: what is removed at once.
    pub log_segment_mib: u32,
    /// Below so much free space on its disk no events are taken, and below twice as much no
    /// attachments: the log must never meet a full one.
    pub disk_reserve_mib: u32,
    /// Requests that one subject may send, all of its tokens together; after a pause, ten seconds'
    /// worth at once. Also the next two.
    pub requests_per_second: NonZeroU32,
    /// Events that one customer may send.
    pub customer_events_per_second: NonZeroU32,
    /// Bytes of attachments that one customer may send in a day.
    pub customer_upload_mib_per_day: NonZeroU32,
    /// Certificate chain and private key (PEM) with which connections are encrypted; without them
    /// they are not. Relative paths begin at the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// How a service writes its log.
    pub log_format: LogFormat,
    /// What the ledger is called, and who may read it. Last: a table of its own.
    pub evidence: EvidenceConfig,
}

/// The settings of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceConfig {
    /// The name under which checkpoints are signed, such as `chat.shop.example`. Without it the ledger
    /// names itself when it begins. A ledger keeps its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Whether checkpoints, tiles and proofs are read without a token. They hold nothing of what was
    /// said, and tell how many records there are.
    pub public: bool,
}

/// How a log is written to stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One object a line
    Json,
}

/// What is wrong with `verbatim.toml`: whoever wrote it must change it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read `{path}`: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` is not a valid configuration: {source}")]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
    #[error("`{path}` is not a valid configuration: {source}")]
    Field { path: PathBuf, source: FieldError },
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            postgres: None,
            zone: Tz::UTC,
            commit_interval_ms: 2_000,
            log_keep_hours: 7 * 24,
            log_segment_mib: 64,
            disk_reserve_mib: 512,
            requests_per_second: const { NonZeroU32::new(5_000).unwrap() },
            customer_events_per_second: const { NonZeroU32::new(20).unwrap() },
            customer_upload_mib_per_day: const { NonZeroU32::new(256).unwrap() },
            tls_certificate: None,
            tls_key: None,
            log_format: LogFormat::Text,
            evidence: EvidenceConfig::default(),
        }
    }
}

impl Config {
    /// Reads a file over the defaults; one that is not there sets nothing.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Config::default()),
            Err(source) => return Err(ConfigError::Read { path: path.to_path_buf(), source }),
        };
        let parse =
            |source| ConfigError::Parse { path: path.to_path_buf(), source: Box::new(source) };
        let field = |source| ConfigError::Field { path: path.to_path_buf(), source };
        check_no_rules(&toml::from_str(&text).map_err(parse)?).map_err(field)?;
        let config: Config = toml::from_str(&text).map_err(parse)?;
        config.check().map_err(field)?;
        Ok(config)
    }

    pub fn commit_interval(&self) -> Duration {
        Duration::from_millis(self.commit_interval_ms)
    }

    pub fn log_keep(&self) -> Duration {
        Duration::from_hours(self.log_keep_hours.into())
    }

    pub fn log_segment_bytes(&self) -> u64 {
        u64::from(self.log_segment_mib) << 20
    }

    pub fn disk_reserve_bytes(&self) -> u64 {
        u64::from(self.disk_reserve_mib) << 20
    }

    /// Refuses settings that would make no sense.
    fn check(&self) -> Result<(), FieldError> {
        if !(10..=60_000).contains(&self.commit_interval_ms) {
            let rule = "lie between 10 and 60000";
            return Err(FieldError::new("commit_interval_ms", self.commit_interval_ms, rule));
        }
        if !(4..=1_024).contains(&self.log_segment_mib) {
            let rule = "lie between 4 and 1024";
            return Err(FieldError::new("log_segment_mib", self.log_segment_mib, rule));
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            let rule = "be set together with `tls_key`, or neither of them";
            let shown = self.tls_certificate.as_deref().unwrap_or(Path::new(""));
            return Err(FieldError::new("tls_certificate", shown.display(), rule));
        }
        if let Some(origin) = &self.evidence.origin
            && check_origin(origin).is_err()
        {
            let rule = "have 1 to 128 bytes, without spaces, control characters and `+`";
            return Err(FieldError::new("evidence.origin", origin, rule));
        }
        // One segment is made ahead of the next, and stores write meanwhile.
        let least = 2 * self.log_segment_mib;
        if self.disk_reserve_mib < least {
            let rule = format!("be at least {least}, two segments of the log");
            return Err(FieldError::new("disk_reserve_mib", self.disk_reserve_mib, rule));
        }
        Ok(())
    }
}

/// A setting that changes figures would make them come out otherwise when they are computed again.
fn check_no_rules(file: &toml::Table) -> Result<(), FieldError> {
    let Some(hours) = file.get("idle_hours") else { return Ok(()) };
    let rule = format!(
        "be decided for each shop by `verbatim rules set idle_hours={hours}`: it changes figures, so it stands in the log"
    );
    Err(FieldError::new("idle_hours", hours, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("verbatim.toml");
        fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn a_file_sets_what_it_names_and_defaults_stand_for_the_rest() {
        let config = read("zone = \"Asia/Shanghai\"\ncommit_interval_ms = 500\n").unwrap();
        assert_eq!(config.zone, Tz::Asia__Shanghai);
        assert_eq!(config.commit_interval_ms, 500);
        assert_eq!(config.listen, Config::default().listen);
        assert_eq!(
            Config::read(Path::new("/nonexistent/verbatim.toml")).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn mistakes_are_named_with_their_file() {
        for (text, named) in [
            ("zonw = \"UTC\"", "zonw"),
            ("zone = \"Mars\"", "Mars"),
            ("listen = \"8080\"", "listen"),
            ("idle_hours = 48", "verbatim rules set idle_hours=48"),
            ("commit_interval_ms = 1", "commit_interval_ms `1`"),
            ("tls_key = \"key.pem\"", "tls_certificate"),
            ("log_format = \"xml\"", "xml"),
            ("[evidence]\norigin = \"a b\"", "evidence.origin `a b`"),
            ("[evidence]\nname = \"a\"", "name"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
            assert!(error.contains("verbatim.toml"), "{text}: {error}");
        }
    }
}
